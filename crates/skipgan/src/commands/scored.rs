//! Rows of scores on their way into a file, and what is said when all are written: shared by `score` and `baseline`.

use super::CommandError;
use super::reading::{quoted, shown};
use crate::calibration::{MOTION, PICTURE, PLACE};
use crate::config::{Config, Sees};
use crate::data::window::FrameStatus;
use crate::report::score_file::{self, ScoreColumns, ScoreRow, ScoreWriter};
use crate::score::FrameScore;
use crate::stages::StageClock;
use crate::words::counted;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What scoring gave.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// Clips scored.
    pub clips: usize,
    /// Frames scored.
    pub frames: u64,
    /// Frames that raised an alarm.
    pub alarms: u64,
    /// Frames that are not `ok`.
    pub impaired: u64,
    /// The highest score, and where.
    pub highest: Option<(f64, String, usize)>,
    /// Seconds of scoring.
    pub seconds: f64,
    /// Processor seconds of each stage, where the detector was told to count them.
    pub stages: StageClock,
    /// SHA-256 of the score file.
    pub sha256: String,
    /// Whether a live source was ended by Ctrl-C; what was scored until then is kept.
    pub interrupted: bool,
    /// What a user should know: losses of decoders, counts that differ.
    pub notes: Vec<String>,
    /// The score file.
    pub out: PathBuf,
    /// Folder of maps and detections, where wanted.
    pub maps: Option<PathBuf>,
    /// The film, or the folder of films, where wanted.
    pub overlay: Option<PathBuf>,
    /// The command that goes on from here, where one does.
    pub next: Option<String>,
}

impl Scored {
    /// Takes a row into account.
    pub fn count(&mut self, row: &ScoreRow<'_>) {
        self.frames += 1;
        self.alarms += u64::from(row.alarm == Some(true));
        self.impaired += u64::from(row.status != score_file::FrameStatus::Ok);
        if self.highest.as_ref().is_none_or(|(highest, ..)| row.score > *highest) {
            self.highest = Some((row.score, row.clip.to_string(), row.frame));
        }
    }

    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        let highest = self.highest.as_ref().map(|(score, clip, frame)| json!({ "score": score, "clip": clip, "frame": frame }));
        json!({
            "schema": 1, "clips": self.clips, "frames": self.frames, "alarms": self.alarms, "impaired": self.impaired, "highest": highest,
            "seconds": self.seconds, "frames_per_second": self.frames as f64 / self.seconds.max(1e-9), "scores_sha256": self.sha256,
            "notes": self.notes, "scores": self.out, "maps": self.maps, "overlay": self.overlay, "next": self.next,
        })
    }

    /// What a person wants to know, and what to do next.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "scored {} of {} in {:.1} s ({:.0} frames/s): {}",
            counted(self.frames, "frame"),
            counted(self.clips, "clip"),
            self.seconds,
            self.frames as f64 / self.seconds.max(1e-9),
            counted(self.alarms, "alarm")
        );
        if self.impaired > 0 {
            text += &format!(", {} repeated, damaged or of a changed scene", counted(self.impaired, "frame"));
        }
        if let Some((score, clip, frame)) = &self.highest {
            text += &format!("\nhighest: {score:.2} at {clip}, frame {frame}");
        }
        text += &format!("\nscores:  {} (sha256 {})", self.out.display(), self.sha256.get(..12).unwrap_or_default());
        for (what, place) in [("maps:   ", &self.maps), ("overlay:", &self.overlay)] {
            text += &place.as_ref().map(|place| format!("\n{what} {}", place.display())).unwrap_or_default();
        }
        text + &self.next.as_ref().map(|next| format!("\nnext:    {next}")).unwrap_or_default()
    }
}

/// Columns beside the fixed ones: the terms of the default score, on the scale of normal footage.
pub fn columns_of(config: &Config) -> &'static [&'static str] {
    match config.sees {
        Sees::Motion if config.local => &["a", MOTION, PLACE],
        Sees::Restore if config.local => &["a", PICTURE, MOTION, PLACE],
        _ => &[],
    }
}

