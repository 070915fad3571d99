//! Logarithms in integers, so that they are the same on every machine.

/// Bits behind the point of a binary logarithm.
const FRACTION_BITS: u32 = 16;
/// ln 2 in thousandths, times 2^16.
const LN_2_MILLI: u64 = 45_426_094;

/// ln(value) in thousandths, wrong by less than 1. Of 0 as of 1.
pub(super) const fn ln_milli(value: u64) -> i64 {
    let value = if value == 0 { 1 } else { value };
    let whole = 63 - value.leading_zeros();
    // From 1 to 2, in units of 2^-63. Squaring it doubles its logarithm, and so gives bit after bit.
    let mut mantissa = value << value.leading_zeros();
    let mut logarithm = whole as u64;
    let mut bit = 0;
    while bit < FRACTION_BITS {
        let square = mantissa as u128 * mantissa as u128;
        let is_two_or_more = square >> 127 == 1;
        logarithm = logarithm << 1 | is_two_or_more as u64;
        mantissa = (square >> (63 + is_two_or_more as u32)) as u64;
        bit += 1;
    }
    let scaled = logarithm * LN_2_MILLI;
    ((scaled + (1 << (2 * FRACTION_BITS - 1))) >> (2 * FRACTION_BITS)) as i64
}

/// The largest factor that is told from larger ones, as its logarithm in thousandths: 20.
pub(super) const LARGEST_MILLI: i64 = 3_000;

/// Bits behind the point in what follows.
const BITS: u32 = 30;
/// 1 / ln 2, per thousandth.
const DOUBLINGS: i64 = 1_549_082;
const LN_2: u64 = 744_261_118;
/// Terms of the series, enough for five digits.
const TERMS: u64 = 7;

/// e^(milli / 1000) in thousandths; of what lies beyond [`LARGEST_MILLI`] as of that.
pub(super) fn exp_permille(milli: i64) -> u32 {
    if milli == 0 {
        return 1000;
    }
    let doublings = milli.clamp(-LARGEST_MILLI, LARGEST_MILLI) * DOUBLINGS;
    let whole = doublings >> BITS;
    let rest = (doublings & ((1 << BITS) - 1)) as u64;
    // 2^rest as the series of e^z (Horner).
    let z = (rest * LN_2) >> BITS;
    let mut power = 1 << BITS;
    for term in (1..TERMS).rev() {
        power = (1 << BITS) + ((z * power) >> BITS) / term;
    }
    let shift = (i64::from(BITS) - whole) as u32;
    ((power * 1000 + (1 << (shift - 1))) >> shift) as u32
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the floats of the machine are the judge"
)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_near_those_of_floats() {
        let mut value: u64 = 1;
        while value < u64::MAX / 3 {
            for near in [value, value + 1, value.saturating_mul(2) - 1] {
                let exact = (near as f64).ln() * 1000.0;
                assert!((ln_milli(near) as f64 - exact).abs() < 1.0, "ln {near}");
            }
            value = value * 3 / 2 + 1;
        }
        assert_eq!((ln_milli(0), ln_milli(1)), (0, 0));
        assert_eq!(ln_milli(u64::MAX), 44_361);
    }

    #[test]
    fn powers_are_near_those_of_floats() {
        for milli in -LARGEST_MILLI..=LARGEST_MILLI {
            let exact = (milli as f64 / 1000.0).exp() * 1000.0;
            let error = (f64::from(exp_permille(milli)) - exact).abs();
            assert!(error <= 0.5 + exact / 10_000.0, "e^{milli}: {error}");
        }
        assert_eq!(exp_permille(i64::MAX), exp_permille(LARGEST_MILLI));
        assert_eq!(exp_permille(i64::MIN), exp_permille(-LARGEST_MILLI));
    }
}
