//! interfaces/mod
