//! Which interfaces are captured, and why the others are not, by the patterns of the command line.
//! Pure: no IO, no state.

use super::message::{Kind, Link, MasterKind, Vlan};
use super::pattern::{PatternError, Patterns};
use super::table::{MAX_DEPTH, Table};
use std::fmt;

/// What the command line says about interfaces.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    include: Patterns,
    exclude: Patterns,
}

/// One link and what was decided about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The link's index.
    pub index: u32,
    /// The link's name.
    pub name: String,
    /// What was decided.
    pub choice: Choice,
}

/// Whether a link is captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is.
    Captured,
    /// It is not, for this reason.
    Skipped(Reason),
}

/// Why a link is not captured. Displays as the rest of a sentence that begins with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// `--capture.interface-exclude` matches it.
    Excluded,
    /// `--capture.interface` was given and does not match it.
    NotIncluded,
    /// It would be captured, but it is down.
    Down,
    /// The loopback device.
    Loopback,
    /// A port: what it hears is counted on the device that it is a port of.
    Port {
        /// That device.
        of: String,
        /// What kind of device that is.
        kind: MasterKind,
    },
    /// It cannot carry multicast.
    NoMulticast,
    /// A macvlan or ipvlan device: what it hears is counted on the device underneath.
    Child {
        /// That device, which is captured.
        of: String,
    },
    /// A veth without an address that is valid beyond the link: the host end of a container's.
    Veth,
}

impl Reason {
    /// A short name for tables and labels.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Excluded => "excluded",
            Self::NotIncluded => "not_included",
            Self::Down => "down",
            Self::Loopback => "loopback",
            Self::Port { .. } => "port",
            Self::NoMulticast => "no_multicast",
            Self::Child { .. } => "child",
            Self::Veth => "veth",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Excluded => f.write_str("is excluded by --capture.interface-exclude"),
            Self::NotIncluded => f.write_str("is not matched by --capture.interface"),
            Self::Down => f.write_str("is down"),
            Self::Loopback => f.write_str("is the loopback device"),
            Self::Port { of, kind } => {
                let kind = match kind {
                    MasterKind::Bridge => "bridge",
                    MasterKind::Bond => "bond",
                    MasterKind::Team => "team",
                    MasterKind::Vrf => "VRF",
                    MasterKind::Other(name) if name.is_empty() => "device",
                    MasterKind::Other(name) => name,
                };
                write!(f, "is a port of the {kind} {of}, where its frames are counted")
            }
            Self::NoMulticast => f.write_str("cannot carry multicast"),
            Self::Child { of } => write!(f, "shares {of}, where its frames are counted"),
            Self::Veth => f.write_str(
                "is a veth with only link-local addresses, most likely the host's end of a container's",
            ),
        }
    }
}

/// What lies around a captured link and counts some of its tagged frames itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The VLAN devices that are up over this link, or over a link that it is a port of. Sorted.
    pub devices: Vec<Vlan>,
    /// Whether a bridge, bond or team that it is a port of is captured too: that one counts all
    /// tagged frames.
    pub master_captured: bool,
    /// The VLAN ids of the frames on this link themselves, outermost first, if it is a VLAN
    /// device: at most two.
    pub own: Vec<u16>,
}

impl Policy {
    /// From the values of `--capture.interface` and `--capture.interface-exclude`.
    ///
    /// # Errors
    /// The first pattern that cannot be used, with the name of its flag.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, PatternError> {
        Ok(Self {
            include: Patterns::new("--capture.interface", include)?,
            exclude: Patterns::new("--capture.interface-exclude", exclude)?,
        })
    }

    /// What is decided about each link, by index.
    pub fn choose(&self, table: &Table) -> Vec<Chosen> {
        table
            .links()
            .map(|link| Chosen {
                index: link.index,
                name: link.name.clone(),
                choice: self.decide(table, link, MAX_DEPTH),
            })
            .collect()
    }

    /// The patterns of `--capture.interface` that match no link that is there.
    pub fn unmatched(&self, table: &Table) -> Vec<&str> {
        let names: Vec<&str> = table.links().map(|link| link.name.as_str()).collect();
        self.include.without_match(&names).collect()
    }

    /// What lies around the link `index`.
    pub fn surroundings(&self, table: &Table, index: u32) -> Surroundings {
        let mut devices: Vec<Vlan> =
            table.with_masters(index).flat_map(|link| table.vlans_over(link.index)).collect();
        devices.sort_unstable();
        devices.dedup();
        let master_captured = table
            .with_masters(index)
            .skip(1)
            .any(|master| self.decide(table, master, MAX_DEPTH) == Choice::Captured);
        Surroundings { devices, master_captured, own: own_vlans(table, index) }
    }

    fn decide(&self, table: &Table, link: &Link, depth: usize) -> Choice {
        if self.exclude.matches(&link.name) {
            return Choice::Skipped(Reason::Excluded);
        }
        let against = if self.include.is_empty() {
            self.against(table, link, depth)
        } else if self.include.matches(&link.name) {
            None
        } else {
            Some(Reason::NotIncluded)
        };
        match against {
            Some(reason) => Choice::Skipped(reason),
            None if !link.flags.up() => Choice::Skipped(Reason::Down),
            None => Choice::Captured,
        }
    }

    /// What speaks against a link when the command line names none.
    fn against(&self, table: &Table, link: &Link, depth: usize) -> Option<Reason> {
        if link.flags.loopback() {
            return Some(Reason::Loopback);
        }
        if let Some(master) = &link.master {
            match master.kind {
                MasterKind::Vrf => {}
                MasterKind::Bridge | MasterKind::Bond | MasterKind::Team | MasterKind::Other(_) => {
                    let kind = master.kind.clone();
                    return Some(Reason::Port { of: name_of(table, master.index), kind });
                }
            }
        }
        if !link.flags.multicast() {
            return Some(Reason::NoMulticast);
        }
        match link.kind {
            Kind::Macvlan | Kind::Ipvlan => {
                let lower = table.link(link.lower?)?;
                let captured = self.decide(table, lower, depth.checked_sub(1)?);
                (captured == Choice::Captured).then(|| Reason::Child { of: lower.name.clone() })
            }
            Kind::Veth => {
                let reached = table.addresses(link.index).any(|address| !address.is_link_local());
                (!reached).then_some(Reason::Veth)
            }
            Kind::Physical
            | Kind::Vlan(_)
            | Kind::Bridge
            | Kind::Bond
            | Kind::Team
            | Kind::Vrf
            | Kind::Tun
            | Kind::Other(_) => None,
        }
    }
}

fn name_of(table: &Table, index: u32) -> String {
    table.link(index).map_or_else(|| format!("with index {index}"), |link| link.name.clone())
}

/// The ids of the VLAN devices that a link is, or stands on.
fn own_vlans(table: &Table, index: u32) -> Vec<u16> {
    let mut own = Vec::new();
    let mut link = table.link(index);
    while let Some(Link { kind: Kind::Vlan(vlan), lower, .. }) = link {
        own.insert(0, vlan.id);
        if own.len() == 2 {
            break;
        }
        link = lower.and_then(|lower| table.link(lower));
    }
    own
}

#[cfg(test)]
mod tests;
