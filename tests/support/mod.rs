//! tmp
use std::path::PathBuf;
/// tmp
pub fn captures_dir() -> Option<PathBuf> {
    Some("../shared/captures".into())
}
