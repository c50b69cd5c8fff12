//! Which LAN a segment is: names that the command line gives, so that two exporters on one LAN say
//! the same of it, whatever their interfaces are called.
//!
//! A VLAN is the LAN's, not the host's: VLAN 20 of the LAN `office` is `office.20`, whether it is
//! heard by its tags or on an interface of its own. It must not know which segments there are.

use super::Label;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;

/// Longest name in characters, not counting VLAN ids.
const NAME_MAX: usize = 63;
/// Longest `interface` label in characters: 64, and two VLAN ids.
const LABEL_MAX: usize = 74;

/// The name of a LAN: `office`, `office.20`.
pub type LanName = Arc<str>;

/// One value of `--lan`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanRule {
    /// The label of a segment; `None` for all segments without a rule of their own.
    segment: Option<String>,
    /// The name; `None` for a segment that is on no LAN with a name.
    name: Option<LanName>,
}

/// Why a value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LanRuleError {
    /// It names nothing.
    #[error("write NAME, or INTERFACE=NAME")]
    Empty,
    /// There is nothing before the equals sign.
    #[error("there is no interface before the =; write NAME for all of them")]
    NoInterface,
    /// No segment is called so.
    #[error("{0:?} is no interface: at most 74 characters, no control characters")]
    Interface(String),
    /// The name has other characters.
    #[error("the name {0:?} has characters other than letters, digits and - . _")]
    Characters(String),
    /// The name would not be told from a VLAN's, or from nothing.
    #[error(
        "the name {0:?} must begin and end with a letter or digit, and have no two dots in a row"
    )]
    Ends(String),
    /// The name is too long.
    #[error("the name has {0} characters; at most 63")]
    Long(usize),
}

/// Why values cannot be used together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LanError {
    /// A segment has two.
    #[error("--lan: {0} is named twice")]
    Twice(String),
    /// All segments have two.
    #[error("--lan: two names without an interface: {0} and {1}")]
    TwoForAll(LanName, LanName),
}

/// The names of LANs. The default names none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lans {
    for_all: Option<LanName>,
    of_segment: BTreeMap<String, Option<LanName>>,
}

impl FromStr for LanRule {
    type Err = LanRuleError;

    fn from_str(text: &str) -> Result<Self, LanRuleError> {
        let (segment, name) = match text.split_once('=') {
            Some((segment, name)) => (Some(segment), name),
            None => (None, text),
        };
        if segment == Some("") {
            return Err(LanRuleError::NoInterface);
        }
        if segment.is_none() && name.is_empty() {
            return Err(LanRuleError::Empty);
        }
        let is_label =
            |label: &&str| label.chars().count() <= LABEL_MAX && !label.contains(char::is_control);
        if let Some(label) = segment.filter(|label| !is_label(label)) {
            return Err(LanRuleError::Interface(label.chars().take(LABEL_MAX).collect()));
        }
        let length = name.chars().count();
        if length > NAME_MAX {
            return Err(LanRuleError::Long(length));
        }
        if !name.chars().all(|c| c.is_alphanumeric() || "-._".contains(c)) {
            return Err(LanRuleError::Characters(name.to_owned()));
        }
        // `office.20` is VLAN 20 of the LAN `office`: neither part may be empty.
        let is_bare = name.starts_with(['-', '.', '_']) || name.ends_with(['-', '.', '_']);
        if is_bare || name.contains("..") {
            return Err(LanRuleError::Ends(name.to_owned()));
        }
        let name = (!name.is_empty()).then(|| name.into());
        Ok(Self { segment: segment.map(str::to_owned), name })
    }
}

impl Lans {
    /// The names that all values give together.
    ///
    /// # Errors
    /// If two of them are about the same.
    pub fn new(rules: &[LanRule]) -> Result<Self, LanError> {
        let mut lans = Self::default();
        for LanRule { segment, name } in rules {
            match (segment, name) {
                (Some(label), name) => {
                    if lans.of_segment.insert(label.clone(), name.clone()).is_some() {
                        return Err(LanError::Twice(label.clone()));
                    }
                }
                (None, Some(name)) => {
                    if let Some(other) = lans.for_all.replace(Arc::clone(name)) {
                        return Err(LanError::TwoForAll(other, Arc::clone(name)));
                    }
                }
                (None, None) => {}
            }
        }
        Ok(lans)
    }

