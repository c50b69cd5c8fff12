//! What is shipped beside the program, and the repository itself: rules, dashboards, units,
//! manifests, runbooks and documents are read and compared with the code. Other projects' tools
//! check them in the tests that are ignored without `make test`. The program is not started.

mod alertmanager;
mod compose;
mod dashboards;
mod docs;
#[path = "../grafana/mod.rs"]
mod grafana;
mod kubernetes;
mod lans;
mod measurements;
mod messages;
mod mixin;
mod panel_costs;
mod phases;
mod queries;
mod repository;
mod rules;
mod runbooks;
#[path = "../e2e/scaled.rs"]
mod scaled;
mod scaling;
#[path = "../support/mod.rs"]
mod support;
mod systemd_units;
mod textless;
