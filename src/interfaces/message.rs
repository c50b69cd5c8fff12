//! rtnetlink messages as our own small types: links, addresses, neighbours. No IO, no state.
//!
//! Layouts: Linux `include/uapi/linux/{rtnetlink,if_link,if_addr,neighbour}.h`.

use super::wire::{Malformed, attributes, u16_at, u32_at};
use crate::mac::Mac;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `struct ifinfomsg`, in bytes.
const LINK_FIXED: usize = 16;
/// `struct ifaddrmsg`, in bytes.
const ADDRESS_FIXED: usize = 8;
/// `struct ndmsg`, in bytes.
const NEIGHBOUR_FIXED: usize = 12;

/// What one message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A link is there, with these properties.
    Link(Box<Link>),
    /// The link with this index is gone: deleted, or moved to another namespace.
    LinkGone(u32),
    /// An address is there.
    Address(Address),
    /// An address is gone.
    AddressGone(Address),
    /// An entry of the neighbour table.
    Neighbour(Neighbour),
    /// Nothing that matters here.
    Other,
}

/// One network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Index in this namespace; never reused while the namespace lives, unless somebody asks
    /// for an index by number.
    pub index: u32,
    /// Its name: at most 15 bytes. What is not UTF-8 is replaced by U+FFFD.
    pub name: String,
    /// Its flags.
    pub flags: Flags,
    /// Its hardware address, if that has six octets and is not zero.
    pub mac: Option<Mac>,
    /// Hardware type (`ARPHRD_*`, `include/uapi/linux/if_arp.h`): 1 Ethernet, 772 loopback,
    /// 801 and 803 Wi-Fi in monitor mode, 65534 none (raw IP).
    pub hardware: u16,
    /// Largest payload of a frame, in bytes.
    pub mtu: u32,
    /// The link that this one is a port or member of.
    pub master: Option<Master>,
    /// What kind of device it is.
    pub kind: Kind,
    /// The link underneath: the parent of a VLAN, macvlan or ipvlan device. `None` if that is in
    /// another namespace: an index there means nothing here. The other end of a veth is beside
    /// it, not underneath.
    pub lower: Option<u32>,
}

/// Flags of a link (`IFF_*`) that matter here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u32);

impl Flags {
    const fn has(self, flag: libc::c_int) -> bool {
        self.0 & flag.cast_unsigned() != 0
    }

    /// Whether it is up as the administrator sees it (`IFF_UP`).
    pub const fn up(self) -> bool {
        self.has(libc::IFF_UP)
    }

    /// Whether it is up and can carry frames (`IFF_RUNNING`): the cable is in.
    pub const fn running(self) -> bool {
        self.has(libc::IFF_RUNNING)
    }

    /// Whether it can carry multicast.
    pub const fn multicast(self) -> bool {
        self.has(libc::IFF_MULTICAST)
    }

    /// Whether it is the loopback device.
    pub const fn loopback(self) -> bool {
        self.has(libc::IFF_LOOPBACK)
    }
}

/// The link above one that is a port or member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Master {
    /// Its index.
    pub index: u32,
    /// What kind of device it is.
    pub kind: MasterKind,
}

/// What kind of device a link is a port or member of (`IFLA_INFO_SLAVE_KIND`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterKind {
    /// A bridge.
    Bridge,
    /// A bond.
    Bond,
    /// A team.
    Team,
    /// A VRF: a routing table, not a broadcast domain.
    Vrf,
    /// Another, by the kernel's name for it (`openvswitch`, `batadv`, …), empty where it gives
    /// none.
    Other(Box<str>),
}

/// What kind of device a link is (`IFLA_INFO_KIND`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A network card, or what looks like one: no kind is given.
    Physical,
    /// One VLAN of the link underneath.
    Vlan(Vlan),
    /// A bridge.
    Bridge,
    /// A bond.
    Bond,
    /// A team.
    Team,
    /// A VRF.
    Vrf,
    /// macvlan or macvtap: a MAC of its own on the link underneath.
    Macvlan,
    /// ipvlan or ipvtap: an IP address of its own on the link underneath.
    Ipvlan,
    /// veth or netkit: one end of a pair.
    Veth,
    /// TUN or TAP.
    Tun,
    /// Another, by the kernel's name for it.
    Other(Box<str>),
}

/// Which frames of the link underneath belong to a VLAN device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vlan {
    /// VLAN id, 0 to 4095.
    pub id: u16,
    /// Tag protocol: 0x8100 (802.1Q) or 0x88a8 (802.1ad).
    pub protocol: u16,
}

/// One IP address of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The link that has it.
    pub index: u32,
    /// The address itself; with a peer, this end's.
    pub ip: IpAddr,
    /// Length of its network's prefix in bits.
    pub prefix: u8,
    /// How far it is valid (`RT_SCOPE_*`): 0 everywhere, 253 on this link, 254 on this host.
    pub scope: u8,
}

