//! Nearest training frame: how far the frame is from the one of the training footage that it is most like (DETECTION.md §6). Both are
//! seen as 16 × 8 grey cells, area means; the distance is the mean absolute difference of cells, the map that difference cell by cell.
//!
//! Of each training clip every 10th frame is kept, as 128 bytes, at most 65,536 in all. Works on stills.

use super::median::Place;
use super::spaced::Spaced;
use super::{BaselineError, Detector, FrameScore, GreyFrame, MedianSamples, check_size};

/// Cells of a picture.
const COLS: usize = 16;
const ROWS: usize = 8;
const CELLS: usize = ROWS * COLS;
/// Training frames kept at most.
const MOST: usize = 1 << 16;

/// A picture in little: area means, rounded.
type Thumbnail = [u8; CELLS];

/// The training frames that the detector compares with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnails {
    size: (usize, usize),
    frames: Vec<Thumbnail>,
}

/// Training frames in little.
#[derive(Clone, Debug)]
pub(super) struct ThumbnailSamples(Spaced<Thumbnail>);

impl ThumbnailSamples {
    pub(super) fn new() -> Self {
        Self(Spaced::new())
    }

    pub(super) fn offer(&mut self, place: Place, frame: GreyFrame<'_>) -> Result<(), BaselineError> {
        self.0.offer(place, frame, MedianSamples::STRIDE, MOST, thumbnail)
    }

    /// Those whose place is `chosen`; `None` where there is none.
    pub(super) fn thumbnails(&self, chosen: impl Fn(Place) -> bool) -> Option<Thumbnails> {
        let frames: Vec<Thumbnail> = self.0.chosen(chosen).copied().collect();
        (!frames.is_empty()).then_some(Thumbnails { size: self.0.size(), frames })
    }
}

/// The cell that a row or column of `side` belongs to.
fn cell(at: usize, side: usize, cells: usize) -> usize {
    at * cells / side
}

/// Area means of the cells; a picture with fewer rows or columns than cells leaves some of them 0, in every frame alike.
fn thumbnail(frame: GreyFrame<'_>) -> Thumbnail {
    let (mut sums, mut counts) = ([0u64; CELLS], [0u64; CELLS]);
    for (y, row) in frame.samples.chunks_exact(frame.width).enumerate() {
        for (x, &grey) in row.iter().enumerate() {
            let at = cell(y, frame.height, ROWS) * COLS + cell(x, frame.width, COLS);
            sums[at] += u64::from(grey);
            counts[at] += 1;
        }
    }
    std::array::from_fn(|at| ((sums[at] + counts[at] / 2) / counts[at].max(1)) as u8)
}

/// Sum of absolute differences.
fn distance(a: &Thumbnail, b: &Thumbnail) -> u32 {
    a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum()
}

/// The detector `nearest`.
#[derive(Clone, Debug)]
pub struct NearestFrame {
    known: Thumbnails,
    seen: usize,
    counts: Vec<u32>,
}

impl NearestFrame {
    /// Compares frames with `known`.
    pub fn new(known: Thumbnails) -> Self {
        Self { known, seen: 0, counts: Vec::new() }
    }
}

impl Detector for NearestFrame {
    fn start_clip(&mut self) {
        self.seen = 0;
    }

    fn push(&mut self, frame: GreyFrame<'_>) -> Result<FrameScore<'_>, BaselineError> {
        check_size(frame, self.seen, self.known.size)?;
        self.seen += 1;
        let own = thumbnail(frame);
        let nearest = self.known.frames.iter().min_by_key(|known| distance(&own, known)).expect("never made of nothing");
        let (height, width) = (frame.height, frame.width);
        self.counts.clear();
        self.counts.reserve(height * width);
        for y in 0..height {
            let row = cell(y, height, ROWS) * COLS;
            self.counts.extend((0..width).map(|x| row + cell(x, width, COLS)).map(|at| u32::from(own[at].abs_diff(nearest[at]))));
        }
        let cells = height.min(ROWS) * width.min(COLS);
        let raw = f64::from(distance(&own, nearest)) / (255.0 * cells as f64);
        Ok(FrameScore { raw, height, width, counts: &self.counts, unit: 1.0 / 255.0, warmup: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(levels: &[u8]) -> ThumbnailSamples {
        let mut samples = ThumbnailSamples::new();
        for (clip, &level) in levels.iter().enumerate() {
            for frame in 0..11 {
                // Frames that are passed over are of another level.
                let level = if frame % 10 == 0 { level } else { 255 };
                samples.offer(Place { clip, frame }, GreyFrame { height: 16, width: 32, samples: &[level; 512] }).expect("one size");
            }
        }
        samples
    }

    #[test]
    fn the_nearest_of_the_kept_frames_counts() {
        let mut detector = NearestFrame::new(samples(&[10, 100]).thumbnails(|_| true).expect("frames"));
        let mut picture = [90u8; 512];
        picture[..2].fill(30); // two of the four pixels of the first cell
        let found = detector.push(GreyFrame { height: 16, width: 32, samples: &picture }).expect("one size");
        assert!((found.raw - (127.0 * 10.0 + 40.0) / 128.0 / 255.0).abs() < 1e-12, "{}", found.raw);
        let mut map = Vec::new();
        found.write_map(&mut map);
        assert_eq!((map[0], map[32 + 1], map[2]), (40.0 / 255.0, 40.0 / 255.0, 10.0 / 255.0));
    }

    #[test]
    fn a_fold_does_not_know_its_own_frames() {
        let samples = samples(&[10, 100]);
        let mut detector = NearestFrame::new(samples.thumbnails(|place| place.clip != 1).expect("frames"));
        let score =
            |detector: &mut NearestFrame| detector.push(GreyFrame { height: 16, width: 32, samples: &[100; 512] }).expect("size").raw;
        assert!((score(&mut detector) - 90.0 / 255.0).abs() < 1e-12);
        assert_eq!(samples.thumbnails(|_| false), None);
        assert!(detector.push(GreyFrame { height: 16, width: 16, samples: &[0; 256] }).is_err(), "another size");
    }

    #[test]
    fn kept_frames_are_bounded() {
        let mut samples = ThumbnailSamples::new();
        for clip in 0..3 * MOST {
            samples.offer(Place { clip, frame: 0 }, GreyFrame { height: 1, width: 1, samples: &[7] }).expect("one size");
        }
        assert!(samples.0.len() <= MOST && samples.0.len() >= MOST / 2, "{}", samples.0.len());
    }
}
