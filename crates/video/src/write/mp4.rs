//! H.264 in MP4, through the ffmpeg child.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use super::{Pixels, VideoWriter, WriteError, WriteOptions};
use crate::ffmpeg::{Child, executable, last_line};

/// How long the child may take to complete the file after the last picture.
const FINISH: Duration = Duration::from_secs(600);

/// Writes H.264 (libx264, crf 18) in MP4. Odd sizes get one more column or row of black.
pub struct Mp4Writer {
    path: PathBuf,
    options: WriteOptions,
    running: Option<Running>,
}

struct Running {
    child: Child,
    input: ChildStdin,
    grey: bool,
    buffer: Vec<u8>,
}

impl Mp4Writer {
    /// A writer to `path`. The child starts now, so that a missing ffmpeg is known before work
    /// is spent on pictures.
    ///
    /// # Errors
    /// [`WriteError::FfmpegMissing`], [`WriteError::Size`].
    pub fn new(path: &Path, options: &WriteOptions) -> Result<Self, WriteError> {
        let side = 1..=16_384;
        if !side.contains(&options.width) || !side.contains(&options.height) {
            return Err(WriteError::Size {
                path: path.to_path_buf(),
                format: "H.264",
                limit: 16_384,
                width: options.width,
                height: options.height,
            });
        }
        let probe = Command::new(executable(options.ffmpeg.as_ref()))
            .arg("-version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        probe.map_err(|e| missing(path, options, e))?;
        Ok(Self { path: path.to_path_buf(), options: options.clone(), running: None })
    }

    fn start(&self, grey: bool) -> Result<Running, WriteError> {
        let o = &self.options;
        let format = if grey { "gray" } else { "rgb24" };
        let size = format!("{}x{}", o.width, o.height);
        let rate = format!("{}/{}", o.frame_time.denominator, o.frame_time.numerator);
        let mut arguments: Vec<OsString> =
            ["-hide_banner", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", format].map(Into::into).into();
        arguments.extend(["-s", &size, "-framerate", &rate, "-i", "pipe:0"].map(Into::into));
        let filter = "pad=ceil(iw/2)*2:ceil(ih/2)*2";
        arguments
            .extend(["-vf", filter, "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", "-movflags", "+faststart"].map(Into::into));
        let mut file = OsString::from("file:");
        file.push(&self.path);
        arguments.push(file);
        let mut command = Command::new(executable(o.ffmpeg.as_ref()));
        let mut child = Child::spawn(command.args(arguments).stdin(Stdio::piped())).map_err(|e| missing(&self.path, o, e))?;
        let input = child.take_input().ok_or_else(|| failed(&self.path, "no pipe", &child))?;
        Ok(Running { child, input, grey, buffer: Vec::new() })
    }
}

fn missing(path: &Path, options: &WriteOptions, error: std::io::Error) -> WriteError {
    let program = executable(options.ffmpeg.as_ref());
    if error.kind() == std::io::ErrorKind::NotFound {
        return WriteError::FfmpegMissing { path: path.to_path_buf(), looked_for: program.display().to_string() };
    }
    WriteError::io(&program, "starting ffmpeg", error)
}

fn failed(path: &Path, status: &str, child: &Child) -> WriteError {
    let stderr = last_line(&child.messages()).unwrap_or_else(|| "it gave no reason".into());
    WriteError::ChildFailed { path: path.to_path_buf(), status: status.to_string(), stderr }
}

impl Running {
    /// Writes in the form that the first picture had.
    fn write(&mut self, pixels: Pixels<'_>) -> std::io::Result<()> {
        self.buffer.clear();
        match (pixels, self.grey) {
            (Pixels::Grey(data), true) | (Pixels::Rgb(data), false) => return self.input.write_all(data),
            (Pixels::Grey(data), false) => self.buffer.extend(data.iter().flat_map(|&v| [v; 3])),
            (Pixels::Rgb(data), true) => {
                let (triples, _) = data.as_chunks::<3>();
                self.buffer.extend(triples.iter().map(|&[r, g, b]| crate::resize::bt601_luma(r, g, b)));
            }
        }
        self.input.write_all(&self.buffer)
    }
}

impl VideoWriter for Mp4Writer {
    fn write(&mut self, pixels: Pixels<'_>) -> Result<(), WriteError> {
        self.options.check(&self.path, &pixels)?;
        if self.running.is_none() {
            self.running = Some(self.start(matches!(pixels, Pixels::Grey(_)))?);
        }
        let Some(running) = &mut self.running else { return Ok(()) };
        if running.write(pixels).is_ok() {
            return Ok(());
        }
        // The child closed its end: its messages say why.
        let status = running.child.wait(Duration::from_secs(5)).map_or("killed".into(), |s| s.to_string());
        Err(failed(&self.path, &status, &running.child))
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        let running = match self.running.take() {
            Some(running) => running,
            None => self.start(true)?,
        };
        let Running { mut child, input, .. } = running;
        drop(input);
        match child.wait(FINISH) {
            Some(status) if status.success() => Ok(()),
            status => Err(failed(&self.path, &status.map_or("killed".into(), |s| s.to_string()), &child)),
        }
    }
}
