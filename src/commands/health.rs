//! Asks the exporter that runs on this machine whether it is healthy, where there is no curl: a
//! container's HEALTHCHECK. Gives an exit code, and a line where nothing answers.

use super::flags::Listen;
use super::{ExitStatus, say};
use crate::web::probe;

/// Asks each address until one answers; waits for about a second each.
pub fn run(flags: &Listen) -> ExitStatus {
    if flags.address.iter().any(|address| probe::is_an_exporter_at(address)) {
        return ExitStatus::Success;
    }
    let addresses = flags.address.join(", ");
    say(&format!(
        "no exporter answers at {addresses}: is it running, and is that its --web.listen-address?"
    ));
    ExitStatus::Incomplete
}
