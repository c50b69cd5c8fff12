//! One scenario for each condition, too slow for any storm, and the nearest that is harmless.

use super::{Expected, GADGET, NOTHING, PARTNER, Scenario, Script, gadget, other};
use multicast_exporter::craft::address::{Dhcp, router_advertisement};
use multicast_exporter::craft::host::ALL_NODES;
use multicast_exporter::craft::mdns::{
    Query, Responder, Service, address, ptr, response, srv, txt,
};
use multicast_exporter::craft::{Host, Udp};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// A condition of the gadget, and nothing else.
macro_rules! gadget_has {
    ($condition:literal) => {
        Expected { conditions: &[(GADGET.mac, $condition)], ..NOTHING }
    };
}

/// The scenarios.
#[rustfmt::skip]
pub(super) const ALL: &[Scenario] = &[
    Scenario::new("rename_loop_slow", "A device tries another name every 20 s.", gadget_has!("rename_loop"), rename_loop)
        .lasting(Duration::from_mins(8)),
    Scenario::new("rename_loop_slow_harmless", "A device finds five names taken and has the sixth.", NOTHING, rename_loop_harmless)
        .lasting(Duration::from_mins(8)),
    Scenario::new("rename_loop_of_a_hub", "A hub restarts twice and probes for Light 1 to Light 12, each in a message of its own.", NOTHING, lights)
        .lasting(Duration::from_mins(8)),
    Scenario::new("name_conflict_slow", "A device probes every 20 s for a name that another defends.",
        Expected { conditions: &[(GADGET.mac, "name_conflict"), (PARTNER.mac, "name_conflict")], ..NOTHING }, name_conflict)
        .lasting(Duration::from_mins(8)),
    Scenario::new("name_conflict_slow_harmless", "A host on two links says the same of itself on both, but for its address.", NOTHING, two_links)
        .lasting(Duration::from_mins(12)),
    Scenario::new("name_conflict_wakes", "A laptop on two links wakes every 90 s: it probes on both and announces, with the same service.", NOTHING, |s| wakes(s, true))
        .lasting(Duration::from_mins(12)),
    Scenario::new("name_conflict_same_service", "Two boards of one make want one name every 90 s. Their service is the same; the second is told that the name is taken.",
        Expected { conditions: &[(GADGET.mac, "name_conflict"), (PARTNER.mac, "name_conflict")], ..NOTHING }, |s| wakes(s, false))
        .lasting(Duration::from_mins(12)),
    Scenario::new("name_conflict_decided", "A device wants a name that is taken, is told, and takes another.", NOTHING, name_conflict_decided),
    Scenario::new("probe_loop_slow", "A device probes for one name every three seconds.", gadget_has!("probe_loop"), |s| probes(s, 3_000, 60)),
    Scenario::new("probe_loop_slow_harmless", "A device in set-up probes seven times in ten seconds.", NOTHING, |s| probes(s, 1_400, 7)),
    Scenario::new("goodbye_flapping_slow", "A record is withdrawn every 30 s and announced again.", gadget_has!("goodbye_flapping"), |s| come_and_go(s, false))
        .lasting(Duration::from_mins(8)),
    Scenario::new("goodbye_flapping_slow_harmless", "A device gets another address every 30 s, withdraws what it had and announces it anew.", NOTHING, |s| come_and_go(s, true))
        .lasting(Duration::from_mins(8)),
    Scenario::new("record_churn_slow", "A counter in a TXT record is announced fifteen times a minute.",
        Expected { broken: Some((GADGET.mac, "update_rate")), ..gadget_has!("record_churn") }, record_churn),
    Scenario::new("address_repeat_slow", "A device asks for an address that is gone, five times a second.", gadget_has!("address_repeat"), |s| s.repeat(90, 5, |_| asks())),
    Scenario::new("address_repeat_slow_harmless", "VRRP: a device announces its address five times a second.", NOTHING, |s| s.repeat(90, 5, |_| GADGET.arp_announcement())),
    Scenario::new("router_advertisements_slow", "A router advertises itself each second.",
        Expected { broken: Some((GADGET.mac, "ra_interval")), ..gadget_has!("router_advertisements") }, |s| s.repeat(90, 1, |_| advertises(GADGET))),
    Scenario::new("router_advertisements_slow_harmless", "Two routers behind one MAC answer solicitations.", NOTHING, two_routers),
    Scenario::new("dhcp_loop", "A device asks for an address each second, for a minute.", gadget_has!("dhcp_loop"), |s| leases(s, &[GADGET], 1_000, 60)),
    Scenario::new("dhcp_loop_harmless", "No server answers, and three devices ask each 8 s.", NOTHING, |s| leases(s, &[GADGET, PARTNER, other(97)], 8_000, 60))
        .lasting(Duration::from_mins(12)),
    Scenario::new("wrong_group_slow", "mDNS to a group that nobody joins, each ten seconds.",
        Expected { broken: Some((GADGET.mac, "wrong_group")), ..gadget_has!("wrong_group") }, |s| ask_at(s, "ff02::1:fb")),
    Scenario::new("wrong_group_slow_harmless", "mDNS to the group of the site, each ten seconds.", NOTHING, |s| ask_at(s, "ff05::fb")),
];

/// A device with one name, but no service.
fn named(name: &str, host: Host) -> Responder {
    Responder::with_addresses(name, &[host.v4.into()])
}

fn rename_loop(script: &mut Script) {
    for n in 0..15 {
        let name = format!("box-{}", n + 2);
        script.say(n * 20_000, named(&name, GADGET).probe());
    }
}

