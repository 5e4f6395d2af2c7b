//! The `ffmpeg` executable as a child process, for what the built-in decoders do not read.
//!
//! Bounds: it gets no standard input, may open this one file only (protocol and format lists:
//! a text playlist named `.mp4` could otherwise make it wait or fetch), its frames are counted
//! in bytes before memory is reserved, it is killed (SIGKILL: it ignores SIGTERM while it
//! waits) when it gives nothing for too long or when the source is dropped, and its messages
//! are drained by a thread and kept. Planes come as they are decoded: no range, no size, no
//! rotation is changed in it; a format is converted only where ours cannot hold it (more than 8
//! bits, packed, RGB).

mod child;
mod nut;
mod probe;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

pub(crate) use self::child::{Child, executable, is_there, last_line};
use self::nut::{NutFrame, NutReader, Stream};
use self::probe::{Layout, Probe};
use crate::align::{Aligned, Aligner};
use crate::frame::{Damage, Frame, Plane, TimeBase};
use crate::source::{Backend, DamageLog, FrameSource, OpenOptions, SourceError, StreamInfo};

/// The containers that the child may open.
const FORMATS: &str =
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,ivf,dv,wtv,h264,hevc,m4v,mjpeg,av1,obu";

/// Frames that may wait between the child and us.
const QUEUE: usize = 2;

/// Frames of a file, decoded by ffmpeg.
pub(crate) struct FfmpegSource {
    path: PathBuf,
    info: StreamInfo,
    layout: Layout,
    ratio: i64,
    frames: Receiver<Result<NutFrame, String>>,
    child: Child,
    timeout: Duration,
    aligner: Aligner,
}

impl FfmpegSource {
    /// Asks ffmpeg what the file is, then starts decoding.
    ///
    /// # Errors
    /// [`SourceError::FfmpegMissing`], [`SourceError::UnknownContainer`] where ffmpeg does not
    /// know it either, [`SourceError::Stalled`], [`SourceError::ChildFailed`].
    pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Self, SourceError> {
        let probe = Probe::run(path, options)?;
        let layout = Layout::of(&probe, options.planes);
        let mut child = Child::start(path, options, &arguments(path, options, &probe, &layout))?;
        let Some(output) = child.take_output() else {
            return Err(SourceError::damaged(path, "ffmpeg gave no output pipe"));
        };
        let (sender, frames) = sync_channel(QUEUE);
        let (stream_sender, stream) = sync_channel(1);
        let limits = options.limits.clone();
        let samples_a_pixel = layout.clone();
        std::thread::spawn(move || {
            // Ends when the child closes its pipe or the receiver is gone.
            let mut reader = match NutReader::open(output) {
                Ok(reader) => reader,
                Err(reason) => {
                    let _ = stream_sender.send(Err(reason));
                    return;
                }
            };
            let stream = reader.stream();
            let bytes = samples_a_pixel
                .bytes(stream.width, stream.height)
                .filter(|_| limits.check_size(Path::new(""), stream.width, stream.height).is_ok());
            let _ = stream_sender.send(Ok(stream));
            let Some(bytes) = bytes else { return };
            loop {
                match reader.next(bytes) {
                    Ok(Some(frame)) => {
                        if sender.send(Ok(frame)).is_err() {
                            return;
                        }
                    }
                    Ok(None) => return,
                    Err(reason) => {
                        let _ = sender.send(Err(reason));
                        return;
                    }
                }
            }
        });
        let stream = wait_for_stream(path, &stream, &mut child, options)?;
        options.limits.check_size(path, stream.width, stream.height)?;
        let (ratio, time_base) = native_time(&stream, probe.ticks);
        let info = StreamInfo {
            width: stream.width,
            height: stream.height,
            rotation: probe.rotation,
            time_base,
            frame_rate: probe.frame_rate,
            declared_frames: None,
            live: false,
            codec: probe.codec.clone(),
            backend: Backend::Ffmpeg,
            range: layout.range,
            matrix: probe.matrix,
        };
        let aligner = Aligner::new(options.limits.clone());
        Ok(Self { path: path.to_path_buf(), info, layout, ratio, frames, child, timeout: options.stall_timeout, aligner })
    }

    fn frame(&self, raw: NutFrame) -> Option<Frame> {
        let (width, height) = (self.info.width, self.info.height);
        let luma = usize::try_from(u64::from(width) * u64::from(height)).ok()?;
        let mut data = raw.data;
        let (mut u, mut v) = (Plane::default(), Plane::default());
        if let Some((columns, rows)) = self.layout.chroma(width, height) {
            let chroma = usize::try_from(u64::from(columns) * u64::from(rows)).ok()?;
            v = Plane::new(data.split_off(luma.checked_add(chroma)?.min(data.len())), columns, rows)?;
            u = Plane::new(data.split_off(luma.min(data.len())), columns, rows)?;
        }
        let y = Plane::new(data, width, height)?;
        let mut frame = Frame::still([y, u, v], self.info.range, self.info.matrix);
        frame.pts = raw.pts / self.ratio;
        frame.time_base = self.info.time_base;
        frame.rotation = self.info.rotation;
        frame.damage = Damage::Unknown;
        Some(frame)
    }

    fn finish(&mut self) -> Result<(), SourceError> {
        let status = self.child.wait(self.timeout);
        let messages = self.child.messages();
        if !self.aligner.has_picture() {
            let reason = last_line(&messages).unwrap_or_else(|| "ffmpeg found none".into());
            return Err(SourceError::NoFrames { path: self.path.clone(), reason });
        }
        // It ends with success after damaged files too: what it said is kept.
        for line in messages.lines().filter(|line| !line.trim().is_empty()).take(20) {
            self.aligner.remark(format!("ffmpeg: {}", line.trim()));
        }
        if let Some(status) = status.filter(|status| !status.success()) {
            self.aligner.remark(format!("ffmpeg ended with {status}"));
        }
        Ok(())
    }
}

