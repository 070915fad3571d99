//! Numbers as keys that sort the same way.

/// A float as an integer in the same order; NaN comes last. (The total order of IEEE 754-2019, section 5.10.)
pub(super) fn ascending(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// By `major` to a precision of 24 bits, ties by `minor` to the same: two non-negative numbers in one key.
pub(super) fn pair(major: f64, minor: f64) -> i64 {
    (bits(major) << 32) | bits(minor)
}

/// The same, but the largest `minor` first.
pub(super) fn pair_descending(major: f64, minor: f64) -> i64 {
    (bits(major) << 32) | (i64::from(u32::MAX) - bits(minor))
}

/// Of a number that is not negative, in its order.
fn bits(value: f64) -> i64 {
    i64::from((value.max(0.0) as f32).to_bits())
}

/// The moment by which what has no deadline has to end: later than any other. All that has none is alike.
pub(super) const FAR: i64 = 1 << 61;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_the_order_of_numbers() {
        let numbers = [
            f64::NEG_INFINITY,
            -1e30,
            -2.5,
            -0.0,
            0.0,
            1e-9,
            3.0,
            4e200,
            f64::INFINITY,
        ];
        for pair in numbers.windows(2) {
            assert!(ascending(pair[0]) <= ascending(pair[1]), "{pair:?}");
        }
        assert!(ascending(-2.5) < ascending(3.0));
        assert!(ascending(f64::NAN) > ascending(f64::INFINITY));
    }

    #[test]
    fn pairs_compare_the_first_first() {
        assert!(pair(1.0, 9e9) < pair(2.0, 0.0));
        assert!(pair(2.0, 1.0) < pair(2.0, 2.0));
        assert!(pair_descending(1.0, 0.0) < pair_descending(2.0, 9e9));
        assert!(pair_descending(2.0, 2.0) < pair_descending(2.0, 1.0));
    }
}
