//! The host's network interfaces: what they are, which of them are captured and why the others are
//! not, and what happens to them. Knows nothing of frames, segments or metrics.
//!
//! | file | reason |
//! |---|---|
//! | [`wire`] | netlink framing: bytes to messages and attributes |
//! | [`message`] | one rtnetlink message to one of our types |
//! | [`table`] | the links as they stand, and what changed: no IO |
//! | [`pattern`] | the regular expressions of the command line |
//! | [`choice`] | which links are captured, and the reason for each that is not: no IO |
//! | [`socket`] | the netlink socket |
//! | [`watch`] | the table kept up to date by the socket |
//! | [`neighbours`] | which MAC an IP address has |
//! | [`sysfs`] | what netlink does not tell: wireless or not |
//! | [`ethtool`] | what the driver does with VLAN tags |

pub mod choice;
pub mod ethtool;
pub mod message;
pub mod neighbours;
pub mod pattern;
pub mod socket;
pub(crate) mod sysfs;
pub mod table;
pub mod watch;
pub mod wire;

#[cfg(test)]
mod recorded;

pub use choice::{Choice, Chosen, Policy, Reason, Surroundings};
pub use message::{Kind, Link, MasterKind, Vlan};
pub use pattern::{PatternError, Patterns};
pub use table::{Change, Table, What};
pub use watch::{WatchError, Watcher};
