//! `ablate DATA --grid F`: trains, scores and judges every row of a grid with every seed, and lays the numbers side by side.
//!
//! It adds nothing to what `train`, `calibrate`, `score` and `evaluate` do; it knows which of them have to be done. Rows that differ only in
//! what scores read share a training, all rows that see footage alike share its decoded frames, and what is there is not made again.

mod board;
pub mod grid;
mod plan;
mod settings;
mod work;

use super::CommandError;
use super::event::{Event, Listener};
use super::reading::{self, Reading, shown};
use super::still_branch::are_stills;
use super::truth::Truth;
use crate::atomic_file::write_atomically;
use crate::config::Sees;
use crate::data::cache::DEFAULT_LIMIT_BYTES;
use crate::data::fingerprint::fingerprint;
use crate::data::{DataError, DataSet, PictureSettings, masks};
use crate::report::ablation::{AblationResult, AblationRow, AblationTable};
use crate::words::counted;
use board::{Board, Ended, Message, Teller};
use grid::Grid;
use plan::{Footage, Places, Plan};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;
use work::Shared;

/// What to compare, on what, into which folder.
#[derive(Clone, Debug)]
pub struct AblateOptions {
    /// A data set with normal training footage and labelled test clips.
    pub data: Vec<PathBuf>,
    /// The grid file.
    pub grid: PathBuf,
    /// Folder of everything; new, empty, or that of an earlier call.
    pub out: PathBuf,
    /// Laid over the grid's base.
    pub set: Vec<String>,
    /// Labels in a place of their own.
    pub labels: Option<PathBuf>,
    /// How footage is read.
    pub reading: Reading,
    /// Worker threads of all rows together; 0: one a core.
    pub threads: usize,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Ablated {
    /// The numbers.
    pub table: AblationTable,
    /// Where they are: CSV, Markdown, plot.
    pub files: [PathBuf; 3],
    /// Results made in this call.
    pub made: usize,
    /// Results that were there.
    pub there: usize,
    /// Results that are wanted.
    pub wanted: usize,
    /// Row (and seed) and why it has no result.
    pub failed: Vec<(String, String)>,
    /// Whether Ctrl-C ended it; nothing is lost, and the table is not written.
    pub interrupted: bool,
    /// Seconds.
    pub seconds: f64,
}

/// Makes what is missing, side by side, and writes the table.
///
/// # Errors
/// [`CommandError`] where nothing can be begun. A row that fails is told in [`Ablated::failed`]; the others go on.
pub fn run(options: &AblateOptions, cancel: &AtomicBool, listener: &mut dyn Listener) -> Result<Ablated, CommandError> {
    let begun = Instant::now();
    let grid = Grid::read(&options.grid, &options.set)?;
    let set = options.reading.find(&options.data)?;
    listener.hear(Event::Note(set.summary()));
    let footage = look(&set, &grid, options)?;
    let places = Places::at(&options.out)?;
    let mut plan = Plan::new(&grid, &footage, &places)?;
    tell(&plan, &grid, listener);
    places.make()?;
    let depends_on = plan::depends_on(&grid, &footage);
    let there = plan.there.len();
    let shared = Shared {
        data: &options.data,
        labels: options.labels.as_deref(),
        reading: &options.reading,
        places: &places,
        maps: grid.maps,
        depends_on: &depends_on,
        cancel,
    };
    prepare(&plan, &set, &shared, options.threads, listener)?;
    let made = side_by_side(&plan, &shared, options.threads, listener);
    plan.there.extend(made.results);
    let interrupted = cancel.load(Ordering::Relaxed) && plan.there.len() < there + plan.missing();
    let ablated = Ablated {
        table: table(&plan, &grid, set.name()),
        files: [places.table("csv"), places.table("md"), places.plot()],
        made: plan.there.len() - there,
        there,
        wanted: there + plan.missing(),
        failed: made.failed,
        interrupted,
        seconds: begun.elapsed().as_secs_f64(),
    };
    if !interrupted {
        ablated.write()?;
    }
    Ok(ablated)
}

/// What is missing for judging is told before anything is decoded, and the footage gets its digest.
fn look(set: &DataSet, grid: &Grid, options: &AblateOptions) -> Result<Footage, CommandError> {
    let training = set.for_training()?;
    if set.test.is_empty() {
        let told = format!("{} has no test part to judge by: name a data set with training and test clips", set.name());
        return Err(CommandError::Usage(told));
    }
    if are_stills(training) && grid.rows.iter().any(|row| row.config.sees.motion()) {
        let told = "these are single pictures, and the still branch of preset video cannot be a row of a grid: name preset paper, official or autoencoder";
        return Err(CommandError::Usage(told.into()));
    }
    match Truth::read(set, options.labels.as_deref(), &BTreeMap::new()) {
        Err(CommandError::Data(DataError::FramesUnknown { .. })) | Ok(_) => {}
        Err(error) => return Err(error),
    }
    if grid.maps && !set.test.iter().any(|clip| !matches!(masks::find(set, clip, None), Ok(None))) {
        let told = format!("maps = true in {} needs pixel masks, and {} has none: leave maps out", shown(&options.grid), set.name());
        return Err(CommandError::Usage(told));
    }
    let own = fingerprint(training)?;
    let labels = options.labels.as_deref().map(shown).unwrap_or_default();
    let open = &options.reading.open;
    let all = format!("training={own} test={} labels={labels} decoder={:?} fps={:?}", fingerprint(&set.test)?, open.decoder, open.fps);
    Ok(Footage { training: own, all, aspect: options.reading.aspect(training)? })
}

fn tell(plan: &Plan, grid: &Grid, listener: &mut dyn Listener) {
    let (rows, seeds) = (counted(grid.rows.len(), "row"), counted(grid.seeds.len(), "seed"));
    let there = if plan.there.is_empty() { String::new() } else { format!(", {} are there", plan.there.len()) };
    let text = match plan.missing() {
        0 => format!("{rows} with {seeds}: all {} are there", counted(plan.there.len(), "result")),
        missing => {
            format!("{rows} with {seeds}: {} to make by {}{there}", counted(missing, "result"), counted(plan.trainings.len(), "training"))
        }
    };
    listener.hear(Event::Note(text));
}

/// Decodes the training footage, and computes its motion, once for every way in which rows see it. The rows then only read.
fn prepare(plan: &Plan, set: &DataSet, shared: &Shared<'_>, threads: usize, listener: &mut dyn Listener) -> Result<(), CommandError> {
    let mut ways: Vec<(PictureSettings, Sees)> = Vec::new();
    for training in &plan.trainings {
        match ways.iter_mut().find(|(picture, _)| *picture == training.picture) {
            Some((_, sees)) if training.config.sees.motion() => *sees = training.config.sees,
            Some(_) => {}
            None => ways.push((training.picture, training.config.sees)),
        }
    }
    let clips = set.for_training()?;
    for (picture, sees) in ways {
        let folder = shared.places.cache(&picture);
        let limit = reading::cache_limit(DEFAULT_LIMIT_BYTES, sees, &picture);
        let cache = shared.reading.cache(&folder, clips, &picture, limit, shared.cancel, listener)?;
        reading::motion(&cache, sees, threads, shared.cancel, listener)?;
    }
    Ok(())
}

/// Results by name, and what failed.
#[derive(Default)]
struct Made {
    results: BTreeMap<String, AblationResult>,
    failed: Vec<(String, String)>,
}

/// Trainings side by side, as many as there are threads, the threads divided among them.
fn side_by_side(plan: &Plan, shared: &Shared<'_>, threads: usize, listener: &mut dyn Listener) -> Made {
    let all = reading::worker_count(threads).max(1);
    let workers = all.min(plan.trainings.len());
    let (sender, messages) = mpsc::channel();
    let next = AtomicUsize::new(0);
    let mut made = Made::default();
    let mut board = Board::new(plan.missing());
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let share = all / workers + usize::from(worker < all % workers);
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || work_off(plan, shared, next, share, &Teller::new(worker, sender)));
        }
        drop(sender);
        for message in messages {
            match message {
                Message::Told { worker, label, event } => board.hear(worker, &label, event, listener),
                Message::Ended(Ended { id, label, result: Ok(result) }) => {
                    board.count(&label, &result, listener);
                    made.results.insert(id, *result);
                }
                Message::Ended(Ended { label, result: Err(why), .. }) => {
                    listener.hear(Event::Warning(format!("{label}: {why}")));
                    made.failed.push((label, why));
                }
            }
        }
    });
    board.end(listener);
    made
}

