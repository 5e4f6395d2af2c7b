//! Which trainings and which results a grid comes to, which of them are there already, and where everything lies.

use super::grid::{Grid, Row};
use super::settings::{result_id, training_id};
use crate::commands::CommandError;
use crate::config::Config;
use crate::data::PictureSettings;
use crate::report::ResultFileError;
use crate::report::ablation::AblationResult;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of an ablation.
#[derive(Clone, Debug)]
pub(super) struct Places {
    out: PathBuf,
}

impl Places {
    /// A new folder, or that of an earlier call; nothing is made yet.
    pub(super) fn at(out: &Path) -> Result<Places, CommandError> {
        let places = Places { out: out.to_path_buf() };
        let holds_something = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
        if holds_something && !places.trainings().is_dir() {
            let told = "is not empty and holds no ablation: name another folder with --out, or remove it";
            return Err(CommandError::Usage(format!("{} {told}", out.display())));
        }
        Ok(places)
    }

    /// Makes the folders.
    pub(super) fn make(&self) -> Result<(), CommandError> {
        for folder in [self.trainings(), self.out.join("results"), self.out.join("scores")] {
            let told = |source| CommandError::Io { path: folder.clone(), action: "make the folder", source };
            std::fs::create_dir_all(&folder).map_err(told)?;
        }
        Ok(())
    }

    fn trainings(&self) -> PathBuf {
        self.out.join("trainings")
    }

    pub(super) fn run(&self, training: &str) -> PathBuf {
        self.trainings().join(training)
    }

    /// A copy of a training's checkpoint with the statistics of another scoring, while it is needed.
    pub(super) fn variant(&self, result: &str) -> PathBuf {
        self.out.join("variants").join(format!("{result}.safetensors"))
    }

    pub(super) fn result(&self, result: &str) -> PathBuf {
        self.out.join("results").join(format!("{result}.json"))
    }

    pub(super) fn scores(&self, result: &str) -> PathBuf {
        self.out.join("scores").join(format!("{result}.csv"))
    }

    /// Maps, while they are needed.
    pub(super) fn maps(&self, result: &str) -> PathBuf {
        self.out.join("maps").join(result)
    }

    /// Frames and motion of the training footage, one folder for all rows that see it alike.
    pub(super) fn cache(&self, picture: &PictureSettings) -> PathBuf {
        let sha256: String = Sha256::digest(format!("{picture:?}")).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        self.out.join("cache").join(format!("{}x{}-{sha256}", picture.width, picture.height))
    }

    pub(super) fn table(&self, extension: &str) -> PathBuf {
        self.out.join(format!("table.{extension}"))
    }

    pub(super) fn plot(&self) -> PathBuf {
        self.out.join("plot.svg")
    }
}

/// What is looked at.
#[derive(Clone, Debug)]
pub(super) struct Footage {
    /// Digest of the training clips.
    pub(super) training: String,
    /// Everything beside the settings that a result depends on.
    pub(super) all: String,
    /// Columns and rows of its frames.
    pub(super) aspect: Option<(usize, usize)>,
}

/// One network and the results that it serves.
#[derive(Clone, Debug)]
pub(super) struct Training {
    pub(super) id: String,
    /// The page of the first row that needs it.
    pub(super) config: Config,
    /// Preset and `--set` of that row.
    pub(super) preset: String,
    pub(super) set: Vec<String>,
    pub(super) picture: PictureSettings,
    pub(super) results: Vec<Planned>,
}

/// One row with one seed.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) id: String,
    /// For people.
    pub(super) label: String,
    pub(super) config: Config,
}

/// Everything.
#[derive(Debug)]
pub(super) struct Plan {
    /// Names of results, for each row one a seed.
    pub(super) rows: Vec<Vec<String>>,
    /// What has to be done.
    pub(super) trainings: Vec<Training>,
    /// What is there already.
    pub(super) there: BTreeMap<String, AblationResult>,
}

impl Plan {
    /// Lays out what `grid` comes to on this footage.
    pub(super) fn new(grid: &Grid, footage: &Footage, places: &Places) -> Result<Plan, CommandError> {
        let mut plan = Plan { rows: Vec::new(), trainings: Vec::new(), there: BTreeMap::new() };
        for row in &grid.rows {
            let told = |error: &dyn std::fmt::Display| CommandError::Usage(format!("row '{}': {error}", row.name));
            let (height, width) = row.config.picture(footage.aspect).map_err(|error| told(&error))?;
            row.config.spec(height, width).map_err(|error| told(&error))?;
            let picture = PictureSettings::new(&row.config, height, width);
            let ids = grid.seeds.iter().map(|&seed| plan.add(row, seed, grid, &picture, footage, places));
            let ids = ids.collect::<Result<Vec<String>, CommandError>>()?;
            plan.rows.push(ids);
        }
        Ok(plan)
    }

