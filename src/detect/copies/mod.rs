//! Frames that are not their sender's doing: copies of loops and mirror ports, payloads that come
//! again from another device, and devices that speak for others.

pub(crate) mod loops;
pub(crate) mod reflection;
pub(crate) mod relay;
