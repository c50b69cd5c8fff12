//! Captures with a known fault.
