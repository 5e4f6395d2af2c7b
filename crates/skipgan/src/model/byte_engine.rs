//! An executor that only scores, in bytes (`--precision int8`): the same two networks with batch-norm folded into the sums, maps quantised by
//! their ranges on normal footage ([`Ranges`]), weights by output channel. x and x̂ pass D as one batch. x̂, R and L themselves are numbers.
//!
//! Scores are the same bits for every instruction set, number of threads and batch. How far they are from those of [`super::CpuEngine`] is
//! measured on real footage in docs/performance.md.

use super::abreast::Fork;
use super::engine::{Batch, Engine, Losses, Norm, Rates, Scores};
use super::measure;
use super::plan::{Plan, PlanSize, Purpose};
use crate::blocks::SLOPE;
use crate::config::Objective;
use crate::layers::deconv::spread;
use crate::layers::norm::EPSILON;
use crate::layers::{Activation, Weights};
use crate::losses::latent::Reading;
use crate::params::State;
use crate::ranges::{INPUT, PICTURES, Ranges};
use crate::spec::{Direction, Features, Head, Layer, Spec, SpecError, Taps};
use kernels::arch::ByteLevel;
use kernels::bytes::{Affine, ByteFilter, ByteMap, ByteScratch, Sink, correlate};
use kernels::{Map, MapMut, Pool};
use std::sync::Arc;

/// Values beyond those of the normal footage by this share are still told apart: what is looked for is unusual.
const HEADROOM: f32 = 1.25;

/// Products of a byte each that a sum in 32 bits holds.
const MOST_PRODUCTS: usize = 1 << 16;

/// Why an executor in bytes cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ByteEngineError {
    /// Spec or size are out of range.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A sum would not fit into 32 bits.
    #[error("{layer} adds up {products} products, more than {MOST_PRODUCTS}: too many for sums in 32 bits")]
    TooWide {
        /// The layer.
        layer: String,
        /// Products of one sum.
        products: usize,
    },
    /// A map's range is not known.
    #[error("the range of {map} on normal footage is not known: calibrate the model once more with this version, on the processor")]
    Range {
        /// Whose range is missing.
        map: String,
    },
}

/// One level of G: what its encoder makes, as the next level's encoder reads it, and what its decoder reads.
struct GLevel {
    encode: Arc<ByteFilter>,
    decode: Arc<ByteFilter>,
    /// `None` at the bottleneck.
    encoded: Option<ByteMap>,
    joined: ByteMap,
    /// Slope through which the decoder reads the encoder's map; `None` where it does not.
    skip: Option<f32>,
    /// First channel of `joined` that holds what comes from below.
    below: usize,
}

/// One level of D.
struct DLevel {
    filter: Arc<ByteFilter>,
    /// As the next level reads it; `None` where nobody does.
    map: Option<ByteMap>,
    /// As a feature of the score; empty where it is none.
    feature: Vec<f32>,
    rows: usize,
    cols: usize,
    channels: usize,
}

/// Both networks in bytes, sized once.
pub struct ByteEngine {
    spec: Spec,
    objective: Objective,
    plan: Plan,
    /// For the maps: [`Plan::together`] pictures.
    part: PlanSize,
    pool: Arc<Pool>,
    level: ByteLevel,
    ranges: Ranges,
    image: ByteMap,
    generator: Vec<GLevel>,
    /// Context, then target or x̂; images of x first.
    pictures: ByteMap,
    discriminator: Vec<DLevel>,
    latent: Option<Arc<ByteFilter>>,
    vectors: Vec<f32>,
    reconstruction: Vec<f32>,
    scores: Scores,
    scratch: ByteScratch,
}

/// Weights and ranges, from which filters and maps are made.
struct Source<'a> {
    weights: Weights<f32>,
    ranges: &'a Ranges,
    level: ByteLevel,
}

