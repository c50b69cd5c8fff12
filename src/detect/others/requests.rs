//! Devices that ask for the same address again and again: cause and condition `address_repeat`.
//!
//! Counts ARP requests and neighbour solicitations, by the address that is asked for. The cause is
//! on the frames of a device that asked for at most two addresses in half or more of its requests
//! of the last 10 s: on those for these two, each from the second on. The condition asks for more: over
//! 120 requests in 60 s, in at least 50 of its seconds, from one address for one other. RFC 1122
//! section 2.3.2.1 and RFC 4861 section 7.3.3 allow one a second; a Linux host makes 45 to 58 a
//! minute for a dead address, `arping` 60. Who asks for its own address announces it (VRRP,
//! keepalived), and who asks from none tests whether it is free (RFC 5227, RFC 4862): these count
//! as a cause and not as a condition.

use crate::decode::Message;
use crate::decode::mdns::HashKey;
use crate::detect::cause::Cause;
use crate::detect::condition::{About, Condition, Evidence};
use crate::detect::memory::sender::SenderKey;
use crate::detect::memory::table::Table;
use crate::detect::memory::tally::Tally;
use crate::detect::steady::Steady;
use crate::detect::view::{Findings, View};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// Too many requests in 60 s are a condition if they are in at least so many of its seconds.
const SECONDS: usize = 50;
/// How long requests count towards the condition.
const MINUTE: Duration = Duration::from_mins(1);
/// How long they count towards the cause.
const WINDOW: Duration = Duration::from_secs(10);
/// The same, in whole seconds.
const KEPT: usize = 10;
/// Addresses that are counted of one device: the two asked for most, and two for others.
const TARGETS: usize = 4;

/// A request for an address.
#[derive(Clone, Copy, Debug)]
struct Request {
    target: IpAddr,
    /// Who asks; `None` if it announces its own address, or tests one.
    by: Option<IpAddr>,
}

impl Request {
    fn of(view: &View<'_>) -> Option<Self> {
        let target = view.asked_address()?;
        let by = match &view.observation.message {
            Message::Arp(message) => IpAddr::from(message.sender_ip),
            _ => view.observation.ip?.source,
        };
        Some(Self { target, by: (by != target && !by.is_unspecified()).then_some(by) })
    }
}

/// One address that a device asks for.
#[derive(Clone, Copy, Debug)]
struct Target {
    address: IpAddr,
    /// Requests by second.
    counts: [u16; KEPT],
    /// The number of the last request for it.
    last: u32,
}

/// What one device asked for in the last 10 s, the running second included.
#[derive(Clone, Debug)]
struct Asker {
    /// The second counted last.
    second: u64,
    /// Requests so far.
    number: u32,
    /// All of them by second.
    all: [u16; KEPT],
    targets: [Option<Target>; TARGETS],
    /// What it asked for too often last, and in which second.
    v4: Option<(Ipv4Addr, u64)>,
    v6: Option<(Ipv6Addr, u64)>,
}

impl Asker {
    const fn new(second: u64) -> Self {
        let targets = [None; TARGETS];
        Self { second, number: 0, all: [0; KEPT], targets, v4: None, v6: None }
    }

    /// It asks for an address too often. Returns what it does of late, in either family.
    fn insists(&mut self, address: IpAddr) -> About {
        let now = self.second;
        match address {
            IpAddr::V4(address) => self.v4 = Some((address, now)),
            IpAddr::V6(address) => self.v6 = Some((address, now)),
        }
        let is_late = |at: u64| now - at < MINUTE.as_secs();
        About::Asked(
            self.v4.filter(|(_, at)| is_late(*at)).map(|(address, _)| address),
            self.v6.filter(|(_, at)| is_late(*at)).map(|(address, _)| address),
        )
    }

    /// One more request. Returns whether it is for one of at most two addresses that got half of
    /// them or more, and not the first for it.
    fn ask(&mut self, second: u64, address: IpAddr) -> bool {
        self.pass(second);
        self.number = self.number.wrapping_add(1);
        let at = place(self.second);
        let place = self.place_of(address);
        let new = Target { address, counts: [0; KEPT], last: 0 };
        let target = self.targets[place].get_or_insert(new);
        target.last = self.number;
        for count in [&mut self.all[at], &mut target.counts[at]] {
            *count = count.saturating_add(1);
        }
        let own = sum(&target.counts);
        let others = self.targets.iter().enumerate().filter(|(other, _)| *other != place);
        let others = others.map(|(_, target)| target.map_or(0, |target| sum(&target.counts)));
        let (most, ahead) = others.fold((0, 0), |(most, ahead), other| {
            (other.max(most), ahead + usize::from(other > own))
        });
        own > 1 && ahead < 2 && (own + most) * 2 >= sum(&self.all)
    }

