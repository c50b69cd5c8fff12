//! The command line: what can be asked for, with names, environment variables and defaults that
//! are a contract. Values are typed and checked here; nothing is done yet.

use crate::capture::live::Choice;
use crate::host::{self, sockets::OwnersBy, syscalls};
use crate::segment::DEFAULT_SYNTHETIC_MAX;
use crate::web::TelemetryPath;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Watches the multicast of a LAN and tells Prometheus who sends how much of what.
///
/// Without a command: captures and serves /metrics.
#[derive(Debug, Parser)]
#[command(
    name = "multicast_exporter",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100
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
    /// Show what would be captured and how, what is missing, and why one may see too little
    Check(Check),
    /// Serve a simulated LAN in which a printer locks up: no privilege, no network
    Demo(Demo),
    /// Ask the exporter that runs here whether it is healthy: exit code 0 if it says so
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
        env = "MULTICAST_EXPORTER_WEB_LISTEN_ADDRESS",
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
    /// Serve on the sockets that systemd hands over, in place of --web.listen-address
    #[arg(
        long = "web.systemd-socket",
        env = "MULTICAST_EXPORTER_WEB_SYSTEMD_SOCKET",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = false,
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        action = clap::ArgAction::Set
    )]
    pub systemd_socket: bool,
    /// Path of the metrics
    #[arg(
        long = "web.telemetry-path",
        env = "MULTICAST_EXPORTER_WEB_TELEMETRY_PATH",
        value_name = "PATH",
        default_value = "/metrics"
    )]
    pub telemetry_path: TelemetryPath,
    /// Scrapes that may run or wait at once; 0 is no limit
    #[arg(
        long = "web.max-requests",
        env = "MULTICAST_EXPORTER_WEB_MAX_REQUESTS",
        value_name = "N",
        default_value_t = 40
    )]
    pub max_requests: usize,
    /// Give out what was kept of storms, `/api/v1/storms/ID/capture`: frames as they were sent
    #[arg(
        long = "web.enable-capture-download",
        env = "MULTICAST_EXPORTER_WEB_ENABLE_CAPTURE_DOWNLOAD",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = false,
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        action = clap::ArgAction::Set
    )]
    pub enable_capture_download: bool,
}

/// Flags of live capture.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Capture")]
pub struct Capture {
    /// Capture the interfaces that match this regular expression, anchored at both ends. Repeatable
    #[arg(
        long = "capture.interface",
        env = "MULTICAST_EXPORTER_CAPTURE_INTERFACE",
        value_name = "REGEX"
    )]
    pub interface: Vec<String>,
    /// Never capture the interfaces that match this regular expression. Repeatable
    #[arg(
        long = "capture.interface-exclude",
        env = "MULTICAST_EXPORTER_CAPTURE_INTERFACE_EXCLUDE",
        value_name = "REGEX"
    )]
    pub interface_exclude: Vec<String>,
    /// How to capture; auto takes the best that works
    #[arg(
        long = "capture.backend",
        env = "MULTICAST_EXPORTER_CAPTURE_BACKEND",
        value_name = "BACKEND",
        default_value = "auto"
    )]
    pub backend: Choice,
    /// Join the discovery groups, so that switches send them here (default)
    #[arg(
        long = "capture.join",
        env = "MULTICAST_EXPORTER_CAPTURE_JOIN",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        action = clap::ArgAction::Set,
        overrides_with = "no_join"
    )]
    join: bool,
    /// Do not join any group
    #[arg(long = "no-capture.join", overrides_with = "join")]
    no_join: bool,
    /// Put the interfaces into promiscuous mode
    #[arg(
        long = "capture.promiscuous",
        env = "MULTICAST_EXPORTER_CAPTURE_PROMISCUOUS",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = false,
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        action = clap::ArgAction::Set
    )]
    pub promiscuous: bool,
    /// Memory of a capture's ring: bytes, or with the suffix KiB or MiB
    #[arg(
        long = "capture.ring-size",
        env = "MULTICAST_EXPORTER_CAPTURE_RING_SIZE",
        value_name = "SIZE",
        default_value = "4MiB",
        value_parser = ring_size
    )]
    pub ring_size: usize,
    /// Packet sockets opened at start: the number of interfaces that can be captured at once
    #[arg(
        long = "capture.sockets",
        env = "MULTICAST_EXPORTER_CAPTURE_SOCKETS",
        value_name = "N",
        default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(1..=4096)
    )]
    pub sockets: u16,
    /// VLANs without an interface of their own that get a segment of their own
    #[arg(
        long = "capture.segments-max",
        env = "MULTICAST_EXPORTER_CAPTURE_SEGMENTS_MAX",
        value_name = "N",
        default_value_t = DEFAULT_SYNTHETIC_MAX
    )]
    pub segments_max: usize,
}

