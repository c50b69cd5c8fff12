//! The device table of one segment: one row a sender, bounded, and fair to devices that were there
//! before.
//!
//! It creates and drops what is in a row, and does nothing else with it.
//!
//! Anybody can invent senders. While there are free rows every sender gets one. After that a
//! candidate can only have a *newcomer's* row. At least one row in eight belongs to newcomers; the
//! others belong to devices that were promoted after 60 s and three frames, and no candidate ever
//! takes those. The newcomer with the fewest frames in 60 s gives its row up if the candidate came
//! at least as often. A candidate's frames are estimated by a [`Sketch`], so that a device that
//! begins to flood amid a million invented ones is noticed, though the row that it got with its
//! first frame was gone 10 ms later.
//!
//! History is never moved: a row that is taken is gone with what it counted, and a device that
//! returns starts at 0.

use super::budget::{Budget, Lease};
use super::due::Due;
use super::newcomers::{Heat, Newcomers, window};
use super::sketch::Sketch;
use crate::decode::Sender;
use crate::decode::mdns::HashKey;
use crate::detect::DeviceMemory;
use crate::detect::steady::Steady;
use crate::engine::Local;
use crate::engine::identity::profile::Profile;
use crate::engine::judging::Judged;
use crate::engine::seconds::DeviceSeconds;
use crate::engine::snapshot::{DeviceCounters, Received};
use crate::storm::{DevicePolicy, DeviceStorms, Storm, StormPolicy, Whose};
use crate::time::{Stamp, Time};
use ahash::RandomState;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A newcomer has been there once this long has passed since its first frame...
const PROVEN_AFTER: Duration = Duration::from_mins(1);
/// ... and it has sent this many frames.
const PROVEN_FRAMES: u64 = 3;
/// For so long after its first frame a sender is a stranger.
const STRANGE: Duration = Duration::from_secs(10);
/// Frames from which an estimate is believed to be a repeated sender's, not a collision.
const REPEATED: u32 = 4;
/// The slot of a row that is not a newcomer's.
const ESTABLISHED: u32 = u32::MAX;

/// One device.
#[derive(Debug)]
pub(in crate::engine) struct Row {
    /// Who it is.
    pub sender: Sender,
    /// Its slot among the newcomers.
    slot: u32,
    /// Whether it has series.
    pub exposed: bool,
    /// Frames since it has the row, up to what promotion asks for.
    frames: u64,
    /// When it got the row.
    admitted: Time,
    /// Engine time of its last frame.
    pub last_active: Time,
    /// Wall-clock time of its first frame.
    pub first_seen: Stamp,
    /// Wall-clock time of its last frame.
    pub last_seen: Stamp,
    /// What it sent.
    pub counters: DeviceCounters,
    /// Frames of others that it provoked.
    pub provoked: u64,
    /// What this machine received of it.
    pub received: Received,
    /// Its last minute.
    pub seconds: DeviceSeconds,
    /// Who it says it is.
    pub profile: Profile,
    /// What the detectors remember of it.
    pub memory: DeviceMemory,
    /// Its rates and its storm.
    pub storms: DeviceStorms,
    /// How many of its frames were judged.
    pub judged: Judged,
    /// What is expected of it, if that differs from what is expected of all.
    pub expected: Option<Box<DevicePolicy>>,
}

/// Rows taken from devices, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Evicted {
    /// Idle for too long.
    pub expired: u64,
    /// Given up to another device, or to another segment.
    pub capacity: u64,
}

impl Row {
    /// What is promised of copies of the frame that it was handed out for: that it stays what it is.
    pub(in crate::engine) fn steady(&self, now: Time, steady: Steady) -> Option<Steady> {
        // Whether it has series may depend on other segments.
        self.exposed.then_some(())?;
        let steady = steady.while_under(now, self.admitted, STRANGE);
        Some(steady.while_under(now, self.admitted, PROVEN_AFTER))
    }

    /// Whose the frame is that [`Table::touch`] gave this row for.
    pub(in crate::engine) fn whose(&self, now: Time) -> Whose {
        if self.frames == 1 {
            Whose::New
        } else if now.since(self.admitted) < STRANGE {
            Whose::Strange
        } else {
            Whose::Known
        }
    }
}

/// The rows of one segment.
#[derive(Debug)]
pub(in crate::engine) struct Table {
    lease: Lease,
    expiry: Option<Duration>,
    local: Arc<Local>,
    hasher: RandomState,
    index: HashMap<Sender, u32, RandomState>,
    rows: Vec<Row>,
    /// Parallel to `rows`, separate because many are read at once.
    heat: Vec<Heat>,
    /// Places in `rows` to visit when a second closes.
    due: Due,
    /// Storms of rows that are gone, until somebody takes them; at most one a row.
    orphans: Vec<Storm>,
    policy: Arc<StormPolicy>,
    newcomers: Newcomers,
    /// Rows that may be established: the last eighth is the newcomers'.
    established_limit: usize,
    /// There was no free row when last asked; asked again each second.
    full: bool,
    /// Candidates for a row; made when the table is full for the first time.
    sketch: Option<Sketch>,
    /// Whose row was used last: a storm is one sender again and again.
    last: Option<(Sender, u32)>,
    /// No row expires before.
    next_expiry: Time,
    evicted: Evicted,
}

