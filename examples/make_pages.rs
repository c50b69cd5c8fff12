//! Writes the man pages and the completions for bash, zsh and fish into a folder, from the
//! definition of the command line and, in the page of `analyze`, what causes, conditions and rules
//! mean: `cargo run --example make_pages -- FOLDER`.

use clap::CommandFactory as _;
use clap_complete::Shell;
use multicast_exporter::commands::flags::Cli;
use multicast_exporter::report::reference;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, io};

fn main() -> ExitCode {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("make_pages: name a folder to write into");
        return ExitCode::from(2);
    };
    match write(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("make_pages: {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &PathBuf) -> io::Result<()> {
    // Pages of commands that are no more must not stay.
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)?;
    let analyze = folder.join("multicast_exporter-analyze.1");
    let page = fs::read_to_string(&analyze)?;
    fs::write(&analyze, page + &reference::roff())?;
    let mut cli = Cli::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut cli, "multicast_exporter", folder)?;
    }
    Ok(())
}
