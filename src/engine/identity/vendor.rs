//! Who made a network card: looks a MAC address up in a table that is compiled in; knows nothing of
//! devices.
//!
//! `oui.bin` holds the registers of the IEEE Registration Authority (MA-L, MA-M, MA-S and the old
//! IAB) of August 2026; `scripts/make-oui` describes its format, `make oui` makes it anew, NOTICE
//! says where the data comes from and on what terms.

use crate::mac::Mac;

/// Prefixes in the locally administered space that software is known to use, longest first: how far
/// the address is shifted right, what is left of it then, and whose it is.
const LOCAL: [(u32, u64, &str); 7] = [
    // Every Calico veth has the one address ee:ee:ee:ee:ee:ee.
    (0, 0xeeee_eeee_eeee, "Calico"),
    // The Microsoft loopback adapter: 02:00:4c:4f:4f:50.
    (0, 0x0200_4c4f_4f50, "Microsoft loopback"),
    (24, 0x52_5400, "QEMU"),
    // libvirt gives the tap device of a guest the guest's address with the first octet fe.
    (24, 0xfe_5400, "QEMU"),
    // Host-only networks.
    (24, 0x0a_0027, "VirtualBox"),
    (32, 0x0242, "Docker"),
    // CNI plugins: the IPv4 address follows.
    (32, 0x0a58, "Kubernetes"),
];

/// The vendor's name where the address was made up, as phones do on each network.
pub(crate) const RANDOMIZED: &str = "randomized";

/// Who made the card with this address: the longest registered prefix of 36, 28 or 24 bits; a
/// prefix that software is known to use; [`RANDOMIZED`] for other locally administered addresses.
/// `None` for group addresses, unknown prefixes, and owners that the registry keeps private.
///
/// Names are those of the registry, at most 64 characters. Takes some 100 ns.
pub fn lookup(mac: Mac) -> Option<&'static str> {
    if mac.is_group() {
        return None;
    }
    registered(mac).or_else(|| known_local(mac)).or_else(|| mac.is_local().then_some(RANDOMIZED))
}

fn registered(mac: Mac) -> Option<&'static str> {
    let [a, b, c, d, e, _] = mac.0;
    REGISTRY
        .find(2, &[a, b, c, d, e & 0xf0])
        .or_else(|| REGISTRY.find(1, &[a, b, c, d & 0xf0]))
        .or_else(|| REGISTRY.find(0, &[a, b, c]))
}

fn known_local(mac: Mac) -> Option<&'static str> {
    let [a, b, c, d, e, f] = mac.0;
    let address = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    LOCAL.iter().find(|(shift, prefix, _)| address >> shift == *prefix).map(|(_, _, name)| *name)
}

static REGISTRY: Registry = Registry::new(include_bytes!("oui.bin"));

/// The compiled register, cut into its parts.
struct Registry {
    /// Prefixes of 24, 28 and 36 bits, sorted, each with the index of its name.
    prefixes: [&'static [u8]; 3],
    /// Where in `names` each begins, and where the last one ends.
    offsets: &'static [u8],
    names: &'static [u8],
}

impl Registry {
    /// Cuts at compile time, so that a file of a wrong length does not compile.
    const fn new(data: &'static [u8]) -> Self {
        let (header, rest) = data.split_at(16);
        let (mac24, rest) = rest.split_at(count(header, 0) * 5);
        let (mac28, rest) = rest.split_at(count(header, 1) * 6);
        let (mac36, rest) = rest.split_at(count(header, 2) * 7);
        let (offsets, names) = rest.split_at((count(header, 3) + 1) * 4);
        Self { prefixes: [mac24, mac28, mac36], offsets, names }
    }

    /// The name that belongs to exactly this prefix in one of the three tables.
    fn find(&self, table: usize, prefix: &[u8]) -> Option<&'static str> {
        let table = self.prefixes[table];
        let size = prefix.len() + 2;
        let (mut low, mut high) = (0, table.len() / size);
        while low < high {
            let middle = usize::midpoint(low, high);
            let (found, index) = table[middle * size..][..size].split_at(prefix.len());
            match found.cmp(prefix) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => {
                    return self.name(u16::from_le_bytes([index[0], index[1]]).into());
                }
            }
        }
        None
    }

    fn name(&self, index: usize) -> Option<&'static str> {
        let end = self.offset(index + 1)?;
        str::from_utf8(self.names.get(self.offset(index)?..end)?).ok()
    }

    fn offset(&self, index: usize) -> Option<usize> {
        let octets = self.offsets.get(index * 4..)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*octets)).ok()
    }
}