    /// The result of a row with a seed: taken where it is there, else noted with its training. Its name.
    fn add(
        &mut self,
        row: &Row,
        seed: u64,
        grid: &Grid,
        picture: &PictureSettings,
        footage: &Footage,
        places: &Places,
    ) -> Result<String, CommandError> {
        let config = Config { seed, ..row.config.clone() };
        let depends_on = depends_on(grid, footage);
        let id = result_id(&config, &depends_on);
        if self.there.contains_key(&id) {
            return Ok(id);
        }
        if let Some(result) = existing(&places.result(&id), &config, &depends_on)? {
            self.there.insert(id.clone(), result);
            return Ok(id);
        }
        let training = training_id(&config, &footage.training);
        let label = if grid.seeds.len() > 1 { format!("{}, seed {seed}", row.name) } else { row.name.clone() };
        let planned = Planned { id: id.clone(), label, config: config.clone() };
        match self.trainings.iter_mut().find(|other| other.id == training) {
            Some(other) if other.results.iter().any(|result| result.id == id) => {}
            Some(other) => other.results.push(planned),
            None => self.trainings.push(Training {
                id: training,
                config,
                preset: row.preset.clone(),
                set: row.set.clone(),
                picture: *picture,
                results: vec![planned],
            }),
        }
        Ok(id)
    }

    /// Results that have to be made.
    pub(super) fn missing(&self) -> usize {
        self.trainings.iter().map(|training| training.results.len()).sum()
    }
}

/// What beside its settings a result of this grid depends on.
pub(super) fn depends_on(grid: &Grid, footage: &Footage) -> String {
    format!("{} maps={}", footage.all, grid.maps)
}

/// The record in that file, where it was made with these very settings. A file that cannot be read as one is made again.
fn existing(path: &Path, config: &Config, depends_on: &str) -> Result<Option<AblationResult>, CommandError> {
    match AblationResult::read(path) {
        Ok(found) => Ok(found.filter(|found| found.settings == settings_of(config) && found.depends_on == depends_on)),
        Err(ResultFileError::Json { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A page as the record holds it.
pub(super) fn settings_of(config: &Config) -> serde_json::Value {
    serde_json::to_value(config).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footage() -> Footage {
        Footage { training: "t".into(), all: "a".into(), aspect: Some((360, 240)) }
    }

    fn grid(text: &str) -> Grid {
        Grid::parse(text, &[]).expect("sound")
    }

    #[test]
    fn rows_share_trainings_and_equal_rows_results() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places::at(folder.path()).expect("a new folder");
        let text = "seeds = [1, 2]\n[[row]]\nname = \"no skips\"\nset = [\"skips=false\"]\n[[row]]\nname = \"half\"\nset = [\"lambda=0.5\"]\n\
                    [[row]]\nname = \"the base again\"\n";
        let plan = Plan::new(&grid(text), &footage(), &places).expect("a plan");
        assert_eq!((plan.rows.len(), plan.trainings.len(), plan.missing()), (4, 4, 6));
        assert_eq!(plan.rows[0], plan.rows[3]);
        assert_ne!(plan.rows[0], plan.rows[2]);
        let labels: Vec<&str> = plan.trainings[0].results.iter().map(|result| result.label.as_str()).collect();
        assert_eq!(labels, ["base, seed 1", "half, seed 1"]);
    }

    #[test]
    fn a_result_is_taken_only_where_its_settings_agree() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places::at(folder.path()).expect("a new folder");
        let grid = grid("[scoring]\nlambda = [0.5]\n");
        let planned = Plan::new(&grid, &footage(), &places).expect("a plan").trainings[0].results[0].clone();
        let mut result = AblationResult {
            schema: 1,
            settings: settings_of(&planned.config),
            depends_on: depends_on(&grid, &footage()),
            seed: 1,
            columns: BTreeMap::new(),
            strict: true,
            not_strict_because: Vec::new(),
            model_sha256: None,
            scores_sha256: None,
            program_version: "0".into(),
            commands: Vec::new(),
        };
        let missing = || Plan::new(&grid, &footage(), &places).expect("a plan").missing();
        result.write(&places.result(&planned.id)).expect("writable");
        assert_eq!(missing(), 0);
        result.settings["lambda"] = 0.25.into();
        result.write(&places.result(&planned.id)).expect("writable");
        assert_eq!(missing(), 1);
        std::fs::write(places.result(&planned.id), "half a fi").expect("writable");
        assert_eq!(missing(), 1);
        assert!(Places::at(folder.path()).is_err(), "trainings are missing: it may be anyone's");
        places.make().expect("writable");
        Places::at(folder.path()).expect("its own folder");
    }

    #[test]
    fn a_network_that_cannot_be_built_names_its_row() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places::at(folder.path()).expect("a new folder");
        let text = "[[row]]\nname = \"odd\"\nset = [\"side=33\"]\n";
        let message = Plan::new(&grid(text), &footage(), &places).expect_err("33 is odd").to_string();
        assert!(message.starts_with("row 'odd': ") && message.contains("33"), "{message}");
        let full = folder.path().join("full");
        std::fs::create_dir(&full).expect("a folder");
        std::fs::write(full.join("letter.txt"), "").expect("writable");
        assert!(Places::at(&full).expect_err("not ours").to_string().contains("--out"));
    }
}
