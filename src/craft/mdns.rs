//! Multicast DNS messages (RFC 6762, RFC 6763): UDP payloads, built with simple-dns, and broken
//! ones, which simple-dns would refuse to build.
//!
//! A name is written with dots between its labels; a dot inside a label is `\.`, as in
//! `HP\. Laser._ipp._tcp.local`.

use super::Host;
use simple_dns::rdata::{A, AAAA, HINFO, NSEC, NsecTypeBitMap, PTR, RData, SRV, TXT};
use simple_dns::{CLASS, CharacterString, Name, Packet, QTYPE, Question, ResourceRecord, TYPE};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Time to live in seconds of records that name a host (RFC 6762 section 10).
pub const HOST_TTL: u32 = 120;
/// Time to live in seconds of the other records: 75 minutes (RFC 6762 section 10).
pub const OTHER_TTL: u32 = 4500;
/// The name under which all service types are listed (RFC 6763 section 9).
pub const SERVICE_TYPES: &str = "_services._dns-sd._udp.local";

/// The message in wire format, names compressed.
///
/// # Panics
/// If simple-dns cannot write it: a text over 255 octets, for one.
pub fn message(packet: &Packet<'_>) -> Vec<u8> {
    packet.build_bytes_vec_compressed().expect("what is made by hand can be written")
}

/// A DNS header alone: id, flags, and the claimed number of questions, answers, authority and
/// additional records. What follows is up to the test.
pub fn header(id: u16, flags: u16, claimed: [u16; 4]) -> Vec<u8> {
    [id, flags].into_iter().chain(claimed).flat_map(u16::to_be_bytes).collect()
}

/// A name.
///
/// # Panics
/// If it is not one: a label over 63 octets, over 255 in all, or a wrong escape.
pub fn name(text: &str) -> Name<'static> {
    Name::new(text).expect("what is made by hand is a DNS name").into_owned()
}

/// A record with the cache-flush bit if `unique`.
///
/// # Panics
/// If `owner` is not a DNS name.
pub fn record(
    owner: &str,
    unique: bool,
    ttl: u32,
    data: RData<'static>,
) -> ResourceRecord<'static> {
    ResourceRecord::new(name(owner), CLASS::IN, ttl, data).with_cache_flush(unique)
}

/// A shared PTR record.
///
/// # Panics
/// If a name is not a DNS name.
pub fn ptr(owner: &str, target: &str) -> ResourceRecord<'static> {
    record(owner, false, OTHER_TTL, RData::PTR(PTR(name(target))))
}

/// A unique SRV record.
///
/// # Panics
/// If a name is not a DNS name.
pub fn srv(owner: &str, host: &str, port: u16) -> ResourceRecord<'static> {
    let data = SRV { priority: 0, weight: 0, port, target: name(host) };
    record(owner, true, HOST_TTL, RData::SRV(data))
}

/// A unique TXT record.
///
/// # Panics
/// If `owner` is not a DNS name, or a string is over 255 octets.
pub fn txt(owner: &str, strings: &[String]) -> ResourceRecord<'static> {
    let mut data = TXT::new();
    for string in strings {
        data.add_char_string(character_string(string));
    }
    record(owner, true, OTHER_TTL, RData::TXT(data))
}

/// A unique A or AAAA record.
///
/// # Panics
/// If `owner` is not a DNS name.
pub fn address(owner: &str, address: IpAddr) -> ResourceRecord<'static> {
    let data = match address {
        IpAddr::V4(v4) => RData::A(A { address: v4.to_bits() }),
        IpAddr::V6(v6) => RData::AAAA(AAAA { address: v6.to_bits() }),
    };
    record(owner, true, HOST_TTL, data)
}

/// A unique NSEC record: of all types the owner has only these, which must be below 256
/// (RFC 6762 section 6.1).
///
/// # Panics
/// If `owner` is not a DNS name.
pub fn nsec(owner: &str, types: &[TYPE]) -> ResourceRecord<'static> {
    let mut bitmap = Vec::new();
    for number in types.iter().map(|t| usize::from(u16::from(*t)) % 256) {
        bitmap.resize(bitmap.len().max(number / 8 + 1), 0);
        bitmap[number / 8] |= 0x80_u8 >> (number % 8);
    }
    let maps = vec![NsecTypeBitMap { window_block: 0, bitmap: bitmap.into() }];
    let data = NSEC { next_name: name(owner), type_bit_maps: maps };
    record(owner, true, HOST_TTL, RData::NSEC(data))
}

