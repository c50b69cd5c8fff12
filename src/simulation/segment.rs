//! The segments of a site besides the household: a workshop, in which some things go wrong at a low
//! rate all the time, and guests. The household stays without faults: tests rest on that.

use super::device::{Habit, Presence, Profile};
use super::household::{household, offer, phone};
use super::site::Site;
use crate::craft::Host;
use crate::mac::Mac;
use std::net::Ipv4Addr;

/// A segment of a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Segment {
    /// The household, untagged.
    #[default]
    Home,
    /// VLAN 20: boards, a 3D printer, a server of home automation and its spare.
    Workshop,
    /// VLAN 30: phones that come and go, a loudspeaker, a tablet on the wall, a repeater.
    Guests,
}

/// Whose name is fought over in the workshop.
pub(super) const OWNER: usize = 1;
/// Who fights for it.
pub(super) const SPARE: usize = 2;

impl Segment {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Home, Self::Workshop, Self::Guests];

    /// Its VLAN; `None` is untagged.
    pub const fn vlan(self) -> Option<u16> {
        match self {
            Self::Home => None,
            Self::Workshop => Some(20),
            Self::Guests => Some(30),
        }
    }

    /// What a reader calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Workshop => "workshop",
            Self::Guests => "guests",
        }
    }

    /// Its devices. The first is its router; visitors come last.
    pub(super) fn devices(self, site: Site) -> Vec<Profile> {
        match self {
            Self::Home => household(site),
            Self::Workshop => workshop().iter().map(|device| site.profile(device)).collect(),
            Self::Guests => guests().iter().map(|device| site.profile(device)).collect(),
        }
    }
}

/// A device of the documents' site: the vendor's prefix, the end of its MAC and its IPv4 address.
fn device(name: &str, vendor: [u8; 3], mac: u8, [net, last]: [u8; 2]) -> Profile {
    let [o, u, i] = vendor;
    Profile {
        name: name.to_owned(),
        host: Host::new(Mac([o, u, i, 0x53, 0, mac]), Ipv4Addr::new(10, 0, net, last)),
        has_v6: true,
        responds: true,
        offers: Vec::new(),
        browses: &[],
        upnp: None,
        groups: &[],
        habits: &[Habit::Neighbours],
        presence: Presence::Resident,
    }
}

fn router(mac: u8, net: u8) -> Profile {
    Profile {
        responds: false,
        habits: &[Habit::Neighbours, Habit::Querier, Habit::Advertises],
        ..device("gateway", [0xc0, 0x25, 0x06], mac, [net, 1])
    }
}

fn board(name: &str, mac: u8, last: u8) -> Profile {
    Profile {
        has_v6: false,
        offers: vec![offer(name, "_esphomelib._tcp", 6053, &["platform=ESP32", "version=2026.10"])],
        ..device(name, [0x24, 0x0a, 0xc4], mac, [20, last])
    }
}

/// The instance that [`Habit::Polls`] asks for: the lamp that has no power at times.
pub(super) const POLLED: &str = "Bench lamp._shelly._tcp.local";
/// What [`Habit::Wants`] looks for: nobody has it.
pub(super) const WANTED: [&str; 2] = ["_scanner._tcp.local", "_ptp._tcp.local"];
/// What [`Habit::Casts`] looks for.
pub(super) const CAST: &str = "_googlecast._tcp.local";
/// What [`Habit::Nags`] looks for, too often.
pub(super) const NAGGED: &str = "_esphomelib._tcp.local";

fn workshop() -> Vec<Profile> {
    let net = 20;
    let automation = device("homeassistant", [0xdc, 0xa6, 0x32], 0x81, [net, 2]);
    let spare = device("homeassistant-spare", [0xb8, 0x27, 0xeb], 0x82, [net, 3]);
    let version = ["version=2026.11.2", "requires_api_password=True"];
    vec![
        router(0x80, net),
        Profile {
            offers: vec![offer("Workshop", "_home-assistant._tcp", 8123, &version)],
            browses: &["_esphomelib._tcp"],
            habits: &[Habit::Neighbours, Habit::Polls],
            ..automation
        },
        Profile { responds: false, ..spare },
        board("porch", 0x83, 10),
        board("attic", 0x84, 11),
        board("cellar", 0x85, 12),
        Profile {
            has_v6: false,
            offers: vec![offer("Bench lamp", "_shelly._tcp", 80, &["gen=2", "app=Plus1"])],
            presence: Presence::Flaky,
            ..device("bench-lamp", [0x84, 0x0d, 0x8e], 0x86, [net, 13])
        },
        Profile {
            offers: vec![
                offer("OctoPrint on octopi", "_octoprint._tcp", 80, &["path=/", "model=MK4"]),
                offer("OctoPrint on octopi", "_http._tcp", 80, &["path=/"]),
            ],
            ..device("octopi", [0xb8, 0x27, 0xeb], 0x87, [net, 20])
        },
        Profile {
            responds: false,
            browses: &["_octoprint._tcp"],
            habits: &[Habit::Neighbours, Habit::Uses, Habit::Wants, Habit::Nags],
            ..device("bench-laptop", [0x00, 0x14, 0x22], 0x88, [net, 21])
        },
        Profile {
            responds: false,
            habits: &[Habit::Names],
            ..device("switch", [0x74, 0xac, 0xb9], 0x89, [net, 4])
        },
        Profile {
            responds: false,
            habits: &[Habit::Neighbours, Habit::Garbles],
            ..device("ipcam", [0x9c, 0x8e, 0xcd], 0x8a, [net, 30])
        },
    ]
}

fn guests() -> Vec<Profile> {
    let net = 30;
    let cast = ["md=Chromecast", "fn=Guest room", "ca=201221", "st=0"];
    let mut all = vec![
        router(0xc0, net),
        Profile {
            offers: vec![offer("Chromecast-5300c1", "_googlecast._tcp", 8009, &cast)],
            ..device("fuchsia-5460-0953-00c1", [0x54, 0x60, 0x09], 0xc1, [net, 2])
        },
        Profile {
            responds: false,
            habits: &[Habit::Neighbours, Habit::Casts],
            ..device("wall-tablet", [0x38, 0x8c, 0x50], 0xc3, [net, 4])
        },
        Profile {
            responds: false,
            habits: &[Habit::Neighbours, Habit::Repeats],
            ..device("repeater", [0x50, 0xc7, 0xbf], 0xc2, [net, 3])
        },
    ];
    let names =
        [("Carlas-iPhone", true), ("Dans-iPad", true), ("Eves-iPhone", true), ("moto", false)];
    all.extend(names.map(|(name, is_apple)| phone(name, is_apple)));
    all
}
