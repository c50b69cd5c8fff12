//! How the devices of a simulated LAN speak mDNS: by the rules of RFC 6762, whose sections are
//! named where they are kept. What is multicast is heard by all others in its address family.

use super::agenda::{MS, Nanos, S};
use super::device::{Cached, Device, Family, Interest, Place};
use super::record::RecordId;
use super::{Action, Simulation};
use crate::craft::Host;
use crate::craft::mdns::{SERVICE_TYPES, message, name, reply};
use simple_dns::{CLASS, Packet, QTYPE, Question, TYPE};
use std::collections::BTreeSet;

/// No record is multicast twice within this (section 6).
const QUIET: Nanos = S;
/// Records of more octets go into a second message: all fit an MTU of 1500.
const MESSAGE: usize = 1_300;
/// Gaps between questions double up to an hour (section 5.2).
const LONGEST_GAP: Nanos = 3_600 * S;
/// Percent of a TTL at which a record in use is asked for anew (section 5.2).
const REFRESH: [u64; 4] = [80, 85, 90, 95];

/// A question: name, type, and whether it wants a unicast answer.
type Asked = (String, QTYPE, bool);

/// What one message says, before it is bytes.
#[derive(Clone, Debug, Default)]
struct Message {
    questions: Vec<Asked>,
    known: Vec<(RecordId, u32)>,
    answers: Vec<RecordId>,
    authority: Vec<RecordId>,
    additionals: Vec<RecordId>,
    is_goodbye: bool,
}

impl Simulation {
    /// Makes a device's records and plans its probes and first questions.
    pub(super) fn start_mdns(&mut self, place: Place) {
        let device = &self.devices[place];
        let (host, host_name) = (device.host, device.host_name());
        if device.profile.responds {
            let has_v6 = device.profile.has_v6;
            let offers = device.profile.offers.clone();
            let mut groups: Vec<Vec<RecordId>> =
                offers.iter().map(|offer| self.records.service(&host_name, offer)).collect();
            // Several services of one type are one entry in the list of types.
            let mut types = BTreeSet::new();
            for group in &mut groups {
                let listed = self.records.get(group[0]).target.clone();
                if !types.insert(listed) {
                    group.remove(0);
                }
            }
            groups.push(self.records.host(&host_name, host, has_v6));
            self.devices[place].owned = groups;
            // After DHCP, and up to 250 ms later (section 8.1).
            self.plan_within(place, 1_000 * MS, 1_250 * MS, Action::Probe(1));
        }
        for service in self.devices[place].profile.browses {
            let owner = format!("{service}.local");
            let until = Nanos::MAX;
            let interest = Interest { owner, rtype: TYPE::PTR, until, is_single: false };
            let first = self.now + 3 * S + self.rng.u64(20 * MS..3_000 * MS);
            self.want(place, interest, first);
        }
    }

    /// Notes that a device wants to know something, and plans its first question.
    pub(super) fn want(&mut self, place: Place, interest: Interest, first: Nanos) {
        self.interests += 1;
        let known = self.devices[place].cache.keys().copied().filter(|id| {
            let record = self.records.get(*id);
            record.owner == interest.owner && record.rtype == interest.rtype
        });
        for record in known.collect::<Vec<_>>() {
            self.plan_refresh(place, record, 0);
        }
        self.devices[place].interests.insert(self.interests, interest);
        self.plan(place, first, Action::Ask { interest: self.interests, gap: 0 });
    }

    /// Three probes, 250 ms apart (section 8.1), then the announcement.
    pub(super) fn probe(&mut self, place: Place, n: u32) {
        let groups = self.devices[place].owned.clone();
        let mut messages = vec![Message::default()];
        for (i, group) in groups.iter().enumerate() {
            // A handful of names a message.
            if i > 0 && i % 8 == 0 {
                messages.push(Message::default());
            }
            let Some(message) = messages.last_mut() else { return };
            for id in group {
                let record = self.records.get(*id);
                let is_proposed = matches!(record.rtype, TYPE::SRV | TYPE::A | TYPE::AAAA);
                if is_proposed {
                    let question = (record.owner.clone(), QTYPE::ANY, true);
                    if !message.questions.contains(&question) {
                        message.questions.push(question);
                    }
                    message.authority.push(*id);
                }
            }
        }
        self.multicast(place, self.devices[place].families(), &messages);
        let next = if n < 3 { Action::Probe(n + 1) } else { Action::Announce(1) };
        self.plan(place, self.now + 250 * MS, next);
    }

