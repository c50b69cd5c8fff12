//! Who speaks for others: reflectors, mDNS gateways, sleep proxies, Thread border routers.
//!
//! Decides from the address records of a device's multicast responses whether it is a relay, and
//! which records of a message are about other hosts.
//!
//! A host is identified by its name. A name is the source's own if one of its addresses is one that
//! the source sends from, and stays its own with whatever further addresses it is given: those of
//! other interfaces, of containers, of a VPN. It is another's if an address of a family that the
//! source is known to send from is not among those; of the other family nothing is known.
//!
//! Four others within 10 min make a relay, for an hour after it last named one: a reflector on a
//! quiet LAN, or a proxy whose sleepers say nothing, is still one. A device that names others but
//! does not reach four in 10 min is cleared, until it was silent about others for an hour.

use crate::decode::mdns::{
    DataHash, Digest, NameHash, PayloadHash, RClass, RType, Record, Section,
};
use crate::detect::steady::Steady;
use crate::detect::view::{Mdns, View};
use crate::time::Time;
use std::net::IpAddr;
use std::time::Duration;

/// So many hosts that are others make a relay.
const HOSTS: usize = 4;
/// They must be named within this time; a device that names fewer is cleared.
const WINDOW: Duration = Duration::from_mins(10);
/// What is known of a source is kept for this long after it last named another host.
const KEPT: Duration = Duration::from_hours(1);
/// Own addresses and own names kept of a source.
const OWN: usize = 8;
/// A payload that came again is examined again after this long.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is known of one source of answers: nothing before its first multicast response with an
/// address. Then some 400 B.
#[derive(Clone, Debug, Default)]
pub(crate) struct RelayState(Option<Box<RelayEvidence>>);

#[derive(Clone, Debug, Default)]
struct RelayEvidence {
    /// Addresses that it sends from, IPv4 and IPv6, as their records' data; used last first.
    own: [RecentHashes<DataHash>; 2],
    /// Names with such an address.
    names: RecentHashes<NameHash>,
    /// Other hosts, by name, with when they were named last; the latest first.
    others: [Option<(NameHash, Time)>; HOSTS],
    /// Since when it names others, and when it did last.
    naming: Option<(Time, Time)>,
    standing: RelayStanding,
    /// The message that was examined last.
    looked_into: Option<LookedInto>,
}

/// What is known of a source so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum RelayStanding {
    /// Not known yet.
    #[default]
    Open,
    /// It speaks for others.
    Relay,
    /// It does not.
    Cleared,
}

/// A message that was examined.
#[derive(Clone, Copy, Debug)]
struct LookedInto {
    payload: PayloadHash,
    source: IpAddr,
    at: Time,
    others: Places,
}

/// The last few of many hashes.
#[derive(Clone, Copy, Debug, Default)]
struct RecentHashes<H>([H; OWN]);

impl<H: Copy + Default + PartialEq> RecentHashes<H> {
    fn has(&self, hash: H) -> bool {
        self.0.contains(&hash)
    }

    fn is_empty(&self) -> bool {
        self.0[0] == H::default()
    }

    /// Puts it first.
    fn add(&mut self, hash: H) {
        let place = self.0.iter().position(|&there| there == hash).unwrap_or(OWN - 1);
        self.0[..=place].rotate_right(1);
        self.0[0] = hash;
    }
}

/// Records of one message, by their place in the digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places(u128);

impl Places {
    /// Whether the record at `place` is among them.
    pub(crate) const fn has(self, place: u8) -> bool {
        place < 128 && self.0 & (1 << place) != 0
    }

    const fn add(&mut self, place: usize) {
        if place < 128 {
            self.0 |= 1 << place;
        }
    }
}

