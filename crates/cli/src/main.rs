//! The program `skipgan`: parses, hands over to the library, prints, and turns outcomes into exit codes
//! (0 done, 2 wrong use or failure, 130 interrupted, with the state saved where there is any; a broken pipe is 0). No logic of the method lives here.
#![forbid(unsafe_code)]

mod args;
mod output;
mod progress;
mod run;

use std::process::ExitCode;

/// Wrong use, wrong input, failure.
const FAILURE: u8 = 2;
/// Interrupted; the state, where there is any, is saved.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = match args::Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { FAILURE } else { 0 });
        }
    };
    match run::dispatch(cli) {
        Ok(run::Outcome::Done) => ExitCode::SUCCESS,
        Ok(run::Outcome::Interrupted(how_to_go_on)) => {
            eprintln!("{how_to_go_on}");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) if output::is_interruption(&error) => {
            eprintln!("{}; run the same command again", output::one_line(&error));
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            eprintln!("error: {}", output::one_line(&error));
            ExitCode::from(FAILURE)
        }
    }
}
