//! Puts frames on a wire: an interface of a namespace, by a packet socket.

use super::netns::NetNs;
use super::wait_for;
use pnet::datalink::{self, Channel, DataLinkSender, NetworkInterface};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// An interface to send by.
pub struct Wire {
    sender: Box<dyn DataLinkSender>,
}

impl Wire {
    /// The interface of this name in the namespace. It must be up. Waits for its carrier: until
    /// the kernel has taken note of that, what is sent is dropped before the wire.
    pub fn open(namespace: &NetNs, interface: &str) -> Self {
        wait_for("the wire is connected", || {
            let mut show = Command::new("ip");
            show.args(["-n", namespace.name(), "-o", "link", "show", "dev", interface]);
            let output = show.output().expect("ip starts");
            String::from_utf8_lossy(&output.stdout).contains(" state UP ")
        });
        let index = namespace.index(interface);
        let sender = namespace.run(|| {
            let target = NetworkInterface {
                name: interface.to_owned(),
                description: String::new(),
                index,
                mac: None,
                ips: Vec::new(),
                flags: 0,
            };
            let config =
                datalink::Config { write_buffer_size: 65_536, ..datalink::Config::default() };
            match datalink::channel(&target, config).expect("a packet socket") {
                Channel::Ethernet(sender, _) => sender,
                _ => unreachable!("asked for an Ethernet channel"),
            }
        });
        Self { sender }
    }

    /// Sends a frame, Ethernet header first.
    pub fn send(&mut self, frame: &[u8]) {
        // A queue may be full for a moment.
        for _ in 0..100 {
            match self.sender.send_to(frame, None).expect("the interface is Ethernet") {
                Ok(()) => return,
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) => panic!("sending {} bytes: {error}", frame.len()),
            }
        }
        panic!("the queue stays full");
    }
}
