//! The threads that stay.

use std::sync::atomic::{AtomicUsize, Ordering};

use ferrule_tensor::pool;

#[test]
fn every_block_runs_once() {
    for n_blocks in [0, 1, 2, 3, 1000] {
        let runs: Vec<AtomicUsize> = (0..n_blocks).map(|_| AtomicUsize::new(0)).collect();
        pool::for_each_block(n_blocks, |block| {
            runs[block].fetch_add(1, Ordering::Relaxed);
        });
        assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1));
    }
}

#[test]
fn callers_within_and_beside_a_caller_are_served_too() {
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    pool::for_each_block(4, |_| {
                        pool::for_each_block(3, |_| {
                            done.fetch_add(1, Ordering::Relaxed);
                        });
                    });
                }
            });
        }
    });
    assert_eq!(done.into_inner(), 4 * 100 * 4 * 3);
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_works_on() {
    for panicking in [0, 57, 99] {
        let outcome = std::panic::catch_unwind(|| {
            pool::for_each_block(100, |block| assert_ne!(block, panicking, "as planned"));
        });
        assert!(outcome.is_err());
        every_block_runs_once();
    }
}

#[test]
fn a_caller_within_a_caller_does_not_free_the_pool_for_the_next() {
    let sum = AtomicUsize::new(0);
    for _ in 0..200 {
        pool::for_each_block(16, |outer| {
            for inner in 0..4 {
                pool::for_each_block(4, |block| {
                    sum.fetch_add(outer + inner + block, Ordering::Relaxed);
                });
            }
        });
    }
    assert_eq!(sum.into_inner(), 200 * (16 * 16 * 15 / 2 + 64 * (4 * 3 / 2) + 64 * (4 * 3 / 2)));
}

unsafe extern "C" {
    safe fn fork() -> i32;
    safe fn _exit(status: i32) -> !;
    unsafe fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
}

#[test]
fn a_forked_child_has_threads_of_its_own() {
    every_block_runs_once();
    let child = fork();
    if child == 0 {
        let done = AtomicUsize::new(0);
        pool::for_each_block(1000, |_| {
            done.fetch_add(1, Ordering::Relaxed);
        });
        _exit(i32::from(done.into_inner() != 1000));
    }
    let mut status = -1;
    // SAFETY: the status outlives the call.
    assert_eq!(unsafe { waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child ran every block");
    every_block_runs_once();
}
