//! libFuzzer's way into `targets::mdns`.

#![no_main]

#[path = "../targets.rs"]
#[allow(dead_code, reason = "each fuzz target calls one")]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::mdns(data));
