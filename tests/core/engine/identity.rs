//! Who a device is, from the bytes of its frames: what counts, what does not because it may be
//! another's, and what takes precedence.

use crate::engine_wire::Segment;
use multicast_exporter::craft::address::{
    Arp, Dhcp, dhcpv6_solicit, neighbour_advertisement, neighbour_solicitation,
    router_advertisement,
};
use multicast_exporter::craft::discovery::{
    nbdgm, nbns_query, nbns_registration, netbios_name, ssdp_alive, ssdp_byebye, ssdp_search, wsd,
};
use multicast_exporter::craft::host::{ALL_NODES, MDNS_V4};
use multicast_exporter::craft::mdns::{ptr, response, txt};
use multicast_exporter::craft::membership::{igmp_query, mld_query};
use multicast_exporter::craft::{Ethernet, Host, Ipv4, Responder, Service, Udp};
use multicast_exporter::detect::Vantage;
use multicast_exporter::engine::{Address, Category, Local};
use multicast_exporter::mac::Mac;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

const HOST: Host = Host::numbered(7);
const OTHER: Host = Host::numbered(8);
const DHCP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

fn addresses(segment: &Segment) -> Vec<IpAddr> {
    segment.identity(HOST).addresses
}

fn category(segment: &Segment) -> Category {
    segment.identity(HOST).category
}

fn name(segment: &Segment) -> Option<String> {
    segment.identity(HOST).name.map(String::from)
}

/// The Ethernet source is HOST's, whatever the packet says.
fn forwarded(mut frame: Vec<u8>) -> Vec<u8> {
    frame[6..12].copy_from_slice(&HOST.mac.0);
    frame
}

#[test]
fn an_announcement_tells_name_address_services_and_model() {
    let mut segment = Segment::new();
    let canon = Responder::new("canon", HOST)
        .service(Service::new("Canon MF620C", "_ipp._tcp", 631).txt("ty=Canon MF620C"));
    segment.hear(&HOST.mdns4(canon.announcement())).hear(&HOST.mdns6(canon.announcement()));
    let identity = segment.identity(HOST);
    assert_eq!(identity.name.as_deref(), Some("canon.local"));
    assert_eq!(identity.model.as_deref(), Some("Canon MF620C"));
    assert_eq!(identity.category, Category::Printer);
    assert_eq!(identity.address, Some(Address::Ip(HOST.v4.into())));
    assert_eq!(identity.addresses, [IpAddr::from(HOST.v4), HOST.v6.into()]);
}

#[test]
fn a_reflector_is_not_what_it_reflects() {
    let reflected = Responder::new("canon", OTHER)
        .service(Service::new("Canon", "_ipp._tcp", 631).txt("ty=Canon"));
    let bare = response([
        ptr("_ipp._tcp.local", "Canon._ipp._tcp.local"),
        txt("Canon._ipp._tcp.local", &["ty=Canon".into()]),
    ]);
    let mut segment = Segment::new();
    // Without an address it is unknown; with another's it is plain, and stays so.
    segment.hear(&HOST.mdns4(bare.clone()));
    assert_eq!(category(&segment), Category::Printer);
    segment.hear(&HOST.mdns4(reflected.announcement()));
    let identity = segment.identity(HOST);
    assert_eq!((identity.category, identity.name, identity.model), (Category::Unknown, None, None));
    segment.pass(5_000).hear(&HOST.mdns4(bare));
    assert_eq!(category(&segment), Category::Unknown);
    let own = Responder::new("gate", HOST).service(Service::new("gate", "_ssh._tcp", 22));
    segment.hear(&HOST.mdns4(own.announcement()));
    assert_eq!(category(&segment), Category::Computer);
    assert_eq!(name(&segment).as_deref(), Some("gate.local"));
}

