//! Who a device is: addresses, name, model, vendor and category, from what it says of itself.
//!
//! | file | reason |
//! |---|---|
//! | `claims` | what one frame says of its sender |
//! | `hearing` | how that comes to the sender's profile |
//! | `contest` | who claims the same address or name |
//! | `addresses` | the addresses of a device: sure, likely, contested |
//! | `profile` | what has been learned of a device, kept steady |
//! | `category` | what kind of device it is |
//! | `vendor` | who made its network card |

pub(super) mod addresses;
pub(super) mod category;
pub(super) mod claims;
pub(super) mod contest;
pub(super) mod hearing;
pub(super) mod profile;
pub(super) mod vendor;
