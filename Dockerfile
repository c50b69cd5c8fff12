# An image of one file. For another architecture: --platform, where the engine emulates it.
#
#   docker build -t multicast_exporter .
#
# PROFILE is the profile of cargo that is built: release, or dev for a first try in less time.
FROM rust:1.95-slim-bookworm AS build
ARG PROFILE=release
# Linked statically: the image has no C library. The C library of Debian 12 looks names up in files
# and DNS without loading anything.
ENV RUSTFLAGS="-C target-feature=+crt-static"
WORKDIR /src

# All that is depended on, in a layer that stays as long as the manifests do. The target is named,
# so that the flags above hold for the program and not for what builds it.
COPY Cargo.toml Cargo.lock build.rs ./
RUN rustc -vV | sed -n 's/^host: //p' >/target \
    && mkdir src tests \
    && echo 'fn main() {}' >src/main.rs \
    && touch src/lib.rs tests/stacks_pairs.rs \
    && cargo build --locked --profile "$PROFILE" --target "$(cat /target)" \
    && rm -r src
# The manifest names a test, and is not read without it: its file stays, empty.

COPY src src
COPY bpf bpf
ARG REVISION=unknown
ARG BRANCH=unknown
# The times of the files are older than those of the empty ones built above.
RUN find src -exec touch {} + \
    && MULTICAST_EXPORTER_REVISION="$REVISION" MULTICAST_EXPORTER_BRANCH="$BRANCH" \
       cargo build --locked --profile "$PROFILE" --target "$(cat /target)" \
    && mkdir /out \
    && cp target/"$(cat /target)"/*/multicast_exporter /out/ \
    && strip /out/multicast_exporter

FROM scratch
ARG REVISION=unknown
LABEL org.opencontainers.image.title="multicast_exporter" \
      org.opencontainers.image.description="Prometheus exporter for the health of LAN multicast" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="$REVISION"
COPY LICENSE NOTICE /
COPY --from=build /out/multicast_exporter /multicast_exporter
# Capabilities that an engine adds are in force for root alone. The program gives all of them up
# before its first thread.
USER 0:0
EXPOSE 10353
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["/multicast_exporter", "health"]
ENTRYPOINT ["/multicast_exporter"]
