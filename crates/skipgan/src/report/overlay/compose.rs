//! One picture of an overlay: a line of words, the frame under its heat map with boxes, and the score curve with a cursor.

use super::font;
use crate::calibration::DisplayRange;
use crate::report::heat::blend;
use crate::report::picture::Picture;
use crate::report::plot::clock;

const PAPER: [u8; 3] = [21, 26, 33];
const INK: [u8; 3] = [230, 233, 238];
const SOFT: [u8; 3] = [120, 132, 148];
const CURVE: [u8; 3] = [109, 183, 242];
const ALARM: [u8; 3] = [255, 96, 80];

/// Rows of the line of words.
pub(super) const HEAD: usize = 26;
/// Rows of the score curve.
pub(super) const STRIP: usize = 92;
/// Columns left and right of the curve.
const MARGIN: usize = 10;
/// Frames that a moving curve shows, and most frames of a clip that is shown whole.
const MOVING: u64 = 400;
const WHOLE: u64 = 4000;

/// What is fixed for a run: colours and the height of the curve come from normal footage, never from the clip at hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverlayScale {
    /// Map values from the first to the last colour.
    pub heat: DisplayRange,
    /// The score above which a frame is an alarm.
    pub threshold: f64,
    /// Map values above it are boxed; `None` draws no boxes.
    pub tau0: Option<f64>,
}

impl OverlayScale {
    /// Lowest and highest score of the curve: the threshold lies in its upper half.
    fn scores(&self) -> (f64, f64) {
        let threshold = if self.threshold.is_finite() { self.threshold.max(1.0) } else { 5.0 };
        (-0.5 * threshold, 2.0 * threshold)
    }
}

/// What is said of one frame.
#[derive(Clone, Copy, Debug)]
pub struct OverlayFrame<'a> {
    /// Its clip.
    pub clip: &'a str,
    /// Its 0-based number.
    pub frame: u64,
    /// Seconds since the clip's start, where known.
    pub time_s: Option<f64>,
    /// Its calibrated score.
    pub score: f64,
    /// Whether it is an alarm.
    pub alarm: bool,
    /// The map of the whole frame, `[rows, cols]`.
    pub map: &'a [f32],
    /// Rows of the map.
    pub rows: usize,
    /// Columns of the map.
    pub cols: usize,
    /// Boxes of detections in map pixels: first and last column and row, both inclusive.
    pub boxes: &'a [[u32; 4]],
}

/// The score curve of a clip as columns of pixels: bounded however long the clip is.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Frames of the clip, where it is shown whole.
    total: Option<u64>,
    /// Number of the first score kept.
    first: u64,
    /// (score, alarm) of each frame kept.
    scores: std::collections::VecDeque<(f64, bool)>,
}

impl History {
    /// Of a clip of `total` frames, where that is known.
    pub(super) fn new(total: Option<u64>) -> Self {
        Self { total: total.filter(|&total| (1..=WHOLE).contains(&total)), ..Self::default() }
    }

    pub(super) fn push(&mut self, score: f64, alarm: bool) {
        self.scores.push_back((score, alarm));
        if self.scores.len() as u64 > self.span() {
            self.scores.pop_front();
            self.first += 1;
        }
    }

    fn span(&self) -> u64 {
        self.total.unwrap_or(MOVING)
    }

    /// The column of the frame numbered `frame`, of `width` columns.
    fn column(&self, frame: u64, width: usize) -> usize {
        let position = (frame - self.first) as f64 / (self.span().max(2) - 1) as f64;
        ((position * (width - 1) as f64).round() as usize).min(width - 1)
    }
}