#[test]
fn arp_proves_the_address_of_who_asks_or_announces() {
    let mut segment = Segment::new();
    segment.hear(&HOST.arp_request(OTHER.v4));
    assert_eq!(addresses(&segment), [IpAddr::from(HOST.v4)]);
    let broadcast = |operation, sender, target| {
        let arp = Arp { operation, sender, target: (OTHER.mac, target) };
        Ethernet::from(HOST.mac).frame(0x0806, &arp.bytes())
    };
    let far = Ipv4Addr::new(10, 53, 9, 9);
    for nothing in [
        // A probe, another's request passed on, and what a proxy answers for another.
        broadcast(1, (HOST.mac, Ipv4Addr::UNSPECIFIED), far),
        broadcast(1, (OTHER.mac, OTHER.v4), far),
        broadcast(2, (HOST.mac, far), OTHER.v4),
    ] {
        segment.hear(&nothing);
        assert_eq!(addresses(&segment), [IpAddr::from(HOST.v4)]);
    }
    segment.hear(&broadcast(2, (HOST.mac, far), far));
    assert_eq!(addresses(&segment), [IpAddr::from(HOST.v4), far.into()], "an announcement");
}

#[test]
fn who_asks_for_more_than_eight_others_is_a_repeater() {
    let mut segment = Segment::new();
    segment.hear(&HOST.mdns4(Responder::new("extender", HOST).announcement()));
    for n in 0..8 {
        assert_eq!(name(&segment).as_deref(), Some("extender.local"));
        let client = Host { mac: HOST.mac, ..Host::numbered(100 + n) };
        segment.hear(&client.arp_request(OTHER.v4));
    }
    assert_eq!((category(&segment), name(&segment)), (Category::Repeater, None));
}

#[test]
fn neighbour_discovery_proves_the_source_unless_it_is_passed_on() {
    let mut segment = Segment::new();
    segment.hear(&HOST.nd(ALL_NODES, neighbour_solicitation(OTHER.v6, HOST.mac)));
    assert_eq!(addresses(&segment), [IpAddr::from(HOST.v6)]);
    segment.hear(&forwarded(OTHER.nd(ALL_NODES, neighbour_solicitation(HOST.v6, OTHER.mac))));
    assert_eq!(addresses(&segment), [IpAddr::from(HOST.v6)]);
    segment.hear(&HOST.nd(ALL_NODES, neighbour_advertisement(HOST.v6, HOST.mac)));
    assert_eq!(category(&segment), Category::Unknown);
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
    segment.hear(&forwarded(OTHER.nd(ALL_NODES, router_advertisement(1800, prefix, OTHER.mac))));
    assert_eq!(category(&segment), Category::Unknown);
    segment.hear(&HOST.nd(ALL_NODES, router_advertisement(1800, prefix, HOST.mac)));
    assert_eq!(category(&segment), Category::Router);
}

#[test]
fn dhcp_tells_the_client_s_name_and_the_server_s_role() {
    let mut segment = Segment::new();
    let request = |mac| Dhcp::client(3, mac).host_name("laptop").option(50, &[192, 168, 1, 1]);
    segment.hear(&HOST.dhcp_client(request(OTHER.mac).bytes()));
    assert_eq!(name(&segment), None, "passed on for another");
    segment.hear(&HOST.dhcp_client(request(HOST.mac).bytes()));
    assert_eq!(name(&segment).as_deref(), Some("laptop"));
    assert_eq!(addresses(&segment), [] as [IpAddr; 0], "a wish is no address");
    let server = Host::numbered(1);
    for (n, category) in [(7, Category::Unknown), (8, Category::Unknown), (9, Category::Router)] {
        let client = Host::numbered(n);
        segment.hear(&server.dhcp_server(Dhcp::server(5, client.mac, client.v4).bytes()));
        assert_eq!(segment.identity(server).category, category, "after {n}");
    }
    // A printer's or a computer's own word counts more than that it serves.
    let pi = Responder::new("pi", server).service(Service::new("pi", "_workstation._tcp", 9));
    segment.hear(&server.mdns4(pi.announcement()));
    assert_eq!(segment.identity(server).category, Category::Computer);
}

#[test]
fn dhcp_tells_windows() {
    let mut segment = Segment::new();
    let request = Dhcp::client(1, HOST.mac).option(60, b"MSFT 5.0").bytes();
    segment.hear(&HOST.dhcp_client(request));
    assert_eq!(category(&segment), Category::Computer);
}

