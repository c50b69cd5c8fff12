//! The table of links kept up to date by a netlink socket. Needs no privilege. Opens everything in
//! the network namespace of the calling thread.
//!
//! The socket listens before the first dump, so that nothing falls between the two. When the
//! kernel loses messages for us (`ENOBUFS`), everything is read again and compared.

use super::socket::{Dump, DumpEnd, Heard, RouteSocket};
use super::table::{Change, Table};
use crate::capture::wake::Waker;
use std::io;
use std::time::Duration;
use thiserror::Error;

/// What the kernel keeps for us between two reads, in bytes: some hundred changes.
const MEMORY: usize = 1 << 20;
/// How often an interrupted dump is repeated before giving up for now.
const ATTEMPTS: usize = 8;

/// Why the links cannot be read.
#[derive(Debug, Error)]
pub enum WatchError {
    /// A system call failed, or the kernel refused.
    #[error("{operation} the interfaces by netlink: {source}")]
    Io {
        /// What was tried, in words.
        operation: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The links change faster than they can be read.
    #[error("reading the interfaces by netlink: they changed at each of {ATTEMPTS} attempts")]
    Unsettled,
}

/// What went wrong while watching, counted since the watcher was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages that could not be read.
    pub malformed: u64,
    /// Times that messages were lost and everything was read again.
    pub overruns: u64,
}

/// Follows the links of a network namespace.
#[derive(Debug)]
pub struct Watcher {
    socket: RouteSocket,
    table: Table,
    overruns: u64,
    /// Whether messages were lost and not yet made up for.
    stale: bool,
}

impl Watcher {
    /// Opens the socket and reads all links and addresses.
    ///
    /// # Errors
    /// What the kernel says, or [`WatchError::Unsettled`].
    pub fn open() -> Result<Self, WatchError> {
        Self::with_memory(MEMORY)
    }

    /// The same with another size, in bytes, of what the kernel keeps between two reads.
    ///
    /// # Errors
    /// As [`Watcher::open`].
    pub fn with_memory(memory: usize) -> Result<Self, WatchError> {
        let groups = [libc::RTNLGRP_LINK, libc::RTNLGRP_IPV4_IFADDR, libc::RTNLGRP_IPV6_IFADDR];
        let socket =
            RouteSocket::open(&groups, Some(memory)).map_err(failed("opening a socket for"))?;
        let mut watcher = Self { socket, table: Table::new(), overruns: 0, stale: true };
        watcher.read_again()?;
        Ok(watcher)
    }

    /// The links as they stood at the last read.
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// What ends [`next`](Self::next) early, with nothing.
    pub fn waker(&self) -> Waker {
        self.socket.waker()
    }

    /// What went wrong so far.
    pub const fn counters(&self) -> Counters {
        Counters { malformed: self.socket.malformed(), overruns: self.overruns }
    }

    /// Waits at most `wait` and returns what changed, in order; nothing if nothing did. May return
    /// earlier with nothing, when the kernel announced something irrelevant or somebody called. After an error the
    /// next call reads everything again.
    ///
    /// # Errors
    /// As [`Watcher::open`].
    pub fn next(&mut self, wait: Duration) -> Result<Vec<Change>, WatchError> {
        if !self.stale {
            match self.socket.hear(wait) {
                Ok(Heard::Messages(messages)) => {
                    return Ok(messages
                        .into_iter()
                        .flat_map(|message| self.table.handle_message(message))
                        .collect());
                }
                // What was heard before the overrun is in what is read now.
                Ok(Heard::Overrun) => {
                    self.overruns += 1;
                    self.stale = true;
                }
                Err(source) => {
                    self.stale = true;
                    return Err(failed("following")(source));
                }
            }
        }
        self.read_again()
    }

    fn read_again(&mut self) -> Result<Vec<Change>, WatchError> {
        for _ in 0..ATTEMPTS {
            // Announcements older than the loss may be about links whose end was lost.
            self.socket.drain().map_err(failed("following"))?;
            if dump(&mut self.socket, &mut self.table)? {
                self.stale = false;
                return Ok(self.table.end_dump());
            }
        }
        self.table.abandon_dump();
        Err(WatchError::Unsettled)
    }
}

/// Reads all links and addresses once.
///
/// # Errors
/// As [`Watcher::open`].
pub fn list() -> Result<Table, WatchError> {
    let mut socket = RouteSocket::open(&[], None).map_err(failed("opening a socket for"))?;
    let mut table = Table::new();
    for _ in 0..ATTEMPTS {
        if dump(&mut socket, &mut table)? {
            table.end_dump();
            return Ok(table);
        }
    }
    Err(WatchError::Unsettled)
}

/// One attempt at a dump into `table`; whether it is complete.
fn dump(socket: &mut RouteSocket, table: &mut Table) -> Result<bool, WatchError> {
    table.begin_dump();
    for what in [Dump::Links, Dump::Addresses] {
        let end = socket.dump(what, |message| drop(table.handle_message(message)));
        match end {
            Ok(DumpEnd::Complete) => {}
            Ok(DumpEnd::Interrupted | DumpEnd::Overrun) => return Ok(false),
            Err(source) => {
                table.abandon_dump();
                return Err(failed("reading")(source));
            }
        }
    }
    Ok(true)
}

fn failed(operation: &'static str) -> impl FnOnce(io::Error) -> WatchError {
    move |source| WatchError::Io { operation, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_links_of_this_host_are_read_without_privilege() {
        let table = list().unwrap();
        let lo = table.link_by_name("lo").unwrap();
        assert!(lo.flags.loopback());
        assert_eq!(lo.mac, None);
        let watcher = Watcher::open().unwrap();
        assert_eq!(watcher.table().link_by_name("lo").unwrap().index, lo.index);
        assert_eq!(watcher.counters(), Counters::default());
    }
}
