//! The command line: names, environment variables and defaults, which users rely on. Values are
//! typed and checked here; nothing is done yet.
//!
//! A flag is a field: its help is the doc comment, and `long` its name. Its environment variable
//! is made from the name; a `bool` also takes `=true` and `=false` (`convention`).

mod convention;
mod values;

use crate::capture::live::Choice;
use crate::host::{self, sockets::OwnersBy, syscalls};
use crate::segment::{DEFAULT_SYNTHETIC_MAX, LanError, LanRule, Lans};
use crate::web::{ExternalUrl, TelemetryPath};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Watches the multicast of a LAN and tells Prometheus who sends how much of what.
///
/// Without a command: captures and serves /metrics.
#[derive(Debug, Parser)]
#[command(
    name = "multicast_exporter",
    version,
    args_conflicts_with_subcommands = true,
    max_term_width = 100,
    mut_args = convention::of_serving,
    mut_subcommands = convention::of_command
)]
pub struct Cli {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of serving.
    #[command(flatten)]
    pub serve: Serve,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run capture files through the engine and report the devices
    Analyze(Analyze),
    /// Show what would be captured and how, what is missing, and why too little may arrive
    Check(Check),
    /// Serve a simulated LAN in which a printer locks up: no privilege, no network
    Demo(Demo),
    /// Ask the exporter running here whether it is healthy: exit code 0 if so
    Health(Listen),
}

/// Flags of serving.
#[derive(Debug, Args)]
pub struct Serve {
    /// Flags of the web server.
    #[command(flatten)]
    pub web: Web,
    /// Flags of live capture.
    #[command(flatten)]
    pub capture: Capture,
    /// Flags of which LAN it is.
    #[command(flatten)]
    pub lan: Lan,
    /// Flags of replay.
    #[command(flatten)]
    pub replay: Replay,
    /// Flags of the device table.
    #[command(flatten)]
    pub devices: Devices,
    /// Flags of the configuration file.
    #[command(flatten)]
    pub config: Configuration,
    /// Flags of evidence.
    #[command(flatten)]
    pub evidence: Evidence,
    /// Flags of what is counted of this host.
    #[command(flatten)]
    pub collector: Collector,
    /// Flags of logging.
    #[command(flatten)]
    pub log: Log,
}

/// Where an exporter listens.
#[derive(Debug, Args)]
#[command(next_help_heading = "Web")]
pub struct Listen {
    /// Address to listen on; `:10353` is every address. Repeatable
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        value_delimiter = ',',
        default_value = ":10353"
    )]
    pub address: Vec<String>,
}

/// Flags of the web server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Web")]
pub struct Web {
    /// Where it listens.
    #[command(flatten)]
    pub listen: Listen,
    /// Serve on the sockets that systemd passes, instead of --web.listen-address
    #[arg(long = "web.systemd-socket")]
    pub systemd_socket: bool,
    /// Path of the metrics
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics")]
    pub telemetry_path: TelemetryPath,
    /// Where people reach these pages, such as `https://nas.example/multicast`: for the links in
    /// alerts. No path that is served changes
    #[arg(long = "web.external-url", value_name = "URL")]
    pub external_url: Option<ExternalUrl>,
    /// Scrapes that may run or wait at once; 0 is no limit
    #[arg(long = "web.max-requests", value_name = "N", default_value_t = 40)]
    pub max_requests: usize,
    /// Serve the frames kept of storms, as they were sent, at `/api/v1/storms/ID/capture`
    #[arg(long = "web.enable-capture-download")]
    pub enable_capture_download: bool,
}

/// Flags of live capture.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Capture")]
pub struct Capture {
    /// Capture the interfaces that match this regular expression, anchored at both ends. Repeatable
    #[arg(long = "capture.interface", value_name = "REGEX")]
    pub interface: Vec<String>,
    /// Never capture the interfaces that match this regular expression. Repeatable
    #[arg(long = "capture.interface-exclude", value_name = "REGEX")]
    pub interface_exclude: Vec<String>,
    /// How to capture; auto takes the best that works
    #[arg(long = "capture.backend", value_name = "BACKEND", default_value = "auto")]
    pub backend: Choice,
    /// Join the discovery groups, so that switches send them here (default)
    #[arg(long = "capture.join", default_value_t = true)]
    join: bool,
    /// Do not join any group
    #[arg(long = "no-capture.join", overrides_with = "join")]
    no_join: bool,
    /// Put the interfaces into promiscuous mode
    #[arg(long = "capture.promiscuous")]
    pub promiscuous: bool,
    /// Memory of a capture's ring: bytes, or with the suffix KiB or MiB; if not given, its share of
    /// 16MiB for all, at least 4MiB
    #[arg(long = "capture.ring-size", value_name = "SIZE", value_parser = values::ring_size)]
    pub ring_size: Option<usize>,
    /// Packet sockets opened at start: the number of interfaces that can be captured at once
    #[arg(
        long = "capture.sockets",
        value_name = "N",
        default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(1..=4096)
    )]
    pub sockets: u16,
    /// How many VLANs without an interface of their own get a segment of their own
    #[arg(long = "capture.segments-max", value_name = "N", default_value_t = DEFAULT_SYNTHETIC_MAX)]
    pub segments_max: usize,
}

