//! The grid file (docs/formats/grid.md): a base, named rows, cross products, seeds; read, checked and made into rows.

use super::settings::{key_of, laid};
use crate::commands::CommandError;
use crate::config::{Config, SCORING_KEYS};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

/// Largest grid file that is read.
const MOST_BYTES: u64 = 1 << 20;
/// Most results (rows times seeds) of one grid.
pub const MOST_RESULTS: u128 = 1000;

/// The file as it stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GridFile {
    #[serde(default = "base_name")]
    name: String,
    #[serde(default = "default_preset")]
    preset: String,
    #[serde(default)]
    set: Vec<String>,
    seeds: Option<Vec<u64>>,
    #[serde(default)]
    maps: bool,
    #[serde(default)]
    row: Vec<RowFile>,
    #[serde(default)]
    grid: toml::Table,
    #[serde(default)]
    scoring: toml::Table,
}

fn base_name() -> String {
    "base".into()
}

fn default_preset() -> String {
    "video".into()
}

/// A named row as it stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowFile {
    name: String,
    preset: Option<String>,
    #[serde(default)]
    set: Vec<String>,
}

/// One row of the table to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// The preset that it starts from.
    pub preset: String,
    /// What is laid over the preset, in an order in which `--set` takes it.
    pub set: Vec<String>,
    /// What of that is the row's own.
    pub own: Vec<String>,
    /// The page; its seed is that of the preset.
    pub config: Config,
}

/// What is to be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Rows, the base first.
    pub rows: Vec<Row>,
    /// Each row is trained with each of them.
    pub seeds: Vec<u64>,
    /// Whether maps are written and judged by pixel masks.
    pub maps: bool,
}

impl Grid {
    /// Reads a grid file; `over` is laid over its base.
    ///
    /// # Errors
    /// [`CommandError::Usage`], one sentence that names the file and the row; [`CommandError::Io`].
    pub fn read(path: &Path, over: &[String]) -> Result<Grid, CommandError> {
        let told = |source| CommandError::Io { path: path.to_path_buf(), action: "read the grid file", source };
        let mut text = String::new();
        std::fs::File::open(path).map_err(told)?.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(told)?;
        if text.len() as u64 > MOST_BYTES {
            return Err(CommandError::Usage(format!("{}: more than {MOST_BYTES} bytes are no grid file", path.display())));
        }
        Grid::parse(&text, over).map_err(|message| CommandError::Usage(format!("{}: {message}", path.display())))
    }

    /// Makes rows of a grid file's text.
    ///
    /// # Errors
    /// One sentence that names what is wrong and the row.
    pub fn parse(text: &str, over: &[String]) -> Result<Grid, String> {
        let file: GridFile = toml::from_str(text).map_err(|error| told(text, &error))?;
        let (columns, scoring) = (values(&file.grid, "grid")?, values(&file.scoring, "scoring")?);
        if let Some((key, _)) = scoring.iter().find(|(key, _)| !SCORING_KEYS.contains(&key.as_str())) {
            let known = SCORING_KEYS.join(", ");
            return Err(format!("scoring.{key}: belongs to the training, so it has its place in [grid]; keys of scores are {known}"));
        }
        if file.row.is_empty() && columns.is_empty() && scoring.is_empty() {
            return Err("nothing to compare: give at least one [[row]], a [grid] or [scoring] with KEY = [VALUES]".into());
        }
        let seeds = file.seeds.clone();
        check_size(&file, &columns, &scoring, seeds.as_ref().map_or(1, Vec::len))?;
        let rows = expand(&file, over, &columns, &scoring)?;
        let seeds = check_seeds(seeds.unwrap_or_else(|| vec![rows[0].config.seed]))?;
        check_names(&rows)?;
        Ok(Grid { rows, seeds, maps: file.maps })
    }
}

