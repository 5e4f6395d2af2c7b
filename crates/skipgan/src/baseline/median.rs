//! Training median: how far the frame is from the median picture of the training footage (EVALUATION §7, TM).
//!
//! The median is taken pixel by pixel over every 10th frame of each training clip (its frames 0, 10, 20 …). [`MedianSamples`] keeps
//! those frames up to a limit of bytes. On short footage, Ped2 among it, the median is exact.

use super::spaced::Spaced;
use super::{BaselineError, Detector, FrameScore, GreyFrame, check_size};

/// The median of training frames, in half grey levels (the mean of two middle values can end in ½).
///
/// # Shapes
/// `halves` is `[height, width]`, 0 … 510.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MedianPicture {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Twice the median grey level, row after row.
    pub halves: Vec<u16>,
}

/// Training frames from which medians are taken, evenly spaced, bounded in bytes.
#[derive(Clone, Debug)]
pub struct MedianSamples {
    limit: usize,
    frames: Spaced<Vec<u8>>,
}

/// Where a training frame stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the clip.
    pub clip: usize,
    /// 0-based position in it.
    pub frame: usize,
}

impl MedianSamples {
    /// Every 10th frame of a clip is offered.
    pub const STRIDE: usize = 10;

    /// Keeps at most `limit_bytes` of frames (at least two frames).
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit: limit_bytes, frames: Spaced::new() }
    }

    /// Takes note of a training frame; most are passed over.
    ///
    /// # Errors
    /// [`BaselineError::Size`] where the size differs from the first frame's.
    pub fn offer(&mut self, place: Place, frame: GreyFrame<'_>) -> Result<(), BaselineError> {
        let most = self.limit / frame.samples.len().max(1);
        self.frames.offer(place, frame, Self::STRIDE, most, |frame| frame.samples.to_vec())
    }

    /// The median of the frames whose place is `chosen`; `None` where there is none.
    pub fn median(&self, chosen: impl Fn(Place) -> bool) -> Option<MedianPicture> {
        let frames: Vec<&[u8]> = self.frames.chosen(chosen).map(Vec::as_slice).collect();
        if frames.is_empty() {
            return None;
        }
        let (height, width) = self.frames.size();
        let mut pixel = vec![0u8; frames.len()];
        let halves = (0..height * width).map(|at| {
            pixel.iter_mut().zip(&frames).for_each(|(value, frame)| *value = frame[at]);
            twice_the_median(&mut pixel)
        });
        Some(MedianPicture { height, width, halves: halves.collect() })
    }
}

/// Twice the median; with an even number of values the sum of the two in the middle.
fn twice_the_median(values: &mut [u8]) -> u16 {
    let (middle, even) = (values.len() / 2, values.len().is_multiple_of(2));
    let (below, &mut upper, _) = values.select_nth_unstable(middle);
    let lower = below.iter().copied().max().filter(|_| even).unwrap_or(upper);
    u16::from(lower) + u16::from(upper)
}

/// The detector `tm-mean`: mean of |x_t − median|; the map is that difference.
#[derive(Clone, Debug)]
pub struct TrainingMedian {
    picture: MedianPicture,
    seen: usize,
    counts: Vec<u32>,
}

impl TrainingMedian {
    /// Compares frames with `picture`.
    pub fn new(picture: MedianPicture) -> Self {
        Self { picture, seen: 0, counts: Vec::new() }
    }
}

impl Detector for TrainingMedian {
    fn start_clip(&mut self) {
        self.seen = 0;
    }

    fn push(&mut self, frame: GreyFrame<'_>) -> Result<FrameScore<'_>, BaselineError> {
        check_size(frame, self.seen, (self.picture.height, self.picture.width))?;
        self.seen += 1;
        self.counts.clear();
        let pairs = frame.samples.iter().zip(&self.picture.halves);
        self.counts.extend(pairs.map(|(&grey, &median)| u32::from((2 * u16::from(grey)).abs_diff(median))));
        let sum: u64 = self.counts.iter().map(|&count| u64::from(count)).sum();
        let unit = 1.0 / 510.0;
        let raw = sum as f64 * unit / self.counts.len() as f64;
        Ok(FrameScore { raw, height: frame.height, width: frame.width, counts: &self.counts, unit, warmup: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(samples: &mut MedianSamples, clip: usize, values: &[u8]) {
        for (frame, &value) in values.iter().enumerate() {
            samples.offer(Place { clip, frame }, GreyFrame { height: 1, width: 2, samples: &[value, 7] }).unwrap();
        }
    }

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert_eq!(twice_the_median(&mut [5]), 10);
        assert_eq!(twice_the_median(&mut [9, 4]), 13);
        assert_eq!(twice_the_median(&mut [9, 1, 4]), 8);
        assert_eq!(twice_the_median(&mut [255, 0, 255, 254]), 509);
    }

    #[test]
    fn every_tenth_frame_of_each_clip_counts() {
        let mut samples = MedianSamples::new(1 << 20);
        let mut clip = [0u8; 25];
        (clip[0], clip[10], clip[20]) = (10, 30, 50);
        offer(&mut samples, 0, &clip);
        offer(&mut samples, 1, &[70; 5]);
        assert_eq!(samples.median(|_| true).unwrap().halves, [30 + 50, 14]);
        assert_eq!(samples.median(|place| place.clip == 0).unwrap().halves, [60, 14]);
        assert_eq!(samples.median(|place| place.clip == 9), None);
    }

    #[test]
    fn memory_is_bounded_and_what_stays_is_evenly_spaced() {
        let mut samples = MedianSamples::new(16);
        let clip: Vec<u8> = (0..=255).flat_map(|value| [value; 10]).collect();
        offer(&mut samples, 0, &clip);
        assert!(samples.frames.len() <= 8);
        let kept: Vec<usize> = samples.frames.places().map(|place| place.frame).collect();
        assert!(kept.windows(2).all(|pair| pair[1] - pair[0] == kept[1] - kept[0]), "{kept:?}");
        let median = samples.median(|_| true).unwrap().halves[0];
        assert!((median as f64 / 2.0 - 127.5).abs() < 32.0, "{median}");
    }

    #[test]
    fn distance_from_the_median_by_hand() {
        let picture = MedianPicture { height: 1, width: 2, halves: vec![21, 40] };
        let mut detector = TrainingMedian::new(picture);
        detector.start_clip();
        let score = detector.push(GreyFrame { height: 1, width: 2, samples: &[10, 25] }).unwrap();
        assert!((score.raw - (0.5 + 5.0) / 2.0 / 255.0).abs() < 1e-15);
        assert_eq!(score.counts, [1, 10]);
    }
}