    /// Two announcements, one second apart (section 8.3). The second is a little later, so that
    /// no record comes within a second of itself whatever the wire does.
    pub(super) fn announce(&mut self, place: Place, n: u32) {
        let groups = self.devices[place].owned.clone();
        for family in self.devices[place].families() {
            let fresh = |id: &RecordId| !self.is_quiet(place, *family, *id);
            let groups = groups.iter().map(|g| g.iter().copied().filter(fresh).collect()).collect();
            let messages = self.pack(groups);
            self.multicast(place, &[*family], &messages);
        }
        if n < 2 {
            self.plan(place, self.now + 1_020 * MS, Action::Announce(n + 1));
        }
    }

    /// All records with TTL 0 (section 10.1).
    pub(super) fn goodbye(&mut self, place: Place) {
        let groups = self.devices[place].owned.clone();
        let without_nsec = |group: &Vec<RecordId>| {
            let keep = |id: &RecordId| self.records.get(*id).rtype != TYPE::NSEC;
            group.iter().copied().filter(keep).collect()
        };
        let mut messages = self.pack(groups.iter().map(without_nsec).collect());
        for message in &mut messages {
            message.is_goodbye = true;
        }
        self.multicast(place, self.devices[place].families(), &messages);
    }

    /// Puts groups of records into messages: NSEC records as additional ones, the others as
    /// answers. A group stays together.
    fn pack(&self, groups: Vec<Vec<RecordId>>) -> Vec<Message> {
        let mut messages: Vec<Message> = Vec::new();
        let mut room = 0;
        for group in groups {
            let size: usize = group.iter().map(|id| self.records.get(*id).size).sum();
            let has_answer = group.iter().any(|id| self.records.get(*id).rtype != TYPE::NSEC);
            if !has_answer {
                continue;
            }
            if size > room || messages.is_empty() {
                messages.push(Message::default());
                room = MESSAGE;
            }
            room = room.saturating_sub(size);
            let Some(message) = messages.last_mut() else { continue };
            for id in group {
                if self.records.get(id).rtype == TYPE::NSEC {
                    message.additionals.push(id);
                } else {
                    message.answers.push(id);
                }
            }
        }
        messages
    }

    /// Whether the device has just multicast this record (section 6).
    fn is_quiet(&self, place: Place, family: Family, id: RecordId) -> bool {
        let sent = self.devices[place].sent.get(&(family, id));
        sent.is_some_and(|sent| self.now < sent + QUIET)
    }

    /// Asks what the device wants to know, lists what it knows (section 7.1), and plans the next
    /// question after twice the gap (section 5.2).
    pub(super) fn ask(&mut self, place: Place, number: u32, gap: Nanos) {
        let Some(interest) = self.devices[place].interests.get(&number).cloned() else { return };
        let is_answered = self.devices[place].cache.iter().any(|(id, cached)| {
            let record = self.records.get(*id);
            cached.expires > self.now
                && record.owner == interest.owner
                && record.rtype == interest.rtype
        });
        let is_over = interest.until <= self.now || gap > 4 * S;
        if interest.is_single && (is_answered || is_over) {
            return;
        }
        // The first question of a phone may be answered to it alone (section 5.4).
        let unicast = gap == 0 && self.devices[place].profile.is_visitor();
        self.question(place, &interest.owner, interest.rtype, unicast);
        let jitter = self.rng.u64(10 * MS..60 * MS);
        let gap = if gap == 0 { S + jitter } else { (2 * gap).min(LONGEST_GAP) };
        self.plan(place, self.now + gap, Action::Ask { interest: number, gap });
    }

    fn question(&mut self, place: Place, owner: &str, rtype: TYPE, unicast: bool) {
        let now = self.now;
        let device = &mut self.devices[place];
        let key = (owner.to_owned(), u16::from(rtype));
        if device.asked.get(&key).is_some_and(|asked| now < asked + QUIET) {
            return;
        }
        device.asked.insert(key, now);
        let known = device.cache.iter().filter_map(|(id, cached)| {
            let record = self.records.get(*id);
            let left = cached.expires.saturating_sub(now);
            let is_known =
                record.owner == owner && record.rtype == rtype && left * 2 >= record.lifetime();
            is_known.then(|| (*id, u32::try_from(left / S).unwrap_or(u32::MAX)))
        });
        let message = Message {
            known: known.collect(),
            questions: vec![(owner.to_owned(), rtype.into(), unicast)],
            ..Message::default()
        };
        self.multicast(place, self.devices[place].families(), &[message]);
    }

    /// Asks, whatever the device knows and has asked before.
    pub(super) fn ask_blindly(&mut self, place: Place, owner: &str, rtype: TYPE) {
        let questions = vec![(owner.to_owned(), rtype.into(), false)];
        let message = Message { questions, ..Message::default() };
        self.multicast(place, &[Family::V4], &[message]);
    }

