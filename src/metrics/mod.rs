//! From snapshots to exposition text: what a scrape gets to read.
//!
//! In: a [`Source`](crate::lan::Source) that copies what the captures and engines hold and what is counted of this
//! host, and the process's own files under `/proc`. Out: one body in either text dialect, by one [`Writer`]. It must not know HTTP,
//! sockets or how frames are counted, and changes nothing that it reads.
//!
//! | file | what |
//! |---|---|
//! | [`catalogue`] | every family: name, kind, labels, help, who can see it |
//! | [`scrape`] | runs the collectors, each failing alone |
//! | [`writer`] | one writer, two dialects, plain or gzip |
//! | `segments`, `storms`, `devices`, `mdns`, `capture`, `syscalls`, `sockets`, `exporter`, `process` | the collectors |

mod capture;
pub mod catalogue;
mod devices;
mod exporter;
mod mdns;
mod number;
mod process;
mod rows;
pub mod scrape;
mod segments;
mod small;
mod sockets;
mod storms;
mod syscalls;
pub mod writer;

pub use catalogue::{Collector, Selection};
pub use exporter::{BUILD, Build};
pub use scrape::Scraper;
pub use writer::{Dialect, Encoding, Writer};
