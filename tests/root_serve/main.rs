//! The program serving in network namespaces: what it counts, what interfaces do under it, what it
//! may do, and beside avahi. Frames go in on veth pairs; scrapes, logs and exit codes come out.
//! Needs root. Each test has namespaces and processes of its own.

mod avahi;
mod counts;
#[path = "../e2e/mod.rs"]
mod e2e;
mod idle;
mod interfaces;
mod privilege;
mod scrapes;
