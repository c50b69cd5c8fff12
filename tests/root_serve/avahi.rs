//! The program on a LAN with other people's software: avahi-daemon as the responder, the zeroconf
//! module of Python as the client, each in a namespace of its own behind one bridge.

use crate::e2e::exposition::Body;
use crate::e2e::netns::NetNs;
use crate::e2e::support::lan::Lan;
use crate::e2e::wire::Wire;
use crate::e2e::{Exporter, Process, command_in, require};
use multicast_exporter::craft::{Host, Query};
use simple_dns::{Packet, TYPE};
use socket2::{Domain, Socket, Type};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

/// Of a prefix of Canon's.
const MAC: &str = "00:1e:8f:53:00:01";

/// Avahi-daemon with one service, under a name of its own, without D-Bus. What it writes to /run
/// and reads from /etc/avahi is in a mount namespace of its own.
fn start_avahi(namespace: &NetNs, directory: &std::path::Path) -> Process {
    require(&["avahi-daemon", "sh", "mount"]);
    let configuration = "[server]\nhost-name=canon\nallow-interfaces=eth0\nenable-dbus=no\n\
                         [publish]\npublish-hinfo=no\npublish-workstation=no\n";
    let service = "<?xml version=\"1.0\"?><!DOCTYPE service-group SYSTEM \"avahi-service.dtd\">\
                   <service-group><name>Canon MF620C</name><service><type>_ipp._tcp</type>\
                   <port>631</port><txt-record>ty=Canon MF620C</txt-record></service>\
                   </service-group>";
    fs::write(directory.join("avahi-daemon.conf"), configuration).expect("a file of ours");
    fs::write(directory.join("printer.service"), service).expect("a file of ours");
    let mut command = command_in(namespace, "sh");
    command.arg("-ec").arg(
        "mount -t tmpfs tmpfs /run
         mkdir /run/avahi-daemon
         mount -t tmpfs tmpfs /etc/avahi/services
         cp \"$0/printer.service\" /etc/avahi/services
         exec avahi-daemon --no-drop-root --no-rlimits --no-chroot -f \"$0/avahi-daemon.conf\"",
    );
    command.arg(directory);
    Process::start(command)
}

fn wait_until_established(avahi: &Process) {
    crate::e2e::wait_for("avahi has its name and service", || {
        let log = avahi.log();
        log.contains("Server startup complete") && log.contains("successfully established")
    });
}

/// What the zeroconf module finds: it ends with the instance's address and port once it is
/// resolved, or fails.
fn browse(namespace: &NetNs, own: Ipv4Addr) -> String {
    const SCRIPT: &str = "
import sys, threading
from zeroconf import Zeroconf, ServiceBrowser
found = threading.Event()
class Listener:
    def add_service(self, zc, kind, name):
        info = zc.get_service_info(kind, name, 5000)
        if info:
            print(name, ' '.join(info.parsed_addresses()), info.port, info.server)
            found.set()
    def update_service(self, *_): pass
    def remove_service(self, *_): pass
zc = Zeroconf(interfaces=[sys.argv[1]])
ServiceBrowser(zc, '_ipp._tcp.local.', Listener())
ok = found.wait(8)
zc.close()
sys.exit(0 if ok else 1)
";
    // Debian's: the one that its package python3-zeroconf belongs to.
    let mut command = command_in(namespace, "/usr/bin/python3");
    command.args(["-c", SCRIPT, &own.to_string()]);
    let mut client = Process::start(command);
    let status = client.wait();
    assert!(status.success(), "{status}: {}", client.log());
    client.log()
}

/// The messages of one kind from a device.
fn messages(body: &Body, device: &str, kind: &str) -> f64 {
    let labels = [("interface", "eth0"), ("device", device), ("kind", kind)];
    body.value("mdns_device_messages_total", &labels).unwrap_or(0.0)
}

fn info(body: &Body, device: &str) -> std::collections::BTreeMap<String, String> {
    let mut of_name = body
        .samples
        .keys()
        .filter(|(name, labels)| name == "multicast_device_info" && labels["device"] == device);
    of_name.next().unwrap_or_else(|| panic!("{device} is not in {:?}", body.samples)).1.clone()
}

