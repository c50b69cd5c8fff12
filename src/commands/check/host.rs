//! Findings on the cost of multicast on this machine: what can be measured, and how to measure
//! more. Pure.

use crate::commands::finding::{Area, Finding, shell_word};
use crate::host;
use crate::host::sockets::{self, Owners};
use crate::host::syscalls::{self, Backend, Reason};

/// How the host is looked at.
#[derive(Clone, Debug)]
pub struct Facts {
    /// How system calls are counted and sockets looked at.
    pub standing: host::Standing,
    /// Where this program is.
    pub program: String,
    /// Whether processes have the same numbers here as in the kernel.
    pub is_first_namespace: bool,
}

/// What there is to say about it. Nothing here is a problem: the rest works without.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![of_syscalls(&facts.standing.syscalls, &facts.program)];
    if facts.standing.syscalls.backend == Backend::Ebpf && !facts.is_first_namespace {
        let text = "this is a container with processes of its own: threads of processes that ran \
                    before are counted as other until the first of them makes a call, and owners \
                    of the host's sockets are not known";
        let finding = Finding::hint(Area::Host, text).say("share the host's processes:");
        findings.push(finding.run("docker run --pid=host ..."));
    }
    findings.push(of_sockets(&facts.standing.sockets));
    findings
}

fn of_syscalls(standing: &syscalls::Standing, program: &str) -> Finding {
    let counted = match standing.backend {
        Backend::Ebpf => {
            let text = "system calls are counted by process and by call (eBPF)";
            return Finding::ok(Area::Host, text);
        }
        Backend::Perf => "system calls are counted, but not whose they are (perf)",
        Backend::Off => "system calls are not counted",
    };
    if standing.reason == Reason::Disabled && standing.refusals.is_empty() {
        let text = format!("{counted}: a flag says so");
        return Finding::ok(Area::Host, text);
    }
    let mut finding = Finding::hint(Area::Host, counted);
    for refusal in &standing.refusals {
        finding = finding.say(format!("{}: {}", refusal.backend.label(), refusal.words));
    }
    match standing.reason {
        Reason::NoCapBpf | Reason::NoCapPerfmon => finding
            .say("give the capabilities to the program:")
            .run(format!("sudo setcap cap_net_raw,cap_bpf,cap_perfmon+ep {}", shell_word(program)))
            .say("or in a container, as uid 0 inside:")
            .run(
                "docker run --network=host --pid=host --cap-drop=ALL --cap-add=NET_RAW \
                 --cap-add=BPF --cap-add=PERFMON ...",
            ),
        Reason::None
        | Reason::NoTracefs
        | Reason::Lockdown
        | Reason::Verifier
        | Reason::Kernel
        | Reason::Disabled => finding,
    }
}

fn of_sockets(standing: &sockets::Standing) -> Finding {
    let text = match standing.owners {
        Owners::Fd => "owners of sockets on the discovery ports are found by their files",
        Owners::Uid => "owners of sockets on the discovery ports are found by their user",
        Owners::None => "sockets on the discovery ports are not watched",
    };
    match &standing.refusal {
        Some(refusal) => Finding::hint(Area::Host, text).say(refusal.clone()),
        None => Finding::ok(Area::Host, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::finding::{Level, flat};
    use crate::host::syscalls::Refusal;

    fn facts(backend: Backend, reason: Reason, refusals: Vec<Refusal>) -> Facts {
        Facts {
            standing: host::Standing {
                syscalls: syscalls::Standing { backend, reason, refusals },
                sockets: sockets::Standing { owners: Owners::Uid, refusal: None },
            },
            program: "/usr/bin/multicast_exporter".into(),
            is_first_namespace: true,
        }
    }

    fn refusal(backend: Backend, reason: Reason, words: &str) -> Refusal {
        Refusal { backend, reason, words: words.into(), verifier_log: None }
    }

    #[test]
    fn all_is_well_with_ebpf() {
        let findings = findings(&facts(Backend::Ebpf, Reason::None, vec![]));
        assert!(findings.iter().all(|finding| finding.level == Level::Ok), "{findings:?}");
    }

    #[test]
    fn what_is_missing_is_named_with_the_command_that_gives_it() {
        let refusals = vec![
            refusal(Backend::Ebpf, Reason::NoCapBpf, "CAP_BPF is missing"),
            refusal(Backend::Perf, Reason::NoTracefs, "tracefs may not be read: only root can"),
        ];
        let findings = findings(&facts(Backend::Off, Reason::NoCapBpf, refusals));
        assert_eq!(findings[0].level, Level::Hint);
        let text = flat(&findings);
        for part in [
            "system calls are not counted",
            "ebpf: CAP_BPF is missing",
            "perf: tracefs may not be read",
            "sudo setcap cap_net_raw,cap_bpf,cap_perfmon+ep /usr/bin/multicast_exporter",
            "--pid=host",
            "by their user",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_flag_is_no_shortcoming_and_a_container_is_one() {
        let off = findings(&facts(Backend::Off, Reason::Disabled, vec![]));
        assert!(off[0].level == Level::Ok && off[0].text.ends_with("a flag says so"));
        let container =
            Facts { is_first_namespace: false, ..facts(Backend::Ebpf, Reason::None, vec![]) };
        let text = flat(&findings(&container));
        assert!(text.contains("a container with processes of its own"), "{text}");
    }
}
