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
}

impl RuleBook {
    /// The one copy of `rules`, used once more.
    pub(crate) fn keep(&mut self, rules: &Rules) -> RulesId {
        if let Some(id) = self.by_content.get(rules) {
            self.kept[id.0 as usize].1 += 1;
            return *id;
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
