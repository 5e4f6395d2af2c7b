//! For tests of whatever stands above the seam: a network of two numbers that behaves like one (deterministic, trainable, with running
//! statistics), the real engine on a small plan, and footage made of arithmetic.

use crate::config::Config;
use crate::model::engine::{Batch, Engine, LatentMap, Losses, Norm, Rates, Scores, State};
use crate::model::{CpuEngine, PlanSize, Purpose};
use crate::spec::Spec;
use kernels::Pool;
use std::sync::Arc;
use video::source::{DamageLog, StreamInfo};
use video::{Backend, Damage, Frame, FrameSource, Matrix, Plane, Range, SourceError, TimeBase};

/// x̂ = w·x + m, where w is the first parameter and m the first running statistic (or the batch's or the image's mean).
pub(crate) struct Fake {
    state: State,
    scores: Scores,
    /// Largest batch it takes, as a planned engine.
    capacity: usize,
    /// The step at which its losses become NaN.
    pub(crate) diverges_at: Option<u64>,
    /// The step at which a moment becomes infinite, the losses staying what they are.
    pub(crate) moments_diverge_at: Option<u64>,
    /// BCE(D(x), 1) and BCE(D(x̂), 0) that it claims.
    pub(crate) discriminator: (f64, f64),
}

impl Fake {
    pub(crate) fn new(spec: &Spec, capacity: usize) -> Fake {
        let mut state = State::zeros(spec);
        state.parameters.values.iter_mut().enumerate().for_each(|(i, value)| *value = 0.1 + (i % 13) as f32 / 40.0);
        Fake { state, scores: Scores::default(), capacity, diverges_at: None, moments_diverge_at: None, discriminator: (0.6, 0.5) }
    }

    fn check(&self, batch: &Batch<'_>) {
        assert!(batch.images > 0 && batch.images <= self.capacity, "a batch of {} images", batch.images);
        assert_eq!(batch.input.len() % (batch.images * batch.height * batch.width), 0);
        assert_eq!(batch.input.len(), batch.target.len());
    }
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64
}

impl Engine for Fake {
    fn step(&mut self, batch: &Batch<'_>, rates: &Rates) -> Losses {
        self.check(batch);
        let weight = f64::from(self.state.parameters.values[0]);
        let products = batch.input.iter().zip(batch.target).map(|(x, y)| (f64::from(*x), f64::from(*y)));
        let (mut gradient, mut error) = (0.0, 0.0);
        for (x, y) in products {
            gradient += (weight * x - y) * x;
            error += (weight * x - y).abs();
        }
        gradient /= batch.input.len() as f64;
        let state = &mut self.state;
        let first = rates.generator.beta1 * f64::from(state.first_moments[0]) + (1.0 - rates.generator.beta1) * gradient;
        state.first_moments[0] = first as f32;
        state.second_moments[0] = (0.9 * f64::from(state.second_moments[0]) + 0.1 * gradient * gradient) as f32;
        state.parameters.values[0] = (weight - 50.0 * rates.generator.lr * f64::from(state.first_moments[0])) as f32;
        state.statistics.values[0] = 0.9 * state.statistics.values[0] + 0.1 * mean(batch.input) as f32;
        state.step += 1;
        if self.moments_diverge_at == Some(state.step) {
            state.second_moments[1] = f32::INFINITY;
        }
        let contextual = if self.diverges_at == Some(state.step) { f64::NAN } else { error / batch.input.len() as f64 };
        Losses {
            contextual,
            generator: contextual,
            real: self.discriminator.0,
            fake: self.discriminator.1,
            discriminator: 1.1,
            ..Losses::default()
        }
    }

    fn score(&mut self, batch: &Batch<'_>, norm: Norm) -> &Scores {
        self.check(batch);
        let weight = self.state.parameters.values[0];
        let (images, pixels) = (batch.images, batch.height * batch.width);
        let channels = batch.target.len() / (images * pixels);
        let mut scores = Scores::default();
        for image in batch.target.chunks(pixels * channels) {
            let shift = match norm {
                Norm::Running => self.state.statistics.values[0],
                Norm::Batch => mean(batch.target) as f32,
                Norm::Instance => mean(image) as f32,
            };
            let made: Vec<f32> = image.iter().map(|x| weight * x + shift).collect();
            let squares: Vec<f32> = made.iter().zip(image).map(|(a, b)| (a - b) * (a - b)).collect();
            let map: Vec<f32> = squares.chunks(channels).map(|cell| cell.iter().sum::<f32>() / channels as f32).collect();
            scores.residual.push(mean(&map));
            scores.latent.push(mean(&made).abs());
            scores.residual_maps.extend(map);
            scores.reconstruction.extend(made);
        }
        scores.latent_maps = vec![LatentMap { rows: 1, cols: 1, values: scores.latent.iter().map(|value| *value as f32).collect() }];
        self.scores = scores;
        &self.scores
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        self.check(batch);
    }

