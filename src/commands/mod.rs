//! commands/mod
