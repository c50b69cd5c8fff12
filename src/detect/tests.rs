//! What the detectors make of copies, from the bytes of frames on: loops, mirror ports, reflectors
//! and name conflicts, each beside its nearest harmless neighbour.

use super::*;
use crate::craft::mdns::{SERVICE_TYPES, ptr, response};
use crate::craft::{Host, Query, Responder, Service, discovery};
use crate::decode::mdns::{PayloadHash, digest};
use crate::decode::{Message, decode};
use crate::frame::{Direction, Frame, FrameMeta, LinkType};
use crate::mac::Mac;
use std::collections::HashMap;
use std::time::Duration;

const KEY: HashKey = HashKey([1, 2, 3, 4]);

/// What was found in one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    pub signatures: Vec<Cause>,
    /// Whether nothing counts against the sender.
    pub is_spared: bool,
}

/// The detectors of a segment, with what they remember of each sender.
struct Lan {
    pub detectors: Detectors,
    pub memories: HashMap<Sender, DeviceMemory>,
    pub vantage: Vantage,
    pub direction: Direction,
    pub link_type: LinkType,
    hasher: RandomState,
    /// Microseconds.
    now: u64,
}

impl Lan {
    fn new() -> Self {
        Self {
            detectors: Detectors::new(KEY, Horizon::Now),
            memories: HashMap::new(),
            vantage: Vantage::default(),
            direction: Direction::Unknown,
            link_type: LinkType::Ethernet,
            hasher: RandomState::with_seeds(4, 1, 2, 3),
            now: 10_000_000,
        }
    }

    fn now(&self) -> Time {
        Time(self.now * 1_000)
    }

    /// Lets time pass.
    fn pass(&mut self, time: Duration) {
        self.now += u64::try_from(time.as_micros()).expect("short");
    }

    fn memory(&self, host: Host) -> &DeviceMemory {
        &self.memories[&Sender::Mac(host.mac)]
    }

    /// Hears one frame.
    fn hear(&mut self, bytes: &[u8]) -> Found {
        let stamp = Stamp(self.now().0.into());
        let meta = FrameMeta {
            stamp,
            interface: 0,
            link: self.link_type,
            stripped_tag: None,
            direction: self.direction,
            wire_len: u32::try_from(bytes.len()).expect("short"),
        };
        let observation = decode(&Frame { meta, bytes });
        let protocol = observation.counted_as(true).expect("to a group");
        let digest = if let Message::Mdns(datagram) = &observation.message {
            Some((datagram, digest(datagram, &KEY)))
        } else {
            None
        };
        let mdns = digest.as_ref().map(|(datagram, digest)| {
            (*datagram, PayloadHash(self.hasher.hash_one(datagram.payload)), digest)
        });
        let (now, vantage) = (self.now(), &self.vantage);
        let frame = Counted { now, stamp, observation: &observation, protocol, mdns, vantage };
        let memory = observation.sender.map(|sender| self.memories.entry(sender).or_default());
        let signatures = self.detectors.handle(&frame, memory).signatures.iter();
        // Of the detectors that tests here are about.
        let of_copies = [Cause::L2Loop, Cause::Reflection, Cause::NameConflict];
        let signatures = signatures.filter(|cause| of_copies.contains(cause)).collect();
        Found { signatures, is_spared: self.detectors.findings.is_copy() }
    }
}

/// The vantage of this machine, `mac` being its own.
fn vantage(mac: Mac) -> Vantage {
    Vantage { own: Some(mac), ..Vantage::default() }
}

const MILLI: Duration = Duration::from_millis(1);

/// What a host says in these tests.
#[derive(Clone, Copy, Debug)]
enum Says {
    Response,
    Response6,
    Probe,
    Probe6,
    Question,
    Types,
    Ssdp,
    Arp,
}

fn responder(of: Host) -> Responder {
    let name = format!("host-{}", of.v4.octets()[3]);
    Responder::new(&name, of).service(Service::new(&name, "_ipp._tcp", 631))
}

/// The bytes of what `of` says, sent by `by`.
fn frame(by: u16, of: u16, says: Says) -> Vec<u8> {
    let (by, of) = (Host::numbered(by), Host::numbered(of));
    let said = responder(of);
    match says {
        Says::Response => by.mdns4(said.announcement()),
        Says::Response6 => by.mdns6(said.announcement()),
        Says::Probe => by.mdns4(said.probe()),
        Says::Probe6 => by.mdns6(said.probe()),
        Says::Question => by.mdns4(Query::browse("_ipp._tcp")),
        Says::Types => by.mdns4(response([ptr(SERVICE_TYPES, "_ipp._tcp.local")])),
        Says::Ssdp => {
            let usn = format!("uuid:{}::upnp:rootdevice", of.v4);
            by.ssdp4(discovery::ssdp_alive("upnp:rootdevice", &usn, "http://x/", "Linux"))
        }
        Says::Arp => by.arp_announcement(),
    }
}

