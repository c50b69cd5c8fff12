//! The collector `process`: the exporter's own process, from `/proc/self` (proc(5)). The families
//! that every Prometheus client library has, with CPU time in fractions of a second.

use super::catalogue::{Family, families};
use super::small::{Small, float};
use prometheus::proto;
use std::path::{Path, PathBuf};
use std::{fs, io};
use thiserror::Error;

/// `stat` counts time in ticks of 1/100 s on every architecture that Linux still runs Rust on
/// (`USER_HZ`, include/uapi/asm-generic/param.h).
const TICKS_PER_SECOND: f64 = 100.0;

/// Why the process could not be read.
#[derive(Debug, Error)]
pub(super) enum ProcessError {
    #[error("reading {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{file} has no {field} that can be read")]
    Field { file: &'static str, field: &'static str },
    #[error(transparent)]
    Metric(#[from] prometheus::Error),
}

/// Reads `proc`, which is `/proc` but in tests.
pub(super) fn collect(proc: &Path) -> Result<Vec<proto::MetricFamily>, ProcessError> {
    let stat = read(proc, "self/stat")?;
    let status = read(proc, "self/status")?;
    let limits = read(proc, "self/limits")?;
    let boot = read(proc, "stat")?;

    // The command name, in parentheses, may itself hold parentheses and spaces.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let number = |field: usize, name| {
        // Fields are counted from 1 in proc(5); the third is the first after the name.
        let text = after_name.split_ascii_whitespace().nth(field - 3);
        let value = text.and_then(|text| text.parse::<u64>().ok()).map(float);
        value.ok_or(ProcessError::Field { file: "stat", field: name })
    };
    let cpu = (number(14, "utime")? + number(15, "stime")?) / TICKS_PER_SECOND;
    let started = number(22, "starttime")? / TICKS_PER_SECOND;
    let booted = boot
        .lines()
        .find_map(|line| line.strip_prefix("btime "))
        .and_then(|text| text.trim().parse::<u64>().ok())
        .map(float)
        .ok_or(ProcessError::Field { file: "/proc/stat", field: "btime" })?;
    let kib = |name| status_field(&status, name).map(|value| value * 1024.0);

    let mut small = Small::default();
    small.counter(&families::PROCESS_CPU, [([], cpu)])?;
    let mut gauge =
        |family: &Family, value: Option<f64>| small.gauge(family, value.map(|value| ([], value)));
    gauge(&families::PROCESS_OPEN_FDS, Some(open_fds(proc)?))?;
    gauge(&families::PROCESS_MAX_FDS, soft_limit(&limits, "Max open files"))?;
    gauge(&families::PROCESS_VIRTUAL, Some(kib("VmSize")?))?;
    gauge(&families::PROCESS_VIRTUAL_MAX, soft_limit(&limits, "Max address space"))?;
    gauge(&families::PROCESS_RESIDENT, Some(kib("VmRSS")?))?;
    gauge(&families::PROCESS_ANONYMOUS, kib("RssAnon").ok())?;
    gauge(&families::PROCESS_START, Some(booted + started))?;
    gauge(&families::PROCESS_THREADS, Some(status_field(&status, "Threads")?))?;
    Ok(small.into_families())
}

fn read(proc: &Path, name: &str) -> Result<String, ProcessError> {
    let path = proc.join(name);
    // The command name in stat need not be UTF-8.
    match fs::read(&path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(source) => Err(ProcessError::Read { path, source }),
    }
}

fn status_field(status: &str, field: &'static str) -> Result<f64, ProcessError> {
    status
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| *name == field)
        .and_then(|(_, rest)| rest.split_ascii_whitespace().next()?.parse::<u64>().ok())
        .map(float)
        .ok_or(ProcessError::Field { file: "status", field })
}

/// The soft limit, the first column after the name; `None` for `unlimited`.
fn soft_limit(limits: &str, name: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok().map(float)
}

fn open_fds(proc: &Path) -> Result<f64, ProcessError> {
    let path = proc.join("self/fd");
    match fs::read_dir(&path) {
        // The listing itself needs a descriptor, which is not counted.
        Ok(entries) => Ok(float(entries.count().saturating_sub(1) as u64)),
        Err(source) => Err(ProcessError::Read { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(families: &[proto::MetricFamily], family: &Family) -> Option<f64> {
        let metric = families.iter().find(|f| f.name() == family.name)?.get_metric().first()?;
        let counter = metric.get_counter().get_value();
        Some(if family.name.ends_with("_total") { counter } else { metric.get_gauge().get_value() })
    }

    #[test]
    fn a_recorded_process_is_read_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("self/fd")).unwrap();
        for fd in ["0", "1", "2", "3"] {
            fs::write(at(&format!("self/fd/{fd}")), "").unwrap();
        }
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 99 0 0 0 123 45 0 0 20 0 3 0 5050 1 1 1";
        fs::write(at("self/stat"), stat).unwrap();
        let status =
            "Name:\ta\nVmSize:\t  2000 kB\nVmRSS:\t  300 kB\nRssAnon:\t 100 kB\nThreads:\t3\n";
        fs::write(at("self/status"), status).unwrap();
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
            Max open files            1024                 4096                 files\n\
            Max address space         unlimited            unlimited            bytes\n";
        fs::write(at("self/limits"), limits).unwrap();
        fs::write(at("stat"), "cpu 1 2\nbtime 1700000000\n").unwrap();

        let families = collect(dir.path()).unwrap();
        let value = |family| value(&families, family);
        assert_eq!(value(&families::PROCESS_CPU), Some(1.68));
        assert_eq!(value(&families::PROCESS_OPEN_FDS), Some(3.0));
        assert_eq!(value(&families::PROCESS_MAX_FDS), Some(1024.0));
        assert_eq!(value(&families::PROCESS_VIRTUAL), Some(2_048_000.0));
        assert_eq!(value(&families::PROCESS_VIRTUAL_MAX), None);
        assert_eq!(value(&families::PROCESS_RESIDENT), Some(307_200.0));
        assert_eq!(value(&families::PROCESS_ANONYMOUS), Some(102_400.0));
        assert_eq!(value(&families::PROCESS_START), Some(1_700_000_050.5));
        assert_eq!(value(&families::PROCESS_THREADS), Some(3.0));
    }

    #[test]
    fn this_process_can_be_read() {
        let families = collect(Path::new("/proc")).unwrap();
        assert!(value(&families, &families::PROCESS_RESIDENT).unwrap() > 100_000.0);
        assert!(value(&families, &families::PROCESS_START).unwrap() > 1e9);
    }

    #[test]
    fn what_is_missing_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let error = collect(dir.path()).unwrap_err().to_string();
        assert!(error.contains("self/stat: No such file"), "{error}");
    }
}
