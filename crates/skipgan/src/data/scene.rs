//! A generated street: people on two pavements, each with its own direction, shadows, slow changes of light, sensor noise; and, in test
//! clips, something that does not belong, with its pixel mask. For the demo, for tests, and for judging where no footage is at hand.
//!
//! The seed makes the same bits on every machine: integers, and f64 sums, products, quotients and square roots in a fixed order (no sine
//! or exponential of the system's library). It is a drawing, not a simulation: figures walk on and do not avoid each other.

mod backdrop;
mod canvas;
mod disturbance;
mod figure;
mod number;
mod render;
mod script;
mod varied;
mod write;

use crate::data::DataError;
use crate::data::random::SplitMix64;
pub use disturbance::{Disturbance, DisturbanceKind};
pub use render::SceneFrame;
pub use script::Script;
use serde::{Deserialize, Serialize};
pub use write::SceneFiles;

/// What does not belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnomalyKind {
    /// Someone rides along a pavement.
    Bicycle,
    /// A small electric cart drives along a pavement.
    Cart,
    /// Someone runs against the flow.
    RunsAgainstFlow,
    /// A suitcase stays where someone left it.
    LeftBehind,
    /// Someone stands on the road, where nobody stands.
    StandsStill,
    /// A van drives along the road as slowly as people walk.
    SlowVehicle,
    /// Someone walks against the flow, no faster than others.
    WrongDirection,
}

impl AnomalyKind {
    /// All of them.
    pub const ALL: [AnomalyKind; 7] = [
        AnomalyKind::Bicycle,
        AnomalyKind::Cart,
        AnomalyKind::RunsAgainstFlow,
        AnomalyKind::LeftBehind,
        AnomalyKind::StandsStill,
        AnomalyKind::SlowVehicle,
        AnomalyKind::WrongDirection,
    ];

    /// The name in files.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            AnomalyKind::Bicycle => "bicycle",
            AnomalyKind::Cart => "cart",
            AnomalyKind::RunsAgainstFlow => "runs_against_flow",
            AnomalyKind::LeftBehind => "left_behind",
            AnomalyKind::StandsStill => "stands_still",
            AnomalyKind::SlowVehicle => "slow_vehicle",
            AnomalyKind::WrongDirection => "wrong_direction",
        }
    }

    /// A word for reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            AnomalyKind::Bicycle => "bicycle",
            AnomalyKind::Cart => "cart",
            AnomalyKind::RunsAgainstFlow => "runs against the flow",
            AnomalyKind::LeftBehind => "left behind",
            AnomalyKind::StandsStill => "stands on the road",
            AnomalyKind::SlowVehicle => "slow vehicle",
            AnomalyKind::WrongDirection => "wrong direction",
        }
    }
}

/// What the pictures hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SceneColour {
    /// R, G, B.
    Rgb,
    /// Luma alone.
    Grey,
}

/// Where the camera hangs and how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// Metres above the ground, 2 to 12.
    pub height_m: f64,
    /// Focal length in picture widths, 0.5 to 2.
    pub focal_widths: f64,
    /// Row of the horizon in picture heights from the top, −0.5 to 0.4.
    pub horizon: f64,
    /// Metres along the street from its middle, −20 to 20.
    pub along_m: f64,
}

/// Everything a scene is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SceneSettings {
    /// Seed.
    pub seed: u64,
    /// Columns, 64 to 1920, even.
    pub width: usize,
    /// Rows, 48 to 1080, even.
    pub height: usize,
    /// Frames a second, 1 to 60.
    pub fps: u32,
    /// Colour or grey.
    pub colour: SceneColour,
    /// Training clips.
    pub train_clips: usize,
    /// Frames of a training clip.
    pub train_frames: usize,
    /// Test clips.
    pub test_clips: usize,
    /// Frames of a test clip.
    pub test_frames: usize,
    /// Test clips without anything anomalous: the last ones.
    pub normal_test_clips: usize,
    /// What happens in the other test clips, in turn.
    pub kinds: Vec<AnomalyKind>,
    /// The camera.
    pub camera: Camera,
    /// People on ten metres of pavement, 0 to 12.
    pub density: f64,
    /// Size of people, 1 = as people are; 0.5 to 2.
    pub size: f64,
    /// Speed of people, 1 = 1.0 to 1.6 m/s; 0.3 to 3.
    pub speed: f64,
    /// Standard deviation of the sensor's noise in grey levels, 0 to 20.
    pub noise: f64,
    /// Slow change of light, as a share of it, 0 to 0.4.
    pub light: f64,
    /// Share of walkers who draw a suitcase along, 0 to 1: what is left behind must not be strange as such.
    #[serde(default)]
    pub luggage: f64,
    /// What disturbs light or camera in the test clips.
    #[serde(default)]
    pub disturbance: Option<DisturbanceKind>,
}

impl Default for SceneSettings {
    /// The demo: 320×240 in colour at 12 frames a second, 6 training clips of 150 frames, 6 test clips of 120.
    fn default() -> SceneSettings {
        SceneSettings {
            seed: 1,
            width: 320,
            height: 240,
            fps: 12,
            colour: SceneColour::Rgb,
            train_clips: 6,
            train_frames: 150,
            test_clips: 6,
            test_frames: 120,
            normal_test_clips: 2,
            kinds: AnomalyKind::ALL.iter().copied().take(4).collect(),
            camera: Camera { height_m: 5.0, focal_widths: 1.0, horizon: 0.12, along_m: 0.0 },
            density: 2.6,
            size: 1.0,
            speed: 1.0,
            noise: 1.8,
            light: 0.05,
            luggage: 0.1,
            disturbance: None,
        }
    }
}

