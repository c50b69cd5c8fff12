//! Reading rtnetlink messages, recorded ones and any bytes.

use super::super::recorded::{bytes, decode as decoded, link, recording};
use super::super::wire;
use super::*;
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoPortKind, InfoVlan, LinkAttribute, LinkInfo, LinkMessage,
};
use proptest::prelude::*;

/// Every recording of a link.
const LINKS: &[&str] = &[
    recording!("lo"),
    recording!("veth"),
    recording!("veth_far"),
    recording!("bridge"),
    recording!("bridge_port"),
    recording!("macvlan"),
    recording!("tap"),
    recording!("tun"),
    recording!("physical"),
    recording!("vlan"),
    recording!("vlan_down"),
    recording!("vlan_ad"),
    recording!("vlan_far"),
    recording!("bond"),
    recording!("bond_port"),
    recording!("team"),
    recording!("team_port"),
    recording!("vrf"),
    recording!("vrf_member"),
    recording!("ipvlan"),
    recording!("ovs_port"),
];

fn master(index: u32, kind: MasterKind) -> Master {
    Master { index, kind }
}

#[test]
fn loopback() {
    let lo = link(recording!("lo"));
    assert_eq!((lo.index, lo.name.as_str(), lo.hardware, lo.mtu), (1, "lo", 772, 65536));
    assert!(lo.flags.up() && lo.flags.running() && lo.flags.loopback() && !lo.flags.multicast());
    assert_eq!((lo.mac, lo.kind, lo.lower, lo.master), (None, Kind::Physical, None, None));
}

#[test]
fn the_peer_of_a_veth_is_not_underneath() {
    let here = link(recording!("veth"));
    assert_eq!((here.kind, here.lower, here.hardware, here.mtu), (Kind::Veth, None, 1, 1500));
    assert!(here.flags.multicast());
    let far = link(recording!("veth_far"));
    assert_eq!((far.kind, far.lower), (Kind::Veth, None));
    assert!(far.flags.up() && !far.flags.running(), "its peer is down");
}

#[test]
fn bridge_and_its_port() {
    let bridge = link(recording!("bridge"));
    assert_eq!((bridge.kind, bridge.master, bridge.index), (Kind::Bridge, None, 6));
    let port = link(recording!("bridge_port"));
    assert_eq!((port.kind, port.master), (Kind::Veth, Some(master(6, MasterKind::Bridge))));
}

#[test]
fn macvlan_tap_and_tun() {
    let macvlan = link(recording!("macvlan"));
    assert_eq!((macvlan.kind, macvlan.lower), (Kind::Macvlan, Some(5)));
    assert_eq!(macvlan.mac, Some(Mac([0x52, 0xf9, 0xcc, 0xd6, 0x44, 0x9e])));
    let tap = link(recording!("tap"));
    assert_eq!((tap.kind, tap.hardware, tap.flags.up()), (Kind::Tun, 1, false));
    let tun = link(recording!("tun"));
    assert_eq!((tun.kind, tun.hardware, tun.mac), (Kind::Tun, 65534, None));
}

#[test]
fn vlans() {
    let vlan = link(recording!("vlan"));
    assert_eq!((vlan.index, vlan.name.as_str(), vlan.lower), (30, "eth0.30", Some(2)));
    assert_eq!(vlan.kind, Kind::Vlan(Vlan { id: 30, protocol: 0x8100 }));
    assert!(vlan.flags.up() && !link(recording!("vlan_down")).flags.up());
    let service = link(recording!("vlan_ad"));
    assert_eq!(service.kind, Kind::Vlan(Vlan { id: 200, protocol: 0x88a8 }));
    assert_eq!(link(recording!("vlan_far")).lower, None, "its parent is in another namespace");
}

