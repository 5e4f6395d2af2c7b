//! What training leaves behind for people and programs: `metrics.csv` (one row a step, no clock in it, so that the same training gives
//! the same file), TensorBoard events and `samples/*.png`.

use super::error::TrainError;
use super::events::EventWriter;
use super::observer::Step;
use super::samples::Picture;
use crate::checkpoint::{CheckpointError, Run};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Columns of `metrics.csv`. Empty: not measured at that step. `validation` and `test_auc` belong to the state after the step.
pub const COLUMNS: &str = "step,epoch,generator,adversarial,contextual,latent,discriminator,real,fake,g_lr,d_lr,validation,test_auc";
/// TensorBoard gets about this many points a curve.
const EVENT_POINTS: u64 = 2000;

/// One validation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Steps done.
    pub step: u64,
    /// Epoch.
    pub epoch: u64,
    /// Contextual loss on held-out windows.
    pub validation: f64,
    /// Test AUC.
    pub test_auc: Option<f64>,
}

/// The open logs of a run.
pub struct Logs {
    run: Run,
    csv: BufWriter<File>,
    events: EventWriter,
    every: u64,
    /// The last row, held back until it is known whether a validation belongs to it.
    row: Option<String>,
}

impl Logs {
    /// Opens the logs; rows after step `step` are cut off (0: all but the header), since the steps come again.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] naming the file.
    pub fn open(run: &Run, step: u64, total_steps: u64) -> Result<Logs, TrainError> {
        let path = run.metrics();
        let csv = reopen(&path, step).map_err(|error| told(&path, error))?;
        let events = EventWriter::create(&run.events(), step).map_err(|error| told(&run.events(), error))?;
        let every = (total_steps / EVENT_POINTS).max(1);
        Ok(Logs { run: run.clone(), csv: BufWriter::new(csv), events, every, row: None })
    }

    /// A step.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] naming the file.
    pub fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        self.put_row(",")?;
        let (l, r) = (&step.losses, &step.rates);
        self.row = Some(format!(
            "{},{},{},{},{},{},{},{},{},{},{},",
            step.step,
            step.epoch,
            l.generator,
            l.adversarial,
            l.contextual,
            l.latent,
            l.discriminator,
            l.real,
            l.fake,
            r.generator.lr,
            r.discriminator.lr
        ));
        if !step.step.is_multiple_of(self.every) {
            return Ok(());
        }
        let scalars = [
            ("loss/generator", l.generator),
            ("loss/adversarial", l.adversarial),
            ("loss/contextual", l.contextual),
            ("loss/latent", l.latent),
            ("loss/discriminator", l.discriminator),
            ("loss/real", l.real),
            ("loss/fake", l.fake),
            ("rate/generator", r.generator.lr),
            ("rate/discriminator", r.discriminator.lr),
            ("speed/images_per_second", step.images_per_second),
        ];
        self.scalars(step.step, &scalars)
    }

    /// A validation, of the state after the last step told (or of the untrained network).
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] naming the file.
    pub fn measured(&mut self, measured: &Measured) -> Result<(), TrainError> {
        if self.row.is_none() {
            self.row = Some(format!("{},{},,,,,,,,,,", measured.step, measured.epoch));
        }
        let auc = measured.test_auc.map(|auc| auc.to_string()).unwrap_or_default();
        self.put_row(&format!("{},{auc}", measured.validation))?;
        self.scalars(measured.step, &[("loss/validation", measured.validation)])?;
        match measured.test_auc {
            Some(auc) => self.scalars(measured.step, &[("test/auc", auc)]),
            None => Ok(()),
        }
    }

    /// A sheet of samples.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] naming the file.
    pub fn samples(&mut self, step: u64, sheet: &Picture) -> Result<(), TrainError> {
        let path = self.run.samples().join(format!("step_{step:08}.png"));
        let png = sheet.to_png().map_err(|error| told(&path, io::Error::other(error)))?;
        fs::write(&path, &png).map_err(|error| told(&path, error))?;
        let size = (sheet.width as u32, sheet.height as u32);
        let written = self.events.picture("samples/input_reconstruction_map", step, size, &png);
        written.map_err(|error| told(self.events.path(), error))
    }

    /// Puts everything on disk: before each checkpoint, so that the rows it cuts at exist.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] naming the file.
    pub fn flush(&mut self) -> Result<(), TrainError> {
        self.put_row(",")?;
        self.csv.flush().map_err(|error| told(&self.run.metrics(), error))?;
        self.events.flush().map_err(|error| told(self.events.path(), error))
    }

    fn put_row(&mut self, end: &str) -> Result<(), TrainError> {
        let Some(row) = self.row.take() else { return Ok(()) };
        writeln!(self.csv, "{row}{end}").map_err(|error| told(&self.run.metrics(), error))
    }

    fn scalars(&mut self, step: u64, scalars: &[(&str, f64)]) -> Result<(), TrainError> {
        let write = || scalars.iter().try_for_each(|(tag, value)| self.events.scalar(tag, step, *value));
        let mut write = write;
        write().map_err(|error| told(self.events.path(), error))
    }
}

