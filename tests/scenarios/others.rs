//! One scenario for each rule of the other discovery protocols, and one that keeps it.

use super::{GADGET, Scenario, Script};
use multicast_exporter::craft::address::router_advertisement;
use multicast_exporter::craft::discovery::{
    llmnr_query, llmnr_response, ssdp_alive, ssdp_search, wsd_probe,
};
use multicast_exporter::craft::host::{LLMNR_V4, MDNS_V6};
use multicast_exporter::craft::{Query, Udp};
use std::net::Ipv6Addr;

/// The scenarios.
#[rustfmt::skip]
pub(super) const ALL: &[Scenario] = &[
    Scenario::broken("wrong_group", "mDNS to ff02::1:fb, which nobody joins.", |s| ask_at(s, Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 0xfb))),
    Scenario::kept("wrong_group_kept", "wrong_group", "mDNS to ff02::fb.", |s| ask_at(s, MDNS_V6)),
    Scenario::broken("ra_interval", "A router advertisement every 2 s.", |s| advertise(s, 2_000)),
    Scenario::kept("ra_interval_kept", "ra_interval", "A router advertisement every 3 s.", |s| advertise(s, 3_000)),
    Scenario::broken("ssdp_burst", "Twenty searches in 200 ms.", |s| searches(s, 20, 10)),
    Scenario::kept("ssdp_burst_kept", "ssdp_burst", "Eight searches in 200 ms.", |s| searches(s, 8, 25)),
    Scenario::broken("ssdp_repeat", "A set of notifications six times.", |s| sets(s, 6)),
    Scenario::kept("ssdp_repeat_kept", "ssdp_repeat", "A set of notifications three times.", |s| sets(s, 3)),
    Scenario::broken("llmnr_repeat", "A query six times.", |s| queries(s, 6)),
    Scenario::kept("llmnr_repeat_kept", "llmnr_repeat", "A query three times.", |s| queries(s, 3)),
    Scenario::broken("llmnr_answer", "An answer to the group.", llmnr_answer),
    Scenario::kept("llmnr_answer_kept", "llmnr_answer", "A query to the group.", |s| queries(s, 1)),
    Scenario::broken("wsd_repeat", "A message six times.", |s| probes(s, 6)),
    Scenario::kept("wsd_repeat_kept", "wsd_repeat", "A message twice.", |s| probes(s, 2)),
];

fn ask_at(script: &mut Script, group: Ipv6Addr) {
    let query = || Udp::new(5353, 5353, Query::browse("_gadget._tcp"));
    // Three would be a condition.
    for at in [0, 1_000] {
        script.send(at, GADGET.udp6(group, 255, &query()));
    }
}

fn advertise(script: &mut Script, gap: u64) {
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
    for n in 0..10 {
        let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        script.send(n * gap, GADGET.nd(all_nodes, router_advertisement(1_800, prefix, GADGET.mac)));
    }
}

fn searches(script: &mut Script, count: u64, gap: u64) {
    for n in 0..count {
        script.send(n * gap, GADGET.ssdp4(ssdp_search("ssdp:all")));
    }
}

/// A root device's three notifications, in sets 400 ms apart.
fn sets(script: &mut Script, count: u64) {
    let kinds = ["upnp:rootdevice", "uuid:53", "urn:schemas-upnp-org:device:Basic:1"];
    for set in 0..count {
        for (n, kind) in (0..).zip(kinds) {
            let usn = format!("uuid:53::{kind}");
            let alive = ssdp_alive(kind, &usn, "http://10.0.1.99/", "Gadget/1");
            script.send(set * 400 + n * 50, GADGET.ssdp4(alive));
        }
    }
}

fn queries(script: &mut Script, count: u64) {
    for n in 0..count {
        script.send(n * 410, GADGET.llmnr4(llmnr_query("somebody")));
    }
}

fn llmnr_answer(script: &mut Script) {
    let answer = Udp::new(5355, 5355, llmnr_response("gadget", GADGET.v4));
    script.send(0, GADGET.udp4(LLMNR_V4, 1, &answer));
}

fn probes(script: &mut Script, count: u64) {
    for n in 0..count {
        script.send(n * 150, GADGET.wsd4(wsd_probe()));
    }
}