/// One thread's work: training after training until none is left or Ctrl-C is pressed.
fn work_off(plan: &Plan, shared: &Shared<'_>, next: &AtomicUsize, threads: usize, teller: &Teller) {
    while let Some(training) = plan.trainings.get(next.fetch_add(1, Ordering::Relaxed)) {
        if shared.cancel.load(Ordering::Relaxed) {
            return;
        }
        let label = training.results.first().map_or("", |planned| planned.label.as_str());
        let trained = shared.train(training, threads, &mut teller.about(label)).map_err(|error| error.to_string());
        for planned in &training.results {
            if shared.cancel.load(Ordering::Relaxed) {
                return;
            }
            let result = match &trained {
                Ok(()) => shared.result(training, planned, threads, &mut teller.about(&planned.label)).map_err(|error| error.to_string()),
                Err(why) => Err(why.clone()),
            };
            // What fails after Ctrl-C was interrupted.
            if result.is_ok() || !shared.cancel.load(Ordering::Relaxed) {
                teller.ended(Ended { id: planned.id.clone(), label: planned.label.clone(), result: result.map(Box::new) });
            }
        }
    }
}

fn table(plan: &Plan, grid: &Grid, dataset: String) -> AblationTable {
    let rows = grid.rows.iter().zip(&plan.rows).map(|(row, ids)| AblationRow {
        name: row.name.clone(),
        set: row.own.clone(),
        results: ids.iter().filter_map(|id| plan.there.get(id).cloned()).collect(),
    });
    AblationTable { dataset, seeds: grid.seeds.clone(), rows: rows.collect() }
}

