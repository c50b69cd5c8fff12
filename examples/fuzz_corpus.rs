//! Writes the seeds of the fuzzers' corpus into `fuzz/corpus`, one folder a target. What fuzzing
//! has added there stays.

#[path = "../fuzz/seeds.rs"]
mod seeds;

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for seed in seeds::seeds() {
        let folder = corpus.join(seed.target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(seed.name), seed.bytes)?;
    }
    Ok(())
}
