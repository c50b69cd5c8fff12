//! The labels in use in this process: how many there may be for VLANs that the network chose,
//! and what happens when two segments want the same one.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Longest base of a label in characters, not counting VLAN ids and what makes it unique. The
/// kernel's names have at most 15 bytes; those in capture files are as long as their writer likes.
const MAX_CHARACTERS: usize = 64;

/// The label of a segment: `eth0`, `eth0.30`, `eth0.30.7`, `eth0.other`.
pub type Label = Arc<str>;

/// What two segments with the same label are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Two segments: the second is given another label. For live interfaces.
    Never,
    /// One segment, heard twice. For capture files.
    Same,
}

/// The labels in use. Shared by all captures of a process.
#[derive(Debug)]
pub struct Labels {
    sharing: Sharing,
    limit: usize,
    in_use: Mutex<HashMap<Label, Use>>,
    /// How many of them are synthetic; written under the lock, read without it.
    synthetic: AtomicUsize,
}

#[derive(Debug)]
struct Use {
    holders: usize,
    synthetic: bool,
}

/// A label while it is in use: given back when dropped.
pub struct Claim {
    label: Label,
    labels: Arc<Labels>,
}

impl Labels {
    /// No label is in use. At most `limit` synthetic ones will be: labels of VLANs that no
    /// kernel device stands for (`--capture.segments-max`).
    pub fn new(sharing: Sharing, limit: usize) -> Arc<Self> {
        Arc::new(Self { sharing, limit, in_use: Mutex::default(), synthetic: AtomicUsize::new(0) })
    }

    /// Takes the label `wanted`, whose base is clean, into use. If that is in use and not to be shared, the first free one
    /// of `wanted~2`, `wanted~3`, …: the label itself says so, and a warning.
    pub fn claim(self: &Arc<Self>, wanted: &str) -> Claim {
        let mut in_use = self.in_use.lock();
        self.enter(&mut in_use, wanted, false)
    }

    /// The same for the label of a VLAN that the network chose; `None` if there are as many as
    /// there may be.
    pub(crate) fn claim_synthetic(self: &Arc<Self>, wanted: &str) -> Option<Claim> {
        // Counted under the lock: two captures may want the last one at once.
        let mut in_use = self.in_use.lock();
        let shared = self.sharing == Sharing::Same && in_use.contains_key(wanted);
        let room = self.synthetic() < self.limit;
        (room || shared).then(|| self.enter(&mut in_use, wanted, true))
    }

    /// Whether [`Labels::claim_synthetic`] would give out `wanted` at this moment, without
    /// allocating, and without the lock if labels are not shared.
    pub(crate) fn has_room_for(&self, wanted: &str) -> bool {
        let shared = || self.sharing == Sharing::Same && self.in_use.lock().contains_key(wanted);
        self.synthetic() < self.limit || shared()
    }

    /// How many synthetic labels are in use.
    pub(crate) fn synthetic(&self) -> usize {
        self.synthetic.load(Ordering::Relaxed)
    }

    fn enter(
        self: &Arc<Self>,
        in_use: &mut HashMap<Label, Use>,
        wanted: &str,
        synthetic: bool,
    ) -> Claim {
        let label: Label = match (self.sharing, in_use.get_key_value(wanted)) {
            (_, None) => wanted.into(),
            (Sharing::Same, Some((label, _))) => Arc::clone(label),
            (Sharing::Never, Some(_)) => {
                let mut number = 2_usize;
                loop {
                    let label = format!("{wanted}~{number}");
                    if !in_use.contains_key(label.as_str()) {
                        tracing::warn!(wanted, %label, "two segments want the same label");
                        break label.into();
                    }
                    number += 1;
                }
            }
        };
        let entry = in_use.entry(Arc::clone(&label)).or_insert_with(|| {
            if synthetic {
                self.synthetic.fetch_add(1, Ordering::Relaxed);
            }
            Use { holders: 0, synthetic }
        });
        entry.holders += 1;
        Claim { label, labels: Arc::clone(self) }
    }

    fn leave(&self, label: &str) {
        let mut in_use = self.in_use.lock();
        if let Some(entry) = in_use.get_mut(label) {
            entry.holders -= 1;
            if entry.holders == 0 {
                if entry.synthetic {
                    self.synthetic.fetch_sub(1, Ordering::Relaxed);
                }
                in_use.remove(label);
            }
        }
    }
}

impl Claim {
    /// The label.
    pub const fn label(&self) -> &Label {
        &self.label
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.labels.leave(&self.label);
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.label).finish()
    }
}

/// What labels may begin with: at most 64 characters, control characters replaced, `unnamed` if
/// empty. VLAN ids are appended to it uncut, or two VLANs would be one.
pub(super) fn clean(wanted: &str) -> String {
    if wanted.is_empty() {
        return "unnamed".to_owned();
    }
    let harmless = |c: char| if c.is_control() { '_' } else { c };
    wanted.chars().take(MAX_CHARACTERS).map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_in_use_is_not_given_twice() {
        let labels = Labels::new(Sharing::Never, 9);
        let claims = [labels.claim("eth0.30"), labels.claim("eth0.30"), labels.claim("eth0.30")];
        let given: Vec<&str> = claims.iter().map(|claim| &**claim.label()).collect();
        assert_eq!(given, ["eth0.30", "eth0.30~2", "eth0.30~3"]);
    }

    #[test]
    fn a_label_given_back_is_free() {
        let labels = Labels::new(Sharing::Never, 1);
        let first = labels.claim_synthetic("eth0.30").unwrap();
        assert_eq!((labels.synthetic(), labels.has_room_for("eth0.31")), (1, false));
        drop(first);
        assert_eq!((labels.synthetic(), labels.has_room_for("eth0.31")), (0, true));
        assert_eq!(&**labels.claim("eth0.30").label(), "eth0.30");
    }

    #[test]
    fn files_share_labels_and_a_shared_one_counts_once() {
        let labels = Labels::new(Sharing::Same, 1);
        let first = labels.claim_synthetic("capture.30").unwrap();
        let second = labels.claim_synthetic("capture.30").unwrap();
        assert_eq!(first.label(), second.label());
        assert_eq!(labels.synthetic(), 1);
        assert!(labels.claim_synthetic("capture.31").is_none());
        drop(first);
        assert_eq!(labels.synthetic(), 1, "one holder is left");
        drop(second);
        assert_eq!(labels.synthetic(), 0);
    }

    #[test]
    fn captures_at_the_same_time_do_not_pass_the_limit() {
        let labels = Labels::new(Sharing::Never, 8);
        let claim_many = &|capture: usize| {
            let claims = (0..100).map(|id| labels.claim_synthetic(&format!("{capture}.{id}")));
            claims.flatten().collect::<Vec<_>>()
        };
        let claims: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|capture| scope.spawn(move || claim_many(capture))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!((claims.len(), labels.synthetic()), (8, 8));
    }

    #[test]
    fn names_from_files_are_bounded_and_cleaned() {
        let cleaned = clean(&format!("a\u{0}\nb{}", "é".repeat(500)));
        assert!(cleaned.starts_with("a__bé"));
        assert_eq!(cleaned.chars().count(), MAX_CHARACTERS);
        assert_eq!(clean(""), "unnamed");
    }
}
