//! A child process that cannot hang us: its messages are drained, waiting has an end, and it is
//! killed on drop.

use std::ffi::OsString;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::source::{OpenOptions, SourceError};

/// Bytes of messages kept: the first ones name the cause.
const KEPT: usize = 64 << 10;

/// The executable's name or path.
pub(crate) fn executable(named: Option<&PathBuf>) -> PathBuf {
    named.cloned().unwrap_or_else(|| "ffmpeg".into())
}

/// Whether the executable is there and runs.
pub(crate) fn is_there(options: &OpenOptions) -> bool {
    let mut asked = Command::new(executable(options.ffmpeg.as_ref()));
    asked.arg("-version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

/// A running ffmpeg.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
    messages: Arc<Mutex<String>>,
    drain: Option<JoinHandle<()>>,
}

impl Child {
    /// Starts ffmpeg with its output piped.
    pub(crate) fn start(path: &Path, options: &OpenOptions, arguments: &[OsString]) -> Result<Self, SourceError> {
        let program = executable(options.ffmpeg.as_ref());
        Self::spawn(Command::new(&program).args(arguments).stdin(Stdio::null())).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                let looked_for = program.display().to_string();
                return SourceError::FfmpegMissing { path: path.to_path_buf(), looked_for };
            }
            SourceError::Io { path: program, action: "starting ffmpeg", source: error }
        })
    }

    /// Starts a command whose standard input is set already.
    pub(crate) fn spawn(command: &mut Command) -> std::io::Result<Self> {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let messages = Arc::new(Mutex::new(String::new()));
        let drain = process.stderr.take().map(|stderr| {
            let messages = Arc::clone(&messages);
            std::thread::spawn(move || drain(stderr, &messages))
        });
        Ok(Self { process, messages, drain })
    }

    pub(crate) fn take_output(&mut self) -> Option<BufReader<ChildStdout>> {
        self.process.stdout.take().map(|pipe| BufReader::with_capacity(1 << 20, pipe))
    }

    pub(crate) fn take_input(&mut self) -> Option<ChildStdin> {
        self.process.stdin.take()
    }

    /// What it said so far.
    pub(crate) fn messages(&self) -> String {
        self.messages.lock().map(|text| text.clone()).unwrap_or_default()
    }

    /// Waits for its end; kills it after `timeout` and gives `None`.
    pub(crate) fn wait(&mut self, timeout: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + timeout;
        let mut pause = Duration::from_millis(1);
        loop {
            match self.process.try_wait() {
                Ok(Some(status)) => {
                    // All of its messages are there once its pipe is closed.
                    if let Some(drain) = self.drain.take() {
                        let _ = drain.join();
                    }
                    return Some(status);
                }
                Ok(None) if Instant::now() < deadline => std::thread::sleep(pause),
                _ => {
                    self.kill();
                    return None;
                }
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Ends it at once (SIGKILL) and reaps it.
    pub(crate) fn kill(&mut self) {
        // Both fail only where it ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

fn drain(mut stderr: impl Read, messages: &Mutex<String>) {
    let mut buffer = [0; 4096];
    while let Ok(count) = stderr.read(&mut buffer) {
        let Some(text) = buffer.get(..count).filter(|text| !text.is_empty()) else { return };
        if let Ok(mut kept) = messages.lock()
            && kept.len() < KEPT
        {
            kept.push_str(&String::from_utf8_lossy(text));
        }
    }
}

/// The last line of some messages that says something.
pub(crate) fn last_line(messages: &str) -> Option<String> {
    messages.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_string)
}
