//! Healthy LANs that look odd, and culprits that hide behind others: what is easily held against
//! the wrong one.

use super::{Expected, GADGET, NOTHING, PARTNER, Scenario, Script, gadget, other};
use multicast_exporter::craft::address::Dhcp;
use multicast_exporter::craft::mdns::{
    Query, Responder, Service, address, ptr, response, srv, txt,
};
use multicast_exporter::craft::{Host, Udp};
use simple_dns::ResourceRecord;
use std::net::Ipv4Addr;
use std::time::Duration;

/// For how long faults last, in seconds.
const LONG: u64 = 60;
/// Boards of one fleet.
const BOARDS: u8 = 40;

/// The scenarios.
#[rustfmt::skip]
pub(super) const ALL: &[Scenario] = &[
    Scenario::new("odd_failover", "The cable of a bond moves to its other card every 60 s: the same records from another MAC.", NOTHING, failover)
        .lasting(Duration::from_mins(12)),
    Scenario::new("odd_sleep_proxy", "A host sleeps and wakes every 90 s; meanwhile a proxy has its names, with its address.", NOTHING, sleep_proxy)
        .lasting(Duration::from_mins(12)),
    Scenario::new("odd_power_cut", "Forty boards get power at the same time.", NOTHING, power_cut),
    Scenario::new("odd_renumbering", "Ten hosts get new addresses at the same time, twice.", NOTHING, renumbering)
        .lasting(Duration::from_mins(8)),
    Scenario::new("odd_nine_o_clock", "Sixty PCs ask for one printer within ten seconds, and it answers each.", NOTHING, nine_o_clock),
    Scenario::new("odd_scenes", "A hub with twelve lamps changes the state of each every 7 s.", NOTHING, scenes),
    Scenario::new("odd_two_programs", "Two programs of one host, each with a host name of its own, start one after the other five times.", NOTHING, two_programs)
        .lasting(Duration::from_mins(8)),
    Scenario::new("odd_rename_once", "A host finds its name taken, and then the next: it has the third, also after a restart.", NOTHING, rename_once)
        .lasting(Duration::from_mins(16)),
    Scenario::new("hidden_by_a_legacy_fleet", "One program asks 20 times a second from a port of its own amid thirty phones that ask once.",
        Expected { storms: &[(PARTNER.mac, "chatty", "answering"), (GADGET.mac, "chatty", "ping_pong")], ..NOTHING }, legacy_fleet)
        .lasting(Duration::from_mins(10)),
    Scenario::new("hidden_in_many_questions", "A device asks forty questions, each twice a second.",
        Expected { storms: &[(GADGET.mac, "storm", "query_flood")], ..NOTHING }, |s| s.repeat(LONG, 80, |n| GADGET.mdns4(Query::browse(&format!("_thing{}._tcp", n % 40))))),
    Scenario::new("hidden_in_two_cases", "A device repeats a record, in upper and lower case in turns, with a TTL that changes.",
        Expected { storms: &[(GADGET.mac, "storm", "repeated_response")], broken: Some((GADGET.mac, "record_interval")), ..NOTHING }, two_cases),
    Scenario::new("hidden_by_its_own_question", "A device asks for its own record before it says it, 50 times a second.",
        Expected { storms: &[(GADGET.mac, "storm", "query_flood")], ..NOTHING }, own_question),
    Scenario::new("hidden_behind_a_reflector", "A reflector passes on what a device on its other side repeats 100 times a second.",
        Expected { storms: &[(PARTNER.mac, "storm", "repeated_response")], ..NOTHING }, behind_a_reflector),
    Scenario::new("hidden_behind_its_victim", "A device withdraws the record of another 20 times a second, which says it anew each time, as it must.",
        Expected { storms: &[(PARTNER.mac, "chatty", "answering"), (GADGET.mac, "chatty", "repeated_response")], ..NOTHING }, behind_its_victim)
        .lasting(Duration::from_mins(10)),
    Scenario::new("hidden_in_bursts", "A device repeats a record for two seconds, 500 times a second, every 25 s.",
        Expected { storms: &[(GADGET.mac, "storm", "repeated_response")], broken: Some((GADGET.mac, "record_interval")), ..NOTHING }, bursts),
    Scenario::new("hidden_by_a_namesake", "Two laptops on one link each: one wakes and announces, the other wants its name every 45 s and is told so.",
        Expected { conditions: &[(GADGET.mac, "name_conflict"), (PARTNER.mac, "name_conflict")], ..NOTHING }, namesake)
        .lasting(Duration::from_mins(8)),
];

