//! The sockets on the discovery ports, as the kernel has them: counts, queues, drops and owners.

mod support;

use multicast_exporter::host::sockets::{Lookup, Owners, OwnersBy, Row, Sockets, UNKNOWN};
use multicast_exporter::time::clock;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread;
use support::netns::NetNs;

fn open(by: OwnersBy) -> Sockets {
    let (sockets, standing) = Sockets::open(Some(by));
    assert_eq!(standing.refusal, None);
    assert_eq!(standing.owners, if by == OwnersBy::Fd { Owners::Fd } else { Owners::Uid });
    sockets.expect("the kernel lists sockets")
}

fn rows(sockets: &mut Sockets, lookup: Lookup) -> Vec<Row> {
    sockets.refresh(clock::now().monotonic, lookup).expect("the kernel lists sockets").rows
}

fn on_port(rows: &[Row], port: u16) -> Vec<(String, u64)> {
    let on_port = rows.iter().filter(|row| row.port == port && row.sockets > 0);
    on_port.map(|row| (String::from(row.process.clone()), row.sockets)).collect()
}

/// The name of this program, as the kernel has it.
fn own_name() -> String {
    fs::read_to_string("/proc/self/comm").expect("readable").trim_end().to_owned()
}

/// A process of its own name under a user of its own that holds a socket on 5353.
struct Holder(Child);

impl Holder {
    fn start(namespace: &NetNs, folder: &std::path::Path, name: &str, user: &str) -> Self {
        let program = folder.join(name);
        // Python under another name: a copy, for the kernel names a process after its file.
        if !program.exists() {
            fs::copy(fs::canonicalize("/usr/bin/python3").expect("python"), &program)
                .expect("room");
        }
        let script = "import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('', 5353))
print('bound', flush=True)
time.sleep(60)";
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace.name(), "setpriv", "--reuid", user]);
        command.args(["--regid", "65534", "--clear-groups"]).arg(&program).args(["-c", script]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut said = [0; 6];
        let out = child.stdout.as_mut().expect("a pipe");
        std::io::Read::read_exact(out, &mut said).expect("it binds");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that every user may look into.
fn open_folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    folder
}

#[test]
#[ignore = "root: make test"]
fn sockets_of_this_namespace_are_counted_by_port_and_family_once() {
    let (namespace, elsewhere) = (NetNs::new(), NetNs::new());
    let _stranger = elsewhere.run(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 1900)).expect("free"));
    let (held, rows) = namespace.run(|| {
        let mut held = Vec::new();
        for port in [5353, 1900, 5355, 3702] {
            held.push(UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("free"));
            held.push(UdpSocket::bind((Ipv6Addr::LOCALHOST, port)).expect("free"));
        }
        held.push(UdpSocket::bind((Ipv4Addr::LOCALHOST, 5354)).expect("free"));
        let rows = rows(&mut open(OwnersBy::Uid), Lookup::Allowed);
        (held, rows)
    });
    for port in [5353, 1900, 5355, 3702] {
        assert_eq!(on_port(&rows, port), [(own_name(), 2)], "{port}");
    }
    assert_eq!(rows.len(), 4);
    drop(held);
}

#[test]
#[ignore = "root: make test"]
fn what_is_not_read_waits_then_is_thrown_away_and_stays_counted() {
    let namespace = NetNs::new();
    namespace.run(|| {
        let mut sockets = open(OwnersBy::Uid);
        let listener = UdpSocket::bind((Ipv4Addr::LOCALHOST, 5353)).expect("free");
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("free");
        let row = |sockets: &mut Sockets| rows(sockets, Lookup::Allowed).remove(0);
        assert_eq!((row(&mut sockets).drops, row(&mut sockets).receive_queue), (0, 0));
        for _ in 0..2_000 {
            sender.send_to(&[0; 500], (Ipv4Addr::LOCALHOST, 5353)).expect("loopback");
        }
        let full = row(&mut sockets);
        assert!(full.receive_queue > 50_000, "{full:?}");
        listener.set_nonblocking(true).expect("a socket");
        let mut received = 0;
        while listener.recv(&mut [0; 500]).is_ok() {
            received += 1;
        }
        assert_eq!(full.drops, 2_000 - received);
        assert_eq!(row(&mut sockets).receive_queue, 0);
        drop(listener);
        let closed = row(&mut sockets);
        assert_eq!((closed.sockets, closed.drops), (0, full.drops));
    });
}

#[test]
#[ignore = "root: make test"]
fn the_only_name_of_a_user_is_the_owner_and_files_tell_more() {
    let (namespace, folder) = (NetNs::new(), open_folder());
    let start = |name| Holder::start(&namespace, folder.path(), name, "64123");
    let _one = start("mx-holder-a");
    namespace.run(|| {
        let mut by_uid = open(OwnersBy::Uid);
        let found = rows(&mut by_uid, Lookup::Cached);
        assert_eq!(on_port(&found, 5353), [("mx-holder-a".to_owned(), 1)]);
    });
    let _two = start("mx-holder-b");
    namespace.run(|| {
        let found = rows(&mut open(OwnersBy::Uid), Lookup::Allowed);
        assert_eq!(on_port(&found, 5353), [(UNKNOWN.to_owned(), 2)]);
        let found = rows(&mut open(OwnersBy::Fd), Lookup::Allowed);
        let both = ["mx-holder-a", "mx-holder-b"].map(|name| (name.to_owned(), 1));
        assert_eq!(on_port(&found, 5353), both);
    });
}

#[test]
#[ignore = "root: make test"]
fn a_thread_without_capabilities_leaves_new_sockets_to_the_one_that_has_them() {
    let (namespace, folder) = (NetNs::new(), open_folder());
    namespace.run(|| {
        let mut by_files = open(OwnersBy::Fd);
        assert_eq!(rows(&mut by_files, Lookup::Allowed), []);
        let _one = Holder::start(&namespace, folder.path(), "mx-holder-c", "64124");
        thread::scope(|scope| {
            let powerless = scope.spawn(|| {
                for set in [caps::CapSet::Effective, caps::CapSet::Permitted] {
                    caps::clear(None, set).expect("less is always allowed");
                }
                assert_eq!(rows(&mut by_files, Lookup::Cached), [], "it waits for the sampler");
                let (sockets, standing) = Sockets::open(Some(OwnersBy::Fd));
                assert_eq!(standing.owners, Owners::Uid);
                assert!(standing.refusal.expect("why").contains("CAP_SYS_PTRACE"));
                let found = rows(&mut sockets.expect("by user"), Lookup::Cached);
                assert_eq!(on_port(&found, 5353), [("mx-holder-c".to_owned(), 1)]);
            });
            powerless.join().expect("no panic");
        });
        let found = rows(&mut by_files, Lookup::Allowed);
        assert_eq!(on_port(&found, 5353), [("mx-holder-c".to_owned(), 1)]);
        let found = rows(&mut by_files, Lookup::Cached);
        assert_eq!(on_port(&found, 5353), [("mx-holder-c".to_owned(), 1)], "it is known now");
    });
}