/// The whole picture, `HEAD` + frame + `STRIP` rows high and as wide as `picture`.
///
/// # Panics
/// If the map has another length than `rows · cols`.
pub(super) fn compose(picture: &Picture, frame: &OverlayFrame<'_>, history: &History, scale: &OverlayScale) -> Picture {
    let mut blended = blend(picture, frame.map, frame.rows, frame.cols, scale.heat);
    for bounds in frame.boxes {
        outline(&mut blended, bounds, (frame.rows, frame.cols));
    }
    if frame.alarm {
        let size = (blended.width, blended.height);
        frame_of(&mut blended, (0, 0), size, (3, ALARM));
    }
    let mut whole = Picture::filled(HEAD + picture.height + STRIP, picture.width, PAPER);
    let start = HEAD * picture.width * 3;
    whole.rgb[start..start + blended.rgb.len()].copy_from_slice(&blended.rgb);
    words(&mut whole, frame);
    strip(&mut whole, HEAD + picture.height, history, scale);
    whole
}

fn words(whole: &mut Picture, frame: &OverlayFrame<'_>) {
    let scale = if whole.width >= 320 { 2 } else { 1 };
    let top = (HEAD - font::HEIGHT * scale) / 2;
    let score = if frame.alarm { format!("ALARM  {:.1}", frame.score) } else { format!("{:.1}", frame.score) };
    let right = whole.width.saturating_sub(font::width(&score, scale) + MARGIN);
    let time = frame.time_s.map(|time| format!("  {}", clock(time))).unwrap_or_default();
    let mut said = format!("{}  frame {}{time}", frame.clip, frame.frame);
    // The score matters more than a long name.
    let room = right.saturating_sub(2 * MARGIN) / (6 * scale);
    if said.chars().count() > room {
        said = format!("frame {}{time}", frame.frame).chars().take(room).collect();
    }
    font::write(whole, (MARGIN, top), scale, INK, &said);
    font::write(whole, (right, top), scale, if frame.alarm { ALARM } else { INK }, &score);
}

fn strip(whole: &mut Picture, top: usize, history: &History, scale: &OverlayScale) {
    let Some(width) = whole.width.checked_sub(2 * MARGIN).filter(|&width| width > 1) else { return };
    let (low, high) = scale.scores();
    let inner = STRIP - 22;
    let row = |score: f64| {
        let position = if score.is_nan() { 0.0 } else { ((score - low) / (high - low)).clamp(0.0, 1.0) };
        top + 8 + ((1.0 - position) * (inner - 1) as f64).round() as usize
    };
    for x in (0..width).filter(|x| x / 5 % 2 == 0) {
        whole.set(MARGIN + x, row(scale.threshold), ALARM);
    }
    font::fill(whole, (MARGIN, top + 8 + inner), (width, 1), SOFT);
    let mut before: Option<(usize, usize)> = None;
    for (i, &(score, alarm)) in history.scores.iter().enumerate() {
        let x = MARGIN + history.column(history.first + i as u64, width);
        let y = row(score);
        segment(whole, before.unwrap_or((x, y)), (x, y));
        if alarm {
            font::fill(whole, (x, top + 8 + inner + 3), (2, 5), ALARM);
        }
        before = Some((x, y));
    }
    if let Some((x, y)) = before {
        font::fill(whole, (x, top + 6), (1, inner + 4), SOFT);
        font::fill(whole, (x.saturating_sub(2), y.saturating_sub(2)), (5, 5), INK);
    }
}

/// A curve between neighbouring columns, two pixels thick.
fn segment(whole: &mut Picture, (x0, y0): (usize, usize), (x1, y1): (usize, usize)) {
    let steps = x0.abs_diff(x1).max(y0.abs_diff(y1)).max(1);
    for step in 0..=steps {
        let share = step as f64 / steps as f64;
        let between = |a: usize, b: usize| (a as f64 + (b as f64 - a as f64) * share).round() as usize;
        font::fill(whole, (between(x0, x1), between(y0, y1)), (1, 2), CURVE);
    }
}