impl Table {
    /// An empty table with a part of `budget`. Senders in `local` are marked as local.
    pub(in crate::engine) fn new(
        budget: &Arc<Budget>,
        expiry: Option<Duration>,
        local: Arc<Local>,
        key: HashKey,
    ) -> Self {
        let [a, b, c, d] = key.0;
        let lease = Lease::open(budget);
        let established_limit = established_limit(lease.limit());
        Self {
            lease,
            expiry,
            local,
            hasher: RandomState::with_seeds(b, c, d, a),
            index: HashMap::with_hasher(RandomState::with_seeds(a, b, c, d)),
            rows: Vec::new(),
            heat: Vec::new(),
            due: Due::default(),
            orphans: Vec::new(),
            policy: Arc::default(),
            newcomers: Newcomers::default(),
            established_limit,
            full: false,
            sketch: None,
            last: None,
            next_expiry: Time(u64::MAX),
            evicted: Evicted::default(),
        }
    }

    /// The row of the sender of a frame, a new one if it may have one; `None` if its frame is
    /// one of `other`. `now` never goes back.
    pub(in crate::engine) fn touch(
        &mut self,
        now: Time,
        stamp: Stamp,
        sender: Sender,
    ) -> Option<&mut Row> {
        let place = match self.find(now, sender) {
            Some(place) => {
                self.heat[place as usize].count(window(now));
                place
            }
            None => self.admit(now, stamp, sender)?,
        };
        self.last = Some((sender, place));
        let row = &mut self.rows[place as usize];
        row.frames += 1;
        row.last_active = now;
        row.last_seen = stamp;
        if !row.exposed {
            row.exposed = window(row.admitted) != window(now) || self.lease.under_half();
        }
        if row.slot != ESTABLISHED
            && row.frames >= PROVEN_FRAMES
            && now.since(row.admitted) >= PROVEN_AFTER
            && self.rows.len() - self.newcomers.len() < self.established_limit
        {
            self.promote(place);
        }
        Some(&mut self.rows[place as usize])
    }

    /// The row that [`Self::touch`] gave for the last frame, which is of `sender`; `None` if it gave none.
    pub(in crate::engine) fn touched(&mut self, sender: Option<Sender>) -> Option<&mut Row> {
        let (last, place) = self.last?;
        (Some(last) == sender).then(|| &mut self.rows[place as usize])
    }

    /// The row of `sender`, if it has one, for so many frames more. The last of all must be told by
    /// [`Self::touch`].
    pub(in crate::engine) fn skip(&mut self, sender: Sender, frames: u64) -> Option<&mut Row> {
        let place = *self.index.get(&sender)? as usize;
        self.heat[place].skip(frames);
        let row = &mut self.rows[place];
        row.frames += frames;
        Some(row)
    }

    /// The row of `sender`, if it has one; no frame is counted.
    pub(in crate::engine) fn get_mut(&mut self, sender: Sender) -> Option<&mut Row> {
        let place = *self.index.get(&sender)?;
        Some(&mut self.rows[place as usize])
    }

    /// The row of `sender`, if it has one.
    pub(in crate::engine) fn get(&self, sender: Sender) -> Option<&Row> {
        self.index.get(&sender).map(|place| &self.rows[*place as usize])
    }

    /// Visits the row of `sender`, if it has one; it is due when this second closes if `look` says
    /// so. No frame is counted.
    pub(in crate::engine) fn visit(&mut self, sender: Sender, look: impl FnOnce(&mut Row) -> bool) {
        if let Some(&place) = self.index.get(&sender)
            && look(&mut self.rows[place as usize])
        {
            self.due.insert(place);
        }
    }

    /// Marks senders in `local`, and no others, as local from now on.
    pub(in crate::engine) fn set_local(&mut self, local: Arc<Local>) {
        for row in &mut self.rows {
            row.profile.set_local(row.sender, &local);
        }
        self.local = local;
    }

    /// Applies `policy` to all rows, present and future, from now on. The caller handles their
    /// storms.
    pub(in crate::engine) fn set_policy(
        &mut self,
        now: Time,
        stamp: Stamp,
        policy: Arc<StormPolicy>,
    ) {
        self.policy = policy;
        for row in &mut self.rows {
            row.expected = own_expected(&self.policy, row.sender);
            let limits = row.expected.as_deref().map_or(&self.policy.conditions, |e| &e.conditions);
            row.memory.limit(now, stamp, limits);
            row.profile.set_alias(alias(row.expected.as_deref()));
        }
    }

