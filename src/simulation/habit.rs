//! What the devices of a simulated LAN multicast and broadcast besides mDNS: addresses, groups,
//! SSDP, the protocols of Windows, a scan once an hour.

use super::agenda::{MIN, MS, Nanos, S};
use super::device::{Habit, Interest, Place, Upnp};
use super::segment::{CAST, NAGGED, POLLED, WANTED};
use super::{Action, ROUTER, Simulation};
use crate::craft::address::{
    Dhcp, neighbour_solicitation, router_advertisement, router_solicitation, solicited_node,
};
use crate::craft::discovery::{
    llmnr_query, nbdgm, nbns_query, nbns_registration, ssdp_alive, ssdp_search, wsd_hello,
    wsd_probe,
};
use crate::craft::host::{
    ALL_NODES, ALL_ROUTERS, LLMNR_V4, LLMNR_V6, MDNS_V4, MDNS_V6, SSDP_V4, SSDP_V6,
};
use crate::craft::mdns::pointer_loop;
use crate::craft::membership::{Change, igmp3_query, igmp3_report, mld2_query, mld2_report};
use crate::craft::{Ethernet, Host, Udp};
use crate::mac::Mac;
use simple_dns::TYPE;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Where IGMP version 3 reports go (RFC 3376 section 4.2.14).
const IGMP_V3: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 22);
/// Where MLD version 2 reports go (RFC 3810 section 5.2.14).
const MLD_V2: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
/// 224.0.0.1, all hosts.
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
/// The nearest bridge, and the type of its protocol (IEEE 802.1AB section 7.1).
const NEAREST_BRIDGE: Mac = Mac([0x01, 0x80, 0xc2, 0, 0, 0x0e]);
const LLDP: u16 = 0x88cc;
/// Between two general queries (RFC 3376 section 8.2).
const QUERY_INTERVAL: Nanos = 125 * S;
/// Reports come within this of a query (RFC 3376 section 8.3).
const QUERY_RESPONSE: Nanos = 10 * S;
/// Names that Windows looks for and does not find.
const MISSED: [&str; 4] = ["wpad", "oldserver", "isatap", "print01"];

impl Simulation {
    /// What a device sends when its link comes up: it gets its addresses and joins its groups.
    pub(super) fn introduce(&mut self, place: Place) {
        let device = &self.devices[place];
        let (host, has_v6) = (device.host, device.profile.has_v6);
        let name = device.profile.name.clone();
        let router = &self.devices[ROUTER];
        let (is_router_on, router) = (router.is_on, router.host);
        let soon = self.now;
        if host != router && is_router_on {
            let discover = Dhcp::client(1, host.mac).host_name(&name);
            let request = Dhcp::client(3, host.mac)
                .option(50, &host.v4.octets())
                .option(54, &router.v4.octets())
                .host_name(&name);
            let offer =
                |kind| Dhcp::server(kind, host.mac, host.v4).option(54, &router.v4.octets());
            let frames = [
                host.dhcp_client(discover.bytes()),
                router.dhcp_server(offer(2).bytes()),
                host.dhcp_client(request.bytes()),
                router.dhcp_server(offer(5).bytes()),
            ];
            for (n, frame) in (1..).zip(frames) {
                self.plan(place, soon + n * 20 * MS, Action::Send(frame));
            }
        }
        // Twice, two seconds apart (RFC 5227 section 2.3).
        for n in 0..2 {
            let announcement = Action::Send(host.arp_announcement());
            self.plan(place, soon + 120 * MS + n * 2 * S, announcement);
        }
        if has_v6 {
            let nobody = Host { v6: Ipv6Addr::UNSPECIFIED, ..host };
            // Without the option of its own address (RFC 4861 section 4.3).
            let mut detection = neighbour_solicitation(host.v6, host.mac);
            detection.1.truncate(20);
            let detection = nobody.nd(solicited_node(host.v6), detection);
            self.plan(place, soon + 130 * MS, Action::Send(detection));
            let solicitation = host.nd(ALL_ROUTERS, router_solicitation(host.mac));
            self.plan(place, soon + 1_200 * MS, Action::Send(solicitation));
        }
        // Twice, within a second (RFC 3376 section 5.1).
        let again = self.rng.u64(300 * MS..900 * MS);
        for at in [soon + 200 * MS, soon + 200 * MS + again] {
            for frame in self.reports(place, Change::ToExclude) {
                self.plan(place, at, Action::Send(frame));
            }
        }
    }

