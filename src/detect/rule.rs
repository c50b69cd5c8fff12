//! The rules that apply to devices, in one table. The id is the `rule` label.

/// How binding a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hardness {
    /// MUST in its standard.
    Hard,
    /// SHOULD: counted, begins nothing and alerts nobody.
    Soft,
}

impl Hardness {
    /// As the documentation writes it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
        }
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident, $id:literal, $hardness:ident, $source:literal, $holds:literal, $relay:literal;)*) => {
        /// A rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[allow(clippy::doc_markdown, reason = "the text is also shown where nothing renders it")]
        pub enum Rule {
            $(#[doc = $holds] $(#[$doc])* $name,)*
        }

        impl Rule {
            /// All, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The label value.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// How binding it is.
            pub const fn hardness(self) -> Hardness {
                match self { $(Self::$name => Hardness::$hardness,)* }
            }

            /// Where it is written.
            pub const fn source(self) -> &'static str {
                match self { $(Self::$name => $source,)* }
            }

            /// What holds for a device that keeps it.
            pub const fn holds(self) -> &'static str {
                match self { $(Self::$name => $holds,)* }
            }

            /// Whether it is about what a relay passes on for others: it does not count against one.
            pub(crate) const fn spares_relays(self) -> bool {
                match self { $(Self::$name => $relay,)* }
            }
        }
    };
}

rules! {
    RecordInterval, "record_interval", Hard, "RFC 6762 section 6",
        "A record is not multicast again within 0.7 s (225 ms after another device's probe) unless it was asked for in between.", true;
    RecordIntervalSoft, "record_interval_soft", Soft, "RFC 6762 section 6",
        "Nor within 0.9 s, no probe or question in between.", true;
    RecordIntervalAsked, "record_interval_asked", Soft, "RFC 6762 section 6",
        "Nor if it was asked for.", true;
    QueryInterval, "query_interval", Hard, "RFC 6762 section 5.2",
        "A question is not sent four times within 3 s with every gap under 0.9 s.", true;
    QueryIntervalSoft, "query_interval_soft", Soft, "RFC 6762 section 5.2",
        "A question is repeated after 1 s at the earliest, then with gaps that double, up to 60 min.", false;
    AnnouncementCount, "announcement_count", Soft, "RFC 6762 section 8.3",
        "A record is announced at most 8 times an hour, and not at regular intervals of 10 s or more.", true;
    UpdateRate, "update_rate", Soft, "RFC 6762 section 8.4",
        "A record changes at most 10 times a minute.", true;
    ProbeInterval, "probe_interval", Soft, "RFC 6762 section 8.1",
        "Probes are 250 ms apart: three take 450 ms at least.", true;
    ProbeBackoff, "probe_backoff", Hard, "RFC 6762 section 8.1",
        "After 15 conflicts in 10 s, attempts to take a name are 5 s apart (4.5 s are tolerated).", true;
    KnownAnswer, "known_answer", Soft, "RFC 6762 section 7.1",
        "What a question lists as known, with at least half of its TTL, is not answered.", false;
    GoodbyeRate, "goodbye_rate", Soft, "RFC 6762 section 10.1",
        "A record is not withdrawn and announced again three times in 60 s.", true;
    TtlValue, "ttl_value", Soft, "RFC 6762 section 10",
        "The TTL of multicast records lies between 60 s and 9000 s.", false;
    CacheFlushShared, "cache_flush_shared", Hard, "RFC 6762 section 10.2",
        "The cache-flush bit is not set on service PTR records, nor in known answers.", true;
    CacheFlushUnique, "cache_flush_unique", Hard, "RFC 6762 section 10.2",
        "The cache-flush bit is set on SRV records of multicast responses, and on TXT records of service instances.", true;
    CacheFlushAddress, "cache_flush_address", Soft, "RFC 6762 section 10.2",
        "The cache-flush bit is set on A and AAAA records of multicast responses.", true;
    SourcePort, "source_port", Hard, "RFC 6762 section 6",
        "Multicast responses come from port 5353.", false;
    IpTtl, "ip_ttl", Soft, "RFC 6762 section 11",
        "Responses have IP TTL or hop limit 255.", false;
    MessageSize, "message_size", Hard, "RFC 6762 section 17",
        "A message has at most 9000 bytes with its headers.", false;
    Fragmented, "fragmented", Soft, "RFC 6762 section 17",
        "Messages fit the MTU.", false;
    HeaderBits, "header_bits", Hard, "RFC 6762 section 18",
        "Multicast responses have ID 0, AA set, TC, RA, Z, AD and CD clear; opcode and rcode are 0; queries have AA clear.", false;
    HeaderBitsSoft, "header_bits_soft", Soft, "RFC 6762 section 18",
        "Queries from port 5353 have ID 0 and RD clear.", false;
    QuestionInResponse, "question_in_response", Hard, "RFC 6762 section 6",
        "A multicast response carries no question.", false;
    EmptyResponse, "empty_response", Hard, "RFC 6762 section 6",
        "A response has records.", false;
    ForeignName, "foreign_name", Soft, "RFC 6762 sections 3 and 4",
        "Names of answers end in .local, in-addr.arpa or ip6.arpa.", false;
    ForeignAddress, "foreign_address", Soft, "RFC 6762 section 6.2",
        "Addresses belong on this link.", true;
    TxtSize, "txt_size", Soft, "RFC 6763 section 6.2",
        "TXT records have at most 1300 bytes.", false;
    WrongGroup, "wrong_group", Soft, "RFC 6762 section 3",
        "mDNS goes to 224.0.0.251 or ff02::fb, and LLMNR, SSDP and WS-Discovery go to the groups of theirs.", false;
    RaInterval, "ra_interval", Soft, "RFC 4861 section 6.2.6",
        "Multicast router advertisements are 3 s apart (2.7 s are tolerated).", false;
    SsdpBurst, "ssdp_burst", Soft, "UPnP Device Architecture 2.0 section 1",
        "At most 10 ssdp:alive and at most 10 M-SEARCH in 200 ms.", false;
    SsdpRepeat, "ssdp_repeat", Soft, "UPnP Device Architecture 2.0 section 1.2",
        "A set of notifications is sent at most 3 times.", false;
    LlmnrRepeat, "llmnr_repeat", Soft, "RFC 4795 section 2.7",
        "A query is transmitted at most 3 times.", false;
    LlmnrAnswer, "llmnr_answer", Hard, "RFC 4795 section 2.5",
        "Answers are not multicast.", false;
    WsdRepeat, "wsd_repeat", Soft, "SOAP-over-UDP 1.1 section 3.4",
        "At most 4 copies of one message.", false;
}

impl Rule {
    /// Whether it is about what a device asks, so that no record shows whose it is.
    pub(crate) const fn is_asking(self) -> bool {
        matches!(self, Self::QueryInterval | Self::ProbeInterval | Self::ProbeBackoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_in_their_places_and_have_ids_of_their_own() {
        for (place, rule) in Rule::ALL.iter().enumerate() {
            assert_eq!(*rule as usize, place);
            assert_eq!(Rule::ALL.iter().filter(|r| r.id() == rule.id()).count(), 1);
            assert!(rule.holds().ends_with('.') && !rule.source().is_empty(), "{rule:?}");
        }
    }
}
