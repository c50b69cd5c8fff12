//! Copies of one frame that come in a row: a run counts what its frames one by one would.
//!
//! Two pipelines hear the same, one of them each copy by itself. Whenever somebody looks, all that
//! both remember is equal, to the last place of the last table, and so is all that they put out.
//! `PROPTEST_CASES` says how many LANs are tried.

use super::*;
use crate::craft::discovery::{
    llmnr_query, llmnr_response, nbns_query, nbns_registration, ssdp_alive, ssdp_byebye,
    ssdp_search, wsd_hello, wsd_probe,
};
use crate::craft::mdns::{self, Query, Responder, Service};
use crate::craft::{Ethernet, Ipv4, Tag, Udp, address, host, membership, tagged};
use crate::detect::{Condition, ConditionLimits, Horizon};
use crate::engine::Judging;
use crate::frame::Backlog;
use crate::storm::Limits;
use proptest::prelude::*;
use simple_dns::{QTYPE, TYPE};
use std::fmt::Write;
use std::net::Ipv4Addr;

/// What hosts send: two printers, of which the second claims the first's name, a phone, a switch.
#[allow(clippy::too_many_lines, reason = "a list")]
fn pool() -> Vec<(&'static str, Vec<u8>)> {
    let [printer, rival, phone, other] = [1, 2, 3, 4].map(Host::numbered);
    let service = || Service::new("Printer", "_ipp._tcp", 631).txt("note=here");
    let of = |host| Responder::new("printer", host).service(service());
    let answers = of(printer);
    let another = Responder::new("tv", other);
    let moved = Responder::new("printer", printer)
        .service(Service::new("Printer", "_ipp._tcp", 631).txt("note=there"));
    let short = |ttl, address: Ipv4Addr| {
        let mut record = mdns::address("printer.local", address.into());
        record.ttl = ttl;
        mdns::response([record])
    };
    let known = || mdns::ptr("_ipp._tcp.local", "Printer._ipp._tcp.local");
    let stream = |host: Host, ttl| {
        let group = Ipv4Addr::new(239, 1, 2, 3);
        host.udp4(group, ttl, &Udp::new(5004, 5004, vec![7; 200]))
    };
    let marked = {
        let udp = Udp::new(5353, 5353, another.address_response());
        let packet = Ipv4::new(other.v4, host::MDNS_V4).ttl(255).id(77).udp(&udp);
        Ethernet::from(other.mac).to_ip(host::MDNS_V4.into()).ipv4(&packet)
    };
    let nobody = {
        let mut bytes = printer.mdns4(answers.announcement());
        bytes[6..12].fill(0xff);
        bytes
    };
    let alive = |n: u8| {
        let usn = format!("uuid:{n}::upnp:rootdevice");
        ssdp_alive("upnp:rootdevice", &usn, "http://10.53.0.1/", "Linux UPnP/1.0 x/1")
    };
    vec![
        ("announcement", printer.mdns4(answers.announcement())),
        ("announcement over IPv6", printer.mdns6(answers.announcement())),
        ("addresses", printer.mdns4(answers.address_response())),
        ("addresses with an id", marked),
        ("another's announcement", other.mdns4(another.announcement())),
        ("answer", printer.mdns4(answers.response("_ipp._tcp"))),
        ("goodbye", printer.mdns4(answers.goodbye())),
        ("probe", printer.mdns4(answers.probe())),
        ("rival's probe", rival.mdns4(of(rival).probe())),
        ("rival's announcement", rival.mdns4(of(rival).announcement())),
        ("copied announcement", rival.mdns4(answers.announcement())),
        ("copied by a third", phone.mdns4(answers.announcement())),
        ("other text", printer.mdns4(moved.announcement())),
        ("short life", printer.mdns4(short(10, printer.v4))),
        ("long life", printer.mdns4(short(120, printer.v4))),
        ("withdrawn by another", other.mdns4(short(0, printer.v4))),
        ("names others", rival.mdns4(Responder::new("nas", Host::numbered(9)).announcement())),
        ("query", phone.mdns4(Query::browse("_ipp._tcp"))),
        ("another's query", other.mdns4(Query::browse("_ipp._tcp"))),
        ("query for what is not there", phone.mdns4(Query::browse("_raop._tcp"))),
        ("query over IPv6", phone.mdns6(Query::browse("_ipp._tcp"))),
        (
            "query for two",
            phone.mdns4(Query::new("printer.local", TYPE::A).and(
                "printer.local",
                TYPE::AAAA.into(),
                false,
            )),
        ),
        (
            "query for any",
            phone.mdns4(Query::new("tv.local", TYPE::A).and("tv.local", QTYPE::ANY, false)),
        ),
        ("query with a known answer", phone.mdns4(Query::browse("_ipp._tcp").known(known()))),
        ("query of the answerer", printer.mdns4(Query::browse("_ipp._tcp"))),
        ("legacy query", {
            let query = Query::browse("_ipp._tcp").id(9).bytes();
            phone.udp4(host::MDNS_V4, 255, &Udp::new(40_000, 5353, query))
        }),
        ("unicast response", printer.mdns_unicast4(phone, answers.address_response())),
        ("pointer loop", printer.mdns4(mdns::pointer_loop())),
        ("claims everything", printer.mdns4(mdns::claims_everything())),
        ("wrong group", {
            let udp = Udp::new(5353, 5353, answers.address_response());
            printer.udp4(Ipv4Addr::new(224, 0, 0, 99), 255, &udp)
        }),
        ("wrong TTL", {
            let udp = Udp::new(5353, 5353, answers.address_response());
            printer.udp4(host::MDNS_V4, 64, &udp)
        }),
        ("ARP request", phone.arp_request(printer.v4)),
        ("another ARP request", phone.arp_request(other.v4)),
        ("another's ARP request", other.arp_request(printer.v4)),
        ("ARP announcement", printer.arp_announcement()),
        ("ARP reply", printer.arp_reply(phone)),
        ("solicitation", {
            let to = address::solicited_node(printer.v6);
            phone.nd(to, address::neighbour_solicitation(printer.v6, phone.mac))
        }),
        ("advertisement", {
            printer.nd(host::ALL_NODES, address::neighbour_advertisement(printer.v6, printer.mac))
        }),
        ("router", {
            let prefix = "2001:db8::".parse().expect("a prefix");
            other.nd(host::ALL_NODES, address::router_advertisement(1800, prefix, other.mac))
        }),
        ("SSDP alive", printer.ssdp4(alive(1))),
        ("another SSDP alive", printer.ssdp4(alive(2))),
        ("SSDP over IPv6", printer.ssdp6(alive(1))),
        ("SSDP search", phone.ssdp4(ssdp_search("ssdp:all"))),
        ("relayed search", other.ssdp4(ssdp_search("ssdp:all"))),
        ("SSDP goodbye", printer.ssdp4(ssdp_byebye("upnp:rootdevice", "uuid:1"))),
        ("no SSDP", printer.ssdp4(b"what is this".to_vec())),
        ("LLMNR query", phone.llmnr4(llmnr_query("printer"))),
        ("LLMNR answer", printer.llmnr4(llmnr_response("printer", printer.v4))),
        ("WSD hello", printer.wsd4(wsd_hello("urn:uuid:1"))),
        ("WSD probe", phone.wsd4(wsd_probe())),
        ("NetBIOS query", phone.nbns(nbns_query("PRINTER"))),
        ("NetBIOS registration", phone.nbns(nbns_registration("PHONE", phone.v4))),
        ("DHCP", phone.dhcp_client(address::Dhcp::client(1, phone.mac).bytes())),
        (
            "IGMP report",
            phone.igmp(
                Ipv4Addr::new(239, 1, 2, 3),
                membership::igmp2_report(Ipv4Addr::new(239, 1, 2, 3)),
            ),
        ),
        ("stream", other.udp4(Ipv4Addr::new(239, 9, 9, 9), 255, &Udp::new(5004, 5004, [1; 99]))),
        ("routed stream", stream(rival, 15)),
        ("stream of two hops", stream(rival, 16)),
        ("broadcast", other.udp4(Ipv4Addr::BROADCAST, 64, &Udp::new(9_999, 9_999, [1; 20]))),
        ("unicast", phone.unicast4(printer, &Udp::new(80, 80, [1; 20]))),
        ("converted", {
            let group = Ipv4Addr::new(239, 1, 2, 3);
            let packet = Ipv4::new(rival.v4, group).udp(&Udp::new(5004, 5004, [1; 20]));
            Ethernet::from(rival.mac).to(phone.mac).ipv4(&packet)
        }),
        ("of a VLAN", {
            tagged(&printer.mdns4(answers.announcement()), Tag { tpid: 0x8100, tci: 20 })
        }),
        ("of nobody", nobody),
        ("own frame", Host::numbered(50).arp_request(printer.v4)),
    ]
}

