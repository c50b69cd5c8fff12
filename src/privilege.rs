//! privilege
