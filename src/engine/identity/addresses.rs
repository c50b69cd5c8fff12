//! The addresses of one device: which are surely its own, which only likely, which another device
//! claims too, and the one that is shown.
//!
//! A router sends frames of hosts elsewhere under its own MAC, so the source of a frame that may
//! have been routed is believed only while it is the one such source of the device, and nothing is
//! known that is better. From the second on the device is one that forwards.
//!
//! Where claims come from is not known here, nor who else makes them.

use crate::detect::steady::Steady;
use crate::time::Time;
use std::net::IpAddr;
use std::time::Duration;

/// Addresses kept.
pub(super) const ADDRESSES: usize = 16;
/// A device with more IPv4 addresses than this speaks for others.
const REPEATER_OVER: usize = 8;
/// An address is replaced once it was not heard for this long.
const UNHEARD: Duration = Duration::from_mins(10);
/// Addresses not heard for as long no longer make a device a repeater.
const REPEATS_FOR: Duration = Duration::from_hours(1);
/// A source that nothing proves is likely the sender's own after so many frames in a row...
const AGAIN: u8 = 10;
/// ... over at least this long.
const AGAIN_FOR: Duration = Duration::from_secs(10);

/// How well an address is known to be the device's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) enum Certainty {
    /// It may be another's, in a frame that was routed.
    Likely,
    /// It cannot be.
    Sure,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    ip: IpAddr,
    at: Time,
    certainty: Certainty,
    is_contested: bool,
}

/// A source that nothing proves.
#[derive(Clone, Copy, Debug)]
struct Unproven {
    ip: IpAddr,
    frames: u8,
    since: Time,
    at: Time,
}

/// The addresses of one device.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    /// IPv4 first, in the order in which they were heard.
    heard: Vec<Heard>,
    /// The sticky one.
    shown: Option<IpAddr>,
    unproven: Option<Unproven>,
    /// Whether frames of several hosts elsewhere come from it.
    forwards: bool,
    is_repeater: bool,
}

impl Addresses {
    /// Those of a device that is named by its address.
    pub(super) fn of(ip: IpAddr) -> Self {
        Self { shown: Some(ip), ..Self::default() }
    }

    /// Hears an address that is the device's own. Returns whether what is known changed.
    pub(super) fn hear(&mut self, now: Time, ip: IpAddr) -> bool {
        if let Some(heard) = self.heard.iter_mut().find(|heard| heard.ip == ip) {
            heard.at = now;
            let was = std::mem::replace(&mut heard.certainty, Certainty::Sure);
            return self.choose(now, ip) || was != Certainty::Sure;
        }
        // What is sure of a family takes the place of what was only likely.
        self.forget(|heard| {
            heard.certainty == Certainty::Likely && heard.ip.is_ipv4() == ip.is_ipv4()
        });
        self.insert(now, ip, Certainty::Sure)
    }

    /// Hears an address that is the device's own unless the frame was routed.
    pub(super) fn hear_likely(&mut self, now: Time, ip: IpAddr) -> bool {
        if let Some(heard) = self.heard.iter_mut().find(|heard| heard.ip == ip) {
            heard.at = now;
            return self.choose(now, ip);
        }
        if self.forwards || self.shown == Some(ip) {
            return false;
        }
        let mut same = self.heard.iter().filter(|heard| heard.ip.is_ipv4() == ip.is_ipv4());
        match same.next() {
            None => self.insert(now, ip, Certainty::Likely),
            Some(there) if there.certainty == Certainty::Sure => false,
            Some(there) if now.since(there.at) >= UNHEARD => {
                self.forget(|heard| heard.ip.is_ipv4() == ip.is_ipv4());
                self.insert(now, ip, Certainty::Likely)
            }
            Some(_) => self.forward(),
        }
    }

    /// Hears a source of which nothing is known. The same again and again is likely its own.
    pub(super) fn hear_source(&mut self, now: Time, ip: IpAddr) -> bool {
        if self.heard.iter().any(|heard| heard.ip == ip) {
            return self.hear_likely(now, ip);
        }
        let mut same = self.heard.iter().filter(|heard| heard.ip.is_ipv4() == ip.is_ipv4());
        if self.forwards || same.any(|heard| heard.certainty == Certainty::Sure) {
            return false;
        }
        let new = Unproven { ip, frames: 1, since: now, at: now };
        let Some(there) = self.unproven.as_mut().filter(|there| now.since(there.at) < UNHEARD)
        else {
            self.unproven = Some(new);
            return false;
        };
        if there.ip != ip {
            return self.forward();
        }
        there.frames = there.frames.saturating_add(1).min(AGAIN);
        there.at = now;
        if there.frames >= AGAIN && now.since(there.since) >= AGAIN_FOR {
            return self.hear_likely(now, ip);
        }
        false
    }