/// What may flood in turn with another.
const IN_TURN: [&str; 14] = [
    "announcement",
    "announcement over IPv6",
    "another's announcement",
    "addresses",
    "addresses with an id",
    "goodbye",
    "short life",
    "pointer loop",
    "query for what is not there",
    "query for any",
    "ARP request",
    "SSDP alive",
    "SSDP search",
    "stream of two hops",
];

/// Their places in the pool.
fn floods() -> Vec<usize> {
    let pool = pool();
    let place = |what| pool.iter().position(|(name, _)| *name == what).expect("it is in the pool");
    IN_TURN.map(place).to_vec()
}

/// What happens.
#[derive(Clone, Debug)]
enum Step {
    /// Frames in turn, so often and with such gaps in nanoseconds, one after the other.
    Frames {
        frames: Vec<usize>,
        count: usize,
        gaps: Vec<u64>,
    },
    /// One frame, so often at the beginning of each of some seconds.
    Pulses {
        frame: usize,
        seconds: u64,
        count: usize,
    },
    /// Many senders, each once.
    Strangers {
        count: u16,
    },
    /// Silence.
    Wait {
        nanoseconds: u64,
    },
    Event {
        what: u8,
    },
    Policy {
        which: u8,
    },
    Vantage {
        which: u8,
    },
    Timeout {
        nanoseconds: u64,
    },
    Look,
}

