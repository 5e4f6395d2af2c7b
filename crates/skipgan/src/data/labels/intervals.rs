//! `UCSDpedN.m`: one line a clip, `TestVideoFile{end+1}.gt_frame = [60:152, 160];`, 1-based inclusive intervals, several allowed.

use crate::data::DataError;
use std::path::Path;

/// Most bytes of a label file.
const MOST_BYTES: u64 = 64 << 20;

/// The intervals of one clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Intervals {
    line: usize,
    ranges: Vec<(usize, usize)>,
}

impl Intervals {
    /// Intervals that stand in no line of a text.
    pub(super) fn new(ranges: Vec<(usize, usize)>) -> Intervals {
        Intervals { line: 0, ranges }
    }

    /// One label a frame.
    pub(super) fn labels(&self, path: &Path, clip: &str, frames: usize) -> Result<Vec<u8>, DataError> {
        let mut labels = vec![0u8; frames];
        for &(first, last) in &self.ranges {
            let Some(part) = first.checked_sub(1).and_then(|start| labels.get_mut(start..last)) else {
                return Err(DataError::LabelCount { path: path.to_path_buf(), clip: clip.into(), labels: last, frames });
            };
            part.fill(1);
        }
        Ok(labels)
    }
}

/// The `gt_frame` lines of a file, in order.
pub(super) fn read(path: &Path) -> Result<Vec<Intervals>, DataError> {
    let bytes = super::table::read_bounded(path, MOST_BYTES)?;
    parse(path, &String::from_utf8_lossy(&bytes))
}

fn parse(path: &Path, text: &str) -> Result<Vec<Intervals>, DataError> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let syntax = |what: String| DataError::LabelSyntax { path: path.to_path_buf(), line: index + 1, what };
        let code = line.split('%').next().unwrap_or_default();
        let Some((_, value)) = code.split_once("gt_frame").and_then(|(_, rest)| rest.split_once('=')) else {
            continue;
        };
        let inside = value.trim().trim_end_matches(';').trim().trim_start_matches('[').trim_end_matches(']');
        let parts = inside.split([',', ';', ' ', '\t']).map(str::trim).filter(|part| !part.is_empty());
        let ranges = parts.map(|part| range(part).ok_or_else(|| syntax(format!("'{part}' is no interval such as 61:180"))));
        found.push(Intervals { line: index + 1, ranges: ranges.collect::<Result<_, _>>()? });
    }
    if found.is_empty() {
        let what = "no line holds gt_frame = [first:last]".to_string();
        return Err(DataError::LabelSyntax { path: path.to_path_buf(), line: 1, what });
    }
    Ok(found)
}

/// `61:180` or `61`.
fn range(part: &str) -> Option<(usize, usize)> {
    let (first, last) = part.split_once(':').unwrap_or((part, part));
    let (first, last) = (first.trim().parse::<usize>().ok()?, last.trim().parse::<usize>().ok()?);
    (first >= 1 && last >= first).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_intervals_and_an_empty_list_are_read() {
        let text =
            "TestVideoFile = {};\nTestVideoFile{end+1}.gt_frame = [2:3, 5:6];\n% gt_frame = [1:9];\r\nx.gt_frame=[];\nx.gt_frame = 4;\n";
        let lines = parse(Path::new("a.m"), text).expect("three lines");
        assert_eq!(lines.len(), 3);
        let labels = |index: usize| lines[index].labels(Path::new("a.m"), "Test001", 6).expect("six frames");
        assert_eq!(labels(0), [0, 1, 1, 0, 1, 1]);
        assert_eq!(labels(1), [0; 6]);
        assert_eq!(labels(2), [0, 0, 0, 1, 0, 0]);
        assert_eq!(lines[0].line, 2);
    }

    #[test]
    fn an_interval_beyond_the_clip_names_both_numbers() {
        let lines = parse(Path::new("a.m"), "a.gt_frame = [1:162];").expect("a line");
        let message = lines[0].labels(Path::new("a.m"), "Test006", 150).expect_err("150 frames").to_string();
        assert!(message.contains("162") && message.contains("150") && message.contains("Test006"), "{message}");
    }

    #[test]
    fn nonsense_names_its_line() {
        let message = parse(Path::new("a.m"), "\na.gt_frame = [5:2];").expect_err("reversed").to_string();
        assert!(message.contains("line 2") && message.contains("5:2"), "{message}");
        assert!(parse(Path::new("a.m"), "hello").is_err());
    }
}