/// A unique HINFO record.
///
/// # Panics
/// If `owner` is not a DNS name, or a string is over 255 octets.
pub fn hinfo(owner: &str, cpu: &str, os: &str) -> ResourceRecord<'static> {
    let data = HINFO { cpu: character_string(cpu), os: character_string(os) };
    record(owner, true, HOST_TTL, RData::HINFO(data))
}

fn character_string(text: &str) -> CharacterString<'static> {
    CharacterString::new(text.as_bytes()).expect("made by hand, at most 255 octets").into_owned()
}

/// A query.
#[derive(Clone, Debug)]
pub struct Query(Packet<'static>);

impl Query {
    /// One question.
    ///
    /// # Panics
    /// If `owner` is not a DNS name.
    pub fn new(owner: &str, kind: TYPE) -> Self {
        Self(Packet::new_query(0)).and(owner, kind.into(), false)
    }

    /// The question for instances of a service type, such as `_ipp._tcp`.
    ///
    /// # Panics
    /// If it is not a DNS name.
    pub fn browse(service: &str) -> Self {
        Self::new(&format!("{service}.local"), TYPE::PTR)
    }

    /// One more question, with the QU bit if `unicast` (RFC 6762 section 5.4).
    ///
    /// # Panics
    /// If `owner` is not a DNS name.
    pub fn and(mut self, owner: &str, kind: QTYPE, unicast: bool) -> Self {
        let class = CLASS::IN.into();
        self.0.questions.push(Question::new(name(owner), kind, class, unicast));
        self
    }

    /// One more known answer (RFC 6762 section 7.1).
    pub fn known(mut self, answer: ResourceRecord<'static>) -> Self {
        self.0.answers.push(answer);
        self
    }

    /// The message id, which is 0 unless the query comes from another port than 5353.
    pub fn id(mut self, id: u16) -> Self {
        self.0.set_id(id);
        self
    }

    /// The message.
    ///
    /// # Panics
    /// If simple-dns cannot write it.
    pub fn bytes(&self) -> Vec<u8> {
        message(&self.0)
    }
}

/// The message.
impl From<Query> for Vec<u8> {
    fn from(query: Query) -> Self {
        query.bytes()
    }
}

/// A service that a responder offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    instance: String,
    kind: String,
    port: u16,
    txt: Vec<String>,
}

impl Service {
    /// An instance, such as `Canon MF620C`, of a type, such as `_ipp._tcp`, on a port.
    pub fn new(instance: &str, kind: &str, port: u16) -> Self {
        Self { instance: instance.to_owned(), kind: format!("{kind}.local"), port, txt: vec![] }
    }

    /// One more `key=value` of its TXT record.
    pub fn txt(mut self, string: &str) -> Self {
        self.txt.push(string.to_owned());
        self
    }

    fn name(&self) -> String {
        format!("{}.{}", self.instance.replace('\\', r"\\").replace('.', r"\."), self.kind)
    }

    fn srv(&self, host: &str) -> ResourceRecord<'static> {
        srv(&self.name(), host, self.port)
    }

    fn txt_record(&self) -> ResourceRecord<'static> {
        txt(&self.name(), &self.txt)
    }
}

/// A host that answers: its name, addresses and services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Responder {
    host: String,
    addresses: Vec<IpAddr>,
    services: Vec<Service>,
}

impl Responder {
    /// The responder of `host`, with its IPv4 and IPv6 address. `name` is without `.local`.
    pub fn new(name: &str, host: Host) -> Self {
        Self::with_addresses(name, &[host.v4.into(), host.v6.into()])
    }

    /// A responder with these addresses.
    pub fn with_addresses(name: &str, addresses: &[IpAddr]) -> Self {
        Self { host: format!("{name}.local"), addresses: addresses.to_vec(), services: vec![] }
    }

    /// One more service.
    pub fn service(mut self, service: Service) -> Self {
        self.services.push(service);
        self
    }

    /// A probe for the host's name and the services' (RFC 6762 section 8.1): questions of type
    /// ANY with the QU bit, and in the authority section the records it wants.
    ///
    /// # Panics
    /// If a name is not a DNS name.
    pub fn probe(&self) -> Vec<u8> {
        let mut query = Query(Packet::new_query(0)).and(&self.host, QTYPE::ANY, true);
        for service in &self.services {
            query = query.and(&service.name(), QTYPE::ANY, true);
            query.0.name_servers.push(service.srv(&self.host));
        }
        query.0.name_servers.extend(self.host_records());
        // Proposed records have no cache-flush bit (section 10.2).
        for proposed in &mut query.0.name_servers {
            proposed.cache_flush = false;
        }
        query.bytes()
    }

