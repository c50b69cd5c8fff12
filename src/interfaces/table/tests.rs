//! What a table of interfaces makes of messages in any order.

use super::*;
use crate::interfaces::message::{Flags, Master};
use crate::interfaces::recorded::{link as recorded_link, recording, table};
use proptest::prelude::*;
use std::net::IpAddr;

const UP: u32 = (libc::IFF_UP | libc::IFF_RUNNING | libc::IFF_MULTICAST).cast_unsigned();
const DOWN: u32 = libc::IFF_MULTICAST.cast_unsigned();

fn link(index: u32, name: &str) -> Link {
    Link { index, name: name.into(), flags: Flags(UP), ..recorded_link(recording!("physical")) }
}

fn message(link: &Link) -> Message {
    Message::Link(Box::new(link.clone()))
}

fn address(index: u32, ip: &str) -> Address {
    Address { index, ip: ip.parse().unwrap(), prefix: 24, scope: 0 }
}

/// Changes in short: name, then what.
fn short(changes: Vec<Change>) -> Vec<(String, What)> {
    changes.into_iter().map(|change| (change.name, change.what)).collect()
}

fn one(name: &str, what: What) -> Vec<(String, What)> {
    vec![(name.into(), what)]
}

#[test]
fn appear_and_vanish() {
    let mut table = Table::new();
    let eth0 = link(2, "eth0");
    let appeared = short(table.handle_message(message(&eth0)));
    assert_eq!(appeared, [("eth0".into(), What::Appeared), ("eth0".into(), What::Up)]);
    assert_eq!(short(table.handle_message(message(&eth0))), [], "the same again is no change");
    let gone = table.handle_message(Message::LinkGone(2));
    assert_eq!(gone, [Change { index: 2, name: "eth0".into(), what: What::Vanished }]);
    assert_eq!(table.handle_message(Message::LinkGone(2)), []);
    assert_eq!(table.links().count(), 0);
}

#[test]
fn down_up_and_cable() {
    let eth0 = link(2, "eth0");
    let mut table = table([eth0.clone()]);
    let mut with =
        |flags| short(table.handle_message(message(&Link { flags: Flags(flags), ..eth0.clone() })));
    assert_eq!(with(DOWN), one("eth0", What::Down));
    assert_eq!(with(UP), one("eth0", What::Up));
    let unplugged = UP & !libc::IFF_RUNNING.cast_unsigned();
    assert_eq!(with(unplugged), one("eth0", What::Carrier(false)));
    assert_eq!(with(UP), one("eth0", What::Carrier(true)));
    let deaf = UP & !libc::IFF_MULTICAST.cast_unsigned();
    assert_eq!(with(deaf), one("eth0", What::Attributes));
}

#[test]
fn rename_master_mac_and_addresses() {
    let eth0 = link(2, "eth0");
    let mut table = table([eth0.clone(), link(6, "br0")]);
    let lan = Link { name: "lan".into(), ..eth0 };
    let changes = short(table.handle_message(message(&lan)));
    assert_eq!(changes, one("lan", What::Renamed { from: "eth0".into() }));

    let master = Some(Master { index: 6, kind: MasterKind::Bridge });
    let changes = short(table.handle_message(message(&Link { master, ..lan.clone() })));
    assert_eq!(changes, one("lan", What::Master { from: None, to: Some(6) }));
    let changes = short(table.handle_message(message(&lan)));
    assert_eq!(changes, one("lan", What::Master { from: Some(6), to: None }));

    let (from, to) = (lan.mac, Some(Mac([2, 0, 0, 0, 0, 9])));
    let changes = short(table.handle_message(message(&Link { mac: to, ..lan })));
    assert_eq!(changes, one("lan", What::Mac { from, to }));

    let new = address(2, "192.0.2.1");
    assert_eq!(short(table.handle_message(Message::Address(new))), one("lan", What::Addresses));
    assert_eq!(table.handle_message(Message::Address(new)), [], "a lease renewed is no change");
    assert_eq!(short(table.handle_message(Message::AddressGone(new))), one("lan", What::Addresses));
    assert_eq!(table.handle_message(Message::Address(address(99, "192.0.2.1"))), []);
}

