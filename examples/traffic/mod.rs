//! Traffic to measure by: kinds of frames, each as many as are asked for. The same number always
//! makes the same octets. What counts instructions and what floods a wire take it from here, so
//! that their figures are of the same frames.

#![allow(dead_code, reason = "each program takes what it needs")]

use multicast_exporter::craft::address::{Dhcp, neighbour_solicitation};
use multicast_exporter::craft::discovery::{llmnr_query, nbns_query, ssdp_alive, wsd_probe};
use multicast_exporter::craft::mdns::{address, response};
use multicast_exporter::craft::membership::{igmp2_report, mld_report};
use multicast_exporter::craft::{Host, Query, Responder, Service, Udp};
use multicast_exporter::mac::Mac;
use std::net::{Ipv4Addr, Ipv6Addr};

/// One kind of frame.
pub struct Kind {
    /// Its name in figures, and for `bench_flood`.
    pub name: &'static str,
    /// What it is, in words.
    pub about: &'static str,
    /// The frame with this number.
    pub frame: fn(u32) -> Vec<u8>,
}

/// All kinds.
#[rustfmt::skip]
pub const KINDS: &[Kind] = &[
    Kind { name: "one_record", about: "one mDNS record, repeated", frame: one_record },
    Kind { name: "records_13", about: "13 mDNS records, repeated", frame: |_| announcement("printer", 2) },
    Kind { name: "records_13_differ", about: "13 mDNS records, all of them others each time", frame: |n| announcement(&format!("box-{n}"), 2) },
    Kind { name: "two_in_turn", about: "one mDNS record each of two senders in turn", frame: |n| own_address(2 + n % 2) },
    Kind { name: "query", about: "an mDNS question, repeated", frame: |_| PRINTER.mdns4(Query::browse("_http._tcp").bytes()) },
    Kind { name: "arp", about: "an ARP request, repeated", frame: |_| PRINTER.arp_request(Host::numbered(9).v4) },
    Kind { name: "ssdp", about: "an SSDP announcement, repeated", frame: ssdp },
    Kind { name: "stream", about: "a stream, 600 octets a packet", frame: stream },
    Kind { name: "invented", about: "one mDNS record, from another MAC each time", frame: invented },
    Kind { name: "others", about: "IGMP, MLD, ND, DHCP, LLMNR, WS-Discovery, NetBIOS in turn", frame: other },
];

/// The kind of this name.
pub fn named(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Who floods.
pub const PRINTER: Host = Host::numbered(2);

/// The frame of `busy` traffic with this number: of 200 hosts that announce, ask, resolve and
/// stream, and of one printer that repeats itself in every fourth frame.
pub fn busy(n: u32) -> Vec<u8> {
    const HOSTS: u32 = 200;
    let host = Host::numbered(2 + u16::try_from(n / 16 % HOSTS).unwrap_or(0));
    let text = format!("{n}");
    let responder = || {
        let service = Service::new(&format!("Box {text}"), "_http._tcp", 80).txt(&text);
        Responder::new(&format!("host-{text}"), host).service(service)
    };
    match n % 16 {
        0 | 4 | 8 | 12 => {
            let printer = Host::numbered(1);
            let service = Service::new("Canon MF620C", "_ipp._tcp", 631).txt("ty=Canon MF620C");
            printer.mdns4(Responder::new("A1CA45000000", printer).service(service).announcement())
        }
        1 | 9 => host.mdns4(Query::browse("_http._tcp").bytes()),
        2 | 10 => host.mdns4(responder().announcement()),
        3 | 11 => host.mdns6(responder().announcement()),
        5 | 13 => host.arp_request(Host::numbered(1).v4),
        6 => host.ssdp4(ssdp_alive(
            "upnp:rootdevice",
            &format!("uuid:{text}::upnp:rootdevice"),
            "http://10.0.1.1/",
            "Linux UPnP/1.0",
        )),
        7 | 14 => host.udp4([239, 1, 2, 3].into(), 16, &Udp::new(5004, 5004, vec![0; 600])),
        _ => host.unicast4(Host::numbered(1), &Udp::new(40_000, 443, vec![0; 300])),
    }
}

/// A device, with what a scrape says of it: the announcement of host `n`.
pub fn device(n: u32) -> Vec<u8> {
    let [_, _, high, low] = n.to_be_bytes();
    let host = Host::new(mac(n), Ipv4Addr::new(10, 54, high, low));
    let service = Service::new(&format!("Device {n}"), "_http._tcp", 80);
    host.mdns4(Responder::new(&format!("device-{n}"), host).service(service).announcement())
}

fn mac(n: u32) -> Mac {
    let [a, b, c, d] = n.to_be_bytes();
    Mac([2, 2, a, b, c, d])
}

fn one_record(_: u32) -> Vec<u8> {
    own_address(2)
}

/// Host `number` says its address.
fn own_address(number: u32) -> Vec<u8> {
    let host = Host::numbered(u16::try_from(number).unwrap_or(u16::MAX));
    host.mdns4(response([address(&format!("host-{number}.local"), host.v4.into())]))
}

/// The same from a sender that nobody has heard before.
fn invented(n: u32) -> Vec<u8> {
    let mut frame = own_address(2);
    frame[6..12].copy_from_slice(&mac(n).0);
    frame
}

/// The printer as `name` announces so many services: five records each, and three of its own.
fn announcement(name: &str, services: u32) -> Vec<u8> {
    let kinds = (1..=services).map(|n| Service::new(name, &format!("_kind{n}._tcp"), 631));
    let service = |service: Service| service.txt("ty=Canon MF620C").txt("pdl=application/pdf");
    let responder = Responder::new(name, PRINTER);
    PRINTER.mdns4(kinds.map(service).fold(responder, Responder::service).announcement())
}

fn ssdp(_: u32) -> Vec<u8> {
    let usn = "uuid:2fac1234-31f8-11b4-a222-08002b34c003::upnp:rootdevice";
    PRINTER.ssdp4(ssdp_alive("upnp:rootdevice", usn, "http://10.53.0.2/", "Linux UPnP/1.0"))
}

fn stream(_: u32) -> Vec<u8> {
    PRINTER.udp4(Ipv4Addr::new(239, 1, 2, 3), 16, &Udp::new(5004, 5004, vec![0; 600]))
}

fn other(n: u32) -> Vec<u8> {
    let host = PRINTER;
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
    match n % 7 {
        0 => host.igmp(Ipv4Addr::new(224, 0, 0, 251), igmp2_report([224, 0, 0, 251].into())),
        1 => host.mld(group, mld_report(group)),
        2 => host.nd(group, neighbour_solicitation(host.v6, host.mac)),
        3 => host.dhcp_client(Dhcp::client(1, host.mac).host_name("printer").bytes()),
        4 => host.llmnr4(llmnr_query("wpad")),
        5 => host.wsd4(wsd_probe()),
        _ => host.nbns(nbns_query("OLDSERVER")),
    }
}