impl Address {
    /// Whether it is for this link only: 169.254.0.0/16 (RFC 3927), `fe80::/10` (RFC 4291
    /// section 2.5.6), or given as such.
    pub(crate) fn is_link_local(&self) -> bool {
        self.scope == libc::RT_SCOPE_LINK
            || match self.ip {
                IpAddr::V4(ip) => ip.is_link_local(),
                IpAddr::V6(ip) => ip.is_unicast_link_local(),
            }
    }
}

/// An entry of the neighbour table (ARP or neighbour discovery).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The link on which the neighbour is.
    pub index: u32,
    /// Its address.
    pub ip: IpAddr,
    /// Its MAC, if it answered and the link has MACs.
    pub mac: Option<Mac>,
}

/// Reads one message. `kind` is the type in its header.
///
/// # Errors
/// [`Malformed`] if the framing is broken or what every such message has is missing. Unknown
/// attributes and odd values of known ones are no errors.
pub fn decode(kind: u16, payload: &[u8]) -> Result<Message, Malformed> {
    match kind {
        libc::RTM_NEWLINK | libc::RTM_DELLINK => link(kind, payload),
        libc::RTM_NEWADDR => Ok(address(payload)?.map_or(Message::Other, Message::Address)),
        libc::RTM_DELADDR => Ok(address(payload)?.map_or(Message::Other, Message::AddressGone)),
        libc::RTM_NEWNEIGH => neighbour(payload),
        _ => Ok(Message::Other),
    }
}

/// `RTM_NEWLINK` and `RTM_DELLINK`.
fn link(kind: u16, payload: &[u8]) -> Result<Message, Malformed> {
    let (family, hardware, index, flags) = (|| {
        Some((*payload.first()?, u16_at(payload, 2)?, u32_at(payload, 4)?, u32_at(payload, 8)?))
    })()
    .ok_or(Malformed::Payload)?;
    let rest = payload.get(LINK_FIXED..).ok_or(Malformed::Payload)?;
    // A bridge announces its ports in the same group with family AF_BRIDGE, and says RTM_DELLINK
    // when one leaves it. The link itself is as it was.
    if i32::from(family) != libc::AF_UNSPEC {
        return Ok(Message::Other);
    }
    if kind == libc::RTM_DELLINK {
        return Ok(Message::LinkGone(index));
    }
    let mut link = Link {
        index,
        name: String::new(),
        flags: Flags(flags),
        mac: None,
        hardware,
        mtu: 0,
        master: None,
        kind: Kind::Physical,
        lower: None,
    };
    let (mut master, mut far) = (None, false);
    let mut info = Info { kind: Kind::Physical, master: MasterKind::Other(Box::default()) };
    for attribute in attributes(rest) {
        let attribute = attribute?;
        let value = attribute.value;
        match attribute.number {
            // An event of the wireless extensions carries a name and nothing else: read as a
            // description of the link it would remove its master and kind.
            libc::IFLA_WIRELESS => return Ok(Message::Other),
            libc::IFLA_IFNAME => link.name = text(value),
            libc::IFLA_ADDRESS => link.mac = mac(value),
            libc::IFLA_MTU => link.mtu = u32_at(value, 0).unwrap_or(0),
            libc::IFLA_MASTER => master = u32_at(value, 0).filter(|&index| index != 0),
            libc::IFLA_LINK => link.lower = u32_at(value, 0).filter(|&index| index != 0),
            libc::IFLA_LINK_NETNSID => far = true,
            libc::IFLA_LINKINFO => info = link_info(value)?,
            _ => {}
        }
    }
    if link.name.is_empty() {
        return Err(Malformed::Missing(libc::IFLA_IFNAME));
    }
    if far || info.kind == Kind::Veth {
        link.lower = None;
    }
    link.master = master.map(|index| Master { index, kind: info.master });
    link.kind = info.kind;
    Ok(Message::Link(Box::new(link)))
}

/// What `IFLA_LINKINFO` says.
struct Info {
    kind: Kind,
    master: MasterKind,
}

fn link_info(bytes: &[u8]) -> Result<Info, Malformed> {
    let (mut kind, mut data, mut port) = (String::new(), &[][..], String::new());
    for attribute in attributes(bytes) {
        let attribute = attribute?;
        match attribute.number {
            libc::IFLA_INFO_KIND => kind = text(attribute.value),
            libc::IFLA_INFO_DATA => data = attribute.value,
            libc::IFLA_INFO_SLAVE_KIND => port = text(attribute.value),
            _ => {}
        }
    }
    let kind = match kind.as_str() {
        "" => Kind::Physical,
        "vlan" => Kind::Vlan(vlan(data)?),
        "bridge" => Kind::Bridge,
        "bond" => Kind::Bond,
        "team" => Kind::Team,
        "vrf" => Kind::Vrf,
        "macvlan" | "macvtap" => Kind::Macvlan,
        "ipvlan" | "ipvtap" => Kind::Ipvlan,
        "veth" | "netkit" => Kind::Veth,
        "tun" => Kind::Tun,
        _ => Kind::Other(kind.into()),
    };
    let master = match port.as_str() {
        "bridge" => MasterKind::Bridge,
        "bond" => MasterKind::Bond,
        "team" => MasterKind::Team,
        "vrf" => MasterKind::Vrf,
        _ => MasterKind::Other(port.into()),
    };
    Ok(Info { kind, master })
}

