//! What the detectors remember is bounded, however much the network invents: every table is driven
//! far past its capacity, and then again with what it has never heard. A process of its own: its
//! allocator counts all of its memory.

#[path = "core/engine_wire.rs"]
mod engine_wire;

use engine_wire::Segment;
use multicast_exporter::craft::address::{
    Dhcp, dhcpv6_solicit, neighbour_solicitation, router_advertisement,
};
use multicast_exporter::craft::host::ALL_NODES;
use multicast_exporter::craft::mdns::{address, ptr, response, srv, txt};
use multicast_exporter::craft::membership::{igmp2_report, igmp3_query, mld_report};
use multicast_exporter::craft::{Host, Query, Responder, Udp, discovery};
use multicast_exporter::mac::Mac;
use proptest::prelude::*;
use simple_dns::TYPE;
use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator with a count of what is held.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed on as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a segment's detectors may hold, by the bounds that they state: docs/performance.md adds
/// them up.
const DETECTORS_MAX: usize = 10 << 20;
/// 2,000 rows with all that may hang on them.
const ROWS_MAX: usize = 15 << 20;
/// What a table may still double, or a string be longer, the second time.
const SLACK: usize = 2 << 20;

/// Kinds of traffic, each with the tables that it fills.
#[derive(Clone, Copy, Debug)]
enum Flood {
    /// Records, record sets, what is owed, cache, services, conflicts' names, payloads.
    Announcements,
    /// Questions, repeats, answers that wait, known answers, services that are wanted.
    Questions,
    /// Runs, attempts, probers, contenders, renamed series.
    Probes,
    /// Two devices claim each name.
    Conflicts,
    /// Question and answer of each name, at once.
    PingPong,
    /// SSDP, LLMNR and WS-Discovery.
    Discovery,
    /// ARP and ND, many targets of each device: scans, requests, who claims which address.
    Scans,
    /// Routers, DHCP clients, senders to groups of no protocol.
    Leases,
    /// Groups and queriers.
    Groups,
    /// The same bytes from three devices and again: loops, reflection, relays, payloads, verdicts.
    Copies,
    /// One message of each of 300 devices, 120 times in a second.
    Storms,
}

impl Flood {
    const ALL: [Self; 11] = [
        Self::Announcements,
        Self::Questions,
        Self::Probes,
        Self::Conflicts,
        Self::PingPong,
        Self::Discovery,
        Self::Scans,
        Self::Leases,
        Self::Groups,
        Self::Copies,
        Self::Storms,
    ];

    /// What fits in no table named above.
    const fn steps(self) -> u32 {
        match self {
            Self::Announcements => 6_000,
            Self::Questions
            | Self::Conflicts
            | Self::PingPong
            | Self::Copies
            | Self::Discovery
            | Self::Scans
            | Self::Leases => 3_000,
            Self::Probes => 4_000,
            Self::Groups => 12_000,
            Self::Storms => 300,
        }
    }