/// A LAN and how it is listened to.
#[derive(Clone, Debug)]
struct Course {
    is_live: bool,
    devices: usize,
    batch: usize,
    begin: u64,
    steps: Vec<Step>,
}

fn gap() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => prop::sample::select(vec![0_u64, 1_000, 3_400, 20_000, 60_000, 300_000]),
        2 => prop::sample::select(vec![999_999, 1_000_000, 1_000_001, 4_999_999, 5_000_000]),
        1 => prop::sample::select(vec![9_999_999, 10_000_000, 20_000_001, 50_000_001]),
        1 => prop::sample::select(vec![199_999_999, 200_000_000, 250_000_001, 1_000_000_000]),
    ]
}

/// Mostly one gap; now and then another.
fn gaps() -> impl Strategy<Value = Vec<u64>> {
    let quick = prop::sample::select(vec![0_u64, 1_000, 3_400, 20_000, 100_000, 700_000]);
    prop_oneof![
        4 => quick.prop_map(|gap| vec![gap]),
        2 => (gap(), gap(), 20_usize..300).prop_map(|(gap, other, every)| {
            let mut gaps = vec![gap; every];
            gaps.push(other);
            gaps
        }),
        1 => prop::collection::vec(gap(), 1..9),
    ]
}

fn step(frames: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0..frames, 1_usize..700, gaps())
            .prop_map(|(frame, count, gaps)| Step::Frames { frames: vec![frame], count, gaps }),
        6 => (prop::collection::vec(prop::sample::select(floods()), 2..4), 100_usize..900, gaps())
            .prop_map(|(frames, count, gaps)| Step::Frames { frames, count, gaps }),
        2 => (prop::collection::vec(0..frames, 2..5), 1_usize..700, gaps())
            .prop_map(|(frames, count, gaps)| Step::Frames { frames, count, gaps }),
        2 => (0..frames, 1_u64..8, 20_usize..200)
            .prop_map(|(frame, seconds, count)| Step::Pulses { frame, seconds, count }),
        1 => (0..frames, 50_u64..75, 20_usize..30)
            .prop_map(|(frame, seconds, count)| Step::Pulses { frame, seconds, count }),
        1 => (1_u16..40).prop_map(|count| Step::Strangers { count }),
        3 => prop_oneof![gap(), 1_000_000_u64..4_000_000_000, 1_000_000_000_u64..900_000_000_000]
            .prop_map(|nanoseconds| Step::Wait { nanoseconds }),
        1 => (0_u8..6).prop_map(|what| Step::Event { what }),
        1 => (0_u8..4).prop_map(|which| Step::Policy { which }),
        1 => (0_u8..3).prop_map(|which| Step::Vantage { which }),
        1 => gap().prop_map(|nanoseconds| Step::Timeout { nanoseconds }),
        1 => Just(Step::Look),
    ]
}

