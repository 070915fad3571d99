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
        let width = PLAIN + RANKED_BY.len();
        for (place, sight) in sights.iter().enumerate() {
            // Instances of an array wait side by side, and are all alike.
            if place > 0 && sights[place - 1] == *sight {
                let row = self.candidates.len() - width;
                self.candidates.extend_from_within(row..);
                continue;
            }
            push_candidate(&mut self.candidates, &Terms::of(sight, &globals), &globals);
            self.candidates.extend([0.0; RANKED_BY.len()]);
        }
        self.eligible.clear();
        self.eligible.resize(sights.len(), true);
        if sights.is_empty() {
            return;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Priority, Timestamp,
        inference::{Architecture, Form, Layout, Network, Weights},
        observation::layout,
        policy::{Facts, JobFacts},
    };

    fn sight(number: u64) -> Sight {
        let estimate_ms = 1_000 + number * 7_919 % 50_000;
        let width_millis = 1_000 + number % 7 * 1_000;
        let work = estimate_ms * width_millis / 1_000;
        Sight {
            facts: Facts {
                now: Timestamp(90_000),
                submitted_at: Timestamp(number as i64 * 331 % 90_000),
                deadline: (!number.is_multiple_of(3))
                    .then_some(Timestamp(70_000 + number as i64 * 997)),
                priority: Priority::new((number % 101) as u32).unwrap(),
                width_millis,
                estimate_ms,
                upward_rank_ms: estimate_ms,
                job: JobFacts {
                    work,
                    work_left: work,
                    held_millis: 0,
                },
                node_score: 0,
            },
            critical_path_ms: estimate_ms,
            hold_ms: estimate_ms * 2,
            attempts: (number % 2) as u32,
            tasks: 1,
            dominant_ppm: 1_000 * width_millis as u32,
            fits: number.is_multiple_of(2),
            at_home: false,
        }
    }

    fn around() -> Surroundings {
        Surroundings {
            waiting: 100,
            total_millis: 64_000,
            free_millis: 9_000,
            offered: [0.9, 1.1],
            unlike_share: 0.2,
            beside: None,
        }
    }

    fn network() -> Network {
        let architecture = Architecture {
            form: Form::Pooled {
                embedding: 8,
                context: 4,
                scoring: 8,
            },
            value: None,
        };
        let zero = Weights::zero("test", architecture, layout()).unwrap();
        let count = zero.parameters().len();
        let parameters: Vec<f32> = (0..count)
            .map(|it| (it * 37 % 19) as f32 / 50.0 - 0.2)
            .collect();
        Network::new(&zero.with_parameters(&parameters).unwrap())
    }

    fn scores(observer: &mut Observer, sights: &[Sight]) -> Vec<f32> {
        observer.observe(sights, &around(), &[true; RANKED_BY.len()]);
        observer.score(&network()).to_vec()
    }

    #[test]
    fn another_order_of_candidates_gives_the_same_scores() {
        let mut observer = Observer::default();
        let mut sights: Vec<Sight> = (0..40).map(sight).collect();
        let straight = scores(&mut observer, &sights);
        assert!(straight.iter().all(|score| score.is_finite()));
        assert!(straight.windows(2).any(|pair| pair[0] != pair[1]));
        sights.reverse();
        let mut reversed = scores(&mut observer, &sights);
        reversed.reverse();
        for (one, other) in straight.iter().zip(reversed) {
            assert!((one - other).abs() < 1e-3, "{one} {other}");
        }
    }

    #[test]
    fn what_was_seen_before_changes_nothing() {
        let sights: Vec<Sight> = (0..40).map(sight).collect();
        let fresh = scores(&mut Observer::default(), &sights[..9]);
        let mut used = Observer::default();
        scores(&mut used, &sights);
        assert_eq!(scores(&mut used, &sights[..9]), fresh);
        assert!(scores(&mut used, &[]).is_empty());
    }

    #[test]
    fn every_column_is_a_number_and_ranks_go_from_first_to_last() {
        let mut observer = Observer::default();
        let sights: Vec<Sight> = (0..128).map(sight).collect();
        observer.observe(&sights, &around(), &[true; RANKED_BY.len()]);
        let width = PLAIN + RANKED_BY.len();
        assert_eq!(observer.candidates.len(), 128 * width);
        assert_eq!(observer.globals.len(), layout().global().len());
        let all = observer.candidates.iter().chain(&observer.globals);
        assert!(all.clone().all(|value| value.is_finite()));
        let fifo = observer.candidates.iter().skip(PLAIN).step_by(width);
        assert_eq!(fifo.clone().copied().fold(1.0, f32::min), 0.0);
        assert_eq!(fifo.copied().fold(0.0, f32::max), 1.0);
    }

    #[test]
    fn extremes_are_numbers() {
        let mut extreme = sight(1);
        extreme.facts.width_millis = u64::MAX;
        extreme.facts.estimate_ms = u64::MAX;
        extreme.facts.upward_rank_ms = u64::MAX;
        extreme.facts.deadline = Some(Timestamp(i64::MIN));
        extreme.critical_path_ms = 0;
        extreme.hold_ms = 0;
        let none = Surroundings::default();
        let mut observer = Observer::default();
        observer.observe(&[extreme, sight(2)], &none, &[true; RANKED_BY.len()]);
        assert!(observer.candidates.iter().all(|value| value.is_finite()));
    }

    /// Layouts differ from program to program; weights follow their names.
    #[test]
    fn weights_of_fewer_columns_are_matched_by_name() {
        let old = Layout::new(["fits", "log_estimate"], []).unwrap();
        let architecture = Architecture {
            form: Form::Linear,
            value: None,
        };
        let old = Weights::zero("old", architecture, old).unwrap();
        let old = old.with_parameters(&[0.0, -1.0]).unwrap();
        let network = Network::new(&old.aligned(&layout()).unwrap());
        let mut observer = Observer::default();
        let sights: Vec<Sight> = (0..9).map(sight).collect();
        observer.observe(&sights, &around(), &[false; RANKED_BY.len()]);
        let scores = observer.score(&network);
        for (one, other) in scores
            .windows(2)
            .map(|pair| (pair[0], pair[1]))
            .zip(sights.windows(2))
        {
            let is_shorter = other[0].facts.estimate_ms < other[1].facts.estimate_ms;
            assert_eq!(one.0 > one.1, is_shorter);
        }
    }
}