impl RelayState {
    /// Hears one frame. Returns the records in it that are about other hosts.
    pub(crate) fn handle(&mut self, view: &View<'_>) -> Places {
        if let Some(state) = &mut self.0 {
            state.settle(view.now);
        }
        let Some(mdns) = view.multicast_mdns().filter(Mdns::is_response) else {
            return Places::default();
        };
        let source = view.observation.ip.map(|ip| ip.source);
        let Some((source, address)) = source.zip(view.own_address()) else {
            return Places::default();
        };
        if self.0.is_none() && !mdns.digest.records.iter().any(is_address) {
            return Places::default();
        }
        let state = self.0.get_or_insert_default();
        let looked = LookedInto { payload: mdns.payload, source, at: view.now, others: Places(0) };
        if let Some(last) = state.looked_into.filter(|last| last.is_same(&looked)) {
            return last.others;
        }
        state.own[usize::from(source.is_ipv6())].add(address);
        let others = state.look_into(view.now, source.is_ipv6(), mdns.digest);
        state.looked_into = Some(LookedInto { others, ..looked });
        others
    }

    /// What is promised of copies of the frame that was just heard: for a second nothing is looked
    /// up for them, and time alone changes nothing.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Some(state) = &self.0 else { return Some(steady) };
        let now = view.now;
        let steady = state.naming.map_or(steady, |(first, last)| {
            steady.while_under(now, first, WINDOW).while_under(now, last, KEPT)
        });
        let Some(mdns) = view.multicast_mdns().filter(Mdns::is_response) else {
            return Some(steady);
        };
        let Some(source) = view.observation.ip.map(|ip| ip.source) else { return Some(steady) };
        let last = state.looked_into.as_ref()?;
        let is_same = last.payload == mdns.payload && last.source == source;
        is_same.then(|| steady.while_under(now, last.at, LOOK_EVERY))
    }

    /// Whether it is a relay.
    pub(crate) fn is_relay(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.standing == RelayStanding::Relay)
    }

    /// The host names that it has for itself, at most eight. With two or more it is several
    /// responders behind one MAC (RFC 6762 section 15), and may be as many programs that ask.
    pub(crate) fn own_names(&self) -> usize {
        let names = self.0.as_ref().map(|state| state.names.0);
        names.map_or(0, |names| names.iter().filter(|name| **name != NameHash::default()).count())
    }

    /// Whether it has named another host within the hour: a reflector with few hosts behind it is
    /// no relay, and passes on what they ask all the same.
    pub(crate) fn speaks_for_another(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.naming.is_some() && state.others[0].is_some())
    }

    /// Whether it is known to be none, so that nothing is held back any longer.
    pub(crate) fn is_cleared(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.standing == RelayStanding::Cleared)
    }
}

impl LookedInto {
    /// Whether it is the same message again, within a second.
    fn is_same(&self, other: &Self) -> bool {
        self.payload == other.payload
            && self.source == other.source
            && other.at.since(self.at) < LOOK_EVERY
    }
}

impl RelayEvidence {
    /// What time alone changes.
    fn settle(&mut self, now: Time) {
        let Some((first, last)) = self.naming else { return };
        if now.since(last) > KEPT {
            self.naming = None;
            self.standing = RelayStanding::Open;
        } else if self.standing == RelayStanding::Open && now.since(first) >= WINDOW {
            self.standing = RelayStanding::Cleared;
        }
    }

    fn look_into(&mut self, now: Time, is_v6: bool, digest: &Digest) -> Places {
        for record in digest.records.iter().filter(|record| is_address(record)) {
            if self.own[usize::from(record.rtype == RType::AAAA)].has(record.data) {
                self.names.add(record.name);
                self.forget(record.name);
            }
        }
        let (mut places, mut names_itself) = (Places::default(), false);
        for (place, record) in digest.records.iter().enumerate() {
            if self.names.has(record.name) {
                names_itself = true;
            } else if is_address(record)
                && (self.is_of_another(record) || self.is_named_beside(record, is_v6, digest))
            {
                places.add(place);
                // A goodbye names nobody who is there.
                if record.ttl > 0 {
                    self.name_other(now, record.name);
                }
            }
        }
        // An NSEC or SRV record alone does not say whose it is. From a device that speaks for
        // others and is not judged yet, it may be another host's.
        let is_suspect = self.standing == RelayStanding::Open && self.naming.is_some();
        if (places != Places::default() || is_suspect) && !names_itself {
            // What comes with it is the other's too.
            (0..digest.records.len()).for_each(|place| places.add(place));
        }
        places
    }

