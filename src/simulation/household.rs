//! The devices of the LAN, as data: 10.0.1.0/24 of a family with a home office.

use super::device::{Habit, Presence, Profile, Upnp};
use super::record::Offer;
use super::site::Site;
use super::stream;
use crate::craft::Host;
use crate::mac::Mac;
use std::net::Ipv4Addr;

/// What the printer calls itself: a serial number, which is made anew for each site.
const PRINTER: &str = "A1CA45000000";

/// A device of the household that the scenarios of the tests speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Member {
    Router,
    Printer,
    Television,
    LivingRoomSpeaker,
    KitchenSpeaker,
    Cast,
    Nas,
    Hub,
    Lights,
    Mac,
    Windows,
    Linux,
    Monitor,
    Camera,
    Streamer,
}

impl Member {
    /// All, in the order of their places.
    pub const ALL: [Self; 15] = [
        Self::Router,
        Self::Printer,
        Self::Television,
        Self::LivingRoomSpeaker,
        Self::KitchenSpeaker,
        Self::Cast,
        Self::Nas,
        Self::Hub,
        Self::Lights,
        Self::Mac,
        Self::Windows,
        Self::Linux,
        Self::Monitor,
        Self::Camera,
        Self::Streamer,
    ];

    /// Its addresses in the LAN of the documents, where the printer is 10.0.1.8.
    pub const fn host(self) -> Host {
        let (mac, last) = match self {
            Self::Router => ([0xc0, 0x25, 0x06, 0x53, 0x00, 0x01], 1),
            Self::Printer => ([0x00, 0x1e, 0x8f, 0xab, 0x10, 0x08], 8),
            Self::Television => ([0x38, 0x8c, 0x50, 0x53, 0x00, 0x14], 20),
            Self::LivingRoomSpeaker => ([0x5c, 0xaa, 0xfd, 0x53, 0x00, 0x15], 21),
            Self::KitchenSpeaker => ([0x5c, 0xaa, 0xfd, 0x53, 0x00, 0x16], 22),
            Self::Cast => ([0x54, 0x60, 0x09, 0x53, 0x00, 0x17], 23),
            Self::Nas => ([0x00, 0x11, 0x32, 0x53, 0x00, 0x1e], 30),
            Self::Hub => ([0xdc, 0xa6, 0x32, 0x53, 0x00, 0x1f], 31),
            Self::Lights => ([0x00, 0x17, 0x88, 0x53, 0x00, 0x20], 32),
            Self::Mac => ([0x3c, 0x22, 0xfb, 0x53, 0x00, 0x28], 40),
            Self::Windows => ([0x8c, 0x16, 0x45, 0x53, 0x00, 0x29], 41),
            Self::Linux => ([0x00, 0x23, 0x24, 0x53, 0x00, 0x2a], 42),
            Self::Monitor => ([0xb8, 0x27, 0xeb, 0x53, 0x00, 0x2b], 43),
            Self::Camera => ([0x00, 0x40, 0x8c, 0x53, 0x00, 0x32], 50),
            Self::Streamer => ([0x00, 0x1b, 0x21, 0x53, 0x00, 0x33], 51),
        };
        Host::new(Mac(mac), Ipv4Addr::new(10, 0, 1, last))
    }