fn says(host: Host, record: ResourceRecord<'static>) -> Vec<u8> {
    host.mdns4(response([record]))
}

/// A card that sends with the address of the other.
fn failover(script: &mut Script) {
    let responder = Responder::with_addresses("nas", &[GADGET.v4.into()]).service(Service::new(
        "Nas",
        "_smb._tcp",
        445,
    ));
    let cards = [GADGET, Host { v4: GADGET.v4, ..PARTNER }];
    script.boot(GADGET, &responder);
    for change in 0..9_u64 {
        let card = cards[usize::try_from(change + 1).unwrap_or(0) % 2];
        let at = change * 60_000;
        script.send(at, card.arp_announcement());
        for announcement in [300, 1_320] {
            script.send(at + announcement, card.mdns4(responder.announcement()));
        }
    }
}

fn sleep_proxy(script: &mut Script) {
    let responder = Responder::with_addresses("imac", &[GADGET.v4.into()])
        .service(Service::new("iMac", "_ssh._tcp", 22).txt("model=9"));
    script.boot(GADGET, &responder);
    for sleep in 0..5 {
        let at = sleep * 90_000;
        for (host, from) in [(PARTNER, at), (GADGET, at + 45_000)] {
            for probe in [0, 250, 500] {
                script.send(from + probe, host.mdns4(responder.probe()));
            }
            for announcement in [750, 1_770] {
                script.send(from + announcement, host.mdns4(responder.announcement()));
            }
        }
    }
}

fn power_cut(script: &mut Script) {
    for (n, from) in (0..BOARDS).zip((0..).step_by(37)) {
        let host = other(100 + n);
        let name = format!("board-{n}");
        let responder = Responder::with_addresses(&name, &[host.v4.into()]).service(Service::new(
            &name,
            "_esphomelib._tcp",
            6_053,
        ));
        for at in [0, 900] {
            script.send(from + at, host.dhcp_client(Dhcp::client(1, host.mac).bytes()));
        }
        script.send(from + 1_500, host.arp_announcement());
        for probe in [2_000, 2_250, 2_500] {
            script.send(from + probe, host.mdns4(responder.probe()));
        }
        for announcement in [2_750, 3_770] {
            script.send(from + announcement, host.mdns4(responder.announcement()));
        }
    }
}

fn renumbering(script: &mut Script) {
    for n in 0..10 {
        let (name, from) = (format!("desk-{n}"), u64::from(n) * 130);
        let mut host = other(150 + n);
        let responder = |host: Host| {
            Responder::with_addresses(&name, &[host.v4.into()]).service(Service::new(
                &name,
                "_workstation._tcp",
                9,
            ))
        };
        script.boot(host, &responder(host));
        for change in 0..2_u8 {
            let at = from + u64::from(change) * 150_000;
            script.send(at, host.mdns4(responder(host).goodbye()));
            host = Host { v4: Ipv4Addr::new(10, 0, 1, 160 + 20 * change + n), ..host };
            script.send(at + 1_500, host.arp_announcement());
            for announcement in [2_000, 3_020] {
                script.send(at + announcement, host.mdns4(responder(host).announcement()));
            }
        }
    }
}

fn nine_o_clock(script: &mut Script) {
    script.boot(PARTNER, &gadget());
    for (pc, at) in (100..160).zip((0..).step_by(170)) {
        script.send(at, other(pc).mdns4(Query::browse("_gadget._tcp")));
        script.send(at + 40, PARTNER.mdns4(gadget().response("_gadget._tcp")));
    }
}

fn scenes(script: &mut Script) {
    for round in 0..12 {
        for lamp in 0..12 {
            let name = format!("Lamp {lamp}._hap._tcp.local");
            let state = response([txt(&name, &[format!("s#={round}")])]);
            for announcement in [0, 1_020] {
                script.say(round * 7_000 + lamp * 90 + announcement, state.clone());
            }
        }
    }
}

fn two_programs(script: &mut Script) {
    let programs = ["living-room", "living-room-cast"].map(|name| {
        Responder::with_addresses(name, &[GADGET.v4.into()]).service(Service::new(
            name,
            "_airplay._tcp",
            7_000,
        ))
    });
    for start in 0..5 {
        for (program, from) in programs.iter().zip((start * 60_000..).step_by(400)) {
            for probe in [0, 250, 500] {
                script.say(from + probe, program.probe());
            }
            for announcement in [750, 1_770] {
                script.say(from + announcement, program.announcement());
            }
        }
    }
}