    /// An announcement (RFC 6762 section 8.3): all records unasked, NSEC records as additional.
    ///
    /// # Panics
    /// If a name is not a DNS name.
    pub fn announcement(&self) -> Vec<u8> {
        message(&self.all())
    }

    /// A goodbye (RFC 6762 section 10.1): all records with TTL 0.
    ///
    /// # Panics
    /// If a name is not a DNS name.
    pub fn goodbye(&self) -> Vec<u8> {
        let mut packet = self.all();
        packet.additional_records.clear();
        for answer in &mut packet.answers {
            answer.ttl = 0;
        }
        message(&packet)
    }

    /// The answer to a browser of a service type, such as `_ipp._tcp`: PTR records, the rest as
    /// additional (RFC 6763 section 12.1).
    ///
    /// # Panics
    /// If a name is not a DNS name.
    pub fn response(&self, service: &str) -> Vec<u8> {
        let kind = format!("{service}.local");
        let mut packet = reply();
        for service in self.services.iter().filter(|service| service.kind == kind) {
            packet.answers.push(ptr(&service.kind, &service.name()));
            packet.additional_records.push(service.srv(&self.host));
            packet.additional_records.push(service.txt_record());
        }
        packet.additional_records.extend(self.host_records());
        message(&packet)
    }

    /// The answer to a question for the host's addresses.
    ///
    /// # Panics
    /// If a name is not a DNS name.
    pub fn address_response(&self) -> Vec<u8> {
        let mut packet = reply();
        packet.answers.extend(self.host_records());
        packet.additional_records.push(self.host_nsec());
        message(&packet)
    }

    fn all(&self) -> Packet<'static> {
        let mut packet = reply();
        for service in &self.services {
            packet.answers.push(ptr(SERVICE_TYPES, &service.kind));
            packet.answers.push(ptr(&service.kind, &service.name()));
            packet.answers.push(service.srv(&self.host));
            packet.answers.push(service.txt_record());
            packet.additional_records.push(nsec(&service.name(), &[TYPE::TXT, TYPE::SRV]));
        }
        packet.answers.extend(self.host_records());
        packet.additional_records.push(self.host_nsec());
        packet
    }

    fn host_records(&self) -> impl Iterator<Item = ResourceRecord<'static>> {
        self.addresses.iter().map(|ip| address(&self.host, *ip))
    }

    fn host_nsec(&self) -> ResourceRecord<'static> {
        let types: Vec<TYPE> = self
            .addresses
            .iter()
            .map(|ip| if ip.is_ipv4() { TYPE::A } else { TYPE::AAAA })
            .collect();
        nsec(&self.host, &types)
    }
}

/// An empty response with id 0 and the AA bit (RFC 6762 section 18).
pub fn reply() -> Packet<'static> {
    let mut packet = Packet::new_reply(0);
    packet.set_flags(simple_dns::PacketFlag::AUTHORITATIVE_ANSWER);
    packet
}

/// A response with any records as answers.
///
/// # Panics
/// If simple-dns cannot write them.
pub fn response(answers: impl IntoIterator<Item = ResourceRecord<'static>>) -> Vec<u8> {
    let mut packet = reply();
    packet.answers.extend(answers);
    message(&packet)
}

/// A response whose only name points at itself (RFC 1035 section 4.1.4 forbids it).
pub fn pointer_loop() -> Vec<u8> {
    // The name stands right behind the header of 12 octets.
    [header(0, 0x8400, [0, 1, 0, 0]), vec![0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 120, 0, 4, 10, 0, 0, 1]]
        .concat()
}

/// A response whose first name points forward, at the second record's: forbidden, yet sent by real
/// devices and harmless to a reader that follows it.
pub fn forward_pointer(address: Ipv4Addr, v6: Ipv6Addr) -> Vec<u8> {
    let first = [&[0xc0, 28, 0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4][..], &address.octets()].concat();
    let second = [&b"\x03box\x05local\0\0\x1c\x80\x01\0\0\0\x78\0\x10"[..], &v6.octets()].concat();
    [header(0, 0x8400, [0, 2, 0, 0]), first, second].concat()
}

/// A header that claims 65,535 records in every section, and nothing behind it.
pub fn claims_everything() -> Vec<u8> {
    header(0, 0x8400, [u16::MAX; 4])
}