fn course(frames: usize) -> impl Strategy<Value = Course> {
    let devices = prop::sample::select(vec![2_usize, 5, 1_000]);
    let batch = prop::sample::select(vec![1_usize, 7, 64, 256, 2_048]);
    (
        any::<bool>(),
        devices,
        batch,
        0_u64..1_000_000_000,
        prop::collection::vec(step(frames), 1..14),
    )
        .prop_map(|(is_live, devices, batch, begin, steps)| Course {
            is_live,
            devices,
            batch,
            begin,
            steps,
        })
}

/// The wall clock at the beginning, in nanoseconds.
const BEGIN: i128 = 1_700_000_000_000_000_000;
/// How far the monotonic clock is behind the wall clock.
const OFFSET: i128 = BEGIN - 3_600_000_000_000;

fn pipeline(is_live: bool, devices: usize) -> Pipeline {
    let converted = if is_live { Converted::Live } else { Converted::Files };
    let horizon = if is_live { Horizon::Now } else { Horizon::Whole };
    let settings = Settings {
        engine: Config { converted, horizon, ..Config::for_tests(devices) },
        key: HashKey([1, 2, 3, 4]),
        labels: Labels::new(Sharing::Same, 128),
        lans: Arc::default(),
        policy: usual_policy(),
        evidence: Some(16),
    };
    if is_live {
        Pipeline::live(settings, "eth0", Surroundings::default(), reading(0))
    } else {
        Pipeline::file(settings)
    }
}

fn reading(now: u64) -> Reading {
    let wall = Stamp(BEGIN + i128::from(now));
    Reading { monotonic: Time(u64::try_from(wall.0 - OFFSET).expect("small")), wall }
}

/// Two pipelines that hear the same.
struct Pair {
    together: Pipeline,
    each: Pipeline,
    output: [String; 2],
    is_live: bool,
    now: u64,
    waiting: Vec<(u64, Vec<u8>)>,
    batch: usize,
}

impl Pair {
    fn new(course: &Course) -> Self {
        let make = || pipeline(course.is_live, course.devices);
        let (together, mut each) = (make(), make());
        each.hear_one_by_one();
        Self {
            together,
            each,
            output: Default::default(),
            is_live: course.is_live,
            now: course.begin,
            waiting: Vec::new(),
            batch: course.batch,
        }
    }

    fn hear(&mut self, bytes: &[u8], gap: u64) {
        self.now += gap;
        self.waiting.push((self.now, bytes.to_vec()));
        if self.waiting.len() >= self.batch {
            self.flush();
        }
    }

    /// Hands out a batch.
    fn flush(&mut self) {
        let (mut memory, mut slots) = (Vec::new(), Vec::new());
        for (time, bytes) in std::mem::take(&mut self.waiting) {
            let own = Host::numbered(50).mac.0;
            let is_own = bytes[6..12] == own;
            let meta = FrameMeta {
                stamp: Stamp(BEGIN + i128::from(time)),
                interface: 0,
                link: LinkType::Ethernet,
                stripped_tag: None,
                direction: if is_own { Direction::Outgoing } else { Direction::Incoming },
                wire_len: u32::try_from(bytes.len()).expect("short"),
            };
            slots.push(Slot { meta, start: memory.len(), len: bytes.len() });
            memory.extend_from_slice(&bytes);
        }
        let names = [name("eth0")];
        let batch = Batch::new(&memory, &slots, &names);
        let now = reading(self.now + 500);
        for pipeline in [&mut self.together, &mut self.each] {
            if self.is_live {
                pipeline.handle_live(&batch, now, Duration::from_millis(100));
            } else {
                pipeline.handle_file(&batch);
            }
        }
        self.poll();
    }