    /// What is promised of copies of a frame that claims `ip`, which was just heard; `is_sure` if
    /// it is surely the device's own.
    pub(super) fn steady(
        &self,
        now: Time,
        (ip, is_sure): (IpAddr, bool),
        steady: Steady,
    ) -> Option<Steady> {
        let Self { heard, shown, unproven, forwards, is_repeater: _ } = self;
        let unproven = unproven.filter(|unproven| unproven.ip == ip);
        let is_heard = heard.iter().any(|heard| heard.ip == ip);
        if !is_heard && unproven.is_none() {
            // Of who forwards, or is known better, such a source says nothing.
            let mut same = heard.iter().filter(|heard| heard.ip.is_ipv4() == ip.is_ipv4());
            let is_known = same.next().is_some_and(|heard| heard.certainty == Certainty::Sure);
            return (!is_sure && (*forwards || is_known)).then_some(steady);
        }
        // It takes the place of the one that is shown once that is silent.
        let others = heard.iter().filter(|heard| heard.ip != ip && Some(heard.ip) == *shown);
        let steady = others.fold(steady, |s, other| s.while_under(now, other.at, UNHEARD));
        Some(unproven.map_or(steady, |unproven| {
            let steady = steady.remembering(usize::from(AGAIN));
            steady.while_under(now, unproven.since, AGAIN_FOR)
        }))
    }

    /// Whether an address was heard in this second already.
    pub(super) fn was_heard(&self, now: Time, ip: IpAddr) -> bool {
        let mut same = self.heard.iter().filter(|heard| heard.ip == ip);
        same.any(|heard| heard.at.second() == now.second())
    }

    /// How well an address is known to be the device's own; `None` if it is not at all.
    pub(super) fn certainty(&self, ip: IpAddr) -> Option<Certainty> {
        self.heard.iter().find(|heard| heard.ip == ip).map(|heard| heard.certainty)
    }

    /// Whether an address is known to be its own, and nobody else claims it.
    pub(super) fn is_own(&self, ip: IpAddr) -> bool {
        let named_by = self.heard.is_empty() && self.shown == Some(ip);
        named_by
            || self.heard.iter().any(|heard| {
                heard.ip == ip && heard.certainty == Certainty::Sure && !heard.is_contested
            })
    }

    /// Sets whether another device claims an address too. Returns whether that is news.
    pub(super) fn contest(&mut self, ip: IpAddr, is_contested: bool) -> bool {
        let Some(heard) = self.heard.iter_mut().find(|heard| heard.ip == ip) else { return false };
        std::mem::replace(&mut heard.is_contested, is_contested) != is_contested
    }

    /// Those that are its own alone, IPv4 first.
    pub(super) fn all(&self) -> Vec<IpAddr> {
        let alone = self.heard.iter().filter(|heard| !heard.is_contested);
        let mut all: Vec<IpAddr> = alone.map(|heard| heard.ip).collect();
        if self.heard.is_empty() {
            all.extend(self.shown);
        }
        all
    }

    /// Those that another device claims too.
    pub(super) fn contested(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.heard.iter().filter(|heard| heard.is_contested).map(|heard| heard.ip)
    }

    /// The one to show where only one can be.
    pub(super) fn shown(&self) -> Option<IpAddr> {
        let is_contested = |ip: &IpAddr| self.contested().any(|contested| contested == *ip);
        match self.shown.filter(|ip| !is_contested(ip)) {
            Some(ip) => Some(ip),
            None => self.all().into_iter().max_by_key(|ip| rank(*ip)),
        }
    }

    /// Whether it has so many addresses that it speaks for others.
    pub(super) const fn is_repeater(&self) -> bool {
        self.is_repeater
    }

    fn insert(&mut self, now: Time, ip: IpAddr, certainty: Certainty) -> bool {
        if self.heard.len() >= ADDRESSES && !self.make_room(now, ip) {
            return false;
        }
        let v4 = self.heard.partition_point(|heard| heard.ip.is_ipv4());
        let place = if ip.is_ipv4() { v4 } else { self.heard.len() };
        self.heard.insert(place, Heard { ip, at: now, certainty, is_contested: false });
        let lately = |heard: &&Heard| heard.ip.is_ipv4() && now.since(heard.at) < REPEATS_FOR;
        self.is_repeater |= self.heard.iter().filter(lately).count() > REPEATER_OVER;
        self.choose(now, ip);
        true
    }

    /// From now on no source is believed that nothing proves. Returns true.
    fn forward(&mut self) -> bool {
        self.forwards = true;
        self.unproven = None;
        self.forget(|heard| heard.certainty == Certainty::Likely);
        true
    }

