//! Two exporters on one LAN, as a node each has one: one incident, one page. Beside them a third on a
//! LAN of its own, whose incident is another.

use super::flood::Flood;
use super::{FACTOR, SLACK, exporter};
use crate::e2e::PORT;
use crate::e2e::monitoring::Monitoring;
use crate::e2e::prometheus::{Setup, Target};
use crate::e2e::support::lan::Lan;
use crate::e2e::support::servers::Release;
use crate::e2e::told::Way;
use crate::e2e::wire::Wire;
use multicast_exporter::craft::Host;
use std::thread;

/// The device that floods: the same at both LANs, as one that was carried from one to the other.
const DEVICE: Host = Host::numbered(7);

#[test]
#[ignore = "root: make test"]
fn two_exporters_on_one_lan_make_one_incident() {
    let _machine = super::shared_machine();
    let office = Lan::new(4);
    let [one, other, sender, server] = &office.hosts[..] else { panic!("four hosts") };
    // The workshop is a wire of the server's.
    server.namespace.veth("shop0", "shop1");
    let lan = ["--capture.interface=eth0", "--lan=office"];
    let _exporters = [
        exporter(&one.namespace, PORT, &lan),
        exporter(&other.namespace, PORT, &lan),
        exporter(&server.namespace, PORT, &["--capture.interface=shop0", "--lan=workshop"]),
    ];
    let targets = [one, other, server].map(|host| Target::new(format!("{}:{PORT}", host.address)));
    let setup = Setup { targets: targets.to_vec(), ..Setup::new(Release::Newer, FACTOR) };
    let monitoring = Monitoring::with(&server.namespace, &setup);
    monitoring.wait("all three are scraped", SLACK, || {
        monitoring.query("multicast_capture_up == 1").len() == 3
    });

    let flood = Flood::start(Wire::open(&sender.namespace, "eth0"), DEVICE, 200);
    let pages = |over: bool| {
        let mut told = monitoring.desk.told_by(Way::Page);
        told.retain(|told| told.over == over);
        told
    };
    let within = SLACK + monitoring.shortened(600);
    monitoring.wait("a page", within, || !pages(false).is_empty());
    // Both have seen it for as long as a page takes at worst.
    monitoring.wait("both see it", within, || {
        monitoring.query(r#"multicast_device_storm_active{level="storm"} == 1"#).len() == 2
    });
    thread::sleep(monitoring.shortened(210));
    let told = pages(false);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0].alert, "MulticastDeviceFlooding");
    assert!(told[0].who.contains(&DEVICE.mac.to_string()), "{told:#?}");
    assert!(told[0].summary.contains("office") && !told[0].text.contains("workshop"), "{told:#?}");

    // The same device at the other LAN is another incident.
    let elsewhere = Flood::start(Wire::open(&server.namespace, "shop1"), DEVICE, 200);
    monitoring.wait("a page about the workshop", within, || {
        pages(false).iter().any(|told| told.summary.contains("workshop"))
    });
    assert_eq!(pages(false).len(), 2, "{:#?}", pages(false));
    // An exporter goes away while the storm lasts: nobody is told again.
    drop(flood);
    drop(elsewhere);
    monitoring.wait("the end of both", within, || pages(true).len() >= 2);
    let told = monitoring.desk.told();
    assert_eq!((pages(false).len(), pages(true).len(), told.len()), (2, 2, 4), "{told:#?}");
    assert_eq!(monitoring.desk.webhook.received_at("/pagerduty").len(), 4);
    monitoring.server().rules_are_healthy();
}
