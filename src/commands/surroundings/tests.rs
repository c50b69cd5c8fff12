//! Tests of what is read and judged of the surroundings.

use super::*;
use crate::commands::finding::{Level, render};
use crate::interfaces::message::{Flags, Message};

fn link(index: u32, name: &str, kind: Kind) -> Link {
    Link {
        index,
        name: name.into(),
        flags: Flags(1),
        mac: None,
        hardware: 1,
        mtu: 1500,
        master: None,
        kind,
        lower: None,
    }
}

fn table(links: &[Link]) -> Table {
    let mut table = Table::new();
    for link in links {
        table.handle_message(Message::Link(Box::new(link.clone())));
    }
    table
}

/// A directory like /sys/class/net: name, ifindex and iflink of each.
fn class(links: &[(&str, u32, u32)]) -> tempfile::TempDir {
    let class = tempfile::tempdir().unwrap();
    for (name, index, far) in links {
        let directory = class.path().join(name);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("ifindex"), format!("{index}\n")).unwrap();
        fs::write(directory.join("iflink"), format!("{far}\n")).unwrap();
    }
    class
}

#[test]
fn the_other_end_of_a_veth() {
    let links = [link(2, "a0", Kind::Veth), link(3, "b0", Kind::Veth), link(4, "c0", Kind::Veth)];
    let table = table(&links);
    // b0's number is also that of c0's other end, in its own namespace.
    let class = class(&[("a0", 2, 3), ("b0", 3, 2), ("c0", 4, 3)]);
    let peer = |link: &Link| peer_in(class.path(), &table, link);
    assert_eq!(peer(&links[0]), Some(Peer::Here));
    assert_eq!(peer(&links[1]), Some(Peer::Here));
    assert_eq!(peer(&links[2]), Some(Peer::Elsewhere));
}

#[test]
fn the_other_end_may_have_the_same_number_elsewhere() {
    let link = link(2, "eth0", Kind::Veth);
    let table = table(std::slice::from_ref(&link));
    let class = class(&[("eth0", 2, 2)]);
    assert_eq!(peer_in(class.path(), &table, &link), Some(Peer::Elsewhere));
}

#[test]
fn another_namespaces_sysfs_tells_nothing() {
    let here = link(2, "a0", Kind::Veth);
    let table = table(std::slice::from_ref(&here));
    let other = class(&[("a0", 7, 3)]);
    assert_eq!(peer_in(other.path(), &table, &here), Some(Peer::Unknown));
    let empty = class(&[]);
    assert_eq!(peer_in(empty.path(), &table, &here), Some(Peer::Unknown));
    assert_eq!(peer_in(empty.path(), &table, &link(5, "eth0", Kind::Physical)), None);
}

#[test]
fn marks_of_containers() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path();
    assert_eq!(container_in(path), None);
    fs::create_dir_all(path.join("proc/self")).unwrap();
    fs::create_dir(path.join("run")).unwrap();
    fs::write(path.join("proc/self/cgroup"), "0::/\n").unwrap();
    assert_eq!(container_in(path), None);
    fs::write(path.join("proc/self/cgroup"), "12:pids:/docker/0123abcd\n0::/\n").unwrap();
    assert_eq!(container_in(path).as_deref(), Some("cgroup docker"));
    fs::write(path.join("proc/self/cgroup"), "0::/kubepods.slice/pod1\n").unwrap();
    assert_eq!(container_in(path).as_deref(), Some("cgroup kubepods"));
    fs::write(path.join("proc/self/cgroup"), "0::/user.slice/session-1.scope\n").unwrap();
    assert_eq!(container_in(path), None);
    fs::write(path.join("run/.containerenv"), "").unwrap();
    assert_eq!(container_in(path).as_deref(), Some("/run/.containerenv"));
    fs::write(path.join(".dockerenv"), "").unwrap();
    assert_eq!(container_in(path).as_deref(), Some("/.dockerenv"));
}

#[test]
fn a_container_behind_nat() {
    let text = render(&container(Some("/.dockerenv"), &[("eth0", Some(Peer::Elsewhere))]));
    assert_eq!(
        text,
        "
Surroundings
  hint     this is a container (/.dockerenv) with a network of its own: eth0
           leads to a bridge of the host, most likely with NAT, which the LAN's
           multicast does not cross
           -> share the host's network (Kubernetes: hostNetwork: true), or give
              it a macvlan:
           $ docker run --network=host ...
"
    );
    let unmarked = container(None, &[("a0", Some(Peer::Elsewhere))]);
    assert_eq!(unmarked[0].level, Level::Hint);
    assert!(unmarked[0].text.starts_with("a0 leads to another network namespace"));
}

#[test]
fn a_container_with_the_hosts_network_or_no_container() {
    let peers = [("eth0", None), ("veth1", Some(Peer::Elsewhere))];
    let host = container(Some("/.dockerenv"), &peers);
    assert_eq!(host.len(), 1);
    assert_eq!(host[0].level, Level::Ok);
    assert_eq!(container(None, &peers), []);
    assert_eq!(container(None, &[("a0", Some(Peer::Unknown))]), []);
    assert_eq!(container(None, &[]), [], "nothing captured is no container");
}

#[test]
fn kernels() {
    assert_eq!(kernel("6.1.0-18-amd64"), [Finding::ok(Area::Kernel, "Linux 6.1.0-18-amd64")]);
    let wsl = kernel("5.15.153.1-microsoft-standard-WSL2");
    assert_eq!(wsl[1].level, Level::Hint);
    assert!(wsl[1].text.starts_with("this is WSL2"));
    let text = render(&wsl);
    assert!(text.contains("networkingMode=mirrored") && text.contains("wsl.exe --shutdown"));
    let old = kernel("4.4.0-19041-Microsoft");
    assert!(old[1].text.starts_with("this is WSL1"));
    assert_eq!(kernel("")[0].level, Level::Hint);
    assert!(!kernel_release().is_empty());
}

#[test]
fn wireless_says_why_and_what_to_do() {
    let text = render(&[wireless("wlan0")]);
    assert!(text.contains("hint     wlan0 is Wi-Fi"), "{text}");
    assert!(text.contains("$ sudo iw dev wlan0 set power_save off\n"), "{text}");
}

#[test]
fn vlan_filters() {
    let on = |fixed| Ok(VlanFilter::On { fixed });
    assert_eq!(vlan_filter("eth0", &Ok(VlanFilter::Off), false).level, Level::Ok);
    assert_eq!(vlan_filter("eth0", &on(false), true).level, Level::Ok);
    assert_eq!(
        render(&[vlan_filter("eth0", &on(false), false)]),
        "
Surroundings
  hint     the driver of eth0 drops frames of VLANs that have no interface here
           (rx-vlan-filter); this matters on a trunk or mirror port only
           -> use --capture.promiscuous, or:
           $ sudo ethtool -K eth0 rx-vlan-filter off
"
    );
    let fixed = render(&[vlan_filter("eth0", &on(true), false)]);
    assert!(fixed.contains("fixed") && !fixed.contains("ethtool"), "{fixed}");
    let unknown = vlan_filter("eth0", &Err("Operation not supported".into()), false);
    assert_eq!(unknown.level, Level::Hint);
    assert!(unknown.text.contains("is unknown (Operation not supported)"));
}
