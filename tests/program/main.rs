//! The program as users meet it: command lines and files go in; exit codes, text, JSON and answers
//! over loopback come out. No test needs root or a network. The web server is also tested here by
//! itself.

mod check_flags;
mod cli;
mod demo;
mod founding_story;
#[path = "../grafana/mod.rs"]
mod grafana;
mod host_header;
mod panels;
#[path = "../scenarios/mod.rs"]
mod scenarios;
mod serve_storms;
#[path = "../support/mod.rs"]
mod support;
mod web_server;