/// CSS pixels across the plot's file.
const PLOT_WIDTH: u32 = 860;

impl Ablated {
    fn write(&self) -> Result<(), CommandError> {
        let texts = [self.table.to_csv(), self.table.to_markdown(), self.table.to_plot().file(PLOT_WIDTH)];
        for (path, text) in self.files.iter().zip(texts) {
            let told = |source| CommandError::Io { path: path.clone(), action: "write", source };
            write_atomically(path, text.as_bytes()).map_err(told)?;
        }
        Ok(())
    }

    /// One JSON object a row and seed.
    pub fn results_json(&self) -> Vec<Value> {
        let of = |row: &AblationRow| row.results.iter().map(|result| line(&row.name, &row.set, result)).collect::<Vec<_>>();
        self.table.rows.iter().flat_map(of).collect()
    }

    /// All of it as one JSON object.
    pub fn to_json(&self) -> Value {
        let [csv, markdown, plot] = &self.files;
        let failed: Vec<Value> = self.failed.iter().map(|(row, why)| json!({ "row": row, "why": why })).collect();
        json!({
            "schema": 1, "rows": self.table.rows.len(), "seeds": self.table.seeds, "results": self.wanted, "made": self.made,
            "there": self.there, "failed": failed, "csv": csv, "markdown": markdown, "plot": plot, "seconds": self.seconds,
        })
    }

    /// The table, and where it lies.
    pub fn to_text(&self) -> String {
        let [csv, markdown, plot] = self.files.each_ref().map(|path| shown(path));
        let mut text = self.table.to_markdown();
        text += &format!("\n{} made, {} there before, in {:.0} s\n", counted(self.made, "result"), self.there, self.seconds);
        text + &format!("table: {csv}, {markdown}\nplot:  {plot}")
    }

    /// What to say where results are missing.
    pub fn failure(&self) -> Option<String> {
        let (label, why) = self.failed.first()?;
        let others = "the table holds the others, and the same command tries these again";
        Some(format!("{} of {} failed, {others}; {label}: {why}", self.failed.len(), counted(self.wanted, "result")))
    }
}

fn line(row: &str, set: &[String], result: &AblationResult) -> Value {
    let mut object = json!({ "schema": 1, "row": row, "set": set });
    if let (Some(object), Ok(Value::Object(record))) = (object.as_object_mut(), serde_json::to_value(result)) {
        object.extend(record.into_iter().filter(|(key, _)| key != "settings" && key != "depends_on"));
    }
    object
}
