//! Watches the multicast of a LAN and tells Prometheus who sends how much of what.
//!
//! The modules, in the order in which data flows. A module may use those above it, never those
//! below.
//!
//! | module | comes in | goes out |
//! |---|---|---|
//! | [`labelled`] | names and their labels | enums with a list of their variants |
//! | [`set`] | variants of such an enum | sets of them |
//! | [`time`] | clock readings and time stamps | engine time that never goes back |
//! | [`mac`] | six octets | a hardware address |
//! | [`frame`] | bytes that were heard | frames: bytes with a time and what the capture knows of them |
//! | [`privilege`] | the capabilities at start | none |
//! | [`capture`] | a kernel interface or a file | batches of frames: bytes with a time, nothing else |
//! | [`decode`] | a frame | an observation and the issues met on the way |
//! | [`detect`] | observations of one segment | causes of storms, violations, health of discovery |
//! | [`storm`] | causes by frame | storms: their start, end and cause |
//! | [`config`] | a YAML file | what is expected of devices and segments |
//! | [`interfaces`] | netlink messages | which interfaces to capture, and what happened to them |
//! | [`segment`] | capture and VLAN tags | the broadcast domain, by its label |
//! | [`engine`] | observations of one segment | counters per device, as a bounded snapshot |
//! | [`evidence`] | frames of devices whose storm begins | pcapng files |
//! | [`pipeline`] | batches of one capture | the engines of its segments |
//! | [`host`] | what the kernel counts, and its sockets | system calls by process, queues and drops |
//! | [`lan`] | pipelines | all that one process watches, to be read |
//! | [`metrics`] | snapshots and the registry | exposition text |
//! | [`report`] | snapshots | what is known of the LAN, as objects for programs and people |
//! | [`web`] | HTTP requests | the pages |
//! | [`craft`] | what a test or the demo wants on the wire | frames |
//! | [`simulation`] | a seed | the frames of a simulated LAN |
//! | [`commands`] | the command line | serve, analyze, check, demo, health |

pub mod capture;
pub mod commands;
pub mod config;
pub mod craft;
pub mod decode;
pub mod detect;
pub mod engine;
pub mod evidence;
pub mod frame;
pub mod host;
pub mod interfaces;
pub(crate) mod labelled;
pub mod lan;
pub mod mac;
pub mod metrics;
pub mod pipeline;
pub mod privilege;
pub mod report;
pub mod segment;
pub mod set;
pub mod simulation;
pub mod storm;
pub mod time;
pub mod web;
