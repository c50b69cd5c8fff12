//! Names that two devices fight over, at any rate: [`Condition::NameConflict`].
//!
//! Compares what each device says of a name, in responses and in what probes propose, and finds
//! names that go from one device to another and back twice in 10 min, while one of the two probes
//! for it in vain, gives it up, or says who it is otherwise. A host on several links has several
//! MACs and says the same of itself from each, but for its addresses: alternating addresses alone
//! are no fight. Such a host probes from its links each time it starts or wakes, and then announces
//! what it probed for: probes that end so dispute nothing. It must not know storms; what floods is
//! marked by `conflict`.

use crate::decode::Sender;
use crate::decode::mdns::{HashKey, Kind, NameHash, PayloadHash, RType, Record, Section, SumHash};
use crate::detect::condition::{About, Condition, Evidence, Role};
use crate::detect::memory::recent::Recent;
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, Mdns, View};
use crate::time::Time;
use std::time::Duration;

/// A name that goes to another and back twice...
const CHANGES: u8 = 4;
/// ... within this time is fought over.
const WITHIN: Duration = Duration::from_mins(10);
/// Who probes within this time of the other's record disputes it.
const DISPUTED: Duration = Duration::from_secs(10);
/// Disputes that are no farther apart may be one start of a host on several links: its probes and
/// announcements take 3 s, and are compared for 10 s.
const START: Duration = Duration::from_secs(15);
/// One attempt to take a name is three probes, 250 ms apart, no more than this long...
const ATTEMPT: Duration = Duration::from_secs(3);
/// ... with gaps up to this...
const PROBE_GAP: Duration = Duration::from_secs(1);
/// ... and the announcement comes this soon after the last of them. Who gives in says goodbye as
/// soon after the record that it gives in to.
const REACTION: Duration = Duration::from_secs(2);
/// For so long the same message again says nothing new.
const AGAIN: Duration = Duration::from_secs(1);
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
    /// When it last said so, or proposed it in a probe.
    said: Time,
    /// Its last attempt to take the name: when it began, and its last probe.
    attempt: Option<(Time, Time)>,
    /// Whether it announced what it attempted to take.
    is_taken: bool,
    /// How often it probed for it, and how often it said that it has it.
    probes: u32,
    says: u32,
}

/// Disputes that are no farther apart than [`WITHIN`]: the first and the last.
#[derive(Clone, Copy, Debug, Default)]
struct Disputes(Option<(Time, Time)>);

impl Disputes {
    fn add(&mut self, now: Time) {
        let first = self.0.filter(|(_, last)| now.since(*last) <= WITHIN);
        self.0 = Some((first.map_or(now, |(first, _)| first), now));
    }

    fn are_lasting(self, now: Time) -> bool {
        self.0.is_some_and(|(first, last)| last.since(first) >= START && now.since(last) <= WITHIN)
    }
}

/// Disputes about the attempts of one party.
#[derive(Clone, Copy, Debug, Default)]
struct Attempts {
    /// All of them.
    disputes: Disputes,
    /// Those about attempts before the last.
    before: Disputes,
}

/// How two devices take turns.
#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    /// Whether the one at the higher place spoke last; `None` before they were compared.
    is_later: Option<bool>,
    /// When the name changed hands between them.
    changes: Recent<{ CHANGES as usize - 1 }>,
    /// When it did so while they said who they are otherwise.
    of_identity: Disputes,
}

/// Those who claim one name. One device has no turns; boxed, because most names have one owner.
#[derive(Clone, Debug)]
struct Claimants {
    parties: [Option<Party>; PARTIES],
    attempts: [Attempts; PARTIES],
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

/// Names and who claims them. At most 1,024 names, 208 bytes each, and 1.1 KiB more for each that
/// has rivals: 1.4 MiB if all have.
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
            last == view.sender && payload == mdns.payload && view.now.since(at) < AGAIN
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

