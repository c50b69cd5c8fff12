//! One device's storms, second by second, against a model that keeps every frame.

use super::*;
use crate::decode::Protocol;
use crate::mac::Mac;
use proptest::prelude::*;

const IT: Sender = Sender::Mac(Mac([2; 6]));

/// A device and the seconds in which it sends.
struct Device {
    storms: DeviceStorms,
    totals: Window,
    limits: Limits,
    /// The second that runs.
    second: u64,
    number: u64,
    /// Whether the table would close its seconds.
    is_due: bool,
}

impl Device {
    fn new(limits: Limits) -> Self {
        Self {
            storms: DeviceStorms::default(),
            totals: Window::new(0),
            limits,
            second: 1_000,
            number: 0,
            is_due: false,
        }
    }

    fn hear(&mut self, frames: u64, protocol: Protocol, causes: &[Cause]) -> &mut Self {
        let signatures = set_of(causes);
        for _ in 0..frames {
            if protocol.class() != Class::Other {
                self.totals.count(self.second);
            }
            self.is_due |= self.storms.count(self.second, What::of(protocol, signatures));
        }
        self
    }

    /// Others answer it, because it asks too fast.
    fn provoke(&mut self, frames: u64, causes: &[Cause]) -> &mut Self {
        for _ in 0..frames {
            self.storms.count_provoked(self.second, set_of(causes));
            self.is_due = true;
        }
        self
    }

    /// Closes the second that runs; looks at nothing where a table would not.
    fn close(&mut self) -> Option<StormEvent> {
        let second = self.second;
        self.second += 1;
        if !self.is_due {
            return None;
        }
        let stamp = Stamp::new(i64::try_from(second).expect("small") + 1, 0);
        let at = Closing { second, stamp, number: self.number, unseen: 0 };
        let event = self.storms.close(&at, IT, &self.limits, &self.totals);
        self.number += u64::from(matches!(event, Some(StormEvent::Began(_))));
        self.is_due = self.storms.is_busy();
        event
    }

    fn storm(&self) -> Storm {
        self.storms.storm(self.second, &self.totals).expect("a storm")
    }
}

fn set_of(causes: &[Cause]) -> CauseSet {
    let mut set = CauseSet::default();
    for cause in causes {
        set.insert(*cause);
    }
    set
}

/// A frame, as the model keeps it.
#[derive(Clone)]
struct RecentFrame {
    second: u64,
    protocol: Protocol,
    signatures: CauseSet,
    /// Whether another device sent it, provoked by this one.
    is_provoked: bool,
}

/// The main cause and the others.
fn causes(storm: &Storm) -> (Cause, Vec<Cause>) {
    match storm.culprit {
        Culprit::Device { cause, also, .. } => (cause, also.iter().collect()),
        Culprit::Segment { .. } => panic!("of a device"),
    }
}

