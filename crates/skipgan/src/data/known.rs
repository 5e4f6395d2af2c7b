//! Published data sets whose counts are known and asserted: layout plus clip names.
//!
//! The numbers (`known.json`) were counted on the data sets' own labels and masks. A count that differs is an error, because a lost frame
//! shifts every later label in silence.

use crate::data::Layout;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One published data set.
#[derive(Debug, Deserialize)]
struct Published {
    /// Frames of the training clips, in order; empty: not known.
    train: Vec<usize>,
    /// Frames of the test clips, in order, where they are numbered.
    #[serde(default)]
    test: Vec<usize>,
    /// Frames of the test clips by name.
    #[serde(default)]
    test_names: BTreeMap<String, usize>,
    /// Anomalous test frames; two where two label sets are in use.
    anomalous: Vec<usize>,
}

static TABLE: LazyLock<BTreeMap<String, Published>> =
    LazyLock::new(|| serde_json::from_str(include_str!("known.json")).unwrap_or_default());

/// A data set of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// Frames of its training clips by name; empty: not known.
    pub train: BTreeMap<String, usize>,
    /// Frames of its test clips by name.
    pub test: BTreeMap<String, usize>,
    /// Anomalous test frames; two where two label sets are in use.
    pub anomalous: Vec<usize>,
}

/// What is known of a folder before its data set is named.
#[derive(Debug)]
pub struct Clue<'a> {
    /// How it is laid out.
    pub layout: Layout,
    /// Training clips: name, frames where counted.
    pub train: &'a [(String, Option<usize>)],
    /// Test clips: name, frames where counted.
    pub test: &'a [(String, Option<usize>)],
    /// The folder's path and the names of files in it that carry a data set's name, lower case.
    pub words: &'a str,
}

/// Names of the table, with the word that gives each away in a path.
const NAMES: [(&str, &str); 5] =
    [("UCSDped2", "ped2"), ("UCSDped1", "ped1"), ("Avenue", "avenue"), ("ShanghaiTech", "shanghaitech"), ("UBnormal", "ubnormal")];

impl Known {
    fn get(name: &'static str, layout: Layout) -> Option<Known> {
        let published = TABLE.get(name)?;
        let number = |prefix: &str, index: usize| match layout {
            Layout::Ucsd => format!("{prefix}{:03}", index + 1),
            _ => format!("{:02}", index + 1),
        };
        let numbered = |prefix: &str, counts: &[usize]| -> BTreeMap<String, usize> {
            counts.iter().enumerate().map(|(index, &frames)| (number(prefix, index), frames)).collect()
        };
        let mut test = numbered("Test", &published.test);
        test.extend(published.test_names.clone());
        Some(Known { name, train: numbered("Train", &published.train), test, anomalous: published.anomalous.clone() })
    }

    /// The data set that a folder holds, or a part of; `None`: the user's own.
    #[must_use]
    pub fn recognise(clue: &Clue) -> Option<Known> {
        let candidates: &[&'static str] = match clue.layout {
            Layout::Ucsd => &["UCSDped2", "UCSDped1"],
            Layout::Frames => &["UCSDped2", "UCSDped1", "Avenue", "ShanghaiTech"],
            Layout::Avenue => &["Avenue"],
            Layout::ShanghaiTech => &["ShanghaiTech"],
            Layout::Plain => &["UBnormal"],
            Layout::Mvtec | Layout::Images => &[],
        };
        let fitting = candidates.iter().filter_map(|name| Known::get(name, clue.layout)).filter(|known| known.fits(clue));
        fitting.max_by_key(|known| known.evidence(clue))
    }

    /// Whether all names are this data set's, and (where any folder could have such names) whether more speaks for it.
    fn fits(&self, clue: &Clue) -> bool {
        let within = |clips: &[(String, Option<usize>)], table: &BTreeMap<String, usize>| {
            table.is_empty() || clips.iter().all(|(name, _)| table.contains_key(name))
        };
        let names = within(clue.test, &self.test) && within(clue.train, &self.train) && !(clue.test.is_empty() && clue.train.is_empty());
        let own_names = clue.layout != Layout::Frames || !self.test.contains_key("01");
        let (named, matches) = self.evidence(clue);
        // `01`, `02` … in training/frames may be anyone's: asked for besides are the name in the path, or half of the counts.
        let half = 2 * matches >= clue.test.len() + clue.train.len();
        let tested = !clue.test.is_empty() || !self.train.is_empty();
        names && tested && (own_names || named || half)
    }

