//! Segments: broadcast domains, by label. Where the frames of a VLAN are counted is decided here.

use crate::decode::Tags;
use std::sync::Arc;

/// The label of a segment: `eth0`, `eth0.30`, `eth0.30.7`, `eth0.other`.
pub type Label = Arc<str>;

/// Where a frame of some VLAN on one capture belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The segment with this place in the capture's list.
    Segment(usize),
    /// A kernel device for that VLAN, or the bridge above, counts it.
    Elsewhere,
}

/// Which tags lead to which segment, for one capture.
pub struct Router {
    _private: (),
}

impl Router {
    /// The segment of a frame with `tags`, made now if it is new and there is room.
    pub fn route(&mut self, tags: Tags) -> Route {
        let _ = tags;
        Route::Elsewhere
    }
}
