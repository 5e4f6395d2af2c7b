//! What disturbs light or camera in a test clip, though nothing happens in the street: a pure function of settings, clip and frame.
//!
//! Light and rain change the picture before the sensor's noise, as in a camera. A camera that shakes or was moved takes another cutting of
//! a larger drawing, masks with it; the lens and the noise stay with the camera. Training clips are never disturbed, and up to the frame
//! where it begins a disturbed clip has the very bits of the undisturbed one.

use super::SceneSettings;
use super::canvas::Canvas;
use super::number::{noise, smooth};
use crate::data::random::SplitMix64;
use serde::{Deserialize, Serialize};

/// A kind of disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DisturbanceKind {
    /// The gain rises (in the first clip, the third, …) or falls (in the others) by 30 % over 10 s, and comes back over another 10 s.
    Gain,
    /// The exposure is 1.5 times what it was, from one frame to the next, and stays so.
    Exposure,
    /// The camera shakes by up to 3 pixels in each direction, to the end.
    Shake,
    /// Rain, to the end: streaks, and a little less contrast.
    Rain,
    /// Someone moves the camera by 10 pixels, and it stays so.
    Moved,
}

impl DisturbanceKind {
    /// All of them.
    pub const ALL: [DisturbanceKind; 5] =
        [DisturbanceKind::Gain, DisturbanceKind::Exposure, DisturbanceKind::Shake, DisturbanceKind::Rain, DisturbanceKind::Moved];

    /// The name in files and on the command line.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            DisturbanceKind::Gain => "gain",
            DisturbanceKind::Exposure => "exposure",
            DisturbanceKind::Shake => "shake",
            DisturbanceKind::Rain => "rain",
            DisturbanceKind::Moved => "moved",
        }
    }

    /// Whether the camera does not stay where it was.
    pub(super) fn moves_camera(self) -> bool {
        matches!(self, DisturbanceKind::Shake | DisturbanceKind::Moved)
    }
}

/// Pixels that the drawing is larger on every side, where the camera does not stay: more than any shift.
pub(super) const MARGIN: usize = 12;

/// Seconds in which the gain changes.
const GAIN_SECONDS: f64 = 10.0;
/// Its greatest change.
const GAIN_SHARE: f64 = 0.3;
/// The step of the exposure.
const EXPOSURE_STEP: f64 = 1.5;
/// Pixels by which the camera shakes.
const SHAKE_PIXELS: f64 = 3.0;
/// Changes of the shake's direction a second.
const SHAKE_HERTZ: f64 = 4.7;
/// Pixels by which it was moved: the ways it can go.
const MOVES: [(f64, f64); 6] = [(10.0, 0.0), (-10.0, 0.0), (8.0, 6.0), (-8.0, 6.0), (6.0, -8.0), (-6.0, -8.0)];
/// Share of the contrast that full rain takes, and the grey that is left.
const VEIL: (f32, f32) = (0.14, 150.0);
/// Pixels of the picture for one streak, streaks being as long as a twentieth of its height.
const PIXELS_A_STREAK: usize = 620;

/// The disturbance of one clip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disturbance {
    /// What it is.
    pub kind: DisturbanceKind,
    /// The frame with which it begins.
    pub begins: usize,
    seconds_a_frame: f64,
    /// 1 or −1: which way the gain goes.
    way: f64,
    /// Where a moved camera looks, in pixels.
    moved: (f64, f64),
    seed: u64,
}

/// What a disturbance does to one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Effect {
    /// Times the light.
    pub(super) gain: f64,
    /// Columns and rows by which the camera looks aside.
    pub(super) shift: Option<(f64, f64)>,
    /// Strength of the rain, 0 to 1, with the seed of this frame's streaks.
    pub(super) rain: Option<(f64, u64)>,
}

impl Effect {
    /// Nothing.
    pub(super) const NONE: Effect = Effect { gain: 1.0, shift: None, rain: None };
}

impl Disturbance {
    /// That of test clip `index`; `None` where the settings ask for none.
    pub(super) fn of(settings: &SceneSettings, index: usize) -> Option<Disturbance> {
        let kind = settings.disturbance?;
        let clip = u64::try_from(index).unwrap_or(u64::MAX);
        let mut random = SplitMix64::part(settings.seed ^ 0xD157_0B1D, clip);
        let fps = f64::from(settings.fps.max(1));
        let seconds = settings.test_frames as f64 / fps;
        // Some seconds after the clip's start; earlier in clips too short for that.
        let begins = random.between(4.0, 7.0).min(seconds * random.between(0.25, 0.35));
        let direction = usize::try_from(random.below(MOVES.len() as u64)).unwrap_or(0);
        Some(Disturbance {
            kind,
            // Saturating cast of a small number.
            begins: (begins * fps).ceil().max(1.0) as usize,
            seconds_a_frame: 1.0 / fps,
            way: if index.is_multiple_of(2) { 1.0 } else { -1.0 },
            moved: MOVES.get(direction).copied().unwrap_or_default(),
            seed: random.next_u64(),
        })
    }