fn rename_once(script: &mut Script) {
    let own = |n: u8, host: Host| {
        let name = if n == 1 { "hub".to_owned() } else { format!("hub-{n}") };
        Responder::with_addresses(&name, &[host.v4.into()])
    };
    let holders = [PARTNER, other(97)];
    for (n, holder) in (1..).zip(holders) {
        script.boot(holder, &own(n, holder));
    }
    for start in [0, 660_000] {
        for (n, (holder, from)) in (1..).zip(holders.into_iter().zip((start..).step_by(1_500))) {
            script.say(from, own(n, GADGET).probe());
            let name = if n == 1 { "hub.local" } else { "hub-2.local" };
            script.send(from + 60, says(holder, address(name, holder.v4.into())));
        }
        for probe in [3_000, 3_250, 3_500] {
            script.say(start + probe, own(3, GADGET).probe());
        }
        for announcement in [3_750, 4_770] {
            script.say(start + announcement, own(3, GADGET).announcement());
        }
    }
}

fn legacy_fleet(script: &mut Script) {
    let query = || Query::browse("_gadget._tcp").id(9).bytes();
    let ask = |host: Host| {
        host.udp4(Ipv4Addr::new(224, 0, 0, 251), 255, &Udp::new(40_400, 5_353, query()))
    };
    script.boot(PARTNER, &gadget());
    let answer = || PARTNER.mdns4(gadget().response("_gadget._tcp"));
    for (phone, at) in (100..130).zip((0..).step_by(2_900)) {
        script.send(at, other(phone).mdns4(Query::browse("_gadget._tcp")));
        script.send(at + 30, answer());
    }
    for n in 0..7 * 60 * 20 {
        script.send(n * 50 + 11, ask(GADGET));
        script.send(n * 50 + 15, answer());
    }
}

fn two_cases(script: &mut Script) {
    script.repeat(LONG, 100, |n| {
        let name = if n % 2 == 0 { "GADGET.local" } else { "gadget.local" };
        let mut record = address(name, GADGET.v4.into());
        record.ttl = 120 - u32::try_from(n % 3).unwrap_or(0);
        says(GADGET, record)
    });
}

fn own_question(script: &mut Script) {
    script.repeat(LONG, 100, |n| match n % 2 {
        0 => GADGET.mdns4(Query::new("gadget.local", simple_dns::TYPE::A)),
        _ => says(GADGET, address("gadget.local", GADGET.v4.into())),
    });
}

fn behind_a_reflector(script: &mut Script) {
    script.start = script.start.saturating_sub(Duration::from_secs(20));
    for n in 0..6 {
        let host = other(200 + n);
        let record = address(&format!("far-{n}.local"), host.v4.into());
        script.send(u64::from(n) * 900, says(PARTNER, record));
    }
    script.start += Duration::from_secs(20);
    script.repeat(LONG, 100, |_| says(PARTNER, address("far-1.local", other(201).v4.into())));
}

fn behind_its_victim(script: &mut Script) {
    let own = || address("partner.local", PARTNER.v4.into());
    for n in 0..7 * 60 * 20 {
        let mut gone = own();
        gone.ttl = 0;
        script.send(n * 50, says(GADGET, gone));
        script.send(n * 50 + 12, says(PARTNER, own()));
    }
}

fn bursts(script: &mut Script) {
    for _ in 0..6 {
        script.repeat(2, 500, |_| says(GADGET, address("gadget.local", GADGET.v4.into())));
        script.start += Duration::from_secs(25);
    }
}

fn namesake(script: &mut Script) {
    let responder = |host: Host| {
        let instance = "Laptop._ssh._tcp.local";
        let records = || {
            [
                ptr("_ssh._tcp.local", instance),
                srv(instance, "laptop.local", 22),
                address("laptop.local", host.v4.into()),
            ]
        };
        (Responder::with_addresses("laptop", &[host.v4.into()]).probe(), response(records()))
    };
    let (probe, announcement) = responder(GADGET);
    for at in [0, 250, 500] {
        script.say(at, probe.clone());
    }
    for at in [750, 1_770] {
        script.say(at, announcement.clone());
    }
    let (wants, _) = responder(PARTNER);
    for n in 1..7 {
        script.send(n * 45_000, PARTNER.mdns4(wants.clone()));
        script.say(n * 45_000 + 30, announcement.clone());
    }
}
