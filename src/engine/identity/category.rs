//! The category of a device, from what it offers and does.
//!
//! Made from service types, a model and roles. Evidence is only ever added, so a category changes a
//! few times at most.

use crate::engine::snapshot::Category;
use crate::labelled::labelled;
use crate::set::Set;

labelled! {
    /// A kind of evidence: one bit.
    pub(in crate::engine) enum Evidence {
        /// Prints.
        Prints = "prints",
        /// Scans: a printer that does, or any computer with a scanner.
        Scans = "scans",
        /// Shares a printer that is another device, as computers and base stations do.
        Shares = "shares",
        /// Is a camera.
        Sees = "sees",
        /// Keeps backups, as storage does and computers do not.
        Stores = "stores",
        /// Exports disks.
        Exports = "exports",
        /// Is a television.
        Shows = "shows",
        /// Takes casts of sound and pictures.
        Plays = "plays",
        /// Plays audio and nothing else.
        Sounds = "sounds",
        /// Bridges accessories.
        Bridges = "bridges",
        /// Has a library of media for others to play.
        Lends = "lends",
        /// Speaks Apple's device-to-device protocols, as phones do; computers too.
        Pairs = "pairs",
        /// Offers a desktop, or says that it is a computer.
        Computes = "computes",
        /// Offers a shell or files: computers, and much that has one inside.
        Serves = "serves",
        /// Has a NetBIOS name, asks for its address as Windows does, or searches as a browser on a
        /// desktop does.
        Meets = "meets",
        /// Is an Internet gateway, or sold as a router.
        Routes = "routes",
        /// Sends router advertisements (RFC 4861): a router, or a Thread border router, which is a
        /// loudspeaker or a hub.
        Advertises = "advertises",
        /// Sends IGMP or MLD general queries: a router, a switch, or a host that is a bridge.
        Queries = "queries",
        /// Hands out addresses to several clients: a router, or any server.
        Leases = "leases",
    }
}

/// All evidence met of one device.
pub(in crate::engine) type Found = Set<Evidence>;

/// Service types (RFC 6763 section 7) without `_` and transport, and what they are evidence of.
const SERVICES: &[(&str, Evidence)] = &[
    ("adisk", Evidence::Stores),
    ("afpovertcp", Evidence::Exports),
    ("airplay", Evidence::Plays),
    ("airport", Evidence::Routes),
    ("amzn-alexa", Evidence::Sounds),
    ("amzn-wplay", Evidence::Plays),
    ("androidtvremote", Evidence::Shows),
    ("androidtvremote2", Evidence::Shows),
    ("apple-mobdev", Evidence::Pairs),
    ("apple-mobdev2", Evidence::Pairs),
    ("axis-video", Evidence::Sees),
    ("companion-link", Evidence::Pairs),
    ("googlecast", Evidence::Plays),
    ("hap", Evidence::Bridges),
    ("home-assistant", Evidence::Bridges),
    ("hue", Evidence::Bridges),
    ("ipp", Evidence::Prints),
    ("ipps", Evidence::Prints),
    ("matter", Evidence::Bridges),
    ("matterd", Evidence::Bridges),
    ("mediaremotetv", Evidence::Plays),
    ("meshcop", Evidence::Bridges),
    ("nfs", Evidence::Exports),
    ("nvstream", Evidence::Computes),
    ("onvif", Evidence::Sees),
    ("pdl-datastream", Evidence::Prints),
    ("plexmediasvr", Evidence::Lends),
    ("printer", Evidence::Prints),
    ("privet", Evidence::Prints),
    ("qdiscover", Evidence::Stores),
    ("raop", Evidence::Sounds),
    ("rdlink", Evidence::Pairs),
    ("rdp", Evidence::Computes),
    ("readynas", Evidence::Stores),
    ("rfb", Evidence::Computes),
    ("riousbprint", Evidence::Shares),
    ("roku-rcp", Evidence::Plays),
    ("rtsp", Evidence::Sees),
    ("scanner", Evidence::Scans),
    ("sftp-ssh", Evidence::Serves),
    ("smb", Evidence::Serves),
    ("sonos", Evidence::Sounds),
    ("spotify-connect", Evidence::Sounds),
    ("ssh", Evidence::Serves),
    ("udisks-ssh", Evidence::Computes),
    ("uscan", Evidence::Scans),
    ("uscans", Evidence::Scans),
    ("viziocast", Evidence::Shows),
    ("webostv", Evidence::Shows),
    ("workstation", Evidence::Computes),
];

