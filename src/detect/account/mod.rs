//! What is booked on whom.
//!
//! | file | what |
//! |---|---|
//! | `booking` | from findings to accounts |
//! | `violations` | the account of a device: a count for each rule, and the last offence |
//! | `deferred` | offences that a mirror port may have caused |
//! | `device` | what is remembered of one device |

pub(crate) mod booking;
pub(crate) mod deferred;
pub(crate) mod device;
pub(crate) mod violations;
