//! A [`Checkpoint`] to bytes and back. Tensors are little-endian f32 in the order of [`crate::params`]: parameters, statistics,
//! Adam's moments as `adam.m.NAME` and `adam.v.NAME`, then the means over the last steps as `ema.NAME` where they were kept; any reader of safetensors opens the file.

use super::error::CheckpointError;
use super::header::{Entry, Header};
use super::{Checkpoint, FORMAT_VERSION, atomic};
use crate::config::Config;
use crate::params::{AVERAGED_EVERY, Layout, Params, State, Weights, is_averaged};
use crate::spec::Spec;
use crate::usual::{Usual, UsualView};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;

/// Prefix of the first moments' names.
const FIRST_MOMENT: &str = "adam.m.";
/// Prefix of the second moments' names.
const SECOND_MOMENT: &str = "adam.v.";
/// Prefix of the names of the mean over the last steps.
const AVERAGE: &str = "ema.";
/// Name of the background.
const BACKGROUND: &str = "usual.background";
/// Name of the scale of each place.
const PLACE: &str = "usual.place";

impl Checkpoint {
    /// Number of bytes that the file takes.
    pub fn file_bytes(&self) -> u64 {
        let elements: usize = self.pieces().iter().map(|(_, _, values)| values.len()).sum();
        self.header().to_bytes().len() as u64 + 4 * elements as u64
    }

    /// Writes the file in place, whole or not at all.
    ///
    /// # Errors
    /// As [`atomic::replace`].
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        atomic::replace(path, self.file_bytes(), |out| self.write_to(out))
    }

    /// Writes the bytes of the file; the same checkpoint always gives the same bytes.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.header().to_bytes())?;
        let mut bytes = Vec::with_capacity(1 << 16);
        for (_, _, values) in self.pieces() {
            for chunk in values.chunks(1 << 14) {
                bytes.clear();
                bytes.extend(chunk.iter().flat_map(|value| value.to_le_bytes()));
                out.write_all(&bytes)?;
            }
        }
        out.flush()
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`CheckpointError`]: each way in which a file can be wrong has its variant.
    pub fn load(path: &Path) -> Result<Checkpoint, CheckpointError> {
        let file = File::open(path).map_err(|error| CheckpointError::from_io(path, "read", 0, error))?;
        let meta = file.metadata().map_err(|error| CheckpointError::from_io(path, "read", 0, error))?;
        Checkpoint::read_from(path, meta.len(), &mut BufReader::with_capacity(1 << 18, file))
    }

    /// Reads and checks a file of `length` bytes; `path` names it in errors.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn read_from(path: &Path, length: u64, source: &mut dyn Read) -> Result<Checkpoint, CheckpointError> {
        let (header, head_bytes) = Header::read(path, length, source)?;
        check_version(path, &header)?;
        let (config, spec, height, width) = read_shape(path, &header)?;
        let progress: super::Progress = header.json(path, "progress")?;
        let provenance: super::Provenance = header.json(path, "provenance")?;
        let calibration: Option<crate::calibration::Calibration> = header.json(path, "calibration")?;
        let (parameters, statistics) = (Arc::new(Layout::parameters(&spec)), Arc::new(Layout::statistics(&spec)));
        let mut usual = read_usual(path, &header, &config, (height, width))?;
        let averaged = config.ema > 0.0 && progress.step >= AVERAGED_EVERY;
        let expected = expected_tensors(&parameters, &statistics, averaged, usual.as_ref());
        let order = check_tensors(path, &header, &expected, length - head_bytes)?;
        let (mut state, average) = read_tensors(path, source, &order, (parameters, statistics), averaged, usual.as_mut())?;
        if usual.as_ref().is_some_and(|usual| !usual.is_sound()) {
            return Err(wrong(path, "usual", "holds numbers that no footage gives".into()));
        }
        if calibration.as_ref().is_some_and(|calibration| !calibration.is_sound()) {
            return Err(wrong(path, "calibration", "holds numbers that no footage gives".into()));
        }
        state.step = progress.step;
        Ok(Checkpoint { config, spec, height, width, state, average, progress, provenance, usual: usual.map(Arc::new), calibration })
    }

    /// Every tensor in the order of the file: name, shape, elements.
    fn pieces(&self) -> Vec<(String, Vec<usize>, &[f32])> {
        let state = &self.state;
        let all = [
            ("", &state.parameters.layout, &state.parameters.values),
            ("", &state.statistics.layout, &state.statistics.values),
            (FIRST_MOMENT, &state.parameters.layout, &state.first_moments),
            (SECOND_MOMENT, &state.parameters.layout, &state.second_moments),
        ];
        let mean = self
            .average
            .iter()
            .flat_map(|mean| [&mean.parameters, &mean.statistics])
            .map(|params| (AVERAGE, &params.layout, &params.values));
        let slots =
            all.into_iter().chain(mean).flat_map(|(prefix, layout, values)| layout.slots.iter().map(move |slot| (prefix, slot, values)));
        let slots = slots.filter(|(prefix, slot, _)| *prefix != AVERAGE || is_averaged(&slot.name));
        let network = slots.map(|(prefix, slot, values)| (format!("{prefix}{}", slot.name), slot.shape.clone(), &values[slot.range()]));
        let usual = self.usual.iter().flat_map(|usual| {
            let [background, place] = usual_shapes(usual.height, usual.width);
            [(BACKGROUND.to_owned(), background, &usual.background[..]), (PLACE.to_owned(), place, &usual.place[..])]
        });
        network.chain(usual).collect()
    }

    fn header(&self) -> Header {
        let mut header = Header::default();
        let mut start = 0;
        for (name, shape, values) in self.pieces() {
            let end = start + 4 * values.len() as u64;
            let shape = shape.iter().map(|&side| side as u64).collect();
            header.tensors.insert(name, Entry { dtype: "F32".into(), shape, data_offsets: [start, end] });
            start = end;
        }
        let texts = [
            ("format", "skipgan".to_owned()),
            ("format_version", FORMAT_VERSION.to_string()),
            ("program_version", self.provenance.program_version.clone()),
            ("config", self.config.to_toml()),
            ("spec", json(&self.spec)),
            ("picture", json(&(self.height, self.width))),
            ("progress", json(&self.progress)),
            ("provenance", json(&self.provenance)),
            ("calibration", json(&self.calibration)),
            ("usual_view", json(&self.usual.as_ref().and_then(|usual| usual.view))),
            ("usual_speed", json(&self.usual.as_ref().map(|usual| usual.speed))),
        ];
        header.metadata = texts.into_iter().map(|(key, text)| (key.to_owned(), text)).collect();
        header
    }
}