    /// Whether an address record of a name that is not known to be its own has an address that is
    /// not its own either, as far as its addresses are known.
    fn is_of_another(&self, record: &Record) -> bool {
        // Its own one would have made the name its own.
        let own = if record.rtype == RType::AAAA { &self.own[1] } else { &self.own[0] };
        !own.is_empty()
    }

    /// Whether the same message gives the name an address of the frame's family too, which is not
    /// the source's.
    fn is_named_beside(&self, record: &Record, is_v6: bool, digest: &Digest) -> bool {
        let rtype = if is_v6 { RType::AAAA } else { RType::A };
        digest.records.iter().any(|other| {
            other.rtype == rtype && other.name == record.name && self.is_of_another(other)
        })
    }

    /// Another host was named.
    fn name_other(&mut self, now: Time, name: NameHash) {
        let first = self.naming.map_or(now, |(first, _)| first);
        self.naming = Some((first, now));
        let there =
            |other: &Option<(NameHash, Time)>| other.is_some_and(|(there, _)| there == name);
        let place = self.others.iter().position(there).unwrap_or(HOSTS - 1);
        self.others[..=place].rotate_right(1);
        self.others[0] = Some((name, now));
        if self.others[HOSTS - 1].is_some_and(|(_, at)| now.since(at) <= WINDOW) {
            self.standing = RelayStanding::Relay;
        }
    }

    /// A host turned out to be the source itself.
    fn forget(&mut self, name: NameHash) {
        let there =
            |other: &Option<(NameHash, Time)>| other.is_some_and(|(there, _)| there == name);
        if let Some(place) = self.others.iter().position(there) {
            self.others[place..].rotate_left(1);
            self.others[HOSTS - 1] = None;
        }
        // Nobody else was named: what was held back was about itself.
        if self.others[0].is_none()
            && self.standing != RelayStanding::Relay
            && self.naming.is_some()
        {
            self.standing = RelayStanding::Cleared;
        }
    }
}

