//! What runs: a task, or its undo step, with its rules and how it tends to go.

use bytes::Bytes;
use drover_model::{Expected, OnDisconnect, RetryRule, Rules, StepSpec};

use super::{Condition, Profile, placement::Placement};
use crate::{faults::setting::Setting, random::Random};

const EXIT_CODES: &[i32] = &[1, 2, 3, 137];

/// Codes after which another attempt may follow, and codes after which none does.
const EXIT_CODE_RULES: &[(&[i32], &[i32])] =
    &[(&[], &[]), (&[], &[]), (&[1, 2], &[3]), (&[], &[2])];

/// All of a step; the instances of an array or gang share it.
#[derive(Clone, Debug)]
pub struct PlannedStep {
    pub(super) rules: Rules,
    pub(super) profile: Profile,
    placement: Placement,
    expected: Expected,
    preemptible: bool,
    /// The group in the job that it keeps apart from.
    pub(super) apart: Option<u32>,
}

impl PlannedStep {
    /// `wide`: as many places of its kind are needed at once, on as many nodes as it takes; else `size` on one.
    pub(super) fn task(
        trouble: u64,
        size: u32,
        wide: bool,
        setting: &Setting,
        random: &mut Random,
    ) -> Self {
        let rules = rules(random);
        let profile = profile(&rules, trouble, random);
        Self::new(rules, profile, size, wide, setting, random)
    }

    /// Undo steps had better succeed.
    pub(super) fn undo(setting: &Setting, random: &mut Random) -> Self {
        let rules = undo_rules(random);
        let trouble = *random.pick(&[0, 200, 400]);
        let profile = Profile {
            does_not_start: 0,
            ..profile(&rules, trouble, random)
        };
        Self::new(rules, profile, 1, false, setting, random)
    }

    fn new(
        rules: Rules,
        profile: Profile,
        size: u32,
        wide: bool,
        setting: &Setting,
        random: &mut Random,
    ) -> Self {
        // What nobody can give would be waited for for ever.
        let placement = if rules.start_timeout_ms.is_some() && random.chance(250) {
            Placement::perhaps_impossible(setting, random)
        } else if wide {
            Placement::wide(random)
        } else {
            Placement::possible(size, setting, random)
        };
        Self {
            expected: expected(&profile, random),
            preemptible: random.chance(400),
            apart: None,
            rules,
            profile,
            placement,
        }
    }

    pub(super) fn spec(&self, number: u32, step: u32) -> StepSpec {
        let mut payload = number.to_be_bytes().to_vec();
        payload.extend(step.to_be_bytes());
        StepSpec {
            payload: Bytes::from(payload),
            resources: self.placement.resources.clone(),
            constraints: self.placement.constraints.clone(),
            apart: self.apart,
            rules: self.rules.clone(),
            expected: self.expected,
            preemptible: self.preemptible,
        }
    }

    /// What the required expression of its spec means.
    pub fn required(&self) -> Option<&Condition> {
        self.placement.required.as_ref()
    }
}

/// What a user knows, or what is learned of others that run the same.
fn expected(profile: &Profile, random: &mut Random) -> Expected {
    let middle_ms = (profile.run_ms.0 + profile.run_ms.1) / 2;
    Expected {
        stated_ms: random.chance(300).then_some(middle_ms),
        default_ms: 60_000,
        signature: random.below(32),
        wide_signature: 1_000,
    }
}

fn rules(random: &mut Random) -> Rules {
    Rules {
        retry: retry(random),
        start_timeout_ms: random.chance(200).then(|| random.between(1_000, 60_000)),
        timeout_ms: random.chance(350).then(|| random.between(1_000, 30_000)),
        grace_ms: random.between(100, 5_000) as u32,
        on_disconnect: *random.pick(&[OnDisconnect::Keep, OnDisconnect::Stop]),
    }
}

fn undo_rules(random: &mut Random) -> Rules {
    Rules {
        retry: RetryRule {
            retries: random.below(4) as u32,
            backoff_ms: random.between(50, 1_000),
            ..RetryRule::default()
        },
        timeout_ms: random.chance(300).then(|| random.between(3_000, 10_000)),
        ..rules(random)
    }
}

fn retry(random: &mut Random) -> RetryRule {
    if random.chance(200) {
        return RetryRule {
            rerun_lost: false,
            ..RetryRule::default()
        };
    }
    let (exit_codes, fatal_exit_codes) = *random.pick(EXIT_CODE_RULES);
    RetryRule {
        retries: random.below(4) as u32,
        max_lost: 1 + random.below(4) as u32,
        exit_codes: exit_codes.to_vec().into(),
        fatal_exit_codes: fatal_exit_codes.to_vec().into(),
        backoff_ms: random.between(10, 2_000),
        factor_permille: random.between(1_000, 3_000) as u32,
        max_backoff_ms: random.between(1_000, 20_000),
        ..RetryRule::default()
    }
}

fn profile(rules: &Rules, trouble: u64, random: &mut Random) -> Profile {
    let shortest = random.spread(20, 20_000);
    Profile {
        run_ms: (shortest, shortest * 3 / 2),
        fails: trouble,
        exit_codes: EXIT_CODES,
        hangs: if rules.timeout_ms.is_some() { 100 } else { 0 },
        stalls: trouble / 8,
        does_not_start: trouble / 16,
        term_ms: random.spread(5, 8_000),
    }
}