/// The SHA-256 of a file, in hexadecimal: what `meta.json` calls the model's hash.
///
/// # Errors
/// [`CheckpointError::NotFound`], [`CheckpointError::Permission`], [`CheckpointError::Io`].
pub fn sha256_of(path: &Path) -> Result<String, CheckpointError> {
    let told = |error| CheckpointError::from_io(path, "read", 0, error);
    // `copy` takes the reader's buffer over: a dozen reads a checkpoint instead of hundreds.
    let mut file = BufReader::with_capacity(256 << 10, File::open(path).map_err(told)?);
    let mut digest = Sha256::new();
    io::copy(&mut file, &mut digest).map_err(told)?;
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data with text keys")
}

fn wrong(path: &Path, key: &'static str, message: String) -> CheckpointError {
    CheckpointError::Metadata { path: path.to_path_buf(), key, message }
}

fn check_version(path: &Path, header: &Header) -> Result<(), CheckpointError> {
    if header.metadata.get("format").map(String::as_str) != Some("skipgan") {
        let reason = "it is a safetensors file of another program".into();
        return Err(CheckpointError::NotACheckpoint { path: path.to_path_buf(), reason, byte: 8 });
    }
    let found = header.text(path, "format_version")?;
    if found != FORMAT_VERSION.to_string() {
        let program = header.metadata.get("program_version").cloned().unwrap_or_else(|| "unknown".into());
        return Err(CheckpointError::Version { path: path.to_path_buf(), found: found.into(), supported: FORMAT_VERSION, program });
    }
    Ok(())
}