#[test]
fn dhcpv6_tells_the_client_s_name() {
    let solicit =
        |mac| HOST.udp6(DHCP_V6, 1, &Udp::new(546, 547, dhcpv6_solicit(mac, Some("laptop"))));
    let mut segment = Segment::new();
    segment.hear(&solicit(OTHER.mac));
    assert_eq!(name(&segment), None);
    segment.hear(&solicit(HOST.mac));
    assert_eq!(name(&segment).as_deref(), Some("laptop"));
}

#[test]
fn names_of_mdns_win_over_dhcp_and_those_over_netbios() {
    let mut segment = Segment::new();
    let browser = HOST.nbdgm(nbdgm("PC-NB", HOST.v4, b""));
    segment.hear(&HOST.arp_announcement()).hear(&browser);
    assert_eq!(
        (name(&segment).as_deref(), category(&segment)),
        (Some("PC-NB"), Category::Computer)
    );
    segment.hear(&HOST.dhcp_client(Dhcp::client(1, HOST.mac).host_name("pc-dhcp").bytes()));
    assert_eq!(name(&segment).as_deref(), Some("pc-dhcp"));
    segment.hear(&HOST.mdns4(Responder::new("pc", HOST).announcement()));
    assert_eq!(name(&segment).as_deref(), Some("pc.local"));
    segment.pass(7_200_000).hear(&browser);
    assert_eq!(name(&segment).as_deref(), Some("pc.local"));
}

#[test]
fn netbios_counts_only_from_who_it_names() {
    let mut segment = Segment::new();
    segment.hear(&HOST.arp_announcement());
    let mut file_service = nbns_registration("SERVER", HOST.v4);
    let encoded = netbios_name("SERVER", 0x20);
    file_service[12..12 + encoded.len()].copy_from_slice(&encoded);
    let mut registered = file_service.clone();
    registered[2] |= 0x80;
    for nothing in [
        // Under 0x00 the workgroup registers too.
        HOST.nbns(nbns_registration("WORKGROUP", HOST.v4)),
        HOST.nbns(nbns_query("SERVER")),
        HOST.nbns(registered),
        forwarded(OTHER.nbns(file_service.clone())),
        HOST.nbdgm(nbdgm("OTHER", OTHER.v4, b"")),
        forwarded(OTHER.nbdgm(nbdgm("OTHER", OTHER.v4, b""))),
    ] {
        // The limited broadcast address is not forwarded; that of the subnet may be.
        let mut nothing = nothing;
        nothing[30..34].copy_from_slice(&[10, 53, 255, 255]);
        segment.hear(&nothing);
        assert_eq!(name(&segment), None);
    }
    segment.hear(&HOST.nbns(file_service));
    assert_eq!(name(&segment).as_deref(), Some("SERVER"));
}

#[test]
fn general_queries_tell_a_router_where_nothing_else_does() {
    let all = Ipv4Addr::new(224, 0, 0, 1);
    let switch = Host { v4: Ipv4Addr::UNSPECIFIED, ..HOST };
    let mut segment = Segment::new();
    segment.hear(&switch.igmp(all, igmp_query(Ipv4Addr::UNSPECIFIED, 100)));
    assert_eq!(category(&segment), Category::Unknown, "a switch without an address (RFC 4541)");
    segment.hear(&HOST.igmp(MDNS_V4, igmp_query(MDNS_V4, 10)));
    assert_eq!(category(&segment), Category::Unknown, "a query for one group");
    segment.hear(&HOST.igmp(all, igmp_query(Ipv4Addr::UNSPECIFIED, 100)));
    assert_eq!(category(&segment), Category::Router);
    let mut segment = Segment::new();
    let nobody = Host { v6: Ipv6Addr::UNSPECIFIED, ..HOST };
    segment.hear(&nobody.mld(ALL_NODES, mld_query(Ipv6Addr::UNSPECIFIED, 1000)));
    assert_eq!(category(&segment), Category::Unknown);
    segment.hear(&HOST.mld(ALL_NODES, mld_query(Ipv6Addr::UNSPECIFIED, 1000)));
    assert_eq!(category(&segment), Category::Router);
}