/// A parser's error on one line, with the line of the file.
fn told(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
    let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    format!("{place}{}", error.message().split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Key and values of a cross product.
type Values = Vec<(String, Vec<String>)>;

/// The lists of a table, each value as TOML.
fn values(table: &toml::Table, section: &str) -> Result<Values, String> {
    let list = |(key, value): (&String, &toml::Value)| match value.as_array() {
        None => Err(format!("{section}.{key}: expected a list of values, such as {key} = [{value}]")),
        Some(values) if values.is_empty() => Err(format!("{section}.{key}: the list is empty; name at least one value")),
        Some(values) => Ok((key.clone(), values.iter().map(ToString::to_string).collect())),
    };
    table.iter().map(list).collect()
}

/// How many combinations a cross product has; 1 without lists.
fn combinations(values: &Values) -> u128 {
    values.iter().fold(1, |product: u128, (_, list)| product.saturating_mul(list.len() as u128))
}

/// Refuses what nobody wants to wait for, before any of it is made.
fn check_size(file: &GridFile, grid: &Values, scoring: &Values, seeds: usize) -> Result<(), String> {
    let crossed = if grid.is_empty() { 0 } else { combinations(grid) };
    let rows = crossed.saturating_add(1 + file.row.len() as u128).saturating_mul(combinations(scoring));
    let results = rows.saturating_mul(seeds as u128);
    if results <= MOST_RESULTS {
        return Ok(());
    }
    Err(format!("{rows} rows with {seeds} seeds each are {results} results, and at most {MOST_RESULTS} are taken on: leave values out"))
}

fn check_seeds(seeds: Vec<u64>) -> Result<Vec<u64>, String> {
    if seeds.is_empty() {
        return Err("seeds: the list is empty; name at least one, or leave the key out".into());
    }
    let once: BTreeSet<u64> = seeds.iter().copied().collect();
    if once.len() < seeds.len() {
        return Err("seeds: one stands twice in the list; a seed gives the same result each time".into());
    }
    Ok(seeds)
}

fn check_names(rows: &[Row]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    match rows.iter().find(|row| row.name.trim().is_empty() || !seen.insert(&row.name)) {
        None => Ok(()),
        Some(row) if row.name.trim().is_empty() => Err("a row has no name".into()),
        Some(row) => Err(format!("two rows have the name '{}'; rename one", row.name)),
    }
}

/// The base, the named rows, the cross product; each with every combination of scores.
fn expand(file: &GridFile, over: &[String], grid: &Values, scoring: &Values) -> Result<Vec<Row>, String> {
    let base: Vec<String> = file.set.iter().chain(over).cloned().collect();
    let mut plain = vec![row(&file.name, &file.preset, &base, &[])?];
    for named in &file.row {
        plain.push(row(&named.name, named.preset.as_ref().unwrap_or(&file.preset), &base, &named.set)?);
    }
    if !grid.is_empty() {
        for own in crossed(grid) {
            plain.push(row(&words(&own), &file.preset, &base, &own)?);
        }
    }
    if scoring.is_empty() {
        return Ok(plain);
    }
    let mut rows = Vec::new();
    for before in &plain {
        for scores in crossed(scoring) {
            let own: Vec<String> = before.own.iter().chain(&scores).cloned().collect();
            rows.push(row(&format!("{}, {}", before.name, words(&scores)), &before.preset, &base, &own)?);
        }
    }
    Ok(rows)
}

/// A row by what it lays over the base.
fn row(name: &str, preset: &str, base: &[String], own: &[String]) -> Result<Row, String> {
    for (key, instead) in [("seed", "seeds = [1, 2, 3]"), ("preset", "preset = \"video\"")] {
        if base.iter().chain(own).any(|assignment| key_of(assignment) == key) {
            return Err(format!("row '{name}': {key} is no setting of a row; write {instead} at its place in the grid file"));
        }
    }
    let told = |error: crate::config::ConfigError| format!("row '{name}': {}", error.to_string().trim_start_matches("--set "));
    let start = Config::preset(preset).map_err(told)?;
    let all: Vec<String> = base.iter().chain(own).cloned().collect();
    let (config, set) = laid(&start, &all).map_err(told)?;
    Ok(Row { name: name.into(), preset: preset.into(), set, own: own.to_vec(), config })
}

/// Every combination as assignments, the last key running fastest.
fn crossed(values: &Values) -> Vec<Vec<String>> {
    values.iter().fold(vec![Vec::new()], |before, (key, list)| {
        let with = |set: &Vec<String>, value: &String| set.iter().cloned().chain([format!("{key}={value}")]).collect();
        before.iter().flat_map(|set| list.iter().map(move |value| with(set, value))).collect()
    })
}

/// Assignments as a name.
fn words(assignments: &[String]) -> String {
    assignments.join(", ").replace('"', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(text: &str) -> Grid {
        Grid::parse(text, &[]).unwrap_or_else(|message| panic!("{message}"))
    }

    fn refused(text: &str) -> String {
        let message = Grid::parse(text, &[]).expect_err(text);
        assert!(!message.contains('\n'), "{message}");
        message
    }

    fn names(grid: &Grid) -> Vec<&str> {
        grid.rows.iter().map(|row| row.name.as_str()).collect()
    }

    #[test]
    fn named_rows_stand_in_their_order_after_the_base() {
        let text = "set = [\"steps=7\"]\nseeds = [3, 1]\n[[row]]\nname = \"no skips\"\nset = [\"skips=false\"]\n\
                    [[row]]\nname = \"authors\"\npreset = \"official\"\n";
        let grid = grid(text);
        assert_eq!(names(&grid), ["base", "no skips", "authors"]);
        assert_eq!((grid.seeds.as_slice(), grid.maps), (&[3, 1][..], false));
        assert_eq!(grid.rows[1].set, ["steps=7", "skips=false"]);
        assert_eq!(grid.rows[1].own, ["skips=false"]);
        assert!(grid.rows.iter().all(|row| row.config.steps == 7));
        assert_eq!(grid.rows[2].config.preset, "official");
    }

    #[test]
    fn cross_products_have_every_combination_once() {
        let grid = grid("name = \"ours\"\npreset = \"motion\"\n[grid]\nw_adv = [0, 0.5, 1]\norder = [\"repaired\", \"d_first\"]\n");
        assert_eq!(grid.rows.len(), 7);
        assert_eq!(names(&grid)[..3], ["ours", "order=repaired, w_adv=0", "order=repaired, w_adv=0.5"]);
        assert_eq!((grid.rows[6].config.w_adv, grid.rows[1].config.w_adv), (1.0, 0.0));
        assert_eq!(grid.seeds, [1], "the preset's");
    }

    #[test]
    fn scores_are_crossed_with_every_row() {
        let text = "[[row]]\nname = \"no skips\"\nset = [\"skips=false\"]\n[scoring]\nlambda = [0.5, 0.9]\nscore = [\"a\"]\n";
        let grid = grid(text);
        let expected =
            ["base, lambda=0.5, score=a", "base, lambda=0.9, score=a", "no skips, lambda=0.5, score=a", "no skips, lambda=0.9, score=a"];
        assert_eq!(names(&grid), expected);
        assert_eq!(grid.rows[2].config.lambda, 0.5);
    }

    #[test]
    fn what_the_command_line_says_is_laid_over_the_base() {
        let text = "set = [\"steps=7\", \"batch=2\"]\n[[row]]\nname = \"x\"\nset = [\"batch=3\"]\n";
        let grid = Grid::parse(text, &["steps=2".into(), "batch=4".into()]).expect("sound");
        let seen: Vec<(u64, usize)> = grid.rows.iter().map(|row| (row.config.steps, row.config.batch)).collect();
        assert_eq!(seen, [(2, 4), (2, 3)]);
    }

    #[test]
    fn an_absurd_grid_is_counted_before_it_is_made() {
        let list = (0..100).map(|i| i.to_string()).collect::<Vec<_>>().join(", ");
        let keys = ["w_adv", "w_con", "w_lat", "lr", "beta1", "beta2"].map(|key| format!("{key} = [{list}]\n")).concat();
        let message = refused(&format!("seeds = [1, 2]\n[grid]\n{keys}"));
        assert!(message.contains("1000000000001 rows with 2 seeds") && message.contains("at most 1000"), "{message}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let row = |set: &str| format!("[[row]]\nname = \"x\"\nset = [\"{set}\"]\n");
        for (text, parts) in [
            (String::new(), vec!["nothing to compare", "[[row]]"]),
            ("[grid]\nw_adv = []\n".into(), vec!["grid.w_adv", "empty"]),
            ("[grid]\nw_adv = 1\n".into(), vec!["grid.w_adv", "w_adv = [1]"]),
            ("[grid]\nlambada = [1]\n".into(), vec!["lambada=1"]),
            ("[scoring]\nskips = [true]\n".into(), vec!["scoring.skips", "[grid]", "lambda"]),
            ("rows = 1\n".into(), vec!["line 1", "rows"]),
            ("seeds = []\n[grid]\nw_adv = [1]\n".into(), vec!["seeds", "empty"]),
            ("seeds = [1, 1]\n[grid]\nw_adv = [1]\n".into(), vec!["seeds", "twice"]),
            ("preset = \"cinema\"\n[grid]\nw_adv = [1]\n".into(), vec!["cinema", "video, motion, official, paper, autoencoder"]),
            ("[grid\n".into(), vec!["line 1"]),
            (row("lambada=1"), vec!["row 'x'", "lambada"]),
            (row("lr=fast"), vec!["row 'x'", "lr"]),
            (row("seed=4"), vec!["row 'x'", "seeds = [1, 2, 3]"]),
            (row("w_adv=-1"), vec!["row 'x'", "w_adv"]),
            (row("w_adv=1") + &row("w_adv=2"), vec!["two rows", "'x'"]),
            ("[[row]]\nset = []\n".into(), vec!["name"]),
        ] {
            let message = refused(&text);
            for part in parts {
                assert!(message.contains(part), "'{part}' is not in: {message}");
            }
        }
    }

    #[test]
    fn the_example_is_a_grid() {
        let grid = grid(include_str!("../../../../../docs/ablations/video.toml"));
        assert!(grid.rows.len() > 12 && grid.seeds.len() >= 3, "{:?}", names(&grid));
        let trainings: BTreeSet<String> = grid.rows.iter().map(|row| super::super::settings::training_id(&row.config, "")).collect();
        assert!(trainings.len() < grid.rows.len(), "rows that differ in scores share a training");
    }
}