    /// Asks for a record that is in use before it is forgotten (section 5.2).
    pub(super) fn refresh(&mut self, place: Place, id: RecordId, received: Nanos, stage: u8) {
        let cached = self.devices[place].cache.get(&id).copied();
        let is_same = cached.is_some_and(|cached| cached.received == received);
        if !is_same || !self.is_in_use(place, id) {
            return;
        }
        let record = self.records.get(id);
        let (owner, rtype) = (record.owner.clone(), record.rtype);
        self.question(place, &owner, rtype, false);
        self.plan_refresh(place, id, stage + 1);
    }

    fn plan_refresh(&mut self, place: Place, id: RecordId, stage: u8) {
        let Some(cached) = self.devices[place].cache.get(&id).copied() else { return };
        let Some(percent) = REFRESH.get(usize::from(stage)) else { return };
        let part = self.records.get(id).lifetime() / 100;
        let at = cached.received + percent * part + self.rng.u64(0..2 * part);
        if at > self.now {
            let received = cached.received;
            self.plan(place, at, Action::Refresh { record: id, received, stage });
        }
    }

    fn is_in_use(&self, place: Place, id: RecordId) -> bool {
        let record = self.records.get(id);
        self.devices[place].interests.values().any(|interest| {
            interest.until > self.now
                && interest.owner == record.owner
                && interest.rtype == record.rtype
        })
    }

    /// Answers what was asked since: what was not multicast meanwhile, and with it what the asker
    /// will want next (RFC 6763 section 12).
    pub(super) fn respond(&mut self, place: Place, family: Family) {
        let pending = std::mem::take(&mut self.devices[place].pending[family as usize]);
        let fresh = |id: &RecordId| !self.is_quiet(place, family, *id);
        let mut left: BTreeSet<RecordId> = pending.iter().copied().filter(fresh).collect();
        let mut messages: Vec<Message> = Vec::new();
        let mut said: BTreeSet<RecordId> = left.clone();
        let mut room = 0;
        while let Some(id) = left.pop_first() {
            let more: Vec<RecordId> = self
                .companions(place, id)
                .into_iter()
                .filter(|more| fresh(more) && said.insert(*more))
                .collect();
            let size: usize = more.iter().chain([&id]).map(|id| self.records.get(*id).size).sum();
            if size > room || messages.is_empty() {
                messages.push(Message::default());
                room = MESSAGE;
            }
            room = room.saturating_sub(size);
            if let Some(message) = messages.last_mut() {
                message.answers.push(id);
                message.additionals.extend(more);
            }
        }
        self.multicast(place, &[family], &messages);
    }

    /// Records that a device that asks for this one will ask for next.
    fn companions(&self, place: Place, id: RecordId) -> Vec<RecordId> {
        let device = &self.devices[place];
        let record = self.records.get(id);
        let wanted = |other: &RecordId| {
            let found = self.records.get(*other);
            let is_address = matches!(found.rtype, TYPE::A | TYPE::AAAA);
            match record.rtype {
                TYPE::PTR if record.owner != SERVICE_TYPES => {
                    is_address || record.target.as_ref() == Some(&found.owner)
                }
                TYPE::SRV => is_address,
                TYPE::A | TYPE::AAAA => found.owner == record.owner,
                _ => false,
            }
        };
        device.owned.iter().flatten().copied().filter(|other| *other != id).filter(wanted).collect()
    }

    /// Sends messages in these families, and lets all others hear them.
    fn multicast(&mut self, place: Place, families: &[Family], messages: &[Message]) {
        for (family, message) in families.iter().flat_map(|f| messages.iter().map(|m| (*f, m))) {
            let host = self.devices[place].host;
            let frame = self.frame_of(host, family, message);
            if let Some(repeater) = self.repeater.filter(|repeater| *repeater != place) {
                let copy = self.frame_of(self.devices[repeater].host, family, message);
                self.plan(repeater, self.now + 2 * MS, Action::Send(copy));
            }
            self.send(frame);
            for id in message.answers.iter().chain(&message.additionals) {
                self.devices[place].sent.insert((family, *id), self.now);
            }
            for other in (0..self.devices.len()).filter(|other| *other != place) {
                let device = &self.devices[other];
                let hears = device.families().contains(&family) && device.has_mdns();
                if device.is_on && hears {
                    self.hear(other, place, family, message);
                }
            }
        }
    }

