//! Payloads of the other discovery protocols: SSDP, LLMNR, WS-Discovery, NetBIOS.

use super::mdns::{message, name};
use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Packet, Question, ResourceRecord, TYPE};
use std::net::Ipv4Addr;

/// SSDP `NOTIFY` that a service is there (UPnP Device Architecture 2.0 section 1.2.2).
pub fn ssdp_alive(kind: &str, usn: &str, location: &str, server: &str) -> Vec<u8> {
    format!(
        "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=1800\r\n\
         LOCATION: {location}\r\nNT: {kind}\r\nNTS: ssdp:alive\r\nSERVER: {server}\r\n\
         USN: {usn}\r\n\r\n"
    )
    .into_bytes()
}

/// SSDP `NOTIFY` that a service goes (section 1.2.3).
pub fn ssdp_byebye(kind: &str, usn: &str) -> Vec<u8> {
    format!(
        "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNT: {kind}\r\nNTS: ssdp:byebye\r\n\
         USN: {usn}\r\n\r\n"
    )
    .into_bytes()
}

/// SSDP `M-SEARCH` (section 1.3.2).
pub fn ssdp_search(target: &str) -> Vec<u8> {
    format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n\
         ST: {target}\r\n\r\n"
    )
    .into_bytes()
}

/// LLMNR query for an A record (RFC 4795 section 2.1).
///
/// # Panics
/// If `host` is not a DNS name.
pub fn llmnr_query(host: &str) -> Vec<u8> {
    let mut packet = Packet::new_query(0x5355);
    let class = CLASS::IN.into();
    packet.questions.push(Question::new(name(host), TYPE::A.into(), class, false));
    message(&packet)
}

/// LLMNR response with an A record (RFC 4795 section 2.1).
///
/// # Panics
/// If `host` is not a DNS name.
pub fn llmnr_response(host: &str, address: Ipv4Addr) -> Vec<u8> {
    let mut packet = Packet::new_reply(0x5355);
    let class = CLASS::IN.into();
    packet.questions.push(Question::new(name(host), TYPE::A.into(), class, false));
    let data = RData::A(A { address: address.to_bits() });
    packet.answers.push(ResourceRecord::new(name(host), CLASS::IN, 30, data));
    message(&packet)
}

/// WS-Discovery `Hello` or `Bye` of an endpoint, `Probe` for a type, and so on: a SOAP envelope
/// with that action and body (WS-Discovery 2005/04).
pub fn wsd(action: &str, body: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <soap:Envelope xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
         xmlns:wsd=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\"><soap:Header>\
         <wsa:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</wsa:To>\
         <wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/{action}</wsa:Action>\
         <wsa:MessageID>urn:uuid:00000000-0000-4000-8000-000000005353</wsa:MessageID>\
         </soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
    )
    .into_bytes()
}

/// WS-Discovery `Hello` of the endpoint with this address.
pub fn wsd_hello(endpoint: &str) -> Vec<u8> {
    wsd(
        "Hello",
        &format!(
            "<wsd:Hello><wsa:EndpointReference><wsa:Address>{endpoint}</wsa:Address>\
             </wsa:EndpointReference><wsd:MetadataVersion>1</wsd:MetadataVersion></wsd:Hello>"
        ),
    )
}

/// WS-Discovery `Probe` for everything.
pub fn wsd_probe() -> Vec<u8> {
    wsd("Probe", "<wsd:Probe/>")
}

/// A NetBIOS name as it goes over the wire: 15 octets and a suffix, each in two letters
/// (RFC 1001 section 14.1). In upper case; what is over 15 octets is cut.
pub fn netbios_name(host: &str, suffix: u8) -> Vec<u8> {
    let padded = host.bytes().map(|b| b.to_ascii_uppercase()).chain(std::iter::repeat(b' '));
    let mut encoded = vec![32];
    for octet in padded.take(15).chain([suffix]) {
        encoded.extend([b'A' + (octet >> 4), b'A' + (octet & 15)]);
    }
    encoded.push(0);
    encoded
}

/// NetBIOS name query (RFC 1002 section 4.2.12).
pub fn nbns_query(host: &str) -> Vec<u8> {
    let header = [0x01, 0x37, 0x01, 0x10, 0, 1, 0, 0, 0, 0, 0, 0];
    [&header[..], &netbios_name(host, 0x20), &[0, 0x20, 0, 1]].concat()
}

/// NetBIOS name registration (RFC 1002 section 4.2.2).
pub fn nbns_registration(host: &str, address: Ipv4Addr) -> Vec<u8> {
    let header = [0x01, 0x37, 0x29, 0x10, 0, 1, 0, 0, 0, 0, 0, 1];
    let question = [&netbios_name(host, 0x00)[..], &[0, 0x20, 0, 1]].concat();
    // A pointer to the question's name, then type NB, class IN, 300,000 s, 6 octets of data.
    let record = [0xc0, 0x0c, 0, 0x20, 0, 1, 0, 4, 0x93, 0xe0, 0, 6, 0, 0];
    [&header[..], &question, &record, &address.octets()].concat()
}

/// NetBIOS datagram from a host to the group `WORKGROUP` (RFC 1002 section 4.4.2): direct group,
/// with `data` as what it carries.
pub fn nbdgm(host: &str, address: Ipv4Addr, data: &[u8]) -> Vec<u8> {
    let source = netbios_name(host, 0x00);
    let destination = netbios_name("WORKGROUP", 0x1d);
    let len = super::length::len16(source.len() + destination.len() + data.len());
    [
        &[0x11, 0x02, 0x01, 0x38],
        &address.octets()[..],
        &138_u16.to_be_bytes(),
        &len.to_be_bytes(),
        &[0, 0],
        &source,
        &destination,
        data,
    ]
    .concat()
}
