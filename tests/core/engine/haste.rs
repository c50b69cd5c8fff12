//! More frames than there is time to judge: all are counted, each storm has the cause that it would have
//! if all were judged, and the others are told as ever.

use crate::engine_wire::Segment;
use multicast_exporter::craft::{Host, Query, Responder, Service};
use multicast_exporter::decode::Protocol;
use multicast_exporter::decode::mdns::Kind;
use multicast_exporter::detect::Cause;
use multicast_exporter::engine::Judging;
use multicast_exporter::frame::Backlog;
use multicast_exporter::storm::{Culprit, Storm};
use simple_dns::TYPE;

const FLOODER: u16 = 7;
const OTHER: u16 = 8;
/// Frames of the flooder a second: more than are judged.
const RATE: u64 = 6_000;
/// Frames of the flooder for each of the other, which is 100 a second.
const PART: u64 = RATE / 100;
/// Seconds: a storm needs 500 frames of one device.
const LONG: u64 = 6;

fn printer(number: u64) -> Responder {
    let service = Service::new(&format!("Canon {number}"), "_ipp._tcp", 631);
    Responder::new(&format!("printer-{number}"), Host::numbered(FLOODER)).service(service)
}

/// The same service, which says something else each time.
fn sensor(number: u64) -> Responder {
    let service = Service::new("Sensor", "_http._tcp", 80).txt(&format!("value={number}"));
    Responder::new("sensor", Host::numbered(FLOODER)).service(service)
}

/// The payload of a frame of the flooder, by the number of the frame.
type Payload = fn(u64) -> Vec<u8>;

/// Payloads that all differ, by what does.
const FLOODS: [(&str, Payload); 3] = [
    ("addresses", |n| {
        let last = std::net::Ipv4Addr::from(0x0a00_0000 + u32::try_from(n).unwrap());
        let hosts = [std::net::Ipv4Addr::new(192, 0, 2, 7).into(), last.into()];
        let service = Service::new("Canon", "_ipp._tcp", 631);
        Responder::with_addresses("printer", &hosts).service(service).announcement()
    }),
    ("texts", |n| sensor(n).announcement()),
    ("questions", |n| Query::new(&format!("host-{n}.local"), TYPE::A).bytes()),
];

/// Ten seconds of a healthy LAN of two, then some of a flood beside a storm.
fn heard(judging: Judging, flood: Payload, seconds: u64) -> Segment {
    let mut segment = Segment::judging(judging);
    let (flooder, other) = (Host::numbered(FLOODER), Host::numbered(OTHER));
    let radio = Responder::new("radio", other).service(Service::new("Radio", "_raop._tcp", 5000));
    let radio = other.mdns4(radio.announcement());
    segment.hear(&flooder.mdns4(flood(0)));
    segment.hear(&radio);
    segment.pass(11_000);
    segment.engine.handle_backlog(Backlog::Half);
    for n in 0..RATE * seconds {
        segment.hear(&flooder.mdns4(flood(n)));
        if n % PART == 0 {
            segment.hear(&radio);
        }
        segment.pass_micros((n + 1) * 1_000_000 / RATE - n * 1_000_000 / RATE);
    }
    segment
}

/// The cause of the storm that a host has, with its frames so far.
fn storm(segment: &Segment, number: u16) -> Option<(Cause, u64)> {
    let told = |storm: &Storm| match storm.culprit {
        Culprit::Device { cause, .. } => Some((cause, storm.packets)),
        Culprit::Segment { .. } => None,
    };
    segment.device(Host::numbered(number)).and_then(|device| device.storm.as_ref().and_then(told))
}

#[test]
fn a_flood_that_is_not_judged_to_its_end_has_the_same_cause_and_hides_nobody() {
    for (name, flood) in FLOODS {
        let judged = heard(Judging::Everything, flood, LONG);
        let hasty = heard(Judging::InTime, flood, LONG);
        let (flooder, of_other) = (storm(&hasty, FLOODER), storm(&hasty, OTHER));
        assert!(flooder.is_some(), "{name}");
        assert_eq!(flooder, storm(&judged, FLOODER), "{name}");
        assert_eq!(of_other.map(|(cause, _)| cause), Some(Cause::RepeatedResponse), "{name}");
        assert_eq!(of_other, storm(&judged, OTHER), "{name}");

        let (hasty, judged) = (hasty.snapshot(), judged.snapshot());
        assert_eq!(judged.unjudged, 0);
        // Each of the two has half of 8,000 a second, once both were heard.
        let of_flooder = RATE - 4_000;
        assert!(
            (LONG * of_flooder - 500..=LONG * of_flooder).contains(&hasty.unjudged),
            "{name}: {}",
            hasty.unjudged
        );
        assert_eq!(hasty.frames, judged.frames);
        assert_eq!(hasty.packets, judged.packets);
        assert_eq!(hasty.bytes, judged.bytes);
        for (one, all) in hasty.devices.iter().zip(&judged.devices) {
            assert_eq!((one.sender, one.counters.packets), (all.sender, all.counters.packets));
            assert_eq!((one.peak_ever, one.last_seen), (all.peak_ever, all.last_seen));
            let messages = one.counters.messages.iter().sum::<u64>();
            assert_eq!(messages, one.counters.packets[Protocol::Mdns.index()], "{name}");
        }
    }
}

#[test]
fn what_is_not_judged_has_the_kind_that_its_header_says() {
    let segment = heard(Judging::InTime, |n| printer(n).probe(), 2);
    let device = segment.device(Host::numbered(FLOODER)).unwrap();
    assert_eq!(device.counters.messages[Kind::Probe as usize], 2 * RATE + 1);
    let segment = heard(Judging::InTime, |n| printer(n).goodbye(), 2);
    let device = segment.device(Host::numbered(FLOODER)).unwrap();
    let [goodbyes, responses] =
        [Kind::Goodbye, Kind::Response].map(|kind| device.counters.messages[kind as usize]);
    assert_eq!((goodbyes + responses, responses), (2 * RATE + 1, segment.snapshot().unjudged));
}
