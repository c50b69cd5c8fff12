//! Which interfaces are captured, on recorded and invented ones.

use super::*;
use crate::interfaces::message::{Address, Flags, Message};
use crate::interfaces::recorded::{link, recording, table};

fn policy(include: &[&str], exclude: &[&str]) -> Policy {
    let owned = |patterns: &[&str]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>();
    Policy::new(&owned(include), &owned(exclude)).unwrap()
}

fn default() -> Policy {
    policy(&[], &[])
}

/// What is decided about `name`: `captured` or the reason's label.
fn decided(policy: &Policy, table: &Table, name: &str) -> &'static str {
    let chosen = policy.choose(table).into_iter().find(|chosen| chosen.name == name).unwrap();
    match chosen.choice {
        Choice::Captured => "captured",
        Choice::Skipped(reason) => reason.label(),
    }
}

fn down(link: Link) -> Link {
    Link { flags: Flags(link.flags.0 & !libc::IFF_UP.cast_unsigned()), ..link }
}

fn with_address(mut table: Table, index: u32, ip: &str) -> Table {
    let ip = ip.parse().unwrap();
    table.handle_message(Message::Address(Address { index, ip, prefix: 24, scope: 0 }));
    table
}

#[test]
fn a_network_card_that_is_up() {
    let up = table([link(recording!("physical"))]);
    assert_eq!(decided(&default(), &up, "eth0"), "captured");
    let down = table([down(link(recording!("physical")))]);
    assert_eq!(decided(&default(), &down, "eth0"), "down");
    assert_eq!(decided(&policy(&["eth0"], &[]), &down, "eth0"), "down");
}

#[test]
fn loopback() {
    let table = table([link(recording!("lo"))]);
    assert_eq!(decided(&default(), &table, "lo"), "loopback");
    assert_eq!(decided(&policy(&["lo"], &[]), &table, "lo"), "captured");
}

#[test]
fn ports_but_not_members_of_a_vrf() {
    let table = table(
        [
            recording!("bridge"),
            recording!("bridge_port"),
            recording!("bond"),
            recording!("bond_port"),
            recording!("team"),
            recording!("team_port"),
            recording!("vrf"),
            recording!("vrf_member"),
            recording!("ovs_port"),
        ]
        .map(link),
    );
    for port in ["veth0", "eth1", "eth2", "eth4"] {
        assert_eq!(decided(&default(), &table, port), "port", "{port}");
        assert_eq!(decided(&policy(&[port], &[]), &table, port), "captured", "{port}");
    }
    for device in ["br0", "bond0", "team0", "eth3"] {
        assert_eq!(decided(&default(), &table, device), "captured", "{device}");
    }
    assert_eq!(decided(&default(), &table, "vrf-blue"), "no_multicast");
}

#[test]
fn what_cannot_carry_multicast() {
    let eth0 = link(recording!("physical"));
    let flags = Flags(eth0.flags.0 & !libc::IFF_MULTICAST.cast_unsigned());
    let table = table([Link { flags, ..eth0 }]);
    assert_eq!(decided(&default(), &table, "eth0"), "no_multicast");
    assert_eq!(decided(&policy(&["eth.*"], &[]), &table, "eth0"), "captured");
}

#[test]
fn children_of_what_is_captured() {
    let stack = |parent: Link| {
        let macvlan = Link { lower: Some(2), ..link(recording!("macvlan")) };
        table([parent, macvlan, link(recording!("ipvlan"))])
    };
    let over_card = stack(link(recording!("physical")));
    for child in ["macvlan0", "ipvl0"] {
        assert_eq!(decided(&default(), &over_card, child), "child");
        assert_eq!(decided(&policy(&[], &["eth0"]), &over_card, child), "captured");
        assert_eq!(decided(&policy(&[child], &[]), &over_card, child), "captured");
        let over_down = stack(down(link(recording!("physical"))));
        assert_eq!(decided(&default(), &over_down, child), "captured");
    }
    let alone = table([Link { lower: None, ..link(recording!("ipvlan")) }]);
    assert_eq!(decided(&default(), &alone, "ipvl0"), "captured", "its parent is elsewhere");
}

#[test]
fn children_that_stand_on_themselves_come_to_an_end() {
    let one = Link { index: 2, lower: Some(3), ..link(recording!("macvlan")) };
    let two = Link { index: 3, lower: Some(2), name: "macvlan1".into(), ..one.clone() };
    assert_eq!(default().choose(&table([one, two])).len(), 2);
}

