//! Results on stdout, errors as one line.

use anyhow::Result;
use std::io::{ErrorKind, Write};

/// Prints a result and flushes, so that a closed pipe is noticed here.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

/// Whether whoever read our output has gone: no failure of ours.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(|cause| cause.kind() == ErrorKind::BrokenPipe)
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
