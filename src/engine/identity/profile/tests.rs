//! Tests of `profile`.

use super::*;
use crate::engine::identity::addresses::ADDRESSES;
use std::net::Ipv4Addr;

const MINUTE: Duration = Duration::from_mins(1);

fn macs(macs: &[Mac]) -> Local {
    Local { macs: macs.to_vec(), addresses: Vec::new() }
}

fn profile() -> Profile {
    Profile::new(Sender::Mac(Mac([2, 0, 0, 0, 0, 1])), &macs(&[]))
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn at(minutes: u32) -> Time {
    Time(1).plus(MINUTE * minutes)
}

fn hear(profile: &mut Profile, now: Time, claim: Claim<'_>) -> Identity {
    profile.hear(now, claim);
    profile.settle();
    (**profile.identity()).clone()
}

#[test]
fn the_first_ipv4_address_stays_until_unheard_for_ten_minutes() {
    let mut p = profile();
    let shown = |identity: Identity| identity.address.map(|address| address.to_string());
    assert_eq!(
        shown(hear(&mut p, at(0), Claim::Address(ip("2001:db8::1")))).as_deref(),
        Some("2001:db8::1")
    );
    assert_eq!(
        shown(hear(&mut p, at(0), Claim::Address(ip("fe80::1")))).as_deref(),
        Some("fe80::1")
    );
    assert_eq!(
        shown(hear(&mut p, at(0), Claim::Address(ip("169.254.1.1")))).as_deref(),
        Some("fe80::1")
    );
    assert_eq!(
        shown(hear(&mut p, at(0), Claim::Address(ip("10.0.0.1")))).as_deref(),
        Some("10.0.0.1")
    );
    assert_eq!(
        shown(hear(&mut p, at(5), Claim::Address(ip("10.0.0.2")))).as_deref(),
        Some("10.0.0.1")
    );
    hear(&mut p, at(6), Claim::Address(ip("10.0.0.1")));
    assert_eq!(
        shown(hear(&mut p, at(15), Claim::Address(ip("10.0.0.2")))).as_deref(),
        Some("10.0.0.1")
    );
    let last = hear(&mut p, at(16), Claim::Address(ip("10.0.0.2")));
    assert_eq!(shown(last.clone()).as_deref(), Some("10.0.0.2"));
    let all = ["169.254.1.1", "10.0.0.1", "10.0.0.2", "2001:db8::1", "fe80::1"].map(ip);
    assert_eq!(last.addresses, all);
}

#[test]
fn a_name_is_replaced_at_most_once_an_hour() {
    let mut p = profile();
    let shown = |identity: Identity| identity.name.map(String::from);
    assert_eq!(shown(hear(&mut p, at(0), Claim::LeaseName("PC"))).as_deref(), Some("PC"));
    assert_eq!(
        shown(hear(&mut p, at(1), Claim::HostName("pc.local"))).as_deref(),
        Some("pc.local")
    );
    assert_eq!(
        shown(hear(&mut p, at(60), Claim::HostName("b.local"))).as_deref(),
        Some("pc.local")
    );
    assert_eq!(shown(hear(&mut p, at(61), Claim::HostName("b.local"))).as_deref(), Some("b.local"));
    assert_eq!(shown(hear(&mut p, at(62), Claim::HostName("c.local"))).as_deref(), Some("b.local"));
    assert_eq!(shown(hear(&mut p, at(900), Claim::LeaseName("PC"))).as_deref(), Some("b.local"));
}

#[test]
fn more_than_eight_ipv4_addresses_make_a_repeater_without_a_name() {
    let mut p = profile();
    hear(&mut p, at(0), Claim::HostName("a.local"));
    for n in 1..=8 {
        let address = Claim::Address(Ipv4Addr::new(10, 0, 0, n).into());
        assert_eq!(hear(&mut p, at(0), address).category, Category::Unknown);
    }
    let last = hear(&mut p, at(0), Claim::Address(ip("10.0.0.9")));
    assert_eq!((last.category, last.name), (Category::Repeater, None));
    for n in 10..=100 {
        hear(&mut p, at(0), Claim::Address(Ipv4Addr::new(10, 0, 0, n).into()));
    }
    assert_eq!(p.identity().addresses.len(), ADDRESSES);
}

#[test]
fn leases_that_change_over_days_make_no_repeater() {
    let mut p = profile();
    for n in 1..=30 {
        let address = Claim::Address(Ipv4Addr::new(10, 0, 0, n).into());
        let identity = hear(&mut p, at(u32::from(n) * 600), address);
        assert_eq!(identity.category, Category::Unknown);
    }
    assert_eq!(p.identity().addresses.len(), ADDRESSES);
    assert_eq!(p.identity().address, Some(Address::Ip(ip("10.0.0.30"))));
}

#[test]
fn strings_are_cleaned_and_bounded() {
    let mut p = profile();
    hear(&mut p, at(0), Claim::HostName("\u{7}\r\n "));
    assert_eq!(p.identity().name, None);
    let long = format!("a\0b\u{202e}{}.", "ü".repeat(100));
    let name = hear(&mut p, at(0), Claim::HostName(&long)).name.expect("a name");
    assert_eq!(name.chars().count(), LENGTH);
    assert!(name.starts_with("abü"));
    assert_eq!(&*hear(&mut p, at(0), Claim::Model("HP. ")).model.expect("a model"), "HP");
}

#[test]
fn nothing_is_rebuilt_while_nothing_changes() {
    let mut p = profile();
    let claims = [Claim::Address(ip("10.0.0.1")), Claim::HostName("a.local"), Claim::Model("X")];
    for claim in claims {
        hear(&mut p, at(0), claim);
    }
    let before = Arc::clone(p.identity());
    for claim in claims {
        hear(&mut p, at(3), claim);
    }
    assert!(Arc::ptr_eq(&before, p.identity()));
}

#[test]
fn a_device_named_by_its_address_shows_the_mac_that_neighbours_know() {
    let own = Mac([2, 0, 0, 0, 0, 9]);
    let mut p = Profile::new(Sender::Ip(ip("10.0.0.1")), &macs(&[]));
    assert_eq!(p.identity().address, Some(Address::Ip(ip("10.0.0.1"))));
    p.learn_mac(Sender::Ip(ip("10.0.0.1")), own, &macs(&[own]));
    assert_eq!(p.identity().address, Some(Address::Mac(own)));
    assert_eq!(p.identity().addresses, [ip("10.0.0.1")]);
    assert!(p.identity().local);
}

#[test]
fn a_name_of_netbios_counts_least_and_only_with_an_own_address() {
    let mut p = profile();
    let own = ip("10.0.0.1");
    let shown = |identity: Identity| identity.name.map(String::from);
    assert_eq!(shown(hear(&mut p, at(0), Claim::NetbiosName(own, "PC"))), None);
    hear(&mut p, at(0), Claim::Address(own));
    assert_eq!(shown(hear(&mut p, at(0), Claim::NetbiosName(own, "PC"))).as_deref(), Some("PC"));
    assert_eq!(shown(hear(&mut p, at(1), Claim::LeaseName("pc"))).as_deref(), Some("pc"));
    let late = hear(&mut p, at(900), Claim::NetbiosName(own, "PC"));
    assert_eq!(shown(late).as_deref(), Some("pc"));
}

#[test]
fn a_device_named_by_its_address_owns_that_address() {
    let own = ip("10.0.0.1");
    let mut p = Profile::new(Sender::Ip(own), &macs(&[]));
    let gateway = Claim::EvidenceOf(own, Evidence::Routes);
    assert_eq!(hear(&mut p, at(0), gateway).category, Category::Router);
}

#[test]
fn what_may_be_another_s_is_taken_back_when_the_device_passes_things_on() {
    let mut p = profile();
    hear(&mut p, at(0), Claim::LikelyModel("LaserJet"));
    let identity = hear(&mut p, at(0), Claim::LikelyEvidence(Evidence::Prints));
    assert_eq!(
        (identity.category, identity.model.as_deref()),
        (Category::Printer, Some("LaserJet"))
    );
    let identity = hear(&mut p, at(1), Claim::Other("printer.local", ip("10.0.0.9")));
    assert_eq!((identity.category, identity.model), (Category::Unknown, None));
    hear(&mut p, at(2), Claim::LikelyModel("LaserJet"));
    let identity = hear(&mut p, at(2), Claim::LikelyEvidence(Evidence::Prints));
    assert_eq!((identity.category, identity.model), (Category::Unknown, None));
    let identity = hear(&mut p, at(3), Claim::Evidence(Evidence::Computes));
    assert_eq!(identity.category, Category::Computer, "what is sure counts on");
}

#[test]
fn naming_an_address_of_its_own_passes_nothing_on() {
    let mut p = profile();
    hear(&mut p, at(0), Claim::Address(ip("10.0.0.1")));
    hear(&mut p, at(0), Claim::HostName("pc.local"));
    hear(&mut p, at(0), Claim::LikelyEvidence(Evidence::Plays));
    hear(&mut p, at(0), Claim::Other("old.local", ip("10.0.0.1")));
    let identity = hear(&mut p, at(0), Claim::Other("PC.local", ip("fd00::1")));
    assert_eq!(identity.category, Category::Media);
}

#[test]
fn a_model_that_is_sure_replaces_one_that_is_not() {
    let mut p = profile();
    let shown = |identity: Identity| identity.model.map(String::from);
    hear(&mut p, at(0), Claim::LikelyModel("A"));
    assert_eq!(shown(hear(&mut p, at(0), Claim::Model("B"))).as_deref(), Some("B"));
    assert_eq!(shown(hear(&mut p, at(900), Claim::LikelyModel("C"))).as_deref(), Some("B"));
    assert_eq!(shown(hear(&mut p, at(900), Claim::Model("C"))).as_deref(), Some("C"));
}

#[test]
fn local_follows_the_macs_of_this_machine() {
    let own = Mac([2, 0, 0, 0, 0, 1]);
    let mut p = profile();
    p.set_local(Sender::Mac(own), &macs(&[own]));
    assert!(p.identity().local);
    assert!(hear(&mut p, at(0), Claim::Address(ip("10.0.0.1"))).local);
    p.set_local(Sender::Mac(own), &macs(&[]));
    assert!(!p.identity().local);
    let mut p = Profile::new(Sender::Ip(ip("10.0.0.1")), &macs(&[]));
    p.set_local(Sender::Ip(ip("10.0.0.1")), &macs(&[own]));
    assert!(!p.identity().local, "its MAC is not known yet");
    p.learn_mac(Sender::Ip(ip("10.0.0.1")), own, &macs(&[]));
    p.set_local(Sender::Ip(ip("10.0.0.1")), &macs(&[own]));
    assert!(p.identity().local);
}

#[test]
fn a_sender_known_by_its_address_is_local_if_the_address_is_this_machines() {
    let sender = Sender::Ip(ip("10.0.0.1"));
    let own = Local { macs: Vec::new(), addresses: vec![ip("fe80::1"), ip("10.0.0.1")] };
    assert!(Profile::new(sender, &own).identity().local);
    let mut p = Profile::new(sender, &Local::default());
    assert!(!p.identity().local);
    p.set_local(sender, &own);
    p.learn_mac(sender, Mac([2, 0, 0, 0, 0, 1]), &own);
    assert!(p.identity().local, "a MAC that is not known as its own changes nothing");
    p.set_local(sender, &Local::default());
    assert!(!p.identity().local);
    assert!(!Profile::new(Sender::Ip(ip("10.0.0.2")), &own).identity().local);
}
