//! The mDNS records of a LAN, each known by a number, so that askers, responders and caches can
//! refer to the same one. TTLs and cache-flush bits are those of RFC 6762.

use super::agenda::Nanos;
use crate::craft::Host;
use crate::craft::mdns::{SERVICE_TYPES, address, nsec, ptr, response, srv, txt};
use simple_dns::{ResourceRecord, TYPE};

/// A record, by its place in [`Records`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RecordId(u32);

/// What is known of a record.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Its owner, as text.
    pub(super) owner: String,
    /// Its type.
    pub(super) rtype: TYPE,
    /// Time to live in seconds.
    pub(super) ttl: u32,
    /// Whether nobody else may have one of this name and type.
    pub(super) is_unique: bool,
    /// What PTR and SRV records point at.
    pub(super) target: Option<String>,
    /// Octets that it takes in a message, at most.
    pub(super) size: usize,
    /// As it goes into a message.
    wire: ResourceRecord<'static>,
}

impl Record {
    /// As it goes into a response.
    pub(super) fn answer(&self) -> ResourceRecord<'static> {
        self.wire.clone()
    }

    /// As it goes into a goodbye (RFC 6762 section 10.1).
    pub(super) fn goodbye(&self) -> ResourceRecord<'static> {
        let mut wire = self.wire.clone();
        wire.ttl = 0;
        wire
    }

    /// As it goes into a question's known answers or a probe's authority section, which never
    /// have the cache-flush bit (section 10.2).
    pub(super) fn without_flush(&self, ttl: u32) -> ResourceRecord<'static> {
        let mut wire = self.wire.clone().with_cache_flush(false);
        wire.ttl = ttl;
        wire
    }

    /// Its time to live.
    pub(super) const fn lifetime(&self) -> Nanos {
        self.ttl as Nanos * super::agenda::S
    }
}

/// All records that there ever were.
#[derive(Debug, Default)]
pub(super) struct Records(Vec<Record>);

impl Records {
    /// The record.
    pub(super) fn get(&self, id: RecordId) -> &Record {
        &self.0[id.0 as usize]
    }

    /// The latest record of this owner and type.
    pub(super) fn find(&self, owner: &str, rtype: TYPE) -> Option<RecordId> {
        let place = self.0.iter().rposition(|r| r.rtype == rtype && r.owner == owner)?;
        u32::try_from(place).ok().map(RecordId)
    }

    fn add(
        &mut self,
        wire: ResourceRecord<'static>,
        owner: &str,
        target: Option<&str>,
    ) -> RecordId {
        let id = RecordId(u32::try_from(self.0.len()).expect("under four billion records"));
        self.0.push(Record {
            owner: owner.to_owned(),
            rtype: wire.rdata.type_code(),
            ttl: wire.ttl,
            is_unique: wire.cache_flush,
            target: target.map(str::to_owned),
            // Behind a header of twelve octets, its names in full.
            size: response([wire.clone()]).len() - 12,
            wire,
        });
        id
    }

    /// The addresses of a host, and that there are no others.
    pub(super) fn host(&mut self, owner: &str, host: Host, has_v6: bool) -> Vec<RecordId> {
        let mut ids = vec![self.add(address(owner, host.v4.into()), owner, None)];
        let mut types = vec![TYPE::A];
        if has_v6 {
            ids.push(self.add(address(owner, host.v6.into()), owner, None));
            types.push(TYPE::AAAA);
        }
        ids.push(self.add(nsec(owner, &types), owner, None));
        ids
    }

    /// A service's four records, and that there are no others.
    pub(super) fn service(&mut self, host: &str, service: &Offer) -> Vec<RecordId> {
        let kind = format!("{}.local", service.kind);
        let instance = format!("{}.{kind}", service.instance);
        vec![
            self.add(ptr(SERVICE_TYPES, &kind), SERVICE_TYPES, Some(&kind)),
            self.add(ptr(&kind, &instance), &kind, Some(&instance)),
            self.add(srv(&instance, host, service.port), &instance, Some(host)),
            self.add(txt(&instance, &service.txt), &instance, None),
            self.add(nsec(&instance, &[TYPE::TXT, TYPE::SRV]), &instance, None),
        ]
    }
}

/// A service that a device offers.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    /// Such as `Canon MF620C`.
    pub(super) instance: String,
    /// Such as `_ipp._tcp`.
    pub(super) kind: &'static str,
    /// Its port.
    pub(super) port: u16,
    /// `key=value` strings.
    pub(super) txt: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::craft::mdns::{HOST_TTL, OTHER_TTL, name};

    #[test]
    fn ttls_and_cache_flush_bits_are_those_of_rfc_6762() {
        let mut records = Records::default();
        let (instance, txt) = ("Box".to_owned(), vec!["a=b".to_owned()]);
        let offer = Offer { instance, kind: "_ipp._tcp", port: 631, txt };
        let mut ids = records.service("box.local", &offer);
        ids.extend(records.host("box.local", Host::numbered(1), true));
        let all: Vec<_> = ids
            .iter()
            .map(|id| records.get(*id))
            .map(|r| (r.rtype, r.ttl, r.is_unique, r.answer().cache_flush))
            .collect();
        assert_eq!(
            all,
            [
                (TYPE::PTR, OTHER_TTL, false, false),
                (TYPE::PTR, OTHER_TTL, false, false),
                (TYPE::SRV, HOST_TTL, true, true),
                (TYPE::TXT, OTHER_TTL, true, true),
                (TYPE::NSEC, HOST_TTL, true, true),
                (TYPE::A, HOST_TTL, true, true),
                (TYPE::AAAA, HOST_TTL, true, true),
                (TYPE::NSEC, HOST_TTL, true, true),
            ]
        );
        let srv = records.get(ids[2]);
        assert_eq!((srv.goodbye().ttl, srv.goodbye().cache_flush), (0, true));
        assert!(!srv.without_flush(60).cache_flush);
        assert_eq!(name(&srv.owner), srv.answer().name);
    }
}
