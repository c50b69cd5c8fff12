//! metrics/mod
