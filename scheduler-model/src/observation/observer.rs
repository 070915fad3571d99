use super::{
    features::{PLAIN, Terms, push_candidate, push_globals},
    globals::{Globals, Surroundings},
    ranks::{RANKED_BY, RankColumns, Ranks},
    sight::Sight,
};
use crate::inference::{Scorer, Scratch, Window};

/// Makes windows into numbers and scores them. Its buffers are used again for the next window.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    candidates: Vec<f32>,
    globals: Vec<f32>,
    eligible: Vec<bool>,
    ranks: Ranks,
    scratch: Scratch,
    scores: Vec<f32>,
}

impl Observer {
    /// Of ranks only those that are `looked_at`; the others are 0.
    pub(crate) fn observe(
        &mut self,
        sights: &[Sight],
        around: &Surroundings,
        looked_at: &RankColumns,
    ) {
        let globals = Globals::of(sights, around);
        self.globals.clear();
        push_globals(&mut self.globals, &globals);
        self.candidates.clear();
        for sight in sights {
            push_candidate(&mut self.candidates, &Terms::of(sight, &globals), &globals);
            self.candidates.extend([0.0; RANKED_BY.len()]);
        }
        self.eligible.clear();
        self.eligible.resize(sights.len(), true);
        if sights.is_empty() {
            return;
        }
        let width = PLAIN + RANKED_BY.len();
        for rule in (0..RANKED_BY.len()).filter(|rule| looked_at[*rule]) {
            let column = &mut self.candidates[PLAIN + rule..];
            self.ranks.fill(rule, sights, column, width);
        }
    }

    /// Of the window that was observed last.
    pub(crate) fn score(&mut self, scorer: &dyn Scorer) -> &[f32] {
        self.scores.clear();
        self.scores.resize(self.eligible.len(), 0.0);
        let window = Window {
            candidates: &self.candidates,
            globals: &self.globals,
            eligible: &self.eligible,
        };
        scorer.score(&window, &mut self.scratch, &mut self.scores);
        &self.scores
    }
}