    fn poll(&mut self) {
        for (pipeline, told) in
            [&mut self.together, &mut self.each].into_iter().zip(&mut self.output)
        {
            while let Some(output) = pipeline.poll_output() {
                let _ = writeln!(told, "{output:?}");
            }
        }
    }

    fn both(&mut self, act: impl Fn(&mut Pipeline)) {
        self.flush();
        act(&mut self.together);
        act(&mut self.each);
        self.poll();
    }

    fn step(&mut self, step: &Step, pool: &[(&str, Vec<u8>)]) {
        match step {
            Step::Frames { frames, count, gaps } => {
                for n in 0..*count {
                    let (_, bytes) = &pool[frames[n % frames.len()]];
                    self.hear(bytes, gaps[n % gaps.len()]);
                }
            }
            Step::Pulses { frame, seconds, count } => {
                for _ in 0..*seconds {
                    for n in 0..*count {
                        self.hear(&pool[*frame].1, 20_000 + n as u64);
                    }
                    self.now = (self.now / 1_000_000_000 + 1) * 1_000_000_000;
                }
            }
            Step::Strangers { count } => {
                for n in 0..*count {
                    let stranger = Host::numbered(1_000 + n);
                    self.hear(&stranger.arp_request(Host::numbered(1).v4), 1_000_000);
                }
            }
            Step::Wait { nanoseconds } => self.now += nanoseconds,
            Step::Event { what } => {
                let now = reading(self.now).monotonic;
                let until = now.plus(Duration::from_secs(6));
                let event = match what {
                    0 => Event::Up,
                    1 => Event::Down,
                    2 | 3 => Event::Dropped(17),
                    4 => Event::Unread { until },
                    _ => Event::ClockStep,
                };
                self.both(|pipeline| pipeline.handle_event(now, event));
            }
            Step::Policy { which } => {
                let policy = policy(*which);
                self.both(|pipeline| pipeline.handle_policy(&policy));
            }
            Step::Vantage { which } => {
                let own = Some(Host::numbered(if *which == 2 { 1 } else { 50 }).mac);
                let subnets = vec![(Ipv4Addr::new(10, 53, 0, 50).into(), 24)];
                let vantage = Arc::new(Vantage { own, is_wireless: *which == 1, subnets });
                self.both(|pipeline| pipeline.handle_vantage(&vantage));
            }
            Step::Timeout { nanoseconds } => {
                self.now += nanoseconds;
                let now = reading(self.now).monotonic;
                self.both(|pipeline| pipeline.handle_timeout(now));
            }
            Step::Look => self.compare(),
        }
    }

    /// Everything that both remember, and all that they have put out, is the same.
    fn compare(&mut self) {
        self.flush();
        assert_eq!(self.output[0], self.output[1], "what was put out");
        let [together, each] = [&mut self.together, &mut self.each].map(|p| state(p, false));
        if together != each {
            let [together, each] = [&mut self.together, &mut self.each].map(|p| state(p, true));
            let lines = || together.lines().zip(each.lines()).enumerate();
            let mut differ = lines().filter(|(_, (one, other))| one != other);
            let (at, (one, other)) = differ.next().expect("one line differs");
            let before: Vec<&str> = together.lines().take(at).collect();
            let path = before[at.saturating_sub(12)..].join("\n");
            panic!("{path}\ntogether: {one}\none by one: {other}");
        }
    }
}

fn policy(which: u8) -> PolicyOf {
    let mut policy = StormPolicy::default();
    match which {
        0 => {}
        1 => {
            policy.limits = Limits { other: Some(20), ..Limits::default() };
            policy.conditions.switch_on(Condition::AddressRepeat, Some(30));
        }
        2 => {
            policy.ignored.insert(crate::decode::Protocol::Arp);
            policy.conditions = ConditionLimits::OFF;
        }
        _ => policy.segment = Some(5),
    }
    let policy = Arc::new(policy);
    Arc::new(move |_| Arc::clone(&policy))
}

/// All that a pipeline remembers.
fn state(pipeline: &mut Pipeline, is_long: bool) -> String {
    pipeline.segments.settled();
    let Pipeline { timeline, segments, output, recorder, numbers, span, .. } = pipeline;
    let segments = segments.settled();
    let all = (timeline, segments, output, recorder, numbers, span);
    if is_long { format!("{all:#?}") } else { format!("{all:?}") }
}

