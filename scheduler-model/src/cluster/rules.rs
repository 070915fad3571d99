//! What happens when attempts go wrong, kept once however many tasks share it.

use rustc_hash::FxHashMap;

use crate::Rules;

/// Place of rules in memory. Reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RulesId(u32);

/// Interned rules, counted by use.
#[derive(Debug, Default)]
pub(crate) struct RuleBook {
    kept: Vec<(Rules, u32)>,
    free: Vec<RulesId>,
    by_content: FxHashMap<Rules, RulesId>,
    /// Those that were wanted last, which are often wanted next.
    last: Option<RulesId>,
}

impl RuleBook {
    /// The one copy of `rules`, used once more.
    pub(crate) fn keep(&mut self, rules: &Rules) -> RulesId {
        let known = match self.last.filter(|last| self.is_at(*last, rules)) {
            Some(last) => Some(last),
            None => self.by_content.get(rules).copied(),
        };
        if let Some(id) = known {
            self.kept[id.0 as usize].1 += 1;
            self.last = known;
            return id;
        }
        let id = if let Some(id) = self.free.pop() {
            self.kept[id.0 as usize] = (rules.clone(), 1);
            id
        } else {
            self.kept.push((rules.clone(), 1));
            RulesId(u32::try_from(self.kept.len() - 1).expect("fewer than 2^32 rules"))
        };
        self.by_content.insert(rules.clone(), id);
        id
    }

    fn is_at(&self, id: RulesId, rules: &Rules) -> bool {
        let (there, uses) = &self.kept[id.0 as usize];
        *uses > 0 && there == rules
    }

    pub(crate) fn get(&self, id: RulesId) -> &Rules {
        &self.kept[id.0 as usize].0
    }

    pub(crate) fn release(&mut self, id: RulesId) {
        let (rules, uses) = &mut self.kept[id.0 as usize];
        *uses -= 1;
        if *uses == 0 {
            self.by_content.remove(rules);
            self.free.push(id);
        }
    }
}
