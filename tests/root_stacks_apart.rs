//! Each third-party mDNS stack on a bridge of its own, so that nothing but its own words can make it
//! break a rule: a host announces a service, another looks for it, the first goes and comes back,
//! then a third claims its name. Which hard rules that breaks is in the table of
//! `stacks/verdicts.rs`; nobody storms or has a condition.

mod e2e;
#[path = "stacks/mod.rs"]
mod stacks;

use e2e::support::lan::Lan;
use serde_json::Value;
use stacks::verdicts::{VERDICTS, ailing, allowed, name_by_mac, not_as_written, print, verdict};
use stacks::{Capture, Peer, Stack, pause};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Between the starts of two stacks: a machine of two processors starts no ten Javas in time.
const STAGGER: Duration = Duration::from_millis(400);

/// What a stack did, as the program judges it, and what its browser found.
struct Run {
    stack: Stack,
    judged: Value,
    found: String,
}

/// Runs the stack that is started as this one of all.
fn run(place: u32, stack: Stack) -> Run {
    let subnet = 60 + u8::try_from(place).expect("a dozen");
    let lan = Lan::numbered(subnet, 3);
    for ((number, host), kind) in (1..).zip(&lan.hosts).zip([stack, stack.browser(), stack]) {
        name_by_mac(&host.namespace, kind, number);
    }
    let capture = Capture::start(&lan.switch, stack.label());
    thread::sleep(STAGGER * place);
    // Till then silence proves nothing.
    pause(3);

    let name = stack.label();
    let first = Peer::announce(stack, &lan.hosts[0], name);
    pause(7);
    let browser = Peer::browse(stack.browser(), &lan.hosts[1]);
    pause(8);
    // Restarted, with a goodbye; then another host wants the same name.
    first.end();
    pause(2);
    let first = Peer::announce(stack, &lan.hosts[0], name);
    pause(7);
    let second = Peer::announce(stack, &lan.hosts[2], name);
    pause(14);
    let found = browser.log();
    [first, second, browser].into_iter().for_each(Peer::end);
    pause(1);
    Run { stack, judged: capture.analyze(), found }
}

#[test]
#[ignore = "root: make test"]
fn each_stack_alone_is_blamed_for_what_it_does_and_nothing_else() {
    let available = stacks::available();
    let runs: Vec<Run> = thread::scope(|scope| {
        let start = |(place, stack)| scope.spawn(move || run(place, stack));
        let threads: Vec<_> = (0..).zip(available).map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("its run")).collect()
    });
    let mut wrong = Vec::new();
    for Run { stack, judged, found } in runs {
        print(&judged);
        let finds = |line: &str| line.starts_with("found ") && line.contains(stack.label());
        if !found.lines().any(finds) {
            wrong.push(format!("{stack:?} is not found:\n{found}"));
        }
        wrong.extend(not_as_written(&judged, verdict(stack)));
        wrong.extend(ailing(&judged).into_iter().map(|what| format!("{stack:?}: {what}")));
    }
    assert!(wrong.is_empty(), "not what docs/conformance.md says:\n{}", wrong.join("\n"));
}

/// The verdicts and the document that explains them name the same.
#[test]
fn verdicts_are_explained() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    let document = fs::read_to_string(path).expect("it is there");
    for verdict in &VERDICTS {
        for rule in allowed(verdict) {
            let heading = format!("### {}: {rule}\n", verdict.stack.label());
            assert!(document.contains(&heading), "no evidence: {heading}");
        }
    }
    let headings = document.lines().filter(|line| line.starts_with("### ")).count();
    assert_eq!(headings, VERDICTS.iter().map(|verdict| allowed(verdict).len()).sum::<usize>());
}
