//! The process metrics that Prometheus clients have in common, from `/proc/self`.

use std::fs;

use super::{header, line};

/// Linux reports CPU time to programs in ticks of 1/100 s on every architecture that we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Appends what the system tells; a fact that cannot be read is left out.
pub(super) fn render(out: &mut String) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let facts = [
        (
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory.",
            status_field(&status, "VmRSS:").map(|kibibytes| kibibytes * 1024.0),
        ),
        ("process_threads", "gauge", "Threads.", status_field(&status, "Threads:")),
        ("process_open_fds", "gauge", "Open file descriptors.", open_fds()),
        ("process_cpu_seconds_total", "counter", "User and system CPU time.", cpu_seconds()),
    ];
    for (name, kind, help, value) in facts {
        if let Some(value) = value {
            header(out, name, kind, help);
            line(out, name, &[], value);
        }
    }
}

fn status_field(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

fn open_fds() -> Option<f64> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count() as f64)
}

/// Fields 14 and 15 of `/proc/self/stat`, counted after the program's name, which may hold spaces.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    Some((ticks.next()?.ok()? + ticks.next()?.ok()?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_threads_files_and_cpu_time() {
        let mut text = String::new();
        render(&mut text);
        let values: Vec<f64> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
            .collect();
        assert_eq!(values.len(), 4, "{text}");
        assert!(values[0] > 1e5 && values[1] >= 1.0 && values[2] >= 3.0, "{text}");
    }
}