impl Source<'_> {
    fn tensor(&self, name: &str) -> Option<&[f32]> {
        self.weights.layout.find(name).map(|slot| &self.weights.parameters[slot.range()])
    }

    fn statistic(&self, name: &str) -> Option<&[f32]> {
        self.weights.statistics_layout.find(name).map(|slot| &self.weights.statistics[slot.range()])
    }

    /// What follows a layer's sums: its bias, or its batch-norm with running statistics.
    fn affine(&self, layer: &Layer) -> (Vec<f32>, Vec<f32>) {
        let channels = layer.output_channels();
        let (mut scale, mut shift) = (vec![1.0; channels], vec![0.0; channels]);
        if let Some(bias) = self.tensor(&format!("{}.conv.bias", layer.name)) {
            shift.copy_from_slice(bias);
        }
        let parts = ["weight", "bias"].map(|part| self.tensor(&format!("{}.bn.{part}", layer.name)));
        let moments = ["mean", "var"].map(|part| self.statistic(&format!("{}.bn.running_{part}", layer.name)));
        if let ([Some(gamma), Some(beta)], [Some(mean), Some(variance)]) = (parts, moments) {
            for c in 0..channels {
                let slope = f64::from(gamma[c]) / (f64::from(variance[c]) + EPSILON).sqrt();
                shift[c] = (f64::from(beta[c]) + slope * (f64::from(shift[c]) - f64::from(mean[c]))) as f32;
                scale[c] = slope as f32;
            }
        }
        (scale, shift)
    }

    fn filter(&self, layer: &Layer, x: &ByteMap) -> Result<Arc<ByteFilter>, ByteEngineError> {
        let read = if layer.direction == Direction::Down { layer.wide } else { layer.deep };
        check_sum(&layer.name, 16 * read)?;
        let stored = self.tensor(&format!("{}.conv.weight", layer.name)).expect("every layer has a weight");
        let mut four = Vec::new();
        let weight = if layer.taps == Taps::Tied {
            four.resize(16 * layer.wide * layer.deep, 0.0);
            spread(stored, &mut four);
            &four[..]
        } else {
            stored
        };
        let (scale, shift) = self.affine(layer);
        let affine = Affine { scale: &scale, shift: &shift };
        Ok(Arc::new(match layer.direction {
            Direction::Down => ByteFilter::down(self.level, x, weight, layer.deep, affine),
            Direction::Up => ByteFilter::up(self.level, x, weight, layer.wide, affine),
        }))
    }

    /// The range of a map, widened, through an activation.
    fn range(&self, name: &str, channels: usize, slope: f32) -> Result<Vec<(f32, f32)>, ByteEngineError> {
        let known = self.ranges.of(name, channels).ok_or_else(|| ByteEngineError::Range { map: name.into() })?;
        let seen = |value: f32| HEADROOM * if value > 0.0 { value } else { slope * value };
        Ok(known.iter().map(|&(low, high)| (seen(low), seen(high))).collect())
    }
}

impl ByteEngine {
    /// Both networks with the weights of `state`, for batches of up to `size.images`.
    ///
    /// # Errors
    /// [`ByteEngineError`].
    ///
    /// # Panics
    /// If `state` is not of `spec`, or this processor has not got `level`.
    pub fn new(
        (spec, state, ranges): (&Spec, &State, &Ranges),
        objective: &Objective,
        size: PlanSize,
        pool: Arc<Pool>,
        level: ByteLevel,
    ) -> Result<ByteEngine, ByteEngineError> {
        let plan = Plan::new(spec, size, Purpose::Score)?;
        let part = PlanSize { images: plan.together(spec), ..size };
        let mut source = Source { weights: Weights::new(spec, plan.training), ranges, level };
        source.weights.load(state);
        let (g, d) = (&spec.generator, &spec.discriminator);
        let image = ByteMap::new(part.images, part.height, part.width, &source.range(INPUT, g.input_channels, 1.0)?);
        let generator = generator(&source, spec, part, &image)?;
        let pictures = ByteMap::new(2 * part.images, part.height, part.width, &source.range(PICTURES, d.input_channels, 1.0)?);
        let discriminator = discriminator(&source, spec, part, &pictures)?;
        let (mut latent, mut vectors) = (None, Vec::new());
        if let (Head::Latent { nz, .. }, Features::Latent) = (d.head, &d.score_features) {
            let hidden = discriminator.last().and_then(|level| level.map.as_ref()).expect("the last level is read by the latent vector");
            let weight = source.tensor("d.latent.weight").expect("a latent head has a weight");
            check_sum("d.latent", weight.len() / nz)?;
            let shift = source.tensor("d.latent.bias").map_or_else(|| vec![0.0; nz], <[f32]>::to_vec);
            latent = Some(Arc::new(ByteFilter::whole(level, hidden, weight, nz, Affine { scale: &vec![1.0; nz], shift: &shift })));
            vectors = vec![0.0; 2 * part.images * nz];
        }
        let mut scores = Scores::default();
        plan.resize(&mut scores, spec, size.images);
        Ok(ByteEngine {
            reconstruction: vec![0.0; part.images * part.height * part.width * g.output_channels],
            spec: spec.clone(),
            objective: *objective,
            plan,
            part,
            pool,
            level,
            ranges: ranges.clone(),
            image,
            generator,
            pictures,
            discriminator,
            latent,
            vectors,
            scores,
            scratch: ByteScratch::default(),
        })
    }