fn read_shape(path: &Path, header: &Header) -> Result<(Config, Spec, usize, usize), CheckpointError> {
    let config = Config::default().with_toml("config", header.text(path, "config")?);
    let config = config.map_err(|error| wrong(path, "config", format!("cannot be used ({error})")))?;
    let spec: Spec = header.json(path, "spec")?;
    let (height, width) = header.json(path, "picture")?;
    spec.check()
        .and_then(|()| spec.check_picture(height, width))
        .map_err(|error| wrong(path, "spec", format!("cannot be built ({error})")))?;
    let ours = config.spec(height, width).map_err(|error| wrong(path, "config", format!("cannot be built ({error})")))?;
    if ours.generator != spec.generator || ours.discriminator.input_channels != spec.discriminator.input_channels {
        return Err(wrong(path, "spec", "is not the network of its config".into()));
    }
    config.check_motion_size(height, width).map_err(|error| wrong(path, "picture", format!("cannot be used ({error})")))?;
    if height > 4096 || width > 4096 {
        return Err(wrong(path, "picture", format!("is {width}x{height}, more than 4096")));
    }
    Ok((config, spec, height, width))
}

fn usual_shapes(height: usize, width: usize) -> [Vec<usize>; 2] {
    [vec![height, width], vec![height / 2, width / 2]]
}

/// Place for what is usual at the camera, where the network sees motion and training had begun, or for single pictures, where it had ended;
/// its speed is there already.
fn read_usual(path: &Path, header: &Header, config: &Config, (height, width): (usize, usize)) -> Result<Option<Usual>, CheckpointError> {
    if !config.sees.knows_usual() {
        return Ok(None);
    }
    let speed: Option<f32> = header.json(path, "usual_speed")?;
    let known = header.metadata.contains_key("usual_view");
    let view: Option<UsualView> = if known { header.json(path, "usual_view")? } else { None };
    let empty = |shape: &[usize]| vec![0.0; shape.iter().product()];
    let [background, place] = usual_shapes(height, width);
    Ok(speed.map(|speed| Usual { height, width, speed, background: empty(&background), place: empty(&place), view }))
}

/// Which of the buffers a tensor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Buffer {
    Parameters,
    Statistics,
    First,
    Second,
    MeanParameters,
    MeanStatistics,
    Background,
    Place,
}

/// One tensor that the spec asks for.
struct Expected {
    buffer: Buffer,
    shape: Vec<u64>,
    place: std::ops::Range<usize>,
}

fn expected_tensors(parameters: &Layout, statistics: &Layout, averaged: bool, usual: Option<&Usual>) -> BTreeMap<String, Expected> {
    let mut all = BTreeMap::new();
    let parts = [
        (Buffer::Parameters, "", parameters),
        (Buffer::Statistics, "", statistics),
        (Buffer::First, FIRST_MOMENT, parameters),
        (Buffer::Second, SECOND_MOMENT, parameters),
    ];
    let mean = [(Buffer::MeanParameters, AVERAGE, parameters), (Buffer::MeanStatistics, AVERAGE, statistics)];
    for (buffer, prefix, layout) in parts.into_iter().chain(mean.into_iter().filter(|_| averaged)) {
        for slot in layout.slots.iter().filter(|slot| prefix != AVERAGE || is_averaged(&slot.name)) {
            let shape = slot.shape.iter().map(|&side| side as u64).collect();
            all.insert(format!("{prefix}{}", slot.name), Expected { buffer, shape, place: slot.range() });
        }
    }
    if let Some(usual) = usual {
        let shapes = usual_shapes(usual.height, usual.width);
        for ((buffer, name), shape) in [(Buffer::Background, BACKGROUND), (Buffer::Place, PLACE)].into_iter().zip(shapes) {
            let place = 0..shape.iter().product();
            all.insert(name.into(), Expected { buffer, shape: shape.iter().map(|&side| side as u64).collect(), place });
        }
    }
    all
}

/// Names and places in the order in which the bytes lie; an error where a tensor is missing, unknown, of another shape, or where the
/// bytes overlap, leave holes or do not end with the file.
fn check_tensors<'a>(
    path: &Path,
    header: &'a Header,
    expected: &'a BTreeMap<String, Expected>,
    data_bytes: u64,
) -> Result<Vec<(&'a str, &'a Expected)>, CheckpointError> {
    if let Some(name) = expected.keys().find(|name| !header.tensors.contains_key(*name)) {
        return Err(CheckpointError::MissingTensor { path: path.to_path_buf(), name: name.clone() });
    }
    let mut order: Vec<(&str, &Entry, &Expected)> = Vec::with_capacity(expected.len());
    for (name, entry) in &header.tensors {
        let Some(wanted) = expected.get(name) else {
            return Err(CheckpointError::UnknownTensor { path: path.to_path_buf(), name: name.clone() });
        };
        if entry.dtype != "F32" || entry.shape != wanted.shape {
            let (expected, found) = (format!("F32 {:?}", wanted.shape), entry.describe());
            return Err(CheckpointError::WrongTensor { path: path.to_path_buf(), name: name.clone(), expected, found });
        }
        order.push((name, entry, wanted));
    }
    order.sort_by_key(|(_, entry, _)| entry.data_offsets[0]);
    let mut start = 0;
    for (name, entry, wanted) in &order {
        let end = start + 4 * wanted.place.len() as u64;
        if entry.data_offsets != [start, end] {
            let [start, end] = entry.data_offsets;
            return Err(CheckpointError::Place { path: path.to_path_buf(), name: (*name).into(), start, end });
        }
        start = end;
    }
    if start != data_bytes {
        let head = header.to_bytes().len() as u64;
        return Err(CheckpointError::Size { path: path.to_path_buf(), expected: head + start, found: head + data_bytes });
    }
    Ok(order.into_iter().map(|(name, _, wanted)| (name, wanted)).collect())
}

