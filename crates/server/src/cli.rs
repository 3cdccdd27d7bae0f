//! The command line, shared by the binary and by `ferrule serve`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{io, thread};

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::{Config, Server, ServerError, announce, log, start};

/// Exit codes: all went well, something failed, the command line is wrong.
const SUCCESS: u8 = 0;
const FAILURE: u8 = 1;
const USAGE: u8 = 2;

/// Serve models over REST and gRPC.
///
/// MODEL is an artifact (NAME.safetensors), a folder of them, or a folder of NAME/VERSION.safetensors.
#[derive(Debug, Parser)]
#[command(name = "ferrule-server", version, max_term_width = 100)]
struct Options {
    /// Artifacts, or folders of them
    #[arg(value_name = "MODEL")]
    models: Vec<PathBuf>,
    /// Name of the model, where one file is given [default: the file's stem]
    #[arg(long)]
    name: Option<String>,
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long)]
    host: Option<String>,
    /// Port of REST; 0 is any free one [default: 8080]
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// Port of gRPC; 0 is any free one [default: 8081]
    #[arg(long, value_name = "PORT")]
    grpc_port: Option<u16>,
    /// I/O threads [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Read options and limits from a TOML file; the command line goes before it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Load models again when their files change
    #[arg(long)]
    watch: bool,
    /// Ask for `Authorization: Bearer KEY`, with the keys in this file, one a line
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Serve other machines with no authentication
    #[arg(long)]
    no_auth: bool,
    /// Certificate chain, PEM; with --tls-key
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Private key, PEM; with --tls-cert
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Another host name that REST requests may use; may be given several times
    #[arg(long, value_name = "NAME")]
    allowed_host: Vec<String>,
    /// Write a JSON line for each request to stderr
    #[arg(long)]
    access_log: bool,
}

impl Options {
    /// The file's configuration, where there is one, under what the command line says.
    fn into_config(self) -> Result<Config, ServerError> {
        let mut config = match &self.config {
            Some(path) => Config::from_file(path)?,
            None => Config::default(),
        };
        if !self.models.is_empty() {
            config.models = self.models;
        }
        set(&mut config.host, self.host);
        set(&mut config.http_port, self.http_port);
        set(&mut config.grpc_port, self.grpc_port);
        set(&mut config.threads, self.threads);
        config.name = self.name.or(config.name);
        config.api_key_file = self.api_key_file.or(config.api_key_file);
        config.tls_cert = self.tls_cert.or(config.tls_cert);
        config.tls_key = self.tls_key.or(config.tls_key);
        config.allowed_hosts.extend(self.allowed_host);
        config.watch |= self.watch;
        config.no_auth |= self.no_auth;
        config.access_log |= self.access_log;
        Ok(config)
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Runs the server by a command line (the program's name first) until it is told to stop; returns the
/// exit code. SIGTERM and SIGINT drain; a second one stops at once. SIGHUP reads the models again.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let program = arguments.first().map(|first| stem(first)).unwrap_or_default();
    let command = Options::command().bin_name(program);
    let parsed = command
        .try_get_matches_from(arguments)
        .and_then(|matches| Options::from_arg_matches(&matches));
    let options = match parsed {
        Ok(options) => options,
        Err(error) => {
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
                // A closed terminal changes nothing about the exit code.
                let _ = error.print();
                return SUCCESS;
            }
            wrong_use(&error.to_string());
            return USAGE;
        }
    };
    match options.into_config().and_then(start) {
        Ok(server) => serve(&Arc::new(server)),
        Err(error) => {
            let (what, hint) = error.told();
            log::error(&what, hint);
            if error.is_wrong_use() { USAGE } else { FAILURE }
        }
    }
}

/// Tells what clap says of a command line, without its advice to pass an option as a value.
fn wrong_use(said: &str) {
    const SIMILAR: &str = "tip: a similar argument exists: ";
    let what = said.lines().next().unwrap_or_default();
    let similar = said.lines().find_map(|line| line.trim().strip_prefix(SIMILAR));
    let hint = similar
        .map_or("--help lists the options".to_owned(), |name| format!("did you mean {name}?"));
    log::error(what.strip_prefix("error: ").unwrap_or(what), Some(&hint));
}

/// The program's name without its folder, for the help text.
fn stem(program: &OsStr) -> String {
    let name = Path::new(program).file_name().unwrap_or(program);
    name.to_string_lossy().into_owned()
}

/// Serves until a signal ends it.
fn serve(server: &Arc<Server>) -> u8 {
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| runtime.block_on(until_stopped(server)));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            log::info(format_args!("error: cannot wait for signals: {error}"));
            FAILURE
        }
    }
}

async fn until_stopped(server: &Arc<Server>) -> io::Result<u8> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    announce::print(server);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => server.app().refresh(),
        }
    }
    log::info("draining; send the signal again to stop at once");
    let (done, drained) = oneshot::channel();
    let draining = Arc::clone(server);
    // The receiver is gone only where a second signal came first.
    thread::spawn(move || done.send(draining.shutdown()));
    tokio::select! {
        all = drained => {
            let late = "the drain took too long; requests that were left are dropped";
            log::info(if all.unwrap_or(false) { "stopped" } else { late });
            Ok(SUCCESS)
        }
        _ = terminate.recv() => stop_at_once(),
        _ = interrupt.recv() => stop_at_once(),
    }
}

fn stop_at_once() -> io::Result<u8> {
    log::info("stopped at once; requests that were in flight are dropped");
    Ok(FAILURE)
}
