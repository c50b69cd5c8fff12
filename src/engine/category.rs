//! What sort of device it is, from what it offers and does.
//!
//! Comes in: service types, a model, roles. Goes out: one [`Category`]. Evidence is only ever
//! added, so a category changes a few times at most.

use super::snapshot::Category;

/// A kind of evidence: one bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Prints or scans.
    Prints,
    /// Is a camera.
    Sees,
    /// Keeps backups or exports disks.
    Stores,
    /// Is a television.
    Shows,
    /// Takes casts of sound and pictures.
    Plays,
    /// Plays audio and nothing else.
    Sounds,
    /// Bridges accessories.
    Bridges,
    /// Speaks Apple's device-to-device protocols, as phones do; computers too.
    Pairs,
    /// Offers a shell, a desktop or files.
    Computes,
    /// Hands out addresses, or is sold as a router.
    Routes,
    /// Sends router advertisements (RFC 4861): a router, or a Thread border router, which is a
    /// loudspeaker or a hub.
    Advertises,
    /// Sends IGMP or MLD queries: a router, a switch, or a host that is a bridge.
    Queries,
}

/// All evidence met of one device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found(u16);

impl Found {
    /// Adds evidence; whether it is new.
    pub(super) fn add(&mut self, evidence: Evidence) -> bool {
        let before = *self;
        self.0 |= 1 << evidence as u16;
        *self != before
    }

    const fn has(self, evidence: Evidence) -> bool {
        self.0 & (1 << evidence as u16) != 0
    }
}

/// Service types (RFC 6763 section 7) without `_` and transport, and what they are evidence of.
const SERVICES: &[(&str, Evidence)] = &[
    ("adisk", Evidence::Stores),
    ("afpovertcp", Evidence::Stores),
    ("airplay", Evidence::Plays),
    ("airport", Evidence::Routes),
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
    ("nfs", Evidence::Stores),
    ("nvstream", Evidence::Computes),
    ("onvif", Evidence::Sees),
    ("pdl-datastream", Evidence::Prints),
    ("printer", Evidence::Prints),
    ("raop", Evidence::Sounds),
    ("rdlink", Evidence::Pairs),
    ("rfb", Evidence::Computes),
    ("rtsp", Evidence::Sees),
    ("scanner", Evidence::Prints),
    ("sftp-ssh", Evidence::Computes),
    ("smb", Evidence::Computes),
    ("sonos", Evidence::Sounds),
    ("spotify-connect", Evidence::Sounds),
    ("ssh", Evidence::Computes),
    ("udisks-ssh", Evidence::Computes),
    ("uscan", Evidence::Prints),
    ("uscans", Evidence::Prints),
    ("viziocast", Evidence::Shows),
    ("webostv", Evidence::Shows),
    ("workstation", Evidence::Computes),
];

/// What a service type such as `_ipp._tcp` is evidence of. Case does not matter.
pub(super) fn of_service(service: &str) -> Option<Evidence> {
    let label = service.split('.').next()?.strip_prefix('_')?;
    // LG's televisions put more behind it.
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
    (":ZonePlayer:", Evidence::Sounds),
    (":MediaRenderer:", Evidence::Plays),
    (":dial:", Evidence::Plays),
    ("roku:ecp", Evidence::Plays),
];

/// What a notification type of SSDP is evidence of.
pub(super) fn of_upnp(target: &str) -> Option<Evidence> {
    UPNP.iter().find(|(part, _)| target.contains(part)).map(|(_, evidence)| *evidence)
}

/// Beginnings of models that leave no doubt. In order: the first that fits.
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

/// The category: what is said first wins.
///
/// Routing comes before all: a router with a disk, a printer port and a shell is a router. Then a
/// model that leaves no doubt. Then the sorts, the more special first, where two things need
/// care: a computer that shares printers (CUPS) or files is a computer, and so is a Mac, which
/// takes casts and pairs as a phone does. Who advertises
/// routes is a router unless it is a loudspeaker or hub (Thread border routers advertise too), and
/// who only sends IGMP or MLD queries is taken for one if it offers nothing.
pub(super) fn decide(found: Found, model: Option<&str>) -> Category {
    if found.has(Evidence::Routes) {
        return Category::Router;
    }
    if let Some(category) = model.and_then(of_model) {
        return category;
    }
    let computes = found.has(Evidence::Computes);
    let pairs = found.has(Evidence::Pairs);
    let is_appliance =
        [Evidence::Plays, Evidence::Sounds, Evidence::Bridges].iter().any(|&e| found.has(e));
    let is_router = found.has(Evidence::Advertises) && !is_appliance && !pairs;
    let table = [
        (found.has(Evidence::Sees), Category::Camera),
        (found.has(Evidence::Stores) && !pairs, Category::Nas),
        (found.has(Evidence::Prints) && !computes && !pairs, Category::Printer),
        (found.has(Evidence::Shows), Category::Tv),
        (is_router, Category::Router),
        (computes, Category::Computer),
        (found.has(Evidence::Plays), Category::Media),
        (found.has(Evidence::Sounds), Category::Speaker),
        (found.has(Evidence::Bridges), Category::Hub),
        (found.has(Evidence::Stores), Category::Computer),
        (found.has(Evidence::Prints), Category::Computer),
        (pairs, Category::Phone),
        (found.has(Evidence::Queries), Category::Router),
    ];
    table.iter().find(|(fits, _)| *fits).map_or(Category::Unknown, |(_, category)| *category)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn category(services: &[&str], model: Option<&str>) -> Category {
        let mut found = Found::default();
        for service in services {
            if let Some(evidence) = of_service(service) {
                found.add(evidence);
            }
        }
        decide(found, model)
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
        assert!(found.add(Evidence::Queries));
        assert!(!found.add(Evidence::Queries));
        assert_eq!(decide(found, None), Category::Router);
        found.add(Evidence::Computes);
        assert_eq!(decide(found, None), Category::Computer, "a host that is a bridge");
        found.add(Evidence::Advertises);
        assert_eq!(decide(found, None), Category::Router);
        found.add(Evidence::Bridges);
        assert_eq!(decide(found, None), Category::Computer);
        found.add(Evidence::Routes);
        assert_eq!(decide(found, None), Category::Router);
    }

    #[test]
    fn the_table_is_sorted_and_without_duplicates() {
        assert!(SERVICES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
