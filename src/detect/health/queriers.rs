//! Who asks for group members, over IPv4 (IGMP) and IPv6 (MLD): without a querier, switches that
//! snoop forget who listens.
//!
//! Learns from general queries when the last one was heard, at which interval they come, and which
//! queriers there are. Only the source address of the packet says who asks. Linux
//! bridges and many switches ask from 0.0.0.0, as snooping switches may (RFC 4541 section 2.1.1):
//! their members answer, so IPv4 queries from there count, but they are no querier that others
//! yield to. MLD queries must come from a link-local address (RFC 3810 section 5.1.14).

use super::horizon::Horizon;
use crate::decode::Sender;
use crate::decode::membership::Query;
use crate::detect::view::View;
use crate::labelled::labelled;
use crate::time::{Stamp, Time};
use std::net::IpAddr;
use std::time::Duration;

/// Sources remembered by address family: real networks have one or two.
const SOURCES: usize = 16;
/// How long a querier that does not state its interval is believed to be there: 2 x 125 s + 10 s /
/// 2, the other querier present interval of the defaults (RFC 3376 section 8.5).
const PRESENT: Duration = Duration::from_secs(255);

labelled! {
    /// An address family: the `family` label.
    pub enum AddressFamily {
        /// IGMP.
        Ipv4 = "ipv4",
        /// MLD.
        Ipv6 = "ipv6",
    }
}

impl AddressFamily {
    /// The family of an address.
    pub(crate) const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

/// What is known of group membership in one address family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// Wall-clock time of the last general query.
    pub last_query: Option<Stamp>,
    /// Interval between general queries: as the last one states, else the shorter of the last two
    /// gaps between those from one address, so that an outage is not taken for an interval.
    pub interval: Option<Duration>,
    /// Distinct queriers with an address, at most 16.
    pub queriers: u64,
    /// Groups with a member reported in the last 260 s, at most 4,096.
    pub groups: u64,
}

/// A source of general queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Querier {
    /// The family of the groups that it asks for.
    pub family: AddressFamily,
    /// Where its queries come from; unspecified if a switch asks in nobody's name.
    pub address: IpAddr,
    /// The device that sent the last one.
    pub sender: Option<Sender>,
    /// The version of IGMP or MLD.
    pub version: u8,
    /// How often it asks, if it says so.
    pub interval: Option<Duration>,
    /// How often it asks as measured: the shorter of the last two gaps.
    pub measured: Option<Duration>,
    /// Its general queries.
    pub queries: u64,
}

/// One source of general queries.
#[derive(Clone, Copy, Debug)]
struct QuerierSource {
    ip: IpAddr,
    sender: Option<Sender>,
    version: u8,
    interval: Option<Duration>,
    measured: Option<Duration>,
    queries: u64,
    last: Time,
    /// How long before that the one before was.
    gap: Option<Duration>,
    /// How long after `last` it is believed to be there.
    present: Duration,
}

impl QuerierSource {
    fn is_present(&self, now: Time) -> bool {
        now.since(self.last) <= self.present
    }
}

/// What is known of one address family.
#[derive(Clone, Debug, Default)]
struct Heeded {
    last_query: Option<Stamp>,
    interval: Option<Duration>,
    /// Those that count, and the unspecified address; at most [`SOURCES`] and one more.
    sources: Vec<QuerierSource>,
}

/// Robustness variable and interval, where a query states both.
fn stated(query: &Query) -> Option<(u8, Duration)> {
    let Query { robustness, interval, .. } = *query;
    (robustness > 0 && !interval.is_zero()).then_some((robustness, interval))
}

/// How long the source of a query is believed to be there: QRV x QQI + QRI / 2 (RFC 3376 section
/// 8.5, RFC
/// 3810 section 9.5).
fn present(query: &Query) -> Duration {
    stated(query).map_or(PRESENT, |(robustness, interval)| {
        interval * u32::from(robustness) + query.max_response / 2
    })
}

/// The queriers of a segment, in 4 KiB at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queriers {
    families: [Heeded; 2],
}