/// `IFLA_INFO_DATA` of a VLAN device.
fn vlan(data: &[u8]) -> Result<Vlan, Malformed> {
    // From the enum of IFLA_VLAN_*, which libc does not have.
    const ID: u16 = 1;
    const PROTOCOL: u16 = 5;
    // The default of kernels that give no protocol (before 3.10).
    const DOT1Q: u16 = 0x8100;
    let (mut id, mut protocol) = (None, DOT1Q);
    for attribute in attributes(data) {
        let attribute = attribute?;
        match attribute.number {
            ID => id = u16_at(attribute.value, 0),
            // The one value in network byte order.
            PROTOCOL => {
                protocol = attribute.value.first_chunk().map_or(DOT1Q, |&b| u16::from_be_bytes(b));
            }
            _ => {}
        }
    }
    Ok(Vlan { id: id.ok_or(Malformed::Missing(ID))?, protocol })
}

/// `RTM_NEWADDR` and `RTM_DELADDR`; `None` for a family without IP addresses.
fn address(payload: &[u8]) -> Result<Option<Address>, Malformed> {
    let fixed = payload.first_chunk::<ADDRESS_FIXED>().ok_or(Malformed::Payload)?;
    let (family, prefix, scope) = (fixed[0], fixed[1], fixed[3]);
    let index = u32_at(fixed, 4).ok_or(Malformed::Payload)?;
    let (mut own, mut given) = (None, None);
    for attribute in attributes(&payload[ADDRESS_FIXED..]) {
        let attribute = attribute?;
        match attribute.number {
            libc::IFA_LOCAL => own = ip(family, attribute.value),
            // The peer's address where there is one, else the same as IFA_LOCAL.
            libc::IFA_ADDRESS => given = ip(family, attribute.value),
            _ => {}
        }
    }
    if !is_ip(family) {
        return Ok(None);
    }
    let ip = own.or(given).ok_or(Malformed::Missing(libc::IFA_ADDRESS))?;
    Ok(Some(Address { index, ip, prefix, scope }))
}

/// `RTM_NEWNEIGH`.
fn neighbour(payload: &[u8]) -> Result<Message, Malformed> {
    // From include/uapi/linux/neighbour.h. Failed or unanswered entries have a stale MAC or
    // none; NOARP entries are multicast addresses and the loopback.
    const USABLE: u16 = libc::NUD_REACHABLE
        | libc::NUD_STALE
        | libc::NUD_DELAY
        | libc::NUD_PROBE
        | libc::NUD_PERMANENT;
    let fixed = payload.first_chunk::<NEIGHBOUR_FIXED>().ok_or(Malformed::Payload)?;
    let family = fixed[0];
    let index = u32_at(fixed, 4).ok_or(Malformed::Payload)?;
    let state = u16_at(fixed, 8).ok_or(Malformed::Payload)?;
    let (mut destination, mut hardware) = (None, None);
    for attribute in attributes(&payload[NEIGHBOUR_FIXED..]) {
        let attribute = attribute?;
        match attribute.number {
            libc::NDA_DST => destination = ip(family, attribute.value),
            libc::NDA_LLADDR => hardware = mac(attribute.value),
            _ => {}
        }
    }
    // A bridge's forwarding table is of the same message type, with family AF_BRIDGE.
    if !is_ip(family) {
        return Ok(Message::Other);
    }
    let ip = destination.ok_or(Malformed::Missing(libc::NDA_DST))?;
    let mac = hardware.filter(|_| state & USABLE != 0);
    Ok(Message::Neighbour(Neighbour { index, ip, mac }))
}

fn is_ip(family: u8) -> bool {
    matches!(i32::from(family), libc::AF_INET | libc::AF_INET6)
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match i32::from(family) {
        libc::AF_INET => value.first_chunk().map(|&octets: &[u8; 4]| Ipv4Addr::from(octets).into()),
        libc::AF_INET6 => {
            value.first_chunk().map(|&octets: &[u8; 16]| Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

fn mac(value: &[u8]) -> Option<Mac> {
    <[u8; 6]>::try_from(value).ok().filter(|octets| *octets != [0; 6]).map(Mac)
}

/// A string up to its terminating zero.
fn text(value: &[u8]) -> String {
    let end = value.iter().position(|&byte| byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}

#[cfg(test)]
mod tests;