    fn reconstruct(&mut self, input: &[f32], images: usize) {
        let (pool, scratch) = (&*self.pool, &mut self.scratch);
        for i in 0..self.generator.len() {
            let (outer, inner) = self.generator.split_at_mut(i);
            let x = outer.last().and_then(|outer| outer.encoded.as_ref()).unwrap_or(&self.image);
            let GLevel { encode, encoded, joined, skip, .. } = &mut inner[0];
            let next = encoded.as_mut().map(|to| Sink::Bytes { to, channel: 0, slope: SLOPE as f32 });
            let across = skip.map(|slope| Sink::Bytes { to: joined, channel: 0, slope });
            correlate(pool, x, images, encode, [next, across], scratch);
        }
        let (height, width, channels) = (self.plan.height, self.plan.width, self.spec.generator.output_channels);
        let made = &mut self.reconstruction[..images * height * width * channels];
        for i in (0..self.generator.len()).rev() {
            let (outer, inner) = self.generator.split_at_mut(i);
            let GLevel { decode, joined, .. } = &inner[0];
            let sink = match outer.last_mut() {
                Some(outer) => Sink::Bytes { to: &mut outer.joined, channel: outer.below, slope: 0.0 },
                None => Sink::Floats { to: MapMut::dense(made, images, height, width, channels), slope: 1.0 },
            };
            correlate(pool, joined, images, decode, [Some(sink), None], scratch);
        }
        let spec = &self.spec.generator;
        Activation::new(spec.output, spec.input_channels, spec.output_channels).forward(pool, input, None, made);
    }

    fn judge(&mut self, batch: &Batch<'_>) {
        let (images, height, width) = (batch.images, batch.height, batch.width);
        let (context, shown) = (self.spec.context_channels(), self.spec.generator.output_channels);
        let made = &self.reconstruction[..images * height * width * shown];
        for (target, first) in [(batch.target, 0), (made, images)] {
            let shown = Map::dense(target, images, height, width, shown);
            let beside = (context > 0).then(|| Map::dense(batch.context, images, height, width, context));
            let parts = if beside.is_some() { [beside, Some(shown)] } else { [Some(shown), None] };
            self.pictures.write(&self.pool, parts, first);
        }
        let (pool, scratch) = (&*self.pool, &mut self.scratch);
        for i in 0..self.discriminator.len() {
            let (outer, inner) = self.discriminator.split_at_mut(i);
            let x = outer.last().and_then(|outer| outer.map.as_ref()).unwrap_or(&self.pictures);
            let DLevel { filter, map, feature, rows, cols, channels } = &mut inner[0];
            let slope = SLOPE as f32;
            let next = map.as_mut().map(|to| Sink::Bytes { to, channel: 0, slope });
            let seen = (!feature.is_empty()).then(|| {
                let to = MapMut::dense(&mut feature[..2 * images * *rows * *cols * *channels], 2 * images, *rows, *cols, *channels);
                Sink::Floats { to, slope }
            });
            if next.is_some() || seen.is_some() {
                correlate(pool, x, 2 * images, filter, [next, seen], scratch);
            }
        }
        if let (Some(latent), Some(hidden)) = (&self.latent, self.discriminator.last().and_then(|level| level.map.as_ref())) {
            let nz = self.vectors.len() / (2 * self.part.images);
            let to = MapMut::dense(&mut self.vectors[..2 * images * nz], 2 * images, 1, 1, nz);
            correlate(pool, hidden, 2 * images, latent, [Some(Sink::Floats { to, slope: 1.0 }), None], scratch);
        }
    }

