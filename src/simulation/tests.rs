//! The simulated LAN keeps the rules, by a check that shares nothing with the detectors.

use super::*;
use simple_dns::{Packet, PacketFlag, QTYPE, TYPE};
use std::collections::{BTreeMap, BTreeSet};

const HOUR: Duration = Duration::from_hours(1);

fn lan(seed: u64) -> Simulation {
    Simulation::new(Options { seed, ..Options::default() })
}

/// Source MAC, whether IPv6, and the payload of an mDNS frame.
fn mdns(frame: &[u8]) -> Option<([u8; 6], bool, &[u8])> {
    let (is_v6, udp) = match frame[12..14] {
        [8, 0] if frame[23] == 17 => (false, 34),
        [0x86, 0xdd] if frame[20] == 17 => (true, 54),
        _ => return None,
    };
    let port = u16::from_be_bytes([frame[udp + 2], frame[udp + 3]]);
    let len = usize::from(u16::from_be_bytes([frame[udp + 4], frame[udp + 5]]));
    let mac = frame[6..12].try_into().ok()?;
    (port == 5353).then(|| (mac, is_v6, &frame[udp + 8..udp + len]))
}

#[test]
fn the_same_seed_makes_the_same_octets_and_another_seed_others() {
    let until = Duration::from_mins(20);
    let first: Vec<_> = lan(7).frames(until).collect();
    assert!(first.len() > 1_000, "{}", first.len());
    assert!(first == lan(7).frames(until).collect::<Vec<_>>());
    assert!(first != lan(8).frames(until).collect::<Vec<_>>());
}

#[test]
fn time_never_goes_back_and_pauses_change_nothing() {
    let stream = Stream::Between(Duration::from_secs(30), Duration::from_secs(32));
    let options = Options { seed: 3, stream, ..Options::default() };
    let until = Duration::from_mins(3);
    let whole: Vec<_> = Simulation::new(options).frames(until).collect();
    assert!(whole.windows(2).all(|pair| pair[0].0 < pair[1].0));
    let mut paused = Simulation::new(options);
    let mut pieces = Vec::new();
    for second in 0..=until.as_secs() * 2 {
        while let Some((at, bytes)) = paused.frame_until(Duration::from_millis(second * 500)) {
            pieces.push((at, bytes.to_vec()));
        }
        assert!(paused.next_at() > Some(Duration::from_millis(second * 500)));
    }
    assert!(whole == pieces, "{} and {}", whole.len(), pieces.len());
}

/// Who sent what when, of an hour, by record and by question.
#[derive(Default)]
struct Heard {
    records: BTreeMap<([u8; 6], bool, String), Vec<Duration>>,
    questions: BTreeMap<([u8; 6], bool, String), Vec<Duration>>,
    probes: BTreeMap<([u8; 6], bool, Vec<String>), Vec<Duration>>,
    errors: Vec<String>,
}

impl Heard {
    fn of(frames: impl Iterator<Item = (Duration, Vec<u8>)>) -> Self {
        let mut heard = Self::default();
        for (at, frame) in frames {
            assert!(frame.len() <= 1_514, "{} octets", frame.len());
            let Some((mac, is_v6, payload)) = mdns(&frame) else { continue };
            let packet = Packet::parse(payload).expect("a message");
            heard.message(at, mac, is_v6, &packet);
        }
        heard
    }

    fn message(&mut self, at: Duration, mac: [u8; 6], is_v6: bool, packet: &Packet<'_>) {
        let mut wrong = |what: &str| self.errors.push(format!("{at:?} {mac:x?}: {what}"));
        let is_response = packet.has_flags(PacketFlag::RESPONSE);
        if packet.id() != 0 {
            wrong("an id");
        }
        if is_response && (packet.answers.is_empty() || !packet.questions.is_empty()) {
            wrong("a response without answers or with questions");
        }
        let shared =
            |record: &simple_dns::ResourceRecord<'_>| record.rdata.type_code() == TYPE::PTR;
        let said = packet.answers.iter().chain(&packet.additional_records);
        for record in said.clone().filter(|_| is_response) {
            if record.cache_flush == shared(record) {
                wrong(&format!("the cache-flush bit of {}", record.name));
            }
            if ![0, 120, 4_500].contains(&record.ttl) {
                wrong("a TTL");
            }
            let goodbye = record.ttl == 0;
            let key = format!("{} {:?} {goodbye}", record.name, record.rdata);
            self.records.entry((mac, is_v6, key)).or_default().push(at);
        }
        if !is_response && said.chain(&packet.name_servers).any(|record| record.cache_flush) {
            self.errors.push(format!("{at:?} {mac:x?}: a cache-flush bit in a query"));
        }
        let names = |q: &simple_dns::Question<'_>| format!("{} {:?}", q.qname, q.qtype);
        if packet.name_servers.is_empty() {
            for question in packet.questions.iter().filter(|q| q.qtype != QTYPE::ANY) {
                self.questions.entry((mac, is_v6, names(question))).or_default().push(at);
            }
        } else {
            let key = (mac, is_v6, packet.questions.iter().map(names).collect());
            self.probes.entry(key).or_default().push(at);
        }
    }
}

