//! The stand-alone server: models behind HTTP and gRPC, no Python in it.
#![forbid(unsafe_code)]

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(ferrule_server::cli::run(std::env::args_os()))
}
