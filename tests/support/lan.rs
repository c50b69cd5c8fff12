//! A LAN of network namespaces: a bridge in one, and hosts in others, each with an `eth0` that is
//! a port of the bridge by way of a veth pair. All of it goes away with the guard.

use super::netns::NetNs;
use std::net::Ipv4Addr;

/// A bridge and its hosts.
pub struct Lan {
    /// Where the bridge `br0` is, with the ports `port1`, `port2` and so on. It has no address.
    pub switch: NetNs,
    /// The hosts, in the order of their addresses.
    pub hosts: Vec<Member>,
}

/// A host.
pub struct Member {
    /// Its namespace.
    pub namespace: NetNs,
    /// The address of its `eth0`, with a mask of 24 bits and a route for multicast.
    pub address: Ipv4Addr,
}

impl Lan {
    /// A LAN of that many hosts, at most 250, with the addresses 10.53.0.1 and so on. The bridge
    /// floods multicast to all ports, as a switch without snooping does.
    pub fn new(hosts: u8) -> Self {
        let switch = NetNs::new();
        switch.disable_ipv6();
        switch.ip(&["link", "add", "br0", "type", "bridge", "mcast_snooping", "0"]);
        switch.ip(&["link", "set", "br0", "up"]);
        let hosts = (1..=hosts).map(|number| Self::plug(&switch, number)).collect();
        Self { switch, hosts }
    }

    fn plug(switch: &NetNs, number: u8) -> Member {
        let namespace = NetNs::new();
        let port = format!("port{number}");
        let address = Ipv4Addr::new(10, 53, 0, number);
        switch.ip(&[
            "link",
            "add",
            &port,
            "type",
            "veth",
            "peer",
            "eth0",
            "netns",
            namespace.name(),
        ]);
        switch.ip(&["link", "set", &port, "master", "br0", "up"]);
        namespace.ip(&["address", "add", &format!("{address}/24"), "dev", "eth0"]);
        namespace.ip(&["link", "set", "eth0", "up"]);
        namespace.ip(&["route", "add", "224.0.0.0/4", "dev", "eth0"]);
        namespace.wait_for_carrier("eth0");
        switch.wait_for_carrier(&port);
        Member { namespace, address }
    }
}
