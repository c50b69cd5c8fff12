//! What one of many equal frames costs a pipeline (timeline, decoding, segment, engine), heard
//! together with its copies and by itself:
//! `cargo run --release --example run_bench [KIND [FRAMES [together|each]]]`.
//!
//! Without a mode both take turns, and each figure is the best of several rounds. With one, the
//! frames are heard and nothing else is done: for callgrind.

use multicast_exporter::craft::discovery::ssdp_alive;
use multicast_exporter::craft::{Host, Query, Responder, Service, Udp};
use multicast_exporter::decode::mdns::HashKey;
use multicast_exporter::detect::Horizon;
use multicast_exporter::engine::{Budget, Config, Converted, Judging};
use multicast_exporter::frame::{Batch, Direction, FrameMeta, InterfaceName, LinkType, Slot};
use multicast_exporter::pipeline::{Pipeline, Settings, usual_policy};
use multicast_exporter::segment::{Labels, Sharing};
use multicast_exporter::time::{Stamp, clock};
use std::sync::Arc;

const ROUNDS: usize = 7;
const FRAMES: usize = 300_000;
/// Frames of a batch, and from one to the next: 290,000 a second.
const BATCH: usize = 256;
const GAP: i128 = 3_448;

/// A kind of frames: sent in turn, one after the other.
type Kind = (&'static str, Vec<Vec<u8>>);

fn kinds() -> Vec<Kind> {
    let [printer, phone, other] = [1, 2, 3].map(Host::numbered);
    let service = |kind| Service::new("Printer", kind, 631).txt("note=here");
    let printer_says = Responder::new("printer", printer)
        .service(service("_ipp._tcp"))
        .service(service("_printer._tcp"));
    let tv = Responder::new("tv", other);
    let alive = ssdp_alive("upnp:rootdevice", "uuid:1", "http://10.0.0.1/", "Linux UPnP/1.0 x/1");
    let stream = Udp::new(5004, 5004, vec![7; 1_316]);
    vec![
        ("announcement", vec![printer.mdns4(Responder::new("p", printer).address_response())]),
        ("services", vec![printer.mdns4(printer_says.announcement())]),
        ("query", vec![phone.mdns4(Query::browse("_ipp._tcp"))]),
        ("arp", vec![phone.arp_request(printer.v4)]),
        ("ssdp", vec![printer.ssdp4(alive)]),
        ("stream", vec![other.udp4([239, 1, 2, 3].into(), 16, &stream)]),
        (
            "two",
            vec![printer.mdns4(printer_says.announcement()), other.mdns4(tv.address_response())],
        ),
        (
            "two asking",
            vec![phone.mdns4(Query::browse("_ipp._tcp")), other.arp_request(printer.v4)],
        ),
    ]
}

/// Nanoseconds a frame; those in which the newcomer may be a stranger are left out.
#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn hear(frames: &[Vec<u8>], count: usize, together: bool) -> f64 {
    let mut pipeline = Pipeline::file(Settings {
        engine: Config {
            budget: Arc::new(Budget::new(2_000)),
            expiry: None,
            local: Arc::default(),
            converted: Converted::Live,
            judging: Judging::Everything,
            horizon: Horizon::Now,
            storms_kept: Config::STORMS_LIVE,
        },
        key: HashKey([1, 2, 3, 4]),
        labels: Labels::new(Sharing::Never, 128),
        lans: Arc::default(),
        policy: usual_policy(),
        evidence: None,
    });
    if !together {
        pipeline.hear_one_by_one();
    }
    let memory = frames.concat();
    let names = [InterfaceName { name: Some("eth0".into()) }];
    let (mut stamp, mut heard, mut slots) = (0, 0, Vec::with_capacity(BATCH));
    let begin = clock::now().monotonic;
    while heard < count {
        slots.clear();
        for n in heard..heard + BATCH {
            let place = n % frames.len();
            let len = frames[place].len();
            let meta = FrameMeta {
                stamp: Stamp(1_700_000_000_000_000_000 + stamp),
                interface: 0,
                link: LinkType::Ethernet,
                stripped_tag: None,
                direction: Direction::Incoming,
                wire_len: u32::try_from(len).expect("short"),
            };
            let start = frames[..place].iter().map(Vec::len).sum();
            slots.push(Slot { meta, start, len });
            stamp += GAP;
        }
        heard += BATCH;
        pipeline.handle_file(&Batch::new(&memory, &slots, &names));
    }
    let spent = clock::now().monotonic.since(begin);
    spent.as_nanos() as f64 / heard as f64
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = arguments.first().map(String::as_str);
    let count = arguments.get(1).map_or(FRAMES, |count| count.parse().expect("a number of frames"));
    for (kind, frames) in kinds() {
        if wanted.is_some_and(|wanted| wanted != kind) {
            continue;
        }
        if let Some(mode) = arguments.get(2) {
            hear(&frames, count, mode == "together");
            continue;
        }
        let mut best = [f64::INFINITY; 2];
        for _ in 0..ROUNDS {
            for (best, together) in best.iter_mut().zip([false, true]) {
                *best = best.min(hear(&frames, count, together));
            }
        }
        println!("{kind:14} {:8.1} ns by itself {:8.1} ns together", best[0], best[1]);
    }
}