    fn frame_of(&self, host: Host, family: Family, said: &Message) -> Vec<u8> {
        let is_query = !said.questions.is_empty();
        let mut packet = if is_query { Packet::new_query(0) } else { reply() };
        for (owner, qtype, unicast) in &said.questions {
            let class = CLASS::IN.into();
            packet.questions.push(Question::new(name(owner), *qtype, class, *unicast));
        }
        let record = |id: &RecordId| self.records.get(*id);
        packet.answers.extend(said.known.iter().map(|(id, ttl)| record(id).without_flush(*ttl)));
        packet.answers.extend(
            said.answers
                .iter()
                .map(|id| if said.is_goodbye { record(id).goodbye() } else { record(id).answer() }),
        );
        let proposed = |id: &RecordId| record(id).without_flush(record(id).ttl);
        packet.name_servers.extend(said.authority.iter().map(proposed));
        packet.additional_records.extend(said.additionals.iter().map(|id| record(id).answer()));
        let bytes = message(&packet);
        match family {
            Family::V4 => host.mdns4(bytes),
            Family::V6 => host.mdns6(bytes),
        }
    }

    /// A device hears a message of another.
    fn hear(&mut self, place: Place, from: Place, family: Family, message: &Message) {
        // No name conflicts with a probe here.
        if message.authority.is_empty() && !message.questions.is_empty() {
            self.hear_question(place, from, family, message);
        }
        if !self.devices[place].profile.browses.is_empty() {
            let said = message.answers.iter().chain(&message.additionals);
            self.learn(place, said.copied(), message.is_goodbye);
        }
    }

    fn hear_question(&mut self, place: Place, from: Place, family: Family, message: &Message) {
        let device = &self.devices[place];
        let mut alone = Vec::new();
        let mut all = Vec::new();
        for id in device.owned.iter().flatten() {
            let record = self.records.get(*id);
            let asked = message.questions.iter().find(|(owner, qtype, _)| {
                *owner == record.owner && (*qtype == record.rtype.into() || *qtype == QTYPE::ANY)
            });
            let Some((_, _, unicast)) = asked else { continue };
            let is_known = message
                .known
                .iter()
                .any(|(known, ttl)| known == id && u64::from(*ttl) * 2 >= u64::from(record.ttl));
            if is_known || self.is_quiet(place, family, *id) {
                continue;
            }
            // To the asker alone, if the others have heard it not long ago (section 5.4).
            let sent = device.sent.get(&(family, *id));
            let is_recent = sent.is_some_and(|sent| self.now < sent + record.lifetime() / 4);
            if *unicast && is_recent { alone.push(*id) } else { all.push(*id) }
        }
        // A unicast frame, which nobody else sees.
        self.learn(from, alone.into_iter(), false);
        if all.is_empty() {
            return;
        }
        let pending = &mut self.devices[place].pending[family as usize];
        let is_planned = !pending.is_empty();
        pending.extend(&all);
        if is_planned {
            return;
        }
        let is_unique = all.iter().all(|id| self.records.get(*id).is_unique);
        // Others may answer as well where a record is shared (section 6).
        let (least, most) = if is_unique { (MS, 8 * MS) } else { (20 * MS, 120 * MS) };
        self.plan_within(place, least, most, Action::Respond(family));
    }

    fn learn(&mut self, place: Place, said: impl Iterator<Item = RecordId>, is_goodbye: bool) {
        for id in said {
            // A goodbye leaves a second for others to object (section 10.1).
            let lifetime = if is_goodbye { S } else { self.records.get(id).lifetime() };
            let cached = Cached { received: self.now, expires: self.now + lifetime };
            self.devices[place].cache.insert(id, cached);
            if !is_goodbye && self.is_in_use(place, id) {
                self.plan_refresh(place, id, 0);
            }
        }
    }

    /// Uses a service that the device knows of for some minutes: asks where it is, and keeps
    /// knowing it.
    pub(super) fn use_service(&mut self, place: Place) {
        let now = self.now;
        let device: &mut Device = &mut self.devices[place];
        device.cache.retain(|_, cached| cached.expires > now);
        device.interests.retain(|_, interest| interest.until > now);
        let known: Vec<RecordId> = device
            .cache
            .keys()
            .copied()
            .filter(|id| self.records.get(*id).rtype == TYPE::PTR)
            .filter(|id| self.records.get(*id).owner != SERVICE_TYPES)
            .collect();
        let Some(chosen) = self.rng.choice(&known).copied() else { return };
        let Some(instance) = self.records.get(chosen).target.clone() else { return };
        let until = now + self.rng.u64(180 * S..480 * S);
        for rtype in [TYPE::SRV, TYPE::TXT] {
            let interest = Interest { owner: instance.clone(), rtype, until, is_single: true };
            self.want(place, interest, now);
        }
        let services = self.records.find(&instance, TYPE::SRV);
        let Some(host) = services.and_then(|id| self.records.get(id).target.clone()) else {
            return;
        };
        for rtype in [TYPE::A, TYPE::AAAA] {
            let interest = Interest { owner: host.clone(), rtype, until, is_single: true };
            self.want(place, interest, now + 200 * MS);
        }
    }
}