fn rename_loop_harmless(script: &mut Script) {
    for n in 0..5 {
        let name = format!("box-{}", n + 2);
        for probe in [0, 250, 500] {
            script.say(n * 1_500 + probe, named(&name, GADGET).probe());
        }
    }
    for announcement in [7_000, 8_020] {
        script.say(announcement, named("box-6", GADGET).announcement());
    }
}

fn lights(script: &mut Script) {
    for start in 0..2 {
        for n in 0..12 {
            let (host, instance) = (format!("light-{n}"), format!("Light {n}._hap._tcp.local"));
            let record = address(&format!("{host}.local"), GADGET.v4.into());
            let announcement = response([
                ptr("_hap._tcp.local", &instance),
                srv(&instance, &format!("{host}.local"), 80),
                record,
            ]);
            let from = start * 180_000 + n * 20;
            for probe in [0, 250, 500] {
                let service = Service::new(&format!("Light {n}"), "_hap._tcp", 80);
                script.say(from + probe, named(&host, GADGET).service(service).probe());
            }
            for at in [750, 1_770] {
                script.say(from + at, announcement.clone());
            }
        }
    }
}

fn name_conflict(script: &mut Script) {
    script.boot(PARTNER, &named("box", PARTNER));
    for n in 0..15 {
        script.say(n * 20_000, named("box", GADGET).probe());
        let record = address("box.local", PARTNER.v4.into());
        script.send(n * 20_000 + 60, PARTNER.mdns4(response([record])));
    }
}

fn two_links(script: &mut Script) {
    for host in [GADGET, PARTNER] {
        script.boot(host, &named("laptop", host));
    }
    for minute in 0..9 {
        for (nth, host) in [(0, GADGET), (1, PARTNER)] {
            let record = address("laptop.local", host.v4.into());
            script.send(minute * 60_000 + nth * 40, host.mdns4(response([record])));
        }
    }
}

/// Two MACs say the same of one name and one service, but for their addresses, and probe for both
/// every 90 s, the second a little later. Whether that one announces them is given.
fn wakes(script: &mut Script, has_both: bool) {
    let responder = |host: Host| {
        let service = Service::new("Laptop", "_ssh._tcp", 22).txt("model=9");
        Responder::with_addresses("laptop", &[host.v4.into()]).service(service)
    };
    for wake in 0..6 {
        for (host, at) in [(GADGET, wake * 90_000), (PARTNER, wake * 90_000 + 310)] {
            let responder = responder(host);
            for probe in [0, 250, 500] {
                script.send(at + probe, host.mdns4(responder.probe()));
            }
            if has_both || host.mac == GADGET.mac {
                for announcement in [750, 1_770] {
                    script.send(at + announcement, host.mdns4(responder.announcement()));
                }
                if has_both {
                    script.send(at + 60_000, host.mdns4(responder.goodbye()));
                }
            }
        }
    }
}

fn name_conflict_decided(script: &mut Script) {
    script.boot(PARTNER, &named("box", PARTNER));
    for probe in [0, 250] {
        script.say(probe, named("box", GADGET).probe());
        let record = address("box.local", PARTNER.v4.into());
        script.send(probe + 60, PARTNER.mdns4(response([record])));
    }
    for probe in [1_500, 1_750, 2_000] {
        script.say(probe, named("box-2", GADGET).probe());
    }
    for announcement in [2_250, 3_270] {
        script.say(announcement, named("box-2", GADGET).announcement());
    }
}

fn probes(script: &mut Script, gap: u64, count: u64) {
    for n in 0..count {
        script.say(n * gap, named("box", GADGET).probe());
    }
}

fn come_and_go(script: &mut Script, moves: bool) {
    script.boot(GADGET, &gadget());
    for n in 0..10_u8 {
        let at = u64::from(n) * 30_000;
        let host =
            if moves { Host { v4: Ipv4Addr::new(10, 0, 1, 80 + n), ..GADGET } } else { GADGET };
        // It says so from the address that it has: what it withdraws it withdraws before.
        script.send(at, GADGET.mdns4(gadget().goodbye()));
        if moves {
            let record = address("gadget.local", host.v4.into());
            script.send(at + 4_000, GADGET.mdns4(response([record])));
        }
        script.send(at + 5_000, GADGET.mdns4(gadget().announcement()));
    }
}

fn record_churn(script: &mut Script) {
    script.boot(GADGET, &gadget());
    for n in 0..40 {
        let state = format!("state={}", n + 1);
        script.say(n * 4_000, response([txt(r"Gadget._gadget._tcp.local", &[state])]));
    }
}

fn asks() -> Vec<u8> {
    GADGET.arp_request(Ipv4Addr::new(10, 0, 1, 222))
}

fn advertises(router: Host) -> Vec<u8> {
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
    router.nd(ALL_NODES, router_advertisement(1_800, prefix, router.mac))
}

fn two_routers(script: &mut Script) {
    let second = Host { v6: PARTNER.v6, ..GADGET };
    for n in 0..30 {
        script.send(n * 3_000, advertises(GADGET));
        script.send(n * 3_000 + 1_500, advertises(second));
    }
}

fn leases(script: &mut Script, clients: &[Host], gap: u64, count: u64) {
    for n in 0..count {
        for (client, at) in clients.iter().zip(n * gap..) {
            let discover = Dhcp::client(1, client.mac).bytes();
            script.send(at, client.dhcp_client(discover));
        }
    }
}

fn ask_at(script: &mut Script, group: &str) {
    let group = group.parse().expect("an address");
    for n in 0..10 {
        let name = format!("_gadget{n}._tcp");
        let query = Udp::new(5353, 5353, Query::browse(&name));
        script.send(n * 10_000, GADGET.udp6(group, 255, &query));
    }
}
