//! What a replay needs of a capture that ends, beside what every capture can do. Must not know of
//! formats.

use crate::capture::{Capture, CaptureError};
use crate::frame::Batch;

/// A capture that ends and whose batches stay where they are until the next is asked for: what
/// merging and pacing need, which hand out parts of a batch.
pub trait Replay: Capture {
    /// Reads the next batch, which has at least one frame. Blocks as long as the source does.
    ///
    /// # Errors
    /// As [`Capture::next_batch`].
    fn advance(&mut self) -> Result<(), CaptureError>;

    /// The batch that was read last.
    fn batch(&self) -> Batch<'_>;
}
