//! The watcher against the kernel: links that come, go, are renamed, made anew or become ports
//! of a bridge, each in a network namespace of its own.

#![cfg(target_os = "linux")]

use multicast_exporter::interfaces::neighbours::Neighbours;
use multicast_exporter::interfaces::watch::{self, Watcher};
use multicast_exporter::interfaces::{Change, Choice, Policy, Surroundings, What};
use multicast_exporter::mac::Mac;
use multicast_exporter::segment::{Labels, Router, Sharing};
use std::process::Command;
use std::time::Duration;

/// Runs `test` in a thread that has a fresh network namespace, with what it starts. The kernel
/// deletes the namespace and all in it when the thread ends.
fn in_fresh_namespace(test: impl FnOnce() + Send + 'static) {
    let run = move || {
        // SAFETY: unshare takes no pointer; CLONE_NEWNET concerns the calling thread only.
        let result = unsafe { libc::unshare(libc::CLONE_NEWNET) };
        assert_eq!(result, 0, "unshare: {} (needs root)", std::io::Error::last_os_error());
        test();
    };
    if let Err(panic) = std::thread::spawn(run).join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `ip` in the namespace of this thread.
fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status().unwrap();
    assert!(status.success(), "ip {arguments}: {status}");
}

/// Everything that the kernel has announced by now. What `ip` did is announced before it ends.
fn changes(watcher: &mut Watcher) -> Vec<Change> {
    let mut all = Vec::new();
    loop {
        // Carrier is reported by the kernel's link watch, up to a second later.
        let some = watcher.next(Duration::from_millis(1200)).unwrap();
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

/// The changes of one link in short, its carrier and addresses apart: the kernel makes and
/// announces those in its own time.
fn of(all: &[Change], name: &str) -> Vec<What> {
    all.iter()
        .filter(|change| change.name == name)
        .map(|change| change.what.clone())
        .filter(|what| !matches!(what, What::Carrier(_) | What::Addresses))
        .collect()
}

fn captured(watcher: &Watcher, policy: &Policy) -> Vec<String> {
    policy
        .choose(watcher.table())
        .into_iter()
        .filter(|chosen| chosen.choice == Choice::Captured)
        .map(|chosen| chosen.name)
        .collect()
}

fn reason(watcher: &Watcher, policy: &Policy, name: &str) -> &'static str {
    let chosen = policy.choose(watcher.table()).into_iter().find(|chosen| chosen.name == name);
    match chosen.unwrap().choice {
        Choice::Captured => "captured",
        Choice::Skipped(reason) => reason.label(),
    }
}

fn policy(include: &[&str]) -> Policy {
    Policy::new(&include.iter().map(ToString::to_string).collect::<Vec<_>>(), &[]).unwrap()
}

#[test]
#[ignore = "root: make test"]
fn a_link_appears_goes_down_and_up_and_vanishes() {
    in_fresh_namespace(|| {
        let mut watcher = Watcher::open().unwrap();
        let policy = policy(&["a0"]);
        assert_eq!(captured(&watcher, &policy), [""; 0]);
        assert_eq!(policy.unmatched(watcher.table()), ["a0"]);

        ip("link add a0 type veth peer name b0");
        let all = changes(&mut watcher);
        assert_eq!(of(&all, "a0"), [What::Appeared]);
        assert_eq!(of(&all, "b0"), [What::Appeared]);
        assert_eq!(reason(&watcher, &policy, "a0"), "down");

        ip("link set a0 up");
        let all = changes(&mut watcher);
        assert_eq!((of(&all, "a0"), of(&all, "b0")), (vec![What::Up], vec![]));
        assert_eq!(captured(&watcher, &policy), ["a0"]);

        ip("link set a0 down");
        assert_eq!(of(&changes(&mut watcher), "a0"), [What::Down]);
        assert_eq!(reason(&watcher, &policy, "a0"), "down");
        ip("link set a0 up");
        assert_eq!(of(&changes(&mut watcher), "a0"), [What::Up]);

        ip("link del a0");
        let all = changes(&mut watcher);
        // The kernel takes a link down before it takes it away.
        assert_eq!(of(&all, "a0"), [What::Down, What::Vanished]);
        assert_eq!(of(&all, "b0"), [What::Vanished]);
        assert_eq!(captured(&watcher, &policy), [""; 0]);
        assert_eq!(watcher.counters(), watch::Counters::default());
    });
}

#[test]
#[ignore = "root: make test"]
fn a_cable_that_is_pulled_and_put_back() {
    in_fresh_namespace(|| {
        ip("link add a0 type veth peer name b0");
        ip("link set a0 up");
        let mut watcher = Watcher::open().unwrap();
        let carrier = |watcher: &mut Watcher| {
            let all = changes(watcher).into_iter().filter(|change| change.name == "a0");
            all.map(|change| change.what)
                .filter(|what| matches!(what, What::Carrier(_)))
                .collect::<Vec<_>>()
        };
        ip("link set b0 up");
        assert_eq!(carrier(&mut watcher), [What::Carrier(true)]);
        ip("link set b0 down");
        assert_eq!(carrier(&mut watcher), [What::Carrier(false)]);
    });
}

#[test]
#[ignore = "root: make test"]
fn a_link_made_anew_has_another_index() {
    in_fresh_namespace(|| {
        ip("link add a0 type veth peer name b0");
        let mut watcher = Watcher::open().unwrap();
        let before = watcher.table().link_by_name("a0").unwrap().index;
        ip("link del a0");
        ip("link add a0 type veth peer name b0");
        let all = changes(&mut watcher);
        assert_eq!(of(&all, "a0"), [What::Vanished, What::Appeared]);
        let after = watcher.table().link_by_name("a0").unwrap().index;
        assert_ne!(before, after);
        let indexes: Vec<_> =
            all.iter().filter(|change| change.name == "a0").map(|change| change.index).collect();
        assert_eq!(indexes, [before, after]);
    });
}

#[test]
#[ignore = "root: make test"]
fn a_link_is_renamed() {
    in_fresh_namespace(|| {
        ip("link add a0 type veth peer name b0");
        let mut watcher = Watcher::open().unwrap();
        let index = watcher.table().link_by_name("a0").unwrap().index;
        let labels = Labels::new(Sharing::Never, 128);
        let mut router = Router::new("a0", Surroundings::default(), &labels);
        ip("link set a0 name lan0");
        let all = changes(&mut watcher);
        assert_eq!(of(&all, "lan0"), [What::Renamed { from: "a0".into() }]);
        assert_eq!(watcher.table().link_by_name("lan0").unwrap().index, index);
        assert!(watcher.table().link_by_name("a0").is_none());
        let ended = router.rename(&all[0].name);
        assert_eq!(&*ended[0].label, "a0");
        assert_eq!(&**router.segment(Router::UNTAGGED).unwrap().label(), "lan0");
    });
}

#[test]
#[ignore = "root: make test"]
fn ports_of_a_bridge_and_back() {
    in_fresh_namespace(|| {
        ip("link add a0 type veth peer name b0");
        ip("link add br0 type bridge");
        ip("address add 192.0.2.1/24 dev a0");
        for name in ["a0", "b0", "br0"] {
            ip(&format!("link set {name} up"));
        }
        let mut watcher = Watcher::open().unwrap();
        let all = policy(&[]);
        assert_eq!(captured(&watcher, &all), ["a0", "br0"]);
        let bridge = watcher.table().link_by_name("br0").unwrap().index;
        let index = watcher.table().link_by_name("a0").unwrap().index;

        ip("link set a0 master br0");
        let announced = changes(&mut watcher);
        assert_eq!(of(&announced, "a0"), [What::Master { from: None, to: Some(bridge) }]);
        assert_eq!(reason(&watcher, &all, "a0"), "port");
        assert_eq!(captured(&watcher, &all), ["br0"]);
        let asked = policy(&["a0", "br0"]);
        assert!(asked.surroundings(watcher.table(), index).master_captured);
        assert!(!policy(&["a0"]).surroundings(watcher.table(), index).master_captured);

        // The bridge says RTM_DELLINK of a port that leaves it: the link stays.
        ip("link set a0 nomaster");
        let announced = changes(&mut watcher);
        assert_eq!(of(&announced, "a0"), [What::Master { from: Some(bridge), to: None }]);
        assert_eq!(captured(&watcher, &all), ["a0", "br0"]);
    });
}

#[test]
#[ignore = "root: make test"]
fn a_veth_is_captured_when_it_gets_an_address() {
    in_fresh_namespace(|| {
        ip("link add a0 type veth peer name b0");
        ip("link set a0 up");
        ip("link set b0 up");
        let mut watcher = Watcher::open().unwrap();
        let policy = policy(&[]);
        assert_eq!(reason(&watcher, &policy, "a0"), "veth");
        ip("address add 2001:db8::1/64 dev a0 nodad");
        let all = changes(&mut watcher);
        assert!(all.iter().any(|c| c.name == "a0" && c.what == What::Addresses), "{all:?}");
        assert_eq!(captured(&watcher, &policy), ["a0"]);
        ip("address del 2001:db8::1/64 dev a0");
        let all = changes(&mut watcher);
        assert!(all.iter().any(|c| c.name == "a0" && c.what == What::Addresses), "{all:?}");
        assert_eq!(reason(&watcher, &policy, "a0"), "veth");
    });
}

#[test]
#[ignore = "root: make test"]
fn a_macvlan_over_a_captured_device() {
    in_fresh_namespace(|| {
        ip("link add a0 type veth peer name b0");
        ip("address add 192.0.2.1/24 dev a0");
        ip("link set a0 up");
        ip("link set b0 up");
        ip("link add link a0 name m0 type macvlan mode bridge");
        ip("link set m0 up");
        let watcher = Watcher::open().unwrap();
        assert_eq!(reason(&watcher, &policy(&[]), "m0"), "child");
        let exclude = Policy::new(&[], &["a0".into()]).unwrap();
        assert_eq!(reason(&watcher, &exclude, "m0"), "captured");
        let macs = watcher.table().local_macs();
        for name in ["a0", "b0", "m0"] {
            let mac = watcher.table().link_by_name(name).unwrap().mac.unwrap();
            assert!(macs.contains(&mac), "{name}");
        }
        assert_eq!(macs.len(), 3, "loopback has none");
    });
}

/// More changes than fit in the socket: what is lost is made up for by reading again.
#[test]
#[ignore = "root: make test"]
fn nothing_is_missed_when_the_kernel_loses_messages() {
    in_fresh_namespace(|| {
        ip("link add stays type veth peer name stays1");
        ip("link add goes type veth peer name goes1");
        // The kernel doubles this and gives at least 2,304 bytes: a message or two.
        let mut watcher = Watcher::with_memory(1).unwrap();
        ip("link del goes");
        for number in 0..20 {
            ip(&format!("link add a{number} type veth peer name b{number}"));
        }
        ip("link set stays up");
        ip("link del a7");
        let all = changes(&mut watcher);
        assert!(watcher.counters().overruns >= 1, "{:?}", watcher.counters());
        assert_eq!(of(&all, "goes"), [What::Vanished]);
        assert_eq!(of(&all, "stays"), [What::Up]);
        assert_eq!(of(&all, "a3"), [What::Appeared]);
        assert_eq!(of(&all, "a7"), []);
        assert_eq!(all[0].what, What::Vanished, "what vanished comes first");
        let names = |table: &multicast_exporter::interfaces::Table| {
            table.links().map(|link| link.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(watcher.table()), names(&watch::list().unwrap()));
        assert_eq!(watcher.table().links().count(), 1 + 2 + 2 * 19);
    });
}

#[test]
#[ignore = "root: make test"]
fn neighbours_have_the_mac_that_they_answered_with() {
    in_fresh_namespace(|| {
        ip("link add a0 type veth peer name b0");
        ip("link set a0 up");
        ip("link set b0 up");
        ip("address add 192.0.2.1/24 dev a0");
        ip("neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev a0 nud reachable");
        ip("neigh add 192.0.2.8 dev a0 nud failed");
        let index = watch::list().unwrap().link_by_name("a0").unwrap().index;
        let neighbours = Neighbours::read().unwrap();
        let mac = |text: &str| neighbours.mac(index, text.parse().unwrap());
        assert_eq!(mac("192.0.2.9"), Some(Mac([2, 0, 0, 0, 0, 9])));
        assert_eq!(mac("192.0.2.8"), None);
    });
}

/// The watcher of an ordinary user sees the same.
#[test]
#[ignore = "root: make test"]
fn no_privilege_is_needed() {
    in_fresh_namespace(|| {
        // SAFETY: plain system calls without pointers; they concern this thread only, because
        // they do not go through libc's wrappers, which would change all threads.
        let result = unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
        assert_eq!(result, 0);
        let watcher = Watcher::open().unwrap();
        assert_eq!(watcher.table().links().map(|link| link.index).collect::<Vec<_>>(), [1]);
        Neighbours::read().unwrap();
    });
}
