//! `FILE.meta.json` beside a score file: what the scores were made of and with, so that a number can be traced back to its run.

use super::result_error::ResultFileError;
use crate::atomic_file::write_atomically;
use crate::evaluate::{Provenance, Selection};
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes read at most.
const SIZE_LIMIT: u64 = 64 << 20;

/// One scored clip and where it came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InputRecord {
    /// Name of the clip.
    pub clip: String,
    /// File or folder, as it was given.
    pub path: String,
    /// SHA-256 of the file, where it is one.
    pub sha256: Option<String>,
    /// Which decoder read it: `builtin`, `ffmpeg` or `images`.
    pub decoder: Option<String>,
    /// Frames scored.
    pub frames: Option<usize>,
}

/// The record. Unknown is `null`; keys that this version does not know are kept in `further`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScoreMeta {
    /// Version of this record.
    pub schema: u32,
    /// Version of the program that wrote the scores.
    pub program_version: Option<String>,
    /// SHA-256 of the score file.
    pub scores_sha256: Option<String>,
    /// SHA-256 of the model file.
    pub model_sha256: Option<String>,
    /// The clips.
    pub inputs: Vec<InputRecord>,
    /// Seed of the training.
    pub seed: Option<u64>,
    /// Threshold of the regions.
    pub tau0: Option<f64>,
    /// The run folder, as it was given.
    pub run: Option<String>,
    /// The command line.
    pub command: Option<String>,
    /// What the model was chosen on.
    pub selection: Option<Selection>,
    /// Whether the scores keep to the strict protocol.
    pub strict: bool,
    /// Why not, one sentence each.
    pub not_strict_because: Vec<String>,
    /// Anything else.
    #[serde(flatten)]
    pub further: serde_json::Map<String, serde_json::Value>,
}

/// `FILE.meta.json`.
pub fn meta_path(scores: &Path) -> PathBuf {
    let mut name = scores.as_os_str().to_owned();
    name.push(".meta.json");
    name.into()
}

impl ScoreMeta {
    /// The version of this record.
    pub const SCHEMA: u32 = 1;

    /// Writes the record beside the score file.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn write_beside(&self, scores: &Path) -> Result<(), ResultFileError> {
        let path = meta_path(scores);
        let json = serde_json::to_string_pretty(self).map_err(|error| not_meta(&path, &error))?;
        write_atomically(&path, format!("{json}\n").as_bytes()).map_err(ResultFileError::io(&path, "writing"))
    }

    /// Reads the record beside the score file; `None` if there is none.
    ///
    /// # Errors
    /// A file that is no such record or of a later version, or what the operating system says.
    pub fn read_beside(scores: &Path) -> Result<Option<Self>, ResultFileError> {
        let path = meta_path(scores);
        let file = match std::fs::File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(ResultFileError::io(&path, "opening"))?,
        };
        let mut bytes = Vec::new();
        file.take(SIZE_LIMIT).read_to_end(&mut bytes).map_err(ResultFileError::io(&path, "reading"))?;
        let meta: Self = serde_json::from_slice(&bytes).map_err(|error| not_meta(&path, &error))?;
        if meta.schema > Self::SCHEMA {
            return Err(not_meta(&path, &format!("its version {} is newer than this program's {}", meta.schema, Self::SCHEMA)));
        }
        Ok(Some(meta))
    }

    /// What the report takes from here, for a score file with the given SHA-256. Scores that were changed since are not strict.
    pub fn provenance(&self, scores_sha256: &str) -> Provenance {
        let mut not_strict_because = self.not_strict_because.clone();
        if self.scores_sha256.as_deref() != Some(scores_sha256) {
            not_strict_because.push("the score file differs from the one its .meta.json describes".to_owned());
        }
        if !self.strict && not_strict_because.is_empty() {
            not_strict_because.push("its .meta.json says so without a reason".to_owned());
        }
        Provenance {
            scores_sha256: Some(scores_sha256.to_owned()),
            model_sha256: self.model_sha256.clone(),
            program_version: self.program_version.clone(),
            seed: self.seed,
            selection: self.selection,
            tau0: self.tau0,
            not_strict_because,
            ..Provenance::default()
        }
    }
}

fn not_meta(path: &Path, why: &dyn std::fmt::Display) -> ResultFileError {
    ResultFileError::Json { path: path.to_owned(), what: ".meta.json", why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_with_what_others_added() {
        let folder = tempfile::tempdir().unwrap();
        let scores = folder.path().join("scores.csv");
        assert_eq!(ScoreMeta::read_beside(&scores).unwrap(), None);
        let mut meta = ScoreMeta { schema: ScoreMeta::SCHEMA, selection: Some(Selection::Heldout), strict: true, ..ScoreMeta::default() };
        meta.scores_sha256 = Some("ab".to_owned());
        meta.further.insert("preset".to_owned(), "video".into());
        meta.write_beside(&scores).unwrap();
        assert_eq!(ScoreMeta::read_beside(&scores).unwrap(), Some(meta.clone()));
        assert!(folder.path().join("scores.csv.meta.json").exists());
        assert!(meta.provenance("ab").not_strict_because.is_empty());
        assert!(meta.provenance("cd").not_strict_because[0].contains("differs"));
    }

    #[test]
    fn rubbish_and_later_versions_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let scores = folder.path().join("scores.csv");
        for content in ["{", "[]", "{\"schema\": 2}", "{\"selection\": \"luck\"}"] {
            std::fs::write(meta_path(&scores), content).unwrap();
            assert!(ScoreMeta::read_beside(&scores).is_err(), "{content}");
        }
    }
}