    /// What is promised of copies of the frame that was just heard: for a second nothing is looked
    /// up for them, unless it is of a fight.
    pub(crate) fn steady(&self, view: &View<'_>, steady: Steady) -> Option<Steady> {
        let Self { names, last } = self;
        let claims = |mdns: &Mdns<'_>| mdns.kind == Kind::Probe || mdns.is_response();
        let Some(mdns) = view.multicast_mdns().filter(claims) else { return Some(steady) };
        if !steady.is_alone() {
            let mut are_own = true;
            each_name(mdns, false, |name, _, act, claims| {
                let known = names.get(view.now, name);
                are_own &= match act {
                    Act::Says => known.is_some_and(|known| known.says_again(view.sender, &claims)),
                    Act::Withdraws => known.is_none_or(|known| known.rivals.is_none()),
                    Act::Probes => false,
                };
            });
            return are_own.then_some(steady);
        }
        let (sender, payload, at) = (*last)?;
        let is_same = sender == view.sender && payload == mdns.payload;
        is_same.then(|| steady.while_under(view.now, at, AGAIN))
    }

    /// So many copies more were heard after a response of another.
    pub(crate) fn skip(&mut self, view: &View<'_>, copies: u64) {
        let Some(mdns) = view.multicast_mdns().filter(Mdns::is_response) else { return };
        let copies = u32::try_from(copies).unwrap_or(u32::MAX);
        let names = &mut self.names;
        each_name(mdns, false, |name, _, act, _| {
            if act == Act::Says
                && let Some(known) = names.peek_mut(name)
            {
                known.first.says = known.first.says.saturating_add(copies);
            }
        });
    }