impl SceneSettings {
    fn check(&self) -> Result<(), DataError> {
        let whole = |key, value: usize, low: usize, high: usize, range| {
            let inside = (low..=high).contains(&value);
            if inside { Ok(()) } else { Err(DataError::Scene { key, value: value.to_string(), range }) }
        };
        let real = |key, value: f64, low: f64, high: f64, range| {
            let inside = (low..=high).contains(&value);
            if inside { Ok(()) } else { Err(DataError::Scene { key, value: value.to_string(), range }) }
        };
        whole("width", self.width, 64, 1920, "64 to 1920")?;
        whole("height", self.height, 48, 1080, "48 to 1080")?;
        whole("width", self.width % 2, 0, 0, "even")?;
        whole("height", self.height % 2, 0, 0, "even")?;
        whole("fps", usize::try_from(self.fps).unwrap_or(0), 1, 60, "1 to 60")?;
        for (key, clips) in [("train_clips", self.train_clips), ("test_clips", self.test_clips)] {
            whole(key, clips, 0, 10_000, "0 to 10000")?;
        }
        for (key, frames) in [("train_frames", self.train_frames), ("test_frames", self.test_frames)] {
            whole(key, frames, 1, 1_000_000, "1 to 1000000")?;
        }
        whole("normal_test_clips", self.normal_test_clips, 0, self.test_clips, "at most test_clips")?;
        if self.kinds.is_empty() && self.normal_test_clips < self.test_clips {
            return Err(DataError::Scene { key: "kinds", value: "[]".into(), range: "at least one kind of anomaly" });
        }
        real("height_m", self.camera.height_m, 2.0, 12.0, "2 to 12")?;
        real("focal_widths", self.camera.focal_widths, 0.5, 2.0, "0.5 to 2")?;
        real("horizon", self.camera.horizon, -0.5, 0.4, "-0.5 to 0.4")?;
        real("along_m", self.camera.along_m, -20.0, 20.0, "-20 to 20")?;
        real("density", self.density, 0.0, 12.0, "0 to 12")?;
        real("size", self.size, 0.5, 2.0, "0.5 to 2")?;
        real("speed", self.speed, 0.3, 3.0, "0.3 to 3")?;
        real("noise", self.noise, 0.0, 20.0, "0 to 20")?;
        real("light", self.light, 0.0, 0.4, "0 to 0.4")?;
        real("luggage", self.luggage, 0.0, 1.0, "0 to 1")
    }
}

/// A street, ready to be drawn.
#[derive(Clone, Debug)]
pub struct Scene {
    settings: SceneSettings,
    stage: Stage,
    /// Larger on every side, where the camera will not stay where it is.
    wide: Option<Stage>,
}

/// The empty street as a camera sees it.
#[derive(Clone, Debug)]
struct Stage {
    view: figure::View,
    backdrop: backdrop::Backdrop,
}

/// Where the parts of the street lie: metres from the camera.
pub(crate) mod street {
    /// Where the near pavement begins; the verge is before it.
    pub(crate) const NEAR_FROM: f64 = 9.2;
    /// Where it ends and the kerb begins.
    pub(crate) const NEAR_TO: f64 = 12.6;
    /// Where the road begins.
    pub(crate) const ROAD_FROM: f64 = 12.8;
    /// Where the road ends.
    pub(crate) const ROAD_TO: f64 = 18.4;
    /// Where the far pavement begins.
    pub(crate) const FAR_FROM: f64 = 18.6;
    /// The houses' front.
    pub(crate) const FRONT: f64 = 23.6;
}

impl Stage {
    fn paint(settings: &SceneSettings, margin: usize) -> Stage {
        let view = figure::View::new(settings);
        let backdrop = backdrop::Backdrop::paint(settings, &view, margin, &mut SplitMix64::part(settings.seed, 0));
        Stage { view: view.with_margin(margin), backdrop }
    }
}

impl Scene {
    /// Lays out a street.
    ///
    /// # Errors
    /// [`DataError::Scene`] for a setting out of range.
    pub fn new(settings: SceneSettings) -> Result<Scene, DataError> {
        settings.check()?;
        let stage = Stage::paint(&settings, 0);
        let wide = settings.disturbance.filter(|kind| kind.moves_camera()).map(|_| Stage::paint(&settings, disturbance::MARGIN));
        Ok(Scene { settings, stage, wide })
    }

    /// What it was made from.
    #[must_use]
    pub fn settings(&self) -> &SceneSettings {
        &self.settings
    }

    /// What happens in training clip `index`; `None` beyond the last.
    #[must_use]
    pub fn train(&self, index: usize) -> Option<Script> {
        (index < self.settings.train_clips).then(|| Script::train(&self.settings, &self.stage.view, index))
    }

    /// What happens in test clip `index`; `None` beyond the last.
    #[must_use]
    pub fn test(&self, index: usize) -> Option<Script> {
        (index < self.settings.test_clips).then(|| Script::test(&self.settings, &self.stage.view, index))
    }
}
