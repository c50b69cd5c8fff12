//! What is this host's own. In: the MACs and addresses of its interfaces. Out: whether a sender is
//! one of them. It must not know where they were read.

use crate::decode::Sender;
use crate::mac::Mac;
use std::net::IpAddr;

/// What this host's own frames are known by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// The MACs of its interfaces.
    pub macs: Vec<Mac>,
    /// Their IP addresses: all that is seen of a sender where the link layer is not.
    pub addresses: Vec<IpAddr>,
}

impl Local {
    /// Whether it is one of this host's. `mac` is what the sender's MAC is known to be where it
    /// is not the sender's name.
    pub fn contains(&self, sender: Sender, mac: Option<Mac>) -> bool {
        let is_own = match sender {
            Sender::Mac(mac) => self.macs.contains(&mac),
            Sender::Ip(ip) => self.addresses.contains(&ip),
        };
        is_own || mac.is_some_and(|mac| self.macs.contains(&mac))
    }
}