fn least_gap(times: &[Duration]) -> Option<Duration> {
    times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).min()
}

#[test]
fn for_an_hour_nobody_breaks_a_rule_of_mdns() {
    let heard = Heard::of(lan(1).frames(HOUR));
    assert!(heard.errors.is_empty(), "{:#?}", heard.errors);
    let sizes = (heard.records.len(), heard.questions.len(), heard.probes.len());
    assert!(sizes.0 > 300 && sizes.1 > 30 && sizes.2 > 20, "{sizes:?}");
    for (key, times) in &heard.records {
        let gap = least_gap(times).unwrap_or(HOUR);
        assert!(gap >= Duration::from_millis(990), "{key:?}: {gap:?}");
    }
    for (key, times) in &heard.questions {
        let gap = least_gap(times).unwrap_or(HOUR);
        assert!(gap >= Duration::from_millis(990), "{key:?}: {gap:?}");
    }
    for (key, times) in &heard.probes {
        assert_eq!(times.len() % 3, 0, "{key:?}: {times:?}");
        let gap = least_gap(times).unwrap_or(HOUR);
        assert!(gap >= Duration::from_millis(245), "{key:?}: {gap:?}");
    }
}

#[test]
fn for_an_hour_nobody_floods_and_all_are_heard() {
    let mut windows: BTreeMap<([u8; 6], u64), u64> = BTreeMap::new();
    let mut macs = BTreeSet::new();
    let (mut arp, mut total) = (0, 0);
    for (at, frame) in lan(2).frames(HOUR) {
        let mac: [u8; 6] = frame[6..12].try_into().expect("six octets");
        macs.insert(mac);
        total += 1;
        if frame[12..14] == [8, 6] {
            arp += 1;
        } else {
            *windows.entry((mac, at.as_secs() / 10)).or_default() += 1;
        }
    }
    let busiest = windows.values().max().expect("frames");
    assert!(*busiest <= 100, "{busiest} frames in 10 s");
    let resident = Member::ALL.iter().filter(|member| macs.contains(&member.host().mac.0)).count();
    assert_eq!(resident, Member::ALL.len());
    let random = macs.iter().filter(|mac| mac[0] & 3 == 2).count();
    assert!(random >= 4, "{random} randomised MACs");
    assert!((300..2_000).contains(&arp), "{arp} ARP frames");
    assert!((3_000..60_000).contains(&total), "{total} frames");
}

#[test]
fn a_member_that_locks_up_repeats_itself_and_does_nothing_else_until_it_is_unplugged() {
    let mut lan = lan(4);
    let (from, until) = (Duration::from_mins(5), Duration::from_mins(6));
    lan.lock_up(Member::Printer, from, until, 200);
    let mac = Member::Printer.host().mac.0;
    let sent: Vec<_> =
        lan.frames(Duration::from_mins(20)).filter(|(_, frame)| frame[6..12] == mac).collect();
    let during: Vec<_> = sent.iter().filter(|(at, _)| *at >= from).collect();
    assert_eq!(during.len(), 12_000);
    assert!(during.windows(2).all(|pair| pair[0].1 == pair[1].1));
    assert!(during.last().is_some_and(|(at, _)| *at < until));
    assert!(sent.len() > during.len() + 10);
}

#[test]
fn questions_come_with_what_is_known_and_what_is_known_is_refreshed() {
    let mut refreshed = 0;
    let mut listed = 0;
    let mac = Member::Mac.host().mac.0;
    for (at, frame) in lan(5).frames(2 * HOUR) {
        let Some((source, false, payload)) = mdns(&frame) else { continue };
        let packet = Packet::parse(payload).expect("a message");
        if source != mac || packet.has_flags(PacketFlag::RESPONSE) {
            continue;
        }
        listed += packet.answers.len();
        // 80 % of 4500 s after the boot.
        let is_late = (3_600..3_720).contains(&at.as_secs());
        refreshed += usize::from(is_late && packet.answers.is_empty());
    }
    assert!(listed > 30, "{listed} known answers");
    assert!(refreshed > 0);
}