#[test]
fn masters_and_members() {
    for (text, kind) in [
        (recording!("bond"), Kind::Bond),
        (recording!("team"), Kind::Team),
        (recording!("vrf"), Kind::Vrf),
    ] {
        let link = link(text);
        assert_eq!((link.kind, link.master), (kind, None));
    }
    for (text, above) in [
        (recording!("bond_port"), master(40, MasterKind::Bond)),
        (recording!("team_port"), master(50, MasterKind::Team)),
        (recording!("vrf_member"), master(60, MasterKind::Vrf)),
        (recording!("ovs_port"), master(80, MasterKind::Other("openvswitch".into()))),
    ] {
        let link = link(text);
        assert_eq!((link.kind, link.master), (Kind::Physical, Some(above)));
    }
    let ipvlan = link(recording!("ipvlan"));
    assert_eq!((ipvlan.kind, ipvlan.lower), (Kind::Ipvlan, Some(2)));
}

#[test]
fn a_port_that_leaves_its_bridge_is_not_gone() {
    assert_eq!(decoded(recording!("note_bridge_port_removed")), [Message::Other]);
    assert_eq!(decoded(recording!("note_bridge_port_added")), [Message::Other]);
    assert_eq!(decoded(recording!("note_link_gone")), [Message::LinkGone(8)]);
}

#[test]
fn a_wireless_event_describes_no_link() {
    assert_eq!(decoded(recording!("note_wireless")), [Message::Other]);
}

#[test]
fn addresses() {
    let address = |ip: &str, scope| {
        let ip: IpAddr = ip.parse().unwrap();
        Address { index: 2, ip, prefix: if ip.is_ipv4() { 24 } else { 64 }, scope }
    };
    let v4 = address("192.0.2.7", 0);
    assert_eq!(decoded(recording!("address_v4")), [Message::Address(v4)]);
    assert_eq!(decoded(recording!("address_v4_gone")), [Message::AddressGone(v4)]);
    let own = Address { prefix: 32, ..address("192.0.2.9", 0) };
    assert_eq!(decoded(recording!("address_v4_peer")), [Message::Address(own)], "not the peer's");
    let v6 = address("2001:db8::7", 0);
    assert_eq!(decoded(recording!("address_v6")), [Message::Address(v6)]);
    assert!(!v4.is_link_local() && !v6.is_link_local());
    let Message::Address(link) = decoded(recording!("address_v6_link"))[0] else { panic!() };
    assert!(link.is_link_local() && link.scope == 253);
    assert!(address("169.254.3.4", 0).is_link_local());
    assert!(address("fe80::1", 0).is_link_local());
}

#[test]
fn an_attribute_that_nobody_asks_for_may_have_any_value() {
    // A bridge's data, its first attribute made impossible: the link is read nevertheless.
    let mut bytes = bytes(recording!("bridge"));
    let kind = bytes.windows(6).position(|window| window == b"bridge").unwrap();
    bytes[kind + 12] = 0xff;
    let raw = wire::messages(&bytes).next().unwrap().unwrap();
    let Message::Link(link) = decode(raw.kind, raw.payload).unwrap() else { panic!() };
    assert_eq!(link.kind, Kind::Bridge);
}

#[test]
fn what_a_message_cannot_do_without() {
    let raw = |payload: &[u8]| decode(libc::RTM_NEWLINK, payload);
    assert_eq!(raw(&[0; 15]), Err(Malformed::Payload));
    assert_eq!(raw(&[0; 16]), Err(Malformed::Missing(libc::IFLA_IFNAME)));
    assert_eq!(raw(&[0; 20]), Err(Malformed::AttributeLength));
    assert_eq!(decode(libc::RTM_NEWADDR, &[0; 7]), Err(Malformed::Payload));
    let ipv4 = [2, 24, 0, 0, 1, 0, 0, 0];
    assert_eq!(decode(libc::RTM_NEWADDR, &ipv4), Err(Malformed::Missing(libc::IFA_ADDRESS)));
    assert_eq!(decode(libc::RTM_NEWADDR, &[0; 8]), Ok(Message::Other));
}

/// The crate `netlink-packet-route` reads the same recordings in the same way: a check of the
/// recordings written by hand as much as of this decoder.
#[test]
fn another_reader_agrees() {
    for text in LINKS {
        let ours = link(text);
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&bytes(text)).unwrap();
        let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(theirs)) = message.payload
        else {
            panic!("{}: not a link", ours.name)
        };
        agree(&ours, &theirs);
    }
}

