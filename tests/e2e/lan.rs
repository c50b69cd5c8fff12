//! A LAN on which each protocol and each kind of mDNS message is spoken, over IPv4 and IPv6, by
//! frames made by hand; and what an exporter must count of it, worked out from what each frame was
//! made as, without a decoder.

use super::exposition::Body;
use multicast_exporter::craft::address::{Dhcp, neighbour_solicitation, solicited_node};
use multicast_exporter::craft::mdns::{Query, Responder, Service};
use multicast_exporter::craft::membership::{Change, igmp2_report, igmp3_report, mld2_report};
use multicast_exporter::craft::{Ethernet, Host, Tag, Udp, discovery, host, mdns, tagged};
use multicast_exporter::decode::Protocol;
use multicast_exporter::decode::mdns::{Kind, Section};
use simple_dns::{Packet, TYPE};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Name and labels of a sample, with its value.
pub type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// The families that [`Ledger`] reckons, whole.
const RECKONED: [&str; 6] = [
    "multicast_interface_packets_total",
    "multicast_interface_bytes_total",
    "multicast_device_packets_total",
    "multicast_device_bytes_total",
    "mdns_device_messages_total",
    "mdns_device_records_total",
];

/// One frame, and what it was made as.
#[derive(Clone)]
pub struct Shot {
    /// Who sends it.
    pub host: Host,
    /// As what.
    pub protocol: Protocol,
    /// By IPv6, not IPv4.
    pub v6: bool,
    /// If it is mDNS: its kind, and its records as another parser counts them.
    pub message: Option<(Kind, [u64; 4])>,
    /// The frame without tags.
    pub frame: Vec<u8>,
}

fn plain(host: Host, protocol: Protocol, frame: Vec<u8>) -> Shot {
    // The EtherType tells.
    let v6 = frame[12..14] == [0x86, 0xdd];
    Shot { host, protocol, v6, message: None, frame }
}

fn spoken(
    host: Host,
    kind: Kind,
    message: Vec<u8>,
    send: impl Fn(Host, Vec<u8>) -> Vec<u8>,
) -> Shot {
    let records = Packet::parse(&message).map_or([0; 4], |packet| {
        let lengths = [
            packet.questions.len(),
            packet.answers.len(),
            packet.name_servers.len(),
            packet.additional_records.len(),
        ];
        lengths.map(|length| length as u64)
    });
    let shot = plain(host, Protocol::Mdns, send(host, message));
    Shot { message: Some((kind, records)), ..shot }
}

/// A frame that makes a segment begin, so that the two seconds are over in which silence is not
/// relied on.
pub fn opening() -> Shot {
    let host = Host::numbered(99);
    plain(host, Protocol::Arp, host.arp_announcement())
}

/// Every protocol and every kind, in an order in which the kinds are what they are.
pub fn everything() -> Vec<Shot> {
    let mut shots = mdns_shots();
    shots.extend(discovery_shots());
    shots.extend(other_shots());
    shots
}

