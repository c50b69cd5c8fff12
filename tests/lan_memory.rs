//! What is remembered of storms that are over is bounded, however many there are and whatever the
//! network says of itself. A process of its own: what is measured is all of its anonymous memory, as
//! the kernel counts it.

use multicast_exporter::decode::{Protocol, Sender};
use multicast_exporter::detect::{Cause, CauseSet};
use multicast_exporter::engine::Identity;
use multicast_exporter::lan::PastStorms;
use multicast_exporter::mac::Mac;
use multicast_exporter::pipeline::StormNews;
use multicast_exporter::storm::{Culprit, Detail, EndReason, Level, Storm, StormEvent};
use multicast_exporter::time::Stamp;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// Anonymous memory of this process in KiB (`man 5 proc_pid_status`).
fn anonymous() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("since Linux 4.5");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// As much as a storm and its device can say of themselves.
fn news(number: u64) -> StormNews {
    let address =
        |n: u64| IpAddr::V6(Ipv6Addr::from_bits(u128::from(number) << 64 | u128::from(n)));
    let long = |n: u64| format!("{number:08}-{n:02}-{}", "ü".repeat(52));
    let storm = Storm {
        number,
        culprit: Culprit::Device {
            sender: Sender::Mac(Mac([2, 0, 0, 0, 0, 1])),
            cause: Cause::Answering,
            also: CauseSet::NONE,
        },
        level: Level::Storm,
        protocol: Protocol::Mdns,
        start: Stamp::new(1_700_000_000, 0),
        first_frame: Stamp::new(1_700_000_000, 0),
        end: Some((Stamp::new(1_700_000_060, 0), EndReason::Quiet)),
        lasted: [0, 60],
        packets: 12_000,
        provoked: 0,
        provoked_by: Some((0..8).map(|n| Sender::Ip(address(n))).collect()),
        detail: Detail::new(&long(99)),
        peak: 200,
    };
    let identity = Identity {
        addresses: (0..16).map(address).collect(),
        contested: (0..16).map(|n| long(n).into()).collect(),
        name: Some(long(20).into()),
        model: Some(long(21).into()),
        ..Identity::default()
    };
    StormNews {
        label: format!("{number:64}").into(),
        lan: Some(long(22).into()),
        event: StormEvent::Ended(storm),
        identity: Some(Arc::new(identity)),
    }
}

#[test]
fn a_hundred_thousand_storms_cost_no_more_than_the_first_thousand() {
    let before = anonymous();
    let past = PastStorms::default();
    let told = |from: u64, until: u64| {
        for number in from..until {
            past.handle(&news(number));
        }
        anonymous()
    };
    let early = told(0, 1_000);
    let late = told(1_000, 100_000);
    // 256 storms of some 6 KiB; what allocators keep for themselves is the slack.
    assert!(early - before <= 3 * 1024, "{} KiB", early - before);
    assert!(late.saturating_sub(early) <= 1024, "{} KiB", late - early);
    let last = news(99_999);
    let StormEvent::Ended(storm) = &last.event else { unreachable!("it has ended") };
    assert!(past.get(&storm.id(&last.label)).is_some());
}
