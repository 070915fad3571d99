//! Names that come again and again, kept once.

use std::sync::Arc;

use rustc_hash::FxHashSet;

/// More different ones are hardly the same again.
const MAX_KEPT: usize = 4_096;

#[derive(Default)]
pub(super) struct Names(FxHashSet<Arc<str>>);

impl Names {
    pub(super) fn keep(&mut self, name: &str) -> Arc<str> {
        if let Some(kept) = self.0.get(name) {
            return Arc::clone(kept);
        }
        let name = Arc::from(name);
        if self.0.len() < MAX_KEPT {
            self.0.insert(Arc::clone(&name));
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_one() {
        let mut names = Names::default();
        let (first, again, other) = (names.keep("a"), names.keep("a"), names.keep("b"));
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(&*other, "b");
    }
}
