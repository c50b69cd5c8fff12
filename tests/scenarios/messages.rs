//! One scenario for each rule of RFC 6762 and RFC 6763, and one that comes close to breaking it.

use super::{GADGET, PARTNER, Scenario, Script, gadget};
use multicast_exporter::craft::host::MDNS_V4;
use multicast_exporter::craft::mdns::{
    HOST_TTL, OTHER_TTL, Query, Responder, address, message, name, ptr, record, reply, response,
    srv, txt,
};
use multicast_exporter::craft::{Ethernet, Ipv4, Udp};
use simple_dns::rdata::{A, PTR, RData};
use simple_dns::{CLASS, Question, ResourceRecord, TYPE};
use std::net::Ipv4Addr;

const INSTANCE: &str = "Gadget._gadget._tcp.local";
const TYPES: &str = "_gadget._tcp.local";

/// The scenarios.
#[rustfmt::skip]
pub(super) const ALL: &[Scenario] = &[
    Scenario::broken("record_interval", "A response again after 400 ms, unasked.", |s| own_address(s, &[0, 400])),
    Scenario::kept("record_interval_kept", "record_interval", "A response again after 1.1 s.", |s| own_address(s, &[0, 1_100])),
    Scenario::broken("record_interval_soft", "A response again after 800 ms, unasked.", |s| own_address(s, &[0, 800])),
    Scenario::kept("record_interval_soft_kept", "record_interval_soft", "A response again after 950 ms.", |s| own_address(s, &[0, 950])),
    Scenario::broken("record_interval_asked", "Asked twice within 500 ms, answered twice.", |s| asked(s, 500)),
    Scenario::kept("record_interval_asked_kept", "record_interval_asked", "Asked twice within 1.5 s, answered twice.", |s| asked(s, 1_500)),
    Scenario::broken("query_interval", "A question four times, 300 ms apart.", |s| ask(s, &[0, 300, 600, 900])),
    Scenario::kept("query_interval_kept", "query_interval", "A question four times, a second and more apart.", |s| ask(s, &[0, 1_000, 3_000, 7_000])),
    Scenario::broken("query_interval_soft", "A question every two seconds.", |s| ask(s, &[0, 2_000, 4_000, 6_000, 8_000, 10_000, 12_000])),
    Scenario::kept("query_interval_soft_kept", "query_interval_soft", "A question with gaps that double.", |s| ask(s, &[0, 1_000, 3_000, 7_000, 15_000, 31_000])),
    Scenario::broken("announcement_count", "An announcement every 15 s, twelve times.", |s| { boot(s); for n in 0..12 { s.say(n * 15_000, gadget().announcement()); } }),
    Scenario::kept("announcement_count_kept", "announcement_count", "Three announcements, with gaps that double.", |s| { boot(s); for at in [0, 2_000, 6_000] { s.say(at, gadget().announcement()); } }),
    Scenario::broken("update_rate", "A TXT record changes every 3 s for a minute.", |s| updates(s, 20, 3_000)).having(&[(GADGET.mac, "record_churn")]),
    Scenario::kept("update_rate_kept", "update_rate", "A TXT record changes every 12 s for a minute.", |s| updates(s, 5, 12_100)),
    Scenario::broken("probe_interval", "Three probes 100 ms apart.", |s| probes(s, 100)),
    Scenario::kept("probe_interval_kept", "probe_interval", "Three probes 250 ms apart.", |s| probes(s, 250)),
    Scenario::broken("probe_backoff", "Another device has every name that it tries, twice a second.", |s| attempts(s, 20, 500)).having(&[(GADGET.mac, "rename_loop")]),
    Scenario::kept("probe_backoff_kept", "probe_backoff", "Another device has the first ten names.", |s| attempts(s, 10, 800)).having(&[(GADGET.mac, "rename_loop")]),
    Scenario::broken("known_answer", "What was listed as known is answered.", |s| known(s, OTHER_TTL)),
    Scenario::kept("known_answer_kept", "known_answer", "What was listed with less than half of its TTL is answered.", |s| known(s, OTHER_TTL / 3)),
    Scenario::broken("goodbye_rate", "A record goes and comes back four times in a minute.", |s| goodbyes(s, 4)),
    Scenario::kept("goodbye_rate_kept", "goodbye_rate", "A record goes and comes back once.", |s| goodbyes(s, 1)),
    Scenario::broken("ttl_value", "A TTL of 10 s.", |s| with_ttl(s, 10)),
    Scenario::kept("ttl_value_kept", "ttl_value", "A host name with the TTL that Apple uses since 2024.", |s| with_ttl(s, OTHER_TTL)),
    Scenario::broken("cache_flush_shared", "A service's PTR record has the cache-flush bit.", |s| say(s, ptr(TYPES, INSTANCE).with_cache_flush(true))),
    Scenario::kept("cache_flush_shared_kept", "cache_flush_shared", "A reverse PTR record has it, as it may.", |s| say(s, record("99.1.0.10.in-addr.arpa", true, HOST_TTL, RData::PTR(PTR(name("gadget.local")))))),
    Scenario::broken("cache_flush_unique", "A SRV record without the cache-flush bit.", |s| say(s, srv(INSTANCE, "gadget.local", 80).with_cache_flush(false))),
    Scenario::kept("cache_flush_unique_kept", "cache_flush_unique", "A SRV record with it.", |s| say(s, srv(INSTANCE, "gadget.local", 80))),
    Scenario::broken("cache_flush_address", "An A record without the cache-flush bit.", |s| say(s, own().with_cache_flush(false))),
    Scenario::kept("cache_flush_address_kept", "cache_flush_address", "An A record with it.", |s| say(s, own())),
    Scenario::broken("source_port", "A response from port 40000.", |s| from(s, 40_000, 255)),
    Scenario::kept("source_port_kept", "source_port", "A response from port 5353.", |s| from(s, 5353, 255)),
    Scenario::broken("ip_ttl", "A response with an IP TTL of 64.", |s| from(s, 5353, 64)),
    Scenario::kept("ip_ttl_kept", "ip_ttl", "A response with an IP TTL of 255.", |s| from(s, 5353, 255)),
    Scenario::broken("message_size", "A response of more than 9000 bytes, in a jumbo frame.", |s| big(s, 36)),
    Scenario::kept("message_size_kept", "message_size", "A response of some 8000 bytes, in a jumbo frame.", |s| big(s, 28)),
    Scenario::broken("fragmented", "A response of 3 kB in fragments.", fragments),
    Scenario::kept("fragmented_kept", "fragmented", "A response of 1.4 kB in one packet.", |s| big(s, 4)),
    Scenario::broken("header_bits", "A response without the AA bit.", |s| edited(s, |bytes| bytes[2] &= !4)),
    Scenario::kept("header_bits_kept", "header_bits", "A response as it should be.", |s| edited(s, |_| ())),
    Scenario::broken("header_bits_soft", "A query from port 5353 with an id.", |s| { boot(s); s.say(0, Query::browse("_nobody._tcp").id(7)); }),
    Scenario::kept("header_bits_soft_kept", "header_bits_soft", "A legacy query with an id.", legacy),
    Scenario::broken("question_in_response", "A response that repeats the question.", question_in_response),
    Scenario::kept("question_in_response_kept", "question_in_response", "A response without one.", |s| say(s, own())),
    Scenario::broken("empty_response", "A response without records.", |s| { boot(s); s.say(0, message(&reply())); }),
    Scenario::kept("empty_response_kept", "empty_response", "A response with one record.", |s| say(s, own())),
    Scenario::broken("foreign_name", "A name of the ordinary DNS is answered for.", |s| say(s, address("gadget.example.com", GADGET.v4.into()))),
    Scenario::kept("foreign_name_kept", "foreign_name", "A name of the reverse tree is answered for.", |s| say(s, record("99.1.0.10.in-addr.arpa", true, HOST_TTL, RData::PTR(PTR(name("gadget.local")))))),
    Scenario::broken("foreign_address", "Docker's address is announced.", |s| say(s, address("gadget.local", Ipv4Addr::new(172, 17, 0, 1).into()))),
    Scenario::kept("foreign_address_kept", "foreign_address", "The own address is announced.", |s| say(s, own())),
    Scenario::broken("txt_size", "A TXT record of 1400 bytes.", |s| say(s, txt(INSTANCE, &strings(7)))),
    Scenario::kept("txt_size_kept", "txt_size", "A TXT record of 1200 bytes.", |s| say(s, txt(INSTANCE, &strings(6)))),
];

