//! An ablation's results: one record a row and seed (JSON), and the table that all of them make (CSV, Markdown, a plot).

use super::plot::{Plot, RowMark, rows as plot_rows};
use super::result_error::ResultFileError;
use crate::atomic_file::write_atomically;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// Bytes of a record read at most.
const SIZE_LIMIT: u64 = 16 << 20;

/// The number that the `score` column holds, first of [`COLUMNS`].
pub const SCORE: &str = "score";
/// Columns of a score file that are judged where they are there, in the order of the table.
pub const COLUMNS: [&str; 7] = [SCORE, "a", "picture", "motion", "place", "recon", "latent"];
/// Name of the pixel AUROC among the columns of a table.
pub const PIXEL: &str = "pixel";

/// A strict AUC and its interval, as shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// `None` where the labels are of one class only.
    pub auroc: Option<f64>,
    /// 95 % interval by clip bootstrap.
    pub ci95: Option<[f64; 2]>,
}

/// What one row came to with one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AblationResult {
    /// Version of this record.
    pub schema: u32,
    /// Every setting.
    pub settings: Value,
    /// What beside the settings it depends on: digests of the footage, how it was read, which labels.
    pub depends_on: String,
    /// Seed of the training.
    pub seed: u64,
    /// Judged columns by name; `pixel` is the pixel AUROC of the map.
    pub columns: BTreeMap<String, Judged>,
    /// Whether the number in `score` may be quoted without a qualifier.
    pub strict: bool,
    /// Why not.
    pub not_strict_because: Vec<String>,
    /// SHA-256 of the checkpoint.
    pub model_sha256: Option<String>,
    /// SHA-256 of the score file.
    pub scores_sha256: Option<String>,
    /// Version of the program that made it.
    pub program_version: String,
    /// The commands that make it by hand.
    pub commands: Vec<String>,
}

impl AblationResult {
    /// The version of this record.
    pub const SCHEMA: u32 = 1;

    /// Writes the record.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn write(&self, path: &Path) -> Result<(), ResultFileError> {
        let json = serde_json::to_string_pretty(self).map_err(|error| no_result(path, &error))?;
        write_atomically(path, format!("{json}\n").as_bytes()).map_err(ResultFileError::io(path, "writing"))
    }

    /// Reads a record; `None` where there is none.
    ///
    /// # Errors
    /// A file that is no such record or of a later version, or what the operating system says.
    pub fn read(path: &Path) -> Result<Option<AblationResult>, ResultFileError> {
        let file = match std::fs::File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(ResultFileError::io(path, "opening"))?,
        };
        let mut bytes = Vec::new();
        file.take(SIZE_LIMIT).read_to_end(&mut bytes).map_err(ResultFileError::io(path, "reading"))?;
        let result: AblationResult = serde_json::from_slice(&bytes).map_err(|error| no_result(path, &error))?;
        if result.schema > AblationResult::SCHEMA {
            let why = format!("its version {} is newer than this program's {}", result.schema, AblationResult::SCHEMA);
            return Err(no_result(path, &why));
        }
        Ok(Some(result))
    }
}

fn no_result(path: &Path, why: &dyn std::fmt::Display) -> ResultFileError {
    ResultFileError::Json { path: path.to_owned(), what: "ablation result", why: why.to_string() }
}

/// A row of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AblationRow {
    /// Its name.
    pub name: String,
    /// What it lays over the base.
    pub set: Vec<String>,
    /// One a seed; fewer where some failed.
    pub results: Vec<AblationResult>,
}

/// Mean and spread of a column over seeds, as shares.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// Seeds.
    pub count: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation, divisor n − 1; `None` for one seed.
    pub deviation: Option<f64>,
    /// Lowest and highest seed.
    pub range: [f64; 2],
    /// Means of the ends of the intervals, where every seed has one.
    pub ci95: Option<[f64; 2]>,
}

