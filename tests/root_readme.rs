//! The README's commands, in order, in a copy of what is in git: each does what the README says. A
//! command that this test does not know is a failure; one that cannot run here names the test that
//! covers it.
//!
//! The program is built for release as the README has it, but without optimizing: the environment
//! says so, to save minutes.

mod e2e;

use e2e::netns::NetNs;
use e2e::{Exporter, require};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How a line of the README is held.
enum How {
    /// It is run, and what it says contains these words.
    Runs(&'static [&'static str]),
    /// It serves: the log contains these words, until it is asked to stop.
    Serves(&'static [&'static str]),
    /// As an ordinary user.
    ServesAnyUser(&'static [&'static str]),
    /// It cannot run here, or not once more: this test holds it.
    Elsewhere(&'static str),
    /// It begins a block that is a file, which this command accepts.
    File(&'static str),
}

use How::{Elsewhere, File, Runs, Serves, ServesAnyUser};

const RING: &[&str] = &["message=serving", "capturing interface=eth0 backend=ring"];
const DEMO: &[&str] = &["message=serving", "message=simulating"];

/// Every line of every block that is no output, in the README's order.
const LINES: &[(&str, How)] = &[
    ("topk(5, ", File("promtool check rules")),
    ("cargo run --release", Serves(RING)),
    ("make test", Elsewhere("tests/root_readme.rs")),
    ("cargo build --release --locked", Runs(&[])),
    ("install -m 755 target/release/multicast_exporter /usr/local/bin/", Runs(&[])),
    ("setcap cap_net_raw,cap_bpf,cap_perfmon+ep /usr/local/bin/multicast_exporter", Runs(&[])),
    (
        "multicast_exporter",
        ServesAnyUser(&[
            "capturing interface=eth0 backend=ring",
            "counting system calls\" backend=ebpf",
        ]),
    ),
    ("make deb", Runs(&["target/debian/prometheus-multicast-exporter_"])),
    ("apt-get install ./target/debian/", Elsewhere("tests/root_package.rs")),
    ("systemctl status prometheus-multicast-exporter", Elsewhere("tests/root_systemd.rs")),
    ("docker build ", Elsewhere("tests/root_image.rs")),
    ("docker run ", Elsewhere("tests/root_image.rs")),
    ("docker inspect ", Elsewhere("tests/root_image.rs")),
    ("docker compose -f deploy/compose/compose.yaml up ", Elsewhere("tests/shipped/compose.rs")),
    (
        "docker compose -f deploy/compose/compose.yaml --profile demo ",
        Elsewhere("tests/shipped/compose.rs"),
    ),
    ("kubectl apply --server-side -k deploy/kubernetes", Elsewhere("tests/shipped/kubernetes.rs")),
    ("cargo run --release -- demo", Serves(DEMO)),
    ("scrape_configs:", File("promtool check config")),
    (
        "cargo run --release --example make_capture -- story.pcap stuck_printer",
        Runs(&["story.pcap"]),
    ),
    ("multicast_exporter analyze story.pcap", Runs(&["61705 frames", "repeated_response"])),
    (
        "multicast_exporter check",
        Runs(&["eth0 is captured by ring", "useful capabilities at the start"]),
    ),
    ("ip link add link eth0 name eth0.30 type vlan", Elsewhere("tests/root_serve/interfaces.rs")),
    ("ethtool -K eth0 rx-vlan-filter off", Elsewhere("tests/root_interfaces.rs")),
    (r"multicast_exporter --capture.interface='eth0(\.[0-9]+)?'", Serves(RING)),
    ("ip link set eth1 up", Runs(&[])),
    (
        "multicast_exporter --capture.interface=eth1 --capture.promiscuous --no-capture.join",
        Serves(&["capturing interface=eth1 backend=ring"]),
    ),
    ("limits: {signalling: 50", File("multicast_exporter check --check.listen=0s --config.file")),
    ("cp deploy/prometheus/*.rules.yml /etc/prometheus/", Runs(&[])),
    ("sed -i 's,http://localhost:3000,", Runs(&[])),
    ("promtool check config /etc/prometheus/prometheus.yml", Runs(&["SUCCESS"])),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The blocks that are no outputs, in order.
fn blocks(readme: &str) -> Vec<Vec<&str>> {
    let mut blocks = vec![];
    let (mut is_output, mut block) = (false, None);
    for line in readme.lines() {
        is_output |= line.starts_with("<!-- output: ");
        is_output &= line != "<!-- end -->";
        match (line.trim_start().starts_with("```"), block.take()) {
            (true, None) => block = Some(vec![]),
            (true, Some(done)) if !is_output => blocks.push(done),
            (false, Some(mut open)) => {
                open.push(line);
                block = Some(open);
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    blocks
}

/// A copy of what git knows and would know, and what its commands may write to.
struct Tree {
    folder: tempfile::TempDir,
    namespace: NetNs,
}

impl Tree {
    fn new() -> Self {
        let tree = Self {
            folder: tempfile::tempdir().expect("a temporary directory"),
            namespace: NetNs::new(),
        };
        for name in ["tree", "bin", "prometheus"] {
            fs::create_dir(tree.path(name)).expect("room");
        }
        // For users who are not root.
        for name in ["", "bin"] {
            fs::set_permissions(tree.path(name), fs::Permissions::from_mode(0o755)).expect("ours");
        }
        let copy = "git ls-files --cached --others --exclude-standard -z | xargs -0 cp --parents -t \"$0\"";
        let mut command = Command::new("sh");
        command.current_dir(root()).args(["-ec", copy]).arg(tree.path("tree"));
        assert!(command.status().expect("a shell").success());
        let shipped = tree.path("tree/deploy/prometheus/prometheus.yml");
        fs::copy(shipped, tree.path("prometheus/prometheus.yml")).expect("room");
        for (name, other, number) in [("eth0", "peer0", 1), ("eth1", "peer1", 2)] {
            tree.namespace.veth(name, other);
            let address = format!("192.0.2.{}/28", 16 * number);
            tree.namespace.ip(&["address", "add", &address, "dev", name]);
        }
        tree.namespace.ip(&["link", "set", "eth1", "down"]);
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The line in a shell, in the tree, in the namespace, with folders of the machine out of sight.
    fn command(&self, line: &str, user: &str) -> Command {
        const INSIDE: &str = "mount --bind \"$1\" /usr/local/bin && mount --bind \"$2\" /etc/prometheus && cd \"$3\" && exec $5 sh -c \"$4\"";
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.namespace.name()]);
        command.args(["unshare", "--mount", "--propagation", "private", "sh", "-ec", INSIDE, "sh"]);
        command.args(["bin", "prometheus", "tree"].map(|name| self.path(name)));
        command.arg(line).arg(user);
        for (name, value) in [
            ("CARGO_NET_OFFLINE", "true"),
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
            ("CARGO_PROFILE_RELEASE_LTO", "off"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256"),
            // A minute of the test's time.
            ("MULTICAST_EXPORTER_CHECK_LISTEN", "1s"),
        ] {
            command.env(name, value);
        }
        // Those of the outer cargo are about another tree.
        for (name, _) in std::env::vars()
            .filter(|(name, _)| name.starts_with("CARGO_PKG") || name == "CARGO_MANIFEST_DIR")
        {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, line: &str) -> String {
        let output = self.command(line, "").output().expect("ip starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(output.status.success(), "{line}: {:?}: {said}", output.status);
        said
    }

    /// Starts it, waits until it serves, and stops it.
    fn serve(&self, line: &str, user: &str, words: &[&str]) {
        // What it is built for has to be there: the wait is for serving, not for the compiler.
        if line.starts_with("cargo run") {
            self.run("cargo build --release --quiet");
        }
        let exporter =
            Exporter::spawn(&self.namespace, self.command(&format!("exec {line}"), user));
        for word in words {
            e2e::wait_for(word, || exporter.process.log().contains(word));
        }
        assert!(exporter.get("/").expect("a page").contains("<html"), "{line}");
        exporter.scrape();
        let mut exporter = exporter;
        exporter.process.signal(libc::SIGTERM);
        assert_eq!(exporter.process.wait().code(), Some(0), "{line}");
    }

    fn accepts(&self, command: &str, block: &[&str]) {
        let mut text = block.join("\n") + "\n";
        if command.ends_with("rules") {
            text = format!(
                "groups: [{{name: readme, rules: [{{record: 'a:b', expr: '{}'}}]}}]\n",
                text.trim()
            );
        }
        let file = self.path("block.yml");
        fs::write(&file, text).expect("room");
        let separator = if command.ends_with("file") { "=" } else { " " };
        self.run(&format!("{command}{separator}{}", file.display()));
    }
}

fn exists(test: &str) -> bool {
    root().join(Path::new(test)).is_file()
}

#[test]
fn every_line_of_the_readme_is_known_in_order() {
    let readme = fs::read_to_string(root().join("README.md")).expect("there");
    let mut known = LINES.iter();
    for block in blocks(&readme) {
        for line in block {
            let (begin, how) = known.next().unwrap_or_else(|| panic!("unknown: {line}"));
            assert!(line.trim().starts_with(begin), "{line}\nis not\n{begin}");
            if let Elsewhere(test) = how {
                assert!(exists(test), "{test}");
            }
            if matches!(how, File(_)) {
                break;
            }
        }
    }
    assert!(known.next().is_none(), "the README has fewer");
}

#[test]
#[ignore = "root: make test"]
fn the_commands_of_the_readme_work() {
    require(&["promtool", "setcap", "setpriv", "git", "make"]);
    let tree = Tree::new();
    let readme = fs::read_to_string(root().join("README.md")).expect("there");
    let mut known = LINES.iter();
    for block in blocks(&readme) {
        for line in &block {
            let (_, how) = known.next().expect("a known line");
            match how {
                Runs(words) => {
                    let said = tree.run(line.trim());
                    for word in *words {
                        assert!(said.contains(word), "{line}: no {word} in {said}");
                    }
                }
                Serves(words) => tree.serve(line.trim(), "", words),
                ServesAnyUser(words) => {
                    let user = "setpriv --reuid 65534 --regid 65534 --clear-groups";
                    tree.serve(line.trim(), user, words);
                }
                Elsewhere(_) => {}
                File(command) => {
                    tree.accepts(command, &block);
                    break;
                }
            }
        }
    }
}
