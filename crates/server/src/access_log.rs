//! A JSON line for each request, written by a thread of its own, so that a slow terminal or disk
//! holds up no request.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::ServerError;

/// Lines that may wait to be written; more are dropped and counted.
const DEPTH: usize = 4096;

/// Where lines go.
#[derive(Clone, Debug)]
pub(crate) struct AccessLog {
    lines: SyncSender<String>,
    dropped: Arc<AtomicU64>,
}

/// What a line tells.
pub(crate) struct Entry<'a> {
    pub(crate) protocol: &'static str,
    pub(crate) peer: String,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) status: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) response_bytes: usize,
    pub(crate) elapsed: Duration,
}

impl AccessLog {
    /// Starts the thread that writes; it ends when the last handle is dropped.
    pub(crate) fn start() -> Result<Self, ServerError> {
        let (lines, inbox) = sync_channel(DEPTH);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        let run = move || write_all(&inbox, &counter);
        std::thread::Builder::new().name("ferrule-log".to_owned()).spawn(run)?;
        Ok(Self { lines, dropped })
    }

    /// Writes a line, or counts it as dropped where too many wait.
    pub(crate) fn write(&self, entry: &Entry<'_>) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = json!({
            "time": since.as_secs_f64(),
            "protocol": entry.protocol,
            "peer": entry.peer,
            "method": entry.method,
            "path": entry.path,
            "status": entry.status,
            "request_id": entry.request_id,
            "response_bytes": entry.response_bytes,
            "seconds": entry.elapsed.as_secs_f64(),
        });
        if self.lines.try_send(line.to_string()).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write_all(inbox: &Receiver<String>, dropped: &AtomicU64) {
    while let Ok(first) = inbox.recv() {
        let mut text = first;
        text.push('\n');
        for line in inbox.try_iter().take(DEPTH) {
            text.push_str(&line);
            text.push('\n');
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            text.push_str(&json!({ "dropped_lines": lost }).to_string());
            text.push('\n');
        }
        // A closed stderr is no reason to stop serving.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}
