//! File descriptors: how many the process may have, and how many are left for captures. The web
//! server must never run out of them: who asks why nothing is captured has to be answered.

use rustix::process::{Resource, Rlimit, setrlimit};
use std::fs;

/// More than any number of interfaces needs.
const ENOUGH: u64 = 65_536;

/// For what is opened for a moment: `/proc`, evidence, the configuration, netlink, new threads.
const OTHERS: u64 = 24;

/// How many captures may have, beside those kept for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    reserved: u64,
}

impl Budget {
    /// All but `reserved`, and some that everybody needs.
    pub const fn beside(reserved: usize) -> Self {
        Self { reserved: reserved as u64 + OTHERS }
    }

    /// How many captures may open now; a large number where the kernel does not tell. Where there
    /// are very few, they get half of them.
    pub fn left(self) -> usize {
        let limit = limit().unwrap_or(u64::MAX);
        let reserved = self.reserved.min(limit / 2);
        let open = fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
        usize::try_from(limit.saturating_sub(open).saturating_sub(reserved)).unwrap_or(usize::MAX)
    }

    /// How many are kept for others.
    pub const fn reserved(self) -> u64 {
        self.reserved
    }
}

/// Descriptors that this process may have, by its soft limit; `None` without one.
pub fn limit() -> Option<u64> {
    limits(&fs::read_to_string("/proc/self/limits").ok()?)?.0
}

/// Raises the soft limit to the hard one, as far as it may be of use. A sandbox may forbid it, and
/// then says itself how many there are.
pub fn raise_limit() {
    let text = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let Some((Some(soft), hard)) = limits(&text) else { return };
    let wanted = hard.map_or(ENOUGH, |hard| hard.min(ENOUGH));
    if wanted > soft {
        // What it has is used then.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: hard });
    }
}

/// The soft and the hard limit in `/proc/PID/limits` (proc(5)), `None` for one that is not there.
fn limits(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let mut numbers = line.split_ascii_whitespace().map(|word| word.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_the_kernel_writes_them() {
        let text = "Limit                     Soft Limit           Hard Limit           Units\n\
            Max open files            1024                 unlimited            files\n";
        assert_eq!(limits(text), Some((Some(1024), None)));
        assert_eq!(limits(""), None);
    }

    #[test]
    fn what_is_kept_is_not_left() {
        let all = Budget::beside(0).left();
        assert!(all > 0);
        let less = Budget::beside(100).left();
        // Other tests open and close some meanwhile.
        assert!(less < all && all - less > 50, "{all} {less}");
        assert!(Budget::beside(usize::MAX / 2).left() > 0, "half of them");
    }
}
