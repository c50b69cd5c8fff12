//! Findings on what the capabilities allow, and on how to get those that are missing. Pure.

use crate::capture::live::Choice;
use crate::capture::pool::PoolEmpty;
use crate::commands::finding::{Area, Finding, shell_word};
use crate::privilege::{Held, USED};
use std::collections::BTreeSet;

/// What is known of privileges and of what they were used for.
#[derive(Clone, Debug)]
pub struct Facts {
    /// `--capture.backend`.
    pub backend: Choice,
    /// How many packet sockets were asked for.
    pub wanted: usize,
    /// How many were opened.
    pub opened: usize,
    /// Why not all.
    pub shortage: Option<PoolEmpty>,
    /// The capabilities at the start.
    pub held: Held,
    /// Where this program is.
    pub program: String,
    /// Whether this is a container.
    pub container: bool,
}

/// Which useful capabilities there were at the start, and which any thread has `now`, after all
/// were given up.
pub(crate) fn in_force(at_start: &Held, now: &BTreeSet<String>) -> Finding {
    let of_use = |held: &BTreeSet<String>| {
        let of_use = USED.iter().map(ToString::to_string).filter(|name| held.contains(name));
        let of_use = of_use.collect::<Vec<_>>().join(", ");
        if of_use.is_empty() { "none".to_owned() } else { of_use }
    };
    let text = format!(
        "useful capabilities at the start: {}; now: {}",
        of_use(&at_start.effective),
        of_use(now)
    );
    Finding::ok(Area::Privileges, text)
}

/// What there is to say about privileges and packet sockets.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let by_name = match facts.backend {
        Choice::Socket => {
            let text = "none is needed: --capture.backend=socket";
            return vec![Finding::ok(Area::Privileges, text)];
        }
        Choice::Ring | Choice::Pnet => true,
        Choice::Auto => false,
    };
    // Serving does not begin if there is none for a backend that was asked for by name.
    let level = |area, text: String| {
        if by_name && facts.opened == 0 {
            Finding::problem(area, text)
        } else {
            Finding::hint(area, text)
        }
    };
    match &facts.shortage {
        None => vec![
            Finding::ok(Area::Privileges, "packet sockets can be opened (CAP_NET_RAW)"),
            Finding::ok(
                Area::Kernel,
                format!("{} packet sockets are open for future captures", facts.opened),
            ),
        ],
        Some(PoolEmpty::NotPermitted) => vec![not_permitted(facts, level)],
        Some(PoolEmpty::Refused(reason)) if facts.opened > 0 => {
            let text = format!(
                "only {} of {} packet sockets could be opened: {reason}",
                facts.opened, facts.wanted
            );
            vec![
                Finding::ok(Area::Privileges, "packet sockets can be opened (CAP_NET_RAW)"),
                Finding::hint(Area::Kernel, text)
                    .say("raise the limit of open files (ulimit -n), or ask for fewer:")
                    .run(format!("{} --capture.sockets={}", program(facts), facts.opened)),
            ]
        }
        Some(PoolEmpty::Refused(reason)) => {
            let text = format!("the kernel has no packet sockets for this process: {reason}");
            vec![
                level(Area::Kernel, text)
                    .say("a sandbox may forbid them (systemd: RestrictAddressFamilies must list AF_PACKET), or the kernel was built without CONFIG_PACKET"),
            ]
        }
        Some(reason @ (PoolEmpty::InUse { .. } | PoolEmpty::Disabled)) => {
            vec![level(Area::Kernel, reason.to_string())]
        }
    }
}

fn not_permitted(facts: &Facts, level: impl Fn(Area, String) -> Finding) -> Finding {
    if facts.held.net_raw() {
        let text = "CAP_NET_RAW is held, yet packet sockets are refused".to_owned();
        return level(Area::Privileges, text).say(
            "the network belongs to another user namespace (a rootless container), or a sandbox \
             forbids them: run it outside",
        );
    }
    let without = match facts.backend {
        Choice::Auto | Choice::Socket => "only the socket backend works",
        Choice::Ring => "--capture.backend=ring does not work",
        Choice::Pnet => "--capture.backend=pnet does not work",
    };
    let finding = level(Area::Privileges, format!("CAP_NET_RAW is missing: {without}"));
    let finding = if facts.held.permitted.contains("CAP_NET_RAW") {
        finding.say("the capability is permitted but not in force: give it with +ep, not +p")
    } else {
        finding
    };
    let finding = finding
        .say("give it to the program:")
        .run(format!("sudo setcap cap_net_raw,cap_bpf,cap_perfmon+ep {}", program(facts)))
        .say("or run it as root, which drops all privileges once the sockets are open:")
        .run(format!("sudo {}", program(facts)));
    if facts.container {
        return finding.say("in a container, as uid 0 inside:").run(
            "docker run --network=host --pid=host --cap-drop=ALL --cap-add=NET_RAW \
                 --cap-add=BPF --cap-add=PERFMON ...",
        );
    }
    finding
}