impl Capture {
    /// Whether to join the groups.
    #[must_use]
    pub const fn join(&self) -> bool {
        self.join && !self.no_join
    }
}

/// Flags of replay.
#[derive(Debug, Args)]
#[command(next_help_heading = "Capture")]
pub struct Replay {
    /// Replay this capture file at its own pace instead of capturing
    #[arg(
        long = "capture.file",
        env = "MULTICAST_EXPORTER_CAPTURE_FILE",
        value_name = "FILE",
        conflicts_with_all = ["interface", "interface_exclude"]
    )]
    pub file: Option<PathBuf>,
    /// Replay this many times as fast
    #[arg(
        long = "capture.speed",
        env = "MULTICAST_EXPORTER_CAPTURE_SPEED",
        value_name = "FACTOR",
        default_value_t = 1.0,
        value_parser = speed,
        requires = "file"
    )]
    pub speed: f64,
}

/// Flags of the device table.
#[derive(Debug, Args)]
#[command(next_help_heading = "Devices")]
pub struct Devices {
    /// Devices that are told apart, in the whole process
    #[arg(
        long = "devices.max",
        env = "MULTICAST_EXPORTER_DEVICES_MAX",
        value_name = "N",
        default_value_t = 2000,
        value_parser = devices_max
    )]
    pub max: usize,
    /// Forget a device after this long without a frame, such as 4h or 90m
    #[arg(
        long = "devices.expiry",
        env = "MULTICAST_EXPORTER_DEVICES_EXPIRY",
        value_name = "DURATION",
        default_value = "4h",
        value_parser = expiry
    )]
    pub expiry: Duration,
}

/// Flags of the configuration file.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Devices")]
pub struct Configuration {
    /// Names of devices, what is no storm, and limits: a YAML file, read again at SIGHUP
    #[arg(
        id = "config_file",
        long = "config.file",
        env = "MULTICAST_EXPORTER_CONFIG_FILE",
        value_name = "FILE"
    )]
    pub file: Option<PathBuf>,
}

/// Flags of evidence.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Evidence")]
pub struct Evidence {
    /// Keep the packets around the begin of each device storm in this folder, as pcapng files
    #[arg(long = "evidence.dir", env = "MULTICAST_EXPORTER_EVIDENCE_DIR", value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    /// Packets of the device kept from before the begin; three times as many are kept after it
    #[arg(
        long = "evidence.packets",
        env = "MULTICAST_EXPORTER_EVIDENCE_PACKETS",
        value_name = "N",
        default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(1..=1024),
        requires = "dir"
    )]
    pub packets: u16,
    /// Size of all files together, the oldest are deleted first: bytes, or with the suffix KiB,
    /// MiB or GiB
    #[arg(
        long = "evidence.max-size",
        env = "MULTICAST_EXPORTER_EVIDENCE_MAX_SIZE",
        value_name = "SIZE",
        default_value = "64MiB",
        value_parser = evidence_size,
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
    #[arg(
        id = "collector_syscalls",
        long = "collector.syscalls",
        env = "MULTICAST_EXPORTER_COLLECTOR_SYSCALLS",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        action = clap::ArgAction::Set,
        overrides_with = "no_collector_syscalls"
    )]
    syscalls: bool,
    /// Do not count system calls
    #[arg(
        id = "no_collector_syscalls",
        long = "no-collector.syscalls",
        overrides_with = "collector_syscalls"
    )]
    no_syscalls: bool,
    /// How to count system calls; one that may not run is a warning, and nothing is counted
    #[arg(
        id = "collector_syscalls_backend",
        long = "collector.syscalls.backend",
        env = "MULTICAST_EXPORTER_COLLECTOR_SYSCALLS_BACKEND",
        value_name = "BACKEND",
        default_value = "auto"
    )]
    backend: syscalls::Choice,
    /// Look at the UDP sockets on the discovery ports (default)
    #[arg(
        id = "collector_sockets",
        long = "collector.sockets",
        env = "MULTICAST_EXPORTER_COLLECTOR_SOCKETS",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        action = clap::ArgAction::Set,
        overrides_with = "no_collector_sockets"
    )]
    sockets: bool,
    /// Do not look at sockets
    #[arg(
        id = "no_collector_sockets",
        long = "no-collector.sockets",
        overrides_with = "collector_sockets"
    )]
    no_sockets: bool,
    /// How to find the owners of sockets
    #[arg(
        id = "collector_sockets_owners",
        long = "collector.sockets.owners",
        env = "MULTICAST_EXPORTER_COLLECTOR_SOCKETS_OWNERS",
        value_name = "HOW",
        default_value = "uid"
    )]
    owners: OwnersBy,
}

