//! Slices that threads write to at places that no borrow could tell apart.

use std::sync::atomic::{AtomicI32, AtomicU64};

macro_rules! shared {
    ($name:ident, $plain:ty, $atomic:ty) => {
        /// The same memory as atomic cells, for as long as it is borrowed.
        ///
        /// Relaxed stores to them cost what plain ones do.
        pub fn $name(values: &mut [$plain]) -> &[$atomic] {
            // SAFETY: the atomic type has the size, alignment and bit validity of the plain one,
            // and the exclusive borrow keeps everything else away from the memory meanwhile.
            unsafe { std::slice::from_raw_parts(values.as_mut_ptr().cast(), values.len()) }
        }
    };
}

shared!(shared_i32, i32, AtomicI32);
shared!(shared_u64, u64, AtomicU64);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn threads_write_to_places_in_any_order() {
        let mut values = vec![0; 1000];
        let cells = shared_i32(&mut values);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for place in (thread..1000).step_by(4) {
                        cells[place].store(place as i32, Ordering::Relaxed);
                    }
                });
            }
        });
        assert!(values.iter().enumerate().all(|(place, &value)| value == place as i32));
        let mut wide = [1u64, 2];
        shared_u64(&mut wide)[1].store(u64::MAX, Ordering::Relaxed);
        assert_eq!(wide, [1, u64::MAX]);
    }
}
