//! What the driver of an interface does with VLAN tags, asked by `SIOCETHTOOL`: whether its card
//! drops foreign VLANs. Needs no privilege. Knows nothing of captures.
//!
//! Layouts and commands: Linux `include/uapi/linux/ethtool.h`. Features are asked for by name,
//! since their numbers differ between kernels.

use socket2::{Domain, Socket, Type};
use std::io;
use std::mem::zeroed;
use std::os::fd::AsFd as _;
use std::os::fd::{AsRawFd as _, BorrowedFd};

const ETHTOOL_GSTRINGS: u32 = 0x1b;
const ETHTOOL_GSSET_INFO: u32 = 0x37;
const ETHTOOL_GFEATURES: u32 = 0x3a;
/// The set of strings that are the features' names.
const ETH_SS_FEATURES: u32 = 4;
/// `ETH_GSTRING_LEN`, bytes.
const NAME_LEN: usize = 32;
/// More features than any kernel has; today there are some 60.
const FEATURES_MAX: u32 = 1024;
/// `NETIF_F_HW_VLAN_CTAG_FILTER`: 802.1Q tags.
const FILTER: &str = "rx-vlan-filter";

/// What a card does with frames of VLANs that nobody has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VlanFilter {
    /// It hands them over.
    Off,
    /// It drops them.
    On {
        /// Whether the driver cannot be set otherwise.
        fixed: bool,
    },
}

/// Asks the driver of the interface `name`, in the network namespace of the calling thread.
///
/// # Errors
/// What the kernel said; [`io::ErrorKind::InvalidData`] for an answer that makes no sense;
/// [`io::ErrorKind::NotFound`] if this kernel knows no such feature.
pub(crate) fn vlan_filter(name: &str) -> io::Result<VlanFilter> {
    feature(name, FILTER)
}

/// How the feature `wanted` of the interface `name` stands.
fn feature(name: &str, wanted: &str) -> io::Result<VlanFilter> {
    let socket = Socket::new(Domain::UNIX, Type::DGRAM.cloexec(), None)?;
    let count = feature_count(socket.as_fd(), name)?;
    let names = feature_names(socket.as_fd(), name, count)?;
    let place = names
        .iter()
        .position(|feature| feature == wanted)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such feature"))?;
    let blocks = feature_blocks(socket.as_fd(), name, count.div_ceil(32))?;
    read_feature(&blocks, place).ok_or_else(invalid)
}

/// `struct ethtool_get_features_block`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Block {
    available: u32,
    active: u32,
    never_changed: u32,
}

/// How the feature at `place` stands.
fn read_feature(blocks: &[Block], place: usize) -> Option<VlanFilter> {
    let block = blocks.get(place / 32)?;
    let has = |bits: u32| bits >> (place % 32) & 1 == 1;
    Some(if has(block.active) {
        VlanFilter::On { fixed: has(block.never_changed) || !has(block.available) }
    } else {
        VlanFilter::Off
    })
}

fn feature_count(socket: BorrowedFd<'_>, name: &str) -> io::Result<u32> {
    // struct ethtool_sset_info: command, reserved, a mask of 64 bits, one count for each bit that
    // is left in the mask.
    let mask = (1_u64 << ETH_SS_FEATURES).to_ne_bytes();
    let half = |at: usize| u32::from_ne_bytes([mask[at], mask[at + 1], mask[at + 2], mask[at + 3]]);
    let mut request = [ETHTOOL_GSSET_INFO, 0, half(0), half(4), 0, 0];
    // SAFETY: the kernel writes the header and one count for each bit of the mask: one.
    unsafe { ask(socket, name, &mut request)? };
    match request[4] {
        count @ 1..=FEATURES_MAX => Ok(count),
        _ => Err(invalid()),
    }
}