#[test]
fn ssdp_tells_what_the_host_with_that_address_is() {
    let gateway = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
    let alive = |kind: &str, server: &str| ssdp_alive(kind, "uuid:1", "http://x/", server);
    let cases = [
        (alive(gateway, "x"), Category::Router),
        (alive("urn:schemas-upnp-org:device:MediaRenderer:1", "x"), Category::Media),
        (alive("urn:schemas-upnp-org:device:MediaServer:1", "x"), Category::Media),
        (alive("urn:schemas-upnp-org:device:Printer:1", "x"), Category::Printer),
        (alive("urn:dial-multiscreen-org:service:dial:1", "x"), Category::Media),
        (alive("roku:ecp", "x"), Category::Media),
        (alive("upnp:rootdevice", "Linux/3.14.0 UPnP/1.0 IpBridge/1.26.0"), Category::Hub),
        (alive("upnp:rootdevice", "Linux UPnP/1.0 x/1"), Category::Unknown),
        (ssdp_byebye(gateway, "uuid:1"), Category::Unknown),
        (ssdp_search(gateway), Category::Unknown),
    ];
    for (message, expected) in cases {
        let mut segment = Segment::new();
        segment.hear(&HOST.ssdp4(message.clone()));
        assert_eq!(category(&segment), Category::Unknown, "its address is not sure yet");
        segment.hear(&HOST.arp_announcement()).hear(&forwarded(OTHER.ssdp4(message.clone())));
        assert_eq!(category(&segment), Category::Unknown, "routed for another");
        segment.pass(1_000).hear(&HOST.ssdp4(message));
        assert_eq!(category(&segment), expected);
    }
}

#[test]
fn a_hello_of_ws_discovery_tells_printers_and_computers() {
    let hello = |types: &str| {
        wsd("Hello", &format!("<wsd:Hello><wsd:Types>{types}</wsd:Types></wsd:Hello>"))
    };
    for (message, expected) in [
        (hello("wsdp:Device wprt:PrintDeviceType"), Category::Printer),
        (hello("wsdp:Device pub:Computer"), Category::Computer),
        (hello("wsdp:Device"), Category::Unknown),
        (wsd("Probe", "<wsd:Types>wsdp:Device pub:Computer</wsd:Types>"), Category::Unknown),
    ] {
        let mut segment = Segment::new();
        segment.hear(&HOST.arp_announcement()).hear(&forwarded(OTHER.wsd4(message.clone())));
        assert_eq!(category(&segment), Category::Unknown, "another's");
        segment.hear(&HOST.wsd4(message));
        assert_eq!(category(&segment), expected);
    }
}

#[test]
fn a_host_is_local_as_long_as_this_machine_has_its_mac() {
    let mut segment = Segment::new();
    segment.hear(&HOST.arp_announcement()).hear(&OTHER.arp_announcement());
    let local = |segment: &Segment| [HOST, OTHER].map(|host| segment.identity(host).local);
    let macs = |macs: &[Mac]| Arc::new(Local { macs: macs.to_vec(), ..Local::default() });
    assert_eq!(local(&segment), [false, false]);
    segment.engine.handle_local(&macs(&[HOST.mac]));
    assert_eq!(local(&segment), [true, false]);
    let third = Host::numbered(9);
    segment.engine.handle_local(&macs(&[third.mac, OTHER.mac]));
    segment.hear(&third.arp_announcement());
    assert_eq!(local(&segment), [false, true]);
    assert!(segment.identity(third).local, "a row made later");
}

#[test]
fn a_source_that_may_have_been_routed_is_no_address() {
    let mut segment = Segment::new();
    let far = Ipv4::new(Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(239, 1, 1, 1));
    let udp = Udp::new(9, 9, *b"x");
    let ether = Ethernet::from(HOST.mac).to_ip(Ipv4Addr::new(239, 1, 1, 1).into());
    segment.hear(&ether.ipv4(&far.ttl(5).udp(&udp)));
    assert_eq!(addresses(&segment), [] as [IpAddr; 0]);
}