/// What a service type such as `_ipp._tcp` is evidence of. Case does not matter.
pub(in crate::engine) fn of_service(service: &str) -> Option<Evidence> {
    let label = service.split('.').next()?.strip_prefix('_')?;
    // LG's televisions append more to it.
    if label.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("webos")) {
        return Some(Evidence::Shows);
    }
    let known = SERVICES.iter().find(|(name, _)| name.eq_ignore_ascii_case(label))?;
    Some(known.1)
}

/// Notification types of SSDP (`NT`) by a part of them.
const UPNP: &[(&str, Evidence)] = &[
    (":InternetGatewayDevice:", Evidence::Routes),
    (":WANConnectionDevice:", Evidence::Routes),
    (":Printer:", Evidence::Prints),
    (":DigitalSecurityCamera:", Evidence::Sees),
    (":MainTVServer2:", Evidence::Shows),
    (":RemoteControlReceiver:", Evidence::Shows),
    (":webos-second-screen:", Evidence::Shows),
    (":ZonePlayer:", Evidence::Sounds),
    (":MediaRenderer:", Evidence::Plays),
    (":dial:", Evidence::Plays),
    ("roku:ecp", Evidence::Plays),
    (":MediaServer:", Evidence::Lends),
];

/// Products in SSDP's `SERVER`, by a part of them.
const SERVERS: &[(&str, Evidence)] = &[
    ("IpBridge/", Evidence::Bridges),
    ("Microsoft-Windows", Evidence::Computes),
    ("Roku/", Evidence::Plays),
    ("Sonos/", Evidence::Sounds),
];

/// Systems in the `USER-AGENT` of an SSDP search, by a part of them: browsers search for screens.
const AGENTS: &[(&str, Evidence)] = &[("Windows", Evidence::Meets), ("Mac OS X", Evidence::Meets)];

/// Types of device that a Hello of WS-Discovery announces, by a part of them.
const WSD: &[(&str, Evidence)] = &[
    (":Computer", Evidence::Computes),
    ("PrintDeviceType", Evidence::Prints),
    ("PrinterServiceType", Evidence::Prints),
    ("ScanDeviceType", Evidence::Scans),
    ("ScannerServiceType", Evidence::Scans),
    ("NetworkVideoTransmitter", Evidence::Sees),
];

/// Octets of a text that are looked through: real ones are shorter.
const SEARCHED: usize = 256;

/// What a notification type of SSDP is evidence of.
pub(in crate::engine) fn of_upnp(target: &str) -> Option<Evidence> {
    part_of(target, UPNP)
}

/// What the product and version of a device that announces in SSDP are evidence of.
pub(in crate::engine) fn of_server(server: &str) -> Option<Evidence> {
    part_of(server, SERVERS)
}

/// What the product and version of a device that searches in SSDP are evidence of.
pub(in crate::engine) fn of_agent(agent: &str) -> Option<Evidence> {
    part_of(agent, AGENTS)
}

/// What the types of a Hello of WS-Discovery are evidence of.
pub(in crate::engine) fn of_wsd(types: &str) -> Option<Evidence> {
    part_of(types, WSD)
}

fn part_of(text: &str, table: &[(&str, Evidence)]) -> Option<Evidence> {
    let text = &text[..text.floor_char_boundary(SEARCHED)];
    table.iter().find(|(part, _)| text.contains(part)).map(|(_, evidence)| *evidence)
}

