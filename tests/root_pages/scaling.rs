//! One Prometheus and many exporters: each the demo with a seed of its own, at three sites, some of them
//! with a storm. Who is paged for is right, the Sites dashboard is right, and what it takes is printed:
//! docs/scaling.md has the figures of `make scaling`.

use super::{SLACK, exporter};
use crate::e2e::monitoring::Monitoring;
use crate::e2e::netns::NetNs;
use crate::e2e::prometheus::{Setup, Target};
use crate::e2e::server::percent_encoded;
use crate::e2e::support::servers::Release;
use crate::e2e::told::{Told, Way};
use crate::grafana;
use multicast_exporter::simulation::Segment;
use multicast_exporter::time::clock;
use std::collections::BTreeMap;
use std::env;
use std::thread;

const SITES: [&str; 3] = ["berlin", "lyon", "porto"];
/// Each so many has a storm.
const STORM_EACH: usize = 5;
const FIRST_PORT: u16 = 11_000;

/// A whole number that the environment may hold.
fn number(name: &str, default: usize) -> usize {
    env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
}

struct Demo {
    instance: String,
    site: &'static str,
    storms: bool,
}

/// The only figure that a query finds, 0 if it finds nothing.
fn figure(monitoring: &Monitoring<'_>, query: &str) -> f64 {
    let found = monitoring.query(query);
    assert!(found.len() < 2, "{query}: {found:#?}");
    found.first().map_or(0.0, |sample| {
        sample["value"][1].as_str().expect("a text").parse().expect("a number")
    })
}

#[test]
#[ignore = "root: make test"]
fn one_prometheus_serves_many_exporters_at_several_sites() {
    let _machine = super::shared_machine();
    let count = number("SCALING_EXPORTERS", 10);
    let factor = small(number("SCALING_FACTOR", 15));
    let namespace = NetNs::new();
    let demos: Vec<Demo> = (0..count)
        .map(|n| Demo {
            instance: format!("exporter-{n:02}"),
            site: SITES[n % SITES.len()],
            storms: n % STORM_EACH == 0,
        })
        .collect();
    let ports: Vec<u16> = (FIRST_PORT..).take(count).collect();
    let _exporters: Vec<_> = demos
        .iter()
        .zip(&ports)
        .map(|(demo, port)| {
            let seed = format!("--seed={port}");
            let lasts = if demo.storms { "1h" } else { "0s" };
            let storm = format!("--storm-for={lasts}");
            exporter(&namespace, *port, &["demo", &seed, "--storm-after=20s", &storm])
        })
        .collect();
    let targets = demos.iter().zip(&ports).map(|(demo, port)| {
        Target::new(format!("127.0.0.1:{port}"))
            .label("instance", demo.instance.as_str())
            .label("site", demo.site)
    });
    let setup = Setup { targets: targets.collect(), ..Setup::new(Release::Newer, factor) };
    let monitoring = Monitoring::with(&namespace, &setup);

    // Each storm makes one page, and nobody else does.
    let expected: Vec<&str> =
        demos.iter().filter(|demo| demo.storms).map(|demo| demo.instance.as_str()).collect();
    let of = |told: &Told| {
        let is_its = |demo: &&Demo| {
            told.place.contains(&demo.instance)
                && told.place.contains(&format!(" at {}", demo.site))
        };
        demos.iter().find(is_its).unwrap_or_else(|| panic!("whose? {told:#?}")).instance.as_str()
    };
    let paged = || {
        let mut told = monitoring.desk.told_by(Way::Page);
        told.retain(|told| !told.over);
        assert!(told.iter().all(|told| told.alert == "MulticastDeviceFlooding"), "{told:#?}");
        let mut whose: Vec<&str> = told.iter().map(of).collect();
        whose.sort_unstable();
        whose
    };
    monitoring.wait("a page for each storm", SLACK + monitoring.shortened(600), || {
        paged().len() >= expected.len()
    });
    thread::sleep(monitoring.shortened(300));
    assert_eq!(paged(), expected);
    // What a storm costs is told where one is.
    let costs = monitoring.desk.told_by(Way::Chat).into_iter();
    for told in costs.filter(|told| told.alert == "MulticastHostCost") {
        assert!(expected.contains(&of(&told)), "{told:#?}");
    }
    monitoring.server().rules_are_healthy();

    for site in SITES {
        let here = demos.iter().filter(|demo| demo.site == site);
        let (all, stormy) = (here.clone().count(), here.filter(|demo| demo.storms).count());
        let asks = |series: &str| figure(&monitoring, &format!("{series}{{site=\"{site}\"}}"));
        let is = |figure: f64, count: usize| (figure - f64::from(small(count))).abs() < 0.5;
        assert!(is(asks("site:multicast_storms:count"), stormy), "{site}: {stormy} storms");
        let segments = all * Segment::ALL.len();
        assert!(is(asks("site:multicast_segments:count"), segments), "{site}: {segments} segments");
    }
    print_times(&monitoring, count, factor);
}