#[test]
fn veths_by_their_addresses() {
    let bare = table([link(recording!("veth"))]);
    assert_eq!(decided(&default(), &bare, "veth1"), "veth", "no address at all");
    let link_local = with_address(bare, 2, "fe80::1");
    assert_eq!(decided(&default(), &link_local, "veth1"), "veth");
    let link_local = with_address(link_local, 2, "169.254.1.1");
    assert_eq!(decided(&default(), &link_local, "veth1"), "veth");
    assert_eq!(decided(&policy(&["veth1"], &[]), &link_local, "veth1"), "captured");
    let container = with_address(link_local, 2, "172.17.0.2");
    assert_eq!(decided(&default(), &container, "veth1"), "captured");
}

#[test]
fn exclude_wins_and_include_is_all_that_is_captured() {
    let table = table([link(recording!("physical")), link(recording!("vlan"))]);
    let both = policy(&["eth0.*"], &["eth0"]);
    assert_eq!(decided(&both, &table, "eth0"), "excluded");
    assert_eq!(decided(&both, &table, "eth0.30"), "captured");
    let one = policy(&["eth0"], &[]);
    assert_eq!(decided(&one, &table, "eth0.30"), "not_included");
    assert_eq!(decided(&policy(&[], &[".*"]), &table, "eth0"), "excluded");
}

#[test]
fn down_is_said_only_of_what_would_be_captured() {
    let port = table([down(link(recording!("bridge_port"))), link(recording!("bridge"))]);
    assert_eq!(decided(&default(), &port, "veth0"), "port");
    assert_eq!(decided(&policy(&["x"], &[]), &port, "veth0"), "not_included");
}

#[test]
fn patterns_that_match_no_link() {
    let table = table([link(recording!("physical"))]);
    let policy = policy(&["eth0", "wlan0"], &["nothing"]);
    assert_eq!(policy.unmatched(&table), ["wlan0"]);
}

#[test]
fn a_bad_pattern_names_its_flag() {
    let error = Policy::new(&[], &["(".into()]).unwrap_err().to_string();
    assert!(error.starts_with("--capture.interface-exclude: \"(\""), "{error}");
}

#[test]
fn reasons_are_sentences() {
    let table = table([
        link(recording!("bond_port")),
        link(recording!("bridge_port")),
        link(recording!("bridge")),
        link(recording!("ovs_port")),
    ]);
    let mut sentences = Vec::new();
    for chosen in default().choose(&table) {
        if let Choice::Skipped(reason) = chosen.choice {
            sentences.push(format!("{} {reason}", chosen.name));
        }
    }
    assert_eq!(
        sentences,
        [
            "veth0 is a port of the bridge br0, where its frames are counted",
            "eth1 is a port of the bond with index 40, where its frames are counted",
            "eth4 is a port of the openvswitch with index 80, where its frames are counted",
        ]
    );
    let child = Reason::Child { of: "eth0".into() };
    assert_eq!(child.to_string(), "shares eth0, where its frames are counted");
}

#[test]
fn surroundings_of_a_card_with_vlans() {
    let table = table(
        [recording!("physical"), recording!("vlan"), recording!("vlan_ad"), recording!("vlan_far")]
            .map(link),
    );
    let vlan = |id, protocol| Vlan { id, protocol };
    assert_eq!(
        default().surroundings(&table, 2),
        Surroundings {
            devices: vec![vlan(30, 0x8100), vlan(200, 0x88a8)],
            master_captured: false,
            own: vec![],
        }
    );
    assert_eq!(default().surroundings(&table, 30).own, [30]);
    assert_eq!(default().surroundings(&table, 30).devices, []);
}

#[test]
fn surroundings_of_a_port() {
    // bond0 with VLAN device bond0.30 over it, eth1 below.
    let over_bond = Link { lower: Some(40), ..link(recording!("vlan")) };
    let table = table([link(recording!("bond")), link(recording!("bond_port")), over_bond]);
    let around = policy(&["eth1", "bond0"], &[]).surroundings(&table, 41);
    assert!(around.master_captured);
    let around = policy(&["eth1"], &[]).surroundings(&table, 41);
    assert!(!around.master_captured, "bond0 is not captured: nobody else counts eth1's tags");
    assert_eq!(around.devices, [Vlan { id: 30, protocol: 0x8100 }], "but for VLAN 30");
}

#[test]
fn a_vlan_over_a_vlan_has_both_ids() {
    let inner = Link {
        index: 33,
        name: "eth0.30.7".into(),
        lower: Some(30),
        kind: Kind::Vlan(Vlan { id: 7, protocol: 0x8100 }),
        ..link(recording!("vlan"))
    };
    let table = table([link(recording!("physical")), link(recording!("vlan")), inner]);
    assert_eq!(default().surroundings(&table, 33).own, [30, 7]);
}
