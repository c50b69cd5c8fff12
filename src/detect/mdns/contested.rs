//! Names that two devices fight over, at any rate: [`Condition::NameConflict`].
//!
//! Compares what each device says of a name, in responses and in what probes propose, and finds
//! names that go from one device to another and back twice in 10 min, while one of the two probes
//! for it, withdraws it, or says who it is otherwise. A host on several links has several MACs and
//! says the same of itself from each, but for its addresses: alternating addresses alone are no
//! fight. Such a host probes from all its links when it starts, so a fight must last longer than
//! that. It must not know storms; what floods is marked by `conflict`.

use crate::decode::Sender;
use crate::decode::mdns::{HashKey, Kind, NameHash, PayloadHash, RType, Record, Section, SumHash};
use crate::detect::condition::{About, Condition, Evidence, Role};
use crate::detect::memory::recent::Recent;
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::view::{Findings, Mdns, View};
use crate::time::Time;
use std::time::Duration;

/// A name that goes to another and back twice...
const CHANGES: u8 = 4;
/// ... within this time is fought over.
const WITHIN: Duration = Duration::from_mins(10);
/// Who probes or withdraws within this time of the other's record disputes it.
const DISPUTED: Duration = Duration::from_secs(10);
/// Disputes that are no farther apart may be one start of a host on several links: its probes and
/// announcements take 3 s, and are compared for 10 s.
const START: Duration = Duration::from_secs(15);
/// Devices compared of one name; of more, the one heard least lately is left out.
const PARTIES: usize = 4;
/// Pairs of them.
const PAIRS: usize = PARTIES * (PARTIES - 1) / 2;
/// Names of a message that are looked at.
const NAMES: usize = 32;
/// Sets of names: at most 1,024.
const NAME_SETS: usize = 128;

/// The types compared: addresses first, then what tells who a device is.
const TYPES: [RType; 5] = [RType::A, RType::AAAA, RType::SRV, RType::TXT, RType::HINFO];
/// How many of them are addresses.
const ADDRESSES: usize = 2;

/// What a device says of a name, by [`TYPES`]: the sum of the data, and whether it said the same
/// before. What was damaged on its way does not come twice.
#[derive(Clone, Copy, Debug, Default)]
struct Claims([Option<(SumHash, bool)>; TYPES.len()]);

/// How two devices differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// In their addresses, as far as is known.
    Addresses,
    /// In what else tells who they are.
    Identity,
}

impl Claims {
    fn add(&mut self, record: &Record) {
        let place = TYPES.iter().position(|rtype| *rtype == record.rtype);
        if let Some(place) = place {
            self.0[place].get_or_insert_default().0.add(record.data.0);
        }
    }

    const fn is_empty(&self) -> bool {
        let mut place = 0;
        while place < TYPES.len() {
            if self.0[place].is_some() {
                return false;
            }
            place += 1;
        }
        true
    }

    /// Takes over what a newer message says.
    fn update(&mut self, newer: &Self) {
        for (known, newer) in self.0.iter_mut().zip(&newer.0) {
            if let Some((data, _)) = newer {
                *known = Some((*data, known.is_some_and(|(before, _)| before == *data)));
            }
        }
    }

    /// What both say of each type where they differ, with whether they said so before.
    fn differences(&self, other: &Self) -> impl Iterator<Item = Option<(bool, bool)>> {
        self.0.iter().zip(other.0).map(|(one, other)| {
            let ((one, before), (other, other_before)) = one.zip(other)?;
            (one != other).then_some((before, other_before))
        })
    }

    fn differs(&self, other: &Self) -> Option<Difference> {
        let mut of_each = self.differences(other);
        let addresses = of_each.by_ref().take(ADDRESSES).flatten().next().is_some();
        let mut identity = of_each.flatten();
        if identity.any(|(one, other)| one && other) {
            Some(Difference::Identity)
        } else {
            addresses.then_some(Difference::Addresses)
        }
    }
}

/// One device that claims a name.
#[derive(Clone, Copy, Debug)]
struct Party {
    key: SenderKey,
    sender: Sender,
    claims: Claims,
    /// When it last said so.
    said: Time,
    /// When it last probed for the name, or withdrew it.
    disputed: Option<Time>,
    /// How often it probed for it, and how often it said that it has it.
    probes: u32,
    says: u32,
}

/// How two devices take turns.
#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    /// Whether the one at the higher place spoke last; `None` before they were compared.
    is_later: Option<bool>,
    /// When the name changed hands between them.
    changes: Recent<{ CHANGES as usize - 1 }>,
    /// When it did so in dispute: the last one, and the first of those that are no farther apart
    /// than from one to the next within [`WITHIN`].
    disputes: Option<(Time, Time)>,
}

impl Turns {
    fn dispute(&mut self, now: Time) {
        let first = self.disputes.filter(|(last, _)| now.since(*last) <= WITHIN);
        self.disputes = Some((now, first.map_or(now, |(_, first)| first)));
    }