/// When, in ms, who says it, whose message it is, and what.
type Step = (u64, u16, u16, Says);

/// What was found in each frame. Steps must be in order.
fn heard(lan: &mut Lan, steps: &[Step]) -> Vec<Found> {
    let mut now = 0;
    let hear = |&(at, by, of, says): &Step| {
        lan.pass(u32::try_from(at - now).expect("short") * MILLI);
        now = at;
        lan.hear(&frame(by, of, says))
    };
    steps.iter().map(hear).collect()
}

/// What was found in each: the letter of the cause, `.` for a frame that counts in full and `-`
/// for one that counts against nobody and shows no cause.
fn found(lan: &mut Lan, steps: &[Step]) -> String {
    let letter = |found: Found| match (found.signatures.first(), found.is_spared) {
        (None, false) => '.',
        (None, true) => '-',
        (Some(Cause::L2Loop), true) => 'L',
        (Some(Cause::Reflection), true) => 'R',
        (Some(Cause::NameConflict), false) => 'N',
        other => panic!("{other:?}"),
    };
    heard(lan, steps).into_iter().map(letter).collect()
}

/// Steps in the order of their time.
fn sorted(steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let mut steps: Vec<Step> = steps.into_iter().collect();
    steps.sort_by_key(|step| step.0);
    steps
}

#[test]
fn l2_loop_is_told_from_a_boot_of_the_whole_lan() {
    use Says::{Arp, Probe, Probe6, Response, Ssdp};
    let copies =
        |by, says, times: u64, every: u64| (0..times).map(move |n| (n * every, by, by, says));
    // Three sources, two protocols, each frame four times.
    let both = [copies(1, Probe, 4, 300), copies(2, Ssdp, 4, 300), copies(3, Ssdp, 4, 300)];
    assert_eq!(found(&mut Lan::new(), &sorted(both.into_iter().flatten())), "...........L");
    // The same by one protocol, by two sources, over more than a second, three times each.
    let one = [copies(1, Ssdp, 4, 300), copies(2, Ssdp, 4, 300), copies(3, Ssdp, 4, 300)];
    let two = [copies(1, Probe, 4, 300), copies(1, Ssdp, 4, 300), copies(2, Ssdp, 4, 300)];
    let slow = [copies(1, Probe, 4, 334), copies(2, Ssdp, 4, 334), copies(3, Ssdp, 4, 334)];
    for steps in [one, two, slow] {
        assert_eq!(found(&mut Lan::new(), &sorted(steps.into_iter().flatten())), ".".repeat(12));
    }
    let boot = (1..60).flat_map(|n| {
        [
            copies(n, Probe, 3, 250),
            copies(n, Probe6, 3, 250),
            copies(n, Ssdp, 3, 100),
            copies(n, Arp, 2, 400),
        ]
        .into_iter()
        .flatten()
        .chain([(750, n, n, Response), (1_750, n, n, Response)])
    });
    let boot = sorted(boot);
    assert_eq!(found(&mut Lan::new(), &boot), ".".repeat(boot.len()));
}

#[test]
fn once_a_loop_is_recognised_every_copy_is_one_and_nothing_else() {
    use Says::{Probe, Response, Ssdp};
    let mut lan = Lan::new();
    let round =
        |n: u64| (1..=3).map(move |by| (n * 20, by, by, if by == 1 { Probe } else { Ssdp }));
    let steps = sorted((0..10).flat_map(round));
    assert_eq!(found(&mut lan, &steps), [".".repeat(11), "L".repeat(19)].concat());
    // What comes for the first time is no copy; what comes again is.
    let news = [(0, 9, 9, Response), (1, 1, 1, Probe), (2, 9, 9, Response)];
    assert_eq!(found(&mut lan, &news), ".LL");
    // A second later it is over.
    assert_eq!(found(&mut lan, &[(1_002, 1, 1, Ssdp), (1_003, 1, 1, Ssdp)]), "..");
}