fn mdns_shots() -> Vec<Shot> {
    let v4 = |host: Host, message: Vec<u8>| host.mdns4(message);
    let v6 = |host: Host, message: Vec<u8>| host.mdns6(message);
    let [printer, phone, speaker, nas, tool] = [1, 2, 3, 4, 5].map(Host::numbered);
    let canon = Responder::new("canon", printer)
        .service(Service::new("Canon MF620C", "_ipp._tcp", 631).txt("ty=Canon MF620C"));
    let sonos =
        Responder::new("sonos", speaker).service(Service::new("Kitchen", "_raop._tcp", 5000));
    let disks = Responder::new("disks", nas).service(Service::new("Disks", "_smb._tcp", 445));
    let legacy = |host: Host, message: Vec<u8>| {
        host.udp4(host::MDNS_V4, 255, &Udp::new(40_000, 5353, message))
    };
    let unicast = |host: Host, message: Vec<u8>| host.mdns_unicast4(phone, message);
    let browse = Query::browse("_ipp._tcp").bytes();
    let mut shots = vec![
        spoken(speaker, Kind::Probe, sonos.probe(), v4),
        spoken(speaker, Kind::Probe, sonos.probe(), v6),
        // Unasked: there must be no question for what is announced in the last two seconds.
        spoken(speaker, Kind::Announcement, sonos.announcement(), v4),
        spoken(speaker, Kind::Announcement, sonos.announcement(), v6),
        spoken(phone, Kind::Query, browse.clone(), v4),
        spoken(phone, Kind::Query, browse, v6),
        spoken(printer, Kind::Response, canon.response("_ipp._tcp"), v4),
        spoken(printer, Kind::Response, canon.response("_ipp._tcp"), v6),
        spoken(nas, Kind::Goodbye, disks.goodbye(), v4),
        spoken(nas, Kind::Goodbye, disks.goodbye(), v6),
        spoken(tool, Kind::LegacyQuery, Query::new("x.local", TYPE::A).id(7).bytes(), legacy),
        spoken(tool, Kind::Malformed, mdns::header(0, 0x8400, [0, 1, 0, 0]), v4),
        spoken(tool, Kind::Malformed, mdns::claims_everything(), v6),
        spoken(printer, Kind::Response, canon.response("_ipp._tcp"), unicast),
    ];
    shots.last_mut().expect("not empty").protocol = Protocol::MdnsUnicast;
    shots
}

fn discovery_shots() -> Vec<Shot> {
    let [television, pc] = [6, 7].map(Host::numbered);
    let alive = || discovery::ssdp_alive("upnp:rootdevice", "uuid:1", "http://10.53.0.6/", "x/1");
    vec![
        plain(television, Protocol::Ssdp, television.ssdp4(alive())),
        plain(television, Protocol::Ssdp, television.ssdp6(alive())),
        plain(pc, Protocol::Ssdp, pc.ssdp4(discovery::ssdp_search("ssdp:all"))),
        plain(pc, Protocol::Llmnr, pc.llmnr4(discovery::llmnr_query("server"))),
        plain(pc, Protocol::Llmnr, pc.llmnr6(discovery::llmnr_query("server"))),
        plain(pc, Protocol::Wsd, pc.wsd4(discovery::wsd_probe())),
        plain(pc, Protocol::Wsd, pc.wsd6(discovery::wsd_hello("urn:uuid:2"))),
        plain(pc, Protocol::Netbios, pc.nbns(discovery::nbns_query("server"))),
        plain(pc, Protocol::Netbios, pc.nbdgm(discovery::nbdgm("pc", pc.v4, b"\\MAILSLOT"))),
    ]
}

fn other_shots() -> Vec<Shot> {
    let [pc, router, camera] = [7, 8, 9].map(Host::numbered);
    let reports_v6 = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
    let joins = igmp3_report(&[(host::SSDP_V4, Change::ToExclude, &[])]);
    let stream = Udp::new(5004, 5004, vec![0x47; 1316]);
    let wake = Udp::new(9, 9, vec![0xff; 102]);
    let discover = Dhcp::client(1, pc.mac).host_name("pc").bytes();
    let solicit = neighbour_solicitation(router.v6, pc.mac);
    let mld = mld2_report(&[(host::MDNS_V6, Change::ToExclude, &[])]);
    let ospf = Ipv4Addr::new(239, 1, 2, 3);
    let spanning_tree = multicast_exporter::mac::Mac([1, 0x80, 0xc2, 0, 0, 0]);
    let bridge = Ethernet::from(router.mac).to(spanning_tree).llc(0x42, 0x42, 3, &[0; 35]);
    vec![
        plain(pc, Protocol::Igmp, pc.igmp(host::MDNS_V4, igmp2_report(host::MDNS_V4))),
        plain(camera, Protocol::Igmp, camera.igmp(Ipv4Addr::new(224, 0, 0, 22), joins)),
        plain(pc, Protocol::Mld, pc.mld(reports_v6, mld)),
        plain(pc, Protocol::Nd, pc.nd(solicited_node(router.v6), solicit)),
        plain(pc, Protocol::Arp, pc.arp_request(router.v4)),
        plain(pc, Protocol::Dhcp, pc.dhcp_client(discover)),
        plain(camera, Protocol::OtherMulticast, camera.udp4(ospf, 8, &stream)),
        plain(router, Protocol::OtherMulticast, bridge),
        plain(router, Protocol::OtherBroadcast, router.udp4(Ipv4Addr::BROADCAST, 64, &wake)),
    ]
}

