//! The captures behind the golden files: small, made by hand, each with a story.

use multicast_exporter::craft::address::{
    Dhcp, neighbour_solicitation, router_advertisement, solicited_node,
};
use multicast_exporter::craft::host::{ALL_NODES, MDNS_V4, MDNS_V6, SSDP_V4};
use multicast_exporter::craft::mdns::{Query, Responder, Service};
use multicast_exporter::craft::membership::{Change, igmp2_report, igmp3_query, igmp3_report};
use multicast_exporter::craft::{
    ByteOrder, Captured, Ethernet, Host, Ipv4, Ipv6, Pcap, PcapNg, Tag, Udp, discovery, mdns,
    tagged,
};
use multicast_exporter::time::Stamp;
use simple_dns::TYPE;
use std::net::Ipv4Addr;

/// Milliseconds after 2023-11-14 22:13:20 UTC.
fn at(milliseconds: u32) -> Stamp {
    let seconds = 1_700_000_000 + i64::from(milliseconds / 1000);
    Stamp::new(seconds, milliseconds % 1000 * 1_000_000)
}

fn whole((milliseconds, frame): (u32, Vec<u8>)) -> Captured {
    Captured::new(at(milliseconds), frame)
}

/// A home: the router asks for groups, a printer boots, announces itself and is found by a phone,
/// a television calls for attention, and the printer is switched off.
pub fn home() -> Vec<u8> {
    let [router, printer, phone, television] = [1, 2, 3, 4].map(Host::numbered);
    let ipp = Service::new("Canon MF620C", "_ipp._tcp", 631).txt("ty=Canon MF620C");
    let canon = Responder::new("canon", printer).service(ipp);
    let alive = discovery::ssdp_alive("upnp:rootdevice", "uuid:1", "http://10.53.0.4/", "x/1");
    let any = Ipv4Addr::UNSPECIFIED;
    let everyone = Ipv4Addr::new(224, 0, 0, 1);
    let joins = igmp3_report(&[(MDNS_V4, Change::ToExclude, &[])]);
    let advertisement = router_advertisement(1800, router.v6, router.mac);
    let frames = [
        (0, router.igmp(everyone, igmp3_query(any, 100))),
        (10, router.nd(ALL_NODES, advertisement)),
        (100, television.ssdp4(alive.clone())),
        (110, television.ssdp4(alive)),
        (1000, printer.dhcp_client(Dhcp::client(1, printer.mac).host_name("canon").bytes())),
        (1500, printer.arp_announcement()),
        (1600, printer.igmp(Ipv4Addr::new(224, 0, 0, 22), joins)),
        (3000, printer.mdns4(canon.probe())),
        (3250, printer.mdns4(canon.probe())),
        (3500, printer.mdns4(canon.probe())),
        (3750, printer.mdns4(canon.announcement())),
        (3751, printer.mdns6(canon.announcement())),
        (4750, printer.mdns4(canon.announcement())),
        (8000, phone.mdns4(Query::browse("_ipp._tcp").bytes())),
        (8060, printer.mdns4(canon.response("_ipp._tcp"))),
        (8100, phone.nd(solicited_node(printer.v6), neighbour_solicitation(printer.v6, phone.mac))),
        (8200, phone.mdns_unicast4(printer, Query::new("canon.local", TYPE::A).bytes())),
        (9000, phone.igmp(SSDP_V4, igmp2_report(SSDP_V4))),
        (60_000, printer.mdns4(canon.goodbye())),
    ];
    Pcap::default().write(&frames.map(whole))
}

/// A trunk: one host in no VLAN and in 30, another in the customer's 7 of the provider's 30, and
/// a frame that has a priority only.
pub fn trunk() -> Vec<u8> {
    let [server, guest] = [1, 2].map(Host::numbered);
    let vlan = |frame: &[u8], tpid, tci| tagged(frame, Tag { tpid, tci });
    let query = server.mdns4(Query::browse("_ssh._tcp").bytes());
    let search = guest.ssdp6(discovery::ssdp_search("ssdp:all"));
    let frames = [
        (0, query.clone()),
        (1, vlan(&query, 0x8100, 30)),
        (2, vlan(&query, 0x8100, 30)),
        (3, vlan(&vlan(&search, 0x8100, 7), 0x88a8, 30)),
        (4, vlan(&server.arp_announcement(), 0x8100, 0xe000)),
    ];
    let file = PcapNg::new(ByteOrder::Big).interface(Some("trunk0"));
    frames.map(whole).iter().fold(file, |file, frame| file.frame(0, frame)).write()
}

/// Whatever can be wrong with frames, a host for each.
pub fn nasty() -> Vec<u8> {
    let mut frames = Vec::new();
    let mut next = 0;
    let mut add = |make: &dyn Fn(Host) -> Vec<Vec<u8>>, snaplen: usize| {
        next += 1;
        for frame in make(Host::numbered(next)) {
            frames.push(Captured::cut(at(u32::from(next)), frame, snaplen));
        }
    };
    let all = usize::MAX;
    let one = |message: Vec<u8>| move |host: Host| vec![host.mdns4(message.clone())];
    add(&one(mdns::pointer_loop()), all);
    add(&|host| vec![host.mdns6(mdns::forward_pointer(host.v4, host.v6))], all);
    add(&one(mdns::claims_everything()), all);
    add(&one(vec![0; 5]), all);
    add(&one(Query::browse("_ipp._tcp").bytes()), 60);
    let big = Query::new("a.local", TYPE::A).known(mdns::txt("b.local", &["x".repeat(255)]));
    let udp = Udp::new(5353, 5353, big.bytes());
    add(
        &|host| {
            let whole = Ipv4::new(host.v4, MDNS_V4).ttl(255).id(7).udp(&udp);
            let ethernet = Ethernet::from(host.mac).to_ip(MDNS_V4.into());
            whole.fragments(128).iter().map(|fragment| ethernet.ipv4(fragment)).collect()
        },
        all,
    );
    add(
        &|host| {
            let whole = Ipv6::new(host.v6, MDNS_V6).hop_limit(255).udp(&udp);
            let ethernet = Ethernet::from(host.mac).to_ip(MDNS_V6.into());
            whole.fragments(7, 128).iter().map(|fragment| ethernet.ipv6(fragment)).collect()
        },
        all,
    );
    // An IP version that is none, and a header longer than the packet.
    add(&|host| vec![Ethernet::from(host.mac).frame(0x0800, &[0x95; 40])], all);
    add(&|host| vec![Ethernet::from(host.mac).frame(0x0800, &[0x4f; 20])], all);
    // ARP that ends in its header, SSDP that is no text, three tags.
    add(&|host| vec![Ethernet::from(host.mac).frame(0x0806, &[0, 1, 8, 0])], all);
    add(&|host| vec![host.ssdp4(vec![0xff; 20])], all);
    add(
        &|host| {
            let tag = |frame: Vec<u8>, tci| tagged(&frame, Tag { tpid: 0x8100, tci });
            vec![[3, 2, 1].into_iter().fold(host.arp_announcement(), tag)]
        },
        all,
    );
    let mut file = PcapNg::new(ByteOrder::Little)
        .interface(Some("eth0"))
        // USB, which is no LAN.
        .interface_with(Some("usbmon0"), 220, 6);
    for frame in &frames {
        file = file.frame(0, frame);
    }
    // Frames of every length up to an Ethernet header's.
    let short = frames[0].bytes.clone();
    for length in 0..14 {
        file = file.frame(0, &Captured::new(at(100), short[..length].to_vec()));
    }
    file.frame(1, &Captured::new(at(101), vec![0; 64])).write()
}