#[test]
fn another_device_under_the_same_index() {
    let mut table = table([link(2, "eth0")]);
    table.handle_message(Message::Address(address(2, "192.0.2.1")));
    let monitor = Link { hardware: 803, ..link(2, "eth0") };
    let changes = short(table.handle_message(message(&monitor)));
    let whats: Vec<_> = changes.into_iter().map(|(_, what)| what).collect();
    assert_eq!(whats, [What::Vanished, What::Appeared, What::Up]);
    assert_eq!(table.addresses(2).count(), 0);
}

#[test]
fn a_dump_reports_only_what_differs_and_what_vanished_first() {
    let mut table = table([link(2, "eth0"), link(3, "eth1"), link(4, "eth2"), link(5, "eth3")]);
    table.handle_message(Message::Address(address(5, "192.0.2.1")));
    table.begin_dump();
    // eth0 was made anew, eth1 went down, eth2 is as it was, eth3 lost its address.
    for link in [
        link(9, "eth0"),
        Link { flags: Flags(DOWN), ..link(3, "eth1") },
        link(4, "eth2"),
        link(5, "eth3"),
    ] {
        assert_eq!(table.handle_message(message(&link)), [], "not before the dump ends");
    }
    let changes = table.end_dump();
    let change = |index, name: &str, what| Change { index, name: name.into(), what };
    assert_eq!(
        changes,
        [
            change(2, "eth0", What::Vanished),
            change(3, "eth1", What::Down),
            change(5, "eth3", What::Addresses),
            change(9, "eth0", What::Appeared),
            change(9, "eth0", What::Up),
        ]
    );
    assert_eq!(table.end_dump(), [], "no dump was begun");
}

#[test]
fn a_dump_that_was_given_up_changes_nothing() {
    let mut table = table([link(2, "eth0")]);
    table.begin_dump();
    table.handle_message(message(&link(3, "eth1")));
    table.abandon_dump();
    assert_eq!(table.end_dump(), []);
    assert_eq!(table.links().map(|link| link.index).collect::<Vec<_>>(), [2]);
}

#[test]
fn names_that_were_swapped_while_nobody_looked_are_never_held_twice() {
    let mut table = table([link(2, "eth0"), link(3, "eth1")]);
    table.begin_dump();
    table.handle_message(message(&link(2, "eth1")));
    table.handle_message(message(&link(3, "eth0")));
    let whats: Vec<_> = table.end_dump().into_iter().map(|c| (c.index, c.what)).collect();
    assert_eq!(
        whats,
        [
            (2, What::Vanished),
            (3, What::Vanished),
            (2, What::Appeared),
            (2, What::Up),
            (3, What::Appeared),
            (3, What::Up),
        ]
    );
}

#[test]
fn the_macs_of_this_host_are_those_of_all_links() {
    let mac = |last| Some(Mac([2, 0, 0, 0, 0, last]));
    let table = table([
        Link { mac: mac(7), flags: Flags(DOWN), ..link(2, "eth0") },
        Link { mac: mac(1), ..link(3, "eth1") },
        Link { mac: mac(7), ..link(4, "br0") },
        Link { mac: None, ..link(5, "tun0") },
    ]);
    assert_eq!(table.local_macs(), [mac(1).unwrap(), mac(7).unwrap()]);
}

#[test]
fn masters_one_above_the_other_without_vrfs() {
    let under = |index, name, above, kind| Link {
        master: Some(Master { index: above, kind }),
        ..link(index, name)
    };
    let table = table([
        under(2, "eth0", 3, MasterKind::Bond),
        under(3, "bond0", 4, MasterKind::Bridge),
        under(4, "br0", 5, MasterKind::Vrf),
        link(5, "vrf0"),
        // A circle cannot be made; a reader must end nevertheless.
        under(8, "a", 9, MasterKind::Bridge),
        under(9, "b", 8, MasterKind::Bridge),
    ]);
    let names: Vec<_> = table.with_masters(2).map(|link| link.name.as_str()).collect();
    assert_eq!(names, ["eth0", "bond0", "br0"]);
    assert_eq!(table.with_masters(8).count(), MAX_DEPTH + 1);
}

#[test]
fn vlan_devices_that_are_up() {
    let vlans = |texts: &[&str]| {
        let table = table(texts.iter().map(|text| recorded_link(text)));
        table.vlans_over(2).map(|vlan| (vlan.id, vlan.protocol)).collect::<Vec<_>>()
    };
    let all = [recording!("vlan"), recording!("vlan_ad"), recording!("vlan_far")];
    assert_eq!(vlans(&all), [(30, 0x8100), (200, 0x88a8)], "40 is over another namespace's link");
    assert_eq!(vlans(&[recording!("vlan_down")]), []);
}

