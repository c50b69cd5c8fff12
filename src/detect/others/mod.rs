//! The rules and causes of the other protocols: discovery beside mDNS, and address resolution.

pub(crate) mod discovery;
pub(crate) mod scan;

#[cfg(test)]
mod tests;
