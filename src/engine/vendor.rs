//! Who made a network card, by its MAC.

/// The maker's name, if known.
pub fn lookup(_: crate::mac::Mac) -> Option<&'static str> {
    None
}
