//! Whether boxes find events: RBDC and TBDC of Ramachandra & Jones 2020 with ties as one step, and event tracks taken from pixel
//! masks (EVALUATION §3). Boxes from maps are made in [`crate::localise`]; here they are given.

use super::clips::ClipScores;
use super::error::EvaluateError;
use super::frame::falling;
use crate::localise::boxes::component_boxes;
use crate::localise::components::Parents;
use crate::localise::{PixelBox, Plane, connected_components};
use std::collections::HashMap;

/// A box that a detector puts on a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Index of the clip.
    pub clip: usize,
    /// 0-based frame.
    pub frame: usize,
    /// Where.
    pub bounds: PixelBox,
    /// How anomalous; finite.
    pub score: f64,
}

/// A box that the truth puts on a frame; the boxes of one event share a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TruthRegion {
    /// Index of the clip.
    pub clip: usize,
    /// Number of the track within its clip.
    pub track: usize,
    /// 0-based frame.
    pub frame: usize,
    /// Where.
    pub bounds: PixelBox,
}

/// The two region criteria; `None` without any truth region.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RegionMetrics {
    /// Region-based: area under the share of regions found over false detections a frame, from 0 to 1.
    pub rbdc: Option<f64>,
    /// Track-based: the same for tracks of which a tenth of the regions is found.
    pub tbdc: Option<f64>,
}

/// Measures detections against truth; `frames` is the number of ALL test frames.
///
/// # Panics
/// If `frames` is 0 or a score is not a number.
pub fn region_metrics(truth: &[TruthRegion], detections: &[Detection], frames: usize) -> RegionMetrics {
    assert!(frames > 0, "false detections are counted per frame");
    if truth.is_empty() {
        return RegionMetrics::default();
    }
    let mut search = Search::new(truth);
    let (mut regions, mut tracks) = (CurveArea::default(), CurveArea::default());
    let mut sorted: Vec<&Detection> = detections.iter().collect();
    sorted.sort_by(|a, b| falling(a.score, b.score));
    for tied in sorted.chunk_by(|a, b| a.score == b.score) {
        tied.iter().for_each(|detection| search.take(detection));
        let x = search.false_detections as f64 / frames as f64;
        regions.step(x, search.found_regions as f64 / truth.len() as f64);
        tracks.step(x, search.found_tracks as f64 / search.tracks.len() as f64);
    }
    RegionMetrics { rbdc: Some(regions.finish()), tbdc: Some(tracks.finish()) }
}

/// What has been found so far.
struct Search<'a> {
    truth: &'a [TruthRegion],
    at: HashMap<(usize, usize), Vec<usize>>,
    track_of: Vec<usize>,
    tracks: Vec<Progress>,
    found: Vec<bool>,
    found_regions: usize,
    found_tracks: usize,
    false_detections: usize,
}

/// Regions of one track, and how many of them are found.
#[derive(Clone, Copy, Default)]
struct Progress {
    regions: usize,
    found: usize,
}

impl Progress {
    /// At least α = a tenth, in integers.
    fn is_found(self) -> bool {
        10 * self.found >= self.regions
    }
}

impl<'a> Search<'a> {
    fn new(truth: &'a [TruthRegion]) -> Self {
        let mut at: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
        let mut numbers = HashMap::new();
        let mut tracks: Vec<Progress> = Vec::new();
        let mut track_of = Vec::with_capacity(truth.len());
        for (index, region) in truth.iter().enumerate() {
            at.entry((region.clip, region.frame)).or_default().push(index);
            let next = numbers.len();
            let track = *numbers.entry((region.clip, region.track)).or_insert(next);
            tracks.resize(numbers.len(), Progress::default());
            tracks[track].regions += 1;
            track_of.push(track);
        }
        let found = vec![false; truth.len()];
        let (found_regions, found_tracks, false_detections) = (0, 0, 0);
        Self { truth, at, track_of, tracks, found, found_regions, found_tracks, false_detections }
    }

    fn take(&mut self, detection: &Detection) {
        let here = self.at.get(&(detection.clip, detection.frame)).map_or(&[][..], Vec::as_slice);
        let mut hit = false;
        for &index in here {
            if !self.truth[index].bounds.overlaps_a_tenth(&detection.bounds) {
                continue;
            }
            hit = true;
            if !std::mem::replace(&mut self.found[index], true) {
                self.found_regions += 1;
                let track = &mut self.tracks[self.track_of[index]];
                let before = track.is_found();
                track.found += 1;
                self.found_tracks += usize::from(track.is_found() && !before);
            }
        }
        self.false_detections += usize::from(!hit);
    }
}

/// Area from x = 0 to 1 under a polygon that starts at (0, 0), cut at 1, continued flat if it ends before.
#[derive(Default)]
struct CurveArea {
    x: f64,
    y: f64,
    area: f64,
}

impl CurveArea {
    fn step(&mut self, x: f64, y: f64) {
        if self.x >= 1.0 {
            return;
        }
        let (end, height) = if x > 1.0 { (1.0, self.y + (y - self.y) * (1.0 - self.x) / (x - self.x)) } else { (x, y) };
        self.area += (end - self.x) * (self.y + height) / 2.0;
        (self.x, self.y) = (end, height);
    }

    fn finish(&self) -> f64 {
        self.area + (1.0 - self.x) * self.y
    }
}