    /// Writes the scores of a part of the batch, whose first image is `first`.
    fn write_scores(&mut self, batch: &Batch<'_>, first: usize) {
        let (images, objective, scores) = (batch.images, &self.objective, &mut self.scores);
        let group = first..first + images;
        let of = |one: usize| group.start * one..group.end * one;
        let made = &self.reconstruction[..batch.target.len()];
        scores.reconstruction[of(made.len() / images)].copy_from_slice(made);
        let (maps, means) = (&mut scores.residual_maps[of(batch.height * batch.width)], &mut scores.residual[group.clone()]);
        measure::residual(&self.pool, objective.score_r, objective.map_channel, (made, batch.target), maps, means);
        let means = &mut scores.latent[group.clone()];
        means.fill(0.0);
        let halves = |values: &'_ [f32]| -> [std::ops::Range<usize>; 2] { [0..values.len() / 2, values.len() / 2..values.len()] };
        let Features::Levels(levels) = &self.spec.discriminator.score_features else {
            let nz = self.vectors.len() / (2 * self.part.images);
            let vectors = &self.vectors[..2 * images * nz];
            let [x, fake] = halves(vectors).map(|half| Reading { map: Map::dense(&vectors[half], images, 1, 1, nz), lens: None });
            return measure::latent(&self.pool, objective.score_l, x, fake, None, means);
        };
        for (&level, map) in levels.iter().zip(&mut scores.latent_maps) {
            let DLevel { feature, rows, cols, channels, .. } = &self.discriminator[level];
            let values = &feature[..2 * images * rows * cols * channels];
            let [x, fake] =
                halves(values).map(|half| Reading { map: Map::dense(&values[half], images, *rows, *cols, *channels), lens: None });
            let cells = &mut map.values[of(rows * cols)];
            measure::latent(&self.pool, objective.score_l, x, fake, Some(cells), means);
        }
    }
}

fn check_sum(layer: &str, products: usize) -> Result<(), ByteEngineError> {
    if products > MOST_PRODUCTS { Err(ByteEngineError::TooWide { layer: layer.into(), products }) } else { Ok(()) }
}

fn generator(source: &Source<'_>, spec: &Spec, size: PlanSize, image: &ByteMap) -> Result<Vec<GLevel>, ByteEngineError> {
    let g = &spec.generator;
    let mut levels: Vec<GLevel> = Vec::with_capacity(g.levels);
    for (i, (encoder, decoder)) in g.encoder().iter().zip(&g.decoder()).enumerate() {
        let (rows, cols) = (size.height >> (i + 1), size.width >> (i + 1));
        let bottleneck = i + 1 == g.levels;
        let x = levels.last().and_then(|level| level.encoded.as_ref()).unwrap_or(image);
        let encode = source.filter(encoder, x)?;
        let range = |slope| source.range(&encoder.name, encoder.deep, slope);
        let encoded = if bottleneck { None } else { Some(ByteMap::new(size.images, rows, cols, &range(SLOPE as f32)?)) };
        let skip = if bottleneck { Some(g.bottleneck_slope) } else { g.has_skip(i).then_some(g.skip_slope) };
        let mut joined = skip.map(range).transpose()?.unwrap_or_default();
        let below = joined.len();
        if !bottleneck {
            joined.extend(source.range(&format!("g.dec.{}", i + 1), encoder.deep, 0.0)?);
        }
        let joined = ByteMap::new(size.images, rows, cols, &joined);
        levels.push(GLevel { encode, decode: source.filter(decoder, &joined)?, encoded, joined, skip, below });
    }
    Ok(levels)
}

fn discriminator(source: &Source<'_>, spec: &Spec, size: PlanSize, pictures: &ByteMap) -> Result<Vec<DLevel>, ByteEngineError> {
    let d = &spec.discriminator;
    let mut levels: Vec<DLevel> = Vec::with_capacity(d.levels);
    for (i, layer) in d.layers().iter().enumerate() {
        let (rows, cols, channels) = (size.height >> (i + 1), size.width >> (i + 1), layer.deep);
        let x = levels.last().and_then(|level| level.map.as_ref()).unwrap_or(pictures);
        let filter = source.filter(layer, x)?;
        let read = i + 1 < d.levels || d.score_features == Features::Latent;
        let map =
            if read { Some(ByteMap::new(2 * size.images, rows, cols, &source.range(&layer.name, channels, SLOPE as f32)?)) } else { None };
        let is_feature = matches!(&d.score_features, Features::Levels(levels) if levels.contains(&i));
        let feature = vec![0.0; if is_feature { 2 * size.images * rows * cols * channels } else { 0 }];
        levels.push(DLevel { filter, map, feature, rows, cols, channels });
    }
    Ok(levels)
}

