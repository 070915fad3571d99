use crate::{End, Episode};

/// What was better than expected of each decision (Schulman et al., "High-Dimensional Continuous Control Using
/// Generalized Advantage Estimation", ICLR 2016, equation 16), and what the value head should have said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Estimates {
    pub(crate) advantages: Vec<f64>,
    pub(crate) returns: Vec<f64>,
}

/// Rewards are multiplied by `scale` first; values are already of that scale.
pub(crate) fn estimate(episode: &Episode, gamma: f64, lambda: f64, scale: f64) -> Estimates {
    let count = episode.transitions.len();
    let mut estimates = Estimates {
        advantages: vec![0.0; count],
        returns: vec![0.0; count],
    };
    let mut next_value = match episode.end {
        End::Done => 0.0,
        End::CutOff { value } => value,
    };
    let mut next_advantage = 0.0;
    for (place, transition) in episode.transitions.iter().enumerate().rev() {
        let value = transition.choice.value;
        let delta = scale * transition.reward + gamma * next_value - value;
        next_advantage = delta + gamma * lambda * next_advantage;
        next_value = value;
        estimates.advantages[place] = next_advantage;
        estimates.returns[place] = next_advantage + value;
    }
    estimates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Choice, Observation, Transition};

    fn episode(end: End) -> Episode {
        let transition = |reward, value| Transition {
            observation: Observation::default(),
            choice: Choice {
                candidate: 0,
                log_probability: 0.0,
                value,
            },
            reward,
        };
        Episode {
            transitions: vec![transition(1.0, 0.5), transition(2.0, 4.0)],
            end,
        }
    }

    #[test]
    fn with_lambda_1_returns_are_discounted_rewards() {
        let done = estimate(&episode(End::Done), 0.5, 1.0, 1.0);
        assert_eq!(done.returns, [2.0, 2.0]);
        assert_eq!(done.advantages, [1.5, -2.0]);
        let cut_off = estimate(&episode(End::CutOff { value: 8.0 }), 0.5, 1.0, 1.0);
        assert_eq!(cut_off.returns, [4.0, 6.0]);
    }

    #[test]
    fn with_lambda_0_the_next_value_counts() {
        let done = estimate(&episode(End::Done), 0.5, 0.0, 10.0);
        assert_eq!(done.returns, [12.0, 20.0]);
    }
}
