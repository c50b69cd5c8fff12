//! Segments: broadcast domains, each counted once, by label. Where the frames of a VLAN are
//! counted is decided here: VLAN tags come in, the place of a segment goes out. Knows nothing of
//! frames, devices or sockets.
//!
//! [`Labels`] is one for the process and sees to it that labels are bounded in number and that
//! none means two segments. [`Router`] is one for each captured interface.

mod labels;
mod router;

/// VLANs without a kernel device that get a segment of their own, in the whole process, unless the
/// command line says otherwise.
pub const DEFAULT_SYNTHETIC_MAX: usize = 128;

pub use labels::{Claim, Label, Labels, Sharing};
pub use router::{Ended, Route, Router, Segment};
