//! Opens what serving needs, for `serve` and for `check` alike.
//!
//! Each part of an [`Opening`] was opened or refused, in a process that has then given up its
//! privileges. What happens to a refusal is not known here: `serve` ends at the first one, `check`
//! reports them all.
//!
//! The order matters. What needs privilege is opened first, then capabilities are dropped,
//! and only then does the first thread start: threads inherit capabilities, and dropping them
//! reaches the calling thread alone. The folder of evidence comes last, because what writes in it
//! has no privilege either.

use super::capturing::DESCRIPTORS;
use super::configuration::Configuration;
use super::flags::{self, Serve};
use super::{Failure, failed, log, refused, refused_for_now};
use crate::capture::descriptors;
use crate::capture::live::Choice;
use crate::capture::pool::{Pool, PoolEmpty};
use crate::evidence::{Store, StoreError};
use crate::host::sampler::Sampler;
use crate::host::sockets::{Owners, TO_LOOK_INTO_PROCESSES};
use crate::host::{Host, Source as _, Standing};
use crate::interfaces::Policy;
use crate::privilege::{self, Held, PrivilegeError};
use crate::segment::Lans;
use crate::web::activation::{self, ActivationError};
use crate::web::listen::{self, ListenError};
use std::net::TcpListener;
use std::sync::Arc;
use tracing::info;

/// What was opened, and what was refused.
pub(crate) struct Opening {
    /// Which interfaces to capture.
    pub policy: Policy,
    /// Which LANs segments are.
    pub lans: Arc<Lans>,
    /// The configuration file; `Err` is a line that names the flag, the file and what is wrong.
    pub configuration: Result<Configuration, String>,
    /// Where HTTP requests arrive.
    pub listeners: Listeners,
    /// How many packet sockets were asked for.
    pub wanted: usize,
    /// The sockets that were opened.
    pub pool: Pool,
    /// The capabilities at the start.
    pub held: Result<Held, PrivilegeError>,
    /// What multicast costs this host.
    pub host: Arc<Host>,
    /// Samples the host as long as it lives. `Err` if privileges could not be dropped, or no
    /// thread started.
    pub sampler: Result<Option<Sampler>, Failure>,
    /// The folder of evidence, if there is to be one.
    pub evidence: Option<Result<Store, StoreError>>,
}

/// Where HTTP requests arrive.
pub(crate) enum Listeners {
    /// One for each `--web.listen-address`, in their order.
    Bound(Vec<Result<TcpListener, ListenError>>),
    /// Those that the service manager opened.
    HandedOver(Result<Vec<TcpListener>, ActivationError>),
}

impl Listeners {
    /// All of them.
    ///
    /// # Errors
    /// The first that was refused.
    pub fn all(self) -> Result<Vec<TcpListener>, Failure> {
        match self {
            Self::Bound(each) => {
                let failure = |error: ListenError| {
                    if error.may_pass() { refused_for_now(error) } else { refused(error) }
                };
                each.into_iter().map(|one| one.map_err(failure)).collect()
            }
            Self::HandedOver(all) => all.map_err(refused),
        }
    }
}

/// Opens everything that serving with these flags uses, and drops all privileges. Must be called
/// before any other thread exists.
///
/// # Errors
/// A line about a flag that is wrong in itself: a pattern of interfaces that is no regular
/// expression, two names of one LAN. Nothing has been opened then.
pub fn open(flags: &Serve) -> Result<Opening, String> {
    let policy = Policy::new(&flags.capture.interface, &flags.capture.interface_exclude)
        .map_err(|error| error.to_string())?;
    let lans = flags.lan.names().map_err(|error| error.to_string())?;
    let configuration = Configuration::load(flags.config.file.as_deref());
    let listeners = listen(&flags.web);
    let wanted = match flags.capture.backend {
        _ if flags.replay.file.is_some() => 0,
        Choice::Socket => 0,
        Choice::Auto | Choice::Ring | Choice::Pnet => usize::from(flags.capture.sockets),
    };
    // Before anything that stays open.
    descriptors::raise_limit();
    let pool = Pool::open(wanted, DESCRIPTORS.left());
    let held = privilege::held();
    let host = Host::open(flags.collector.settings());
    let sampler = drop_privileges(&host);
    log::write();
    let evidence = store(&flags.evidence);
    Ok(Opening {
        policy,
        lans,
        configuration,
        listeners,
        wanted,
        pool,
        held,
        host,
        sampler,
        evidence,
    })
}

/// Binds each address, or takes over what the service manager has bound.
pub fn listen(flags: &flags::Web) -> Listeners {
    if flags.systemd_socket {
        return Listeners::HandedOver(activation::take());
    }
    Listeners::Bound(flags.listen.address.iter().map(|address| listen::bind(address)).collect())
}

/// The folder of evidence, if there is to be one. Nothing in it needs privilege.
pub fn store(flags: &flags::Evidence) -> Option<Result<Store, StoreError>> {
    let dir = flags.dir.as_deref()?;
    let is_new = !dir.exists();
    let store = Store::open(dir, flags.max_size);
    if is_new && store.is_ok() {
        // A folder that was written wrong would be looked for elsewhere.
        info!(folder = %dir.display(), "made the folder of evidence");
    }
    Some(store)
}

/// The pool, if the backend can capture with it.
///
/// # Errors
/// If there is no socket for a backend that was asked for by name.
pub fn enough(pool: Pool, backend: Choice) -> Result<Pool, Failure> {
    let by_name = match backend {
        Choice::Auto | Choice::Socket => false,
        Choice::Ring | Choice::Pnet => true,
    };
    match pool.shortage() {
        Some(reason @ (PoolEmpty::NotPermitted | PoolEmpty::Refused(_)))
            if by_name && pool.size() == 0 =>
        {
            Err(refused(format!("--capture.backend: {reason}")))
        }
        Some(_) | None => Ok(pool),
    }
}

/// Drops all privileges and starts the sampler, if anything is sampled. Its thread keeps
/// [`TO_LOOK_INTO_PROCESSES`] if it finds the owners of sockets by their files.
fn drop_privileges(host: &Arc<Host>) -> Result<Option<Sampler>, Failure> {
    let dropping = failed("dropping privileges");
    let Standing { syscalls, sockets } = host.standing();
    let is_sampled = syscalls.is_on() || sockets.is_on();
    let start = || is_sampled.then(|| Sampler::start(Arc::clone(host))).transpose();
    let sampler = if sockets.owners == Owners::Fd {
        privilege::drop_all_but_for(&TO_LOOK_INTO_PROCESSES, start)
            .map_err(|error| dropping(&error))?
    } else {
        privilege::drop_all().map_err(|error| dropping(&error))?;
        start()
    };
    sampler.map_err(|error| failed("starting a thread")(&error))
}