/// A responder, a client and the exporter on one bridge. `responder` and `client` are their
/// `device` labels.
fn all_see_each_other(flags: &[&str], by_mac: bool) -> Body {
    let lan = Lan::new(3);
    let [responder, client, watcher] = &lan.hosts[..] else { unreachable!("three hosts") };
    responder.namespace.ip(&["link", "set", "eth0", "address", MAC]);
    let exporter = Exporter::start(&watcher.namespace, flags);
    exporter.wait_up("eth0", true);
    // Till then silence proves nothing.
    thread::sleep(Duration::from_millis(2500));

    let device = if by_mac { MAC.to_owned() } else { responder.address.to_string() };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let avahi = start_avahi(&responder.namespace, directory.path());
    let body = exporter.scrape_until("avahi probes", |b| messages(b, &device, "probe") > 0.0);
    assert!(messages(&body, &device, "announcement") < 0.5, "it announces before it has probed");
    wait_until_established(&avahi);
    let body =
        exporter.scrape_until("avahi announces", |b| messages(b, &device, "announcement") > 0.0);
    // Three probes each (RFC 6762 section 8.1), for the host and for the service.
    assert!(messages(&body, &device, "probe") >= 3.0);
    for kind in ["response", "goodbye", "malformed", "legacy_query"] {
        assert!(messages(&body, &device, kind) < 0.5, "{kind} before anybody asked");
    }

    let found = browse(&client.namespace, client.address);
    let instance = format!("Canon MF620C._ipp._tcp.local. {} ", responder.address);
    assert!(found.contains(&instance) && found.contains(" 631 canon.local."), "{found}");
    let body = exporter.scrape_until("avahi answers", |b| messages(b, &device, "response") > 0.0);
    let asking = body.label_values("mdns_device_messages_total", "device");
    let client = asking.iter().filter(|d| **d != device && messages(&body, d, "query") > 0.0);
    assert!(client.count() >= 1, "nobody asked: {asking:?}");

    let info = info(&body, &device);
    assert_eq!(info["category"], "printer", "{info:?}");
    assert!(info["name"] == "canon" || info["name"] == "canon.local", "{info:?}");
    assert_eq!(info["local"], "false");

    // A daemon that is asked to end says goodbye.
    avahi.signal(libc::SIGTERM);
    exporter.scrape_until("avahi says goodbye", |b| messages(b, &device, "goodbye") > 0.0)
}

#[test]
#[ignore = "root: make test"]
fn ring_sees_avahi_by_name_address_and_category() {
    let body = all_see_each_other(&[], true);
    let info = info(&body, MAC);
    assert_eq!(info["address"], "10.53.0.1");
    assert_eq!(info["vendor"], "CANON INC.");
}

#[test]
#[ignore = "root: make test"]
fn sockets_see_avahi_by_its_address() {
    all_see_each_other(&["--capture.backend=socket"], false);
}

/// Asks `count` questions for avahi's own address, each from a port of its own to its port 5353 by
/// unicast. How many it answered.
fn answers(asker: &NetNs, responder: Ipv4Addr, count: u16) -> u16 {
    asker.run(|| {
        let is_answered = |id: u16| {
            let socket = UdpSocket::bind("0.0.0.0:0").expect("a free port");
            socket.set_read_timeout(Some(Duration::from_secs(2))).expect("not zero");
            let query = Query::new("canon.local", TYPE::A).id(id).bytes();
            socket.send_to(&query, (responder, 5353)).expect("it is reachable");
            let mut answer = [0; 1500];
            let Ok((length, from)) = socket.recv_from(&mut answer) else { return false };
            let answer = Packet::parse(&answer[..length]).expect("DNS");
            assert_eq!((from, answer.id()), (SocketAddr::from((responder, 5353)), id));
            !answer.answers.is_empty()
        };
        (1..=count).map(|id| u16::from(is_answered(id))).sum()
    })
}

/// The groups' sockets take nothing from the host's own responder.
#[test]
#[ignore = "root: make test"]
fn avahi_beside_the_sockets_gets_all_unicast() {
    let lan = Lan::new(2);
    let [host, asker] = &lan.hosts[..] else { unreachable!("two hosts") };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let avahi = start_avahi(&host.namespace, directory.path());
    wait_until_established(&avahi);
    // Where two have the same port, the last one gets the unicast.
    let exporter = Exporter::start(&host.namespace, &["--capture.backend=socket"]);
    exporter.wait_up("eth0", true);
    assert_eq!(answers(&asker.namespace, host.address, 50), 50);
    // It does hear what is for everybody.
    Wire::open(&asker.namespace, "eth0").send(&Host::numbered(9).mdns4(Query::browse("_ipp._tcp")));
    let body = exporter.scrape_until("multicast is heard", |body| {
        messages(body, &Host::numbered(9).v4.to_string(), "query") > 0.0
    });
    let stolen = [("interface", "eth0"), ("protocol", "mdns_unicast")];
    assert_eq!(body.value("multicast_interface_packets_total", &stolen), None);

    // That it matters: a socket bound to every address does take it.
    let wildcard = host.namespace.run(|| {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("set");
        socket.set_reuse_port(true).expect("set");
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5353));
        socket.bind(&any.into()).expect("the port is shared");
        socket
    });
    assert!(answers(&asker.namespace, host.address, 5) < 5, "this test cannot fail");
    drop(wildcard);
}
