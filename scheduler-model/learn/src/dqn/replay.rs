use std::sync::Arc;

use drover_sim::random::Random;

use crate::Observation;

/// A decision, and where it led.
#[derive(Clone, Debug)]
pub(super) struct Experience {
    pub(super) observation: Arc<Observation>,
    pub(super) choice: usize,
    pub(super) reward: f64,
    /// None at the end of an episode.
    pub(super) next: Option<Arc<Observation>>,
}

/// The last so many decisions.
#[derive(Debug)]
pub(super) struct Replay {
    most: usize,
    experiences: Vec<Experience>,
    /// Where the oldest is, once there is no more room.
    oldest: usize,
}

impl Replay {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            experiences: Vec::new(),
            oldest: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.experiences.len()
    }

    pub(super) fn remember(&mut self, experience: Experience) {
        if self.experiences.len() < self.most {
            self.experiences.push(experience);
        } else {
            self.experiences[self.oldest] = experience;
            self.oldest = (self.oldest + 1) % self.most;
        }
    }

    /// With replacement.
    ///
    /// # Panics
    /// When nothing is remembered.
    pub(super) fn sample(&self, count: usize, random: &mut Random) -> Vec<&Experience> {
        (0..count).map(|_| random.pick(&self.experiences)).collect()
    }
}

#[cfg(test)]
mod tests {
    use drover_sim::random::Purpose;

    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut replay = Replay::new(3);
        for choice in 0..5 {
            replay.remember(Experience {
                observation: Arc::default(),
                choice,
                reward: 0.0,
                next: None,
            });
        }
        assert_eq!(replay.len(), 3);
        let mut random = Random::new(1, Purpose::Minibatches);
        let drawn = replay.sample(100, &mut random);
        let has = |choice| drawn.iter().any(|one| one.choice == choice);
        assert_eq!([0, 1, 2, 3, 4].map(has), [false, false, true, true, true]);
    }
}
