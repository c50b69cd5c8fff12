//! Valid configurations, and those that cannot be used, with their exact messages.

use super::*;
use crate::decode::Protocol;
use crate::mac::Mac;

fn wrong(text: &str) -> String {
    Config::parse(text).expect_err(text).to_string()
}

#[test]
fn nothing_said_is_what_is_expected_anyway() {
    for text in ["", "# nothing\n", "---\n", "devices: []\n", "limits: {}\n"] {
        let config = Config::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(config.policy("eth0"), StormPolicy::default(), "{text:?}");
    }
}

#[test]
fn limits_are_those_of_the_device_else_the_segment_else_the_file() {
    let config = Config::parse(
        "limits: {signalling: 100, segment: 5000}\n\
         segments:\n\
         - interface: eth0\\..*\n  limits: {signalling: 200, chatty: off}\n  ignore: [ssdp]\n\
         - interface: eth0.30\n  limits: {signalling: 1}\n\
         devices:\n\
         - device: 00-1E-8F-00-00-01\n  limits: {address: off}\n",
    )
    .expect("valid");
    let plain = config.policy("eth0");
    assert_eq!((plain.limits.signalling, plain.segment), (Some(100), Some(5_000)));
    let vlan = config.policy("eth0.30");
    assert_eq!((vlan.limits.signalling, vlan.limits.chatty), (Some(200), None), "the first");
    assert!(vlan.ignored.contains(Protocol::Ssdp) && !plain.ignored.contains(Protocol::Ssdp));
    let device = vlan.of(Sender::Mac(Mac([0, 0x1e, 0x8f, 0, 0, 1])));
    assert_eq!((device.limits.signalling, device.limits.address), (Some(200), None));
    assert!(device.ignored.contains(Protocol::Ssdp));
    assert_eq!(config.policy("xeth0.30").limits.signalling, Some(100), "anchored");
}

#[test]
fn conditions_are_those_of_the_device_else_the_segment_else_the_file() {
    let config = Config::parse(
        "conditions: {dhcp_loop: off, address_repeat: 300}\n\
         segments:\n\
         - interface: eth0\n  conditions: {dhcp_loop: on, rename_loop: off}\n\
         devices:\n\
         - device: 00-1E-8F-00-00-01\n  conditions: {address_repeat: off, rename_loop: on}\n",
    )
    .expect("valid");
    let limits = |off: &[Condition], repeats| {
        let mut limits = ConditionLimits::USUAL;
        limits.switch_on(Condition::AddressRepeat, Some(repeats));
        for condition in off {
            limits.switch_off(*condition);
        }
        limits
    };
    let elsewhere = config.policy("eth1");
    assert_eq!(elsewhere.conditions, limits(&[Condition::DhcpLoop], 300));
    let segment = config.policy("eth0");
    assert_eq!(segment.conditions, limits(&[Condition::RenameLoop], 300));
    let printer = Sender::Mac(Mac([0, 0x1e, 0x8f, 0, 0, 1]));
    assert_eq!(segment.of(printer).conditions, limits(&[Condition::AddressRepeat], 1));
    let off = [Condition::AddressRepeat, Condition::DhcpLoop];
    assert_eq!(elsewhere.of(printer).conditions, limits(&off, 1));
    assert_eq!(segment.of(Sender::Mac(Mac([2; 6]))).conditions, segment.conditions);
}

#[test]
fn devices_have_names_and_what_is_ignored() {
    let config = Config::parse(
        "ignore: [other_broadcast]\n\
         devices:\n\
         - {device: '00:1e:8f:00:00:01', name: ' Printer in the hall '}\n\
         - {device: fe80::1, ignore: all}\n\
         - {device: 10.0.0.9, ignore: [mdns, arp]}\n",
    )
    .expect("valid");
    let policy = config.policy("eth0");
    let printer = policy.of(Sender::Mac(Mac([0, 0x1e, 0x8f, 0, 0, 1])));
    assert_eq!(printer.alias.as_deref(), Some("Printer in the hall"));
    assert!(printer.ignored.contains(Protocol::OtherBroadcast));
    let router = policy.of(Sender::Ip("fe80::1".parse().unwrap()));
    assert_eq!((router.ignored, router.alias), (ProtocolSet::ALL, None));
    let scanner = policy.of(Sender::Ip("10.0.0.9".parse().unwrap()));
    assert!(scanner.ignored.contains(Protocol::Arp) && !scanner.ignored.contains(Protocol::Ssdp));
    assert_eq!((config.devices(), config.segments()), (3, 0));
}

/// Files of tests/config that cannot be used: beside each the exact message.
#[test]
fn what_cannot_be_used_says_where_and_why() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/bad");
    let mut files: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut cases = 0;
    for path in files.iter().filter(|path| path.extension().is_some_and(|e| e == "yml")) {
        let said = Config::load(path).expect_err(&path.display().to_string()).to_string();
        assert!(!said.contains('\n') && said.contains("line "), "{}: {said}", path.display());
        let expected = path.with_extension("txt");
        if update {
            fs::write(&expected, format!("{said}\n")).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap();
        assert_eq!(said, expected.trim_end(), "{}", path.display());
        cases += 1;
    }
    assert!(cases >= 12, "{cases}");
}

#[test]
fn the_example_can_be_used_and_silences_what_it_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/multicast_exporter.yml");
    let config = Config::load(&path).expect("the example is valid");
    let policy = config.policy("eth0");
    let ignores = |protocol| {
        policy.devices.values().filter(|device| device.ignored.contains(protocol)).count()
    };
    assert!(ignores(Protocol::OtherBroadcast) >= 1, "a camera");
    assert!(ignores(Protocol::OtherMulticast) >= 1, "a streamer");
    assert!(ignores(Protocol::Arp) >= 1, "a scanner");
}

#[test]
fn everything_wrong_is_told_at_once_in_order() {
    let said = wrong(
        "limits: {chatty: 60, signalling: 50}\n\
         devices:\n\
         - {device: nobody, name: x}\n\
         - {device: '00:00:00:00:00:01', ignore: [mdsn]}\n",
    );
    let places: Vec<_> =
        ["line 1", "line 3", "line 4"].into_iter().filter_map(|line| said.find(line)).collect();
    assert!(places.len() == 3 && places.is_sorted(), "{said}");
}

#[test]
fn what_is_no_file_of_ours_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = Config::load(&folder.path().join("none.yml")).expect_err("nothing there");
    assert!(matches!(error, ConfigError::Io(_)), "{error}");
    let long = folder.path().join("long.yml");
    fs::File::create(&long).unwrap().set_len(FILE_MAX + 1).unwrap();
    assert!(matches!(Config::load(&long), Err(ConfigError::TooLong)));
    assert!(matches!(Config::load(Path::new("/dev/null")), Err(ConfigError::NoFile)));
}
