//! What a report is made of, as plain data: numbers, arrays, pictures, words. Whoever has a run, scores or labels fills in what there is;
//! the rest stays empty and the page says less.

use crate::config::{Config, ConfigError};
use crate::evaluate::Evaluation;
use crate::report::picture::Picture;
use crate::report::plot::Series;

/// Everything on the page.
#[derive(Clone, Debug, Default)]
pub struct ReportInput {
    /// What the page is about: the run's name, or the detector's.
    pub title: String,
    /// One sentence on how it was made: preset, data, steps.
    pub subtitle: String,
    /// The measured numbers, where scores and labels are known.
    pub evaluation: Option<Evaluation>,
    /// Scores by clip, in the data set's order.
    pub clips: Vec<ClipResult>,
    /// The calibrated score at or above which a frame counts towards an alarm.
    pub threshold: Option<f64>,
    /// Other detectors on the same frames.
    pub comparisons: Vec<Comparison>,
    /// Frames worth looking at.
    pub moments: Vec<Moment>,
    /// How the network was trained.
    pub training: Option<TrainingInput>,
    /// The configuration, key by key.
    pub config: Vec<ConfigRow>,
    /// What identifies the data: counts, sizes, hashes.
    pub data: Vec<Fact>,
    /// The commands that made what is shown, in order.
    pub commands: Vec<String>,
    /// Hashes, seeds, versions, machine.
    pub provenance: Vec<Fact>,
    /// What the page could also show.
    pub missing: Vec<Missing>,
}

/// The scores of one clip, one item a frame.
#[derive(Clone, Debug, Default)]
pub struct ClipResult {
    /// Its name.
    pub name: String,
    /// Calibrated scores.
    pub scores: Vec<f64>,
    /// 1 = anomalous; as long as `scores`, or nothing.
    pub labels: Option<Vec<u8>>,
    /// Whether each frame is an alarm, as the score file has it; as long as `scores`, or nothing.
    pub alarms: Option<Vec<bool>>,
    /// Seconds since the clip's start, never falling; as long as `scores`, or nothing.
    pub times: Option<Vec<f64>>,
    /// First frames whose history was not full: counted like all others, not chosen as moments.
    pub warmup: usize,
    /// What is to be said of it: damaged frames, a decoder that concealed.
    pub notes: Vec<String>,
}

/// Another detector's number on the same frames.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Its name.
    pub name: String,
    /// Its strict AUROC, 0 … 1.
    pub auroc: f64,
    /// The 95 % interval, where known.
    pub interval: Option<[f64; 2]>,
}

/// Why a frame is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MomentKind {
    /// Anomalous and scored high.
    Hit,
    /// Anomalous and scored low.
    Miss,
    /// Normal and scored high.
    FalseAlarm,
    /// Scored high; without labels nobody knows whether rightly.
    Highest,
}

/// One frame with its pictures.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Why it is shown.
    pub kind: MomentKind,
    /// Its clip.
    pub clip: String,
    /// Its 0-based number.
    pub frame: usize,
    /// Seconds since the clip's start, where known.
    pub time_s: Option<f64>,
    /// Its calibrated score.
    pub score: f64,
    /// Picture, reconstruction, map; any number, side by side.
    pub pictures: Vec<Captioned>,
}

/// A picture and what it is.
#[derive(Clone, Debug)]
pub struct Captioned {
    /// A few words.
    pub caption: String,
    /// The picture.
    pub picture: Picture,
}

/// How the network was trained.
#[derive(Clone, Debug, Default)]
pub struct TrainingInput {
    /// Loss curves, one plot each.
    pub plots: Vec<LossPlot>,
    /// Steps, time, speed, what was kept and why.
    pub facts: Vec<Fact>,
    /// The step whose weights are used, and why, as a word.
    pub kept: Option<(f64, String)>,
    /// Rows of sample pictures.
    pub samples: Vec<Vec<Captioned>>,
}

/// One plot of a training: a loss, in training and on held-out footage.
#[derive(Clone, Debug, PartialEq)]
pub struct LossPlot {
    /// What is plotted.
    pub title: String,
    /// Up to three curves.
    pub series: Vec<Series>,
}

/// A word and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// The value.
    pub value: String,
}

impl Fact {
    /// A word and its value.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into() }
    }
}

/// What the page lacks, and the command that adds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What is missing.
    pub what: String,
    /// The command.
    pub command: String,
}

/// One key of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigRow {
    /// The key.
    pub key: String,
    /// Its value as TOML.
    pub value: String,
    /// The preset's value, where it differs.
    pub preset_value: Option<String>,
}

impl ConfigRow {
    /// The rows of a configuration, compared with the preset that it started from (with none where it names no preset).
    ///
    /// # Errors
    /// What reading the preset gives, other than that there is none of that name.
    pub fn of(config: &Config) -> Result<Vec<ConfigRow>, ConfigError> {
        let preset = match Config::preset(&config.preset) {
            Ok(preset) => table(&preset),
            Err(ConfigError::UnknownPreset(_)) => toml::Table::new(),
            Err(error) => return Err(error),
        };
        let rows = table(config).into_iter().map(|(key, value)| {
            let differs = preset.get(&key).filter(|other| **other != value);
            ConfigRow { preset_value: differs.map(toml::Value::to_string), value: value.to_string(), key }
        });
        Ok(rows.collect())
    }
}

/// The page as a table, sorted by key.
fn table(config: &Config) -> toml::Table {
    config.to_toml().parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_where_it_differs_from_the_preset() {
        let config = Config::preset("official").unwrap().with_set("lambda=0.5").unwrap();
        let rows = ConfigRow::of(&config).unwrap();
        let differing: Vec<&ConfigRow> = rows.iter().filter(|row| row.preset_value.is_some()).collect();
        assert_eq!(differing, [&ConfigRow { key: "lambda".into(), value: "0.5".into(), preset_value: Some("0.9".into()) }]);
        assert!(rows.len() > 30);
    }
}
