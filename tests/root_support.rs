//! The tests' own tools: a LAN of namespaces carries multicast, and leaves nothing behind.

mod support;

use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::Duration;
use support::lan::Lan;

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

#[test]
#[ignore = "root: make test"]
fn a_lan_carries_multicast_to_every_host_and_vanishes() {
    let names: Vec<String> = {
        let lan = Lan::new(3);
        let listen = |host: &support::lan::Member| {
            let address = host.address;
            host.namespace.run(move || {
                let socket = UdpSocket::bind((GROUP, 5353)).unwrap();
                socket.join_multicast_v4(&GROUP, &address).unwrap();
                socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                socket
            })
        };
        let listeners: Vec<UdpSocket> = lan.hosts[1..].iter().map(listen).collect();
        let sender = &lan.hosts[0];
        let socket = sender.namespace.run(|| UdpSocket::bind((sender.address, 5353)).unwrap());
        socket.send_to(b"hello", (GROUP, 5353)).unwrap();
        for listener in &listeners {
            let mut buffer = [0; 16];
            let (len, from) = listener.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..len], b"hello");
            assert_eq!(from.ip(), sender.address);
        }
        let members = lan.hosts.iter().map(|host| host.namespace.name().to_owned());
        members.chain([lan.switch.name().to_owned()]).collect()
    };
    for name in names {
        assert!(!Path::new("/run/netns").join(&name).exists(), "{name} is still there");
    }
}

#[test]
#[ignore = "root: make test"]
fn a_lan_vanishes_when_its_test_panics() {
    let (tell, told) = std::sync::mpsc::channel();
    let test = std::thread::spawn(move || {
        let lan = Lan::new(1);
        tell.send(lan.switch.name().to_owned()).unwrap();
        panic!("this panic is meant to happen");
    });
    assert!(test.join().is_err());
    let name = told.recv().unwrap();
    assert!(!Path::new("/run/netns").join(&name).exists(), "{name} is still there");
}