    fn is_fight(&self, now: Time) -> bool {
        self.changes.are_within(CHANGES, now, WITHIN)
            && self.disputes.is_some_and(|(last, first)| {
                last.since(first) >= START && now.since(last) <= WITHIN
            })
    }
}

/// Those who claim one name. One device has no turns; boxed, because most names have one owner.
#[derive(Clone, Debug)]
struct Claimants {
    parties: [Option<Party>; PARTIES],
    turns: [Turns; PAIRS],
}

/// A name and who claims it.
#[derive(Clone, Debug)]
struct ClaimedName {
    first: Party,
    rivals: Option<Box<Claimants>>,
}

/// What a message does with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Says,
    Probes,
    Withdraws,
}

/// Names and who claims them. At most 1,024 names, 192 bytes each, and 1 KiB more for each that has
/// rivals: 1.2 MiB if all have.
#[derive(Debug)]
pub(crate) struct Contested {
    names: Table<NameHash, ClaimedName, NAME_SETS>,
    /// The last message that changed nothing: the same again changes nothing either.
    last: Option<(SenderKey, PayloadHash, Time)>,
}

/// Who a device fights with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fight {
    other: Sender,
    role: Option<Role>,
}

impl Contested {
    pub(crate) fn new(key: HashKey) -> Self {
        Self { names: Table::new(key, WITHIN), last: None }
    }

    /// Hears one frame of a device that is no relay.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        let Some(mdns) = view.multicast_mdns() else { return };
        let Some(sender) = view.observation.sender else { return };
        let is_probe = mdns.kind == Kind::Probe;
        if !is_probe && !mdns.is_response() {
            return;
        }
        let again = self.last.is_some_and(|(last, payload, at)| {
            last == view.sender
                && payload == mdns.payload
                && view.now.since(at) < Duration::from_secs(1)
        });
        if again {
            return;
        }
        let mut is_fight = false;
        each_name(mdns, is_probe, |name, at, act, claims| {
            if let Some(fight) = self.hear(view.now, name, (view.sender, sender), act, &claims) {
                is_fight = true;
                findings.show(Evidence {
                    condition: Condition::NameConflict,
                    about: Some(About::Name(at)),
                    other: Some(fight.other),
                    role: fight.role,
                });
            }
        });
        self.last = (!is_fight).then_some((view.sender, mdns.payload, view.now));
    }

    /// Hears what a device does with a name. Returns whom it fights with, if this continues a
    /// fight.
    fn hear(
        &mut self,
        now: Time,
        name: NameHash,
        (key, sender): (SenderKey, Sender),
        act: Act,
        claims: &Claims,
    ) -> Option<Fight> {
        let disputed = (act != Act::Says).then_some(now);
        let probes = u32::from(act == Act::Probes);
        let says = u32::from(act == Act::Says);
        let new = Party { key, sender, claims: *claims, said: now, disputed, probes, says };
        if act == Act::Withdraws {
            if let Some(name) = self.names.get_mut(now, name) {
                name.withdraw(now, key);
            }
            return None;
        }
        let place = self.names.entry(now, name, || ClaimedName { first: new, rivals: None });
        if place.is_new {
            return None;
        }
        place.value.hear(now, &new)
    }
}

impl ClaimedName {
    fn withdraw(&mut self, now: Time, key: SenderKey) {
        match &mut self.rivals {
            Some(rivals) => rivals.withdraw(now, key),
            None if self.first.key.may_be(key) => self.first.disputed = Some(now),
            None => {}
        }
    }

    fn hear(&mut self, now: Time, new: &Party) -> Option<Fight> {
        let Some(rivals) = &mut self.rivals else {
            if self.first.key.may_be(new.key) || now.since(self.first.said) > WITHIN {
                self.first.say(now, new);
            } else if self.first.claims.differences(&new.claims).any(|of_type| of_type.is_some()) {
                // Whether it differs is seen when it says so again.
                let mut parties = [None; PARTIES];
                parties[0] = Some(self.first);
                let mut rivals = Box::new(Claimants { parties, turns: Default::default() });
                let fight = rivals.hear(now, new);
                self.rivals = Some(rivals);
                return fight;
            }
            return None;
        };
        let fight = rivals.hear(now, new);
        // Nobody contests it any more.
        let mut recent = rivals.parties.iter().flatten().filter(|p| now.since(p.said) <= WITHIN);
        if let (Some(one), None) = (recent.next(), recent.next()) {
            self.first = *one;
            self.rivals = None;
        }
        fight
    }
}

impl Party {
    fn say(&mut self, now: Time, new: &Self) {
        if self.key.may_be(new.key) {
            self.claims.update(&new.claims);
            self.said = now;
            self.disputed = new.disputed.or(self.disputed);
            self.probes = self.probes.saturating_add(new.probes);
            self.says = self.says.saturating_add(new.says);
        } else {
            *self = *new;
        }
    }

