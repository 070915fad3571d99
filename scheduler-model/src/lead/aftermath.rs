//! What a leadership leaves to the next.

use super::{Ended, Lead, Poison, Room};

#[derive(Debug)]
pub struct Aftermath {
    /// What could not be taken, if it was lost for that.
    pub poison: Option<Poison>,
    pub was_careful: bool,
    /// What the open turn of the next may gather to begin with. Less if the last commit did not come back in time: the same
    /// turn would come again.
    pub room: Room,
}

impl<Connection> Lead<Connection> {
    /// The leadership is over; if it has not `ended`, it panicked.
    pub fn aftermath(&self, ended: Option<Ended>) -> Aftermath {
        let poison = match ended {
            None => Some(self.panicked()),
            Some(Ended::Poisoned) => self.refused(),
            Some(Ended::Shutdown | Ended::Lost | Ended::RanOut | Ended::Late) => None,
        };
        let room = match ended {
            Some(Ended::RanOut | Ended::Late) => self.terms.room.halved(),
            _ => self.terms.room,
        };
        Aftermath {
            poison,
            was_careful: self.is_careful(),
            room,
        }
    }
}