/// A search of SSDP that `host` sends, or a router for it.
fn search(host: Host, ttl: u8) -> Vec<u8> {
    host.udp4(SSDP, ttl, &Udp::new(50_000, 1900, ssdp_search("ssdp:all")))
}

const SSDP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);

#[test]
fn discovery_that_stays_near_tells_an_address() {
    let mut segment = Segment::new();
    segment.hear(&search(HOST, 2));
    assert_eq!(addresses(&segment), [IpAddr::from(HOST.v4)]);
    let mut segment = Segment::new();
    segment.hear(&search(HOST, 5));
    assert_eq!(addresses(&segment), [] as [IpAddr; 0], "it may come from afar");
    // Unless it is of a subnet of this interface.
    let subnets = vec![(IpAddr::from(OTHER.v4), 24)];
    segment.engine.handle_vantage(&Arc::new(Vantage { subnets, ..Vantage::default() }));
    segment.hear(&search(HOST, 5));
    assert_eq!(addresses(&segment), [IpAddr::from(HOST.v4)]);
}

#[test]
fn a_source_that_comes_again_and_again_is_an_address() {
    let stream = |ttl| {
        let group = Ipv4Addr::new(239, 1, 1, 1);
        HOST.udp4(group, ttl, &Udp::new(9, 9, *b"x"))
    };
    for (ttl, expected) in [(64, vec![IpAddr::from(HOST.v4)]), (63, vec![])] {
        let mut segment = Segment::new();
        for _ in 0..20 {
            segment.pass(1_000).hear(&stream(ttl));
        }
        assert_eq!(addresses(&segment), expected, "{ttl}");
    }
}

#[test]
fn a_multicast_router_does_not_collect_those_whom_it_serves() {
    let far = |n: u8| Host { v4: Ipv4Addr::new(198, 51, 100, n), ..HOST };
    // With an address of its own, heard before or after.
    for own_first in [true, false] {
        let mut segment = Segment::new();
        if own_first {
            segment.hear(&HOST.arp_announcement());
        }
        segment.hear(&search(far(1), 3));
        if !own_first {
            segment.hear(&HOST.arp_announcement());
        }
        for round in 0..30 {
            segment.pass(1_000).hear(&search(far(round % 3), 3)).hear(&search(far(7), 16));
        }
        assert_eq!(addresses(&segment), [IpAddr::from(HOST.v4)], "{own_first}");
    }
    let mut segment = Segment::new();
    for round in 0..30 {
        segment.pass(1_000).hear(&search(far(round % 3), 3)).hear(&search(far(7), 16));
    }
    assert_eq!(addresses(&segment), [] as [IpAddr; 0]);
}

#[test]
fn what_two_macs_claim_names_neither() {
    let nas = Responder::new("nas", HOST);
    let attacker = Host { v4: HOST.v4, v6: HOST.v6, ..OTHER };
    let mut segment = Segment::new();
    segment.hear(&HOST.mdns4(nas.announcement()));
    assert_eq!((name(&segment).as_deref(), addresses(&segment).len()), (Some("nas.local"), 1));
    // It claims both, once.
    segment.pass(60_000).hear(&attacker.mdns4(nas.announcement()));
    for host in [HOST, OTHER] {
        let identity = segment.identity(host);
        assert_eq!((identity.name, identity.address, identity.addresses), (None, None, vec![]));
        assert_eq!(identity.contested, [HOST.v4.to_string().into(), "nas.local".into()]);
    }
    // Ten minutes later the one that goes on to claim them has them again, and only that one.
    segment.pass(601_000).hear(&HOST.mdns4(nas.announcement()));
    segment.pass(601_000).hear(&HOST.mdns4(nas.announcement()));
    assert_eq!((name(&segment).as_deref(), addresses(&segment).len()), (Some("nas.local"), 1));
    segment.hear(&OTHER.arp_announcement());
    let identity = segment.identity(OTHER);
    assert_eq!((identity.name, identity.addresses), (None, vec![OTHER.v4.into()]));
}