    /// A device's membership reports: one for IPv4, one for IPv6.
    fn reports(&self, place: Place, change: Change) -> Vec<Vec<u8>> {
        let device = &self.devices[place];
        let (host, has_v6) = (device.host, device.profile.has_v6);
        let habits = device.profile.habits;
        let is_windows = habits.contains(&Habit::Windows);
        let has_ssdp = is_windows || device.profile.upnp.is_some();
        let wanted = [
            (device.has_mdns(), MDNS_V4, MDNS_V6),
            (has_ssdp, SSDP_V4, SSDP_V6),
            (is_windows, LLMNR_V4, LLMNR_V6),
        ];
        let mut v4: Vec<(Ipv4Addr, Change, &[Ipv4Addr])> = Vec::new();
        let mut v6: Vec<(Ipv6Addr, Change, &[Ipv6Addr])> =
            vec![(solicited_node(host.v6), change, &[])];
        for (_, group4, group6) in wanted.into_iter().filter(|(is_wanted, ..)| *is_wanted) {
            v4.push((group4, change, &[]));
            v6.push((group6, change, &[]));
        }
        v4.extend(device.profile.groups.iter().map(|group| (*group, change, &[][..])));
        let mut frames = Vec::new();
        if !v4.is_empty() {
            frames.push(host.igmp(IGMP_V3, igmp3_report(&v4)));
        }
        if has_v6 {
            frames.push(host.mld(MLD_V2, mld2_report(&v6)));
        }
        frames
    }

    /// Does what a device does again and again, and plans the next time.
    pub(super) fn habit(&mut self, place: Place, habit: Habit) {
        let (least, most) = match habit {
            Habit::Neighbours => {
                self.look_for_neighbour(place);
                (3 * MIN, 15 * MIN)
            }
            Habit::Querier => {
                self.query_groups(place);
                (QUERY_INTERVAL, QUERY_INTERVAL + 1)
            }
            Habit::Advertises => {
                let host = self.devices[place].host;
                let [_, high, low, _] = host.v4.octets();
                let network = u16::from_be_bytes([high, low]);
                let prefix = Ipv6Addr::new(0xfd53, 0, 0, network, 0, 0, 0, 0);
                self.send(host.nd(ALL_NODES, router_advertisement(1_800, prefix, host.mac)));
                (200 * S, 600 * S)
            }
            Habit::Notifies => {
                self.notify(place);
                (14 * MIN, 15 * MIN)
            }
            Habit::Searches => {
                self.search(place);
                (2 * MIN, 2 * MIN + S)
            }
            Habit::Windows => {
                self.windows(place);
                (8 * MIN, 12 * MIN)
            }
            Habit::Scans => {
                self.scan(place);
                (60 * MIN, 61 * MIN)
            }
            Habit::Uses => {
                self.use_service(place);
                (10 * MIN, 40 * MIN)
            }
            Habit::Polls => {
                self.ask_blindly(place, POLLED, TYPE::TXT);
                (61 * S, 70 * S)
            }
            Habit::Wants => {
                self.look_in_vain(place);
                (4 * MIN, 4 * MIN + S)
            }
            Habit::Casts => {
                self.ask_blindly(place, CAST, TYPE::PTR);
                (15 * S, 25 * S)
            }
            Habit::Nags => {
                for n in 0..8 {
                    let question = Action::Question { owner: NAGGED.to_owned(), rtype: TYPE::PTR };
                    self.plan(place, self.now + n * 300 * MS, question);
                }
                (3 * MIN, 3 * MIN + S)
            }
            Habit::Garbles => {
                let host = self.devices[place].host;
                self.send(host.mdns4(pointer_loop()));
                (5 * MIN, 5 * MIN + S)
            }
            Habit::Names => {
                let neighbour = Ethernet::from(self.devices[place].host.mac).to(NEAREST_BRIDGE);
                self.send(neighbour.frame(LLDP, &[0; 46]));
                (30 * S, 31 * S)
            }
            // It does so when others speak.
            Habit::Repeats => return,
        };
        self.plan_within(place, least, most, Action::Do(habit));
    }

    /// Asks for services that nobody has, with growing gaps.
    fn look_in_vain(&mut self, place: Place) {
        let now = self.now;
        self.devices[place].interests.retain(|_, interest| interest.until > now);
        for owner in WANTED.map(str::to_owned) {
            let until = now + 8 * S;
            let interest = Interest { owner, rtype: TYPE::PTR, until, is_single: true };
            self.want(place, interest, now);
        }
    }

    fn look_for_neighbour(&mut self, place: Place) {
        let host = self.devices[place].host;
        let residents = self.devices.iter().filter(|device| !device.profile.is_visitor()).count();
        let other = self.devices[self.rng.usize(..residents)].host;
        // The NAS of the household.
        let target = if other == host { self.devices[residents * 2 / 5].host } else { other };
        self.send(host.arp_request(target.v4));
        if self.devices[place].profile.has_v6 {
            let solicitation = neighbour_solicitation(target.v6, host.mac);
            self.send(host.nd(solicited_node(target.v6), solicitation));
        }
    }

