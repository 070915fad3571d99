//! When jobs arrive: at a rate that changes with time.
//!
//! A process of rate 1 is drawn first, on a clock that runs fast when much arrives and slowly when little does. From that
//! clock's reading follows the time. (E. Çinlar, "Introduction to Stochastic Processes", 1975, section 4.7: every
//! non-homogeneous Poisson process is a homogeneous one under another clock.)

use std::iter;

use rand_distr::Exp1;

use crate::{
    random::Random,
    trace::{Trace, TraceJob, TraceNode},
};

/// How much faster than on average jobs arrive, over time: pieces of constant rate, over and over again.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Intensity {
    /// Not empty; no rate and no length is 0.
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) length_ms: f64,
    /// Readings of the clock in a millisecond.
    pub(super) rate: f64,
}

impl Intensity {
    /// # Panics
    /// When a rate or a length is not above 0: then no time follows from a reading.
    pub(super) fn new(pieces: Vec<Piece>) -> Self {
        let positive = |piece: &Piece| piece.length_ms > 0.0 && piece.rate > 0.0;
        assert!(!pieces.is_empty() && pieces.iter().all(positive));
        Self { pieces }
    }

    pub(super) fn constant() -> Self {
        Self::new(vec![Piece {
            length_ms: 86_400_000.0,
            rate: 1.0,
        }])
    }

    /// What the clock shows after so many milliseconds.
    pub(super) fn reading(&self, ms: f64) -> f64 {
        let cycle_ms: f64 = self.pieces.iter().map(|piece| piece.length_ms).sum();
        let of_pieces = self.pieces.iter();
        let in_cycle: f64 = of_pieces.map(|piece| piece.length_ms * piece.rate).sum();
        let cycles = (ms / cycle_ms).floor();
        let mut left_ms = ms - cycles * cycle_ms;
        let mut reading = cycles * in_cycle;
        for piece in &self.pieces {
            let part_ms = left_ms.min(piece.length_ms);
            reading += part_ms * piece.rate;
            left_ms -= part_ms;
        }
        reading
    }

    /// The times at which the clock shows `readings`, which ascend.
    pub(super) fn times_ms(
        &self,
        readings: impl Iterator<Item = f64>,
    ) -> impl Iterator<Item = f64> {
        let mut pieces = self.pieces.iter().cycle();
        let mut piece = self.pieces[0];
        let (mut begin_ms, mut begin) = (0.0, 0.0);
        pieces.next();
        readings.map(move |reading| {
            while reading - begin > piece.length_ms * piece.rate {
                begin_ms += piece.length_ms;
                begin += piece.length_ms * piece.rate;
                piece = *pieces.next().unwrap_or(&piece);
            }
            begin_ms + (reading - begin) / piece.rate
        })
    }
}

/// Jobs that arrive as a Poisson process of constant rate, which gives that load.
pub(super) fn poisson(
    nodes: Vec<TraceNode>,
    jobs: Vec<TraceJob>,
    load: f64,
    random: &mut Random,
) -> Trace {
    let mut trace = unnamed(nodes, jobs);
    let span_ms = trace.busy_ms() / load;
    submit(&mut trace, span_ms, &Intensity::constant(), random);
    trace
}

/// Its family gives it a name.
pub(super) fn unnamed(nodes: Vec<TraceNode>, jobs: Vec<TraceJob>) -> Trace {
    Trace {
        name: "".into(),
        nodes,
        jobs,
    }
}

/// Lets the jobs arrive as a Poisson process of this intensity, the first at 0 and the last after `span_ms`.
pub(super) fn submit(trace: &mut Trace, span_ms: f64, intensity: &Intensity, random: &mut Random) {
    submit_after(trace, Some(span_ms), intensity, || random.sample(&Exp1));
}

/// As [`submit`], with other gaps than exponential ones. Without a span they are readings of the clock as they are.
pub(super) fn submit_after(
    trace: &mut Trace,
    span_ms: Option<f64>,
    intensity: &Intensity,
    mut gap: impl FnMut() -> f64,
) {
    let mut sum = 0.0;
    let gaps = iter::repeat_with(|| {
        sum += gap();
        sum
    });
    let after_first = trace.jobs.len().saturating_sub(1);
    let readings: Vec<f64> = iter::once(0.0).chain(gaps.take(after_first)).collect();
    let scale = match (span_ms, readings.last()) {
        (Some(span_ms), Some(last)) if *last > 0.0 => intensity.reading(span_ms) / last,
        _ => 1.0,
    };
    let times = intensity.times_ms(readings.iter().map(|reading| reading * scale));
    for (job, ms) in trace.jobs.iter_mut().zip(times) {
        job.submitted_ms = ms.round() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day_and_night() -> Intensity {
        let piece = |length_ms, rate| Piece { length_ms, rate };
        Intensity::new(vec![piece(100.0, 2.0), piece(50.0, 0.5)])
    }

    #[test]
    fn times_are_where_the_clock_shows_the_reading() {
        let intensity = day_and_night();
        assert_eq!(intensity.reading(120.0), 210.0);
        assert_eq!(intensity.reading(300.0 + 25.0), 2.0 * 225.0 + 50.0);
        let times = [0.0, 3.0, 99.0, 100.0, 149.0, 151.0, 1_234.0];
        let readings = times.map(|ms| intensity.reading(ms));
        let back: Vec<f64> = intensity.times_ms(readings.into_iter()).collect();
        for (back, ms) in back.iter().zip(times) {
            assert!((back - ms).abs() < 1e-9, "{back} is not {ms}");
        }
    }

    #[test]
    fn more_arrive_where_the_rate_is_higher() {
        let intensity = day_and_night();
        let readings = (0..22_500).map(|number| f64::from(number) * 0.1);
        let times: Vec<f64> = intensity.times_ms(readings).collect();
        let by_day = times.iter().filter(|ms| *ms % 150.0 < 100.0).count();
        // 200 of 225 in each cycle, and at each border one too many or too few.
        assert!((by_day as f64 / times.len() as f64 - 200.0 / 225.0).abs() < 0.002);
    }
}
