//! The places of connections: how many there are, whose they are, and who gives way.
//!
//! An address has a share of them. Where no place is left for a new connection, the one that has
//! waited longest for its client gives way, of the address that has most: who asks at once is never
//! kept out by those who ask nothing. It must not know what is asked.

use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use tokio::sync::Notify;

/// Whose a connection is: an IPv4 address, or the first 64 bits of an IPv6 address. The rest of
/// them a host chooses as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer(IpAddr);

impl Peer {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            v4 @ IpAddr::V4(_) => Self(v4),
            IpAddr::V6(v6) => Self(Ipv6Addr::from(u128::from(v6) >> 64 << 64).into()),
        }
    }
}

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    most_of_peer: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// Rises with each change of a connection: what is smaller has waited longer.
    next: u64,
    connections: HashMap<u64, Connection>,
    /// Those that wait for their client, the one that has waited longest first.
    idle: BTreeMap<u64, u64>,
}

#[derive(Debug)]
struct Connection {
    peer: Peer,
    leave: Arc<Notify>,
    /// Its key among the idle.
    idle: Option<u64>,
}

impl Places {
    pub(super) fn new(most: usize, most_of_peer: usize) -> Arc<Self> {
        Arc::new(Self { most, most_of_peer, held: Mutex::default() })
    }

    /// A place for a connection of `peer`, which waits for its client at first. Another may have to
    /// give way. `None` if all that might are busy with answers.
    pub(super) fn take(self: &Arc<Self>, peer: Peer) -> Option<Place> {
        let mut held = self.held.lock();
        if held.count(peer) >= self.most_of_peer {
            held.dismiss(|of| of == peer)?;
        } else if held.connections.len() >= self.most {
            let busiest = held.idle_peer_with_most()?;
            held.dismiss(|of| of == busiest)?;
        }
        let id = held.draw();
        let leave = Arc::new(Notify::new());
        held.connections.insert(id, Connection { peer, leave: Arc::clone(&leave), idle: None });
        held.set_idle(id, true);
        Some(Place { places: Arc::clone(self), id, leave })
    }
}

impl Held {
    const fn draw(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn count(&self, peer: Peer) -> usize {
        self.connections.values().filter(|connection| connection.peer == peer).count()
    }

    /// Of all that have an idle connection, who has most connections.
    fn idle_peer_with_most(&self) -> Option<Peer> {
        let mut counts: HashMap<Peer, usize> = HashMap::new();
        for connection in self.connections.values() {
            *counts.entry(connection.peer).or_default() += 1;
        }
        let peers = self.idle.values().map(|id| self.connections[id].peer);
        // Of those that have as many, the one that has waited longest.
        peers.rev().max_by_key(|peer| counts[peer])
    }

    /// Takes the place of the connection that has waited longest, of those peers.
    fn dismiss(&mut self, of: impl Fn(Peer) -> bool) -> Option<()> {
        let id = *self.idle.values().find(|id| of(self.connections[*id].peer))?;
        self.remove(id)?.leave.notify_one();
        Some(())
    }

    fn remove(&mut self, id: u64) -> Option<Connection> {
        let connection = self.connections.remove(&id)?;
        if let Some(since) = connection.idle {
            self.idle.remove(&since);
        }
        Some(connection)
    }

    fn set_idle(&mut self, id: u64, is_idle: bool) {
        let now = self.draw();
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if let Some(since) = connection.idle.take() {
            self.idle.remove(&since);
        }
        if is_idle {
            connection.idle = Some(now);
            self.idle.insert(now, id);
        }
    }
}

/// A connection's place, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    id: u64,
    leave: Arc<Notify>,
}

impl Place {
    /// It waits for its client, or does not.
    pub(super) fn set_idle(&self, is_idle: bool) {
        self.places.held.lock().set_idle(self.id, is_idle);
    }

    /// Ends when it has to give way.
    pub(super) async fn dismissed(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.held.lock().remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn peer(n: u8) -> Peer {
        Peer::of(Ipv4Addr::new(192, 0, 2, n).into())
    }

    fn is_dismissed(place: &Place) -> bool {
        !place.places.held.lock().connections.contains_key(&place.id)
    }

    #[test]
    fn a_host_has_as_many_ipv6_addresses_as_it_likes_and_is_one_peer() {
        let of = |text: &str| Peer::of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn who_has_waited_longest_of_who_has_most_gives_way() {
        let places = Places::new(4, 3);
        let own = places.take(peer(1)).unwrap();
        let crowd: Vec<_> = (0..3).map(|_| places.take(peer(2)).unwrap()).collect();
        crowd[0].set_idle(false);
        let new = places.take(peer(3)).expect("one of the crowd gives way");
        assert!(!is_dismissed(&own) && !is_dismissed(&crowd[0]));
        assert!(is_dismissed(&crowd[1]) && !is_dismissed(&crowd[2]));
        drop(new);
        // Its share is its own affair.
        let places = Places::new(10, 2);
        let (other, one, two) = (places.take(peer(1)), places.take(peer(2)), places.take(peer(2)));
        let three = places.take(peer(2)).expect("the first of its own gives way");
        assert!(is_dismissed(&one.unwrap()) && !is_dismissed(&other.unwrap()));
        assert!(!is_dismissed(&two.unwrap()) && !is_dismissed(&three));
    }

    #[test]
    fn nobody_who_is_answered_gives_way() {
        let places = Places::new(2, 2);
        let held = [places.take(peer(1)).unwrap(), places.take(peer(2)).unwrap()];
        for place in &held {
            place.set_idle(false);
        }
        assert!(places.take(peer(3)).is_none());
        held[1].set_idle(true);
        assert!(places.take(peer(3)).is_some() && is_dismissed(&held[1]));
        drop(held);
        assert!(places.held.lock().connections.is_empty() && places.held.lock().idle.is_empty());
    }

    #[tokio::test]
    async fn who_has_to_go_hears_of_it() {
        let places = Places::new(1, 1);
        let first = places.take(peer(1)).unwrap();
        let _second = places.take(peer(2)).unwrap();
        first.dismissed().await;
    }
}
