//! Boxes in files (EVALUATION §5): detections `clip,frame,x0,y0,x1,y1,score` and truth tracks `clip,track,frame,x0,y0,x1,y1`, both CSV,
//! corners inclusive, in source pixels.

use super::lines::{Lines, check_clip_name, column_positions, push_field, split_fields};
use super::result_error::ResultFileError;
use super::score_table::ExpectedClip;
use crate::atomic_file::AtomicFile;
use crate::evaluate::{Detection, TruthRegion};
use crate::localise::PixelBox;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Name of the detections beside the maps of a folder.
pub const DETECTIONS_NAME: &str = "detections.csv";

/// Rows read at most (about 200 MiB).
const ROW_LIMIT: usize = 1 << 22;

/// Writes detections; the file appears when it is finished.
pub struct DetectionWriter {
    out: BufWriter<AtomicFile>,
    path: PathBuf,
    line: String,
}

impl DetectionWriter {
    /// Starts the file with its header.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn create(path: &Path) -> Result<Self, ResultFileError> {
        let out = BufWriter::new(AtomicFile::create(path).map_err(ResultFileError::io(path, "creating"))?);
        let mut writer = Self { out, path: path.to_owned(), line: String::from("clip,frame,x0,y0,x1,y1,score") };
        writer.end_line()?;
        Ok(writer)
    }

    /// Writes one box.
    ///
    /// # Errors
    /// A score that is not finite, a clip name with a line break, or what the operating system says.
    pub fn write(&mut self, clip: &str, frame: usize, bounds: PixelBox, score: f64) -> Result<(), ResultFileError> {
        check_clip_name(clip)?;
        if !score.is_finite() {
            let column = "the score of a box".to_owned();
            return Err(ResultFileError::NotFinite { clip: clip.to_owned(), frame, column, value: score });
        }
        let PixelBox { x0, y0, x1, y1 } = bounds;
        push_field(&mut self.line, clip);
        let _ = write!(self.line, ",{frame},{x0},{y0},{x1},{y1},{score:?}"); // writing to a String cannot fail
        self.end_line()
    }

    fn end_line(&mut self) -> Result<(), ResultFileError> {
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes()).map_err(ResultFileError::io(&self.path, "writing"))?;
        self.line.clear();
        Ok(())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// What the operating system says; the file then does not appear.
    pub fn finish(self) -> Result<(), ResultFileError> {
        let failed = ResultFileError::io(&self.path, "writing");
        self.out.into_inner().map_err(std::io::IntoInnerError::into_error).and_then(AtomicFile::commit).map_err(failed)
    }
}

/// Reads detections of the given clips, in the file's order; clips become their index.
///
/// # Errors
/// An unknown clip, a frame that the clip does not have, a box that ends before it begins, a score that is not finite, and anything
/// that is not such a file.
pub fn read_detections(path: &Path, clips: &[ExpectedClip<'_>]) -> Result<Vec<Detection>, ResultFileError> {
    let mut found = Vec::new();
    for_each_row(path, clips, "score", |row| {
        let score = row.number()?;
        found.push(Detection { clip: row.clip, frame: row.frame, bounds: row.bounds, score });
        Ok(())
    })?;
    Ok(found)
}

/// Reads truth tracks of the given clips.
///
/// # Errors
/// As [`read_detections`], and a track that is no whole number.
pub fn read_tracks(path: &Path, clips: &[ExpectedClip<'_>]) -> Result<Vec<TruthRegion>, ResultFileError> {
    let mut found = Vec::new();
    for_each_row(path, clips, "track", |row| {
        let track = row.whole()?;
        found.push(TruthRegion { clip: row.clip, track, frame: row.frame, bounds: row.bounds });
        Ok(())
    })?;
    Ok(found)
}

/// Writes truth tracks; `names` are the clips by index.
///
/// # Errors
/// What the operating system says, or a clip name with a line break.
///
/// # Panics
/// If a region's clip has no name.
pub fn write_tracks(path: &Path, names: &[&str], regions: &[TruthRegion]) -> Result<(), ResultFileError> {
    let mut text = String::from("clip,track,frame,x0,y0,x1,y1\n");
    for region in regions {
        check_clip_name(names[region.clip])?;
        push_field(&mut text, names[region.clip]);
        let PixelBox { x0, y0, x1, y1 } = region.bounds;
        let _ = writeln!(text, ",{},{},{x0},{y0},{x1},{y1}", region.track, region.frame); // writing to a String cannot fail
    }
    crate::atomic_file::write_atomically(path, text.as_bytes()).map_err(ResultFileError::io(path, "writing"))
}

/// A row with its box understood and its last value, score or track, still text.
struct BoxRow<'a> {
    path: &'a Path,
    line: usize,
    name: &'a str,
    clip: usize,
    frame: usize,
    bounds: PixelBox,
    column: &'static str,
    text: &'a str,
}

impl BoxRow<'_> {
    fn number(&self) -> Result<f64, ResultFileError> {
        self.text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| self.bad())
    }

    fn whole(&self) -> Result<usize, ResultFileError> {
        self.text.parse().map_err(|_| self.bad())
    }

    fn bad(&self) -> ResultFileError {
        bad_number(self.path, self.line, (self.name, self.frame), (self.column, self.text))
    }
}

fn bad_number(path: &Path, line: usize, (clip, frame): (&str, usize), (column, text): (&str, &str)) -> ResultFileError {
    let (clip, column, text) = (clip.to_owned(), column.to_owned(), text.to_owned());
    ResultFileError::BadNumber { path: path.to_owned(), line, clip, frame, column, text }
}