fn run(course: &Course) {
    let pool = pool();
    let mut pair = Pair::new(course);
    for step in &course.steps {
        pair.step(step, &pool);
    }
    pair.compare();
    let later = reading(pair.now + 70_000_000_000).monotonic;
    pair.both(|pipeline| pipeline.handle_timeout(later));
    pair.compare();
}

fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(), ..ProptestConfig::default()
    })]

    #[test]
    fn a_run_counts_what_its_frames_one_by_one_would(course in course(pool().len())) {
        run(&course);
    }
}

/// How many of so many copies of frames in turn are promised to come to the same.
fn promised(frames: &[Vec<u8>], count: usize) -> u64 {
    let course = Course { is_live: true, devices: 1_000, batch: 64, begin: 0, steps: vec![] };
    let mut pair = Pair::new(&course);
    // Nothing is promised while the newcomer may be a stranger, or silence proves nothing.
    for n in 0..count {
        pair.hear(&frames[n % frames.len()], if n == 0 { 5_000_000_001 } else { 3_400 });
    }
    pair.flush();
    let promised = pair.together.segments.skipped();
    pair.compare();
    promised
}

#[test]
fn all_kinds_of_floods_are_counted_together() {
    for what in [
        "announcement",
        "announcement over IPv6",
        "addresses",
        "answer",
        "goodbye",
        "short life",
        "query",
        "query for what is not there",
        "query for two",
        "query with a known answer",
        "legacy query",
        "pointer loop",
        "ARP request",
        "ARP announcement",
        "solicitation",
        "SSDP alive",
        "SSDP search",
        "no SSDP",
        "LLMNR query",
        "WSD hello",
        "stream",
        "routed stream",
        "broadcast",
        "unicast",
        "of a VLAN",
    ] {
        let promised = promised(&[named(what)], 4_000);
        assert!(promised > 3_000, "{what}: {promised}");
    }
}

fn named(what: &str) -> Vec<u8> {
    let pool = pool();
    let (_, bytes) = pool.iter().find(|(name, _)| *name == what).expect("it is in the pool");
    bytes.clone()
}

#[test]
fn two_or_three_floods_in_turn_are_counted_together() {
    for kinds in [
        ["announcement", "another's announcement"].as_slice(),
        &["announcement", "query for what is not there"],
        &["announcement", "another's announcement", "query for what is not there"],
        &["announcement", "query for what is not there", "stream of two hops"],
        &["ARP request", "announcement"],
        &["SSDP alive", "SSDP search", "another's announcement"],
        &["goodbye", "another's announcement"],
    ] {
        let frames: Vec<Vec<u8>> = kinds.iter().map(|what| named(what)).collect();
        let promised = promised(&frames, 6_000);
        assert!(promised > 3_000, "{kinds:?}: {promised}");
    }
    // They have to do with each other.
    for kinds in [["announcement", "query"], ["announcement", "rival's announcement"]] {
        assert_eq!(promised(&kinds.map(named), 6_000), 0, "{kinds:?}");
    }
}

#[test]
fn copies_that_are_counted_together_cost_no_time_and_are_judged_in_haste() {
    let unjudged = |one_by_one: bool| {
        let mut pipeline = pipeline(true, 1_000);
        pipeline.settings.engine.judging = Judging::InTime;
        let mut pipeline =
            Pipeline::live(pipeline.settings, "b", Surroundings::default(), reading(0));
        if one_by_one {
            pipeline.hear_one_by_one();
        }
        pipeline.handle_backlog(Backlog::Most);
        let course = Course { is_live: true, devices: 1, batch: 1_000, begin: 0, steps: vec![] };
        let mut pair = Pair::new(&course);
        pair.together = pipeline;
        let bytes = Host::numbered(1).arp_announcement();
        (0..60_000).for_each(|_| pair.hear(&bytes, 20_000));
        pair.together.views()[0].snapshot.unjudged
    };
    assert_eq!(unjudged(false), 0);
    assert!(unjudged(true) > 40_000, "without runs there is no time for them");
}
