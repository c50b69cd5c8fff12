//! The values of flags: how they are written, and their limits.
//!
//! It must not know which flag a word belongs to.

use crate::capture::live;
use crate::host::{sockets, syscalls};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use std::time::Duration;

/// The words for values that are types of other modules, which do not know the command line.
macro_rules! choices {
    ($($of:ty { $($variant:ident = $word:literal, $help:literal;)* })*) => {$(
        impl ValueEnum for $of {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$variant,)*]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(match self {
                    $(Self::$variant => PossibleValue::new($word).help($help),)*
                })
            }
        }
    )*};
}

choices! {
    live::Choice {
        Auto = "auto", "The best that works";
        Ring = "ring", "`AF_PACKET` ring (needs `CAP_NET_RAW`): sees everything, loses least";
        Pnet = "pnet", "The portable capture of the pnet crate (needs `CAP_NET_RAW`)";
        Socket = "socket", "UDP sockets on the discovery groups (no privilege): sees only those";
    }
    syscalls::Choice {
        Auto = "auto", "The best that works";
        Ebpf = "ebpf", "By process and by call (needs `CAP_BPF` and `CAP_PERFMON`)";
        Perf = "perf", "The total only (needs root, for tracefs)";
    }
    sockets::OwnersBy {
        Uid = "uid", "The command name, if all processes of the socket's user share one: no privilege";
        Fd = "fd", "The process that holds the socket (needs `CAP_SYS_PTRACE` and `CAP_DAC_READ_SEARCH`, which one thread keeps)";
    }
}

pub(super) fn ring_size(text: &str) -> Result<usize, String> {
    const LIMITS: std::ops::RangeInclusive<u64> = 64 * 1024..=1024 * 1024 * 1024;
    match size(text)? {
        size if LIMITS.contains(&size) => usize::try_from(size).map_err(|error| error.to_string()),
        _ => Err("must lie between 64KiB and 1GiB".into()),
    }
}

pub(super) fn evidence_size(text: &str) -> Result<u64, String> {
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
    size.ok_or_else(|| "is not a size; write 4MiB or 4194304".into())
}

pub(super) fn devices_max(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(n @ 1..=1_000_000) => Ok(n),
        Ok(_) => Err("must lie between 1 and 1000000".into()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && (0.001..=1_000_000.0).contains(&factor) => Ok(factor),
        Ok(_) => Err("must lie between 0.001 and 1000000".into()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

pub(super) fn expiry(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        long if long >= Duration::from_mins(2) => Ok(long),
        _ => Err("must be at least 2m: the busiest second of the last minute is kept".into()),
    }
}