fn small(count: usize) -> u32 {
    u32::try_from(count).expect("a small number")
}

/// The seconds that a dashboard's queries take.
#[derive(Default)]
struct Cost {
    queries: usize,
    now: f64,
    over_time: f64,
    slowest: f64,
    of: String,
}

/// How long the queries of each dashboard and each group of rules take.
fn print_times(monitoring: &Monitoring<'_>, count: usize, factor: u32) {
    println!("\n{count} exporters, durations divided by {factor}");
    let series = figure(monitoring, "count({job=\"multicast_exporter\"})");
    println!("series: {series}\n\n| group of rules | rules | ms |\n|---|---:|---:|");
    let data = monitoring.server().api("/api/v1/rules");
    for group in data["groups"].as_array().expect("groups") {
        let rules = group["rules"].as_array().map_or(0, Vec::len);
        let name = group["name"].as_str().expect("a name");
        let took = group["evaluationTime"].as_f64().expect("a number");
        println!("| `{name}` | {rules} | {:.0} |", took * 1_000.0);
    }
    let mut costs: BTreeMap<String, Cost> = BTreeMap::new();
    for query in grafana::queries() {
        let filled = query.filled(factor, ".+", ".+");
        let start = clock::now().monotonic;
        let found = monitoring.query(&filled);
        let now = clock::now().monotonic.since(start).as_secs_f64();
        let (dashboard, panel) = query.title.split_once(", ").expect("both titles");
        let is_empty = found.is_empty() && !query.says_none;
        assert!(dashboard != "sites" || !is_empty, "{} is empty: {filled}", query.title);
        // As a graph of 300 points asks.
        let end = clock::now().wall.0 / 1_000_000_000;
        let seconds = monitoring.shortened(900).as_secs().max(1);
        let step = seconds / 300;
        let range = format!(
            "/api/v1/query_range?query={}&start={}&end={end}&step={}",
            percent_encoded(&filled),
            end - i128::from(seconds),
            step.max(1)
        );
        let start = clock::now().monotonic;
        monitoring.server().api(&range);
        let over_time = clock::now().monotonic.since(start).as_secs_f64();
        let cost = costs.entry(dashboard.to_owned()).or_default();
        cost.queries += 1;
        cost.now += now;
        cost.over_time += over_time;
        if now.max(over_time) > cost.slowest {
            cost.slowest = now.max(over_time);
            panel.clone_into(&mut cost.of);
        }
    }
    println!(
        "\n| dashboard | queries | ms, now | ms, over time | slowest |\n|---|---:|---:|---:|---|"
    );
    for (name, cost) in costs {
        let Cost { queries, now, over_time, slowest, of } = cost;
        let [now, over_time, slowest] = [now, over_time, slowest].map(|seconds| seconds * 1_000.0);
        println!("| {name} | {queries} | {now:.0} | {over_time:.0} | {of}, {slowest:.0} |");
    }
}