fn boot(script: &mut Script) {
    script.boot(GADGET, &gadget());
}

fn own() -> ResourceRecord<'static> {
    address("gadget.local", GADGET.v4.into())
}

/// The gadget boots, and a minute later sends a response with one record.
fn say(script: &mut Script, record: ResourceRecord<'static>) {
    boot(script);
    script.say(0, response([record]));
}

fn own_address(script: &mut Script, times: &[u64]) {
    boot(script);
    for at in times {
        script.say(*at, response([own()]));
    }
}

fn asked(script: &mut Script, gap: u64) {
    boot(script);
    for at in [0, gap] {
        script.send(at, PARTNER.mdns4(Query::new("gadget.local", TYPE::A)));
        script.say(at + 5, response([own()]));
    }
}

fn ask(script: &mut Script, times: &[u64]) {
    boot(script);
    for at in times {
        script.say(*at, Query::browse("_nobody._tcp"));
    }
}

fn updates(script: &mut Script, count: u64, gap: u64) {
    boot(script);
    for n in 0..count {
        script.say(n * gap, response([txt(INSTANCE, &[format!("state={}", n + 1)])]));
    }
}

fn probes(script: &mut Script, gap: u64) {
    let responder = Responder::with_addresses("gadget", &[GADGET.v4.into()]);
    script.send(0, GADGET.arp_announcement());
    for n in 0..3 {
        script.say(1_000 + n * gap, responder.probe());
    }
    for at in [0, 1_020] {
        script.say(1_000 + 3 * gap + at, responder.announcement());
    }
}

