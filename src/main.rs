//! The binary: logging, the command line, one sentence for an error.

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // RUST_LOG=convscope=info tells more; by default only what the program itself warns of.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match convscope::cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("convscope: {error}");
            ExitCode::FAILURE
        }
    }
}
