//! What a team of threads promises.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ferrule_tensor::{Cancelled, Control, Team};

#[test]
fn every_item_is_worked_on_once_by_any_number_of_threads() {
    for n_threads in [0, 1, 2, 5] {
        let mut items = vec![0; 1000];
        Team::run(n_threads, &Control::new(), |team| {
            let mut calls = vec![0; team.n_threads()];
            for round in 1..=3 {
                team.for_each(&mut items, &mut calls, |index, item, calls| {
                    *item += index * round;
                    *calls += 1;
                })
                .unwrap();
            }
            assert_eq!(calls.iter().sum::<usize>(), 3000);
        });
        assert!(items.iter().enumerate().all(|(index, &item)| item == index * 6));
    }
}

#[test]
fn a_poll_that_says_stop_is_obeyed_within_200_ms_and_asked_at_most_every_50_ms() {
    let (start, polls) = (Instant::now(), Cell::new(0));
    let poll = || {
        polls.set(polls.get() + 1);
        start.elapsed() > Duration::from_millis(100)
    };
    let control = Control::with_poll(&poll);
    let stopped = Team::run(2, &control, |team| {
        team.for_each_block(100_000, |_, _| std::thread::sleep(Duration::from_millis(1)))
    });
    assert_eq!(stopped, Err(Cancelled));
    let elapsed = start.elapsed();
    assert!(elapsed < Duration::from_millis(300), "{elapsed:?}");
    assert!(polls.get() <= 2 + elapsed.as_millis() / 50, "{} polls", polls.get());
}

#[test]
fn a_panic_in_a_block_reaches_the_caller_and_the_next_call_works() {
    for panicking in [0, 999] {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            Team::run(3, &Control::new(), |team| {
                team.for_each_block(1000, |block, _| assert_ne!(block, panicking))
            })
        }));
        assert!(outcome.is_err());
    }
    let done = AtomicUsize::new(0);
    Team::run(3, &Control::new(), |team| {
        team.for_each_block(10, |_, _| {
            done.fetch_add(1, Ordering::Relaxed);
        })
    })
    .unwrap();
    assert_eq!(done.into_inner(), 10);
}
