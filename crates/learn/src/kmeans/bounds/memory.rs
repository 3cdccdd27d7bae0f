//! Memory for bounds, which can be more than there is.

use ferrule_tensor::Control;

use crate::LearnError;

/// Values between two looks at the control: 64 MiB, which take some 20 ms to fill.
const STEP: usize = 1 << 24;

/// `count` times `value`.
///
/// # Errors
/// [`LearnError::OutOfMemory`] where the system does not give the memory, [`LearnError::Cancelled`].
pub(super) fn filled(count: usize, value: f32, control: &Control) -> Result<Vec<f32>, LearnError> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| LearnError::OutOfMemory {
        what: "the bounds of the distances",
        bytes: count.saturating_mul(size_of::<f32>()),
        instead: "algorithm='lloyd', or fewer clusters",
    })?;
    while values.len() < count {
        values.resize(count.min(values.len() + STEP), value);
        control.check()?;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_system_can_give_is_an_error() {
        for count in [usize::MAX, usize::MAX / 4, isize::MAX as usize / 4] {
            let error = filled(count, 0.0, &Control::new()).unwrap_err();
            let bytes = count.saturating_mul(4);
            assert!(matches!(error, LearnError::OutOfMemory { bytes: got, .. } if got == bytes));
        }
    }

    #[test]
    fn every_value_is_the_one_asked_for() {
        let values = filled(STEP + 5, 2.0, &Control::new()).unwrap();
        assert_eq!(values.len(), STEP + 5);
        assert!(values.iter().all(|&value| value == 2.0));
    }

    #[test]
    fn filling_stops_when_asked() {
        let control = Control::new();
        control.cancel();
        assert_eq!(filled(3, 0.0, &control), Err(LearnError::Cancelled));
    }
}
