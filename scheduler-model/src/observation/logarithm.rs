//! Logarithms that are equal on every machine: sums and products only.

use std::f32::consts::LN_2;

/// ln(value), wrong by less than 0.0001; of what is not above 0 that of the smallest number.
pub(super) fn ln(value: f32) -> f32 {
    let bits = value.max(f32::MIN_POSITIVE).to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    let mantissa = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000);
    // The series of the inverse hyperbolic tangent, which converges fast from 1 to 2.
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let square = z * z;
    let series = 1.0 + square * (1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0)));
    exponent as f32 * LN_2 + 2.0 * z * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the standard library's is what it is compared with"
    )]
    fn it_is_the_natural_logarithm() {
        let mut value = 1e-30_f32;
        while value < 1e30 {
            let error = ln(value) - value.ln();
            assert!(error.abs() < 1e-4, "{value}: {error}");
            value *= 1.037;
        }
        assert!(ln(0.0) < -80.0 && ln(-1.0) < -80.0);
    }
}
