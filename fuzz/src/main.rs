//! `make fuzz`: every target, or those named, for `FUZZ_SECONDS` each (60), from `FUZZ_SEED` (0).

use std::process::ExitCode;
use std::time::Duration;

use ferrule_fuzz::{Budget, TARGETS, run};

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if let Some(name) = names.iter().find(|name| TARGETS.iter().all(|target| target.name != **name))
    {
        let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("fuzz: no target {name:?}; there are: {}", known.join(", "));
        return ExitCode::from(2);
    }
    let time = Duration::from_secs(number("FUZZ_SECONDS", 60));
    let budget = Budget { time, inputs: u64::MAX };
    let mut findings = 0;
    // A panic is caught and reported with its input.
    std::panic::set_hook(Box::new(|info| eprintln!("fuzz: {info}")));
    for target in TARGETS.iter().filter(|t| names.is_empty() || names.iter().any(|n| n == t.name)) {
        let report = run(target, budget, number("FUZZ_SEED", 0));
        println!("{report}");
        report.findings.iter().for_each(|finding| eprintln!("fuzz: {finding}"));
        findings += report.findings.len();
    }
    if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| {
            eprintln!("fuzz: {variable} must be a whole number, is {text:?}");
            std::process::exit(2)
        }),
        Err(_) => default,
    }
}
