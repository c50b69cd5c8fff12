//! What a device sent when its storm began, kept as one pcapng file a storm for the people who have
//! to explain it.
//!
//! The capture thread copies frames into memory of fixed size and nothing else; a thread of its own
//! writes. What a full disk does not take is
//! tried again for ten minutes, and then a counter and a line in the log.
//!
//! | file | reason |
//! |---|---|
//! | `recent` | the latest frames of a capture, in a ring of fixed memory |
//! | `recorder` | the frames of devices whose storm has begun |
//! | `pcapng` | the file's octets |
//! | `folder` | files by name, no link followed, nothing but regular files opened |
//! | `store` | the folder: names, sizes, the oldest deleted first |
//! | `writer` | the thread that writes |

mod folder;
mod pcapng;
mod recent;
mod recorder;
mod store;
mod writer;

pub use recorder::{Heading, Recorder, Recording};
pub use store::{Store, StoreError, Totals};
pub use writer::Writer;