/// Refuses detections and truth that do not belong to the clips.
///
/// # Errors
/// A clip or frame that does not exist, a score that is not finite.
pub fn check_regions(clips: &[ClipScores<'_>], detections: &[Detection], truth: &[TruthRegion]) -> Result<(), EvaluateError> {
    let exists = |what, clip: usize, frame| {
        let known = clips.get(clip).is_some_and(|clip| frame < clip.scores.len());
        if known { Ok(()) } else { Err(EvaluateError::NoSuchFrame { what, clip, frame }) }
    };
    for &Detection { clip, frame, score, .. } in detections {
        exists("detection", clip, frame)?;
        if !score.is_finite() {
            let clip = clips[clip].name.to_owned();
            return Err(EvaluateError::NonFiniteDetection { clip, frame, value: score });
        }
    }
    truth.iter().try_for_each(|region| exists("truth region", region.clip, region.frame))
}

/// Follows the masks of one clip and joins what touches in space or time: 26-connected components of (frame, y, x), one box a frame
/// and 8-connected component. Holds one frame at a time.
#[derive(Default)]
pub struct TrackTracer {
    parents: Parents,
    previous: Option<(usize, Plane<u32>)>,
    boxes: Vec<(u32, usize, PixelBox)>,
}

impl TrackTracer {
    /// Starts a clip.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the mask of `frame`; frames come in rising order and those without a mask are left out (they end every track).
    pub fn push(&mut self, frame: usize, mask: &Plane<u8>) {
        if mask.values.iter().all(|&value| value == 0) {
            self.previous = None;
            return;
        }
        let components = connected_components(mask, |value| value > 0);
        let names: Vec<u32> = (0..components.count).map(|_| self.parents.add()).collect();
        for (&name, bounds) in names.iter().zip(component_boxes(&components)) {
            self.boxes.push((name, frame, bounds));
        }
        let mut labels = components.labels;
        for label in labels.values.iter_mut().filter(|label| **label > 0) {
            *label = names[*label as usize - 1];
        }
        if let Some((before, previous)) = &self.previous
            && *before + 1 == frame
            && previous.same_size(&labels)
        {
            join_touching(&mut self.parents, previous, &labels);
        }
        self.previous = Some((frame, labels));
    }

    /// The regions of clip number `clip`, tracks numbered from 0 in order of appearance, and the number of tracks.
    pub fn finish(mut self, clip: usize) -> (Vec<TruthRegion>, usize) {
        let mut numbers = HashMap::new();
        let mut regions = Vec::with_capacity(self.boxes.len());
        for &(name, frame, bounds) in &self.boxes {
            let next = numbers.len();
            let track = *numbers.entry(self.parents.root(name)).or_insert(next);
            regions.push(TruthRegion { clip, track, frame, bounds });
        }
        (regions, numbers.len())
    }
}

/// Joins the labels of `now` with those of `before` in the 3 × 3 pixels around each pixel.
fn join_touching(parents: &mut Parents, before: &Plane<u32>, now: &Plane<u32>) {
    for y in 0..now.height {
        let rows = y.saturating_sub(1)..=(y + 1).min(now.height - 1);
        for (x, &label) in now.row(y).iter().enumerate().filter(|(_, label)| **label > 0) {
            let columns = x.saturating_sub(1)..=(x + 1).min(now.width - 1);
            for row in rows.clone() {
                for &touching in &before.row(row)[columns.clone()] {
                    if touching > 0 {
                        parents.join(touching, label);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(frame: usize) -> TruthRegion {
        let bounds = PixelBox { x0: 10, y0: 10, x1: 19, y1: 19 };
        TruthRegion { clip: 0, track: 0, frame, bounds }
    }

    #[test]
    fn a_tie_of_found_and_false_is_one_diagonal_step() {
        let truth: Vec<_> = (0..5).map(square).collect();
        let found = Detection { clip: 0, frame: 0, bounds: truth[0].bounds, score: 0.9 };
        let elsewhere = PixelBox { x0: 0, y0: 0, x1: 5, y1: 5 };
        let wrong = Detection { clip: 0, frame: 7, bounds: elsewhere, score: 0.9 };
        for detections in [[found, wrong], [wrong, found]] {
            let metrics = region_metrics(&truth, &detections, 10);
            assert!((metrics.rbdc.unwrap() - 0.19).abs() < 1e-12);
            assert!((metrics.tbdc.unwrap() - 0.95).abs() < 1e-12);
        }
    }

    #[test]
    fn a_gap_of_one_frame_starts_a_new_track_and_a_corner_touch_does_not() {
        let mut tracer = TrackTracer::new();
        tracer.push(0, &Plane::new(2, 2, vec![1, 0, 0, 0]));
        tracer.push(1, &Plane::new(2, 2, vec![0, 0, 0, 1]));
        tracer.push(2, &Plane::new(2, 2, vec![0; 4]));
        tracer.push(3, &Plane::new(2, 2, vec![0, 0, 0, 1]));
        let (regions, tracks) = tracer.finish(4);
        assert_eq!(tracks, 2);
        let numbers: Vec<_> = regions.iter().map(|region| (region.clip, region.track)).collect();
        assert_eq!(numbers, [(4, 0), (4, 0), (4, 1)]);
    }

    #[test]
    fn a_detection_in_a_frame_that_does_not_exist_is_refused() {
        let clip = ClipScores { name: "a", scores: &[0.1], labels: &[0] };
        let detection = Detection { clip: 0, frame: 1, bounds: square(0).bounds, score: 1.0 };
        let error = check_regions(&[clip], &[detection], &[]).unwrap_err();
        assert_eq!(error.code(), "no_such_frame");
    }
}
