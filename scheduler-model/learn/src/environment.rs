use drover_model::inference::{Layout, Window};

/// A world in which a policy decides. What happens in it follows from the seed and the choices alone.
pub trait Environment: Send {
    /// The columns of its observations.
    fn layout(&self) -> &Layout;

    /// Starts the episode that belongs to the seed, and writes what is seen first: at least one eligible candidate.
    fn reset(&mut self, seed: u64, observation: &mut Observation);

    /// Takes a candidate, which was eligible, and goes on to the next decision.
    fn step(&mut self, choice: usize, observation: &mut Observation) -> Step;
}

/// What followed from a choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The higher the better.
    pub reward: f64,
    /// The episode has ended, and the observation means nothing.
    pub is_done: bool,
}

/// What a policy sees. Environments overwrite one value again and again, so that its buffers are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// A row for each candidate, with the columns of the layout.
    pub candidates: Vec<f32>,
    pub globals: Vec<f32>,
    /// Which candidates count.
    pub eligible: Vec<bool>,
    /// Places of candidates that count, but may not be chosen: they come before the others already, say.
    pub closed: Vec<usize>,
}

impl Observation {
    pub fn clear(&mut self) {
        self.candidates.clear();
        self.globals.clear();
        self.eligible.clear();
        self.closed.clear();
    }

    /// Which candidates may be chosen.
    pub fn open(&self) -> Vec<bool> {
        let mut open = self.eligible.clone();
        for place in &self.closed {
            open[*place] = false;
        }
        open
    }

    pub fn window(&self) -> Window<'_> {
        Window {
            candidates: &self.candidates,
            globals: &self.globals,
            eligible: &self.eligible,
        }
    }
}