    /// What it does to a frame.
    pub(super) fn at(&self, frame: usize) -> Effect {
        let Some(since) = frame.checked_sub(self.begins) else {
            return Effect::NONE;
        };
        let time = since as f64 * self.seconds_a_frame;
        match self.kind {
            DisturbanceKind::Gain => {
                let share = (1.0 - (time / GAIN_SECONDS - 1.0).abs()).max(0.0);
                Effect { gain: 1.0 + self.way * GAIN_SHARE * smooth(0.0, 1.0, share), ..Effect::NONE }
            }
            DisturbanceKind::Exposure => Effect { gain: EXPOSURE_STEP, ..Effect::NONE },
            DisturbanceKind::Shake => {
                let along = |axis: f64| SHAKE_PIXELS * noise(self.seed, time * SHAKE_HERTZ, axis);
                Effect { shift: Some((along(0.0), along(7.0))), ..Effect::NONE }
            }
            DisturbanceKind::Rain => {
                let streaks = SplitMix64::part(self.seed, u64::try_from(frame).unwrap_or(0)).next_u64();
                Effect { rain: Some((smooth(-0.5, 2.0, time), streaks)), ..Effect::NONE }
            }
            DisturbanceKind::Moved => Effect { shift: Some(self.moved), ..Effect::NONE },
        }
    }
}

/// Rain on the light of a picture. What is anomalous stays so behind it.
pub(super) fn rain(canvas: &mut Canvas, strength: f64, seed: u64) {
    let (share, grey) = (VEIL.0 * strength as f32, VEIL.1);
    for value in canvas.pixels.iter_mut().flatten() {
        *value += (grey - *value) * share;
    }
    let mut random = SplitMix64::new(seed);
    let (width, height) = (canvas.width as f64, canvas.height as f64);
    let slant = 0.16;
    // Saturating cast of a positive number.
    let streaks = (strength * (canvas.pixels.len() / PIXELS_A_STREAK) as f64) as usize;
    for _ in 0..streaks {
        let (column, row) = (random.between(-0.1 * width, width), random.between(-0.1 * height, height));
        let length = height * random.between(0.03, 0.08);
        let light = random.between(0.12, 0.34);
        streak(canvas, (column, row), length, slant, light as f32);
    }
}

/// One streak, a pixel wide, laid over the two columns that it touches in each row.
fn streak(canvas: &mut Canvas, (column, row): (f64, f64), length: f64, slant: f64, light: f32) {
    // Saturating casts: what lies above the picture becomes row 0 and is left out by the test below.
    for step in 0..length.ceil() as usize {
        let (x, y) = (column + slant * step as f64, row + step as f64);
        if x < 0.0 || y < 0.0 {
            continue;
        }
        let (left, y) = (x.floor() as usize, y as usize);
        let beside = (x - x.floor()) as f32;
        for (x, cover) in [(left, 1.0 - beside), (left + 1, beside)] {
            if x >= canvas.width {
                continue;
            }
            if let Some(pixel) = canvas.pixels.get_mut(y * canvas.width + x) {
                pixel.iter_mut().for_each(|value| *value += (224.0 - *value) * light * cover);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disturbed(kind: DisturbanceKind) -> Disturbance {
        let settings = SceneSettings { disturbance: Some(kind), fps: 10, test_frames: 400, ..SceneSettings::default() };
        Disturbance::of(&settings, 2).expect("it is asked for")
    }

    #[test]
    fn each_begins_some_seconds_into_the_clip_and_does_what_it_says() {
        for kind in DisturbanceKind::ALL {
            let clip = disturbed(kind);
            assert!((40..=70).contains(&clip.begins), "{kind:?}: {}", clip.begins);
            assert_eq!(clip.at(clip.begins - 1), Effect::NONE);
            assert_ne!(clip.at(clip.begins + 1), Effect::NONE);
        }
        let gain = disturbed(DisturbanceKind::Gain);
        let gains: Vec<f64> = (0..=210).map(|frame| gain.at(gain.begins + frame).gain).collect();
        assert!((gains[100] - 1.3).abs() < 1e-9 && gains[0] == 1.0 && gains[200] == 1.0 && gains[210] == 1.0);
        assert!(gains.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.006), "no step");
        let exposure = disturbed(DisturbanceKind::Exposure);
        assert_eq!((exposure.at(exposure.begins).gain, exposure.at(399).gain), (1.5, 1.5));
    }

    #[test]
    fn shifts_stay_within_their_pixels_and_the_margin() {
        let shake = disturbed(DisturbanceKind::Shake);
        let shifts: Vec<(f64, f64)> = (shake.begins..400).filter_map(|frame| shake.at(frame).shift).collect();
        assert_eq!(shifts.len(), 400 - shake.begins);
        assert!(shifts.iter().all(|(x, y)| x.abs() <= 3.0 && y.abs() <= 3.0));
        let reach = |pick: fn(&(f64, f64)) -> f64| shifts.iter().map(pick).fold(0.0, f64::max);
        assert!(reach(|shift| shift.0) > 1.5 && reach(|shift| -shift.0) > 1.5 && reach(|shift| shift.1) > 1.5);
        let moved = disturbed(DisturbanceKind::Moved);
        let (x, y) = moved.at(399).shift.expect("it was moved");
        assert_eq!((x * x + y * y, moved.at(moved.begins).shift), (100.0, Some((x, y))));
        assert!(MOVES.iter().all(|(x, y)| x.abs() < MARGIN as f64 && y.abs() < MARGIN as f64));
    }

    #[test]
    fn short_clips_are_disturbed_too() {
        let settings = SceneSettings { disturbance: Some(DisturbanceKind::Rain), test_frames: 36, ..SceneSettings::default() };
        for index in 0..20 {
            let begins = Disturbance::of(&settings, index).expect("it is asked for").begins;
            assert!((8..=13).contains(&begins), "{begins}");
        }
        assert!(Disturbance::of(&SceneSettings::default(), 0).is_none());
    }
}
