# make test runs every test, on a fresh Debian 12 with Rust.
# make check runs what needs no root and installs nothing.
# make stacks runs each two third-party mDNS stacks against each other: a quarter of an hour.

CARGO ?= cargo
DENY_VERSION = 0.20.2
DEB_VERSION = 3.8.0
TOOLS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/multicast_exporter
DENY_ROOT = $(TOOLS)/cargo-deny-$(DENY_VERSION)
DENY = $(DENY_ROOT)/bin/cargo-deny
DEB = $(TOOLS)/cargo-deb-$(DEB_VERSION)/bin/cargo-deb

# The IEEE registries: see NOTICE.
OUI_DATA = oui-data@2.1.9
IAB ?= /usr/share/ieee-data/iab.csv

.PHONY: build deb pages test stacks check lint deny fmt oui bpf dashboards alerts pictures kubernetes install-test-deps clean need-root need-cargo

build: need-cargo
	$(CARGO) build --release --locked

# target/debian/*.deb, for the architecture and the libc of this machine.
deb: need-cargo pages $(DEB)
	$(DEB) --locked

# The man pages and completions, from the definition of the command line.
pages: need-cargo
	$(CARGO) run --quiet --release --locked --example make_pages -- target/pages

test: need-root need-cargo install-test-deps lint deny
	$(CARGO) test --locked --no-run
	MULTICAST_EXPORTER_TOOLS="$(TOOLS)" scripts/test-as-root

stacks: need-root need-cargo install-test-deps
	$(CARGO) test --locked --no-run --test stacks_pairs
	MULTICAST_EXPORTER_TOOLS="$(TOOLS)" scripts/test-as-root --test stacks_pairs

check: need-cargo lint
	$(CARGO) test --locked

lint: need-cargo
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --test stacks_pairs -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

deny: $(DENY)
	@mkdir -p target
	$(DENY) --locked check bans licenses sources
	@if $(DENY) --locked fetch db >target/advisories.log 2>&1; then \
	    $(DENY) --locked check --disable-fetch advisories; \
	else \
	    echo; \
	    echo "************************************************************************"; \
	    echo "* ADVISORIES NOT CHECKED: the RustSec database cannot be reached here. *"; \
	    echo "************************************************************************"; \
	    grep -i -m 1 fatal target/advisories.log; \
	    echo; \
	fi

# Unoptimized and without its own network code: takes 2 minutes on 2 cores instead of many, once.
$(DENY):
	@echo "building cargo-deny $(DENY_VERSION) into $(DENY_ROOT): some 2 minutes, once"
	$(CARGO) install --quiet --locked --debug --no-default-features \
	    --version $(DENY_VERSION) --root $(DENY_ROOT) cargo-deny

$(DEB):
	@echo "building cargo-deb $(DEB_VERSION) into $(TOOLS): a minute, once"
	$(CARGO) install --quiet --locked --debug --no-default-features \
	    --version $(DEB_VERSION) --root $(TOOLS)/cargo-deb-$(DEB_VERSION) cargo-deb

fmt: need-cargo
	$(CARGO) fmt

# To update the registries: needs npm, python3 and Debian's ieee-data.
oui:
	set -e; d=$$(mktemp -d); trap 'rm -rf "$$d"' EXIT; \
	npm pack --silent --pack-destination "$$d" $(OUI_DATA) >/dev/null; \
	tar -xzf "$$d"/*.tgz -C "$$d"; \
	scripts/make-oui src/engine/identity/oui.bin "$$d/package/index.json" $(IAB)

# The eBPF programs: the objects are in the repository, so building needs no clang. The same bytes
# in any folder: tests/root_bpf_objects.rs rebuilds them and compares.
BPF_OUT ?= bpf
BPF_CLANG ?= clang-14
BPF_STRIP ?= llvm-strip-14
BPF_FLAGS = -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror -target bpfel -mcpu=v2 \
    -ffile-prefix-map=$(CURDIR)=. -I/usr/include/$(shell gcc -print-multiarch)

bpf: $(BPF_OUT)/syscalls.x86_64.o $(BPF_OUT)/syscalls.aarch64.o

$(BPF_OUT)/syscalls.x86_64.o: BPF_TARGET = X86_64
$(BPF_OUT)/syscalls.aarch64.o: BPF_TARGET = AARCH64
$(BPF_OUT)/syscalls.%.o: bpf/syscalls.bpf.c bpf/syscalls.h
	$(BPF_CLANG) $(BPF_FLAGS) -DTARGET_$(BPF_TARGET) -c bpf/syscalls.bpf.c -o $@
	$(BPF_STRIP) -g $@

# The dashboards: tests/shipped/dashboards.rs compares.
dashboards:
	scripts/make-dashboards

# Pictures of them for docs/: takes a quarter of an hour, and needs what the script names.
pictures: need-cargo
	$(CARGO) build --locked
	scripts/make-pictures --program="$${CARGO_TARGET_DIR:-target}/debug/multicast_exporter"

# The alerts, from what they have in common: tests/shipped/rules.rs compares.
alerts:
	scripts/make-alerts

# The alerts as an object of Kubernetes: tests/shipped/kubernetes.rs compares.
kubernetes:
	scripts/make-kubernetes

install-test-deps: need-cargo $(DEB)
	scripts/install-test-deps
	MULTICAST_EXPORTER_TOOLS="$(TOOLS)" CARGO="$(CARGO)" scripts/install-test-stacks
	MULTICAST_EXPORTER_TOOLS="$(TOOLS)" scripts/install-test-debian
	MULTICAST_EXPORTER_TOOLS="$(TOOLS)" scripts/install-test-kubernetes
	MULTICAST_EXPORTER_TOOLS="$(TOOLS)" scripts/install-test-jsonnet
	MULTICAST_EXPORTER_TOOLS="$(TOOLS)" scripts/install-test-servers

# What 50 exporters cost one Prometheus: docs/scaling.md. Not optimized they would cost more than that.
.PHONY: scaling
scaling: need-root need-cargo install-test-deps
	$(CARGO) test --release --locked --no-run --test root_pages
	SCALING_EXPORTERS=50 SCALING_FACTOR=5 RUST_TEST_NOCAPTURE=1 MULTICAST_EXPORTER_TOOLS="$(TOOLS)" \
	    scripts/test-as-root --release --test root_pages scaling::

# All figures of docs/performance.md, in turns with the peers: some 20 minutes, on a machine that does
# nothing else. SECONDS=1 is a quick look.
SECONDS ?= 4
BENCH_TARGET = $${CARGO_TARGET_DIR:-target}
.PHONY: bench
bench: need-root need-cargo
	-scripts/install-test-deps bench
	$(CARGO) build --release --locked --bin multicast_exporter --example bench_wire --example make_capture \
	    --example scrape_bench --example syscall_bench
	scripts/make-bench --folder="$(BENCH_TARGET)/release" --seconds="$(SECONDS)"

clean: need-cargo
	$(CARGO) clean

need-root:
	@if [ "$$(id -u)" != 0 ]; then \
	    echo "make test and make stacks need root: the tests make network namespaces, and packages that they" >&2; \
	    echo 'need may have to be installed. Try: sudo env "PATH=$$PATH" make test' >&2; \
	    echo "Without root, run make check." >&2; \
	    exit 1; \
	fi

need-cargo:
	@command -v $(CARGO) >/dev/null || { \
	    echo "cargo is not in PATH: install Rust $(MSRV) or later (https://rustup.rs)" >&2; \
	    exit 1; \
	}

MSRV = $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