    /// A general query of each family; each device reports within the time given.
    fn query_groups(&mut self, place: Place) {
        let host = self.devices[place].host;
        self.send(host.igmp(ALL_HOSTS, igmp3_query(Ipv4Addr::UNSPECIFIED, 100)));
        self.send(host.mld(ALL_NODES, mld2_query(Ipv6Addr::UNSPECIFIED, 10_000)));
        for other in 0..self.devices.len() {
            if !self.devices[other].is_on {
                continue;
            }
            for frame in self.reports(other, Change::IsExclude) {
                self.plan_within(other, 0, QUERY_RESPONSE, Action::Send(frame));
            }
        }
    }

    /// A UPnP device's set of notifications, twice (UPnP Device Architecture 2.0 section 1.2.2).
    fn notify(&mut self, place: Place) {
        let Some(Upnp { kinds, server }) = self.devices[place].profile.upnp else { return };
        let host = self.devices[place].host;
        let uuid = format!("uuid:{}", self.uuid(place));
        let location = format!("http://{}:49152/description.xml", host.v4);
        let root = ["upnp:rootdevice", &uuid].map(str::to_owned);
        let all: Vec<String> =
            root.into_iter().chain(kinds.iter().map(|kind| (*kind).to_owned())).collect();
        let mut at = self.now;
        for _ in 0..2 {
            for kind in &all {
                let usn = if *kind == uuid { uuid.clone() } else { format!("{uuid}::{kind}") };
                let frame = host.ssdp4(ssdp_alive(kind, &usn, &location, server));
                self.plan(place, at, Action::Send(frame));
                at += self.rng.u64(40 * MS..100 * MS);
            }
            at += self.rng.u64(200 * MS..400 * MS);
        }
    }

    /// Four searches, a second apart, as browsers on a desktop do.
    fn search(&mut self, place: Place) {
        let host = self.devices[place].host;
        let search = ssdp_search("urn:dial-multiscreen-org:service:dial:1");
        let frame = host.udp4(SSDP_V4, 2, &Udp::new(50_000 + self.rng.u16(..9_999), 1900, search));
        for n in 0..4 {
            self.plan(place, self.now + n * S, Action::Send(frame.clone()));
        }
    }

    /// A name that is not there, by LLMNR and NetBIOS; a browser's announcement; WS-Discovery.
    fn windows(&mut self, place: Place) {
        let device = &self.devices[place];
        let (host, name) = (device.host, device.profile.name.clone());
        let now = self.now;
        let missed = MISSED[self.rng.usize(..MISSED.len())];
        // Twice in each family, 410 ms apart; the id distinguishes a query from the next.
        let mut query = llmnr_query(missed);
        query[..2].copy_from_slice(&self.rng.u16(..).to_be_bytes());
        for n in 0..2 {
            self.plan(place, now + n * 410 * MS, Action::Send(host.llmnr4(query.clone())));
            self.plan(place, now + n * 410 * MS, Action::Send(host.llmnr6(query.clone())));
        }
        // Three times, 750 ms apart (RFC 1002 section 6).
        let mut query = nbns_query(missed);
        query[..2].copy_from_slice(&self.rng.u16(..).to_be_bytes());
        for n in 0..3 {
            let at = now + S + n * 750 * MS;
            self.plan(place, at, Action::Send(host.nbns(query.clone())));
            let at = now + 10 * S + n * 750 * MS;
            let registration = nbns_registration(&name, host.v4);
            self.plan(place, at, Action::Send(host.nbns(registration)));
        }
        self.plan(place, now + 15 * S, Action::Send(host.nbdgm(nbdgm(&name, host.v4, &[0; 60]))));
        // Each twice (SOAP-over-UDP 1.1 section 3.4), with a number of its own.
        let endpoint = format!("urn:uuid:{}", self.uuid(place));
        for (at, message) in [(20, wsd_hello(&endpoint)), (25, wsd_probe())] {
            let message = self.numbered(&message);
            for again in [0, 150 * MS] {
                let at = now + at * S + again;
                self.plan(place, at, Action::Send(host.wsd4(message.clone())));
                self.plan(place, at, Action::Send(host.wsd6(message.clone())));
            }
        }
    }

    /// The same WS-Discovery message with a `MessageID` of its own.
    fn numbered(&mut self, message: &[u8]) -> Vec<u8> {
        let id = format!("{:012x}", self.rng.u64(..) >> 16);
        String::from_utf8_lossy(message).replace("000000005353", &id).into_bytes()
    }

    /// The 254 addresses of the /24, in some five seconds.
    fn scan(&mut self, place: Place) {
        let host = self.devices[place].host;
        let [a, b, c, _] = host.v4.octets();
        for (n, last) in (0..).zip(1..=254) {
            let frame = host.arp_request(Ipv4Addr::new(a, b, c, last));
            self.plan(place, self.now + n * 20 * MS, Action::Send(frame));
        }
    }

    /// A device's identifier, made of its MAC.
    fn uuid(&self, place: Place) -> String {
        let mac = self.devices[place].host.mac.to_string().replace(':', "");
        format!("4d454f57-5353-4000-8000-{mac}")
    }
}