/// A box given in map pixels, drawn around the pixels of the picture that it stands for: light with a dark rim, to be seen on any heat.
fn outline(picture: &mut Picture, &[x0, y0, x1, y1]: &[u32; 4], (rows, cols): (usize, usize)) {
    let (width, height) = (picture.width, picture.height);
    let across = |x: u64, end: usize| (x as usize * width / cols.max(1)).min(end);
    let down = |y: u64, end: usize| (y as usize * height / rows.max(1)).min(end);
    let (left, right) = (across(x0.into(), width - 1), across(u64::from(x1) + 1, width));
    let (top, bottom) = (down(y0.into(), height - 1), down(u64::from(y1) + 1, height));
    let size = (right.saturating_sub(left).max(2), bottom.saturating_sub(top).max(2));
    frame_of(picture, (left.saturating_sub(1), top.saturating_sub(1)), (size.0 + 2, size.1 + 2), (4, PAPER));
    frame_of(picture, (left, top), size, (2, INK));
}

/// The rim of a rectangle, `thick` pixels inwards.
fn frame_of(picture: &mut Picture, (left, top): (usize, usize), (wide, high): (usize, usize), (thick, colour): (usize, [u8; 3])) {
    font::fill(picture, (left, top), (wide, thick), colour);
    font::fill(picture, (left, (top + high).saturating_sub(thick)), (wide, thick), colour);
    font::fill(picture, (left, top), (thick, high), colour);
    font::fill(picture, ((left + wide).saturating_sub(thick), top), (thick, high), colour);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale() -> OverlayScale {
        OverlayScale { heat: DisplayRange { low: 0.0, high: 1.0 }, threshold: 4.0, tau0: None }
    }

    fn frame<'a>(map: &'a [f32], alarm: bool, boxes: &'a [[u32; 4]]) -> OverlayFrame<'a> {
        OverlayFrame { clip: "a", frame: 7, time_s: Some(0.28), score: 5.0, alarm, map, rows: 4, cols: 4, boxes }
    }

    #[test]
    fn frame_heat_boxes_and_alarm_are_where_they_belong() {
        let picture = Picture::from_grey(80, 160, &[90; 80 * 160]);
        let mut map = [0.0f32; 16];
        map[5] = 9.0;
        let mut history = History::new(Some(10));
        history.push(5.0, true);
        let calm = compose(&picture, &frame(&map, false, &[]), &history, &scale());
        assert_eq!((calm.height, calm.width), (HEAD + 80 + STRIP, 160));
        assert_eq!(calm.at(150, HEAD + 70), [90; 3], "normal pixels show the frame");
        assert_ne!(calm.at(60, HEAD + 30), [90; 3], "hot pixels show the map");
        let alarm = compose(&picture, &frame(&map, true, &[[2, 2, 2, 2]]), &history, &scale());
        assert_eq!(alarm.at(0, HEAD + 40), ALARM);
        assert_eq!((alarm.at(80, HEAD + 40), alarm.at(119, HEAD + 59)), (INK, INK));
        assert_eq!(alarm.at(79, HEAD + 50), PAPER, "a dark rim");
        assert_eq!(alarm.at(100, HEAD + 50), [90; 3], "a box is hollow");
    }

    #[test]
    fn the_curve_moves_when_the_clip_is_long_and_stays_bounded() {
        let mut history = History::new(Some(1_000_000));
        (0..10_000).for_each(|i| history.push(f64::from(i), false));
        assert_eq!(history.scores.len() as u64, MOVING);
        assert_eq!((history.column(history.first, 100), history.column(9_999, 100)), (0, 99));
        let whole = History::new(Some(11));
        assert_eq!(whole.column(5, 101), 50);
    }

    #[test]
    fn tiny_pictures_and_odd_scores_do_not_panic() {
        for (height, width) in [(1, 1), (2, 30), (16, 16)] {
            let picture = Picture::filled(height, width, [0; 3]);
            let mut history = History::new(Some(1));
            [f64::NAN, f64::INFINITY, -1e300].into_iter().for_each(|score| history.push(score, true));
            let odd = OverlayScale { threshold: f64::NAN, ..scale() };
            let map = [f32::NAN; 16];
            compose(&picture, &frame(&map, true, &[[0, 0, 9, 9], [3, 3, 3, 3]]), &history, &odd);
        }
    }
}