/// Beginnings of models that leave no doubt. In order: the first match wins.
const MODELS: &[(&str, Category)] = &[
    ("appletv", Category::Media),
    ("audioaccessory", Category::Speaker),
    ("homepod", Category::Speaker),
    ("iphone", Category::Phone),
    ("ipad", Category::Phone),
    ("ipod", Category::Phone),
    ("watch", Category::Phone),
    ("macbook", Category::Computer),
    ("macmini", Category::Computer),
    ("macpro", Category::Computer),
    ("mac", Category::Computer),
    ("imac", Category::Computer),
    ("timecapsule", Category::Nas),
    ("rackmac", Category::Nas),
    ("xserve", Category::Nas),
    ("airport", Category::Router),
    ("chromecast", Category::Media),
    ("google home", Category::Speaker),
    ("google nest mini", Category::Speaker),
    ("nest audio", Category::Speaker),
    ("sonos", Category::Speaker),
    ("bravia", Category::Tv),
];

fn of_model(model: &str) -> Option<Category> {
    let starts = |prefix: &str| {
        model.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    MODELS.iter().find(|(prefix, _)| starts(prefix)).map(|(_, category)| *category)
}

/// Parts of the host names that systems choose themselves, in lower case. In order: the first match
/// wins.
const NAMES: &[(&str, Category)] = &[
    ("iphone", Category::Phone),
    ("ipad", Category::Phone),
    ("ipod", Category::Phone),
    ("macbook", Category::Computer),
    ("-mbp", Category::Computer),
    ("imac", Category::Computer),
    ("mac-mini", Category::Computer),
    ("mac-pro", Category::Computer),
    ("mac-studio", Category::Computer),
    ("apple-tv", Category::Media),
    ("homepod", Category::Speaker),
    ("airport", Category::Router),
    ("time-capsule", Category::Nas),
];

/// Beginnings of such names, in lower case.
const NAME_STARTS: &[(&str, Category)] = &[
    ("android", Category::Phone),
    ("desktop-", Category::Computer),
    ("laptop-", Category::Computer),
];

fn of_name(name: &str) -> Option<Category> {
    let name = name.to_ascii_lowercase();
    let starts = NAME_STARTS.iter().find(|(start, _)| name.starts_with(start));
    let found = starts.or_else(|| NAMES.iter().find(|(part, _)| name.contains(part)));
    found.map(|(_, category)| *category)
}

/// The category: the first match wins.
///
/// Gateways come before all: a router with a disk, a printer port and a shell is a router. Then a
/// model that leaves no doubt. Then what it offers, the more special first, where two things need
/// care: a computer that shares printers (CUPS) or disks is a computer, and so is a Mac, which
/// takes casts and pairs as a phone does. A base station or a hub with a printer behind it is none
/// either, nor is a host that its system named as something else. A device that advertises routes is a router unless it is
/// a loudspeaker or hub (Thread border routers advertise too). For a device that offers nothing,
/// the name that its system chose says most. One that has only a NetBIOS name is taken for a
/// computer, though much else has one; one that only queries for groups or hands out addresses is
/// taken for a router.
pub(in crate::engine) fn decide(found: Found, model: Option<&str>, name: Option<&str>) -> Category {
    if found.contains(Evidence::Routes) {
        return Category::Router;
    }
    if let Some(category) = model.and_then(of_model) {
        return category;
    }
    let pairs = found.contains(Evidence::Pairs);
    let serves = found.contains(Evidence::Serves);
    let computes = found.contains(Evidence::Computes) || (serves && pairs);
    let is_appliance =
        [Evidence::Plays, Evidence::Sounds, Evidence::Bridges].iter().any(|&e| found.contains(e));
    let is_router = found.contains(Evidence::Advertises) && !is_appliance && !pairs;
    // A base station shares the printer behind it in its own name.
    let by_name = name.and_then(of_name);
    let has_queue = [Evidence::Prints, Evidence::Shares].iter().any(|&e| found.contains(e));
    if let Some(category) = by_name.filter(|_| has_queue && !is_appliance && !computes && !serves) {
        return category;
    }
    let prints = found.contains(Evidence::Prints)
        && !found.contains(Evidence::Shares)
        && !found.contains(Evidence::Bridges)
        && !computes
        && !serves
        && !pairs;
    let offers = [
        (found.contains(Evidence::Sees), Category::Camera),
        (found.contains(Evidence::Stores) && !pairs, Category::Nas),
        (found.contains(Evidence::Exports) && !computes && !pairs, Category::Nas),
        (prints, Category::Printer),
        (found.contains(Evidence::Shows), Category::Tv),
        (is_router, Category::Router),
        (computes, Category::Computer),
        (found.contains(Evidence::Plays), Category::Media),
        (found.contains(Evidence::Sounds), Category::Speaker),
        (found.contains(Evidence::Bridges), Category::Hub),
        (serves, Category::Computer),
        (found.contains(Evidence::Stores), Category::Computer),
        (found.contains(Evidence::Exports), Category::Computer),
        (found.contains(Evidence::Prints), Category::Computer),
        (found.contains(Evidence::Shares), Category::Computer),
    ];
    let first = |table: &[(bool, Category)]| {
        table.iter().find(|(fits, _)| *fits).map(|(_, category)| *category)
    };
    first(&offers)
        .or_else(|| name.and_then(of_name))
        .or_else(|| {
            first(&[
                (pairs, Category::Phone),
                (found.contains(Evidence::Lends), Category::Media),
                (found.contains(Evidence::Meets), Category::Computer),
                (found.contains(Evidence::Leases), Category::Router),
                (found.contains(Evidence::Queries), Category::Router),
            ])
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn category(services: &[&str], model: Option<&str>) -> Category {
        let mut found = Found::default();
        for service in services {
            if let Some(evidence) = of_service(service) {
                found.insert(evidence);
            }
        }
        decide(found, model, None)
    }

    #[test]
    fn by_services() {
        let cases: &[(&[&str], Category)] = &[
            (&["_ipp._tcp", "_http._tcp", "_uscan._tcp"], Category::Printer),
            (&["_IPP._TCP.local"], Category::Printer),
            (&["_ipp._tcp", "_workstation._tcp"], Category::Computer),
            (&["_googlecast._tcp"], Category::Media),
            (&["_googlecast._tcp", "_androidtvremote2._tcp"], Category::Tv),
            (&["_raop._tcp", "_airplay._tcp"], Category::Media),
            (&["_raop._tcp"], Category::Speaker),
            (&["_sonos._tcp", "_spotify-connect._tcp"], Category::Speaker),
            (&["_rtsp._tcp", "_axis-video._tcp"], Category::Camera),
            (&["_hap._tcp"], Category::Hub),
            (&["_companion-link._tcp"], Category::Phone),
            (&["_companion-link._tcp", "_airplay._tcp", "_rfb._tcp"], Category::Computer),
            (&["_adisk._tcp", "_smb._tcp", "_afpovertcp._tcp"], Category::Nas),
            (&["_smb._tcp"], Category::Computer),
            (&["_smb._tcp", "_afpovertcp._tcp"], Category::Nas),
            (&["_afpovertcp._tcp", "_workstation._tcp", "_udisks-ssh._tcp"], Category::Computer),
            (&["_afpovertcp._tcp", "_companion-link._tcp"], Category::Computer),
            (&["_ipp._tcp", "_smb._tcp"], Category::Computer),
            (&["_raop._tcp", "_ssh._tcp", "_smb._tcp"], Category::Speaker),
            (&["_companion-link._tcp", "_airplay._tcp", "_ssh._tcp"], Category::Computer),
            (&["_plexmediasvr._tcp"], Category::Media),
            (&["_plexmediasvr._tcp", "_adisk._tcp"], Category::Nas),
            (&["_webostv._tcp"], Category::Tv),
            (&["_webos-second-screen._tcp"], Category::Tv),
            (&["_http._tcp"], Category::Unknown),
            (&["", "_", "ipp", "._tcp"], Category::Unknown),
        ];
        for (services, expected) in cases {
            assert_eq!(category(services, None), *expected, "{services:?}");
        }
    }

    #[test]
    fn by_model() {
        let air = ["_airplay._tcp", "_raop._tcp", "_companion-link._tcp"];
        assert_eq!(category(&air, Some("AppleTV6,2")), Category::Media);
        assert_eq!(category(&air, Some("AudioAccessory1,1")), Category::Speaker);
        assert_eq!(category(&air, Some("MacBookPro18,1")), Category::Computer);
        assert_eq!(category(&air, Some("iPhone14,2")), Category::Phone);
        assert_eq!(category(&["_ipp._tcp"], Some("Canon TS5300 series")), Category::Printer);
    }

    #[test]
    fn roles() {
        let mut found = Found::default();
        let category = |found| decide(found, None, None);
        assert!(found.insert(Evidence::Queries));
        assert!(!found.insert(Evidence::Queries));
        assert_eq!(category(found), Category::Router);
        found.insert(Evidence::Leases);
        assert_eq!(category(found), Category::Router);
        found.insert(Evidence::Computes);
        assert_eq!(category(found), Category::Computer, "a host that is a bridge and serves DHCP");
        found.insert(Evidence::Advertises);
        assert_eq!(category(found), Category::Router);
        found.insert(Evidence::Bridges);
        assert_eq!(category(found), Category::Computer);
        found.insert(Evidence::Routes);
        assert_eq!(category(found), Category::Router);
    }

    #[test]
    fn a_name_tells_only_of_who_offers_nothing() {
        let of = |found, name| decide(found, None, Some(name));
        let nothing = Found::default();
        for (name, expected) in [
            ("Brooke-Baldwins-iPhone.local", Category::Phone),
            ("Lucas-iMac.local", Category::Computer),
            ("Annas-MBP.local", Category::Computer),
            ("DESKTOP-M3JAMSQ.local", Category::Computer),
            ("MY-DESKTOP-1", Category::Unknown),
            ("Android-2.local", Category::Phone),
            ("localcam.local", Category::Unknown),
            ("", Category::Unknown),
        ] {
            assert_eq!(of(nothing, name), expected, "{name}");
        }
        let mut found = nothing;
        found.insert(Evidence::Queries);
        found.insert(Evidence::Pairs);
        assert_eq!(of(found, "Lucas-iMac.local"), Category::Computer);
        assert_eq!(of(found, "x"), Category::Phone);
        found.insert(Evidence::Prints);
        found.insert(Evidence::Sounds);
        assert_eq!(of(found, "Lucas-iMac.local"), Category::Speaker);
    }

    #[test]
    fn by_ssdp_and_ws_discovery() {
        let gateway = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
        assert_eq!(of_upnp(gateway), Some(Evidence::Routes));
        assert_eq!(of_upnp("upnp:rootdevice"), None);
        assert_eq!(of_server("Linux/3.14.0 UPnP/1.0 IpBridge/1.26.0"), Some(Evidence::Bridges));
        assert_eq!(of_agent("Google Chrome/87.0.4280.88 Windows"), Some(Evidence::Meets));
        assert_eq!(of_agent("UPnP/1.0"), None);
        assert_eq!(of_wsd("wsdp:Device wprt:PrintDeviceType"), Some(Evidence::Prints));
        assert_eq!(of_wsd("wsdp:Device"), None);
        let late = format!("{}:Computer", "\u{fc}".repeat(SEARCHED));
        assert_eq!(of_wsd(&late), None, "bounded");
    }

    #[test]
    fn the_table_is_sorted_and_without_duplicates() {
        assert!(SERVICES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