impl Queriers {
    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>, stamp: Stamp) {
        let observation = view.observation;
        let Some(query) = observation.message.general_query() else { return };
        let Some(ip) = observation.ip.map(|ip| ip.source) else { return };
        let counts = match ip {
            IpAddr::V4(ip) => !ip.is_multicast() && !ip.is_broadcast(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        if counts {
            self.families[AddressFamily::of(ip) as usize].hear(
                view.now,
                stamp,
                (ip, observation.sender),
                query,
            );
        }
    }

    /// What is known of `family` at `now`, but for its groups.
    pub(crate) fn membership(&self, now: Time, family: AddressFamily) -> Membership {
        let heeded = &self.families[family as usize];
        let queriers =
            heeded.sources.iter().filter(|s| !s.ip.is_unspecified() && s.is_present(now));
        Membership {
            last_query: heeded.last_query,
            interval: heeded.interval,
            queriers: queriers.count() as u64,
            groups: 0,
        }
    }

    /// Those believed to be there at `now`, or all that were heard, at most 17 of a family, IPv4
    /// first.
    pub(crate) fn list(&self, now: Time, horizon: Horizon) -> impl Iterator<Item = Querier> {
        AddressFamily::ALL.into_iter().flat_map(move |family| {
            let sources = self.families[family as usize].sources.iter();
            let is_there = move |source: &&QuerierSource| match horizon {
                Horizon::Now => source.is_present(now),
                Horizon::Whole => true,
            };
            sources.filter(is_there).map(move |source| Querier {
                family,
                address: source.ip,
                sender: source.sender,
                version: source.version,
                interval: source.interval,
                measured: source.measured,
                queries: source.queries,
            })
        })
    }
}

impl Heeded {
    fn hear(
        &mut self,
        now: Time,
        stamp: Stamp,
        (ip, sender): (IpAddr, Option<Sender>),
        query: &Query,
    ) {
        self.last_query = Some(stamp);
        let there = self.sources.iter_mut().find(|source| source.ip == ip);
        let before = there.as_ref().and_then(|source| source.gap);
        // A duplicate of a query says nothing.
        let gap = there.as_ref().map(|source| now.since(source.last)).filter(|g| g.as_secs() > 0);
        let measured = gap.zip(before).map(|(gap, before)| gap.min(before));
        let stated = stated(query).map(|(_, interval)| interval);
        self.interval = stated.or(measured).or(self.interval);
        let new = QuerierSource {
            ip,
            sender,
            version: query.version,
            interval: stated,
            measured: gap.map(|gap| before.map_or(gap, |before| gap.min(before))).or(before),
            queries: there.as_ref().map_or(0, |source| source.queries) + 1,
            last: now,
            gap: gap.or(before),
            present: present(query),
        };
        if let Some(there) = there {
            *there = new;
            return;
        }
        let counted = self.sources.iter().filter(|source| !source.ip.is_unspecified()).count();
        if counted < SOURCES || ip.is_unspecified() {
            self.sources.push(new);
        } else if let Some(gone) =
            self.sources.iter_mut().find(|s| !s.ip.is_unspecified() && !s.is_present(now))
        {
            *gone = new;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    proptest! {
        #[test]
        fn counts_the_sources_of_the_stated_interval_up_to_sixteen(
            steps in prop::collection::vec((0_u8..24, 0_u64..40, 0_u8..4), 1..200),
        ) {
            let mut heeded = Heeded::default();
            let mut model: Vec<(u8, Time, Duration)> = Vec::new();
            let mut now = Time(0);
            for (last, seconds, robustness) in steps {
                now = now.plus(Duration::from_secs(seconds));
                let query = Query {
                    version: 3,
                    group: Ipv4Addr::UNSPECIFIED.into(),
                    max_response: Duration::from_secs(8),
                    robustness,
                    interval: Duration::from_mins(1),
                };
                let ip = if last == 0 { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::new(10, 0, 0, last) };
                heeded.hear(now, Stamp(now.0.into()), (ip.into(), None), &query);
                let alive = |at: Time, present| now.since(at) <= present;
                let counted = model.iter().filter(|(there, at, p)| *there != last && alive(*at, *p));
                let is_there = model.iter().any(|(there, ..)| *there == last);
                let is_full = counted.count() >= SOURCES;
                if last > 0 && (is_there || !is_full) {
                    let seconds = if robustness > 0 { u64::from(robustness) * 60 + 4 } else { 255 };
                    model.retain(|(there, ..)| *there != last);
                    model.push((last, now, Duration::from_secs(seconds)));
                }
                model.retain(|(_, at, present)| alive(*at, *present));
                let queriers = Queriers { families: [heeded.clone(), Heeded::default()] };
                let membership = queriers.membership(now, AddressFamily::Ipv4);
                prop_assert_eq!(membership.queriers, model.len() as u64);
                let named = queriers.list(now, Horizon::Now).filter(|q| !q.address.is_unspecified());
                prop_assert_eq!(named.count(), model.len());
                prop_assert_eq!(membership.last_query, Some(Stamp(now.0.into())));
                prop_assert!(heeded.sources.len() <= SOURCES + 1);
            }
        }
    }
}