impl Engine for ByteEngine {
    /// # Panics
    /// Always: an executor in bytes only scores.
    fn step(&mut self, _: &Batch<'_>, _: &Rates) -> Losses {
        panic!("an executor in bytes only scores");
    }

    /// # Panics
    /// If `norm` is not [`Norm::Running`]: batch-norm is part of the weights here.
    fn score(&mut self, batch: &Batch<'_>, norm: Norm) -> &Scores {
        assert!(norm == Norm::Running, "an executor in bytes has running statistics in its weights");
        self.plan.make_room(&mut self.scores, &self.spec, batch);
        for first in (0..batch.images).step_by(self.part.images) {
            let part = batch.part(first..batch.images.min(first + self.part.images));
            let images = part.images;
            let seen = Map::dense(part.input, images, part.height, part.width, self.spec.generator.input_channels);
            self.image.write(&self.pool, [Some(seen), None], 0);
            self.reconstruct(part.input, images);
            self.judge(&part);
            self.write_scores(&part, first);
        }
        &self.scores
    }

    /// # Panics
    /// Always: an executor in bytes only scores.
    fn observe(&mut self, _: &Batch<'_>) {
        panic!("an executor in bytes only scores");
    }

    fn load(&mut self, state: &State) {
        let size = PlanSize { images: self.plan.images, height: self.plan.height, width: self.plan.width };
        let parts = (&self.spec, state, &self.ranges);
        *self = ByteEngine::new(parts, &self.objective, size, Arc::clone(&self.pool), self.level).expect("what was made once");
    }

    /// # Panics
    /// Always: an executor in bytes keeps no weights in numbers.
    fn save(&self) -> State {
        panic!("an executor in bytes keeps no weights in numbers");
    }
}

impl Fork for ByteEngine {
    /// The weights are shared.
    fn fork(&self, images: usize, pool: Arc<Pool>) -> Self {
        let (plan, part) = (Plan { images, ..self.plan }, PlanSize { images: images.min(self.part.images), ..self.part });
        let of = |values: &Vec<f32>| vec![0.0; values.len() / self.part.images * part.images];
        let generator = self.generator.iter().map(|level| GLevel {
            encode: Arc::clone(&level.encode),
            decode: Arc::clone(&level.decode),
            encoded: level.encoded.as_ref().map(|map| map.for_images(part.images)),
            joined: level.joined.for_images(part.images),
            ..*level
        });
        let discriminator = self.discriminator.iter().map(|level| DLevel {
            filter: Arc::clone(&level.filter),
            map: level.map.as_ref().map(|map| map.for_images(2 * part.images)),
            feature: of(&level.feature),
            ..*level
        });
        ByteEngine {
            spec: self.spec.clone(),
            objective: self.objective,
            plan,
            part,
            pool,
            level: self.level,
            ranges: self.ranges.clone(),
            image: self.image.for_images(part.images),
            generator: generator.collect(),
            pictures: self.pictures.for_images(2 * part.images),
            discriminator: discriminator.collect(),
            latent: self.latent.clone(),
            vectors: of(&self.vectors),
            reconstruction: of(&self.reconstruction),
            scores: Scores::default(),
            scratch: ByteScratch::default(),
        }
    }

    fn planned(&self) -> (usize, &Arc<Pool>) {
        (self.plan.images, &self.pool)
    }

    fn one_by_one(&self) -> bool {
        self.part.images == 1
    }

    fn make_room(&self, batch: &Batch<'_>, scores: &mut Scores) {
        self.plan.make_room(scores, &self.spec, batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_might_not_fit_into_32_bits_is_refused() {
        // A byte of data and one of a weight, each the largest there is.
        assert!(i32::try_from(MOST_PRODUCTS as i64 * 255 * 127).is_ok());
        assert!(check_sum("d.latent", MOST_PRODUCTS).is_ok());
        let refused = check_sum("d.latent", MOST_PRODUCTS + 1).expect_err("one too many");
        assert!(refused.to_string().contains("d.latent adds up 65537 products"), "{refused}");
    }
}