/// The tags of a frame, outermost first.
pub type Tags = &'static [(u16, u16)];

/// The frame with these tags.
pub fn with_tags(frame: &[u8], tags: Tags) -> Vec<u8> {
    let add = |frame: Vec<u8>, &(tpid, tci): &(u16, u16)| tagged(&frame, Tag { tpid, tci });
    tags.iter().rev().fold(frame.to_vec(), add)
}

/// What an exporter must say.
#[derive(Default)]
pub struct Ledger {
    samples: Samples,
}

impl Ledger {
    /// A segment on which these protocols are said from 0 on.
    pub fn segment(&mut self, interface: &str, protocols: &[Protocol]) {
        for protocol in protocols {
            let labels = [("interface", interface), ("protocol", protocol.label())];
            self.add("multicast_interface_packets_total", &labels, 0);
            self.add("multicast_interface_bytes_total", &labels, 0);
        }
    }

    /// A frame of `bytes` counted on `interface` for `device`.
    pub fn count(&mut self, interface: &str, device: &str, shot: &Shot, bytes: usize) {
        let protocol = ("protocol", shot.protocol.label());
        let of_interface = [("interface", interface), protocol];
        self.add("multicast_interface_packets_total", &of_interface, 1);
        self.add("multicast_interface_bytes_total", &of_interface, bytes as u64);
        let of_device = [("interface", interface), ("device", device), protocol];
        self.add("multicast_device_packets_total", &of_device, 1);
        self.add("multicast_device_bytes_total", &of_device, bytes as u64);
        let Some((kind, records)) = shot.message else { return };
        let of_device = |label, value| [of_device[0], of_device[1], (label, value)];
        for each in Kind::ALL {
            let one = u64::from(each == kind);
            self.add("mdns_device_messages_total", &of_device("kind", each.label()), one);
        }
        for (section, count) in Section::ALL.into_iter().zip(records) {
            let labels = of_device("section", section.label());
            self.add("mdns_device_records_total", &labels, count);
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "small counts")]
    fn add(&mut self, name: &str, labels: &[(&str, &str)], more: u64) {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        *self.samples.entry((name.to_owned(), labels)).or_default() += more as f64;
    }

    /// Whether as many frames were counted as there should be.
    pub fn is_reached(&self, body: &Body) -> bool {
        let sum = |samples: &Samples| {
            let of = samples.iter().filter(|((name, _), _)| name == RECKONED[0]);
            of.map(|(_, value)| value).sum::<f64>()
        };
        sum(&body.samples) >= sum(&self.samples)
    }

    /// Panics at each sample that is not as it should be, or should not be.
    pub fn compare(&self, body: &Body) {
        let reckoned = |((name, _), _): &(&(String, _), &f64)| RECKONED.contains(&name.as_str());
        let mut wrong = Vec::new();
        for (sample, is) in body.samples.iter().filter(reckoned) {
            match self.samples.get(sample) {
                Some(should) if (should - is).abs() < 0.5 => {}
                other => wrong.push(format!("{sample:?} is {is}, should be {other:?}")),
            }
        }
        let missing = self.samples.keys().filter(|sample| !body.samples.contains_key(*sample));
        wrong.extend(missing.map(|sample| format!("{sample:?} is missing")));
        assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
        assert!(!self.samples.is_empty());
    }
}
