//! The compiled programs in the repository match their source: built again, in another folder, they
//! are the same bytes.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
#[ignore = "tools: make test"]
fn the_objects_are_what_the_source_makes() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let elsewhere = dir.path().join("in another folder".replace(' ', "-"));
    fs::create_dir_all(elsewhere.join("bpf")).expect("it is ours");
    for file in ["Makefile", "Cargo.toml", "bpf/syscalls.bpf.c", "bpf/syscalls.h"] {
        fs::copy(repository.join(file), elsewhere.join(file)).expect("a copy");
    }
    let output = Command::new("make").arg("bpf").current_dir(&elsewhere).output().expect("make");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "make test installs clang-14 and llvm-14: {said}");
    for object in ["bpf/syscalls.x86_64.o", "bpf/syscalls.aarch64.o"] {
        let made = fs::read(elsewhere.join(object)).expect("it was made");
        let kept = fs::read(repository.join(object)).expect("it is in the repository");
        assert!(made == kept, "{object} is not what make bpf makes: run it and commit");
    }
}