    /// A copy of the frame was the last message, and of no fight.
    pub(crate) fn remember(&mut self, view: &View<'_>, at: Time) {
        if let Some(mdns) = view.multicast_mdns().filter(Mdns::is_response) {
            self.last = Some((view.sender, mdns.payload, at));
        }
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
        let attempt = (act == Act::Probes).then_some((now, now));
        let probes = u32::from(act == Act::Probes);
        let says = u32::from(act == Act::Says);
        let said = now;
        let is_taken = false;
        let claims = *claims;
        let new = Party { key, sender, claims, said, attempt, is_taken, probes, says };
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
    /// Whether its only owner says again what it said before, and has what it probed for.
    fn says_again(&self, key: SenderKey, claims: &Claims) -> bool {
        let Self { first, rivals } = self;
        let mut of_each = first.claims.0.iter().zip(&claims.0);
        rivals.is_none()
            && first.key == key
            && (first.attempt.is_none() || first.is_taken)
            && of_each
                .all(|(known, said)| said.is_none_or(|(data, _)| *known == Some((data, true))))
    }

    /// Who withdraws a name that nobody else claims gives in to nobody.
    fn withdraw(&mut self, now: Time, key: SenderKey) {
        if let Some(rivals) = &mut self.rivals {
            rivals.withdraw(now, key);
        }
    }

    fn hear(&mut self, now: Time, new: &Party) -> Option<Fight> {
        let Some(rivals) = &mut self.rivals else {
            if self.first.key.may_be(new.key) || now.since(self.first.said) > WITHIN {
                self.first.say(now, new);
            } else if self.first.claims.differences(&new.claims).any(|of_type| of_type.is_some()) {
                // Whether it differs is seen when it says so again.
                let mut rivals = Box::new(Claimants::of(self.first));
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

/// What a party's message does to its attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It begins a new one.
    Begins,
    /// It has what it attempted to take.
    Takes,
    Neither,
}

impl Party {
    fn say(&mut self, now: Time, new: &Self) -> Step {
        if !self.key.may_be(new.key) {
            *self = *new;
            return Step::Neither;
        }
        self.claims.update(&new.claims);
        self.said = now;
        self.probes = self.probes.saturating_add(new.probes);
        self.says = self.says.saturating_add(new.says);
        let open = self.attempt.filter(|_| !self.is_taken);
        if new.attempt.is_some() {
            let same = open.filter(|(began, last)| {
                now.since(*began) <= ATTEMPT && now.since(*last) <= PROBE_GAP
            });
            self.attempt = Some((same.map_or(now, |(began, _)| began), now));
            self.is_taken = false;
            return if same.is_none() { Step::Begins } else { Step::Neither };
        }
        let takes = open.is_some_and(|(_, last)| now.since(last) <= REACTION);
        self.is_taken |= takes;
        if takes { Step::Takes } else { Step::Neither }
    }

    /// Whether it probed lately and has not what it probed for.
    fn attempts(&self, now: Time) -> bool {
        !self.is_taken && self.has_probed(now)
    }

    /// How often it was heard with the name.
    fn heard(&self) -> u64 {
        u64::from(self.probes) + u64::from(self.says)
    }

    fn has_probed(&self, now: Time) -> bool {
        self.attempt.is_some_and(|(_, last)| now.since(last) <= DISPUTED)
    }
}

impl Claimants {
    fn of(first: Party) -> Self {
        let mut parties = [None; PARTIES];
        parties[0] = Some(first);
        Self { parties, attempts: Default::default(), turns: Default::default() }
    }

    fn hear(&mut self, now: Time, new: &Party) -> Option<Fight> {
        let place = self.place(new);
        let same = self.parties[place].as_mut().filter(|there| there.key.may_be(new.key));
        if let Some(there) = same {
            let attempts = &mut self.attempts[place];
            match there.say(now, new) {
                Step::Begins => attempts.before = attempts.disputes,
                Step::Takes => attempts.disputes = attempts.before,
                Step::Neither => {}
            }
        } else {
            self.parties[place] = Some(*new);
            self.attempts[place] = Attempts::default();
            for other in (0..PARTIES).filter(|other| *other != place) {
                self.turns[pair(place, other)] = Turns::default();
            }
        }
        let party = self.parties[place]?;
        let mut is_turn = false;
        for (place_of_other, other) in self.parties.iter().enumerate() {
            let Some(other) = other.filter(|other| is_rival(now, &party, other)) else { continue };
            let Some(difference) = party.claims.differs(&other.claims) else { continue };
            let turns = &mut self.turns[pair(place, place_of_other)];
            let is_later = place > place_of_other;
            if turns.is_later == Some(is_later) {
                continue;
            }
            // The first to speak of a pair only begins the turns, unless the other spoke before.
            turns.is_later = Some(is_later);
            turns.changes.push(now);
            is_turn = true;
            if difference == Difference::Identity {
                turns.of_identity.add(now);
            }
            if now.since(other.said) <= DISPUTED {
                for (place, party) in [(place, &party), (place_of_other, &other)] {
                    if party.attempts(now) {
                        self.attempts[place].disputes.add(now);
                    }
                }
            }
        }
        if is_turn { self.fight(now, place) } else { None }
    }

    /// Whom the party at `place` fights with; of several the one that has the name.
    fn fight(&self, now: Time, place: usize) -> Option<Fight> {
        let party = self.parties[place]?;
        let rivals = self.parties.iter().enumerate().filter_map(|(place_of_other, other)| {
            let other = other.filter(|other| is_rival(now, &party, other))?;
            let turns = &self.turns[pair(place, place_of_other)];
            let of_attempts = [place, place_of_other].map(|place| self.attempts[place].disputes);
            let is_lasting = turns.of_identity.are_lasting(now)
                || of_attempts.iter().any(|disputes| disputes.are_lasting(now));
            let is_fight = is_lasting && turns.changes.are_within(CHANGES, now, WITHIN);
            is_fight.then_some(other)
        });
        let has_it = |one: &Party, other: &Party| {
            let shares = |a: &Party, b: &Party| u64::from(a.probes) * b.heard();
            shares(one, other).cmp(&shares(other, one))
        };
        let other = rivals.min_by(has_it)?;
        Some(Fight { other: other.sender, role: role(&party, &other) })
    }

    /// Who withdraws a name just after the record of another that has it gives in.
    fn withdraw(&mut self, now: Time, key: SenderKey) {
        let same = |party: &Option<Party>| party.is_some_and(|there| there.key.may_be(key));
        let Some(place) = self.parties.iter().position(same) else { return };
        let Some(party) = self.parties[place] else { return };
        let gives_in = self.parties.iter().flatten().any(|other| {
            // A host that has just taken its name on another link leaves this one.
            is_rival(now, &party, other)
                && now.since(other.said) <= REACTION
                && !other.has_probed(now)
                && party.claims.differs(&other.claims).is_some()
        });
        if gives_in {
            self.attempts[place].disputes.add(now);
            self.attempts[place].before = self.attempts[place].disputes;
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

/// Whether another party claims the name too.
fn is_rival(now: Time, party: &Party, other: &Party) -> bool {
    !party.key.may_be(other.key) && now.since(other.said) <= WITHIN
}

/// Who has the name says so and only defends it: of what is heard of it, probes are less than half
/// as much as of what is heard of the other.
fn role(party: &Party, other: &Party) -> Option<Role> {
    let (probes, of_other) = (u64::from(party.probes), u64::from(other.probes));
    if probes == 0 && of_other == 0 {
        None
    } else if 2 * probes * other.heard() < of_other * party.heard() {
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
