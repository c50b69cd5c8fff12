//! Segments: broadcast domains, each counted once, by label. VLAN tags decide here on which segment
//! a frame is counted. Knows nothing of frames, devices or sockets.
//!
//! There is one [`Labels`] for the process: it bounds the number of labels and ensures that no
//! label means two segments. There is one [`Router`] for each captured interface. [`Lans`] has the names that people give to LANs.

mod labels;
mod lans;
mod router;

/// VLANs without a kernel device that get a segment of their own, in the whole process, unless the
/// command line says otherwise.
pub const DEFAULT_SYNTHETIC_MAX: usize = 128;

pub use labels::{Claim, Label, Labels, Sharing};
pub use lans::{LanError, LanName, LanRule, LanRuleError, Lans};
pub use router::{Ended, Route, Router, Segment};