/// Whether it says which address a host has.
fn is_address(record: &Record) -> bool {
    record.rtype.is_address()
        && record.class == RClass::IN
        && matches!(record.section, Section::Answer | Section::Additional)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::mdns::Traits;
    use proptest::prelude::*;

    const OWN_V4: u64 = 1_000;
    const OWN_V6: u64 = 2_000;

    fn record(name: u64, rtype: RType, data: u64) -> Record {
        Record {
            section: Section::Answer,
            name: NameHash(name),
            rtype,
            class: RClass::IN,
            flush: true,
            ttl: 120,
            data: DataHash(data),
            traits: Traits::default(),
            at: 0,
        }
    }

    fn digest(records: &[(u64, RType, u64)]) -> Digest {
        let records = records.iter().map(|&(name, rtype, data)| record(name, rtype, data));
        Digest { records: records.collect(), ..Digest::default() }
    }

    /// Which records of a message over IPv4 are about others, where the source's IPv6 address is
    /// known or not.
    fn others(knows_v6: bool, records: &[(u64, RType, u64)]) -> Vec<usize> {
        let mut state = RelayEvidence::default();
        state.own[0].add(DataHash(OWN_V4));
        if knows_v6 {
            state.own[1].add(DataHash(OWN_V6));
        }
        let places = state.look_into(Time(0), false, &digest(records));
        (0..records.len()).filter(|place| places.has(u8::try_from(*place).unwrap())).collect()
    }

    #[test]
    fn records_about_others_are_told_by_their_names() {
        type Case = (&'static str, bool, &'static [(u64, RType, u64)], &'static [usize]);
        let cases: &[Case] = &[
            (
                "itself",
                false,
                &[(7, RType::A, OWN_V4), (7, RType::AAAA, 9), (8, RType::SRV, 5)],
                &[],
            ),
            (
                "a container's address beside its own",
                false,
                &[(7, RType::A, 9), (7, RType::A, OWN_V4)],
                &[],
            ),
            ("an alias of its own address", false, &[(6, RType::A, OWN_V4)], &[]),
            ("another, with its service", false, &[(8, RType::SRV, 5), (7, RType::A, 9)], &[0, 1]),
            (
                "itself and another",
                false,
                &[(7, RType::A, OWN_V4), (8, RType::A, 9), (5, RType::SRV, 5)],
                &[1],
            ),
            ("another over both", false, &[(7, RType::AAAA, 8), (7, RType::A, 9)], &[0, 1]),
            ("over the other family alone", false, &[(7, RType::AAAA, 8)], &[]),
            ("the same, its address known", true, &[(7, RType::AAAA, 8)], &[0]),
            ("itself, by the other family", true, &[(7, RType::AAAA, OWN_V6)], &[]),
            ("no address", false, &[(8, RType::SRV, 5)], &[]),
        ];
        for (what, knows_v6, records, expected) in cases {
            assert_eq!(others(*knows_v6, records), *expected, "{what}");
        }
    }

    #[test]
    fn what_turns_out_to_be_its_own_is_held_against_it() {
        let mut state = RelayEvidence::default();
        state.own[1].add(DataHash(OWN_V6));
        assert!(state.look_into(Time(0), true, &digest(&[(7, RType::AAAA, 5)])).has(0));
        assert_eq!(state.standing, RelayStanding::Open);
        state.own[0].add(DataHash(OWN_V4));
        assert!(!state.look_into(Time(1), false, &digest(&[(7, RType::A, OWN_V4)])).has(0));
        assert_eq!(state.standing, RelayStanding::Cleared);
        assert!(!state.look_into(Time(2), true, &digest(&[(7, RType::AAAA, 5)])).has(0));
    }

    proptest! {
        #[test]
        fn a_relay_names_four_within_ten_minutes(
            steps in prop::collection::vec((1_u64..8, 0_u64..400), 1..60),
        ) {
            let mut state = RelayEvidence::default();
            state.own[0].add(DataHash(OWN_V4));
            let mut named: Vec<(u64, Time)> = Vec::new();
            let mut now = Time(0);
            let mut is_relay = false;
            for (name, seconds) in steps {
                now = now.plus(Duration::from_secs(seconds));
                state.settle(now);
                state.look_into(now, false, &digest(&[(name, RType::A, 9)]));
                named.retain(|(there, at)| *there != name && now.since(*at) <= WINDOW);
                named.push((name, now));
                is_relay |= named.len() >= HOSTS;
                prop_assert_eq!(state.standing == RelayStanding::Relay, is_relay);
            }
            state.settle(now.plus(KEPT));
            prop_assert_eq!(state.standing == RelayStanding::Relay, is_relay);
            state.settle(now.plus(KEPT + Duration::from_nanos(1)));
            prop_assert_eq!(state.standing, RelayStanding::Open);
        }
    }

    #[test]
    fn whoever_does_not_reach_four_is_cleared() {
        let mut state = RelayEvidence::default();
        state.own[0].add(DataHash(OWN_V4));
        state.look_into(
            Time(0),
            false,
            &digest(&[(1, RType::A, 9), (2, RType::A, 9), (3, RType::A, 9)]),
        );
        state.settle(Time(0).plus(WINDOW).minus(Duration::from_nanos(1)));
        assert_eq!(state.standing, RelayStanding::Open);
        state.settle(Time(0).plus(WINDOW));
        assert_eq!(state.standing, RelayStanding::Cleared);
        state.look_into(Time(0).plus(WINDOW), false, &digest(&[(4, RType::A, 9)]));
        assert_eq!(state.standing, RelayStanding::Relay, "all four within 10 min");
    }

    #[test]
    fn memory_has_a_bound() {
        assert!(size_of::<RelayEvidence>() <= 400, "{}", size_of::<RelayEvidence>());
    }
}