#[test]
fn own_frames_that_come_back_are_a_loop() {
    let own = Host::numbered(1);
    let steps: Vec<Step> = (0..12).map(|n| (n * 1_000, 1, 1, Says::Ssdp)).collect();
    let cases = [
        (Direction::Incoming, Some(own.mac), "..........LL"),
        (Direction::Outgoing, Some(own.mac), "............"),
        (Direction::Unknown, Some(own.mac), "............"),
        (Direction::Incoming, None, "............"),
        (Direction::Incoming, Some(Host::numbered(2).mac), "............"),
    ];
    for (direction, mac, expected) in cases {
        let mut lan = Lan::new();
        lan.direction = direction;
        lan.vantage = mac.map(vantage).unwrap_or_default();
        // Ten within 9 s, and so on.
        let expected = expected.replacen("..........LL", ".........LLL", 1);
        assert_eq!(found(&mut lan, &steps), expected, "{direction:?} {mac:?}");
    }
    let slow: Vec<Step> = (0..12).map(|n| (n * 1_112, 1, 1, Says::Ssdp)).collect();
    let mut lan = Lan::new();
    (lan.direction, lan.vantage) = (Direction::Incoming, vantage(own.mac));
    assert_eq!(found(&mut lan, &slow), "............", "ten in more than 10 s");
}

#[test]
fn a_mirror_port_s_copies_are_held_against_nobody() {
    use Says::{Probe, Response, Ssdp};
    let mut lan = Lan::new();
    let doubled = |at, by, says| [(at, by, by, says), (at + 1, by, by, says)];
    let steps = [doubled(0, 1, Response), doubled(2_000, 2, Ssdp), doubled(9_000, 3, Response)];
    assert_eq!(found(&mut lan, &steps.concat()), ".....-");
    // From now on every second one is doubled; a LAN that boots behind it is no loop.
    let boot = (1..30).flat_map(|n| {
        let twice = |says, times: u64, every: u64| {
            (0..times).flat_map(move |k| doubled(k * every, n, says))
        };
        twice(Probe, 3, 250).chain(twice(Ssdp, 3, 250)).chain(twice(Response, 1, 1))
    });
    let boot = sorted(boot);
    lan.pass(Duration::from_mins(5));
    let letters = found(&mut lan, &boot);
    assert_eq!(letters.matches('.').count(), boot.len() / 2, "{letters}");
    assert_eq!(letters.matches('-').count(), boot.len() / 2, "{letters}");
    // Believed in for 10 min after the last.
    lan.pass(Duration::from_mins(9));
    assert_eq!(found(&mut lan, &doubled(0, 1, Response)), ".-");
    lan.pass(Duration::from_mins(11));
    assert_eq!(found(&mut lan, &doubled(0, 1, Response)), "..");
}

#[test]
fn a_stuck_printer_is_one_source_and_judged_in_full() {
    for gap in [Duration::from_micros(100), MILLI, 5 * MILLI, 250 * MILLI] {
        // Nobody else sends anything twice, or two others do: they and the printer's second frame
        // look like a mirror port, until its fourth.
        for (doubling, at_most) in [(&[][..], 0), (&[2, 3], 2)] {
            let mut lan = Lan::new();
            for &by in doubling {
                lan.hear(&frame(by, by, Says::Ssdp));
                lan.hear(&frame(by, by, Says::Ssdp));
            }
            let spared = (0..200).filter(|_| {
                lan.pass(gap);
                lan.hear(&frame(1, 1, Says::Response)).is_spared
            });
            assert!(spared.count() <= at_most, "{gap:?}");
        }
    }
    // Nor is it spared behind a mirror port, where each of its frames comes twice.
    let mut lan = Lan::new();
    for by in [2, 3, 4, 2, 3, 4] {
        lan.hear(&frame(by, by, Says::Ssdp));
    }
    for by in [2, 3, 4] {
        lan.pass(1_000 * MILLI);
        lan.hear(&frame(by, by, Says::Ssdp));
        lan.hear(&frame(by, by, Says::Ssdp));
    }
    let judged = (0..200).filter(|_| {
        lan.pass(5 * MILLI);
        let frame = frame(1, 1, Says::Response);
        let spared = [lan.hear(&frame).is_spared, lan.hear(&frame).is_spared];
        assert_eq!(spared, [false, true]);
        true
    });
    assert_eq!(judged.count(), 200);
}

