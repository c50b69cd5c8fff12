//! Opens a capture on an interface: chooses the backend, and says which it is and why no better one
//! works. Knows nothing of frames.

use super::pnet::Pnet;
use super::pool::Pool;
use super::ring::Ring;
use super::socket::GroupSockets;
use super::{Backend, Capture, CaptureError};

pub use super::interface::{Interface, Options};

/// Which backend is wished for (`--capture.backend`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The best that works.
    #[default]
    Auto,
    /// `AF_PACKET` ring (needs `CAP_NET_RAW`): sees everything, loses least.
    Ring,
    /// The portable capture of the pnet crate (needs `CAP_NET_RAW`).
    Pnet,
    /// UDP sockets on the discovery groups (no privilege): sees only those.
    Socket,
}

/// A running capture.
pub struct Opened {
    /// Where the frames come from.
    pub capture: Box<dyn Capture>,
    /// Which backend it is.
    pub backend: Backend,
    /// The better ones that did not run, and why: `auto` fell back.
    pub fallbacks: Vec<(Backend, String)>,
    /// The groups that the `socket` backend cannot hear, and why.
    pub skipped_groups: Vec<(String, String)>,
    /// Memory of the ring, bytes, if it is one.
    pub ring_bytes: Option<u64>,
}

impl Opened {
    fn of(capture: Box<dyn Capture>, backend: Backend) -> Self {
        Self {
            capture,
            backend,
            fallbacks: Vec::new(),
            skipped_groups: Vec::new(),
            ring_bytes: None,
        }
    }
}

/// Starts to capture on `interface`.
///
/// # Errors
/// A backend asked for by name fails with what it lacks: [`CaptureError::NoPacketSocket`],
/// [`CaptureError::HardwareType`], [`CaptureError::NoGroup`], [`CaptureError::Io`]. `auto` fails
/// with [`CaptureError::NoBackend`]. Any of them with [`CaptureError::InterfaceGone`] if there is no
/// such interface.
pub fn open(
    choice: Choice,
    interface: &Interface,
    pool: &Pool,
    options: &Options,
) -> Result<Opened, CaptureError> {
    match choice {
        Choice::Ring => open_ring(interface, pool, options),
        Choice::Pnet => open_pnet(interface, pool),
        Choice::Socket => open_sockets(interface),
        Choice::Auto => open_best(interface, pool, options),
    }
}

/// The ring; pnet where only the ring's socket options are missing, since it needs the same
/// permission and the same hardware types; the sockets otherwise.
fn open_best(
    interface: &Interface,
    pool: &Pool,
    options: &Options,
) -> Result<Opened, CaptureError> {
    type Attempt<'a> = (Backend, &'a dyn Fn() -> Result<Opened, CaptureError>);
    let attempts: [Attempt<'_>; 3] = [
        (Backend::Ring, &|| open_ring(interface, pool, options)),
        (Backend::Pnet, &|| open_pnet(interface, pool)),
        (Backend::Socket, &|| open_sockets(interface)),
    ];
    let mut fallbacks: Vec<(Backend, String)> = Vec::new();
    let mut no_packet_socket = false;
    for (backend, attempt) in attempts {
        if backend == Backend::Pnet && no_packet_socket {
            continue;
        }
        match attempt() {
            Ok(opened) => return Ok(Opened { fallbacks, ..opened }),
            Err(gone @ CaptureError::InterfaceGone { .. }) => return Err(gone),
            Err(error) => {
                no_packet_socket |= matches!(
                    error,
                    CaptureError::NoPacketSocket { .. } | CaptureError::HardwareType { .. }
                );
                fallbacks.push((backend, error.to_string()));
            }
        }
    }
    let reasons: Vec<String> = fallbacks
        .iter()
        .map(|(backend, reason)| format!("{}: {reason}", backend.label()))
        .collect();
    Err(CaptureError::NoBackend { interface: interface.name.clone(), reasons: reasons.join("; ") })
}

fn open_ring(
    interface: &Interface,
    pool: &Pool,
    options: &Options,
) -> Result<Opened, CaptureError> {
    let link = interface.link()?;
    let ring = Ring::open(interface, link, take(interface, pool)?, options)?;
    let ring_bytes = Some(ring.bytes());
    Ok(Opened { ring_bytes, ..Opened::of(Box::new(ring), Backend::Ring) })
}

fn open_pnet(interface: &Interface, pool: &Pool) -> Result<Opened, CaptureError> {
    let link = interface.link()?;
    let capture = Pnet::open(interface, link, take(interface, pool)?)?;
    Ok(Opened::of(Box::new(capture), Backend::Pnet))
}

fn open_sockets(interface: &Interface) -> Result<Opened, CaptureError> {
    let (capture, skipped) = GroupSockets::open(interface)?;
    let skipped_groups = skipped
        .into_iter()
        .map(|skipped| (skipped.group.to_string(), skipped.reason.to_string()))
        .collect();
    Ok(Opened { skipped_groups, ..Opened::of(Box::new(capture), Backend::Socket) })
}

fn take(interface: &Interface, pool: &Pool) -> Result<super::pool::PooledSocket, CaptureError> {
    pool.take().map_err(|source| CaptureError::NoPacketSocket {
        interface: interface.name.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(arphrd: u16) -> Interface {
        Interface { index: 999_999, name: "nope0".into(), mac: None, arphrd }
    }

    #[test]
    fn a_backend_by_name_says_what_it_lacks() {
        let empty = Pool::open(0, usize::MAX);
        for choice in [Choice::Ring, Choice::Pnet] {
            let error = open(choice, &interface(1), &empty, &Options::default()).err();
            let error = error.expect("an empty pool");
            assert!(matches!(error, CaptureError::NoPacketSocket { .. }), "{error}");
            assert!(error.to_string().contains("nope0"), "{error}");
        }
    }

    #[test]
    fn foreign_hardware_is_named() {
        let error =
            open(Choice::Ring, &interface(512), &Pool::open(0, usize::MAX), &Options::default())
                .err();
        let text = error.expect("PPP is not decoded").to_string();
        assert!(text.contains("512") && text.contains("--capture.backend=socket"), "{text}");
    }

    #[test]
    fn an_interface_that_does_not_exist_is_gone() {
        for choice in [Choice::Auto, Choice::Socket] {
            let error =
                open(choice, &interface(1), &Pool::open(0, usize::MAX), &Options::default()).err();
            assert!(matches!(error, Some(CaptureError::InterfaceGone { .. })), "{error:?}");
        }
    }
}
