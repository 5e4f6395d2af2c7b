//! Results on stdout, errors as one line.

use anyhow::{Context, Result};
use skipgan::baseline::BaselineError;
use skipgan::commands::CommandError;
use skipgan::data::DataError;
use skipgan::score::ScoreError;
use std::io::{ErrorKind, Write};

/// Prints a result and flushes, so that a closed pipe is noticed here.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes())).and_then(|()| out.flush());
    written.context("cannot write the result to standard output; free some space there or send it elsewhere")
}

/// Whether whoever read our output has gone: no failure of ours.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

/// Whether Ctrl-C ended a command that had nothing to save.
pub fn is_interruption(error: &anyhow::Error) -> bool {
    let interrupted = |error: &CommandError| {
        matches!(error, CommandError::Interrupted | CommandError::Score(ScoreError::Interrupted) | CommandError::Data(DataError::Cancelled))
    };
    match error.downcast_ref::<CommandError>() {
        Some(CommandError::Baseline(BaselineError::Read(cause))) => cause.downcast_ref::<CommandError>().is_some_and(interrupted),
        Some(error) => interrupted(error),
        None => false,
    }
}

/// The error and its causes on one line, a cause that the line already tells left out.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(|cause| cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ")) {
        if line.contains(&cause) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&cause);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once_on_one_line() {
        let cause = std::io::Error::other("no space\nleft");
        let error = anyhow::Error::new(cause).context("cannot write a.csv");
        assert_eq!(one_line(&error), "cannot write a.csv: no space left");
        assert_eq!(one_line(&anyhow::anyhow!("told: twice").context("told: twice")), "told: twice");
    }
}
