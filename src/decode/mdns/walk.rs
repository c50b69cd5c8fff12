//! The lenient walk over a message: every question and record up to its end, or up to where the
//! start of the next one is unknown. Never reserves more than the message can hold, whatever the
//! header claims. Knows nothing of kinds.

use super::data::{self, Data};
use super::digest::{Digest, Probed, Question, Record, Section};
use super::hints::Hints;
use super::names::Name;
use super::probed;
use super::types::{NameHash, RClass, RType};
use super::{Header, Traits};
use crate::decode::Reason;
use crate::decode::octets::{u16_at, u32_at};
use ahash::RandomState;
use std::hash::{BuildHasher, Hasher};

/// What the walk has found so far.
pub(super) struct Walk<'a> {
    message: &'a [u8],
    key: &'a RandomState,
    at: usize,
    owner: Name,
    /// Where the name in `owner` stands in full, its hash, and its traits.
    owner_is: Option<(usize, NameHash, Traits)>,
    data: Name,
    /// Whether hosts and services are noted: in responses.
    wants_hints: bool,
    /// Entries decoded, by section.
    pub(super) decoded: [u32; 4],
    /// The questions kept.
    pub(super) questions: Vec<Question>,
    /// The records kept.
    pub(super) records: Vec<Record>,
    /// The hints kept.
    pub(super) hints: Hints,
    /// The names that a probe asks for.
    pub(super) probed: Vec<Probed>,
    /// Whether a record other than OPT has TTL 0.
    pub(super) zero_ttl: bool,
    /// The first flaw.
    pub(super) flaw: Option<Reason>,
    /// Whether all data was of types that the walk checks itself.
    pub(super) checked: bool,
}

/// The two top bits of a compression pointer.
const POINTER: u16 = 0xc000;
/// The top bit of a class: unicast answer welcome, or cache flush.
const TOP_BIT: u16 = 0x8000;

impl<'a> Walk<'a> {
    /// A walk over `message`, whose header is `header`.
    pub(super) fn new(message: &'a [u8], header: Header, key: &'a RandomState) -> Self {
        let [questions, records @ ..] = header.claimed.map(usize::from);
        let records = records.iter().sum::<usize>();
        let room = message.len().saturating_sub(Header::LEN);
        let wants_hints = header.is_response();
        let flaw = header.has_reserved_bit().then_some(Reason::ReservedBit);
        Self {
            message,
            key,
            at: Header::LEN,
            owner: Name::default(),
            owner_is: None,
            data: Name::default(),
            wants_hints,
            decoded: [0; 4],
            questions: Vec::with_capacity(questions.min(room / 5).min(Digest::MAX)),
            records: Vec::with_capacity(records.min(room / 11).min(Digest::MAX)),
            hints: Hints::new(if wants_hints { records.min(room / 11) } else { 0 }),
            probed: Vec::new(),
            zero_ttl: false,
            flaw,
            checked: true,
        }
    }

    /// Walks to the end of what `claimed` says.
    ///
    /// # Errors
    /// Why the walk ended early: what was found by then stays.
    pub(super) fn run(&mut self, claimed: [u16; 4]) -> Result<(), Reason> {
        for (section, count) in Section::ALL.into_iter().zip(claimed) {
            for _ in 0..count {
                match section {
                    Section::Question => self.question()?,
                    Section::Answer | Section::Authority | Section::Additional => {
                        self.record(section)?;
                    }
                }
                self.decoded[section as usize] += 1;
            }
        }
        if self.at < self.message.len() {
            self.note(Some(Reason::TrailingBytes));
        }
        Ok(())
    }

    fn note(&mut self, flaw: Option<Reason>) {
        self.flaw = self.flaw.or(flaw);
    }

