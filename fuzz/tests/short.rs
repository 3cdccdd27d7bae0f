//! A few seconds of every target, and a target that is known to fail, so that a clean run means something.

use std::collections::BTreeSet;
use std::time::Duration;

use ferrule_fuzz::targets::Answer;
use ferrule_fuzz::{Budget, TARGETS, Target, run};

const BUDGET: Budget = Budget { time: Duration::from_secs(2), inputs: 200_000 };

#[test]
fn no_target_panics_hangs_or_takes_more_memory_than_its_input_and_64_mib() {
    for target in TARGETS {
        let report = run(target, BUDGET, 1);
        println!("{report}");
        assert!(report.findings.is_empty(), "{:#?}", report.findings);
        assert!(report.accepted > 0, "{}: no input was valid", target.name);
        assert!(report.answers > 10, "{}: {} answers only", target.name, report.answers);
    }
}

#[test]
fn the_same_seed_gives_the_same_campaign() {
    let budget = Budget { time: Duration::from_secs(60), inputs: 1_000 };
    for target in TARGETS {
        let [a, b] = [run(target, budget, 7), run(target, budget, 7)];
        assert_eq!((a.accepted, a.answers), (b.accepted, b.answers), "{}", target.name);
    }
}

/// Trusts a length in its input, and indexes with it.
const CARELESS: Target = Target {
    name: "careless",
    seeds: || vec![vec![0, 1, 2, 3]],
    words: &[],
    repair: None,
    run: |input| {
        let length = input.first().copied().unwrap_or_default() as usize;
        assert!(length < 200 || input.len() > 1, "a bug to be found");
        let bytes = if length == 199 { 65 << 20 } else { length };
        let held: Vec<u8> = Vec::with_capacity(bytes);
        Answer { accepted: held.capacity() < 10, text: String::new() }
    },
};

#[test]
fn a_panic_and_a_greedy_allocation_are_found_and_their_inputs_kept() {
    let budget = Budget { time: Duration::from_secs(60), inputs: 500_000 };
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let report = run(&CARELESS, budget, 0);
    std::panic::set_hook(hook);
    assert!(report.findings.iter().any(|finding| finding.contains("panicked")));
    assert!(report.findings.iter().any(|finding| finding.contains("held")));
    let paths: BTreeSet<&str> =
        report.findings.iter().filter_map(|f| f.rsplit(": ").next()).collect();
    for path in paths {
        std::fs::remove_file(path).expect("the input was kept");
    }
}
