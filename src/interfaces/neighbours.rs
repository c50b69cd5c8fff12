//! Which MAC an IP address has on a link, by this host's neighbour tables (ARP and neighbour
//! discovery), read once. For backends that see no MACs themselves.

use super::message::{Message, Neighbour};
use super::socket::{Dump, DumpEnd, RouteSocket};
use crate::mac::Mac;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;

/// How often an interrupted dump is repeated; the last one is taken as it is.
const ATTEMPTS: usize = 3;

/// The neighbours of this host that have a MAC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    macs: HashMap<(u32, IpAddr), Mac>,
}

impl Neighbours {
    /// Reads the tables of the network namespace of the calling thread. Bounded by the kernel
    /// (`net.ipv4.neigh.default.gc_thresh3`, 1,024 entries a family by default). Needs no
    /// privilege.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn read() -> io::Result<Self> {
        let mut socket = RouteSocket::open(&[], None)?;
        let mut neighbours = Self::default();
        for _ in 0..ATTEMPTS {
            neighbours.macs.clear();
            match socket.dump(Dump::Neighbours, |message| neighbours.take(&message))? {
                DumpEnd::Complete => break,
                // One neighbour too few does no harm: it is there at the next read.
                DumpEnd::Interrupted | DumpEnd::Overrun => {}
            }
        }
        Ok(neighbours)
    }

    /// The MAC of the neighbour `ip` on the link with index `index`.
    pub fn mac(&self, index: u32, ip: IpAddr) -> Option<Mac> {
        self.macs.get(&(index, ip)).copied()
    }

    /// All neighbours on the link with index `index`.
    pub fn on(&self, index: u32) -> impl Iterator<Item = (IpAddr, Mac)> + '_ {
        let here =
            move |((on, ip), mac): (&(u32, IpAddr), &Mac)| (*on == index).then_some((*ip, *mac));
        self.macs.iter().filter_map(here)
    }

    fn take(&mut self, message: &Message) {
        match *message {
            Message::Neighbour(Neighbour { index, ip, mac: Some(mac) }) => {
                self.macs.insert((index, ip), mac);
            }
            Message::Neighbour(Neighbour { mac: None, .. })
            | Message::Link(_)
            | Message::LinkGone(_)
            | Message::Address(_)
            | Message::AddressGone(_)
            | Message::Other => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interfaces::recorded;

    #[test]
    fn only_neighbours_that_answered_have_a_mac() {
        let mut neighbours = Neighbours::default();
        for message in recorded::decode(recorded::recording!("neighbours")) {
            neighbours.take(&message);
        }
        let mac = |ip: &str| neighbours.mac(2, ip.parse().unwrap());
        assert_eq!(mac("192.0.2.20"), Some(Mac([2, 0, 0, 0, 0, 0x20])));
        assert_eq!(mac("2001:db8::20"), Some(Mac([2, 0, 0, 0, 0, 0x21])));
        assert_eq!(mac("192.0.2.10"), None, "it did not answer");
        assert_eq!(neighbours.macs.len(), 2, "multicast entries are no neighbours");
        assert_eq!(neighbours.mac(3, "192.0.2.20".parse().unwrap()), None, "another link");
    }
}
