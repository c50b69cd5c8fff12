//! What follows from the owner and the data of a record beyond their hashes, as a few bits. Knows
//! nothing of who may break which rule.

use super::types::RType;

/// Bits that rules ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits(u8);

/// The owner is under local, in-addr.arpa or ip6.arpa (RFC 6762 sections 3 and 4).
const LINK_LOCAL_NAME: u8 = 1;
/// The owner is a service type or subtype of it: its PTR records are shared (RFC 6763 section 4.1).
const SERVICE_TYPE: u8 = 2;
/// TXT data of more octets than should be (RFC 6763 section 6.2).
const LONG_TXT: u8 = 4;
/// The owner is an instance of `_device-info._tcp`.
const DEVICE_INFO: u8 = 8;
/// The owner is a service type and no more: its PTR records name the instances (RFC 6763
/// section 4.1), each once.
const BROWSED_TYPE: u8 = 16;
/// The owner is an instance of a service, such as `Laser._ipp._tcp.local`: its SRV and TXT records
/// are its own (RFC 6763 section 4). Other owners of TXT records may share them.
const SERVICE_INSTANCE: u8 = 32;
/// The owner is the list of all types of service: what its PTR records name is no host's alone.
const TYPE_LIST: u8 = 64;
/// TXT data longer than this is too long, in octets.
const TXT_MAX: usize = 1300;

impl Traits {
    /// What follows from an owner's labels, in lower case, each behind its length.
    pub(super) fn of_owner(mut labels: &[u8]) -> Self {
        // The last three labels, and the first two.
        let (mut last, mut before, mut third): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
        let (mut first, mut second) = (None, None);
        let mut count = 0;
        while let Some((&len, rest)) = labels.split_first() {
            let Some((label, rest)) = rest.split_at_checked(usize::from(len)) else { break };
            second = second.or(first.map(|_: &[u8]| label));
            first = first.or(Some(label));
            third = before;
            before = last;
            last = label;
            labels = rest;
            count += 1;
        }
        let mut bits = 0;
        if last == b"local" || (last == b"arpa" && matches!(before, b"in-addr" | b"ip6")) {
            bits |= LINK_LOCAL_NAME;
        }
        if last == b"local" && matches!(before, b"_tcp" | b"_udp") {
            // An instance's first label is its name, which may begin with an underscore too, but
            // an instance has SRV and TXT records, not PTR. A subtype's first label can be anything
            // (RFC 6763 section 7.1).
            if first.is_some_and(|first| first.starts_with(b"_")) || second == Some(b"_sub") {
                bits |= SERVICE_TYPE;
                // Subtypes and the list of all types have more labels.
                if count == 3 {
                    bits |= BROWSED_TYPE;
                }
                if count == 4 && first == Some(b"_services") && third == b"_dns-sd" {
                    bits |= TYPE_LIST;
                }
            }
            // An instance's name is one label, but some write a dot in it as it is.
            if count > 3 && third.starts_with(b"_") && second != Some(b"_sub") {
                bits |= SERVICE_INSTANCE;
            }
            if third == b"_device-info" {
                bits |= DEVICE_INFO;
            }
        }
        Self(bits)
    }

    /// Adds what follows from the data of a record of type `rtype`.
    pub(super) const fn add_data(&mut self, rtype: RType, raw: &[u8]) {
        if matches!(rtype, RType::TXT) && raw.len() > TXT_MAX {
            self.0 |= LONG_TXT;
        }
    }

    /// Whether the owner is under `.local`, `in-addr.arpa` or `ip6.arpa`.
    pub(crate) const fn has_link_local_name(self) -> bool {
        self.0 & LINK_LOCAL_NAME != 0
    }

    /// Whether the owner is a type of service, such as `_ipp._tcp.local`, or a subtype.
    pub(crate) const fn is_service_type(self) -> bool {
        self.0 & SERVICE_TYPE != 0
    }

    /// Whether the owner is an instance of `_device-info._tcp`, whose TXT record is shared:
    /// several computers may answer for one name.
    pub(crate) const fn is_device_info(self) -> bool {
        self.0 & DEVICE_INFO != 0
    }

    /// Whether the owner is a type of service and neither a subtype nor the list of all types.
    pub(crate) const fn is_browsed_type(self) -> bool {
        self.0 & BROWSED_TYPE != 0
    }

    /// Whether the owner is an instance of a service.
    pub(crate) const fn is_service_instance(self) -> bool {
        self.0 & SERVICE_INSTANCE != 0
    }

    /// Whether the owner is the list of all types of service (RFC 6763 section 9).
    pub(crate) const fn is_type_list(self) -> bool {
        self.0 & TYPE_LIST != 0
    }

    /// Whether it is TXT data of more than 1300 octets.
    pub(crate) const fn is_long_txt(self) -> bool {
        self.0 & LONG_TXT != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Traits {
        let mut labels = Vec::new();
        for label in name.split('.') {
            labels.push(u8::try_from(label.len()).expect("short"));
            labels.extend(label.as_bytes());
        }
        Traits::of_owner(&labels)
    }

    #[test]
    fn owners_tell_where_they_belong() {
        for (name, is_local, is_type) in [
            ("host.local", true, false),
            ("local", true, false),
            ("1.0.0.10.in-addr.arpa", true, false),
            ("8.b.d.0.ip6.arpa", true, false),
            ("e164.arpa", false, false),
            ("host.example", false, false),
            ("_ipp._tcp.local", true, true),
            ("_universal._sub._ipp._tcp.local", true, true),
            ("printer._sub._http._tcp.local", true, true),
            ("_services._dns-sd._udp.local", true, true),
            ("laser._ipp._tcp.local", true, false),
            ("_ipp._tcp.example", false, false),
        ] {
            let traits = of(name);
            assert_eq!(traits.has_link_local_name(), is_local, "{name}");
            assert_eq!(traits.is_service_type(), is_type, "{name}");
            assert_eq!(traits.is_browsed_type(), name == "_ipp._tcp.local", "{name}");
            assert_eq!(traits.is_type_list(), name == "_services._dns-sd._udp.local", "{name}");
        }
    }

    #[test]
    fn device_info_is_told_from_other_services() {
        assert!(of("mac._device-info._tcp.local").is_device_info());
        assert!(!of("_device-info._ipp._tcp.local").is_device_info());
        assert!(!of("mac._device-info.local").is_device_info());
    }

    #[test]
    fn instances_are_told_from_types_and_from_what_stands_under_a_host() {
        for (name, is_instance) in [
            ("laser._ipp._tcp.local", true),
            ("Laser v1.2._ipp._udp.local", true),
            ("_laser._ipp._tcp.local", true),
            ("_ipp._tcp.local", false),
            ("_universal._sub._ipp._tcp.local", false),
            ("_kerberos.host.local", false),
            ("_kerberos._tcp.host.local", false),
            ("host._tcp.local", false),
            ("a.b._tcp.local", false),
            ("laser._ipp._tcp.example", false),
        ] {
            assert_eq!(of(name).is_service_instance(), is_instance, "{name}");
        }
    }

    #[test]
    fn only_a_txt_record_can_be_a_long_one() {
        let long = |rtype, len| {
            let mut traits = Traits::default();
            traits.add_data(rtype, &vec![0; len]);
            traits.is_long_txt()
        };
        assert!(long(RType::TXT, 1301) && !long(RType::TXT, 1300) && !long(RType::SRV, 1301));
    }
}