    /// The row that [`Self::touch`] gave last must be visited when this second closes.
    pub(in crate::engine) fn set_due(&mut self) {
        if let Some((_, place)) = self.last {
            self.due.insert(place);
        }
    }

    /// Whether no row must be visited when a second closes.
    pub(in crate::engine) const fn is_calm(&self) -> bool {
        self.due.is_empty()
    }

    /// Visits each row that is due; it no longer is if `look` says so.
    pub(in crate::engine) fn look_at_due(&mut self, mut look: impl FnMut(&mut Row) -> bool) {
        let mut from = 0;
        while let Some(place) = self.due.next(from) {
            if !look(&mut self.rows[place as usize]) {
                self.due.remove(place);
            }
            from = place + 1;
        }
    }

    /// A storm of a row that is gone.
    pub(in crate::engine) fn take_orphan(&mut self) -> Option<Storm> {
        self.orphans.pop()
    }

    /// All rows, in no particular order.
    pub(in crate::engine) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many rows were taken from devices.
    pub(in crate::engine) const fn evicted(&self) -> Evicted {
        self.evicted
    }

    /// Must be called once a second: forgets idle devices, gives rows back that are guaranteed to
    /// other segments, asks again for free ones.
    pub(in crate::engine) fn tick(&mut self, now: Time) {
        self.full = false;
        self.expire(now);
        let excess = self.lease.excess();
        if excess > 0 && !self.keeps_everything() {
            self.shrink(now, excess);
        }
        self.established_limit = established_limit(self.lease.limit());
        let established = self.rows.len() - self.newcomers.len();
        if established > self.established_limit {
            self.demote(established - self.established_limit);
        }
    }

    fn find(&mut self, now: Time, sender: Sender) -> Option<u32> {
        let place = match self.last {
            Some((last, place)) if last == sender => place,
            Some(_) | None => *self.index.get(&sender)?,
        };
        if self.is_expired(now, place) {
            // It was idle for too long, only nobody has checked since.
            self.remove(now, place);
            self.evicted.expired += 1;
            return None;
        }
        Some(place)
    }

    fn is_expired(&self, now: Time, place: u32) -> bool {
        let idle = now.since(self.rows[place as usize].last_active);
        self.expiry.is_some_and(|expiry| idle >= expiry)
    }

    /// Whether this table never forgets a device: a report on files must not lose what it counted,
    /// so devices that come too late are `other`.
    const fn keeps_everything(&self) -> bool {
        self.expiry.is_none()
    }

    fn admit(&mut self, now: Time, stamp: Stamp, sender: Sender) -> Option<u32> {
        if !self.full && self.lease.take() {
            let place = place(self.rows.len());
            let slot = self.newcomers.push(place);
            self.rows.push(self.new_row(now, stamp, sender, slot));
            self.heat.push(Heat::new(window(now), 1));
            self.index.insert(sender, place);
            if let Some(expiry) = self.expiry {
                self.next_expiry = self.next_expiry.min(now.plus(expiry));
            }
            return Some(place);
        }
        self.full = true;
        let hash = self.hasher.hash_one(sender);
        let sketch = self.sketch.get_or_insert_with(|| Sketch::new(now));
        let frames = sketch.add(now, hash);
        let window = window(now);
        if self.keeps_everything() {
            return None;
        }
        let place = self.newcomers.give_up(&self.heat, window, frames)?;
        self.evicted.capacity += 1;
        let slot = self.rows[place as usize].slot;
        let row = self.new_row(now, stamp, sender, slot);
        let gone = std::mem::replace(&mut self.rows[place as usize], row);
        self.due.remove(place);
        self.let_go(now, &gone);
        self.index.remove(&gone.sender);
        self.index.insert(sender, place);
        // A repeated sender keeps the count for which it was admitted, or the next invented one
        // would take its row; a small estimate may be a collision and counts as one frame.
        let brought = if frames >= REPEATED { frames } else { 1 };
        self.heat[place as usize] = Heat::new(window, brought);
        Some(place)
    }

    fn new_row(&self, now: Time, stamp: Stamp, sender: Sender, slot: u32) -> Row {
        let expected = own_expected(&self.policy, sender);
        let mut profile = Profile::new(sender, &self.local);
        profile.set_alias(alias(expected.as_deref()));
        Row {
            sender,
            slot,
            exposed: false,
            frames: 0,
            admitted: now,
            last_active: now,
            first_seen: stamp,
            last_seen: stamp,
            counters: DeviceCounters::default(),
            provoked: 0,
            received: Received::default(),
            seconds: DeviceSeconds::new(now.second()),
            profile,
            memory: DeviceMemory::default(),
            storms: DeviceStorms::default(),
            judged: Judged::default(),
            expected,
        }
    }