fn for_each_row(
    path: &Path,
    clips: &[ExpectedClip<'_>],
    column: &'static str,
    mut take: impl FnMut(BoxRow<'_>) -> Result<(), ResultFileError>,
) -> Result<(), ResultFileError> {
    let bad_line = |line, why: String| ResultFileError::BadLine { path: path.to_owned(), line, why };
    let numbers: HashMap<&str, usize> = clips.iter().enumerate().map(|(index, clip)| (clip.name, index)).collect();
    let mut lines = Lines::open(path)?;
    let Some(header) = lines.next()? else {
        return Err(ResultFileError::Empty { path: path.to_owned(), what: "header" });
    };
    let header = split_fields(header).ok_or_else(|| bad_line(1, "the header has an open quote".to_owned()))?;
    let width = header.len();
    let at = column_positions(path, &header, &["clip", "frame", "x0", "y0", "x1", "y1", column])?;
    for row in 0.. {
        let line = lines.number() + 1;
        let Some(text) = lines.next()? else { break };
        if row >= ROW_LIMIT {
            return Err(ResultFileError::TooLarge { path: path.to_owned(), line, what: "rows", limit: ROW_LIMIT });
        }
        let fields = split_fields(text).filter(|fields| fields.len() == width);
        let fields = fields.ok_or_else(|| bad_line(line, format!("the row has not the {width} fields of the header")))?;
        let name: &str = &fields[at[0]];
        let (clip, frame) = place(path, line, (name, &fields[at[1]]), clips, &numbers)?;
        let mut sides = [0u32; 4];
        for (side, (&at, name_of_side)) in sides.iter_mut().zip(at[2..6].iter().zip(["x0", "y0", "x1", "y1"])) {
            *side = fields[at].parse().map_err(|_| bad_number(path, line, (name, frame), (name_of_side, &fields[at])))?;
        }
        let [x0, y0, x1, y1] = sides;
        if x1 < x0 || y1 < y0 {
            return Err(ResultFileError::BadBox { path: path.to_owned(), line, clip: name.to_owned(), frame });
        }
        take(BoxRow { path, line, name, clip, frame, bounds: PixelBox { x0, y0, x1, y1 }, column, text: &fields[at[6]] })?;
    }
    Ok(())
}

/// Index of the clip and number of the frame, if both exist.
fn place(
    path: &Path,
    line: usize,
    (name, frame): (&str, &str),
    clips: &[ExpectedClip<'_>],
    numbers: &HashMap<&str, usize>,
) -> Result<(usize, usize), ResultFileError> {
    let (path, clip) = (path.to_owned(), name.to_owned());
    let Ok(number) = frame.parse::<usize>() else {
        return Err(ResultFileError::BadFrame { path, line, clip, text: frame.to_owned() });
    };
    match numbers.get(name) {
        None => Err(ResultFileError::UnknownClip { path, clip, frame: number, known: super::score_table::known_clips(clips) }),
        Some(&index) if number >= clips[index].frames => {
            Err(ResultFileError::ExtraFrame { path, clip, frame: number, frames: clips[index].frames })
        }
        Some(&index) => Ok((index, number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIPS: [ExpectedClip<'static>; 2] = [ExpectedClip { name: "a", frames: 3 }, ExpectedClip { name: "b, c", frames: 5 }];
    const BOUNDS: PixelBox = PixelBox { x0: 1, y0: 2, x1: 3, y1: 2 };

    #[test]
    fn detections_and_tracks_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DETECTIONS_NAME);
        let mut writer = DetectionWriter::create(&path).unwrap();
        writer.write("b, c", 4, BOUNDS, 0.1 + 0.2).unwrap();
        assert!(writer.write("a", 0, BOUNDS, f64::INFINITY).is_err());
        writer.finish().unwrap();
        let expected = Detection { clip: 1, frame: 4, bounds: BOUNDS, score: 0.1 + 0.2 };
        assert_eq!(read_detections(&path, &CLIPS).unwrap(), [expected]);

        let path = folder.path().join("tracks.csv");
        let region = TruthRegion { clip: 0, track: 7, frame: 2, bounds: BOUNDS };
        write_tracks(&path, &["a", "b, c"], &[region]).unwrap();
        assert_eq!(read_tracks(&path, &CLIPS).unwrap(), [region]);
    }

    #[test]
    fn each_fault_names_clip_and_frame() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DETECTIONS_NAME);
        for (row, words) in [
            ("z,0,0,0,1,1,1", ["unknown clip z", "frame 0"]),
            ("a,3,0,0,1,1,1", ["clip a", "frame 3"]),
            ("a,x,0,0,1,1,1", ["clip a", "\"x\""]),
            ("a,0,-1,0,1,1,1", ["clip a, frame 0", "x0"]),
            ("a,0,2,0,1,1,1", ["clip a, frame 0", "ends before"]),
            ("a,0,0,0,1,1,nan", ["clip a, frame 0", "score"]),
            ("a,0,0,0,1,1", ["line 2", "7 fields"]),
        ] {
            std::fs::write(&path, format!("clip,frame,x0,y0,x1,y1,score\n{row}\n")).unwrap();
            let message = read_detections(&path, &CLIPS).unwrap_err().to_string();
            assert!(words.iter().all(|word| message.contains(word)), "{row}: {message}");
        }
    }
}
