//! Which devices are this machine's own, as its interfaces come and go.

use crate::engine_wire::{KEY, config};
use multicast_exporter::craft::{Host, Tag, tagged};
use multicast_exporter::engine::{Converted, Local};
use multicast_exporter::frame::{Batch, Direction, FrameMeta, LinkType, Slot};
use multicast_exporter::interfaces::Surroundings;
use multicast_exporter::pipeline::{Pipeline, Settings, usual_policy};
use multicast_exporter::segment::{Labels, Sharing};
use multicast_exporter::time::clock::Reading;
use multicast_exporter::time::{Stamp, Time};
use std::sync::Arc;
use std::time::Duration;

const READING: Reading = Reading { monotonic: Time(0), wall: Stamp(0) };

fn hear(pipeline: &mut Pipeline, frame: &[u8]) {
    let meta = FrameMeta {
        stamp: Stamp(0),
        interface: 0,
        link: LinkType::Ethernet,
        stripped_tag: None,
        direction: Direction::Unknown,
        wire_len: u32::try_from(frame.len()).expect("short"),
    };
    let slots = [Slot { meta, start: 0, len: frame.len() }];
    pipeline.handle_live(&Batch::new(frame, &slots, &[]), READING, Duration::ZERO);
}

#[test]
fn every_segment_learns_the_macs_of_interfaces_made_later() {
    let labels = Labels::new(Sharing::Never, 8);
    let settings = Settings {
        engine: config(Converted::Live),
        key: KEY,
        labels,
        lans: Arc::default(),
        policy: usual_policy(),
        evidence: None,
    };
    let mut pipeline = Pipeline::live(settings, "eth0", Surroundings::default(), READING);
    let host = Host::numbered(7);
    let arp = host.arp_announcement();
    hear(&mut pipeline, &arp);
    let local = |pipeline: &mut Pipeline| -> Vec<bool> {
        let views = pipeline.views();
        views.iter().flat_map(|v| &v.snapshot.devices).map(|d| d.identity.local).collect()
    };
    assert_eq!(local(&mut pipeline), [false]);
    pipeline.handle_local(&Arc::new(Local { macs: vec![host.mac], ..Local::default() }));
    assert_eq!(local(&mut pipeline), [true]);
    // A VLAN that nobody has spoken in before.
    hear(&mut pipeline, &tagged(&arp, Tag { tpid: 0x8100, tci: 30 }));
    assert_eq!(local(&mut pipeline), [true, true]);
    pipeline.handle_local(&Arc::default());
    assert_eq!(local(&mut pipeline), [false, false]);
}