fn program(facts: &Facts) -> std::borrow::Cow<'_, str> {
    shell_word(&facts.program)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::finding::{Level, flat, render};

    fn facts(backend: Choice, opened: usize, shortage: Option<PoolEmpty>) -> Facts {
        Facts {
            backend,
            wanted: 64,
            opened,
            shortage,
            held: Held::default(),
            program: "/opt/multicast_exporter".into(),
            container: false,
        }
    }

    #[test]
    fn all_is_there() {
        let text = render(&findings(&facts(Choice::Auto, 64, None)));
        assert_eq!(
            text,
            "
Privileges
  ok       packet sockets can be opened (CAP_NET_RAW)

Kernel
  ok       64 packet sockets are open for future captures
"
        );
    }

    #[test]
    fn auto_without_the_capability_is_a_hint_with_the_commands() {
        let text = render(&findings(&facts(Choice::Auto, 0, Some(PoolEmpty::NotPermitted))));
        assert_eq!(
            text,
            "
Privileges
  hint     CAP_NET_RAW is missing: only the socket backend works
           -> give it to the program:
           $ sudo setcap cap_net_raw,cap_bpf,cap_perfmon+ep /opt/multicast_exporter
           -> or run it as root, which drops all privileges once the sockets are
              open:
           $ sudo /opt/multicast_exporter
"
        );
    }

    #[test]
    fn a_backend_by_name_without_the_capability_is_a_problem() {
        for (backend, name) in [(Choice::Ring, "ring"), (Choice::Pnet, "pnet")] {
            let found = findings(&facts(backend, 0, Some(PoolEmpty::NotPermitted)));
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].level, Level::Problem);
            let text = format!("CAP_NET_RAW is missing: --capture.backend={name} does not work");
            assert_eq!(found[0].text, text);
        }
    }

    #[test]
    fn what_is_in_force_is_said_by_name() {
        let start = ["CAP_CHOWN", "CAP_NET_RAW", "CAP_PERFMON"].map(String::from);
        let start = Held { effective: start.into(), ..Held::default() };
        let found = in_force(&start, &BTreeSet::new());
        let text = "useful capabilities at the start: CAP_NET_RAW, CAP_PERFMON; now: none";
        assert_eq!(found, Finding::ok(Area::Privileges, text));
    }

    #[test]
    fn the_socket_backend_needs_nothing() {
        let found = findings(&facts(Choice::Socket, 0, Some(PoolEmpty::Disabled)));
        let text = "none is needed: --capture.backend=socket";
        assert_eq!(found, [Finding::ok(Area::Privileges, text)]);
    }

    #[test]
    fn a_container_is_told_its_own_way() {
        let mut facts = facts(Choice::Auto, 0, Some(PoolEmpty::NotPermitted));
        facts.container = true;
        assert!(flat(&findings(&facts)).contains("--cap-add=NET_RAW"));
    }

    #[test]
    fn permitted_is_not_in_force_and_in_force_is_not_allowed() {
        let mut facts = facts(Choice::Auto, 0, Some(PoolEmpty::NotPermitted));
        facts.held.permitted.insert("CAP_NET_RAW".into());
        assert!(flat(&findings(&facts)).contains("with +ep, not +p"));
        facts.held.effective.insert("CAP_NET_RAW".into());
        let text = flat(&findings(&facts));
        assert!(text.contains("yet packet sockets are refused"), "{text}");
        assert!(!text.contains("setcap"), "{text}");
    }

    #[test]
    fn fewer_sockets_than_asked_for_are_a_hint_even_by_name() {
        let shortage = Some(PoolEmpty::Refused("Too many open files (os error 24)".into()));
        let found = findings(&facts(Choice::Ring, 9, shortage));
        assert_eq!(found.iter().map(|f| f.level).max(), Some(Level::Hint));
        let text = flat(&found);
        assert!(text.contains("only 9 of 64 packet sockets could be opened: Too many"), "{text}");
        assert!(text.contains("$ /opt/multicast_exporter --capture.sockets=9"), "{text}");
    }

    #[test]
    fn a_kernel_that_refuses_names_the_sandbox() {
        let shortage =
            || Some(PoolEmpty::Refused("Address family not supported by protocol".into()));
        let found = findings(&facts(Choice::Auto, 0, shortage()));
        assert_eq!(found[0].level, Level::Hint);
        assert!(flat(&found).contains("RestrictAddressFamilies"));
        assert_eq!(findings(&facts(Choice::Ring, 0, shortage()))[0].level, Level::Problem);
    }
}
