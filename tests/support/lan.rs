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
        Self::numbered(53, hosts)
    }

    /// The same with the addresses 10.`subnet`.0.1 and so on.
    pub fn numbered(subnet: u8, hosts: u8) -> Self {
        let switch = NetNs::new();
        switch.disable_ipv6();
        switch.ip(&["link", "add", "br0", "type", "bridge", "mcast_snooping", "0"]);
        switch.ip(&["link", "set", "br0", "up"]);
        let lan = Self { switch, hosts: Vec::new() };
        let hosts = (1..=hosts).map(|number| {
            let namespace = NetNs::new();
            let address = Ipv4Addr::new(10, subnet, 0, number);
            lan.plug(&namespace, "eth0", address);
            namespace.ip(&["route", "add", "224.0.0.0/4", "dev", "eth0"]);
            Member { namespace, address }
        });
        Self { hosts: hosts.collect(), ..lan }
    }

    /// Gives a namespace an interface with this address, of which the last number is the port's.
    pub fn plug(&self, namespace: &NetNs, interface: &str, address: Ipv4Addr) {
        let port = format!("port{}", address.octets()[3]);
        let far = namespace.name();
        let pair = ["type", "veth", "peer", interface, "netns", far];
        self.switch.ip(&[&["link", "add", &port], &pair[..]].concat());
        self.switch.ip(&["link", "set", &port, "master", "br0", "up"]);
        namespace.ip(&["address", "add", &format!("{address}/24"), "dev", interface]);
        namespace.ip(&["link", "set", interface, "up"]);
        namespace.wait_for_carrier(interface);
        self.switch.wait_for_carrier(&port);
    }
}
