//! The rules of RFC 6762, and the causes of storms that break them.
//!
//! | file | finds |
//! |---|---|
//! | `form` | what a message breaks by itself |
//! | `records` | records sent again, changed and withdrawn |
//! | `conflict` | unique records that two devices claim |
//! | `contested` | names that two devices fight over, at any rate |
//! | `repeats` | questions asked again too soon |
//! | `known` | answers that the question listed as known |
//! | `probes` | probes sent too fast, or without an end |
//! | `runs` | whether probes for a name ever end |
//! | `contenders` | devices that object to a name |
//! | `rename` | names that go on and on |
//! | `pingpong` | questions and answers that provoke each other |
//! | `provoked` | answers to those who ask too fast |

pub(crate) mod conflict;
pub(crate) mod contenders;
pub(crate) mod contested;
pub(crate) mod form;
pub(crate) mod known;
pub(crate) mod pingpong;
pub(crate) mod probes;
pub(crate) mod provoked;
pub(crate) mod records;
pub(crate) mod rename;
pub(crate) mod repeats;
mod runs;

use super::account::device::DeviceMemory;
use super::cache::Cache;
use super::steady::{Copies, Steady};
use super::view::{Findings, View};
use crate::decode::mdns::HashKey;
use crate::time::Time;

/// What finds the causes and violations of mDNS.
#[derive(Debug)]
pub(crate) struct MdnsDetectors {
    records: records::Records,
    conflict: conflict::Conflict,
    contested: contested::Contested,
    repeats: repeats::Repeats,
    probes: probes::Probes,
    pingpong: pingpong::PingPong,
    provoked: provoked::Provoked,
    known: known::Known,
    form: form::MessageForm,
}

impl MdnsDetectors {
    /// Nothing was heard yet.
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            records: records::Records::new(key),
            conflict: conflict::Conflict::new(key),
            contested: contested::Contested::new(key),
            repeats: repeats::Repeats::new(key),
            probes: probes::Probes::new(key),
            pingpong: pingpong::PingPong::new(key),
            provoked: provoked::Provoked::new(key),
            known: known::Known::new(key),
            form: form::MessageForm::new(),
        }
    }

    /// Hears one frame, if it is mDNS and a copy too.
    pub(crate) fn handle_any(&mut self, view: &View<'_>) {
        self.known.list(view);
    }

    /// What is promised of copies of the frame that was just judged.
    pub(crate) fn steady(
        &self,
        view: &View<'_>,
        cache: &Cache,
        memory: &DeviceMemory,
        findings: &Findings,
        steady: Steady,
    ) -> Option<Steady> {
        let Self {
            records,
            conflict,
            contested,
            repeats,
            probes,
            pingpong,
            provoked,
            known,
            // It judges each payload by itself.
            form: _,
        } = self;
        let mut steady = records.steady(view, steady)?;
        if !memory.relay.is_relay() {
            steady = contested.steady(view, conflict.steady(view, steady)?)?;
        }
        let programs = memory.relay.own_names().max(1);
        let steady = repeats.steady(view, cache, programs, steady)?;
        let steady = probes.steady(view, steady)?;
        let steady = pingpong.steady(view, steady)?;
        let steady = provoked.steady(view, findings, steady)?;
        known.steady(view, steady)
    }

    /// So many copies more were heard.
    pub(crate) fn skip(&mut self, view: &View<'_>, copies: Copies) {
        if copies.after_others > 0 {
            self.contested.skip(view, copies.after_others);
        }
        let copies = copies.count;
        self.records.skip(view, copies);
        self.repeats.skip(view, copies);
        self.provoked.skip(view, copies);
    }

    /// A copy of the frame was the last response of all.
    pub(crate) fn remember(&mut self, view: &View<'_>, at: Time) {
        self.conflict.remember(view, at);
        self.contested.remember(view, at);
    }

    /// Judges one frame that is no copy.
    pub(crate) fn handle(
        &mut self,
        view: &View<'_>,
        cache: &Cache,
        memory: Option<&mut DeviceMemory>,
        findings: &mut Findings,
    ) {
        self.records.handle(view, findings);
        let is_relay = memory.as_ref().is_some_and(|memory| memory.relay.is_relay());
        if !is_relay {
            self.conflict.handle(view, findings);
            self.contested.handle(view, findings);
        }
        let programs = memory.as_ref().map_or(0, |memory| memory.relay.own_names()).max(1);
        self.repeats.handle(view, cache, programs, findings);
        self.probes.handle(view, is_relay, findings);
        self.pingpong.handle(view, findings);
        self.provoked.handle(view, is_relay, findings);
        self.known.handle(view, findings);
        self.form.handle(view, memory.map(|memory| &mut memory.v4), findings);
    }
}