fn read_tensors(
    path: &Path,
    source: &mut dyn Read,
    order: &[(&str, &Expected)],
    (parameters, statistics): (Arc<Layout>, Arc<Layout>),
    averaged: bool,
    mut usual: Option<&mut Usual>,
) -> Result<(State, Option<Weights>), CheckpointError> {
    let reserve = |len: usize| {
        let mut values = Vec::new();
        values.try_reserve_exact(len).map_err(|_| CheckpointError::Memory { path: path.to_path_buf(), bytes: 4 * len as u64 })?;
        values.resize(len, 0f32);
        Ok(values)
    };
    let mut state = State {
        first_moments: reserve(parameters.len)?,
        second_moments: reserve(parameters.len)?,
        parameters: Params { values: reserve(parameters.len)?, layout: Arc::clone(&parameters) },
        statistics: Params { values: reserve(statistics.len)?, layout: Arc::clone(&statistics) },
        step: 0,
    };
    let mut average = match averaged {
        true => Some(Weights {
            parameters: Params { values: reserve(parameters.len)?, layout: parameters },
            statistics: Params { values: reserve(statistics.len)?, layout: statistics },
        }),
        false => None,
    };
    for (name, wanted) in order {
        let whole: &mut [f32] = match wanted.buffer {
            Buffer::Parameters => &mut state.parameters.values,
            Buffer::Statistics => &mut state.statistics.values,
            Buffer::First => &mut state.first_moments,
            Buffer::Second => &mut state.second_moments,
            Buffer::MeanParameters => average.as_mut().map_or(&mut [], |mean| &mut mean.parameters.values),
            Buffer::MeanStatistics => average.as_mut().map_or(&mut [], |mean| &mut mean.statistics.values),
            Buffer::Background => usual.as_deref_mut().map_or(&mut [], |usual| &mut usual.background),
            Buffer::Place => usual.as_deref_mut().map_or(&mut [], |usual| &mut usual.place),
        };
        read_values(path, name, source, &mut whole[wanted.place.clone()])?;
    }
    if let Some(average) = &mut average {
        average.take_unaveraged(&state);
    }
    Ok((state, average))
}

fn read_values(path: &Path, name: &str, source: &mut dyn Read, values: &mut [f32]) -> Result<(), CheckpointError> {
    let mut bytes = [0u8; 1 << 14];
    let mut element = 0;
    for chunk in values.chunks_mut(bytes.len() / 4) {
        let bytes = &mut bytes[..4 * chunk.len()];
        source.read_exact(bytes).map_err(|error| CheckpointError::from_io(path, "read", 0, error))?;
        for (value, raw) in chunk.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *value = f32::from_le_bytes(*raw);
            check_value(path, name, *value, element)?;
            element += 1;
        }
    }
    Ok(())
}

