//! Whether a policy does harm, judged block by block as its jobs end.
//!
//! Of each block of jobs there is one number, x = ln(J of what happened / J of the replay under the fallback rule), cut off at
//! 1 to both sides; above 0 the policy in use did worse. The null hypothesis is that the mean of x, whatever came before, is
//! at most m = 0.05: a replay starts tasks at once, and knows of no failures. Evidence against it is gathered as
//!
//! ```text
//!   M_k = max(M_(k-1), 1) (1 + 0.75 (x_k - m)),   M_0 = 1
//! ```
//!
//! and the policy is given up when M reaches 100. Each factor is a bet whose mean under the null hypothesis is at most 1
//! (Waudby-Smith, Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024); beginning again at 1 makes
//! of it a detector of a change for the worse, which is wrong at most once in 100 blocks on average, for any distribution of
//! x and however long it is watched (Shin, Ramdas, Rinaldo, "E-detectors", New England Journal of Statistics in Data Science
//! 2024). A policy that makes everything three times as bad is given up after nine blocks.

const LIMIT: f64 = 1.0;
const MARGIN: f64 = 0.05;
const BET: f64 = 0.75;
const ENOUGH: f64 = 100.0;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Evidence {
    against: f64,
    /// Of the blocks since it last began at 1.
    blocks: u32,
    sum: f64,
}

impl Evidence {
    pub(super) fn none() -> Self {
        Self {
            against: 1.0,
            blocks: 0,
            sum: 0.0,
        }
    }

    /// J of a block as it happened, and under the fallback rule. Both are above 0.
    pub(super) fn add(&mut self, happened: f64, fallback: f64) {
        let worse = (happened / fallback).ln().clamp(-LIMIT, LIMIT);
        if self.against <= 1.0 {
            *self = Self::none();
        }
        self.against *= 1.0 + BET * (worse - MARGIN);
        self.blocks += 1;
        self.sum += worse;
    }

    pub(super) fn is_enough(&self) -> bool {
        self.against >= ENOUGH
    }

    /// Why it is given up.
    pub(super) fn describe(&self, jobs_each: usize, fallback: &str) -> String {
        let mean = (self.sum / f64::from(self.blocks.max(1))).exp();
        format!(
            "in {} blocks of {jobs_each} jobs J was {mean:.2} times what `{fallback}` would have given in a replay; the \
             evidence is {:.0}, and {ENOUGH} is enough",
            self.blocks, self.against
        )
    }
}

#[cfg(test)]
mod tests {
    use drover_sim::random::{Purpose, Random};

    use super::*;

    /// After how many blocks it is enough, of at most 1,000; J of the fallback is 1.
    fn given_up_after(happened: impl Fn(u32) -> f64) -> Option<u32> {
        let mut evidence = Evidence::none();
        (1..=1_000).find(|block| {
            evidence.add(happened(*block), 1.0);
            evidence.is_enough()
        })
    }

    #[test]
    fn harm_is_found_soon() {
        assert_eq!(given_up_after(|_| 3.0), Some(9));
        assert_eq!(
            given_up_after(|_| 30.0),
            Some(9),
            "no block counts for more"
        );
        assert_eq!(given_up_after(|_| 1.5), Some(20));
    }

    #[test]
    fn what_is_no_worse_stays() {
        assert_eq!(given_up_after(|_| 1.0), None);
        assert_eq!(given_up_after(|_| 1.05), None);
        assert_eq!(
            given_up_after(|block| if block % 2 == 0 { 1.6 } else { 0.6 }),
            None
        );
    }

    #[test]
    fn a_good_past_does_not_hide_harm() {
        let change = |block| if block <= 500 { 0.4 } else { 3.0 };
        assert_eq!(given_up_after(change), Some(509));
    }

    /// At the edge of the null hypothesis, where blocks differ by chance only: 200 policies, each for 20 blocks, are wrongly
    /// given up at most as often as once in 100 blocks.
    #[test]
    fn chance_is_mistaken_for_harm_as_seldom_as_promised() {
        let mut random = Random::new(5, Purpose::Checks);
        let given_up = (0..200).filter(|_| {
            let mut evidence = Evidence::none();
            (0..20).any(|_| {
                let worse = if random.chance(525) { LIMIT } else { -LIMIT };
                evidence.add(worse.exp(), 1.0);
                evidence.is_enough()
            })
        });
        let given_up = given_up.count();
        assert!((1..=40).contains(&given_up), "{given_up} of 4,000 blocks");
    }

    #[test]
    fn the_reason_has_its_figures() {
        let mut evidence = Evidence::none();
        for _ in 0..9 {
            evidence.add(3.0, 1.0);
        }
        assert_eq!(
            evidence.describe(50, "edf"),
            "in 9 blocks of 50 jobs J was 2.72 times what `edf` would have given in a replay; the evidence is 127, and 100 \
             is enough"
        );
    }
}
