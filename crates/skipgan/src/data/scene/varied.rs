//! The benchmark's scenes: one a seed, each with another camera, picture, crowd, light and sensor.
//!
//! Eight seeds in a row (1–8, 9–16, …) form a block. In a block every format of the picture is used once, and every number once in each
//! eighth of its range (a Latin square): eight scenes are few, and chance alone would let some look alike.

use super::{AnomalyKind, Camera, SceneColour, SceneSettings, street};
use crate::data::random::SplitMix64;

/// Picture, colour, frames of a training clip, frames of a test clip.
type Format = (usize, usize, SceneColour, usize, usize);

const FORMATS: [Format; 8] = [
    (360, 240, SceneColour::Grey, 250, 140),
    (640, 360, SceneColour::Rgb, 220, 136),
    (320, 240, SceneColour::Rgb, 240, 135),
    (360, 240, SceneColour::Rgb, 230, 130),
    (240, 320, SceneColour::Rgb, 250, 140),
    (640, 360, SceneColour::Grey, 210, 132),
    (384, 288, SceneColour::Grey, 220, 125),
    (360, 240, SceneColour::Rgb, 280, 142),
];
/// Scenes of a block.
const BLOCK: u64 = FORMATS.len() as u64;
/// Training clips.
const TRAIN_CLIPS: usize = 12;
/// Test clips, half of them normal: each of the seven kinds comes twice.
const TEST_CLIPS: usize = 4 * AnomalyKind::ALL.len();

/// Numbers of one scene, each spread over its block.
struct Spread {
    block: u64,
    place: usize,
    number: u64,
}

impl Spread {
    fn of(seed: u64) -> Spread {
        let index = seed.wrapping_sub(1);
        Spread { block: index / BLOCK, place: usize::try_from(index % BLOCK).unwrap_or(0), number: 0 }
    }

    /// The next number, in [low, high).
    fn between(&mut self, low: f64, high: f64) -> f64 {
        self.number += 1;
        let mut random = SplitMix64::part(self.block.wrapping_add(0x5CE4_E500), self.number);
        let mut eighths: Vec<u64> = (0..BLOCK).collect();
        random.shuffle(&mut eighths);
        let within: Vec<f64> = (0..BLOCK).map(|_| random.unit()).collect();
        let (eighth, within) = (eighths.get(self.place).copied().unwrap_or(0), within.get(self.place).copied().unwrap_or(0.5));
        low + (high - low) * (eighth as f64 + within) / BLOCK as f64
    }
}

impl SceneSettings {
    /// A scene of the benchmark: 10 frames a second, 12 training clips, 28 test clips of which 14 are normal and 14 hold each kind of
    /// anomaly twice. The numbers of seeds 1 to 8 stand in `docs/scenes.md`.
    #[must_use]
    pub fn varied(seed: u64) -> SceneSettings {
        let mut spread = Spread::of(seed);
        let (width, height, colour, train_frames, test_frames) = FORMATS.get(spread.place).copied().unwrap_or(FORMATS[0]);
        let aspect = height as f64 / width as f64;
        // Where the near pavement begins and the houses end, in picture heights, and how tall people are there: that gives the camera.
        let (near, front, tall) = (spread.between(0.82, 0.98), spread.between(0.24, 0.48), spread.between(0.15, 0.25));
        // A picture that stands upright shows more of houses and sky.
        let upright = (0.75 / aspect).min(1.0);
        let focal_widths = tall * aspect.min(1.0) * 11.0 / 1.75;
        let nearness = 1.0 / street::NEAR_FROM - 1.0 / street::FRONT;
        let height_m = ((near - front) * upright.sqrt() / nearness * aspect / focal_widths).clamp(2.5, 11.5);
        let horizon = near - height_m * focal_widths / aspect / street::NEAR_FROM;
        let camera = Camera { height_m, focal_widths, horizon, along_m: spread.between(-12.0, 12.0) };
        SceneSettings {
            seed,
            width,
            height,
            fps: 10,
            colour,
            train_clips: TRAIN_CLIPS,
            train_frames,
            test_clips: TEST_CLIPS,
            test_frames,
            normal_test_clips: TEST_CLIPS / 2,
            kinds: AnomalyKind::ALL.to_vec(),
            camera,
            density: spread.between(1.2, 5.0),
            size: spread.between(0.92, 1.1),
            speed: spread.between(0.8, 1.35),
            noise: spread.between(1.0, 4.0),
            light: spread.between(0.02, 0.16),
            luggage: spread.between(0.06, 0.16),
            disturbance: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scene::Scene;
    use std::collections::BTreeSet;

    #[test]
    fn every_seed_gives_a_scene_that_can_be_laid_out() {
        for seed in (0..40).chain([u64::MAX]) {
            SceneSettings::varied(seed).check().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        assert!(Scene::new(SceneSettings::varied(3)).is_ok());
    }

    #[test]
    fn eight_in_a_row_differ_in_everything() {
        let scenes: Vec<SceneSettings> = (1..=8).map(SceneSettings::varied).collect();
        let numbers: [fn(&SceneSettings) -> f64; 8] = [
            |scene| scene.camera.focal_widths,
            |scene| scene.camera.height_m,
            |scene| scene.camera.along_m,
            |scene| scene.density,
            |scene| scene.speed,
            |scene| scene.noise,
            |scene| scene.light,
            |scene| scene.luggage,
        ];
        for number in numbers {
            let distinct: BTreeSet<u64> = scenes.iter().map(|scene| number(scene).to_bits()).collect();
            assert_eq!(distinct.len(), 8);
        }
        // Spread evenly: the slowest eighth is used and so is the fastest.
        let speeds = || scenes.iter().map(|scene| scene.speed);
        assert!(speeds().fold(9.0, f64::min) < 0.87 && speeds().fold(0.0, f64::max) > 1.28);
        assert!(scenes.iter().any(|scene| scene.height > scene.width) && scenes.iter().any(|scene| scene.width == 640));
        assert!(
            scenes.iter().any(|scene| scene.colour == SceneColour::Grey) && scenes.iter().any(|scene| scene.colour == SceneColour::Rgb)
        );
        assert_ne!(SceneSettings::varied(1).camera, SceneSettings::varied(9).camera);
    }

    #[test]
    fn half_of_the_test_clips_are_normal_and_every_kind_is_there() {
        for seed in 1..=8 {
            let settings = SceneSettings::varied(seed);
            assert!(settings.test_clips >= 24 && 2 * settings.normal_test_clips == settings.test_clips);
            assert!(settings.test_clips - settings.normal_test_clips >= settings.kinds.len() && settings.kinds.len() == 7);
            let (train, test) = (settings.train_clips * settings.train_frames, settings.test_clips * settings.test_frames);
            assert!((2_000..=3_500).contains(&train) && (3_000..=4_000).contains(&test), "seed {seed}: {train} and {test} frames");
        }
    }
}