impl Capture {
    /// Whether to join the groups.
    pub const fn join(&self) -> bool {
        self.join && !self.no_join
    }
}

/// Flags of which LAN it is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Capture")]
pub struct Lan {
    /// Name of the LAN on this interface or, without one, on all that have no name of their own, so
    /// that two exporters on one LAN make one incident. VLAN 20 of it is `NAME.20`, tagged or on an
    /// interface of its own. `INTERFACE=` has none. A name has at most 63 letters, digits and `- . _`,
    /// a letter or digit first and last. Repeatable, or several with commas between them
    // Serving, `check` and `demo` mean the same by it.
    #[arg(
        long = "lan",
        env = "MULTICAST_EXPORTER_LAN",
        value_name = "[INTERFACE=]NAME",
        value_delimiter = ','
    )]
    pub rules: Vec<LanRule>,
}

impl Lan {
    /// The names that all of them give together.
    ///
    /// # Errors
    /// If two of them are about the same.
    pub fn names(&self) -> Result<Arc<Lans>, LanError> {
        Lans::new(&self.rules).map(Arc::new)
    }
}

/// Flags of replay.
#[derive(Debug, Args)]
#[command(next_help_heading = "Capture")]
pub struct Replay {
    /// Replay this capture file at its recorded pace instead of capturing
    #[arg(
        long = "capture.file",
        value_name = "FILE",
        conflicts_with_all = ["interface", "interface_exclude"]
    )]
    pub file: Option<PathBuf>,
    /// Replay this many times as fast
    #[arg(
        long = "capture.speed",
        value_name = "FACTOR",
        default_value_t = 1.0,
        value_parser = values::speed,
        requires = "file"
    )]
    pub speed: f64,
}

/// Flags of the device table.
#[derive(Debug, Args)]
#[command(next_help_heading = "Devices")]
pub struct Devices {
    /// Devices tracked at once, in the whole process
    #[arg(
        long = "devices.max",
        value_name = "N",
        default_value_t = 2000,
        value_parser = values::devices_max
    )]
    pub max: usize,
    /// Forget a device after this long without a frame, such as 4h or 90m
    #[arg(
        long = "devices.expiry",
        value_name = "DURATION",
        default_value = "4h",
        value_parser = values::expiry
    )]
    pub expiry: Duration,
}

/// Flags of the configuration file.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Devices")]
pub struct Configuration {
    /// YAML file with names of devices, limits, and what is never a storm; SIGHUP rereads it
    #[arg(id = "config_file", long = "config.file", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Flags of evidence.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Evidence")]
pub struct Evidence {
    /// Keep the packets around the start of each device storm in this folder, as pcapng files
    #[arg(long = "evidence.dir", value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    /// Packets of the device kept from before the start; three times as many are kept after it
    #[arg(
        long = "evidence.packets",
        value_name = "N",
        default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(1..=1024),
        requires = "dir"
    )]
    pub packets: u16,
    /// Total size of the files, the oldest are deleted first: bytes, or with the suffix KiB, MiB
    /// or GiB
    #[arg(
        long = "evidence.max-size",
        value_name = "SIZE",
        default_value = "64MiB",
        value_parser = values::evidence_size,
        requires = "dir"
    )]
    pub max_size: u64,
}

/// Flags of what is counted of this host.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Collectors")]
#[allow(clippy::struct_excessive_bools, reason = "two pairs of flags")]
pub struct Collector {
    /// Count the system calls of this host (default)
    #[arg(long = "collector.syscalls", default_value_t = true)]
    syscalls: bool,
    /// Do not count system calls
    #[arg(long = "no-collector.syscalls", overrides_with = "syscalls")]
    no_syscalls: bool,
    /// How to count system calls; if a named way cannot run, it warns and counts nothing
    #[arg(long = "collector.syscalls.backend", value_name = "BACKEND", default_value = "auto")]
    syscalls_backend: syscalls::Choice,
    /// Watch the UDP sockets on the discovery ports (default)
    #[arg(id = "collector_sockets", long = "collector.sockets", default_value_t = true)]
    sockets: bool,
    /// Do not watch sockets
    #[arg(long = "no-collector.sockets", overrides_with = "collector_sockets")]
    no_sockets: bool,
    /// How to find the owners of sockets
    #[arg(long = "collector.sockets.owners", value_name = "HOW", default_value = "uid")]
    sockets_owners: OwnersBy,
}

