//! What netlink does not tell about a link: whether it is wireless. Read from sysfs, which shows
//! the network namespace in which it was mounted.

use std::path::Path;

/// Where the kernel shows its network devices.
const CLASS_NET: &str = "/sys/class/net";

/// Whether the link `name` is wireless. `false` where sysfs is not mounted or shows another
/// namespace.
pub fn is_wireless(name: &str) -> bool {
    is_wireless_in(Path::new(CLASS_NET), name)
}

fn is_wireless_in(class: &Path, name: &str) -> bool {
    // The kernel gives no such names; a caller might.
    if name.is_empty() || name == "." || name == ".." || name.contains('/') {
        return false;
    }
    // `phy80211` by cfg80211 (every driver today), `wireless` by the wireless extensions.
    ["phy80211", "wireless"].iter().any(|entry| class.join(name).join(entry).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_entry_says_wireless() {
        let class = tempfile::tempdir().unwrap();
        for path in ["wlan0/phy80211", "wlan1/wireless", "eth0/queues"] {
            std::fs::create_dir_all(class.path().join(path)).unwrap();
        }
        let wireless = |name| is_wireless_in(class.path(), name);
        assert!(wireless("wlan0") && wireless("wlan1"));
        assert!(!wireless("eth0") && !wireless("gone"));
        assert!(!wireless("eth0/../wlan0"));
    }

    #[test]
    fn loopback_is_not_wireless() {
        assert!(!is_wireless("lo"));
    }
}