    /// One step with names and numbers that no other `n` has.
    #[allow(clippy::too_many_lines, reason = "a step for each flood")]
    fn step(self, lan: &mut Segment, n: u32, senders: u32) {
        let (host, other) = (sender(n % senders), sender((n + 1) % senders));
        let [_, b, c, d] = n.to_be_bytes();
        let v4 = Ipv4Addr::new(10, b, c, d);
        let group = Ipv4Addr::new(239, b, c, d);
        let v6 = Ipv6Addr::from_bits((0xfe80 << 112) | u128::from(n));
        let group6 = Ipv6Addr::from_bits((0xff02 << 112) | (1 << 64) | u128::from(n));
        let name = format!("n{n}.local");
        match self {
            Self::Announcements => {
                let instance = format!("i{n}._t{n}._tcp.local");
                let long = ["x".repeat(200)];
                let mut gone = ptr("_x._tcp.local", &instance);
                gone.ttl = 0;
                lan.hear(&host.mdns4(response([
                    ptr(&format!("_t{n}._tcp.local"), &instance),
                    srv(&instance, &name, 80),
                    txt(&instance, &long),
                    address(&name, IpAddr::V4(v4)),
                    address(&name, IpAddr::V6(v6)),
                ])));
                lan.hear(&other.mdns4(response([gone])));
            }
            Self::Questions => {
                let wanted = format!("_q{n}._tcp.local");
                let mut query = Query::new(&name, TYPE::A).and(&wanted, TYPE::PTR.into(), false);
                for more in 0..4 {
                    let name = format!("m{more}.{name}");
                    query = query.and(&name, TYPE::TXT.into(), false);
                    query = query.known(address(&name, IpAddr::V4(v4)));
                }
                let query = query.bytes();
                lan.hear(&host.mdns4(query.clone())).hear(&host.mdns6(query));
            }
            Self::Probes => {
                for name in [format!("host{n}-{}", n % 9), format!("h{}-{n}", n / 50)] {
                    let probe = |of| Responder::new(&name, of).probe();
                    lan.hear(&host.mdns4(probe(host))).hear(&other.mdns4(probe(other)));
                }
            }
            Self::Conflicts => {
                for by in [host, other, host] {
                    lan.hear(&by.mdns4(response([address(&name, IpAddr::V4(by.v4))])));
                }
            }
            Self::PingPong => {
                for _ in 0..2 {
                    lan.hear(&host.mdns4(Query::new(&name, TYPE::A)));
                    lan.hear(&other.mdns4(response([address(&name, IpAddr::V4(v4))])));
                }
            }
            Self::Discovery => {
                lan.hear(&host.ssdp4(discovery::ssdp_search(&name)));
                lan.hear(&host.ssdp4(discovery::ssdp_alive(&name, &name, &name, &name)));
                lan.hear(&host.llmnr4(discovery::llmnr_query(&format!("n{n}"))));
                lan.hear(&host.wsd4(discovery::wsd_hello(&format!("urn:{n}"))));
                lan.hear(&host.nbns(discovery::nbns_query(&format!("n{n}"))));
            }
            Self::Scans => {
                for host in [host, sender(n)] {
                    lan.hear(&host.arp_request(v4));
                    lan.hear(&host.nd(group6, neighbour_solicitation(v6, host.mac)));
                }
            }
            Self::Leases => {
                let kind = 1 + d % 8;
                lan.hear(&host.dhcp_client(Dhcp::client(kind, host.mac).bytes()));
                lan.hear(&other.udp6(
                    group6,
                    1,
                    &Udp::new(546, 547, dhcpv6_solicit(sender(n).mac, None)),
                ));
                let router = Host { v6, ..host };
                lan.hear(&router.nd(ALL_NODES, router_advertisement(1_800, v6, host.mac)));
                lan.hear(&router.udp6(
                    group6,
                    255,
                    &Udp::new(5353, 5353, Query::new(&name, TYPE::A).bytes()),
                ));
            }
            Self::Groups => {
                lan.hear(&host.igmp(group, igmp2_report(group)));
                lan.hear(&host.mld(group6, mld_report(group6)));
                let querier = Host::new(host.mac, v4);
                let all = Ipv4Addr::new(224, 0, 0, 1);
                lan.hear(&querier.igmp(all, igmp3_query(Ipv4Addr::UNSPECIFIED, 100)));
            }
            Self::Copies => {
                let message = response([address(&name, IpAddr::V4(v4))]);
                for by in [host, other, sender(n + 2), host] {
                    lan.hear(&by.mdns4(message.clone()));
                    lan.hear(&host.mdns4(message.clone()));
                    let discovery = Udp::new(9_003, 9_003, name.as_bytes());
                    lan.hear(&by.udp4(Ipv4Addr::BROADCAST, 64, &discovery));
                }
            }
            Self::Storms => {
                let frame = sender(n).mdns4(response([address(&name, IpAddr::V4(v4))]));
                for _ in 0..520 {
                    lan.hear(&frame);
                }
            }
        }
        lan.pass_micros(100);
    }
}

fn sender(n: u32) -> Host {
    let [a, b, c, d] = n.to_be_bytes();
    Host::new(Mac([2, 0, a, b, c, d]), Ipv4Addr::new(10, b, c, d))
}

/// All floods mixed, each in its turn for `runs` steps, until each had all its steps.
fn flood(lan: &mut Segment, order: &[Flood], runs: u32, senders: u32, from: u32) {
    let mut done = vec![0; order.len()];
    while order.iter().zip(&done).any(|(flood, done)| *done < flood.steps()) {
        for (flood, done) in order.iter().zip(&mut done) {
            for _ in 0..runs.min(flood.steps() - *done) {
                flood.step(lan, from + *done, senders);
                *done += 1;
            }
        }
    }
    // All storms are over, and their seconds closed.
    for _ in 0..45 {
        lan.pass(1_000);
        let now = lan.now();
        lan.engine.handle_timeout(now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::with_cases(2) })]

    #[test]
    fn what_is_remembered_has_a_bound_whatever_the_mixture(
        order in Just(Flood::ALL.to_vec()).prop_shuffle(),
        runs in 1_u32..300,
    ) {
        for senders in [8, 100_000] {
            let before = HELD.load(Ordering::Relaxed);
            let mut lan = Segment::new();
            let held = || HELD.load(Ordering::Relaxed) - before;
            flood(&mut lan, &order, runs, senders, 0);
            let first = held();
            flood(&mut lan, &order, runs, senders, 1_050_000);
            let second = held();
            println!("{senders} senders, {runs} a turn: {} KiB, then {} KiB", first >> 10, second >> 10);
            prop_assert!(!lan.snapshot().storms.is_empty());
            prop_assert!(second <= first + SLACK, "{first} {second}");
            prop_assert!(second <= DETECTORS_MAX + ROWS_MAX, "{second}");
        }
    }
}