    /// So many requests more for an address, in the second counted last.
    fn skip(&mut self, address: IpAddr, requests: u64) {
        #[allow(clippy::cast_possible_truncation, reason = "it wraps")]
        let number = requests as u32;
        self.number = self.number.wrapping_add(number);
        let requests = u16::try_from(requests).unwrap_or(u16::MAX);
        let at = place(self.second);
        let own = self.targets.iter_mut().flatten().find(|target| target.address == address);
        for count in own.map(|target| &mut target.counts[at]).into_iter().chain([&mut self.all[at]])
        {
            *count = count.saturating_add(requests);
        }
    }

    /// Forgets what is 10 s old. What comes late counts as of the newest second.
    fn pass(&mut self, second: u64) {
        let newest = second.max(self.second);
        for passed in (self.second + 1..=newest).rev().take(KEPT) {
            self.all[place(passed)] = 0;
            for target in self.targets.iter_mut().flatten() {
                target.counts[place(passed)] = 0;
            }
        }
        self.second = newest;
    }

    /// The place of an address: its own, a free one, or that of the address with the fewest
    /// requests, of several that which was asked for least lately.
    fn place_of(&mut self, address: IpAddr) -> usize {
        let own = |target: &Option<Target>| target.is_some_and(|one| one.address == address);
        if let Some(place) = self.targets.iter().position(own) {
            return place;
        }
        let worth = |place: &usize| self.targets[*place].map(|one| (sum(&one.counts), one.last));
        let place = (0..TARGETS).min_by_key(worth).unwrap_or(0);
        self.targets[place] = None;
        place
    }
}

/// Whether more of what was counted in this second are evidence of `condition` as before.
pub(super) fn is_settled(view: &View<'_>, condition: Condition, tally: &Tally<1>) -> bool {
    !view.limits.is_on(condition)
        || view.limits.is_exceeded(condition, tally.total())
        || tally.is_full()
}

fn sum(counts: &[u16; KEPT]) -> u32 {
    counts.iter().map(|count| u32::from(*count)).sum()
}

#[allow(clippy::cast_possible_truncation, reason = "less than ten")]
const fn place(second: u64) -> usize {
    (second % KEPT as u64) as usize
}

/// Who asked for what, and how often.
#[derive(Debug)]
pub(crate) struct Requests {
    /// At most 512 devices, 140 KiB; they are forgotten after 10 s.
    askers: Table<SenderKey, Asker, 64>,
    /// By device, its address, and that which it asks for; at most 1,024, 88 KiB, forgotten after
    /// 60 s.
    pairs: Table<(SenderKey, IpAddr, IpAddr), Tally<1>, 128>,
}

impl Requests {
    /// Nobody asked yet. `key` keeps the network from choosing what collides.
    pub(crate) fn new(key: HashKey) -> Self {
        Self { askers: Table::new(key, WINDOW), pairs: Table::new(key, MINUTE) }
    }

    /// What is promised of copies of the frame that was just heard: of requests that are too many.
    pub(crate) fn steady(
        &self,
        view: &View<'_>,
        findings: &Findings,
        steady: Steady,
    ) -> Option<Steady> {
        let Self { askers, pairs } = self;
        let Some(Request { target, by }) = Request::of(view) else { return Some(steady) };
        let is_held = askers.holds(view.now, view.sender)
            && findings.signatures().contains(Cause::AddressRepeat);
        let is_counted = by.is_none_or(|by| {
            let tally = pairs.get(view.now, (view.sender, by, target));
            tally.is_some_and(|t| is_settled(view, Condition::AddressRepeat, t))
        });
        (is_held && is_counted).then_some(steady)
    }

    /// So many copies more were heard.
    pub(crate) fn skip(&mut self, view: &View<'_>, copies: u64) {
        let Some(Request { target, by }) = Request::of(view) else { return };
        if let Some(asker) = self.askers.peek_mut(view.sender) {
            asker.skip(target, copies);
        }
        let tally = by.and_then(|by| self.pairs.peek_mut((view.sender, by, target)));
        if let Some(tally) = tally {
            tally.skip(copies);
        }
    }