impl AblationRow {
    /// A column over the seeds that have it; `None` where none has.
    pub fn spread(&self, column: &str) -> Option<Spread> {
        let judged: Vec<Judged> = self.results.iter().filter_map(|result| result.columns.get(column).copied()).collect();
        let values: Vec<f64> = judged.iter().filter_map(|judged| judged.auroc).collect();
        let (count, mean) = (values.len(), mean(&values)?);
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let ends: Vec<[f64; 2]> = judged.iter().filter_map(|judged| judged.ci95).collect();
        let end = |at: usize| mean_of(ends.iter().map(|ends| ends[at]));
        Some(Spread {
            count,
            mean,
            deviation: (count > 1).then(|| (squares / (count - 1) as f64).sqrt()),
            range: [values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(f64::NEG_INFINITY, f64::max)],
            ci95: if ends.len() == count { end(0).zip(end(1)).map(|(low, high)| [low, high]) } else { None },
        })
    }

    fn not_strict(&self) -> Option<&str> {
        self.results.iter().find(|result| !result.strict).map(|result| result.not_strict_because.first().map_or("", String::as_str))
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    mean_of(values.iter().copied())
}

fn mean_of(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let count = values.len();
    (count > 0).then(|| values.sum::<f64>() / count as f64)
}

/// All rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AblationTable {
    /// Name of the footage.
    pub dataset: String,
    /// Seeds of every row.
    pub seeds: Vec<u64>,
    /// Rows, the base first.
    pub rows: Vec<AblationRow>,
}

impl AblationTable {
    /// Columns that some result has, in order.
    pub fn columns(&self) -> Vec<&'static str> {
        let found: BTreeSet<&str> =
            self.rows.iter().flat_map(|row| &row.results).flat_map(|result| result.columns.keys().map(String::as_str)).collect();
        COLUMNS.into_iter().chain([PIXEL]).filter(|column| found.contains(column)).collect()
    }

    /// How far the score of a row lies above that of the first one, by means over seeds.
    fn difference(&self, row: &AblationRow) -> Option<f64> {
        Some(row.spread(SCORE)?.mean - self.rows.first()?.spread(SCORE)?.mean)
    }

    /// As CSV, shares: of each column mean, standard deviation, lowest and highest seed, ends of the interval; empty where not known.
    pub fn to_csv(&self) -> String {
        let columns = self.columns();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut head: Vec<String> = ["row", "settings", "seeds", "strict", "difference"].map(String::from).to_vec();
        for column in &columns {
            head.push(column.to_string());
            head.extend(["sd", "lowest", "highest", "ci95_low", "ci95_high"].map(|what| format!("{column}_{what}")));
        }
        let _ = writer.write_record(&head);
        let number = |value: Option<f64>| value.map(|value| format!("{value:.6}")).unwrap_or_default();
        for row in &self.rows {
            let strict = if row.results.is_empty() { String::new() } else { row.not_strict().is_none().to_string() };
            let mut cells = vec![row.name.clone(), row.set.join(" "), row.results.len().to_string(), strict, number(self.difference(row))];
            for column in &columns {
                let spread = row.spread(column);
                let of = |pick: &dyn Fn(Spread) -> Option<f64>| number(spread.and_then(pick));
                cells.extend([of(&|s| Some(s.mean)), of(&|s| s.deviation), of(&|s| Some(s.range[0])), of(&|s| Some(s.range[1]))]);
                cells.extend([of(&|s| s.ci95.map(|ends| ends[0])), of(&|s| s.ci95.map(|ends| ends[1]))]);
            }
            let _ = writer.write_record(&cells);
        }
        // Writing into memory does not fail, and every record is as long as the head.
        String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
    }

    /// As Markdown, per cent, with what the numbers are below.
    pub fn to_markdown(&self) -> String {
        let columns = self.columns();
        let head: Vec<&str> = columns.iter().flat_map(|&column| if column == SCORE { vec![SCORE, "Δ"] } else { vec![column] }).collect();
        let mut text = format!("| row | {} |\n|---|{}\n", head.join(" | "), "---|".repeat(head.len()));
        for (at, row) in self.rows.iter().enumerate() {
            let mark = if row.not_strict().is_some() { " *" } else { "" };
            let difference = self.difference(row).filter(|_| at > 0);
            let cells = columns.iter().flat_map(|&column| cells(row, column, difference));
            text += &format!("| {}{mark} | {} |\n", row.name.replace('|', "\\|"), cells.collect::<Vec<_>>().join(" | "));
        }
        text + "\n" + &self.below()
    }

    /// What the numbers are, and what is to be known about some of them.
    fn below(&self) -> String {
        let over = match self.seeds.as_slice() {
            [seed] => format!("seed {seed}"),
            seeds => {
                let named = seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
                format!("mean ± standard deviation over the seeds {named}")
            }
        };
        let pixel = if self.columns().contains(&PIXEL) { "; `pixel`: AUROC of all pixels of the map" } else { "" };
        let mut text = format!(
            "{}: strict frame AUC in per cent, {over}; in brackets the 95 % interval by clip bootstrap{pixel}. Δ: points above the first row. \
             Whoever chooses by this table has seen the test labels.\n",
            self.dataset
        );
        for row in &self.rows {
            if row.results.len() < self.seeds.len() {
                text += &format!("\n{}: {} of {} seeds.\n", row.name, row.results.len(), self.seeds.len());
            }
            if let Some(reason) = row.not_strict() {
                text += &format!("\n\\* {}: not strict, {reason}.\n", row.name);
            }
        }
        text
    }

    /// The scores as a plot: a line a row, its interval, its seeds and their mean.
    pub fn to_plot(&self) -> Plot {
        let shown = self.rows.iter().map(|row| RowMark {
            name: row.name.clone(),
            value: row.spread(SCORE).map(|spread| 100.0 * spread.mean),
            interval: row.spread(SCORE).and_then(|spread| spread.ci95).map(|ends| ends.map(|end| 100.0 * end)),
            each: row.results.iter().filter_map(|result| Some(100.0 * result.columns.get(SCORE)?.auroc?)).collect(),
        });
        plot_rows(&self.dataset, &shown.collect::<Vec<_>>(), "strict frame AUC of the score, %")
    }
}