fn told(path: &Path, error: io::Error) -> TrainError {
    CheckpointError::from_io(path, "write", 0, error).into()
}

/// `metrics.csv` with its header and the rows up to `step`, open at its end.
fn reopen(path: &PathBuf, step: u64) -> io::Result<File> {
    if step == 0 || !path.exists() {
        let mut file = File::create(path)?;
        writeln!(file, "{COLUMNS}")?;
        return Ok(file);
    }
    let kept = bytes_up_to(path, step)?;
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(kept)?;
    drop(file);
    OpenOptions::new().append(true).open(path)
}

/// Bytes of the header and of the whole rows whose step is at most `step`.
fn bytes_up_to(path: &PathBuf, step: u64) -> io::Result<u64> {
    let (mut reader, mut kept, mut line) = (BufReader::new(File::open(path)?), 0, Vec::new());
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        let number = line.split(|byte| *byte == b',').next().and_then(|text| std::str::from_utf8(text).ok()?.parse::<u64>().ok());
        let header = kept == 0;
        if read == 0 || line.last() != Some(&b'\n') || !(header || number.is_some_and(|number| number <= step)) {
            return Ok(kept);
        }
        kept += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Existing;
    use crate::config::Config;
    use crate::model::engine::Losses;
    use crate::train::schedule::Schedule;

    fn step(step: u64) -> Step {
        let rates = Schedule::new(&Config::default(), 10).rates(step, 0);
        let losses = Losses { generator: step as f64 + 0.5, ..Losses::default() };
        Step { step, total_steps: 10, epoch: 0, losses, rates, images_per_second: 1.0, seconds_left: 1.0 }
    }

    #[test]
    fn rows_after_the_checkpoint_are_cut_and_come_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let run = Run::create(folder.path(), Existing::Refuse).expect("new");
        let write = |from: u64, to: u64| {
            let mut logs = Logs::open(&run, from, 10).expect("writable");
            for number in from + 1..=to {
                logs.step(&step(number)).expect("writable");
                if number % 3 == 0 {
                    let measured = Measured { step: number, epoch: 0, validation: 0.25, test_auc: None };
                    logs.measured(&measured).expect("writable");
                }
            }
            logs.flush().expect("writable");
            fs::read_to_string(run.metrics()).expect("there")
        };
        let whole = write(0, 7);
        assert_eq!(whole.lines().count(), 8);
        assert_eq!(whole.lines().nth(3), Some("3,0,3.5,0,0,0,0,0,0,0.0002,0.0002,0.25,"));
        assert!(whole.lines().all(|line| line.matches(',').count() == COLUMNS.matches(',').count()), "{whole}");
        fs::write(run.metrics(), format!("{whole}8,0,garbage")).expect("writable");
        assert_eq!(write(4, 7), whole);
    }

    #[test]
    fn an_untrained_network_has_a_row_of_its_own() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let run = Run::create(folder.path(), Existing::Refuse).expect("new");
        let mut logs = Logs::open(&run, 0, 0).expect("writable");
        logs.measured(&Measured { step: 0, epoch: 0, validation: 1.5, test_auc: Some(0.5) }).expect("writable");
        logs.flush().expect("writable");
        assert_eq!(fs::read_to_string(run.metrics()).expect("there").lines().nth(1), Some("0,0,,,,,,,,,,1.5,0.5"));
    }
}