    /// Reads a name as the owner and gives its hash and traits.
    fn owner(&mut self) -> Result<(NameHash, Traits), Reason> {
        let pointer = u16_at(self.message, self.at).filter(|field| *field >= POINTER);
        let target = pointer.map(|pointer| usize::from(pointer - POINTER));
        // Records of one owner stand together: its name is read once.
        if let Some((_, hash, traits)) = self.owner_is.filter(|(at, ..)| Some(*at) == target) {
            self.at += 2;
            return Ok((hash, traits));
        }
        let stands_at = target.unwrap_or(self.at);
        let end = self.owner.read(self.message, self.at)?;
        self.at = end.next;
        self.note(end.flaw);
        let mut hasher = self.key.build_hasher();
        hasher.write(self.owner.labels());
        let hash = NameHash(hasher.finish());
        let traits = Traits::of_owner(self.owner.labels());
        self.owner_is = Some((stands_at, hash, traits));
        Ok((hash, traits))
    }

    fn question(&mut self) -> Result<(), Reason> {
        let at = offset(self.at);
        let (name, traits) = self.owner()?;
        let rtype = RType(u16_at(self.message, self.at).ok_or(Reason::Truncated)?);
        let class = u16_at(self.message, self.at + 2).ok_or(Reason::Truncated)?;
        self.at += 4;
        let unicast = class & TOP_BIT != 0;
        let class = RClass(class & !TOP_BIT);
        if !is_class(class) && class != RClass::ANY {
            self.note(Some(Reason::UnknownClass));
        }
        self.checked &= is_usual_question(rtype);
        if self.questions.len() < Digest::MAX {
            self.questions.push(Question { name, rtype, class, unicast, traits, at });
        }
        Ok(())
    }

    fn record(&mut self, section: Section) -> Result<(), Reason> {
        let owner_at = self.at;
        let (name, mut traits) = self.owner()?;
        let field = self.at;
        let rtype = RType(u16_at(self.message, field).ok_or(Reason::Truncated)?);
        let class = u16_at(self.message, field + 2).ok_or(Reason::Truncated)?;
        let ttl = u32_at(self.message, field + 4).ok_or(Reason::Truncated)?;
        let len = u16_at(self.message, field + 8).ok_or(Reason::Truncated)?;
        let range = field + 10..field + 10 + usize::from(len);
        let raw = self.message.get(range.clone()).ok_or(Reason::Truncated)?;
        self.at = range.end;
        let Data { hash, flaw, checked } =
            data::read(self.message, range, rtype, self.key, &mut self.data);
        self.note(flaw);
        self.checked &= checked;
        let flush = class & TOP_BIT != 0;
        let class = RClass(class & !TOP_BIT);
        if rtype != RType::OPT {
            self.zero_ttl |= ttl == 0;
            if !is_class(class) {
                self.note(Some(Reason::UnknownClass));
            }
            // A goodbye takes back what it names.
            if self.wants_hints && ttl != 0 && class == RClass::IN {
                let names = (&self.owner, &self.data);
                self.hints.note(self.message, owner_at, names, rtype, raw);
            }
        }
        if !self.wants_hints && section == Section::Authority {
            let probed = if rtype == RType::PTR { &self.data } else { &self.owner };
            probed::note(&mut self.probed, probed, self.key);
        }
        if self.records.len() < Digest::MAX {
            traits.add_data(rtype, raw);
            let at = offset(owner_at);
            let data = hash;
            let record = Record { section, name, rtype, class, flush, ttl, data, traits, at };
            self.records.push(record);
        }
        Ok(())
    }
}

/// A place in a message, which is shorter than 65,536 octets: it came in a UDP datagram.
fn offset(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// IN, CS, CH, HS and NONE.
const fn is_class(class: RClass) -> bool {
    matches!(class.0, 1..=4 | 254)
}

/// Types that are asked for in mDNS and that every parser knows: A, NS, CNAME, SOA, PTR, HINFO,
/// MX, TXT, AAAA, SRV, NSEC and ANY.
const fn is_usual_question(rtype: RType) -> bool {
    matches!(rtype.0, 1 | 2 | 5 | 6 | 12 | 13 | 15 | 16 | 28 | 33 | 47 | 255)
}
