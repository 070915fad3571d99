//! Which coordinator is asked next. Pure: no connection is made here.

/// The addresses that are known, and the one that is asked.
#[derive(Debug)]
pub(super) struct Route {
    addresses: Vec<String>,
    current: usize,
}

impl Route {
    /// # Panics
    /// Without an address.
    pub(super) fn new(addresses: Vec<String>) -> Self {
        assert!(!addresses.is_empty(), "there is an address to ask");
        Self {
            addresses,
            current: 0,
        }
    }

    pub(super) fn current(&self) -> &str {
        &self.addresses[self.current]
    }

    pub(super) fn is_single(&self) -> bool {
        self.addresses.len() == 1
    }

    pub(super) fn len(&self) -> usize {
        self.addresses.len()
    }

    /// For people.
    pub(super) fn all(&self) -> String {
        self.addresses.join(", ")
    }

    /// `from` was of no use: turns to the leader that it named, else to the next. Not if somebody else has turned away
    /// from it already. True when another is asked now.
    pub(super) fn leave(&mut self, from: &str, leader: Option<String>) -> bool {
        if self.current() != from {
            return true;
        }
        self.current = match leader {
            Some(leader) => self.place(leader),
            None => (self.current + 1) % self.addresses.len(),
        };
        self.current() != from
    }

    fn place(&mut self, address: String) -> usize {
        let known = self.addresses.iter().position(|known| *known == address);
        known.unwrap_or_else(|| {
            self.addresses.push(address);
            self.addresses.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(addresses: &[&str]) -> Route {
        Route::new(
            addresses
                .iter()
                .map(|&address| address.to_owned())
                .collect(),
        )
    }

    #[test]
    fn the_next_is_asked_and_after_the_last_the_first() {
        let mut route = route(&["a", "b"]);
        assert!(route.leave("a", None));
        assert_eq!(route.current(), "b");
        assert!(route.leave("b", None));
        assert_eq!(route.current(), "a");
    }

    #[test]
    fn the_only_one_is_asked_again() {
        let mut route = route(&["a"]);
        assert!(!route.leave("a", None));
        assert_eq!(route.current(), "a");
    }

    #[test]
    fn a_leader_is_followed_also_one_that_nobody_named() {
        let mut route = route(&["a", "b", "c"]);
        assert!(route.leave("a", Some("c".to_owned())));
        assert_eq!(route.current(), "c");
        assert!(route.leave("c", Some("d".to_owned())));
        assert_eq!(route.current(), "d");
        assert!(route.leave("d", None));
        assert_eq!(route.current(), "a");
    }

    /// Several watches share a connection, and lose it together.
    #[test]
    fn who_comes_late_does_not_turn_again() {
        let mut route = route(&["a", "b", "c"]);
        route.leave("a", None);
        assert!(route.leave("a", None));
        assert_eq!(route.current(), "b");
    }
}
