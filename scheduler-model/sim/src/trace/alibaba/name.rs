//! Names of tasks that say what they wait for.

/// What a name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) number: u32,
    pub(super) waits_for: Vec<u32>,
}

impl Place {
    /// Letters, the task's number, then the numbers that it waits for, each after `_`: `M1`, `R2_1`, `J3_1_2`. Words after
    /// them (`R2_1_Stg3`) mean nothing here. `None` for other names (`task_NzY3`, `MergeTask`): independent of the rest.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        let digits = name.iter().position(|byte| !byte.is_ascii_alphabetic())?;
        if digits == 0 {
            return None;
        }
        let mut parts = name[digits..].split(|byte| *byte == b'_').map(number);
        Some(Self {
            number: parts.next()??,
            waits_for: parts.map_while(|part| part).collect(),
        })
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_the_graph() {
        let place = |number, waits_for: &[u32]| {
            Some(Place {
                number,
                waits_for: waits_for.to_vec(),
            })
        };
        assert_eq!(Place::of(b"M1"), place(1, &[]));
        assert_eq!(Place::of(b"J3_1_2"), place(3, &[1, 2]));
        assert_eq!(Place::of(b"R12_1_Stg4"), place(12, &[1]));
        for independent in [
            "task_NzY3",
            "MergeTask",
            "",
            "7",
            "M",
            "M_1",
            "M99999999999",
        ] {
            assert_eq!(Place::of(independent.as_bytes()), None, "{independent}");
        }
    }
}
