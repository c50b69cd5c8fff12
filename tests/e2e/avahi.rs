//! A real avahi-daemon in a namespace.

use super::netns::NetNs;
use super::{Process, command_in, require, wait_for};
use std::fs;
use std::path::Path;

/// avahi-daemon as its package runs it: started by root, then the user avahi. What it writes to
/// /run is in a mount namespace of its own.
pub fn start(namespace: &NetNs, directory: &Path, interface: &str) -> Process {
    start_as(namespace, directory, interface, "idle")
}

/// The same with a host name.
pub fn start_as(namespace: &NetNs, directory: &Path, interface: &str, name: &str) -> Process {
    require(&["avahi-daemon", "sh", "mount"]);
    let configuration = format!(
        "[server]\nhost-name={name}\nallow-interfaces={interface}\nenable-dbus=no\n\
         [publish]\npublish-hinfo=no\npublish-workstation=no\n"
    );
    fs::write(directory.join("avahi-daemon.conf"), configuration).expect("a file of ours");
    let mut command = command_in(namespace, "sh");
    command.arg("-ec").arg(
        "mount -t tmpfs tmpfs /run
         mkdir /run/avahi-daemon
         chown avahi: /run/avahi-daemon
         mount -t tmpfs tmpfs /etc/avahi/services
         exec avahi-daemon --no-rlimits --no-chroot -f \"$0/avahi-daemon.conf\"",
    );
    command.arg(directory);
    let avahi = Process::start(command);
    wait_for("avahi has its name", || avahi.log().contains("Server startup complete"));
    avahi
}
