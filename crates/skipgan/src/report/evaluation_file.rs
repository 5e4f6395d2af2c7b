//! The evaluation as a JSON file: the record of EVALUATION §5, key for key.

use super::result_error::ResultFileError;
use crate::atomic_file::write_atomically;
use crate::evaluate::Evaluation;
use std::io::Read;
use std::path::Path;

/// Bytes read at most.
const SIZE_LIMIT: u64 = 64 << 20;

/// Writes the record, indented.
///
/// # Errors
/// What the operating system says.
pub fn write_evaluation(path: &Path, evaluation: &Evaluation) -> Result<(), ResultFileError> {
    let json = serde_json::to_string_pretty(evaluation).map_err(|error| not_evaluation(path, &error))?;
    write_atomically(path, format!("{json}\n").as_bytes()).map_err(ResultFileError::io(path, "writing"))
}

/// The record as one line, for `--json`.
pub fn evaluation_line(evaluation: &Evaluation) -> String {
    serde_json::to_string(evaluation).unwrap_or_else(|error| unreachable!("plain data without maps of other keys: {error}"))
}

/// Reads a record back.
///
/// # Errors
/// A file that is no evaluation or of a later version, or what the operating system says.
pub fn read_evaluation(path: &Path) -> Result<Evaluation, ResultFileError> {
    let file = std::fs::File::open(path).map_err(ResultFileError::io(path, "opening"))?;
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT).read_to_end(&mut bytes).map_err(ResultFileError::io(path, "reading"))?;
    let evaluation: Evaluation = serde_json::from_slice(&bytes).map_err(|error| not_evaluation(path, &error))?;
    if evaluation.schema > Evaluation::SCHEMA {
        let why = format!("its version {} is newer than this program's {}", evaluation.schema, Evaluation::SCHEMA);
        return Err(not_evaluation(path, &why));
    }
    Ok(evaluation)
}

fn not_evaluation(path: &Path, why: &dyn std::fmt::Display) -> ResultFileError {
    ResultFileError::Json { path: path.to_owned(), what: "evaluation", why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{ClipScores, Inputs, Options, Provenance, evaluate};

    #[test]
    fn a_record_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evaluation.json");
        let clips = [ClipScores { name: "a", scores: &[0.1, 0.3, 0.2], labels: &[0, 1, 0] }];
        let inputs = Inputs { clips: &clips, masks: None, maps: None, detections: None, tracks: None };
        let evaluation = evaluate(inputs, Provenance::default(), Options { draws: 10, seed: 1 }).unwrap();
        write_evaluation(&path, &evaluation).unwrap();
        assert_eq!(read_evaluation(&path).unwrap(), evaluation);
        assert!(!evaluation_line(&evaluation).contains('\n'));
        std::fs::write(&path, "{}").unwrap();
        assert!(read_evaluation(&path).unwrap_err().to_string().contains("not a valid evaluation file"));
    }
}
