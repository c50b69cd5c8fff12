//! DHCP clients that ask again and again: condition `dhcp_loop`.
//!
//! Counts messages of one kind of one client, by its hardware address, or by its DUID where it is
//! `DHCPv6`. More than 20 in 60 s are a loop, and more than 150 in 10 min: RFC 2131 section 4.1
//! doubles its gaps from 4 s on. If no server answers, the clients of Apple and of `BusyBox` ask each 8 to
//! 9 s, which is neither.
//!
//! Three clients or more that ask at once and that no server was heard to answer are the server's
//! fault: then only who asks more than 20 times in 60 s has the condition, which says so. A server
//! answers one client alone, unheard, so a client that names a server counts as an answer too.
//!
//! What a relay passes on is not its own: neither frames with a relay's address, nor those whose
//! client has another hardware address than their sender (Wi-Fi extenders).

use crate::decode::mdns::HashKey;
use crate::decode::{Message, Sender, dhcp};
use crate::detect::condition::{About, Condition, Evidence};
use crate::detect::memory::table::Table;
use crate::detect::memory::tally::Tally;
use crate::detect::view::{Findings, View};
use crate::mac::Mac;
use crate::time::Time;
use ahash::RandomState;
use std::time::Duration;

/// So many in 10 min are as bad as two in 60 s: 150 as 20.
const TEN_MINUTES: u32 = 15;
/// Who sends so many of one kind in 60 s waits for an answer: three gaps of RFC 2131 are 28 s.
const WAITS: u32 = 5;
/// So many clients that wait at once are the server's fault.
const SEVERAL: usize = 3;
/// How long ago "at once" is.
const LATELY: Duration = Duration::from_mins(1);
/// How long a client is remembered.
const MEMORY: Duration = Duration::from_mins(10);

/// A client: its hardware address or its DUID, by keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ClientHash(u64);

/// What a client says, as far as it matters here.
#[derive(Clone, Copy, Debug)]
struct Saying {
    client: ClientHash,
    /// Its hardware address, if it is known.
    mac: Option<Mac>,
    /// The kind of message; 0 is BOOTP.
    kind: u8,
    is_v6: bool,
    /// Whether a server must have answered it before.
    was_answered: bool,
}

/// The messages of one kind of one client.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    minute: Tally<1>,
    ten_minutes: Tally<10>,
}

/// Who asks for an address, and whether anybody answers.
#[derive(Debug)]
pub(crate) struct Leases {
    /// Hashes clients.
    state: RandomState,
    /// By client, kind and family: at most 512, 76 KiB.
    asked: Table<(ClientHash, u8, bool), Asked, 64>,
    /// The last three clients that wait, and when each was last heard.
    waiting: [Option<(ClientHash, Time)>; SEVERAL],
    /// When a server was last known to answer.
    answered: Option<Time>,
}

impl Leases {
    /// Nobody asked yet. `key` keeps the network from choosing what collides.
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            state: key.state(),
            asked: Table::new(key, MEMORY),
            waiting: [None; SEVERAL],
            answered: None,
        }
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        let now = view.now;
        let saying = match &view.observation.message {
            // RFC 951: 1 is a client's, 2 a server's.
            Message::Dhcp(message) if message.op == 1 => {
                let own = match view.observation.sender {
                    Some(Sender::Mac(mac)) => message.client.filter(|client| *client == mac),
                    Some(Sender::Ip(_)) | None => message.client,
                };
                let Some(mac) = own.filter(|_| message.relay.is_unspecified()) else { return };
                Saying {
                    client: ClientHash(self.state.hash_one(mac)),
                    mac: Some(mac),
                    kind: message.kind.unwrap_or(0),
                    is_v6: false,
                    was_answered: message.server.is_some(),
                }
            }
            // RFC 8415 section 7.3: 2 advertise, 7 reply and 10 reconfigure are a server's, 12 and
            // 13 a relay's. Who requests (3) has heard an advertisement.
            Message::Dhcpv6(message) if !matches!(message.kind, 2 | 7 | 10 | 12 | 13) => {
                let Some(duid) = message.client else { return };
                let sender = match view.observation.sender {
                    Some(Sender::Mac(mac)) => Some(mac),
                    Some(Sender::Ip(_)) | None => None,
                };
                Saying {
                    client: ClientHash(self.state.hash_one(duid)),
                    mac: message.client_mac().or(sender),
                    kind: message.kind,
                    is_v6: true,
                    was_answered: message.kind == 3,
                }
            }
            Message::Dhcp(dhcp::Message { op: 2, .. })
            | Message::Dhcpv6(dhcp::MessageV6 { kind: 2 | 7, .. }) => {
                self.answered = Some(now);
                return;
            }
            _ => return,
        };
        if saying.was_answered {
            self.answered = Some(now);
        }
        self.count(view, saying, findings);
    }

    fn count(&mut self, view: &View<'_>, saying: Saying, findings: &mut Findings) {
        let View { now, limits, .. } = *view;
        let key = (saying.client, saying.kind, saying.is_v6);
        let asked = self.asked.entry(now, key, Asked::default).value;
        asked.minute.count(now);
        asked.ten_minutes.count(now);
        let (minute, ten_minutes) = (asked.minute.total(), asked.ten_minutes.total());
        if minute >= WAITS {
            self.wait(now, saying.client);
        }
        let is_hasty = limits.is_exceeded(Condition::DhcpLoop, minute);
        let goes_on = limits.is_exceeded(Condition::DhcpLoop, ten_minutes * 2 / TEN_MINUTES);
        if self.nobody_answers(now) {
            if is_hasty {
                findings.show(Evidence::of(Condition::DhcpLoop, About::NoServer));
            }
        } else if is_hasty || goes_on {
            let about = saying.mac.map(About::Client);
            let condition = Condition::DhcpLoop;
            findings.show(Evidence { condition, about, other: None, role: None });
        }
    }

    /// A client waits for an answer.
    fn wait(&mut self, now: Time, client: ClientHash) {
        let own = |place: &Option<(ClientHash, Time)>| place.is_some_and(|(one, _)| one == client);
        let oldest = || {
            let heard = |place: &usize| self.waiting[*place].map(|(_, heard)| heard);
            (0..SEVERAL).min_by_key(heard).unwrap_or(0)
        };
        let place = self.waiting.iter().position(own).unwrap_or_else(oldest);
        self.waiting[place] = Some((client, now));
    }

    /// Whether several clients wait and none was answered.
    fn nobody_answers(&self, now: Time) -> bool {
        let is_late = |at: Time| now.since(at) <= LATELY;
        let all_wait = self.waiting.iter().all(|place| place.is_some_and(|(_, at)| is_late(at)));
        all_wait && !self.answered.is_some_and(is_late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_a_bound() {
        assert_eq!(Table::<(ClientHash, u8, bool), Asked, 64>::BYTES_MAX, 76 << 10);
    }
}
