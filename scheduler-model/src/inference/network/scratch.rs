use super::matrix::Lanes;

/// Room for what is computed on the way. It grows with the largest window and is used again for the next, whichever
/// network scores it.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// Places of the eligible candidates in the window. All rows below are theirs, in this order.
    pub(super) eligible: Vec<usize>,
    pub(super) normalised: Vec<Lanes>,
    pub(super) embedded: Vec<Lanes>,
    pub(super) hidden: Vec<Lanes>,
    pub(super) mean: Vec<Lanes>,
    pub(super) maximum: Vec<Lanes>,
    pub(super) summary: Vec<Lanes>,
    pub(super) context: Vec<Lanes>,
    pub(super) bias: Vec<Lanes>,
    pub(super) value: Vec<Lanes>,
}

/// The first `length` groups, made where they are missing.
#[inline(always)]
pub(super) fn first(buffer: &mut Vec<Lanes>, length: usize) -> &mut [Lanes] {
    if buffer.len() < length {
        buffer.resize(length, [0.0; _]);
    }
    &mut buffer[..length]
}