/// A column's cell, and after that of the score how far it lies above that of the first row.
fn cells(row: &AblationRow, column: &str, difference: Option<f64>) -> Vec<String> {
    let spread = row.spread(column);
    let mut cell = spread.map_or_else(|| "–".to_string(), |spread| percent(spread.mean));
    if let Some(deviation) = spread.and_then(|spread| spread.deviation) {
        cell += &format!(" ± {}", percent(deviation));
    }
    if column != SCORE {
        return vec![cell];
    }
    if let Some([low, high]) = spread.and_then(|spread| spread.ci95) {
        cell += &format!(" [{}, {}]", percent(low), percent(high));
    }
    vec![cell, difference.map_or_else(String::new, |points| signed(100.0 * points))]
}

fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

fn signed(points: f64) -> String {
    let rounded = format!("{:.1}", points.abs());
    match points < 0.0 && rounded != "0.0" {
        true => format!("−{rounded}"),
        false => format!("+{rounded}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plot::check_well_formed;
    use super::*;

    fn result(seed: u64, score: f64, strict: bool) -> AblationResult {
        let judged = |auroc: f64| Judged { auroc: Some(auroc), ci95: Some([auroc - 0.1, auroc + 0.02]) };
        AblationResult {
            schema: AblationResult::SCHEMA,
            settings: serde_json::json!({ "seed": seed }),
            depends_on: "footage".into(),
            seed,
            columns: BTreeMap::from([(SCORE.into(), judged(score)), ("motion".into(), judged(0.75)), ("pixel".into(), Judged::default())]),
            strict,
            not_strict_because: if strict { Vec::new() } else { vec!["the test set chose".into()] },
            model_sha256: None,
            scores_sha256: Some("ab".into()),
            program_version: "0".into(),
            commands: vec!["skipgan train".into()],
        }
    }

    fn table() -> AblationTable {
        let row = |name: &str, set: &[&str], results: Vec<AblationResult>| AblationRow {
            name: name.into(),
            set: set.iter().map(ToString::to_string).collect(),
            results,
        };
        AblationTable {
            dataset: "street".into(),
            seeds: vec![1, 2],
            rows: vec![
                row("base", &[], vec![result(1, 0.90, true), result(2, 0.92, true)]),
                row("no skips, w|o", &["skips=false", "lambda=0.5"], vec![result(1, 0.80, false)]),
                row("failed", &["lr=9"], Vec::new()),
            ],
        }
    }

    #[test]
    fn mean_and_spread_are_those_of_the_seeds() {
        let table = table();
        let spread = table.rows[0].spread(SCORE).expect("two seeds");
        assert!((spread.mean - 0.91).abs() < 1e-12 && (spread.deviation.expect("two") - 0.02 / 2f64.sqrt()).abs() < 1e-12, "{spread:?}");
        assert_eq!((spread.count, spread.range), (2, [0.90, 0.92]));
        let [low, high] = spread.ci95.expect("intervals");
        assert!((low - 0.81).abs() < 1e-12 && (high - 0.93).abs() < 1e-12);
        assert_eq!(table.rows[1].spread(SCORE).expect("one seed").deviation, None);
        assert_eq!((table.rows[2].spread(SCORE), table.rows[0].spread(PIXEL)), (None, None));
    }

    #[test]
    fn the_table_as_text() {
        let markdown = table().to_markdown();
        let lines: Vec<&str> = markdown.lines().collect();
        assert_eq!(lines[0], "| row | score | Δ | motion | pixel |");
        assert_eq!(lines[2], "| base | 91.0 ± 1.4 [81.0, 93.0] |  | 75.0 ± 0.0 | – |");
        assert_eq!(lines[3], "| no skips, w\\|o * | 80.0 [70.0, 82.0] | −11.0 | 75.0 | – |");
        assert_eq!(lines[4], "| failed | – |  | – | – |");
        assert!(markdown.contains("seeds 1, 2") && markdown.contains("failed: 0 of 2 seeds.") && markdown.contains("not strict, the test"));
    }

    #[test]
    fn the_table_as_csv() {
        let csv = table().to_csv();
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let head = reader.headers().expect("a head").clone();
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("as long as the head");
        let cell = |row: usize, name: &str| rows[row].get(head.iter().position(|column| column == name).expect(name)).expect("a cell");
        assert_eq!((cell(0, "score"), cell(0, "score_lowest"), cell(0, "difference")), ("0.910000", "0.900000", "0.000000"));
        assert_eq!((cell(1, "row"), cell(1, "settings"), cell(1, "strict")), ("no skips, w|o", "skips=false lambda=0.5", "false"));
        assert_eq!((cell(2, "seeds"), cell(2, "score"), cell(2, "strict")), ("0", "", ""));
    }

    #[test]
    fn the_plot_is_well_formed_and_names_every_row() {
        let text = table().to_plot().file(720);
        check_well_formed(&text).expect("an SVG");
        assert!(["base", "no skips, w|o", "failed"].iter().all(|name| text.contains(name)), "{text}");
        assert!(AblationTable::default().to_plot().file(720).contains("svg"));
    }

    #[test]
    fn a_record_comes_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results/a.json");
        assert_eq!(AblationResult::read(&path).expect("nothing there"), None);
        let result = result(3, 0.5, true);
        result.write(&path).expect("writable");
        assert_eq!(AblationResult::read(&path).expect("readable"), Some(result));
        std::fs::write(&path, "{").expect("writable");
        assert!(AblationResult::read(&path).expect_err("broken").to_string().contains("ablation result"));
    }
}