    /// Whether the path names it, and how many clips have its counts.
    fn evidence(&self, clue: &Clue) -> (bool, usize) {
        let word = NAMES.iter().find(|(name, _)| *name == self.name).map_or("", |(_, word)| word);
        let count = |clips: &[(String, Option<usize>)], table: &BTreeMap<String, usize>| {
            clips.iter().filter(|(name, frames)| frames.is_some() && table.get(name).copied() == *frames).count()
        };
        (clue.words.contains(word), count(clue.test, &self.test) + count(clue.train, &self.train))
    }

    /// What differs from the published counts: clip, frames as published, frames found (0: the clip is missing). A part that is absent
    /// as a whole is not compared, nor is a clip whose frames are not counted yet.
    #[must_use]
    pub fn differences(&self, clue: &Clue) -> Vec<(String, usize, usize)> {
        let mut found = Vec::new();
        for (clips, table) in [(clue.train, &self.train), (clue.test, &self.test)] {
            if clips.is_empty() {
                continue;
            }
            for (name, &expected) in table {
                match clips.iter().find(|(clip, _)| clip == name) {
                    None => found.push((name.clone(), expected, 0)),
                    Some((_, Some(frames))) if *frames != expected => found.push((name.clone(), expected, *frames)),
                    Some(_) => {}
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clips(prefix: &str, counts: &[usize], digits: usize) -> Vec<(String, Option<usize>)> {
        counts.iter().enumerate().map(|(i, &n)| (format!("{prefix}{:0digits$}", i + 1), Some(n))).collect()
    }

    #[test]
    fn the_table_holds_the_published_totals() {
        let totals = |name: &'static str| {
            let known = Known::get(name, Layout::Ucsd).expect(name);
            (known.train.len(), known.train.values().sum::<usize>(), known.test.len(), known.test.values().sum::<usize>())
        };
        assert_eq!(totals("UCSDped2"), (16, 2550, 12, 2010));
        assert_eq!(totals("UCSDped1"), (34, 6800, 36, 7200));
        assert_eq!(totals("Avenue"), (0, 0, 21, 15_324));
        assert_eq!(totals("ShanghaiTech"), (0, 0, 107, 40_791));
        assert_eq!(totals("UBnormal"), (0, 0, 211, 92_640));
    }

    #[test]
    fn ped1_and_ped2_are_told_apart_and_a_part_of_one_is_recognised() {
        let recognise = |test: &[(String, Option<usize>)], words| {
            let clue = Clue { layout: Layout::Ucsd, train: &[], test, words };
            Known::recognise(&clue).map(|known| (known.name, known.differences(&clue).len()))
        };
        assert_eq!(recognise(&clips("Test", &[200; 36], 3), ""), Some(("UCSDped1", 0)));
        assert_eq!(recognise(&clips("Test", &[200; 3], 3), ""), Some(("UCSDped1", 33)));
        assert_eq!(recognise(&clips("Test", &[180, 180, 150], 3), ""), Some(("UCSDped2", 9)));
        assert_eq!(recognise(&clips("Test", &[7, 7], 3), "ucsdped1.m"), Some(("UCSDped1", 36)));
        assert_eq!(recognise(&clips("Camera", &[7, 7], 3), "ped1"), None);
    }

    #[test]
    fn numbered_folders_are_a_users_own_unless_more_speaks_for_a_data_set() {
        let recognise = |test: &[(String, Option<usize>)], words| {
            Known::recognise(&Clue { layout: Layout::Frames, train: &[], test, words }).map(|known| known.name)
        };
        assert_eq!(recognise(&clips("", &[50; 12], 2), "footage"), None);
        assert_eq!(recognise(&clips("", &[50; 12], 2), "/data/ped2"), Some("UCSDped2"));
        assert_eq!(recognise(&clips("", &[180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 9], 2), ""), Some("UCSDped2"));
        assert_eq!(recognise(&[("01_0014".into(), Some(3))], ""), Some("ShanghaiTech"));
    }
}