    fn promote(&mut self, place: u32) {
        let slot = std::mem::replace(&mut self.rows[place as usize].slot, ESTABLISHED);
        self.vacate(slot);
    }

    fn vacate(&mut self, slot: u32) {
        if let Some(moved) = self.newcomers.remove(slot) {
            self.rows[moved as usize].slot = slot;
        }
    }

    /// Makes newcomers of the `count` established devices silent for longest: other
    /// segments need rows, and one in eight is still for newcomers.
    fn demote(&mut self, count: usize) {
        let mut established: Vec<(Time, u32)> = (0_u32..)
            .zip(&self.rows)
            .filter(|(_, row)| row.slot == ESTABLISHED)
            .map(|(place, row)| (row.last_active, place))
            .collect();
        established.sort_unstable();
        for (_, place) in established.into_iter().take(count) {
            self.rows[place as usize].slot = self.newcomers.push(place);
        }
    }

    /// Gives `count` rows back to the budget: newcomers first, those with the fewest frames first.
    fn shrink(&mut self, now: Time, count: usize) {
        let window = window(now);
        let mut order: Vec<(bool, u32, Time, Sender)> = (self.rows.iter().zip(&self.heat))
            .map(|(row, heat)| {
                (row.slot == ESTABLISHED, heat.frames(window), row.last_active, row.sender)
            })
            .collect();
        order.sort_unstable();
        for (.., sender) in order.into_iter().take(count) {
            if let Some(&place) = self.index.get(&sender) {
                self.remove(now, place);
                self.evicted.capacity += 1;
            }
        }
    }

    fn expire(&mut self, now: Time) {
        let Some(expiry) = self.expiry else { return };
        if now < self.next_expiry {
            return;
        }
        let mut place = 0;
        let mut oldest = None;
        while let Some(row) = self.rows.get(place as usize) {
            if now.since(row.last_active) >= expiry {
                // The last row moves to this place and is visited next.
                self.remove(now, place);
                self.evicted.expired += 1;
            } else {
                oldest = Some(oldest.map_or(row.last_active, |o: Time| o.min(row.last_active)));
                place += 1;
            }
        }
        self.next_expiry = oldest.map_or(Time(u64::MAX), |oldest| oldest.plus(expiry));
        if self.rows.len() < self.rows.capacity() / 4 {
            self.rows.shrink_to_fit();
            self.heat.shrink_to_fit();
            self.index.shrink_to_fit();
        }
    }

    fn remove(&mut self, now: Time, place: u32) {
        self.last = None;
        let gone = self.rows.swap_remove(place as usize);
        self.heat.swap_remove(place as usize);
        self.due.swap_remove(place, super::table::place(self.rows.len()));
        self.let_go(now, &gone);
        self.index.remove(&gone.sender);
        if gone.slot != ESTABLISHED {
            self.vacate_removed(gone.slot, place);
        }
        if let Some(moved) = self.rows.get(place as usize) {
            self.index.insert(moved.sender, place);
            if moved.slot != ESTABLISHED {
                self.newcomers.moved(moved.slot, place);
            }
        }
        self.lease.give_back(1);
        self.full = false;
    }

    /// Keeps the storm of a row that is gone, so that its end can be reported.
    fn let_go(&mut self, now: Time, gone: &Row) {
        self.orphans.extend(gone.storms.storm(now.second(), gone.seconds.window()));
    }

    /// Like [`Self::vacate`], after `rows` has moved its last row to `place`.
    fn vacate_removed(&mut self, slot: u32, place: u32) {
        if let Some(moved) = self.newcomers.remove(slot) {
            // The newcomer whose slot changed may be the very row that changed its place.
            let at = if moved as usize == self.rows.len() { place } else { moved };
            self.rows[at as usize].slot = slot;
        }
    }
}

/// What is expected of one device, if that differs from what is expected of all. Limits and aliases
/// are in memory once for each device that has any.
fn own_expected(policy: &StormPolicy, sender: Sender) -> Option<Box<DevicePolicy>> {
    let is_named = policy.devices.contains_key(&sender);
    is_named.then(|| Box::new(policy.of(sender)))
}

fn alias(expected: Option<&DevicePolicy>) -> Option<&str> {
    expected.and_then(|expected| expected.alias.as_deref())
}

fn established_limit(rows: usize) -> usize {
    rows - rows.div_ceil(8)
}

fn place(index: usize) -> u32 {
    u32::try_from(index).expect("a table has fewer than 2^32 rows")
}

#[cfg(test)]
mod tests;