impl Aligned for FfmpegSource {
    fn aligner(&mut self) -> &mut Aligner {
        &mut self.aligner
    }

    fn advance(&mut self) -> Result<(), SourceError> {
        match self.frames.recv_timeout(self.timeout) {
            Ok(Ok(raw)) => match self.frame(raw) {
                Some(frame) => self.aligner.good(frame, None),
                None => return Err(SourceError::damaged(&self.path, "ffmpeg gave a frame of another size")),
            },
            Ok(Err(reason)) => {
                self.child.kill();
                return Err(SourceError::ChildFailed {
                    path: self.path.clone(),
                    status: reason,
                    stderr: self.child.messages().replace('\n', " "),
                });
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.aligner.end();
                self.finish()?;
            }
            Err(RecvTimeoutError::Timeout) => {
                self.child.kill();
                return Err(SourceError::Stalled { path: self.path.clone(), seconds: self.timeout.as_secs() });
            }
        }
        Ok(())
    }
}

impl FrameSource for FfmpegSource {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        self.next_aligned()
    }

    fn damage_log(&self) -> &DamageLog {
        self.aligner.log()
    }
}

fn arguments(path: &Path, options: &OpenOptions, probe: &Probe, layout: &Layout) -> Vec<std::ffi::OsString> {
    let threads = options.ffmpeg_threads.max(1).to_string();
    let mut out: Vec<std::ffi::OsString> = ["-nostdin", "-hide_banner", "-loglevel", "error", "-threads", &threads].map(Into::into).into();
    out.extend(input(path));
    // Names of the same two options in older versions.
    let (passthrough, time_base) = match probe.version {
        Some(version) if version < (5, 1) => ("-vsync", "-1"),
        Some(version) if version < (6, 1) => ("-fps_mode", "-1"),
        _ => ("-fps_mode", "demux"),
    };
    out.extend(["-map", "0:v:0", "-an", "-sn", "-dn", passthrough, "passthrough", "-enc_time_base", time_base].map(Into::into));
    if let Some(filter) = &layout.filter {
        out.extend(["-vf", filter].map(Into::into));
    }
    out.extend(["-c:v", "rawvideo", "-pix_fmt", layout.format, "-f", "nut", "pipe:1"].map(Into::into));
    out
}

/// The arguments that name the input and bound what it may be.
fn input(path: &Path) -> Vec<std::ffi::OsString> {
    let mut file = std::ffi::OsString::from("file:");
    file.push(path);
    let mut out: Vec<std::ffi::OsString> =
        ["-protocol_whitelist", "file", "-format_whitelist", FORMATS, "-noautorotate", "-i"].map(Into::into).into();
    out.push(file);
    out
}

fn wait_for_stream(
    path: &Path,
    stream: &Receiver<Result<Stream, String>>,
    child: &mut Child,
    options: &OpenOptions,
) -> Result<Stream, SourceError> {
    match stream.recv_timeout(options.stall_timeout) {
        Ok(Ok(stream)) => Ok(stream),
        Err(RecvTimeoutError::Timeout) => {
            child.kill();
            Err(SourceError::Stalled { path: path.to_path_buf(), seconds: options.stall_timeout.as_secs() })
        }
        Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
            let status = child.wait(options.stall_timeout).map_or("no exit status".into(), |status| status.to_string());
            let stderr = last_line(&child.messages()).unwrap_or_else(|| "it gave no reason".into());
            if status == "exit status: 0" {
                return Err(SourceError::NoFrames { path: path.to_path_buf(), reason: stderr });
            }
            Err(SourceError::ChildFailed { path: path.to_path_buf(), status, stderr })
        }
    }
}

/// The pipe's format refines the time base; undoes that where the file's own is known: pipe
/// ticks per tick of the file, and the file's time base.
fn native_time(stream: &Stream, ticks: Option<f64>) -> (i64, Option<TimeBase>) {
    let (numerator, denominator) = stream.time_base;
    let plain = (1, TimeBase::new(numerator, denominator));
    let Some(ticks) = ticks.filter(|t| *t > 0.0) else { return plain };
    let ratio = (f64::from(denominator) / f64::from(numerator.max(1)) / ticks).round();
    if !(2.0..=1e9).contains(&ratio) {
        return plain;
    }
    // Within u32 by the check above; a saturating cast.
    let ratio = ratio as u32;
    let (mut a, mut b) = (denominator, ratio);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    let scaled = numerator.checked_mul(ratio / a.max(1)).and_then(|n| TimeBase::new(n, denominator / a.max(1)));
    match scaled {
        Some(base) => (ratio.into(), Some(base)),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_own_time_base_is_restored() {
        let stream = |time_base| Stream { width: 1, height: 1, time_base };
        assert_eq!(native_time(&stream((1, 61_440)), Some(15_360.0)), (4, TimeBase::new(1, 15_360)));
        assert_eq!(native_time(&stream((1, 60_000)), Some(29.97)), (2002, TimeBase::new(1001, 30_000)));
        assert_eq!(native_time(&stream((1, 90_000)), Some(90_000.0)), (1, TimeBase::new(1, 90_000)));
        assert_eq!(native_time(&stream((1, 90_000)), None), (1, TimeBase::new(1, 90_000)));
    }
}