impl Collector {
    /// What is wanted of this host.
    pub fn settings(&self) -> host::Settings {
        host::Settings {
            syscalls: (self.syscalls && !self.no_syscalls).then_some(self.syscalls_backend),
            sockets: (self.sockets && !self.no_sockets).then_some(self.sockets_owners),
        }
    }
}

/// Flags of logging.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Log")]
pub struct Log {
    /// Log messages of this level and above
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info")]
    pub level: LogLevel,
    /// Format of log messages
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt")]
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// key=value pairs
    Logfmt,
    /// One JSON object a line
    Json,
}

/// Flags of `analyze`.
#[derive(Debug, Args)]
pub struct Analyze {
    /// Capture files (pcap, pcapng, snoop; gzip, zstd) of one LAN; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub output: Output,
    /// Exit with 3 if any of these was found and nothing went wrong: a storm, a condition, a
    /// violation of a hard rule, a malformed message, which cannot be read to its end
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub fail_on: Vec<FailOn>,
    /// Say below the table what each cause, condition and rule in it means, and where it is written
    #[arg(long)]
    pub explain: bool,
    // These two have variables of their own: those of serving must not change a report.
    /// Devices tracked at once; the rest is one device named other
    #[arg(
        long = "devices.max",
        env = "MULTICAST_EXPORTER_ANALYZE_DEVICES_MAX",
        value_name = "N",
        default_value_t = 100_000,
        value_parser = values::devices_max
    )]
    pub devices_max: usize,
    /// YAML file with names of devices, limits, and what is never a storm
    #[arg(
        long = "config.file",
        env = "MULTICAST_EXPORTER_ANALYZE_CONFIG_FILE",
        value_name = "FILE"
    )]
    pub config_file: Option<PathBuf>,
    /// Flags of logging.
    #[command(flatten)]
    pub log: Log,
}

/// What `analyze` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Table,
    /// For programs: stable, version 1
    Json,
}

/// What makes `analyze` exit with 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A storm of a device or a segment, of either level
    Storm,
    /// Something that is wrong with a device at any rate
    Condition,
    /// A hard rule that is broken
    Violation,
    /// A message that cannot be read to its end
    Malformed,
}

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// How long to listen to the LAN; 0s does not listen
    #[arg(
        long = "check.listen",
        value_name = "DURATION",
        default_value = "60s",
        value_parser = values::duration
    )]
    pub listen: Duration,
    /// The flags that serving would be started with.
    #[command(flatten)]
    pub serve: Serve,
}

/// Flags of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Seed of the simulation: the same seed makes the same frames, another one another LAN
    #[arg(long, value_name = "N", default_value_t = Demo::SEED)]
    pub seed: u64,
    /// The printer locks up this long after the start
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = values::duration)]
    pub storm_after: Duration,
    /// It is unplugged this long after that; with 0s it never locks up
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = values::duration)]
    pub storm_for: Duration,
    /// Flags of the web server.
    #[command(flatten)]
    pub web: Web,
    /// Flags of which LAN it is.
    #[command(flatten)]
    pub lan: Lan,
    /// Flags of the device table.
    #[command(flatten)]
    pub devices: Devices,
    /// Flags of the configuration file.
    #[command(flatten)]
    pub config: Configuration,
    /// Flags of evidence.
    #[command(flatten)]
    pub evidence: Evidence,
    /// Flags of logging.
    #[command(flatten)]
    pub log: Log,
}

impl Demo {
    /// The seed whose LAN is that of the documents.
    pub const SEED: u64 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use syscalls::Choice::{Auto, Ebpf};

    #[test]
    fn the_last_of_a_pair_of_flags_holds() {
        let wanted = |arguments: &[&str]| {
            let words = ["multicast_exporter"].iter().chain(arguments);
            let settings = Cli::parse_from(words).serve.collector.settings();
            (settings.syscalls, settings.sockets)
        };
        assert_eq!(wanted(&[]), (Some(Auto), Some(OwnersBy::Uid)));
        assert_eq!(wanted(&["--collector.syscalls=false", "--no-collector.sockets"]), (None, None));
        let both = ["--no-collector.syscalls", "--collector.syscalls"];
        assert_eq!(wanted(&both).0, Some(Auto));
        let by_name = ["--collector.syscalls.backend=ebpf", "--collector.sockets.owners=fd"];
        assert_eq!(wanted(&by_name), (Some(Ebpf), Some(OwnersBy::Fd)));
    }
}