fn agree(ours: &Link, theirs: &LinkMessage) {
    assert_eq!(ours.index, theirs.header.index);
    assert_eq!(ours.flags.0, theirs.header.flags.bits(), "{}", ours.name);
    assert_eq!(ours.hardware, u16::from(theirs.header.link_layer_type), "{}", ours.name);
    let (mut lower, mut far, mut above, mut port) = (None, false, None, None);
    let (mut kind, mut vlan) = (Kind::Physical, (None, None));
    for attribute in &theirs.attributes {
        match attribute {
            LinkAttribute::IfName(name) => assert_eq!(&ours.name, name),
            LinkAttribute::Mtu(mtu) => assert_eq!(ours.mtu, *mtu),
            LinkAttribute::Address(mac) => {
                let mac = <[u8; 6]>::try_from(&mac[..]).ok().map(Mac);
                assert_eq!(ours.mac, mac.filter(|mac| mac.0 != [0; 6]), "{}", ours.name);
            }
            LinkAttribute::Link(index) => lower = Some(*index),
            LinkAttribute::LinkNetNsId(_) => far = true,
            LinkAttribute::Controller(index) => above = Some(*index),
            LinkAttribute::LinkInfo(infos) => {
                for info in infos {
                    match info {
                        LinkInfo::Kind(theirs) => kind = their_kind(theirs),
                        LinkInfo::PortKind(theirs) => port = Some(their_master(theirs)),
                        LinkInfo::Data(InfoData::Vlan(data)) => {
                            for item in data {
                                match item {
                                    InfoVlan::Id(id) => vlan.0 = Some(*id),
                                    InfoVlan::Protocol(protocol) => {
                                        vlan.1 = Some(u16::from(*protocol));
                                    }
                                    _ => {}
                                }
                            }
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    if let (Some(id), Some(protocol)) = vlan {
        kind = Kind::Vlan(Vlan { id, protocol });
    }
    assert_eq!(ours.kind, kind, "{}", ours.name);
    assert_eq!(ours.lower, lower.filter(|_| !far && ours.kind != Kind::Veth));
    let above = above.map(|index| Master { index, kind: port.clone().unwrap() });
    assert_eq!(ours.master, above, "{}", ours.name);
}

fn their_kind(kind: &InfoKind) -> Kind {
    match kind {
        InfoKind::Bridge => Kind::Bridge,
        InfoKind::Bond => Kind::Bond,
        InfoKind::Team => Kind::Team,
        InfoKind::Vrf => Kind::Vrf,
        InfoKind::MacVlan => Kind::Macvlan,
        InfoKind::IpVlan => Kind::Ipvlan,
        InfoKind::Veth => Kind::Veth,
        InfoKind::Tun => Kind::Tun,
        other => Kind::Other(other.to_string().into()),
    }
}

fn their_master(kind: &InfoPortKind) -> MasterKind {
    match kind {
        InfoPortKind::Bridge => MasterKind::Bridge,
        InfoPortKind::Bond => MasterKind::Bond,
        InfoPortKind::Team => MasterKind::Team,
        InfoPortKind::Vrf => MasterKind::Vrf,
        InfoPortKind::Other(name) => MasterKind::Other(name.as_str().into()),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        kind in 0_u16..100,
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = decode(kind, &payload);
    }

    /// A recorded link with bytes changed and its end cut off.
    #[test]
    fn no_damage_makes_it_panic(
        which in 0..LINKS.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = bytes(LINKS[which]);
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let end = cut.index(bytes.len() + 1);
        for raw in wire::messages(&bytes[..end]).flatten() {
            let _ = decode(raw.kind, raw.payload);
        }
        // The payload by itself, as if the header had told the cut length.
        let _ = decode(libc::RTM_NEWLINK, bytes.get(16..end).unwrap_or(&[]));
    }
}
