//! One line of a log, by the names of its columns.

use std::{
    collections::BTreeMap,
    hash::{Hash as _, Hasher as _},
    sync::Arc,
};

use rustc_hash::FxHasher;

use super::{Class, MINUTE_MS, PhillyJob};
use crate::trace::{
    Problem,
    fields::{self, Fields},
};

/// A job that asks for more makes no sense.
const MOST_GPUS: u32 = 1_000_000;

/// Places of the columns that are read, from 1.
pub(super) struct Columns {
    id: usize,
    user: usize,
    gpus: usize,
    submitted: usize,
    model: usize,
    duration: usize,
    deadlines: usize,
    class: usize,
}

impl Columns {
    pub(super) fn find(header: &Fields<'_>) -> Result<Self, Problem> {
        let names = header.as_slice();
        let find = |name: &'static str| {
            let place = names.iter().position(|found| *found == name.as_bytes());
            let missing = || Problem::missing(1, names.len() + 1, name);
            place.map(|place| place + 1).ok_or_else(missing)
        };
        Ok(Self {
            id: find("job_id")?,
            user: find("user")?,
            gpus: find("num_gpu")?,
            submitted: find("submit_time")?,
            model: find("model_name")?,
            duration: find("duration")?,
            deadlines: find("expect_time_list")?,
            class: find("job_type")?,
        })
    }

    pub(super) fn job(
        &self,
        fields: &Fields<'_>,
        users: &mut BTreeMap<String, Arc<str>>,
    ) -> Result<PhillyJob, Problem> {
        let class = self.class(fields)?;
        let gpus = fields
            .up_to(self.gpus, MOST_GPUS, "a number of GPUs")?
            .max(1);
        let user = fields.text(self.user, "a user")?;
        let model = fields.bytes(self.model, "the name of a model")?;
        let mut hasher = FxHasher::default();
        (user, model, gpus).hash(&mut hasher);
        Ok(PhillyJob {
            name: fields.text(self.id, "the id of a job")?.into(),
            class,
            gpus,
            submitted_ms: minutes(fields, self.submitted, "a time of submission in minutes")?,
            run_ms: minutes(fields, self.duration, "a duration in minutes")?,
            deadline_ms: match class {
                Class::Best => None,
                Class::Strict | Class::Soft => Some(self.deadline_ms(fields)?),
            },
            signature: hasher.finish(),
            user: Arc::clone(users.entry(user.to_owned()).or_insert_with(|| user.into())),
        })
    }

    fn class(&self, fields: &Fields<'_>) -> Result<Class, Problem> {
        const EXPECTED: &str = "a class: strict, soft or best";
        let name = fields.bytes(self.class, EXPECTED)?;
        let class = Class::ALL.into_iter();
        let mut named = class.filter(|class| class.queue().as_bytes() == name);
        named
            .next()
            .ok_or_else(|| fields.unexpected(self.class, EXPECTED))
    }

    /// Soft rows list several, joined by `-`.
    fn deadline_ms(&self, fields: &Fields<'_>) -> Result<u64, Problem> {
        const EXPECTED: &str = "deadlines in minutes after submission, joined by -";
        let list = fields.bytes(self.deadlines, EXPECTED)?;
        let mut first = None;
        for deadline in list.split(|byte| *byte == b'-') {
            let thousandths = fields::thousandths(deadline)
                .and_then(|value| u64::try_from(value).ok())
                .ok_or_else(|| fields.unexpected(self.deadlines, EXPECTED))?;
            first = first.or(Some(in_ms(thousandths)));
        }
        first.ok_or_else(|| fields.unexpected(self.deadlines, EXPECTED))
    }
}

fn minutes(fields: &Fields<'_>, column: usize, expected: &'static str) -> Result<u64, Problem> {
    fields.unsigned_thousandths(column, expected).map(in_ms)
}

/// Thousandths of a minute in milliseconds. What overflows is later than anything.
const fn in_ms(thousandths: u64) -> u64 {
    thousandths.saturating_mul(MINUTE_MS / 1_000)
}
