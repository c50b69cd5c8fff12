//! What one simulated LAN has otherwise than the next of its kind: hardware addresses, a network,
//! and the names that are made of these. The vendors stay.

use super::device::Profile;
use super::record::Offer;
use crate::craft::Host;
use crate::mac::Mac;
use std::net::Ipv4Addr;

/// Which of many LANs of one kind. The default is that of the documents, 10.0.1.0/24.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Site(u16);

impl Site {
    /// The site that a seed stands for. Seeds up to 65,535 have one each, none the documents'.
    pub const fn of_seed(seed: u64) -> Self {
        // Neighbouring seeds should not look alike: an odd factor loses nothing of 16 bits.
        let number = (seed % 65_535 + 1).wrapping_mul(40_503);
        let [.., high, low] = number.to_be_bytes();
        Self(u16::from_be_bytes([high, low]))
    }

    /// The addresses that a host of the documents has here.
    pub const fn host(self, documented: Host) -> Host {
        let [high, low] = self.0.to_be_bytes();
        let [o, u, i, a, b, c] = documented.mac.0;
        let [net, x, y, last] = documented.v4.octets();
        Host::new(Mac([o, u, i, a ^ high, b ^ low, c]), Ipv4Addr::new(net, x ^ high, y ^ low, last))
    }

    /// The twelve digits of a serial number of the documents, as they are here.
    pub(super) fn serial(self, documented: &str) -> String {
        let (fixed, rest) = documented.split_at(documented.len() - 6);
        let number = u32::from_str_radix(rest, 16).unwrap_or(0) ^ u32::from(self.0) << 8;
        format!("{fixed}{number:06X}")
    }

    /// A device of the documents, as it is here. One without addresses gets them when it comes.
    pub(super) fn profile(self, documented: &Profile) -> Profile {
        let before = documented.host;
        let host = self.host(before);
        let text = |text: &str| renamed(text, before.mac, host.mac);
        let offer = |offer: &Offer| Offer {
            instance: text(&offer.instance),
            txt: offer.txt.iter().map(|string| text(string)).collect(),
            ..offer.clone()
        };
        Profile {
            name: text(&documented.name),
            offers: documented.offers.iter().map(offer).collect(),
            host,
            ..documented.clone()
        }
    }
}

/// The text with one MAC in place of another, in the ways in which vendors write them into names:
/// whole, or its last six digits.
fn renamed(text: &str, from: Mac, to: Mac) -> String {
    let forms = |mac: Mac| {
        let colons = mac.to_string();
        let digits = colons.replace(':', "");
        let dashes = format!("{}-{}-{}", &digits[..4], &digits[4..8], &digits[8..]);
        let last = digits[6..].to_owned();
        let lower = [colons, digits, dashes, last];
        let upper = lower.clone().map(|form| form.to_uppercase());
        lower.into_iter().chain(upper)
    };
    let pairs = forms(from).zip(forms(to));
    pairs.fold(text.to_owned(), |text, (from, to)| text.replace(&from, &to))
}

#[cfg(test)]
mod tests {
    use super::super::household::{Member, household};
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_site_of_the_documents_is_as_written() {
        let host = Host::new(Mac([0, 0x1e, 0x8f, 0xab, 0x10, 8]), Ipv4Addr::new(10, 0, 1, 8));
        assert_eq!(Site::default().host(host), host);
        assert_eq!(Site::default().serial("A1CA45000000"), "A1CA45000000");
    }

    #[test]
    fn no_two_sites_share_a_mac_a_network_or_a_serial_number() {
        let [mut macs, mut networks, mut serials] = [const { BTreeSet::new() }; 3];
        for site in (0..=200).map(Site::of_seed).chain([Site::default()]) {
            let devices = household(site);
            let octets = |device: &Profile| device.host.v4.octets()[..3].to_vec();
            let network = octets(&devices[0]);
            assert!(serials.insert(devices[Member::Printer as usize].name.clone()));
            for device in devices.iter().filter(|device| !device.is_visitor()) {
                assert!(macs.insert(device.host.mac.to_string()), "{}", device.host.mac);
                assert_eq!(octets(device), network);
            }
            assert!(network[0] == 10 && networks.insert(format!("{network:?}")));
        }
        let numbers: BTreeSet<_> = (0..65_535).map(|seed| Site::of_seed(seed).0).collect();
        assert!(numbers.len() == 65_535 && !numbers.contains(&0));
    }

    #[test]
    fn names_that_are_made_of_a_mac_follow_it_and_vendors_stay() {
        let site = Site::of_seed(7);
        let whole = |site| -> Vec<String> {
            let of = |device: &Profile| {
                let offers = device.offers.iter();
                let offers = offers.flat_map(|offer| offer.txt.iter().chain([&offer.instance]));
                offers.chain([&device.name]).cloned().collect::<Vec<_>>()
            };
            household(site).iter().flat_map(of).collect()
        };
        let (documented, here) = (whole(Site::default()), whole(site));
        let changed: Vec<_> = documented.iter().zip(&here).filter(|(a, b)| a != b).collect();
        assert!(changed.len() >= 9, "{changed:?}");
        for (before, after) in changed {
            assert_eq!(before.len(), after.len(), "{before} became {after}");
            assert!(!after.contains("5300"), "{before} became {after}");
        }
        let vendor = |device: &Profile| device.host.mac.0[..3].to_vec();
        let vendors = |site| household(site).iter().map(vendor).collect::<Vec<_>>();
        assert_eq!(vendors(site), vendors(Site::default()));
    }
}