#[test]
fn a_name_is_contested_whatever_protocol_it_comes_by() {
    let mut segment = Segment::new();
    segment.hear(&HOST.mdns4(Responder::new("nas", HOST).announcement()));
    segment.hear(&OTHER.dhcp_client(Dhcp::client(1, OTHER.mac).host_name("NAS").bytes()));
    assert_eq!((name(&segment), segment.identity(OTHER).name), (None, None));
    // An address of its own does not help: it is the name that it has not.
    let mut segment = Segment::new();
    segment.hear(&HOST.mdns4(Responder::new("nas", HOST).announcement()));
    segment.hear(&OTHER.mdns4(Responder::new("nas", OTHER).announcement()));
    assert_eq!((name(&segment), segment.identity(OTHER).name), (None, None));
    assert_eq!(addresses(&segment), [IpAddr::from(HOST.v4)]);
}

#[test]
fn a_host_with_two_network_cards_keeps_its_name() {
    let both = [IpAddr::from(HOST.v4), OTHER.v4.into()];
    let laptop = Responder::with_addresses("laptop", &both);
    let mut segment = Segment::new();
    for _ in 0..3 {
        for host in [HOST, OTHER] {
            segment.pass(1_000).hear(&host.mdns4(laptop.announcement()));
        }
    }
    for host in [HOST, OTHER] {
        assert_eq!(segment.identity(host).name.as_deref(), Some("laptop.local"));
        assert_eq!(segment.identity(host).contested, [] as [Box<str>; 0]);
    }
    // One that claims that for itself only is not believed.
    let mut segment = Segment::new();
    segment.hear(&HOST.mdns4(Responder::new("laptop", HOST).announcement()));
    segment.pass(1_000).hear(&OTHER.mdns4(laptop.announcement()));
    assert_eq!(segment.identity(OTHER).name, None);
}

#[test]
fn a_flood_from_the_address_of_another_does_not_go_by_it() {
    let attacker = Host { v4: HOST.v4, ..OTHER };
    for innocent_first in [true, false] {
        let mut segment = Segment::new();
        if innocent_first {
            segment.hear(&HOST.arp_announcement());
        }
        for _ in 0..30 {
            segment.pass(500).hear(&search(attacker, 2));
        }
        if !innocent_first {
            segment.hear(&HOST.arp_announcement());
        }
        assert_eq!(addresses(&segment), [IpAddr::from(HOST.v4)], "{innocent_first}");
        assert_eq!(segment.identity(OTHER).addresses, [] as [IpAddr; 0], "{innocent_first}");
    }
}

#[test]
fn a_printer_is_what_prints() {
    let queue = |host: Host, txt: &str| {
        let service = Service::new("HP @ host", "_ipp._tcp", 631).txt("ty=HP LaserJet").txt(txt);
        Responder::new("host", host).service(service)
    };
    let of = |responder: Responder| {
        let mut segment = Segment::new();
        segment.hear(&HOST.mdns4(responder.announcement()));
        category(&segment)
    };
    assert_eq!(of(queue(HOST, "rp=ipp/print")), Category::Printer);
    assert_eq!(of(queue(HOST, "rp=printers/HP_LaserJet")), Category::Computer, "a shared queue");
    assert_eq!(of(queue(HOST, "printer-type=0x801046")), Category::Computer);
    let bridge = queue(HOST, "rp=ipp/print").service(Service::new("Bridge", "_hap._tcp", 51_826));
    assert_eq!(of(bridge), Category::Hub);
    let scanner = Responder::new("pi", HOST).service(Service::new("Scan", "_uscan._tcp", 8_090));
    assert_eq!(of(scanner), Category::Unknown);
    let behind = Responder::new("Home-AirPort-Express", HOST)
        .service(Service::new("EPSON", "_pdl-datastream._tcp", 9_100).txt("ty=EPSON"));
    assert_eq!(of(behind), Category::Router);
}