#[test]
fn the_first_cause_that_covers_half_is_the_main_one() {
    use Cause::{L2Loop, ProbeLoop, QueryFlood, RenameLoop, RepeatedResponse, Unclassified};
    type Case<'a> = (&'a [(u64, &'a [Cause])], Cause, &'a [Cause]);
    let cases: [Case<'_>; 6] = [
        (&[(500, &[])], Unclassified, &[]),
        (&[(250, &[QueryFlood]), (250, &[])], QueryFlood, &[]),
        (&[(249, &[QueryFlood]), (251, &[])], Unclassified, &[]),
        (&[(500, &[QueryFlood, RenameLoop, ProbeLoop])], RenameLoop, &[ProbeLoop, QueryFlood]),
        (&[(250, &[RepeatedResponse]), (250, &[QueryFlood])], RepeatedResponse, &[QueryFlood]),
        (&[(300, &[RepeatedResponse]), (200, &[L2Loop])], RepeatedResponse, &[]),
    ];
    for (frames, cause, also) in cases {
        let mut device = Device::new(Limits::default());
        for (count, signatures) in frames {
            device.hear(*count, Protocol::Mdns, signatures);
        }
        device.close();
        assert_eq!(causes(&device.storm()), (cause, also.to_vec()), "{frames:?}");
    }
}

#[test]
fn what_is_unclassified_is_explained_as_soon_as_anything_covers_half() {
    let mut device = Device::new(Limits::default());
    device.hear(500, Protocol::Mdns, &[]).close();
    for _ in 0..100 {
        assert_eq!(device.hear(60, Protocol::Mdns, &[]).close(), None);
    }
    let mut told = Vec::new();
    for second in 1..20 {
        told.extend(device.hear(60, Protocol::Mdns, &[Cause::PingPong]).close().map(|event| {
            let StormEvent::Explained(storm) = event else { panic!("{event:?}") };
            (second, causes(&storm))
        }));
    }
    assert_eq!(told, [(5, (Cause::PingPong, vec![]))], "half of 10 s");
}

/// The seconds of the storm's events while it does this for so many seconds, with the cause then.
fn told(device: &mut Device, seconds: u64, signatures: &[Cause]) -> Vec<(u64, Cause)> {
    let mut told = Vec::new();
    for second in 1..=seconds {
        let event = device.hear(60, Protocol::Mdns, signatures).close();
        told.extend(event.map(|event| (second, causes(event.storm()).0)));
    }
    told
}

#[test]
fn a_cause_that_covers_less_than_a_quarter_for_a_minute_gives_way() {
    use Cause::{MembershipFlood, NameConflict, RecordChurn, RepeatedResponse};
    let mut device = Device::new(Limits::default());
    device.hear(500, Protocol::Mdns, &[RepeatedResponse]).close();
    assert_eq!(told(&mut device, 90, &[RepeatedResponse]), []);
    // The last 10 s are still a quarter its own after 7 s.
    assert_eq!(told(&mut device, 66, &[RecordChurn]), []);
    assert_eq!(told(&mut device, 1, &[RecordChurn]), [(1, RecordChurn)]);
    // A cause that comes earlier in the order takes nothing away from one that still covers.
    assert_eq!(told(&mut device, 90, &[NameConflict, RecordChurn]), []);
    // Nothing covers half.
    assert_eq!(told(&mut device, 90, &[]), []);
    assert_eq!(told(&mut device, 9, &[MembershipFlood]), [(5, MembershipFlood)]);
}

#[test]
fn a_loop_takes_the_blame_at_once() {
    let mut device = Device::new(Limits::default());
    device.hear(500, Protocol::Mdns, &[Cause::RepeatedResponse]).close();
    let both = [Cause::RepeatedResponse, Cause::L2Loop];
    assert_eq!(told(&mut device, 4, &both), []);
    assert_eq!(told(&mut device, 9, &both), [(5, Cause::L2Loop)], "500 frames were none");
    assert_eq!(told(&mut device, 90, &[Cause::RepeatedResponse]), [(67, Cause::RepeatedResponse)]);
}

#[test]
fn who_turns_out_to_answer_is_no_longer_a_flooder_and_rises_if_it_floods_then() {
    let mut device = Device::new(Limits::default());
    device.hear(500, Protocol::Mdns, &[]).close();
    assert_eq!(device.storm().level, Level::Storm);
    for _ in 0..10 {
        device.hear(100, Protocol::Mdns, &[Cause::Answering]).close();
        device.storms.answer(IT);
    }
    let storm = device.storm();
    assert_eq!((storm.level, causes(&storm).0), (Level::Chatty, Cause::Answering));
    assert_eq!(storm.provoked_by.as_deref(), Some(&[IT][..]));
    assert_eq!(told(&mut device, 90, &[Cause::RecordChurn]), [(68, Cause::RecordChurn)]);
    let storm = device.storm();
    assert_eq!((storm.level, storm.number, storm.provoked_by), (Level::Storm, 0, None));
    assert_eq!(device.storms.begun(), [0, 2]);
}

#[test]
fn a_storm_becomes_a_loop_when_its_frames_show_it() {
    let mut device = Device::new(Limits::default());
    device.hear(500, Protocol::Mdns, &[Cause::QueryFlood]).close();
    let mut told = Vec::new();
    for second in 0..60 {
        let event = device.hear(60, Protocol::Mdns, &[Cause::L2Loop]).close();
        told.extend(event.map(|event| (second, causes(event.storm()))));
    }
    // 480 of 980 frames after 8 s, 540 of 1,040 after 9 s.
    assert_eq!(told, [(8, (Cause::L2Loop, vec![]))]);
}

#[test]
fn a_cause_stays_when_a_chatty_device_floods() {
    for (signatures, rising, cause) in [
        (&[Cause::QueryFlood][..], &[Cause::RenameLoop][..], Cause::QueryFlood),
        (&[], &[Cause::RenameLoop], Cause::RenameLoop),
    ] {
        let mut device = Device::new(Limits::default());
        for _ in 0..400 {
            device.hear(6, Protocol::Mdns, signatures).close();
        }
        assert_eq!(device.storm().level, Level::Chatty);
        let event = device.hear(600, Protocol::Mdns, rising).close();
        let Some(StormEvent::Rose(storm)) = event else { panic!("{event:?}") };
        assert_eq!((storm.number, causes(&storm).0), (0, cause));
    }
}

#[test]
fn signalling_comes_before_address_and_only_one_lasts() {
    let mut device = Device::new(Limits::default());
    device.hear(6_000, Protocol::Arp, &[]).hear(500, Protocol::Mdns, &[]).close();
    assert_eq!(device.storm().protocol, Protocol::Mdns);
    let mut events = Vec::new();
    for _ in 0..30 {
        events.extend(device.close());
    }
    let [StormEvent::Ended(storm)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((storm.protocol, storm.packets), (Protocol::Mdns, 0));
    assert_eq!(device.storms.begun(), [0, 1]);
    assert!(device.storms.storm.is_none());
}

#[test]
fn other_frames_have_a_limit_only_where_one_is_set() {
    let limits = Limits { other: Some(1_000), ..Limits::default() };
    let mut device = Device::new(limits);
    device.hear(10_000, Protocol::OtherMulticast, &[Cause::Stream]).close();
    let storm = device.storm();
    assert_eq!((storm.protocol, causes(&storm).0), (Protocol::OtherMulticast, Cause::Stream));
    assert_eq!(storm.peak, 0, "the peak is of signalling and address frames");
    let mut device = Device::new(Limits::default());
    device.hear(10_000, Protocol::OtherMulticast, &[]).close();
    assert!(device.storms.storm.is_none());
}

#[test]
fn a_silent_minute_is_in_none_of_five_windows() {
    let mut device = Device::new(Limits::default());
    let mut begun = Vec::new();
    for second in 0..300 {
        if second % 61 == 0 {
            device.hear(300, Protocol::Mdns, &[]);
        }
        begun.extend(device.close().map(|event| (second, event.storm().level)));
    }
    // The windows that end with the fifth burst hold one burst each. It is quiet 30 s later.
    assert_eq!(begun, [(244, Level::Chatty), (274, Level::Chatty)]);
}

#[test]
fn a_device_that_grew_quiet_costs_nothing() {
    let mut device = Device::new(Limits::default());
    for _ in 0..400 {
        device.hear(8, Protocol::Mdns, &[]).close();
    }
    assert!(device.is_due);
    let closed = (0..1_000).take_while(|_| device.is_due.then(|| device.close()).is_some()).count();
    assert!(closed <= 360, "{closed}");
    assert!(device.storms.paces.iter().all(Option::is_none));
}

/// What a storm was, seen from outside: level, class, start, end, packets, peak, cause, protocol.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    level: Level,
    start: u64,
    first: u64,
    end: Option<u64>,
    packets: usize,
    provoked: usize,
    peak: usize,
    cause: Cause,
    protocol: Protocol,
}

/// The rules as `storms.md` has them, on a list of all frames.
struct Model {
    frames: Vec<RecentFrame>,
    limits: Limits,
    /// From when on frames of a class are in its windows.
    since: [u64; 3],
    /// Class, what is told, and in which seconds its cause covered a quarter.
    open: Option<(usize, Told, Vec<bool>)>,
    told: Vec<Told>,
}

impl Model {
    /// Frames of a class in the `length` seconds up to the close of `second`.
    fn within(&self, class: usize, second: u64, length: u64) -> impl Iterator<Item = &RecentFrame> {
        let from = (second + 1).saturating_sub(length).max(self.since[class]);
        let range = from..=second;
        self.frames.iter().filter(move |frame| {
            range.contains(&frame.second) && place(frame.protocol.class()) == Some(class)
        })
    }

    fn rate(&self, class: usize, second: u64, length: u64) -> u64 {
        self.within(class, second, length).count() as u64
    }

    fn floods(&self, class: usize, second: u64) -> bool {
        let (limit, length) =
            [(self.limits.signalling, 10), (self.limits.address, 30), (self.limits.other, 10)]
                [class];
        let frames = self.rate(class, second, length);
        limit.is_some_and(|limit| frames >= u64::from(limit) * length)
    }

    fn is_chatty(&self, second: u64) -> bool {
        let limit = self.limits.chatty.map(u64::from);
        let minute = |n: u64| second.checked_sub(n * 60).map_or(0, |end| self.rate(0, end, 60));
        limit.is_some_and(|limit| (0..5).all(|n| minute(n) >= limit * 60))
            && !self.is_quiet(0, Level::Chatty, second)
    }

    fn is_quiet(&self, class: usize, level: Level, second: u64) -> bool {
        let limit = match (class, level) {
            (0, Level::Chatty) => self.limits.chatty,
            (0, Level::Storm) => self.limits.signalling,
            (1, _) => self.limits.address,
            _ => self.limits.other,
        };
        self.rate(class, second, 30) < u64::from(limit.expect("on")) * 6
    }

    /// Since when no 10 s held fewer than a fifth of a limit.
    fn first(&self, class: usize, level: Level, second: u64) -> Option<u64> {
        let limit = match (class, level) {
            (0, Level::Chatty) => self.limits.chatty,
            (0, Level::Storm) => self.limits.signalling,
            (1, _) => self.limits.address,
            _ => self.limits.other,
        };
        let limit = u64::from(limit.expect("on"));
        let ten = |second: u64| self.rate(class, second, 10);
        let from = (self.since[class]..=second).rev().take_while(|end| ten(*end) * 5 >= limit * 10);
        let from = from.last()?;
        let mut seconds = (from + 1).saturating_sub(10)..=from;
        let begins = |then: &u64| {
            let frames = self.rate(class, *then, 1);
            frames > 0 && frames * 5 >= limit
        };
        Some(seconds.find(begins).unwrap_or(from))
    }

    fn peak(&self, second: u64) -> usize {
        let counts = |frame: &&RecentFrame| {
            frame.second == second
                && !frame.is_provoked
                && place(frame.protocol.class()).is_some_and(|class| class < 2)
        };
        self.frames.iter().filter(counts).count()
    }

    /// Frames of a class in 10 s, and how many have the signature of a cause.
    fn marked(&self, class: usize, second: u64, cause: Cause) -> (usize, usize) {
        let (provoked, own): (Vec<_>, Vec<_>) =
            self.within(class, second, 10).partition(|frame| frame.is_provoked);
        let all = if cause == Cause::Answering { own.len() } else { own.len() + provoked.len() };
        let marked = own.iter().filter(|frame| frame.signatures.contains(cause)).count();
        let others = provoked.iter().filter(|frame| match cause {
            // What was withdrawn again and again is no answer to a question.
            Cause::QueryFlood => !frame.signatures.contains(Cause::RepeatedResponse),
            Cause::PingPong | Cause::RepeatedResponse => frame.signatures.contains(cause),
            _ => false,
        });
        (all, marked + others.count())
    }

    fn cause(&self, class: usize, second: u64) -> Cause {
        let covers = |cause: &Cause| {
            let (all, marked) = self.marked(class, second, *cause);
            marked > 0 && marked * 2 >= all
        };
        let (own, answers) = self.marked(class, second, Cause::Answering);
        match Cause::ALL.into_iter().find(covers).unwrap_or(Cause::Unclassified) {
            Cause::PingPong if answers > 0 && answers * 4 >= own * 3 => Cause::Answering,
            cause => cause,
        }
    }

    fn covers_a_quarter(&self, class: usize, second: u64, cause: Cause) -> bool {
        let (all, marked) = self.marked(class, second, cause);
        marked > 0 && marked * 4 >= all
    }

    /// The cause that `now` gives way to.
    fn other_cause(
        &self,
        class: usize,
        second: u64,
        now: Cause,
        covered: &[bool],
    ) -> Option<Cause> {
        let new = self.cause(class, second);
        let is_stale = covered.len() >= 60 && covered.iter().rev().take(60).all(|covered| !covered);
        let gives_way = now == Cause::Unclassified || new == Cause::L2Loop || is_stale;
        (gives_way && new != now && new != Cause::Unclassified).then_some(new)
    }

    fn close(&mut self, second: u64) {
        if let Some((class, mut told, mut covered)) = self.open.take() {
            let (provoked, own): (Vec<_>, Vec<_>) =
                self.within(class, second, 1).partition(|frame| frame.is_provoked);
            told.packets += own.len();
            told.provoked += provoked.len();
            told.peak = told.peak.max(self.peak(second));
            if self.is_quiet(class, told.level, second) {
                told.end = Some(second + 1);
                self.told.push(told);
                self.since[class] = second + 1;
                return;
            }
            covered.push(self.covers_a_quarter(class, second, told.cause));
            if let Some(new) = self.other_cause(class, second, told.cause, &covered) {
                told.cause = new;
                covered.clear();
            }
            if told.cause == Cause::Answering {
                told.level = Level::Chatty;
            } else if self.floods(class, second) {
                told.level = Level::Storm;
            }
            self.open = Some((class, told, covered));
            return;
        }
        let flooding = (0..3).find(|class| self.floods(*class, second));
        let chatty = self.is_chatty(second).then_some((0, Level::Chatty));
        let Some((class, level)) = flooding.map(|class| (class, Level::Storm)).or(chatty) else {
            return;
        };
        let frames = |protocol: Protocol| {
            let own = self.within(class, second, 10).filter(|frame| !frame.is_provoked);
            own.filter(|frame| frame.protocol == protocol).count()
        };
        // The first of those with most frames.
        let most = Protocol::ALL.into_iter().rev().max_by_key(|protocol| frames(*protocol));
        let protocol = most.filter(|most| frames(*most) > 0).unwrap_or(fallback(CLASSES[class]));
        let peak = (second.saturating_sub(9)..=second).map(|second| self.peak(second)).max();
        let cause = self.cause(class, second);
        let due = self.first(class, level, second);
        let level = if cause == Cause::Answering { Level::Chatty } else { level };
        let first = if class == 0 { self.first(class, level, second) } else { None };
        let told = Told {
            level,
            start: second + 1,
            first: first.or(due).unwrap_or(second),
            end: None,
            packets: 0,
            provoked: 0,
            peak: peak.unwrap_or(0),
            cause,
            protocol,
        };
        self.open = Some((class, told, Vec::new()));
    }
}

fn as_told(storm: &Storm) -> Told {
    let second = |stamp: Stamp| u64::try_from(stamp.0 / 1_000_000_000).expect("positive");
    Told {
        level: storm.level,
        start: second(storm.start),
        first: second(storm.first_frame),
        end: storm.end.map(|(end, _)| second(end)),
        packets: usize::try_from(storm.packets).expect("few"),
        provoked: usize::try_from(storm.provoked).expect("few"),
        peak: storm.peak as usize,
        cause: causes(storm).0,
        protocol: storm.protocol,
    }
}

/// For how many seconds, how many frames a second of which protocol and signature, how many that
/// they provoke, and how many seconds apart.
fn act() -> impl Strategy<Value = (u64, u64, Protocol, Option<Cause>, u64, u64)> {
    let protocol = prop::sample::select(vec![
        Protocol::Mdns,
        Protocol::Ssdp,
        Protocol::Arp,
        Protocol::OtherMulticast,
    ]);
    let mark = prop::sample::select(vec![
        None,
        Some(Cause::PingPong),
        Some(Cause::Answering),
        Some(Cause::QueryFlood),
        Some(Cause::RepeatedResponse),
    ]);
    let seconds = prop_oneof![1_u64..20, 20_u64..130];
    let gap = prop_oneof![4 => Just(1_u64), 1 => 2_u64..70];
    let provoked = prop_oneof![3 => Just(0_u64), 1 => 0_u64..20];
    (seconds, prop_oneof![0_u64..5, 0_u64..30], protocol, mark, provoked, gap)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn agrees_with_a_model_that_keeps_all_frames(
        acts in prop::collection::vec(act(), 1..12),
        signalling in 1_u32..12,
        address in 1_u32..6,
        other in prop::option::of(1_u32..12),
        chatty in 1_u32..3,
    ) {
        let limits = Limits {
            signalling: Some(signalling),
            address: Some(address),
            other,
            chatty: Some(chatty),
        };
        let mut device = Device::new(limits);
        let mut model =
            Model { frames: Vec::new(), limits, since: [0; 3], open: None, told: Vec::new() };
        let mut ended = Vec::new();
        for (seconds, rate, protocol, mark, provoked, gap) in acts {
            for n in 0..seconds {
                // Only questions of mDNS provoke anything.
                let is_asked = protocol.class() == Class::Signalling;
                let fits = |mark: &Cause| is_asked || *mark != Cause::Answering;
                let signatures: Vec<Cause> = mark.into_iter().filter(fits).collect();
                let is_ignored = protocol.class() == Class::Other && other.is_none();
                if n % gap == 0 && !is_ignored {
                    device.hear(rate, protocol, &signatures);
                    device.provoke(provoked, &signatures);
                    let frame = RecentFrame {
                        second: device.second,
                        protocol,
                        signatures: set_of(&signatures),
                        is_provoked: false,
                    };
                    let answer = RecentFrame {
                        protocol: Protocol::Mdns,
                        is_provoked: true,
                        ..frame.clone()
                    };
                    for (frame, count) in [(frame, rate), (answer, provoked)] {
                        let count = usize::try_from(count).expect("few");
                        model.frames.extend(std::iter::repeat_n(frame, count));
                    }
                }
                // What no longer matters only costs time.
                if n % 64 == 0 {
                    let from = device.second.saturating_sub(400);
                    model.frames.retain(|frame| frame.second >= from);
                }
                model.close(device.second);
                if let Some(StormEvent::Ended(storm)) = device.close() {
                    ended.push(as_told(&storm));
                }
                let open = device.storms.storm(device.second, &device.totals);
                let expected = model.open.as_ref().map(|(_, told, _)| told.clone());
                prop_assert_eq!(open.as_ref().map(as_told), expected, "at {}", device.second);
            }
        }
        prop_assert_eq!(ended, model.told);
    }
}
