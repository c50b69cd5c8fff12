//! What can be wrong with a frame: a closed set, each variant a `reason` label.

use super::Protocol;

/// What was wrong. The label value is the variant in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// The link type is not decoded.
    UnknownLinkType,
    /// The frame ends inside a header.
    Truncated,
}

/// One thing that was wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issue {
    /// What the frame is counted as; `None` if it was not understood that far (label `link`).
    pub protocol: Option<Protocol>,
    /// What was wrong.
    pub reason: Reason,
}

/// The issues of one frame: at most four are kept, which no frame exceeds by the decoders here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Issues {
    items: [Option<Issue>; 4],
}

impl Issues {
    /// Adds one; a duplicate is kept once.
    pub fn push(&mut self, issue: Issue) {
        for slot in &mut self.items {
            match slot {
                Some(there) if *there == issue => return,
                Some(_) => {}
                None => {
                    *slot = Some(issue);
                    return;
                }
            }
        }
    }

    /// All, in the order in which they were met.
    pub fn iter(&self) -> impl Iterator<Item = Issue> + '_ {
        self.items.iter().flatten().copied()
    }
}
