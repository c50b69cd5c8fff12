//! Two sites that look alike: the same job, the same `instance`, the same interface, the same device.
//! An agent at each sends all samples to one store, where the rules are; `site` is an external label of
//! the agents. Nothing else tells one page from the other.

use super::flood::Flood;
use super::{FACTOR, SLACK, exporter};
use crate::e2e::monitoring::Monitoring;
use crate::e2e::netns::NetNs;
use crate::e2e::prometheus::{Prometheus, Setup, Target};
use crate::e2e::support::lan::Lan;
use crate::e2e::support::servers::Release;
use crate::e2e::told::{Told, Way};
use crate::e2e::victoria::Victoria;
use crate::e2e::wire::Wire;
use crate::e2e::{PORT, Process};
use multicast_exporter::craft::Host;
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

const SITES: [&str; 2] = ["north", "south"];

/// Whose storm it is, at either site.
const DEVICE: Host = Host::numbered(7);

/// A LAN of one wire, on which the exporter of a site listens.
fn watched(namespace: &NetNs) -> Process {
    namespace.veth("lan0", "wire0");
    exporter(namespace, PORT, &["--capture.interface=lan0"])
}

/// The pages so far that a storm has begun, or is over, at a site.
fn pages(monitoring: &Monitoring<'_>, site: &str, over: bool) -> usize {
    let at = format!(" at {site}");
    let told = monitoring.desk.told_by(Way::Page);
    told.iter().filter(|told| told.over == over && told.place.ends_with(&at)).count()
}

/// The incidents that `PagerDuty` has been told of: one a message, whatever is in it.
fn incidents(monitoring: &Monitoring<'_>) -> usize {
    let events = monitoring.desk.webhook.received_at("/pagerduty");
    let keys = events.iter().map(|event| event["dedup_key"].to_string());
    keys.collect::<BTreeSet<String>>().len()
}

fn wait_pages(monitoring: &Monitoring<'_>, over: bool, wanted: [usize; 2]) {
    let what = format!("{wanted:?} pages, over: {over}");
    let within = SLACK + monitoring.shortened(600);
    monitoring.wait(&what, within, || SITES.map(|site| pages(monitoring, site, over)) == wanted);
}

#[test]
#[ignore = "root: make test"]
fn two_sites_that_look_alike_page_apart_and_an_absent_store_loses_nothing() {
    let _machine = super::shared_machine();
    let network = Lan::new(3);
    let [north, south, central] = &network.hosts[..] else { panic!("three hosts") };
    let _exporters = [north, south].map(|site| watched(&site.namespace));
    let setup = Setup { receives: true, targets: Vec::new(), ..Setup::new(Release::Newer, FACTOR) };
    let mut monitoring = Monitoring::with(&central.namespace, &setup);
    let store = format!("http://{}:9090/api/v1/write", central.address);
    let agent = Setup {
        external: vec![("site", "north")],
        sends_to: Some(store.clone()),
        ..Setup::new(Release::Newer, FACTOR)
    };
    let mut agent = Prometheus::start(&north.namespace, &agent);
    let target = [Target::new("localhost:10353")];
    let mut other = Victoria::agent(&south.namespace, &target, Some("south"), &store, FACTOR);
    monitoring.wait("samples of both", SLACK, || {
        monitoring.label(r#"up{instance="localhost:10353"} == 1"#, "site") == SITES
    });

    // Both at once.
    let flood = |site: &NetNs| Flood::start(Wire::open(site, "wire0"), DEVICE, 200);
    let floods = [north, south].map(|site| flood(&site.namespace));
    wait_pages(&monitoring, false, [1, 1]);
    for told in monitoring.desk.told() {
        assert_eq!((told.way, told.alert.as_str()), (Way::Page, "MulticastDeviceFlooding"));
        assert!(told.who.contains(&DEVICE.mac.to_string()), "{told:#?}");
        assert!(told.summary.contains(" at north") || told.summary.contains(" at south"));
    }
    monitoring.server().rules_are_healthy();
    drop(floods);
    wait_pages(&monitoring, true, [1, 1]);
    assert_eq!(incidents(&monitoring), 2);

    // The store goes, a storm begins, the agents are restarted, the store comes back.
    monitoring.prometheus.server.stop();
    let flood = flood(&north.namespace);
    thread::sleep(Duration::from_secs(5));
    agent.server.stop();
    other.server.stop();
    agent.server.start_again();
    other.server.start_again();
    thread::sleep(Duration::from_secs(5));
    monitoring.prometheus.server.start_again();
    wait_pages(&monitoring, false, [2, 1]);
    // As long as the longest `for` that the gap could have met, and its `group_wait`.
    thread::sleep(monitoring.shortened(330));
    drop(flood);
    wait_pages(&monitoring, true, [2, 1]);
    assert_eq!(SITES.map(|site| pages(&monitoring, site, false)), [2, 1]);
    let others = monitoring.desk.told().into_iter();
    let others: Vec<Told> = others.filter(|told| told.alert != "MulticastDeviceFlooding").collect();
    assert!(others.is_empty(), "{others:#?}");
    monitoring.server().rules_are_healthy();
}