fn any_message() -> impl Strategy<Value = Message> {
    let index = 1_u32..5;
    let name = prop::sample::select(vec!["eth0", "eth1", "eth2"]);
    prop_oneof![
        4 => (index.clone(), name, any::<bool>(), 1_u16..3).prop_map(|(index, name, up, hardware)| {
            let flags = Flags(if up { UP } else { DOWN });
            message(&Link { flags, hardware, ..link(index, name) })
        }),
        2 => index.clone().prop_map(Message::LinkGone),
        1 => (index.clone(), 0_u8..3).prop_map(|(index, last)| {
            Message::Address(Address { index, ip: IpAddr::from([192, 0, 2, last]), prefix: 24, scope: 0 })
        }),
        1 => (index, 0_u8..3).prop_map(|(index, last)| {
            Message::AddressGone(Address { index, ip: IpAddr::from([192, 0, 2, last]), prefix: 24, scope: 0 })
        }),
    ]
}

/// What a reader of the changes alone knows: which links are there, by name, and up.
#[derive(Debug, Default, PartialEq)]
struct Follower(BTreeMap<u32, (String, bool)>);

impl Follower {
    fn follow(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change.what {
                What::Appeared => {
                    let before = self.0.insert(change.index, (change.name, false));
                    assert_eq!(before, None);
                }
                What::Vanished => {
                    let (name, _) = self.0.remove(&change.index).unwrap();
                    assert_eq!(name, change.name);
                }
                What::Up => self.0.get_mut(&change.index).unwrap().1 = true,
                What::Down => self.0.get_mut(&change.index).unwrap().1 = false,
                What::Renamed { from } => {
                    let held = &mut self.0.get_mut(&change.index).unwrap().0;
                    assert_eq!(*held, from);
                    *held = change.name;
                }
                What::Carrier(_)
                | What::Master { .. }
                | What::Mac { .. }
                | What::Addresses
                | What::Attributes => assert!(self.0.contains_key(&change.index)),
            }
        }
    }

    fn of(table: &Table) -> Self {
        let state = |link: &Link| (link.index, (link.name.clone(), link.flags.up()));
        Self(table.links().map(state).collect())
    }
}

proptest! {
    /// A reader of the changes knows the table, whether messages came singly or in a dump.
    #[test]
    fn changes_tell_all(
        steps in prop::collection::vec((prop::collection::vec(any_message(), 0..8), any::<bool>()), 0..12),
    ) {
        let mut table = Table::new();
        let mut follower = Follower::default();
        for (messages, dump) in steps {
            if dump {
                table.begin_dump();
            }
            for message in messages {
                follower.follow(table.handle_message(message));
            }
            if dump {
                follower.follow(table.end_dump());
            }
            prop_assert_eq!(&follower, &Follower::of(&table));
        }
    }

    /// A dump of what is there already reports nothing. No two links have the same name.
    #[test]
    fn the_same_dump_twice_is_no_change(messages in prop::collection::vec(any_message(), 0..20)) {
        let named = |message| match message {
            Message::Link(link) => self::message(&Link { name: format!("eth{}", link.index), ..*link }),
            other => other,
        };
        let messages: Vec<_> = messages.into_iter().map(named).collect();
        let mut table = Table::new();
        for round in 0..2 {
            table.begin_dump();
            for message in &messages {
                table.handle_message(message.clone());
            }
            let changes = table.end_dump();
            prop_assert!(round == 0 || changes.is_empty(), "{:?}", changes);
        }
    }
}

#[test]
fn a_link_s_subnets_are_its_addresses_with_their_prefixes() {
    let mut table = Table::new();
    for index in [2, 3] {
        table.handle_message(Message::Link(Box::new(link(index, "eth0"))));
    }
    let address = Address { prefix: 20, ..address(2, "192.0.2.7") };
    table.handle_message(Message::Address(address));
    assert_eq!(table.subnets(2), [("192.0.2.7".parse().unwrap(), 20)]);
    assert_eq!((table.subnets(3), table.subnets(4)), (vec![], vec![]));
}