    /// The LAN of the segment with this label and these VLAN ids (see
    /// [`Segment::vlan`](super::Segment::vlan)); the first rule that applies:
    ///
    /// 1. The segment has a name of its own, or is said to have none.
    /// 2. VLANs beyond the limit share a segment, which is no LAN.
    /// 3. `eth0.20`, if it is VLAN 20: the name of `eth0`, and `.20`.
    /// 4. The name for all, and the VLAN ids.
    pub fn of(&self, label: &Label, vlan: &str) -> Option<LanName> {
        if let Some(name) = self.of_segment.get(&**label) {
            return name.clone();
        }
        if vlan == "other" {
            return None;
        }
        if let Some((name, ids)) = self.underneath(label, vlan) {
            return Some(with_vlan(name.as_ref()?, ids));
        }
        Some(with_vlan(self.for_all.as_ref()?, vlan))
    }

    /// The labels of the segments that have a name of their own.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        let named = self.of_segment.iter().filter(|(_, name)| name.is_some());
        named.map(|(label, _)| label.as_str())
    }

    /// The labels with a name of their own that belong to none of these interfaces. What looks like a
    /// VLAN of one of them may be heard later.
    pub fn unheard<'l>(&'l self, interfaces: &'l [&str]) -> impl Iterator<Item = &'l str> {
        let is_on = |label: &str, interface: &&str| {
            let rest = label.strip_prefix(interface);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.labels().filter(move |label| !interfaces.iter().any(|one| is_on(label, one)))
    }

    /// What is said of the interface that carries a VLAN, as far as the label tells which it is, and
    /// the VLAN ids there. Of two it is the nearer one.
    fn underneath<'l>(&self, label: &'l str, vlan: &str) -> Option<(&Option<LanName>, &'l str)> {
        label.rmatch_indices('.').find_map(|(dot, _)| {
            let ids = &label[dot + 1..];
            let outer = vlan.strip_suffix(ids)?;
            let is_its_vlan = outer.is_empty() || outer.ends_with('.');
            self.of_segment.get(&label[..dot]).filter(|_| is_its_vlan).map(|name| (name, ids))
        })
    }
}