    fn disputes(&self, now: Time) -> bool {
        self.disputed.is_some_and(|at| now.since(at) <= DISPUTED)
    }
}

impl Claimants {
    fn hear(&mut self, now: Time, new: &Party) -> Option<Fight> {
        let place = self.place(new);
        let same = self.parties[place].as_mut().filter(|there| there.key.may_be(new.key));
        if let Some(there) = same {
            there.say(now, new);
        } else {
            self.parties[place] = Some(*new);
            for other in (0..PARTIES).filter(|other| *other != place) {
                self.turns[pair(place, other)] = Turns::default();
            }
        }
        let party = self.parties[place]?;
        let mut found = None;
        for (place_of_other, other) in self.parties.iter().enumerate() {
            let Some(other) = other else { continue };
            if place_of_other == place || now.since(other.said) > WITHIN {
                continue;
            }
            let Some(difference) = party.claims.differs(&other.claims) else { continue };
            let turns = &mut self.turns[pair(place, place_of_other)];
            let is_later = place > place_of_other;
            if turns.is_later == Some(is_later) {
                continue;
            }
            // The first to speak of a pair only begins the turns, unless the other spoke before.
            let is_recent = now.since(other.said) <= DISPUTED;
            let is_disputed = difference == Difference::Identity
                || (is_recent && (party.disputes(now) || other.disputes(now)));
            turns.is_later = Some(is_later);
            turns.changes.push(now);
            if is_disputed {
                turns.dispute(now);
            }
            if turns.is_fight(now) {
                found = Some(Fight { other: other.sender, role: role(&party, other) });
            }
        }
        found
    }

    /// Who withdraws a name just after the other's record gives in.
    fn withdraw(&mut self, now: Time, key: SenderKey) {
        let same = |party: &Option<Party>| party.is_some_and(|there| there.key.may_be(key));
        let Some(place) = self.parties.iter().position(same) else { return };
        let Some(party) = &mut self.parties[place] else { return };
        party.disputed = Some(now);
        let claims = party.claims;
        for (place_of_other, other) in self.parties.iter().enumerate() {
            let Some(other) = other.filter(|_| place_of_other != place) else { continue };
            if now.since(other.said) <= DISPUTED && claims.differs(&other.claims).is_some() {
                self.turns[pair(place, place_of_other)].dispute(now);
            }
        }
    }

    /// Where a party is, or where there is space for it.
    fn place(&self, new: &Party) -> usize {
        let same = |party: &Option<Party>| party.is_some_and(|there| there.key.may_be(new.key));
        let known = self.parties.iter().position(same);
        let free = || self.parties.iter().position(Option::is_none);
        let oldest = || {
            let said = |place: &usize| self.parties[*place].map(|party| party.said);
            (0..PARTIES).min_by_key(said).unwrap_or(0)
        };
        known.or_else(free).unwrap_or_else(oldest)
    }
}

/// Who has the name says so more often than it probes for it, and only defends it while the other
/// probes.
fn role(party: &Party, other: &Party) -> Option<Role> {
    if party.probes == 0 && other.probes == 0 {
        None
    } else if party.says > party.probes {
        Some(Role::Defends)
    } else {
        Some(Role::Probes)
    }
}

/// The place of a pair: each of two different places below [`PARTIES`].
const fn pair(one: usize, other: usize) -> usize {
    let (low, high) = if one < other { (one, other) } else { (other, one) };
    high * (high - 1) / 2 + low
}

/// Hands each name of unique records to `hear`, with the place of the name and what is said of it.
/// Records of one name stand together in most messages; where they do not, it is heard twice.
fn each_name(mdns: Mdns<'_>, is_probe: bool, mut hear: impl FnMut(NameHash, u16, Act, Claims)) {
    let unique = |record: &&Record| {
        let is_there = match record.section {
            Section::Authority => is_probe,
            Section::Answer | Section::Additional => !is_probe && record.is_unique(),
            Section::Question => false,
        };
        is_there && TYPES.contains(&record.rtype)
    };
    let mut records = mdns.digest.records.iter().filter(unique).peekable();
    for _ in 0..NAMES {
        let Some(first) = records.next() else { return };
        let mut claims = Claims::default();
        let mut is_withdrawn = false;
        let mut add = |record: &Record| {
            if record.ttl == 0 && !is_probe {
                is_withdrawn = true;
            } else {
                claims.add(record);
            }
        };
        add(first);
        while let Some(same) = records.next_if(|record| record.name == first.name) {
            add(same);
        }
        let act = if is_probe { Act::Probes } else { Act::Says };
        if is_withdrawn {
            hear(first.name, first.at, Act::Withdraws, Claims::default());
        }
        if !claims.is_empty() {
            hear(first.name, first.at, act, claims);
        }
    }
}

#[cfg(test)]
mod tests;
