//! The condition `name_conflict` from the bytes of frames: who offers a service under the name of
//! another, whether or not it sets the cache-flush bit, and who only seems to.

use crate::engine_wire::Segment;
use multicast_exporter::craft::mdns::{response, srv, txt};
use multicast_exporter::craft::{Host, Query};
use multicast_exporter::detect::{Condition, Role};
use simple_dns::ResourceRecord;

const ONE: Host = Host::numbered(7);
const OTHER: Host = Host::numbered(8);
const BROWSER: Host = Host::numbered(9);

/// The roles of a host in its conflicts: one or none.
fn conflict(segment: &Segment, host: Host) -> Vec<Option<Role>> {
    let conditions = segment.device(host).map(|device| device.conditions).unwrap_or_default();
    let found = conditions.into_iter().filter(|c| c.condition == Condition::NameConflict);
    found.map(|held| held.latest.role).collect()
}

/// A browser asks ten times, 5 s apart; both hosts answer with what they say of the name, without
/// the cache-flush bit. Whether both, and in no role, are in conflict.
fn fight(says: impl Fn(&'static str) -> Vec<ResourceRecord<'static>>) -> bool {
    let mut segment = Segment::new();
    for _ in 0..10 {
        segment.pass(5_000).hear(&BROWSER.mdns4(Query::browse("_ipp._tcp")));
        for (host, id) in [(ONE, "one"), (OTHER, "other")] {
            let shared = says(id).into_iter().map(|record| record.with_cache_flush(false));
            segment.pass(20).hear(&host.mdns4(response(shared)));
        }
    }
    let found = [conflict(&segment, ONE), conflict(&segment, OTHER)];
    let both = [vec![None], vec![None]];
    assert!(found == [vec![], vec![]] || found == both, "{found:?}");
    found == both
}

#[test]
fn one_service_of_two_hosts_that_never_set_the_bit() {
    const NAME: &str = "wanted._ipp._tcp.local";
    let text = |owner: &str, id: &str| txt(owner, &[format!("id={id}")]);
    let host = |owner: &str, id: &str| srv(owner, &format!("{id}.local"), 631);
    assert!(fight(|id| vec![host(NAME, id), text(NAME, id)]));
    assert!(fight(|id| vec![host(NAME, id), text(NAME, "")]));
    assert!(fight(|id| vec![host(NAME, "one"), text(NAME, id)]));
    // One host on two links.
    assert!(!fight(|_| vec![host(NAME, "one"), text(NAME, "one")]));
    // Two services.
    assert!(!fight(|id| vec![host(&format!("{id}._ipp._tcp.local"), id)]));
    // What may be shared.
    assert!(!fight(|id| vec![text("mac._device-info._tcp.local", id)]));
    assert!(!fight(|id| vec![text("_kerberos.mac.local", id)]));
}