/// The gadget tries one name after the other, each of which its partner has.
fn attempts(script: &mut Script, count: u64, gap: u64) {
    for n in 0..count {
        let name = format!("gadget-{}", n + 2);
        let wanted = Responder::with_addresses(&name, &[GADGET.v4.into()]);
        script.say(n * gap, wanted.probe());
        let taken = response([address(&format!("{name}.local"), PARTNER.v4.into())]);
        script.send(n * gap + 5, PARTNER.mdns4(taken));
    }
}

fn known(script: &mut Script, ttl: u32) {
    boot(script);
    let mut known = ptr(TYPES, INSTANCE);
    known.ttl = ttl;
    script.send(0, PARTNER.mdns4(Query::browse("_gadget._tcp").known(known)));
    script.say(60, response([ptr(TYPES, INSTANCE)]));
}

fn goodbyes(script: &mut Script, count: u64) {
    boot(script);
    let mut gone = own();
    gone.ttl = 0;
    for n in 0..count {
        script.say(n * 11_000, response([gone.clone()]));
        script.say(n * 11_000 + 5_000, response([own()]));
    }
}

fn with_ttl(script: &mut Script, ttl: u32) {
    let mut record = own();
    record.ttl = ttl;
    say(script, record);
}

fn from(script: &mut Script, port: u16, ttl: u8) {
    boot(script);
    script.send(0, GADGET.udp4(MDNS_V4, ttl, &Udp::new(port, 5353, response([own()]))));
}

/// TXT records of some 280 bytes, of as many services.
fn services(count: usize) -> Vec<u8> {
    let text = [format!("note={}", "x".repeat(240))];
    response((0..count).map(|n| txt(&format!("Gadget {n}._gadget._tcp.local"), &text)))
}

fn big(script: &mut Script, count: usize) {
    boot(script);
    script.say(0, services(count));
}

fn fragments(script: &mut Script) {
    boot(script);
    let udp = Udp::new(5353, 5353, services(11));
    let packet = Ipv4::new(GADGET.v4, MDNS_V4).ttl(255).id(7).udp(&udp);
    let ethernet = Ethernet::from(GADGET.mac).to_ip(MDNS_V4.into());
    for fragment in packet.fragments(1_480) {
        script.send(0, ethernet.ipv4(&fragment));
    }
}

fn edited(script: &mut Script, edit: impl Fn(&mut [u8])) {
    boot(script);
    let mut bytes = response([own()]);
    edit(&mut bytes);
    script.say(0, bytes);
}

fn legacy(script: &mut Script) {
    boot(script);
    let query = Query::browse("_nobody._tcp").id(7);
    script.send(0, GADGET.udp4(MDNS_V4, 255, &Udp::new(50_123, 5353, query)));
}

fn question_in_response(script: &mut Script) {
    boot(script);
    let mut packet = reply();
    let class = CLASS::IN.into();
    packet.questions.push(Question::new(name("gadget.local"), TYPE::A.into(), class, false));
    packet.answers.push(record(
        "gadget.local",
        true,
        HOST_TTL,
        RData::A(A { address: GADGET.v4.to_bits() }),
    ));
    script.say(0, message(&packet));
}

fn strings(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("k{n}={}", "x".repeat(196))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_on_the_sides_of_their_limits_that_they_should_be() {
        let with_headers = |count| services(count).len() + 28;
        assert!(with_headers(36) > 9_000 && with_headers(28) < 9_000);
        assert!(with_headers(4) <= 1_500 && with_headers(11) > 2_900);
        let length = |count| strings(count).iter().map(|text| text.len() + 1).sum::<usize>();
        assert!(length(7) > 1_300 && length(6) <= 1_300);
    }
}