    /// Hears one frame.
    pub(crate) fn handle(&mut self, view: &View<'_>, findings: &mut Findings) {
        let Some(Request { target, by }) = Request::of(view) else { return };
        let now = view.now;
        let new = || Asker::new(now.second());
        let asker = self.askers.entry(now, view.sender, new).value;
        if asker.ask(now.second(), target) {
            findings.matched_about(Cause::AddressRepeat, About::Address(target));
        }
        let Some(by) = by else { return };
        let tally = self.pairs.entry(now, (view.sender, by, target), Tally::default).value;
        tally.count(now);
        let is_exceeded = view.limits.is_exceeded(Condition::AddressRepeat, tally.total());
        if is_exceeded && tally.busy() >= SECONDS {
            findings.show(Evidence::of(Condition::AddressRepeat, asker.insists(target)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    /// How many of these requests, so many a second, are said to be repeats.
    fn repeats(rate: u64, targets: impl IntoIterator<Item = u8>) -> usize {
        let mut asker = Asker::new(0);
        let targets = (0..).zip(targets);
        targets.filter(|(n, target)| asker.ask(n / rate, address(*target))).count()
    }

    #[test]
    fn half_for_at_most_two_are_repeats_and_others_are_not() {
        let many = |n: u64| u8::try_from(2 + n % 200).unwrap();
        for (what, targets, expected) in [
            ("one", vec![1; 100], 99..=99),
            ("two in turn", (0..100).map(|n| n % 2).collect(), 98..=98),
            ("four in turn", (0..100).map(|n| n % 4).collect(), 90..=96),
            ("five in turn", (0..100).map(|n| n % 5).collect(), 0..=0),
            ("sixteen in turn", (0..160).map(|n| n % 16).collect(), 0..=0),
            ("one after the other", (0..200).collect(), 0..=0),
            ("each twice", (0..200).map(|n| n / 2).collect(), 4..=4),
            (
                "one in two, the rest one after the other",
                (0..200).map(|n| if n % 2 == 0 { 1 } else { many(n) }).collect(),
                99..=99,
            ),
            (
                "one in four",
                (0..200).map(|n| if n % 4 == 0 { 1 } else { many(n) }).collect(),
                0..=1,
            ),
        ] {
            let count = repeats(50, targets);
            assert!(expected.contains(&count), "{what}: {count}");
        }
    }

    #[test]
    fn only_the_last_ten_seconds_matter() {
        let mut asker = Asker::new(0);
        for target in 0..200 {
            assert!(!asker.ask(0, address(target)) || target == 1);
        }
        for (second, n, expected) in [(9, 150, false), (10, 1, false), (10, 2, true)] {
            let mut asker = asker.clone();
            let last = (0..n).map(|_| asker.ask(second, address(250))).last();
            assert_eq!(last, Some(expected), "{second} {n}");
        }
        // What comes late is not forgotten.
        assert_eq!((asker.ask(40, address(1)), asker.ask(30, address(1))), (false, true));
    }

    proptest! {
        /// What four places hold is exact.
        #[test]
        fn agrees_with_a_list(steps in prop::collection::vec((0_u8..4, 0_u64..3), 1..200)) {
            let mut asker = Asker::new(0);
            let mut model: Vec<(u64, u8)> = Vec::new();
            let mut second = 0;
            for (target, gap) in steps {
                second += gap * gap;
                model.retain(|(then, _)| second - then < 10);
                model.push((second, target));
                let of = |n: u8| model.iter().filter(|(_, one)| *one == n).count();
                let own = of(target);
                let mut others: Vec<_> = (0..4).filter(|n| *n != target).map(of).collect();
                others.sort_unstable();
                let is_among_two = others[1] <= own;
                let expected = own > 1 && is_among_two && (own + others[2]) * 2 >= model.len();
                prop_assert_eq!(asker.ask(second, address(target)), expected);
            }
        }
    }

    #[test]
    fn memory_has_a_bound() {
        assert_eq!(Table::<SenderKey, Asker, 64>::BYTES_MAX, 140 << 10);
        assert_eq!(Table::<(SenderKey, IpAddr, IpAddr), Tally<1>, 128>::BYTES_MAX, 88 << 10);
    }
}