impl Collector {
    /// What is wanted of this host.
    #[must_use]
    pub fn settings(&self) -> host::Settings {
        host::Settings {
            syscalls: (self.syscalls && !self.no_syscalls).then_some(self.backend),
            sockets: (self.sockets && !self.no_sockets).then_some(self.owners),
        }
    }
}

/// Flags of logging.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Log")]
pub struct Log {
    /// The least severe messages that are written
    #[arg(
        long = "log.level",
        env = "MULTICAST_EXPORTER_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info"
    )]
    pub level: LogLevel,
    /// How messages are written
    #[arg(
        long = "log.format",
        env = "MULTICAST_EXPORTER_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "logfmt"
    )]
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
    #[arg(
        long,
        env = "MULTICAST_EXPORTER_ANALYZE_OUTPUT",
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub output: Output,
    /// Devices that are told apart; the rest is one device named other
    #[arg(
        long = "devices.max",
        env = "MULTICAST_EXPORTER_ANALYZE_DEVICES_MAX",
        value_name = "N",
        default_value_t = 100_000,
        value_parser = devices_max
    )]
    pub devices_max: usize,
    /// Names of devices, what is no storm, and limits: a YAML file
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

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// How long to listen to the LAN for first aid; 0s does not listen
    #[arg(
        long = "check.listen",
        env = "MULTICAST_EXPORTER_CHECK_LISTEN",
        value_name = "DURATION",
        default_value = "60s",
        value_parser = duration
    )]
    pub listen: Duration,
    /// The flags that serving would be started with.
    #[command(flatten)]
    pub serve: Serve,
}

/// Flags of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// What the simulated LAN does is the same for the same seed
    #[arg(long, env = "MULTICAST_EXPORTER_DEMO_SEED", value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The printer locks up this long after the start
    #[arg(
        long,
        env = "MULTICAST_EXPORTER_DEMO_STORM_AFTER",
        value_name = "DURATION",
        default_value = "60s",
        value_parser = duration
    )]
    pub storm_after: Duration,
    /// Somebody unplugs it this long after; 0s keeps it well
    #[arg(
        long,
        env = "MULTICAST_EXPORTER_DEMO_STORM_FOR",
        value_name = "DURATION",
        default_value = "5m",
        value_parser = duration
    )]
    pub storm_for: Duration,
    /// Flags of the web server.
    #[command(flatten)]
    pub web: Web,
    /// Flags of the device table.
    #[command(flatten)]
    pub devices: Devices,
    /// Flags of logging.
    #[command(flatten)]
    pub log: Log,
}

fn ring_size(text: &str) -> Result<usize, String> {
    const LIMITS: std::ops::RangeInclusive<u64> = 64 * 1024..=1024 * 1024 * 1024;
    match size(text)? {
        size if LIMITS.contains(&size) => usize::try_from(size).map_err(|error| error.to_string()),
        _ => Err("must lie between 64KiB and 1GiB".into()),
    }
}

fn evidence_size(text: &str) -> Result<u64, String> {
    const LIMITS: std::ops::RangeInclusive<u64> = 1024 * 1024..=1024 * 1024 * 1024 * 1024;
    match size(text)? {
        size if LIMITS.contains(&size) => Ok(size),
        _ => Err("must lie between 1MiB and 1024GiB".into()),
    }
}

/// A number of bytes, with a unit or without.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" | "B" => 1,
        "KiB" | "k" | "K" => 1024,
        "MiB" | "m" | "M" => 1024 * 1024,
        "GiB" | "g" | "G" => 1024 * 1024 * 1024,
        _ => return Err(format!("unknown unit {unit:?}; write 4MiB or 4194304")),
    };
    let size = number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor));
    size.ok_or_else(|| "is no size; write 4MiB or 4194304".into())
}

fn devices_max(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(n @ 1..=1_000_000) => Ok(n),
        Ok(_) => Err("must lie between 1 and 1000000".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && (0.001..=1_000_000.0).contains(&factor) => Ok(factor),
        Ok(_) => Err("must lie between 0.001 and 1000000".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

fn expiry(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        long if long >= Duration::from_mins(2) => Ok(long),
        _ => Err("must be at least 2m: the busiest second of the last minute is kept".into()),
    }
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