/// The command that judges these scores by the labels of `data`.
pub fn evaluate_command(scores: &Path, data: &[PathBuf]) -> String {
    let (scores, data) = (shown(scores), data.iter().map(|path| shown(path)).collect::<Vec<_>>());
    let words = ["skipgan", "evaluate", &scores];
    quoted(&words.into_iter().chain(data.iter().flat_map(|path| ["--data", path])).collect::<Vec<_>>())
}

/// A network's frame as a row, without further columns.
pub fn row_of(frame: &FrameScore) -> ScoreRow<'_> {
    ScoreRow {
        clip: &frame.clip,
        frame: usize::try_from(frame.frame).unwrap_or(usize::MAX),
        score: frame.score,
        time_s: frame.time_s,
        status: status_of(frame.status),
        recon: Some(frame.recon),
        latent: Some(frame.latent),
        score_raw: Some(frame.score_raw),
        alarm: Some(frame.alarm),
        warmup: Some(frame.warmup),
        further: &[],
        label: None,
    }
}

/// What happened to a frame, as files call it.
pub fn status_of(status: FrameStatus) -> score_file::FrameStatus {
    match status {
        FrameStatus::Ok => score_file::FrameStatus::Ok,
        FrameStatus::Repeated => score_file::FrameStatus::Repeated,
        FrameStatus::Damaged => score_file::FrameStatus::Damaged,
        FrameStatus::SceneChange => score_file::FrameStatus::SceneChange,
    }
}

/// A score file being written.
pub struct RowOutput {
    writer: ScoreWriter,
    further: &'static [&'static str],
}

impl RowOutput {
    /// A file with these further columns; it appears when it is finished. Row by row it grows where the source is live, and where `path` is a pipe
    /// or a device: somebody reads along.
    ///
    /// # Errors
    /// [`CommandError::ResultFile`].
    pub fn open(path: &Path, further: &'static [&'static str], live: bool) -> Result<RowOutput, CommandError> {
        let columns = ScoreColumns { further: further.iter().map(ToString::to_string).collect(), ..ScoreColumns::default() };
        let is_read_along = live || std::fs::metadata(path).is_ok_and(|told| !told.is_file() && !told.is_dir());
        let writer = if is_read_along { ScoreWriter::row_by_row(path, columns)? } else { ScoreWriter::create(path, columns)? };
        Ok(RowOutput { writer, further })
    }

    /// Writes a network's frame.
    ///
    /// # Errors
    /// [`CommandError::ResultFile`].
    pub fn frame(&mut self, frame: &FrameScore) -> Result<(), CommandError> {
        let value = |&name: &&str| match name {
            PICTURE => frame.picture,
            MOTION => frame.motion,
            PLACE => frame.place,
            _ => Some(frame.a),
        };
        // A frame before a term is known has none: NaN is refused in files, so the column then holds what is normal.
        let further: Vec<f64> = self.further.iter().map(|name| value(name).unwrap_or(0.0)).collect();
        self.write(&ScoreRow { further: &further, ..row_of(frame) })
    }

    /// Writes a frame's row.
    ///
    /// # Errors
    /// [`CommandError::ResultFile`].
    pub fn write(&mut self, row: &ScoreRow<'_>) -> Result<(), CommandError> {
        Ok(self.writer.write(row)?)
    }

    /// Ends the file; the SHA-256 of its bytes.
    ///
    /// # Errors
    /// [`CommandError::ResultFile`].
    pub fn finish(self) -> Result<String, CommandError> {
        Ok(self.writer.finish()?)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::Command;

    #[test]
    fn whoever_reads_a_pipe_has_each_row_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("scores.csv");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
        let reading = std::thread::spawn({
            let pipe = pipe.clone();
            move || {
                BufReader::new(std::fs::File::open(pipe).expect("a pipe"))
                    .lines()
                    .map(|line| line.expect("text"))
                    .take(2)
                    .collect::<Vec<_>>()
            }
        });
        let mut rows = RowOutput::open(&pipe, &[], false).expect("a pipe");
        rows.write(&ScoreRow { clip: "street", score: 1.5, ..ScoreRow::default() }).expect("a row");
        // Before the file is finished.
        let lines = reading.join().expect("two lines");
        assert!(lines[0].starts_with("clip,frame") && lines[1].starts_with("street,0,1.5"), "{lines:?}");
    }
}