    fn profile(self) -> Profile {
        let name = match self {
            Self::Router => "gateway",
            Self::Printer => PRINTER,
            Self::Television => "LGwebOSTV",
            Self::LivingRoomSpeaker => "Sonos-5CAAFD530015",
            Self::KitchenSpeaker => "Sonos-5CAAFD530016",
            Self::Cast => "fuchsia-5460-0953-0017",
            Self::Nas => "diskstation",
            Self::Hub => "homebridge",
            Self::Lights => "Philips-hue",
            Self::Mac => "Annas-MacBook",
            Self::Windows => "DESKTOP-7K2M",
            Self::Linux => "workbench",
            Self::Monitor => "monitor",
            Self::Camera => "axis-00408c530032",
            Self::Streamer => "encoder",
        };
        Profile {
            name: name.to_owned(),
            host: self.host(),
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
}

/// All devices of a site: the members in their order, then the visitors.
pub(super) fn household(site: Site) -> Vec<Profile> {
    let mut all: Vec<Profile> =
        Member::ALL.into_iter().map(|device| site.profile(&member(device))).collect();
    all[Member::Printer as usize].name = site.serial(PRINTER);
    all.extend(visitors());
    all
}

pub(super) fn offer(instance: &str, kind: &'static str, port: u16, txt: &[&str]) -> Offer {
    let txt = txt.iter().map(|&text| text.to_owned()).collect();
    Offer { instance: instance.to_owned(), kind, port, txt }
}

#[allow(clippy::too_many_lines, reason = "a table of devices")]
fn member(member: Member) -> Profile {
    use Habit::{Advertises, Neighbours, Notifies, Querier, Scans, Searches, Uses, Windows};
    let base = member.profile();
    match member {
        Member::Router => Profile {
            responds: false,
            upnp: Some(Upnp {
                kinds: &[
                    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
                    "urn:schemas-upnp-org:device:WANDevice:1",
                    "urn:schemas-upnp-org:service:WANIPConnection:1",
                ],
                server: "gateway UPnP/1.0 AVM FRITZ!Box 7590",
            }),
            habits: &[Neighbours, Querier, Advertises, Notifies],
            ..base
        },
        Member::Printer => Profile {
            offers: vec![
                offer(
                    "Canon MF620C Series",
                    "_ipp._tcp",
                    631,
                    &["txtvers=1", "ty=Canon MF620C", "rp=ipp/print", "Color=T", "Duplex=T"],
                ),
                offer("Canon MF620C Series", "_printer._tcp", 515, &["ty=Canon MF620C"]),
                offer("Canon MF620C Series", "_uscan._tcp", 80, &["ty=Canon MF620C", "rs=eSCL"]),
                offer("Canon MF620C Series", "_http._tcp", 80, &[]),
            ],
            ..base
        },
        Member::Television => Profile {
            offers: vec![offer(
                "LG webOS TV",
                "_airplay._tcp",
                7000,
                &["model=OLED55", "flags=0x4"],
            )],
            browses: &["_googlecast._tcp"],
            groups: &[stream::GROUP],
            upnp: Some(Upnp {
                kinds: &[
                    "urn:schemas-upnp-org:device:MediaRenderer:1",
                    "urn:lge-com:service:webos-second-screen:1",
                ],
                server: "WebOS/4.0 UPnP/1.0",
            }),
            habits: &[Neighbours, Notifies],
            ..base
        },
        Member::LivingRoomSpeaker => speaker(member, "Living Room"),
        Member::KitchenSpeaker => speaker(member, "Kitchen"),
        Member::Cast => Profile {
            offers: vec![offer(
                "Nest-Audio-0953",
                "_googlecast._tcp",
                8009,
                &["md=Nest Audio", "fn=Bedroom", "ca=199172", "st=0"],
            )],
            ..base
        },
        Member::Nas => Profile {
            offers: vec![
                offer("diskstation", "_smb._tcp", 445, &[]),
                offer("diskstation", "_adisk._tcp", 9, &["sys=waMA=00:11:32:53:00:1E,adVF=0x100"]),
                offer("diskstation", "_http._tcp", 5000, &["vendor=Synology", "model=DS920+"]),
            ],
            upnp: Some(Upnp {
                kinds: &[
                    "urn:schemas-upnp-org:device:MediaServer:1",
                    "urn:schemas-upnp-org:service:ContentDirectory:1",
                ],
                server: "Synology/DSM UPnP/1.0",
            }),
            habits: &[Neighbours, Notifies],
            ..base
        },
        Member::Hub => Profile { offers: accessories(), ..base },
        Member::Lights => Profile {
            offers: vec![
                offer("Hue Bridge - 530020", "_hue._tcp", 443, &["modelid=BSB002"]),
                offer("Hue Bridge - 530020", "_hap._tcp", 8080, &["md=BSB002", "ci=2", "sf=0"]),
            ],
            upnp: Some(Upnp {
                kinds: &["urn:schemas-upnp-org:device:Basic:1"],
                server: "Hue/1.0 UPnP/1.0 IpBridge/1.60.0",
            }),
            habits: &[Neighbours, Notifies],
            has_v6: false,
            ..base
        },
        Member::Mac => Profile {
            offers: vec![offer("Anna's MacBook", "_companion-link._tcp", 49_152, &["rpVr=510.3"])],
            browses: &["_airplay._tcp", "_ipp._tcp", "_smb._tcp", "_hap._tcp"],
            habits: &[Neighbours, Uses],
            ..base
        },
        Member::Windows => Profile {
            browses: &["_googlecast._tcp", "_ipp._tcp"],
            habits: &[Neighbours, Windows, Searches, Uses],
            ..base
        },
        Member::Linux => Profile {
            offers: vec![offer("workbench", "_sftp-ssh._tcp", 22, &[])],
            browses: &["_ipp._tcp"],
            habits: &[Neighbours, Uses],
            ..base
        },
        Member::Monitor => Profile { habits: &[Neighbours, Scans], ..base },
        Member::Camera => Profile {
            offers: vec![
                offer(
                    "AXIS P3245 - 00408C530032",
                    "_axis-video._tcp",
                    80,
                    &["macaddress=00408C530032"],
                ),
                offer("AXIS P3245 - 00408C530032", "_rtsp._tcp", 554, &[]),
            ],
            upnp: Some(Upnp {
                kinds: &["urn:axis-com:service:BasicService:1"],
                server: "Linux UPnP/1.0 Portable SDK",
            }),
            habits: &[Neighbours, Notifies],
            ..base
        },
        Member::Streamer => {
            Profile { offers: vec![offer("IPTV encoder", "_http._tcp", 80, &[])], ..base }
        }
    }
}

fn speaker(member: Member, room: &'static str) -> Profile {
    Profile {
        offers: vec![
            offer(room, "_sonos._tcp", 1443, &["vers=3", "protovers=1.33.1"]),
            offer(room, "_spotify-connect._tcp", 1400, &["CPath=/spotifyzc"]),
        ],
        browses: &["_sonos._tcp"],
        upnp: Some(Upnp {
            kinds: &[
                "urn:schemas-upnp-org:device:ZonePlayer:1",
                "urn:schemas-upnp-org:device:MediaRenderer:1",
                "urn:schemas-upnp-org:service:AVTransport:1",
            ],
            server: "Linux UPnP/1.0 Sonos/76.2 (ZPS9)",
        }),
        habits: &[Habit::Neighbours, Habit::Notifies],
        ..member.profile()
    }
}

/// The thirty accessories of the hub. Their names differ by more than a number: otherwise they
/// would look like one name that is tried again and again.
const ACCESSORIES: [&str; 30] = [
    "Attic Lamp",
    "Attic Window",
    "Bathroom Fan",
    "Bathroom Lamp",
    "Bathroom Mirror",
    "Bedroom Blind",
    "Bedroom Heater",
    "Bedroom Lamp",
    "Cellar Lamp",
    "Cellar Pump",
    "Dining Blind",
    "Dining Lamp",
    "Doorbell",
    "Garage Door",
    "Garage Lamp",
    "Garden Lamp",
    "Garden Valve",
    "Hall Lamp",
    "Hall Motion",
    "Kitchen Blind",
    "Kitchen Heater",
    "Kitchen Lamp",
    "Living Blind",
    "Living Heater",
    "Living Lamp",
    "Nursery Blind",
    "Nursery Lamp",
    "Office Blind",
    "Office Heater",
    "Office Lamp",
];

fn accessories() -> Vec<Offer> {
    let offers = ACCESSORIES.into_iter().zip(51_000..);
    offers
        .map(|(name, port)| offer(name, "_hap._tcp", port, &["c#=2", "ff=0", "pv=1.1", "sf=0"]))
        .collect()
}

/// A phone: it comes and goes, and has another MAC each time.
pub(super) fn phone(name: &str, is_apple: bool) -> Profile {
    Profile {
        name: name.to_owned(),
        host: Host::new(Mac([0; 6]), Ipv4Addr::UNSPECIFIED),
        has_v6: true,
        responds: is_apple,
        offers: Vec::new(),
        browses: if is_apple {
            &["_airplay._tcp", "_raop._tcp", "_companion-link._tcp"]
        } else {
            &["_googlecast._tcp"]
        },
        upnp: None,
        groups: &[],
        habits: if is_apple { &[Habit::Uses] } else { &[Habit::Searches] },
        presence: Presence::Visitor,
    }
}

fn visitors() -> [Profile; 4] {
    [
        phone("Annas-iPhone", true),
        phone("Bens-iPhone", true),
        phone("Pixel", false),
        phone("Galaxy", false),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_in_their_places_and_have_addresses_and_names_of_their_own() {
        let all = household(Site::default());
        for (place, member) in Member::ALL.into_iter().enumerate() {
            assert_eq!(member as usize, place);
            assert_eq!(all[place].host, member.host());
            let same = |other: &&Profile| other.host.v4 == all[place].host.v4;
            assert_eq!(all.iter().filter(same).count(), 1, "{member:?}");
            let same = |other: &&Profile| other.name == all[place].name;
            assert_eq!(all.iter().filter(same).count(), 1, "{member:?}");
        }
    }
}
