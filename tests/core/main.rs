//! The library, from bytes to results: frames, messages and capture files go in; devices, storms,
//! metrics, pages and reports come out. The program is not started, nothing needs root, and the
//! pure parts (decode, detect, engine, scenarios) neither sleep nor read a clock.

mod capture_files;
mod captures;
mod cases;
mod decode {
    mod captures;
    mod frames;
    mod mdns;
}
mod detect {
    mod address;
    mod conflicts;
    mod copies;
    mod details;
    mod discovery;
    mod form;
    mod health;
    mod probes;
    mod provoked;
    mod queriers;
    mod questions;
    mod records;
    mod routers;
    mod storms;
}
mod engine {
    mod haste;
    mod identity;
    mod kinds;
    mod lan;
}
mod engine_wire;
mod fuzz_corpus;
mod golden_captures;
mod metrics {
    mod exposition;
    mod tools;
}
mod metrics_fixture;
mod pipeline_local;
mod scenario_set;
#[path = "../scenarios/mod.rs"]
mod scenarios;
mod storm_page;
#[path = "../support/mod.rs"]
mod support;
mod verdicts;
mod web_pages;
