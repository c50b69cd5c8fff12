//! web/mod
