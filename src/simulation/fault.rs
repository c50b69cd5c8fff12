//! What goes wrong on a simulated LAN for the demo: a printer that repeats itself, a name that two
//! hosts fight over.

use super::agenda::{MS, Nanos, S, nanos};
use super::segment::{OWNER, SPARE};
use super::{ANY_LIFE, Action, Entry, Member, Simulation};
use crate::craft::Responder;
use crate::craft::mdns::{address, response};
use std::time::Duration;

/// Between two rounds of a fight over a name.
const ROUND: Nanos = 4 * S;

impl Simulation {
    /// The member locks up: it only repeats its host's address record, `per_second` times a second,
    /// until it is unplugged.
    pub fn lock_up(&mut self, member: Member, from: Duration, until: Duration, per_second: u32) {
        let place = member as usize;
        let device = &self.devices[place];
        let record = address(&device.host_name(), device.host.v4.into());
        let frame = device.host.mdns4(response([record]));
        let gap = S / u64::from(per_second.max(1));
        self.unplug(member, from);
        let repeat = Action::Repeat { frame, gap, until: nanos(until) };
        self.agenda.add(nanos(from), Entry { place, life: ANY_LIFE, action: repeat });
    }

    /// The spare server of the workshop was restored from a backup of the other: it wants the same
    /// name, is told that it is taken, and tries the next number, again and again.
    pub fn fight_over_name(&mut self, from: Duration, until: Duration) {
        let fight = Action::Fight { round: 0, until: nanos(until) };
        self.agenda.add(nanos(from), Entry { place: SPARE, life: ANY_LIFE, action: fight });
    }

    /// One round of the fight.
    pub(super) fn fight(&mut self, round: u32, until: Nanos) {
        let (owner, spare) = (self.devices[OWNER].host, self.devices[SPARE].host);
        let name = self.devices[OWNER].profile.name.clone();
        let probe = |name: &str| {
            let wish = Responder::with_addresses(name, &[spare.v4.into()]);
            spare.mdns4(wish.probe())
        };
        let defence = response([address(&format!("{name}.local"), owner.v4.into())]);
        let next = format!("{name}-{}", round + 2);
        self.send(probe(&name));
        self.plan(OWNER, self.now + 60 * MS, Action::Send(owner.mdns4(defence)));
        self.plan(SPARE, self.now + 300 * MS, Action::Send(probe(&next)));
        let again = self.now + ROUND;
        if again < until {
            let fight = Action::Fight { round: round + 1, until };
            self.agenda.add(again, Entry { place: SPARE, life: ANY_LIFE, action: fight });
        }
    }
}