    fn load(&mut self, state: &State) {
        assert_eq!(state.parameters.layout, self.state.parameters.layout);
        self.state = state.clone();
    }

    fn save(&self) -> State {
        self.state.clone()
    }
}

/// The real engine for the pictures of `config` (16 × 16), batches of `images`.
pub(crate) fn cpu(config: &Config, images: usize, threads: usize) -> CpuEngine<f32> {
    on_pool(config, images, (16, 16), threads)
}

/// The same for pictures of another size, on one thread.
pub(crate) fn cpu_of(config: &Config, images: usize, size: (usize, usize)) -> CpuEngine<f32> {
    on_pool(config, images, size, 1)
}

fn on_pool(config: &Config, images: usize, (height, width): (usize, usize), threads: usize) -> CpuEngine<f32> {
    let size = PlanSize { images, height, width };
    let pool = Arc::new(Pool::new(threads).expect("threads"));
    let spec = config.spec(height, width).expect("a small network");
    CpuEngine::new(&spec, &config.objective(), size, Purpose::Train, pool).expect("a small network")
}

/// A configuration of the smallest network that has everything: 16 × 16, grey, two frames.
pub(crate) fn small() -> Config {
    let text = "side = 16\nchannels = 1\nhistory = 2\ng_width = 4\ng_cap = 2\ng_levels = 3\nd_width = 4\nd_cap = 2\nd_levels = 2\n\
                head = 'patch'\nfeatures = 'all'\nloss_features = 'all'\nbatch = 4\nlr = 1e-3\n";
    Config::default().with_toml("small", text).expect("valid keys")
}

/// A grey picture of `width` × `height` in which a square moves over a gradient, with a little noise that differs from frame to frame.
pub(crate) fn picture(clip: u32, frame: u32, (width, height): (u32, u32)) -> Vec<u8> {
    let mut random = (clip * 7919 + frame).wrapping_mul(2_654_435_761) | 1;
    let (left, top) = ((frame * 3 + clip * 5) % width, (frame * 2 + clip) % height);
    let mut pixels = Vec::new();
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let inside = x.wrapping_sub(left) < width / 4 && y.wrapping_sub(top) < height / 4;
        pixels.push((40 + x * 100 / width + u32::from(inside) * 90 + random % 8) as u8);
    }
    pixels
}

/// A source of made pictures; `damage` says what happened to a frame.
pub(crate) struct Made {
    info: StreamInfo,
    log: DamageLog,
    clip: u32,
    frames: u32,
    next: u32,
    damage: fn(u32) -> Damage,
    copies: bool,
    /// Whether an error comes in place of the end.
    breaks: bool,
}

impl Made {
    pub(crate) fn new(clip: u32, frames: u32, (width, height): (u32, u32), damage: fn(u32) -> Damage) -> Made {
        let info = StreamInfo {
            width,
            height,
            rotation: 0,
            time_base: TimeBase::from_fps(10.0),
            frame_rate: Some(10.0),
            declared_frames: None,
            live: false,
            codec: "made".into(),
            backend: Backend::Pictures,
            range: Range::Full,
            matrix: Matrix::Unknown,
        };
        Made { info, log: DamageLog::default(), clip, frames, next: 0, damage, copies: false, breaks: false }
    }

    /// An error comes after the last frame.
    pub(crate) fn broken(clip: u32, frames: u32, size: (u32, u32)) -> Made {
        Made { breaks: true, ..Made::new(clip, frames, size, |_| Damage::None) }
    }

    /// At 25 frames a second, every odd frame shown again by the next one.
    pub(crate) fn padded(clip: u32, frames: u32, size: (u32, u32)) -> Made {
        let mut made = Made::new(clip, frames, size, |_| Damage::None);
        (made.info.frame_rate, made.info.time_base, made.copies) = (Some(25.0), TimeBase::from_fps(25.0), true);
        made
    }
}

impl FrameSource for Made {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        if self.next == self.frames && self.breaks {
            return Err(SourceError::Damaged { path: "made".into(), what: "made to break".into() });
        }
        if self.next == self.frames {
            return Ok(None);
        }
        let damage = (self.damage)(self.next);
        // A lost picture is a copy of the one before.
        let shown = match damage {
            Damage::Repeated => self.next.saturating_sub(1),
            _ if self.copies => self.next.div_ceil(2),
            _ => self.next,
        };
        let (width, height) = (self.info.width, self.info.height);
        let luma = Plane::new(picture(self.clip, shown, (width, height)), width, height).expect("its size");
        let mut frame = Frame::still([luma, Plane::default(), Plane::default()], Range::Full, Matrix::Unknown);
        (frame.index, frame.pts, frame.time_base, frame.damage) = (self.next.into(), self.next.into(), self.info.time_base, damage);
        self.next += 1;
        Ok(Some(frame))
    }

    fn damage_log(&self) -> &DamageLog {
        &self.log
    }
}