#[test]
fn reflection_is_told_from_what_two_may_say() {
    use Says::{Probe, Probe6, Question, Response, Response6, Types};
    let cases: &[(&str, &[Step], &str)] = &[
        ("a response again from another", &[(0, 1, 1, Response), (250, 2, 1, Response)], ".R"),
        ("too late", &[(0, 1, 1, Response), (251, 2, 1, Response)], ".."),
        ("a probe", &[(0, 1, 1, Probe), (5, 2, 1, Probe)], ".R"),
        ("one question of two phones", &[(0, 1, 1, Question), (5, 2, 2, Question)], ".."),
        ("which types there are", &[(0, 1, 1, Types), (5, 2, 2, Types), (9, 1, 1, Types)], "..."),
        ("both families", &[(0, 1, 1, Response), (0, 1, 1, Response6)], ".."),
        (
            "both families, both copied",
            &[(0, 1, 1, Response), (1, 2, 1, Response), (2, 1, 1, Response6), (3, 2, 1, Response6)],
            ".R.R",
        ),
        ("both have one", &[(0, 1, 1, Response), (5, 2, 2, Response)], ".."),
        (
            "the next probe after a copy",
            &[
                (0, 1, 1, Probe),
                (9, 2, 1, Probe),
                (240, 1, 1, Probe),
                (249, 2, 1, Probe),
                (490, 1, 1, Probe),
            ],
            ".R.R.",
        ),
        (
            "copied, and sent again because of it",
            &[(0, 1, 1, Response), (5, 2, 1, Response), (9, 1, 1, Response), (14, 2, 1, Response)],
            ".R-R",
        ),
        (
            "a stuck printer that is copied",
            &[(0, 1, 1, Response), (5, 1, 1, Response), (6, 2, 1, Response), (10, 1, 1, Response)],
            "..R.",
        ),
        ("a third", &[(0, 1, 1, Probe6), (5, 2, 1, Probe6), (9, 3, 1, Probe6)], ".RR"),
    ];
    for (what, steps, expected) in cases {
        let mut lan = Lan::new();
        assert_eq!(found(&mut lan, steps), *expected, "{what}");
        let copies = expected.matches('R').count() as u64;
        assert_eq!(lan.detectors.health(lan.now(), std::iter::empty()).reflected, copies, "{what}");
        let loops = expected.contains('-') || *what == "a third";
        assert_eq!(
            lan.detectors.health(lan.now(), std::iter::empty()).reflection_loop,
            loops,
            "{what}"
        );
        lan.pass(Duration::from_secs(11));
        assert!(!lan.detectors.health(lan.now(), std::iter::empty()).reflection_loop, "{what}");
    }
}

#[test]
fn where_senders_are_known_by_their_addresses_a_device_is_two_of_them() {
    let raw = |bytes: Vec<u8>| bytes[14..].to_vec();
    let mut lan = Lan::new();
    lan.link_type = LinkType::RawIp;
    let mut spared = |says, by| lan.hear(&raw(frame(by, 1, says))).is_spared;
    assert!(!spared(Says::Response, 1) && !spared(Says::Response6, 1));
    assert!(spared(Says::Response, 2), "another IPv4 address");
}

#[test]
fn name_conflict_is_told_from_a_move() {
    // Both say that they are host-7.
    let claim = |by: u16| {
        Host::numbered(by).mdns4(Responder::new("host-7", Host::numbered(by)).announcement())
    };
    let mut lan = Lan::new();
    let mut signatures = |by| {
        lan.pass(1_000 * MILLI);
        lan.hear(&claim(by)).signatures
    };
    let conflict = vec![Cause::NameConflict];
    assert_eq!(
        [signatures(1), signatures(1), signatures(2), signatures(2)],
        [vec![], vec![], vec![], vec![]]
    );
    assert_eq!(
        [signatures(1), signatures(1), signatures(2)],
        [conflict.clone(), conflict.clone(), conflict]
    );
    let now = lan.now();
    assert!(lan.memory(Host::numbered(2)).is_contested(now));
    assert!(lan.memory(Host::numbered(1)).is_contested(now));
    // The other has not claimed it for more than 10 s.
    for _ in 0..11 {
        lan.pass(1_000 * MILLI);
        lan.hear(&claim(2));
    }
    assert!(lan.hear(&claim(2)).signatures.is_empty());
}

#[test]
fn a_relay_s_records_are_no_claims() {
    let mut lan = Lan::new();
    for n in 11..=14 {
        lan.hear(&Host::numbered(1).mdns4(responder(Host::numbered(n)).address_response()));
    }
    assert!(lan.memory(Host::numbered(1)).relay.is_relay());
    // What it still says of host-11 after that one has taken another address.
    let moved = Responder::new("host-11", Host::numbered(99));
    let mut signatures = Vec::new();
    for _ in 0..4 {
        lan.pass(1_000 * MILLI);
        signatures.extend(lan.hear(&Host::numbered(11).mdns4(moved.address_response())).signatures);
        lan.pass(1_000 * MILLI);
        let stale = responder(Host::numbered(11)).address_response();
        signatures.extend(lan.hear(&Host::numbered(1).mdns4(stale)).signatures);
    }
    assert_eq!(signatures, []);
}