fn check_value(path: &Path, name: &str, value: f32, element: usize) -> Result<(), CheckpointError> {
    if !value.is_finite() {
        return Err(CheckpointError::NotFinite { path: path.to_path_buf(), name: name.into(), value, element });
    }
    let variance = name.ends_with("running_var") || name.starts_with(SECOND_MOMENT);
    if variance && value < 0.0 {
        return Err(CheckpointError::NegativeVariance { path: path.to_path_buf(), name: name.into(), value, element });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Best, Progress, Provenance};
    use super::*;
    use crate::alarm_events::{Clock, NormalMaxima, Threshold};
    use crate::calibration::{Basis, Calibration, DisplayRange, LATENT, RECON, Statistics, TOTAL};
    use crate::usual::Extent;

    /// A small network with every tensor filled.
    fn checkpoint() -> Checkpoint {
        let config = Config { g_width: 2, g_cap: 2, d_width: 2, d_cap: 2, nz: 3, channels: 1, ..Config::default() };
        let spec = config.spec(32, 32).expect("a small network");
        let mut state = State::zeros(&spec);
        let buffers = [&mut state.parameters.values, &mut state.statistics.values, &mut state.first_moments, &mut state.second_moments];
        for (k, buffer) in buffers.into_iter().enumerate() {
            buffer.iter_mut().enumerate().for_each(|(i, value)| *value = (k + 1) as f32 + i as f32 / 7.0);
        }
        state.step = 17;
        let statistics = Statistics { median: 0.1 + 0.2, sd: 1.0 / 3.0 };
        let calibration = Calibration {
            ranges: None,
            terms: [RECON, LATENT, TOTAL].iter().map(|name| ((*name).to_owned(), statistics)).collect(),
            basis: Basis::of(&config),
            frames: 60,
            left_out: 2,
            highest: 3.7,
            tau0: 0.01,
            display: DisplayRange { low: 1e-3, high: 0.1 },
            threshold: Some(Threshold { score: 1.0 / 3.0, wanted: 0.1, extrapolated: true, time: Clock::Fps, needed: 2 }),
            maxima: Some(NormalMaxima { time: Clock::Fps, seconds: 6.1, needed: 2, stretches: vec![vec![0.1, 1e-300], vec![7.0]] }),
        };
        let best = Some(Best { step: 12, value: 0.25 });
        Checkpoint {
            config,
            spec,
            height: 32,
            width: 32,
            state,
            average: None,
            progress: Progress { epoch: 2, position: 5, step: 17, best, measured: Some(12), watch: vec![1.5], finished: true },
            provenance: Provenance {
                seed: 1,
                data_fingerprint: "f".into(),
                program_version: "0.1.0".into(),
                decoder: "pictures".into(),
                ..Provenance::default()
            },
            usual: None,
            calibration: Some(calibration),
        }
    }

    /// One that knows what is usual at its camera.
    fn with_usual() -> Checkpoint {
        let mut checkpoint = checkpoint();
        checkpoint.config.sees = crate::config::Sees::Motion;
        checkpoint.spec = checkpoint.config.spec(32, 32).expect("a small network");
        checkpoint.state = State::zeros(&checkpoint.spec);
        checkpoint.state.step = checkpoint.progress.step;
        let extent = |reach: f32| Extent { low: -reach, high: 2.0 * reach, slack: 0.5 };
        let view = UsualView { level: extent(3.0), contrast: extent(0.1), across: extent(0.25), down: extent(0.5), unrest: extent(2.0) };
        let usual = Usual { height: 32, width: 32, speed: 1.5, background: vec![99.5; 1024], place: vec![2.25; 256], view: Some(view) };
        checkpoint.usual = Some(Arc::new(usual));
        checkpoint
    }

    /// One that kept the means over its last steps.
    fn with_average() -> Checkpoint {
        let mut checkpoint = checkpoint();
        let mut average = Weights::of(&checkpoint.state);
        average.parameters.values.iter_mut().chain(&mut average.statistics.values).for_each(|value| *value *= 0.5);
        average.take_unaveraged(&checkpoint.state);
        checkpoint.average = Some(average);
        checkpoint.config.ema = 0.99;
        checkpoint
    }

    #[test]
    fn the_means_survive_are_what_scores_and_are_checked() {
        let original = with_average();
        let again = read(&bytes_of(&original)).expect("whole");
        assert_eq!(again, original);
        let scoring = again.scoring_state();
        let halved =
            |name: &str| (scoring.parameters.get(name).expect("there")[3], 0.5 * original.state.parameters.get(name).expect("there")[3]);
        let (d, half) = halved("d.feat.1.conv.weight");
        assert_eq!(d, half);
        let (g, half) = halved("g.enc.1.conv.weight");
        assert_eq!(g, 2.0 * half, "G's weights are its last");
        assert_eq!((scoring.step, &scoring.first_moments), (original.state.step, &original.state.first_moments));
        assert_eq!(*checkpoint().scoring_state(), checkpoint().state, "without one the last weights score");

        let bytes = bytes_of(&original);
        let error = read(&with_header(&bytes, |text| text.replacen("\"ema.d.feat.1.conv.weight\"", "\"ema.d.feat.9.conv.weight\"", 1)));
        assert!(matches!(error, Err(CheckpointError::MissingTensor { ref name, .. }) if name == "ema.d.feat.1.conv.weight"), "{error:?}");
        let unkept = Checkpoint { average: None, ..original.clone() };
        assert!(matches!(read(&bytes_of(&unkept)), Err(CheckpointError::MissingTensor { .. })), "asked for and not there");
        let unasked = Checkpoint { config: checkpoint().config, ..original.clone() };
        assert!(matches!(read(&bytes_of(&unasked)), Err(CheckpointError::UnknownTensor { .. })), "there and not asked for");
        let mut sick = original.clone();
        sick.average.as_mut().expect("kept").statistics.get_mut("g.enc.1.bn.running_var").expect("there")[0] = -1.0;
        assert!(matches!(read(&bytes_of(&sick)), Err(CheckpointError::NegativeVariance { .. })));
    }

    #[test]
    fn what_is_usual_survives_and_is_checked() {
        let original = with_usual();
        assert_eq!(read(&bytes_of(&original)).expect("whole"), original);
        // before training began nothing is usual yet
        let unknown = Checkpoint { usual: None, ..with_usual() };
        assert_eq!(read(&bytes_of(&unknown)).expect("whole"), unknown);
        let mut still = with_usual();
        if let Some(usual) = &mut still.usual {
            Arc::make_mut(usual).place[7] = 0.0;
        }
        assert!(matches!(read(&bytes_of(&still)), Err(CheckpointError::Metadata { key: "usual", .. })));
    }

    fn bytes_of(checkpoint: &Checkpoint) -> Vec<u8> {
        let mut bytes = Vec::new();
        checkpoint.write_to(&mut bytes).expect("memory does not fail");
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
        Checkpoint::read_from(Path::new("test.safetensors"), bytes.len() as u64, &mut &bytes[..])
    }

    /// The file with its header changed as text, and the length in front made to fit.
    fn with_header(bytes: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
        let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight")) as usize;
        let header = change(std::str::from_utf8(&bytes[8..8 + length]).expect("text"));
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &bytes[8 + length..]].concat()
    }

    #[test]
    fn a_checkpoint_survives_its_file() {
        let (folder, original) = (tempfile::tempdir().expect("a temporary folder"), checkpoint());
        let path = folder.path().join("best.safetensors");
        original.save(&path).expect("writable");
        assert_eq!(Checkpoint::load(&path).expect("our own file"), original);
        assert_eq!(std::fs::metadata(&path).expect("there").len(), original.file_bytes());
        assert_eq!(sha256_of(&path).expect("there").len(), 64);
        assert_eq!(bytes_of(&original), bytes_of(&original), "the same bytes every time");
    }

    #[test]
    fn other_readers_of_safetensors_open_it() {
        let original = checkpoint();
        let bytes = bytes_of(&original);
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("valid safetensors");
        let weight = tensors.tensor("g.enc.1.conv.weight").expect("PyTorch's name");
        assert_eq!(weight.shape(), original.state.parameters.layout.find("g.enc.1.conv.weight").expect("there").shape);
        let first: Vec<u8> = original.state.parameters.get("g.enc.1.conv.weight").expect("there")[0].to_le_bytes().to_vec();
        assert_eq!(weight.data()[..4], first[..]);
        assert!(tensors.tensor("adam.v.d.head.weight").is_ok() && tensors.tensor("d.feat.1.bn.running_var").is_ok());
    }

    #[test]
    fn every_cut_is_an_error_and_says_so() {
        let bytes = bytes_of(&checkpoint());
        for length in (0..bytes.len()).step_by(37) {
            let error = read(&bytes[..length]).expect_err("cut");
            assert!(matches!(error, CheckpointError::Size { .. } | CheckpointError::NotACheckpoint { .. }), "{length}: {error}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(matches!(read(&longer), Err(CheckpointError::Size { .. })));
        assert!(matches!(read(&bytes[..bytes.len() / 2]), Err(CheckpointError::Size { .. })));
    }

    #[test]
    fn each_fault_of_the_header_has_its_error() {
        let bytes = bytes_of(&checkpoint());
        let fault = |from: &str, to: &str| read(&with_header(&bytes, |text| text.replacen(from, to, 1))).expect_err(to);
        assert!(matches!(fault("\"format_version\":\"3\"", "\"format_version\":\"9\""), CheckpointError::Version { .. }));
        assert!(matches!(fault("\"format\":\"skipgan\"", "\"format\":\"other\""), CheckpointError::NotACheckpoint { .. }));
        assert!(matches!(fault("\"d.head.weight\"", "\"d.hand.weight\""), CheckpointError::MissingTensor { .. }));
        assert!(matches!(
            fault("\"d.head.weight\":{\"dtype\":\"F32\"", "\"d.head.weight\":{\"dtype\":\"F16\""),
            CheckpointError::WrongTensor { .. }
        ));
        assert!(matches!(fault("[1,3,1,1]", "[3,1,1,1]"), CheckpointError::WrongTensor { .. }));
        assert!(matches!(fault("lambda = 0.9", "lamda = 0.9"), CheckpointError::Metadata { key: "config", .. }));
        let extra = "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},\"adam.m.d.feat.0.conv.weight\"";
        assert!(matches!(fault("\"adam.m.d.feat.0.conv.weight\"", extra), CheckpointError::UnknownTensor { .. }));
        assert!(matches!(fault("\"data_offsets\":[0,", "\"data_offsets\":[4,"), CheckpointError::Place { .. }));
    }

    #[test]
    fn an_absurd_network_is_refused_before_memory_is_reserved() {
        let mut huge = checkpoint();
        huge.spec.generator.width = 4096;
        huge.spec.generator.cap = 4;
        let original = bytes_of(&checkpoint());
        let spec = json(&huge.spec).replace('"', "\\\"");
        let own = json(&checkpoint().spec).replace('"', "\\\"");
        let error = read(&with_header(&original, |text| text.replacen(&own, &spec, 1))).expect_err("shapes do not fit");
        assert!(matches!(error, CheckpointError::Metadata { key: "spec", .. }), "{error}");
        let mut endless = original.clone();
        endless[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(read(&endless), Err(CheckpointError::NotACheckpoint { byte: 0, .. })));
    }

    #[test]
    fn nan_and_negative_variances_are_named() {
        let mut sick = checkpoint();
        sick.state.parameters.get_mut("g.dec.1.conv.weight").expect("there")[3] = f32::NAN;
        let message = read(&bytes_of(&sick)).expect_err("NaN").to_string();
        assert!(message.contains("'g.dec.1.conv.weight' holds NaN at element 3"), "{message}");
        let mut sick = checkpoint();
        sick.state.statistics.get_mut("g.enc.1.bn.running_var").expect("there")[0] = -1.0;
        assert!(matches!(read(&bytes_of(&sick)), Err(CheckpointError::NegativeVariance { .. })));
    }

    #[test]
    fn mutated_bytes_never_panic() {
        let bytes = bytes_of(&checkpoint());
        let header = u64::from_le_bytes(bytes[..8].try_into().expect("eight")) as usize;
        let mut random = 0x9e37_79b9_7f4a_7c15u64;
        let mut next = move || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize
        };
        for _ in 0..3000 {
            let mut mutated = bytes.clone();
            for _ in 0..1 + next() % 4 {
                let place = if next() % 4 > 0 { next() % (8 + header) } else { next() % mutated.len() };
                match next() % 3 {
                    0 => mutated[place] ^= 1 << (next() % 8),
                    1 => mutated[place] = b"0123456789{}[]\",:"[next() % 17],
                    _ => drop(mutated.drain(place..(place + 1 + next() % 9).min(mutated.len()))),
                }
                if mutated.len() < 8 + header {
                    break;
                }
            }
            if let Err(error) = read(&mutated) {
                assert!(!error.to_string().is_empty());
            }
        }
    }

    #[test]
    fn a_writer_that_fails_passes_its_error_on() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let taken = bytes.len().min(self.0);
                self.0 -= taken;
                if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let original = checkpoint();
        let total = original.file_bytes() as usize;
        for room in [0, 5, total / 3, total - 1] {
            let error = original.write_to(&mut Full(room)).expect_err("full");
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            let told = CheckpointError::from_io(Path::new("last.safetensors"), "write", total as u64, error).to_string();
            assert!(told.contains("no space left") && told.contains(&total.to_string()), "{told}");
        }
        original.write_to(&mut Full(total)).expect("just enough");
    }
}
