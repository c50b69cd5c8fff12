//! Segments: broadcast domains, each counted once, by label. VLAN tags decide here on which segment
//! a frame is counted. Knows nothing of frames, devices or sockets.
//!
//! There is one [`Labels`] for the process: it bounds the number of labels and ensures that no
//! label means two segments. There is one [`Router`] for each captured interface.

mod labels;
mod router;

/// VLANs without a kernel device that get a segment of their own, in the whole process, unless the
/// command line says otherwise.
pub const DEFAULT_SYNTHETIC_MAX: usize = 128;

pub use labels::{Claim, Labels, Sharing};
pub use router::{Ended, Route, Router, Segment};

use std::sync::Arc;

/// The label of a segment: `eth0`, `eth0.30`, `eth0.30.7`, `eth0.other`.
pub type Label = Arc<str>;
