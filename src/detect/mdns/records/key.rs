//! What a record is remembered by.

use crate::decode::mdns::{DataHash, NameHash, RClass, RType};
use crate::detect::memory::sender::SourceId;

/// A record of a source.
pub(super) type RecordKey = (SourceId, NameHash, RType, RClass, DataHash);