fn feature_names(socket: BorrowedFd<'_>, name: &str, count: u32) -> io::Result<Vec<String>> {
    // struct ethtool_gstrings: command, set, count, names.
    const HEADER: usize = 3;
    let words = count as usize * NAME_LEN / 4;
    let mut request = vec![0; HEADER + words];
    request[..HEADER].copy_from_slice(&[ETHTOOL_GSTRINGS, ETH_SS_FEATURES, count]);
    // SAFETY: the kernel writes the names of all features whatever count it is given; `count` is
    // what it has just called their number, which is a constant of the running kernel.
    unsafe { ask(socket, name, &mut request)? };
    if request[2] != count {
        return Err(invalid());
    }
    let bytes: Vec<u8> = request[HEADER..].iter().flat_map(|word| word.to_ne_bytes()).collect();
    let text = |name: &[u8]| {
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        String::from_utf8_lossy(&name[..end]).into_owned()
    };
    Ok(bytes.chunks(NAME_LEN).map(text).collect())
}

fn feature_blocks(socket: BorrowedFd<'_>, name: &str, count: u32) -> io::Result<Vec<Block>> {
    // struct ethtool_gfeatures: command, number of blocks, blocks of four words.
    let mut request = vec![0; 2 + count as usize * 4];
    request[..2].copy_from_slice(&[ETHTOOL_GFEATURES, count]);
    // SAFETY: the kernel writes at most as many blocks as the request has space for by its own
    // count.
    unsafe { ask(socket, name, &mut request)? };
    let block =
        |words: &[u32]| Block { available: words[0], active: words[2], never_changed: words[3] };
    Ok(request[2..].chunks_exact(4).map(block).collect())
}

/// Hands a request to the driver and takes its answer, both in `request`.
///
/// # Safety
/// `request` must be a whole structure of the command that is its first word, with space for all
/// that the kernel writes for it.
unsafe fn ask(socket: BorrowedFd<'_>, interface: &str, request: &mut [u32]) -> io::Result<()> {
    // SAFETY: a C struct of integers and a union of plain data.
    let mut envelope: libc::ifreq = unsafe { zeroed() };
    // One place stays for the zero at the end.
    if interface.len() >= envelope.ifr_name.len() {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (place, byte) in envelope.ifr_name.iter_mut().zip(interface.bytes()) {
        *place = libc::c_char::from_ne_bytes([byte]);
    }
    envelope.ifr_ifru.ifru_data = request.as_mut_ptr().cast();
    // The request's type differs between C libraries.
    let name = libc::SIOCETHTOOL as _;
    // SAFETY: SIOCETHTOOL reads one ifreq, and reads and writes what its data points to: `request`,
    // of which the caller vouches that there is enough.
    match unsafe { libc::ioctl(socket.as_raw_fd(), name, &raw mut envelope) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the driver's answer makes no sense")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_is_one_bit_of_a_block() {
        let on = Block { available: 1 << 3, active: 1 << 3, never_changed: 0 };
        let blocks = [Block::default(), on];
        assert_eq!(read_feature(&blocks, 35), Some(VlanFilter::On { fixed: false }));
        assert_eq!(read_feature(&blocks, 3), Some(VlanFilter::Off));
        assert_eq!(read_feature(&blocks, 64), None);
        let unavailable = Block { active: 1, ..Block::default() };
        assert_eq!(read_feature(&[unavailable], 0), Some(VlanFilter::On { fixed: true }));
        let fixed = Block { available: 1, active: 1, never_changed: 1 };
        assert_eq!(read_feature(&[fixed], 0), Some(VlanFilter::On { fixed: true }));
    }

    #[test]
    fn what_the_kernel_says_of_loopback() {
        // NETIF_F_LOOPBACK defines the device, so this feature is surely there.
        match feature("lo", "loopback") {
            Ok(feature) => assert_eq!(feature, VlanFilter::On { fixed: true }),
            // A sandbox may have no such call.
            Err(error) => assert_ne!(error.kind(), io::ErrorKind::InvalidData, "{error}"),
        }
        let error = feature("lo", "no-such-feature").unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    }

    #[test]
    fn loopback_filters_nothing_or_says_that_it_does_not_know() {
        match vlan_filter("lo") {
            Ok(filter) => assert_eq!(filter, VlanFilter::Off),
            // A sandbox may have no such call.
            Err(error) => assert_ne!(error.kind(), io::ErrorKind::InvalidData, "{error}"),
        }
    }

    #[test]
    fn an_interface_that_does_not_exist_has_no_driver() {
        for name in ["nope0", "a-name-longer-than-the-kernel-has"] {
            assert_eq!(vlan_filter(name).unwrap_err().raw_os_error(), Some(libc::ENODEV), "{name}");
        }
    }
}