    fn forget(&mut self, which: impl Fn(&Heard) -> bool) {
        let before = self.heard.len();
        self.heard.retain(|heard| !which(heard));
        if self.heard.len() < before
            && self.shown.is_some_and(|ip| !self.heard.iter().any(|heard| heard.ip == ip))
        {
            self.shown = None;
            self.shown = self.shown();
        }
    }

    /// Drops the address not heard for longest, if that is 10 min; else an IPv6 address for an IPv4
    /// one. Returns whether there is space now.
    fn make_room(&mut self, now: Time, ip: IpAddr) -> bool {
        let oldest = (0..self.heard.len()).min_by_key(|&place| self.heard[place].at);
        let place = oldest.filter(|&place| now.since(self.heard[place].at) >= UNHEARD);
        let last = self.heard.len() - 1;
        let is_v6 = self.heard[last].ip.is_ipv6();
        let place = place.or_else(|| (ip.is_ipv4() && is_v6).then_some(last));
        place.map(|place| self.heard.remove(place)).is_some()
    }

    /// The sticky address: a better one at once, an equal one after 10 min of silence.
    fn choose(&mut self, now: Time, ip: IpAddr) -> bool {
        let Some(current) = self.shown else {
            self.shown = Some(ip);
            return true;
        };
        if current == ip || rank(ip) < rank(current) {
            return false;
        }
        let heard = self.heard.iter().find(|heard| heard.ip == current);
        let is_unheard = heard.is_none_or(|heard| now.since(heard.at) >= UNHEARD);
        if rank(ip) > rank(current) || is_unheard {
            self.shown = Some(ip);
            return true;
        }
        false
    }
}

/// How good an address is to show: IPv4, then link-local ones, then the rest.
const fn rank(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(ip) if ip.is_link_local() => 1,
        IpAddr::V4(_) => 2,
        IpAddr::V6(ip) if ip.is_unicast_link_local() => 1,
        IpAddr::V6(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    fn at(seconds: u64) -> Time {
        Time(1 + seconds * 1_000_000_000)
    }

    #[test]
    fn the_only_source_that_comes_again_and_again_is_its_own() {
        let mut addresses = Addresses::default();
        for second in 0..10 {
            addresses.hear_source(at(second), ip(1));
            assert_eq!(addresses.all(), [] as [IpAddr; 0]);
        }
        assert!(addresses.hear_source(at(10), ip(1)));
        assert_eq!((addresses.all(), addresses.shown()), (vec![ip(1)], Some(ip(1))));
        assert!(!addresses.is_own(ip(1)), "it is not sure");
        // Sure, and another: the router's own.
        assert!(addresses.hear(at(11), ip(9)));
        assert_eq!((addresses.all(), addresses.shown()), (vec![ip(9)], Some(ip(9))));
        addresses.hear_likely(at(12), ip(1));
        assert_eq!(addresses.all(), [ip(9)]);
    }

    #[test]
    fn who_forwards_collects_no_sources() {
        let mut addresses = Addresses::default();
        addresses.hear_likely(at(0), ip(1));
        assert_eq!(addresses.all(), [ip(1)]);
        addresses.hear_likely(at(1), ip(2));
        assert_eq!((addresses.all(), addresses.shown()), (vec![], None));
        for second in 2..100 {
            addresses.hear_likely(at(second), ip(1));
            addresses.hear_source(at(second), ip(3));
        }
        assert_eq!(addresses.all(), [] as [IpAddr; 0]);
        let mut addresses = Addresses::default();
        for second in 0..100 {
            addresses.hear_source(at(second), ip(u8::from(second % 20 == 0)));
        }
        assert_eq!(addresses.all(), [] as [IpAddr; 0]);
    }

    #[test]
    fn a_likely_address_moves_with_the_lease() {
        let mut addresses = Addresses::default();
        addresses.hear_likely(at(0), ip(1));
        addresses.hear_likely(at(600), ip(2));
        assert_eq!((addresses.all(), addresses.shown()), (vec![ip(2)], Some(ip(2))));
        assert!(addresses.hear(at(601), ip(2)));
        assert!(addresses.is_own(ip(2)), "sure now");
    }

    #[test]
    fn what_another_claims_too_is_nobodys() {
        let mut addresses = Addresses::default();
        addresses.hear(at(0), ip(1));
        addresses.hear(at(0), ip(2));
        assert!(addresses.contest(ip(1), true) && !addresses.contest(ip(1), true));
        assert_eq!((addresses.all(), addresses.shown()), (vec![ip(2)], Some(ip(2))));
        assert_eq!(addresses.contested().collect::<Vec<_>>(), [ip(1)]);
        assert!(!addresses.is_own(ip(1)) && !addresses.contest(ip(7), true));
        assert!(addresses.contest(ip(1), false));
        assert_eq!(addresses.shown(), Some(ip(1)));
    }
}
