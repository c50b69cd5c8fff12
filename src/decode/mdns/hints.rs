//! What the records of a response say about hosts and services, for identity: host names with their
//! addresses, service types and models, bounded in number and length and free of control
//! characters. Whether the sender may say so is for the engine to judge.

use super::data;
use super::digest::{Digest, Hint};
use super::names::{self, Name};
use super::types::RType;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest text kept, in characters.
const CHARACTERS_MAX: usize = 64;

/// The hints of one message.
pub(super) struct Hints {
    items: Vec<Hint>,
    /// Where a text is assembled before it is kept.
    text: String,
}

impl Hints {
    /// Hints of a message with `records` records.
    pub(super) fn new(records: usize) -> Self {
        let items = Vec::with_capacity(records.min(Digest::MAX));
        let text = String::with_capacity(if records == 0 { 0 } else { CHARACTERS_MAX });
        Self { items, text }
    }

    /// All, in the order in which they were met.
    pub(super) fn into_boxed(self) -> Box<[Hint]> {
        self.items.into_boxed_slice()
    }

    /// Notes what a record says. `names` are its owner, which stands at `owner_at`, and the last
    /// name of its data.
    pub(super) fn note(
        &mut self,
        message: &[u8],
        owner_at: usize,
        names: (&Name, &Name),
        rtype: RType,
        raw: &[u8],
    ) {
        if self.items.len() >= Digest::MAX {
            return;
        }
        let (owner, target) = names;
        match rtype {
            RType::A => {
                if let Some(address) = data::address::<4>(raw) {
                    let host = self.host(message, owner_at);
                    self.items.push(Hint::A(host, Ipv4Addr::from(address)));
                }
            }
            RType::AAAA => {
                if let Some(address) = data::address::<16>(raw) {
                    let host = self.host(message, owner_at);
                    self.items.push(Hint::Aaaa(host, Ipv6Addr::from(address)));
                }
            }
            RType::PTR => {
                // The list of types (RFC 6763 section 9) names them in its data.
                let listed = owner.labels().starts_with(b"\x09_services\x07_dns-sd\x04_udp");
                self.service(if listed { target } else { owner });
            }
            RType::SRV => self.service(owner),
            RType::TXT => {
                self.service(owner);
                if let Some((service, _)) = service_of(owner.labels()) {
                    self.model(service, raw);
                    self.shared_printer(service, raw);
                }
            }
            _ => {}
        }
    }

    /// Notes the service type in a name, once.
    fn service(&mut self, name: &Name) {
        let Some((service, transport)) = service_of(name.labels()) else {
            return;
        };
        let known = self.items.iter().any(|hint| match hint {
            Hint::Service(there) => there
                .as_bytes()
                .strip_prefix(service)
                .and_then(|rest| rest.strip_prefix(b"."))
                .is_some_and(|rest| rest == transport),
            Hint::A(..) | Hint::Aaaa(..) | Hint::Model(_) | Hint::SharedPrinter => false,
        });
        if !known {
            self.text.clear();
            push_clean(&mut self.text, service);
            self.text.push('.');
            push_clean(&mut self.text, transport);
            self.items.push(Hint::Service(bounded(&self.text)));
        }
    }

    /// Notes the model that a service's TXT record names, under the key that the service uses.
    fn model(&mut self, service: &[u8], raw: &[u8]) {
        let Some(key) = model_key(service) else {
            return;
        };
        for string in data::strings(raw).flatten() {
            let Some(equals) = string.iter().position(|&octet| octet == b'=') else {
                continue;
            };
            let (name, value) = (&string[..equals], string[equals + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(key) && !value.is_empty() {
                self.text.clear();
                push_clean(&mut self.text, value);
                self.items.push(Hint::Model(bounded(&self.text)));
                return;
            }
        }
    }

    /// Notes that a printer is shared by a computer, once.
    fn shared_printer(&mut self, service: &[u8], raw: &[u8]) {
        if !matches!(service, b"_ipp" | b"_ipps" | b"_printer" | b"_pdl-datastream")
            || self.items.contains(&Hint::SharedPrinter)
        {
            return;
        }
        let is_of_cups = |string: &[u8]| {
            let starts = |prefix: &[u8]| {
                string.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            };
            starts(b"rp=printers/") || starts(b"printer-type=")
        };
        if data::strings(raw).flatten().any(is_of_cups) {
            self.items.push(Hint::SharedPrinter);
        }
    }

    /// The name at `at` with dots between its labels, in its own case.
    fn host(&mut self, message: &[u8], at: usize) -> Box<str> {
        self.text.clear();
        push_name(&mut self.text, message, at);
        bounded(&self.text)
    }
}

/// The name at `at` of a message, for people: with dots between its labels, in its own case, at
/// most 64 characters, none of them a control character.
pub fn name_at(message: &[u8], at: u16) -> Box<str> {
    let mut text = String::new();
    push_name(&mut text, message, at.into());
    bounded(&text)
}

fn push_name(text: &mut String, message: &[u8], at: usize) {
    let end = names::follow(message, at, |label| {
        if text.len() < 256 {
            if !text.is_empty() {
                text.push('.');
            }
            push_clean(text, &label[1..]);
        }
    });
    // The walk has been here before and knows what was wrong.
    let _ = end;
}

/// The service type in a name of labels in lower case: the label before `_tcp` or `_udp`, and
/// that one (RFC 6763 section 7). Subtypes and instances name the type they are of.
fn service_of(mut labels: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut before: &[u8] = &[];
    while let Some((&len, rest)) = labels.split_first() {
        let (label, rest) = rest.split_at_checked(usize::from(len))?;
        if matches!(label, b"_tcp" | b"_udp") && before.starts_with(b"_") {
            return (before != b"_dns-sd").then_some((before, label));
        }
        before = label;
        labels = rest;
    }
    None
}

/// Under which key a service's TXT record names the model of its host.
fn model_key(service: &[u8]) -> Option<&'static [u8]> {
    match service {
        b"_device-info" | b"_airplay" => Some(b"model"),
        // Bonjour Printing Specification, section 9.2.
        b"_ipp" | b"_ipps" | b"_printer" | b"_pdl-datastream" | b"_scanner" | b"_uscan"
        | b"_uscans" => Some(b"ty"),
        b"_googlecast" | b"_hap" => Some(b"md"),
        b"_raop" => Some(b"am"),
        _ => None,
    }
}

/// Appends octets as text: what is not UTF-8 or controls a terminal becomes U+FFFD.
fn push_clean(text: &mut String, octets: &[u8]) {
    let plain = octets.iter().all(|octet| matches!(octet, b' '..=b'~'));
    if let (true, Ok(octets)) = (plain, str::from_utf8(octets)) {
        text.push_str(octets);
        return;
    }
    for chunk in octets.utf8_chunks() {
        for c in chunk.valid().chars() {
            text.push(if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
        }
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// The first [`CHARACTERS_MAX`] characters.
fn bounded(text: &str) -> Box<str> {
    if text.len() <= CHARACTERS_MAX {
        return text.into();
    }
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => text[..end].into(),
        None => text.into(),
    }
}
