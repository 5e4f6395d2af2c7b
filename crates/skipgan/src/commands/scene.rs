//! `scene`: writes a generated street of the benchmark as a data set (decision 0008). `demo` shows the program; this makes footage to judge
//! it by, with labels, masks and kinds, undisturbed or with light, camera or weather disturbed.

use super::CommandError;
use super::event::{Event, Listener};
use crate::data::DataError;
use crate::data::scene::{DisturbanceKind, Scene, SceneFiles, SceneSettings};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Which scene, and where to.
#[derive(Clone, Debug)]
pub struct SceneOptions {
    /// Folder of the data set; new or empty.
    pub out: PathBuf,
    /// Which scene; 1 to 8 are the benchmark's.
    pub seed: u64,
    /// What disturbs the test clips.
    pub disturbance: Option<DisturbanceKind>,
    /// No anomaly in any test clip.
    pub normal_only: bool,
    /// Training clips; `None`: as the scene has.
    pub train_clips: Option<usize>,
    /// Test clips; `None`: as the scene has.
    pub test_clips: Option<usize>,
    /// Frames of a test clip; `None`: as the scene has.
    pub frames: Option<usize>,
}

impl SceneOptions {
    /// The scene's settings.
    #[must_use]
    pub fn settings(&self) -> SceneSettings {
        let own = SceneSettings::varied(self.seed);
        let test_clips = self.test_clips.unwrap_or(own.test_clips);
        SceneSettings {
            train_clips: self.train_clips.unwrap_or(own.train_clips),
            test_clips,
            normal_test_clips: if self.normal_only { test_clips } else { test_clips / 2 },
            test_frames: self.frames.unwrap_or(own.test_frames),
            disturbance: self.disturbance,
            ..own
        }
    }
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// Numbers of clips and frames.
    pub files: SceneFiles,
    /// What it was made from.
    pub settings: SceneSettings,
}

/// What is told as its progress.
const TASK: &str = "the scene";

/// Writes the scene. What it has begun is removed where it is interrupted or fails.
///
/// # Errors
/// [`CommandError`]: a folder that is not empty, numbers out of range, a full disk, Ctrl-C.
pub fn run(options: &SceneOptions, cancel: &AtomicBool, listener: &mut dyn Listener) -> Result<Written, CommandError> {
    if std::fs::read_dir(&options.out).is_ok_and(|mut entries| entries.next().is_some()) {
        let out = options.out.display();
        return Err(CommandError::Usage(format!("{out} is not empty: name another folder with --out, or remove it")));
    }
    let scene = Scene::new(options.settings())?;
    let tell = &mut |done: usize, all: usize| {
        listener.hear(Event::Progress {
            task: TASK,
            done: done as u64,
            total: Some(all as u64),
            unit: "frames",
            detail: String::new(),
            numbers: json!({}),
        });
    };
    match scene.write_until(&options.out, cancel, tell) {
        Ok(files) => {
            let summary = format!("{TASK}: {} training and {} test frames", files.train.1, files.test.1);
            listener.hear(Event::Finished { task: TASK, summary });
            Ok(Written { files, settings: scene.settings().clone() })
        }
        Err(error) => {
            SceneFiles::remove(&options.out);
            Err(if matches!(error, DataError::Cancelled) { CommandError::Interrupted } else { error.into() })
        }
    }
}

impl Written {
    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        let SceneFiles { folder, train, test, anomalous } = &self.files;
        json!({
            "schema": 1, "folder": folder, "train": { "clips": train.0, "frames": train.1 },
            "test": { "clips": test.0, "frames": test.1, "normal_clips": self.settings.normal_test_clips, "anomalous_frames": anomalous },
            "settings": self.settings,
        })
    }

    /// What a person wants to know, and what to do next.
    pub fn to_text(&self) -> String {
        let SceneFiles { folder, train, test, anomalous } = &self.files;
        let SceneSettings { seed, width, height, fps, normal_test_clips, disturbance, .. } = &self.settings;
        let disturbed = disturbance.map_or_else(String::new, |kind| format!(", disturbed: {}", kind.id()));
        let mut text = format!("scene {seed}: {width}×{height} at {fps} frames/s in {}\n", folder.display());
        text += &format!("training: {} clips, {} frames\n", train.0, train.1);
        let of_kinds = test.0 - normal_test_clips;
        text += &format!("test:     {} clips, {} frames, {anomalous} of them anomalous ({of_kinds} clips{disturbed})\n", test.0, test.1);
        text + &format!("next:     skipgan train {} --out RUN", shown(folder))
    }
}

fn shown(folder: &Path) -> String {
    super::reading::quoted(&[&super::reading::shown(folder)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_change_the_scene_and_leave_its_training_alone() {
        let plain = SceneOptions {
            out: PathBuf::from("x"),
            seed: 3,
            disturbance: None,
            normal_only: false,
            train_clips: None,
            test_clips: None,
            frames: None,
        };
        assert_eq!(plain.settings(), SceneSettings::varied(3));
        let other = SceneOptions { normal_only: true, test_clips: Some(5), frames: Some(700), ..plain.clone() }.settings();
        assert_eq!((other.test_clips, other.normal_test_clips, other.test_frames), (5, 5, 700));
        assert_eq!((other.train_clips, other.train_frames), (plain.settings().train_clips, plain.settings().train_frames));
        assert_eq!(SceneOptions { test_clips: Some(5), ..plain }.settings().normal_test_clips, 2);
    }
}