fn with_vlan(name: &LanName, vlan: &str) -> LanName {
    if vlan.is_empty() { Arc::clone(name) } else { format!("{name}.{vlan}").into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lans(values: &[&str]) -> Result<Lans, LanError> {
        Lans::new(&values.iter().map(|text| text.parse().expect("a rule")).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for good in ["office", "eth0=office", "br-lan.20=Büro-2_a.7", "docker0=", "a b=x"] {
            assert!(good.parse::<LanRule>().is_ok(), "{good}");
        }
        let long = "x".repeat(64);
        for (bad, why) in [
            ("", "write NAME, or INTERFACE=NAME"),
            ("=office", "there is no interface before the =; write NAME for all of them"),
            (
                "eth0=the office",
                "the name \"the office\" has characters other than letters, digits and - . _",
            ),
            (
                ".20",
                "the name \".20\" must begin and end with a letter or digit, and have no two dots in a row",
            ),
            (
                "eth0=office.",
                "the name \"office.\" must begin and end with a letter or digit, and have no two dots in a row",
            ),
            (
                "..",
                "the name \"..\" must begin and end with a letter or digit, and have no two dots in a row",
            ),
            (
                "a..b",
                "the name \"a..b\" must begin and end with a letter or digit, and have no two dots in a row",
            ),
            ("a=b=c", "the name \"b=c\" has characters other than letters, digits and - . _"),
            (
                "e\u{7}=a",
                "\"e\\u{7}\" is no interface: at most 74 characters, no control characters",
            ),
            (&*long, "the name has 64 characters; at most 63"),
        ] {
            let error = bad.parse::<LanRule>().expect_err(bad);
            assert_eq!(error.to_string(), why, "{bad}");
        }
    }

    #[test]
    fn two_rules_about_the_same_are_refused() {
        for (values, why) in [
            (&["eth0=a", "eth0=a"][..], "--lan: eth0 is named twice"),
            (&["eth0=a", "b", "eth0="], "--lan: eth0 is named twice"),
            (&["a", "b"], "--lan: two names without an interface: a and b"),
        ] {
            assert_eq!(lans(values).expect_err("a fault").to_string(), why);
        }
        assert_eq!(lans(&[]), Ok(Lans::default()));
    }

    #[test]
    fn a_vlan_has_the_same_name_whatever_carries_it() {
        let of = |values: &[&str], label: &str, vlan: &str| {
            lans(values).expect("rules").of(&label.into(), vlan)
        };
        for (values, label, vlan, wanted) in [
            (&[][..], "eth0", "", None),
            // One name for all: by the tag, on a device of its own however that is called, and on
            // an access port of a host that knows.
            (&["office"], "eth0", "", Some("office")),
            (&["office"], "eth0.20", "20", Some("office.20")),
            (&["office"], "guests", "20", Some("office.20")),
            (&["office"], "eth0.20.7", "20.7", Some("office.20.7")),
            (&["office.20"], "eth0", "", Some("office.20")),
            (&["office"], "eth0.other", "other", None),
            // A bridge whose name looks like a VLAN is none.
            (&["office"], "br.20", "", Some("office")),
            (&["br=office"], "br.20", "", None),
            // One interface, and its VLANs.
            (&["eth0=office"], "eth0", "", Some("office")),
            (&["eth0=office"], "eth0.20", "20", Some("office.20")),
            (&["eth0=office"], "eth0.20.7", "20.7", Some("office.20.7")),
            (&["eth0=office"], "eth1", "", None),
            (&["eth0=office"], "eth0.other", "other", None),
            (&["eth0=office", "home"], "eth1.20", "20", Some("home.20")),
            // The nearer one, and one's own.
            (&["eth0=office", "eth0.20=lab"], "eth0.20", "20", Some("lab")),
            (&["eth0=office", "eth0.20=lab"], "eth0.20.7", "20.7", Some("lab.7")),
            (&["eth0=office", "eth0.20="], "eth0.20.7", "20.7", None),
            (&["vlan20=office"], "vlan20.7", "20.7", Some("office.7")),
            (&["office", "docker0="], "docker0", "", None),
            (&["office", "docker0="], "docker0.5", "5", None),
            (&["office", "eth0.other=rest"], "eth0.other", "other", Some("rest")),
            // 120 is no VLAN 20.
            (&["eth0.1=office"], "eth0.1.20", "120", None),
        ] {
            assert_eq!(of(values, label, vlan).as_deref(), wanted, "{values:?} {label} {vlan}");
        }
    }

    #[test]
    fn labels_that_no_interface_has_are_told() {
        let all = lans(&["eth0=a", "eth1.20=b", "nosuch=c", "eth10=d", "docker0="]).expect("rules");
        let unheard: Vec<&str> = all.unheard(&["eth0", "eth1"]).collect();
        assert_eq!(unheard, ["eth10", "nosuch"]);
    }

    proptest! {
        #[test]
        fn a_name_is_bounded_whatever_the_tags_are(
            value in ".{0,80}", label in ".{0,90}", outer in 1_u16..4095, inner in 1_u16..4095,
        ) {
            if let Ok(rule) = value.parse::<LanRule>() {
                let lans = Lans::new(&[rule]).expect("one alone");
                let name = lans.of(&label.as_str().into(), &format!("{outer}.{inner}"));
                prop_assert!(name.is_none_or(|name| name.chars().count() <= NAME_MAX + 10));
            }
        }
    }
}
