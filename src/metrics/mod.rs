//! From snapshots to exposition text: what a scrape gets to read.
//!
//! A [`Source`](crate::lan::Source) copies what the captures and engines hold and what is counted
//! on this host; the process's own files are under `/proc`. One [`Writer`] makes one body in either
//! text format. It must not know HTTP, sockets or how frames are counted, and changes nothing that
//! it reads.
//!
//! | file | what |
//! |---|---|
//! | [`catalogue`] | every family: name, kind, labels, help, who can see it |
//! | [`scrape`] | runs the collectors, each failing alone |
//! | [`writer`] | one writer, two dialects, plain or gzip |
//! | `segments`, `storms`, `conditions`, `devices`, `mdns`, `capture`, `syscalls`, `sockets`, `exporter`, `process` | the collectors |

mod capture;
pub mod catalogue;
mod conditions;
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