/// A little-endian u32 of the header.
const fn count(header: &[u8], index: usize) -> usize {
    let at = index * 4;
    u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vendor(mac: &str) -> Option<&'static str> {
        let mut octets = [0; 6];
        for (octet, text) in octets.iter_mut().zip(mac.split(':')) {
            *octet = u8::from_str_radix(text, 16).unwrap();
        }
        lookup(Mac(octets))
    }

    #[test]
    fn registered_prefixes_of_24_bits() {
        assert_eq!(vendor("00:1e:8f:01:02:03"), Some("CANON INC."));
        assert_eq!(vendor("b8:27:eb:ff:ff:ff"), Some("Raspberry Pi Foundation"));
        assert_eq!(vendor("00:16:3e:00:00:01"), Some("Xensource, Inc."));
        assert_eq!(vendor("00:15:5d:00:00:01"), Some("Microsoft Corporation"));
        assert_eq!(vendor("00:1c:42:00:00:01"), Some("Parallels, Inc."));
        assert_eq!(vendor("00:05:69:00:00:01"), Some("VMware, Inc."));
        assert_eq!(vendor("08:00:27:00:00:01"), Some("PCS Systemtechnik GmbH"));
    }

    #[test]
    fn the_first_and_the_last_of_a_table_are_found() {
        for (table, size) in REGISTRY.prefixes.iter().zip([5, 6, 7]) {
            for entry in [&table[..size], &table[table.len() - size..]] {
                let mut octets = [0; 6];
                octets[..size - 2].copy_from_slice(&entry[..size - 2]);
                assert!(lookup(Mac(octets)).is_some(), "{octets:02x?}");
            }
        }
    }

    #[test]
    fn the_longest_prefix_wins() {
        assert_eq!(vendor("00:55:da:05:00:00"), Some("Shinko Technos co.,ltd."));
        assert_eq!(vendor("00:55:da:1f:ff:ff"), Some("KoolPOS Inc."));
        assert_eq!(vendor("70:b3:d5:f2:f0:00"), Some("TELEPLATFORMS"));
        assert_eq!(vendor("00:1b:c5:00:1f:ff"), Some("OpenRB.com, Direct SIA"));
    }

    #[test]
    fn a_block_of_the_ieee_itself_names_nobody() {
        assert_eq!(REGISTRY.find(0, &[0x00, 0x55, 0xda]), None);
        assert_eq!(REGISTRY.find(0, &[0x70, 0xb3, 0xd5]), None);
    }

    #[test]
    fn local_addresses_are_known_or_random() {
        assert_eq!(vendor("52:54:00:12:34:56"), Some("QEMU"));
        assert_eq!(vendor("02:42:ac:11:00:02"), Some("Docker"));
        assert_eq!(vendor("0a:58:0a:f4:00:01"), Some("Kubernetes"));
        assert_eq!(vendor("ee:ee:ee:ee:ee:ee"), Some("Calico"));
        assert_eq!(vendor("ee:ee:ee:ee:ee:ef"), Some(RANDOMIZED));
        assert_eq!(vendor("da:a1:19:00:00:01"), Some(RANDOMIZED));
        // Registered before the local bit meant anything.
        assert_eq!(vendor("aa:00:04:00:04:04"), Some("DIGITAL EQUIPMENT CORPORATION"));
    }

    #[test]
    fn groups_have_no_vendor() {
        assert_eq!(vendor("01:00:5e:00:00:fb"), None);
        assert_eq!(vendor("ff:ff:ff:ff:ff:ff"), None);
    }

    #[test]
    fn the_register_is_sorted_and_its_names_are_clean() {
        let mut entries = 0;
        for (table, size) in REGISTRY.prefixes.iter().zip([5, 6, 7]) {
            let prefixes: Vec<&[u8]> = table.chunks(size).map(|entry| &entry[..size - 2]).collect();
            assert!(prefixes.is_sorted_by(|a, b| a < b));
            entries += prefixes.len();
            for entry in table.chunks(size) {
                let index = u16::from_le_bytes([entry[size - 2], entry[size - 1]]);
                let name = REGISTRY.name(index.into()).unwrap();
                assert!((1..=64).contains(&name.chars().count()), "{name}");
                assert!(!name.contains(char::is_control), "{name:?}");
                assert_eq!(name, name.trim());
            }
        }
        assert!(entries > 50_000, "{entries}");
    }
}
