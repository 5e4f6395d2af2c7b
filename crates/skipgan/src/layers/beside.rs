//! D's first convolution, which sees two maps side by side (METHOD.md §2): the context, where there is one, and what is shown with it, x or x̂.
//!
//! A convolution of channels side by side is the sum of two, so neither map is copied, and what x and x̂ have in common is convolved once. Nor
//! does the context's share of the weight gradient see each picture: a sum of gradients has one.

use super::conv::{bias_gradient, place};
use super::work::Run;
use crate::params::Layout;
use crate::spec::Layer;
use kernels::stride::{self, Filter, Uses};
use kernels::{Map, MapMut, Pool, Real, Write};
use std::ops::Range;

/// Numbers of gradients that a job adds.
const CHUNK: usize = 1 << 15;

/// Some of the weight's channels, as a convolution of their own.
#[derive(Debug)]
struct Part<T> {
    channels: Range<usize>,
    /// `[ky][kx][channels][deep]`.
    weight: Vec<T>,
    filter: Filter<T>,
}

impl<T: Real> Part<T> {
    fn new(layer: &Layer, channels: Range<usize>, (rows, cols): (usize, usize), images: usize, uses: Uses) -> Self {
        let filter = Filter::new(channels.len(), layer.deep, rows, cols, images, uses).quick();
        Self { weight: vec![T::ZERO; 16 * channels.len() * layer.deep], channels, filter }
    }

    /// Takes its channels of `whole`, of `wide` · `deep` numbers a tap.
    fn prepare(&mut self, pool: &Pool, whole: &[T], (wide, deep): (usize, usize)) {
        let own = self.channels.len() * deep;
        for (to, from) in self.weight.chunks_exact_mut(own).zip(whole.chunks_exact(wide * deep)) {
            to.copy_from_slice(&from[self.channels.start * deep..][..own]);
        }
        self.filter.load(pool, &self.weight);
    }

    /// Its part of ∂W into (or onto) that of all channels.
    fn gradient(&self, run: &mut Run<'_, T>, x: Map<'_, T>, dy: Map<'_, T>, (whole, wide): (&mut [T], usize), write: Write) {
        let (own, deep) = (&mut run.work.weight[..self.weight.len()], dy.channels);
        stride::pair(run.pool, x, None, dy, None, (own, Write::Set), &mut run.work.strided);
        let length = self.channels.len() * deep;
        for (to, from) in whole.chunks_exact_mut(wide * deep).zip(own.chunks_exact(length)) {
            put(&mut to[self.channels.start * deep..][..length], from, write);
        }
    }
}

fn put<T: Real>(to: &mut [T], from: &[T], write: Write) {
    match write {
        Write::Set => to.copy_from_slice(from),
        Write::Add => to.iter_mut().zip(from).for_each(|(to, &from)| *to += from),
    }
}

/// Places of the convolution's parameters, and its weight by what it meets.
#[derive(Debug)]
pub struct ConvBeside<T> {
    weight: Range<usize>,
    bias: Option<Range<usize>>,
    wide: usize,
    deep: usize,
    context: Option<Part<T>>,
    shown: Part<T>,
    /// Σ ∂y of all pictures that had the context beside them, since the last [`Write::Set`].
    sum: Vec<T>,
}

impl<T: Real> ConvBeside<T> {
    /// The convolution `layer` of `layout`, whose first `context` channels are the context's (0: there is none), giving maps of `rows` ×
    /// `cols`, in batches of about `images`, of which `trained` may have gradients.
    ///
    /// # Panics
    /// If `layout` has no such layer, or nothing is shown.
    pub fn new(layer: &Layer, layout: &Layout, context: usize, (rows, cols): (usize, usize), images: usize, trained: usize) -> Self {
        let part = |channels, uses| Part::new(layer, channels, (rows, cols), images, uses);
        let sum = if context > 0 { trained * rows * cols * layer.deep } else { 0 };
        Self {
            weight: place(layout, &layer.name, "conv.weight").expect("every convolution has a weight"),
            bias: place(layout, &layer.name, "conv.bias"),
            wide: layer.wide,
            deep: layer.deep,
            context: (context > 0).then(|| part(0..context, Uses::DOWN)),
            shown: part(context..layer.wide, if trained > 0 { Uses::BOTH } else { Uses::DOWN }),
            sum: vec![T::ZERO; sum],
        }
    }

    /// Takes over the weight of `parameters`: after every update.
    pub fn prepare(&mut self, pool: &Pool, parameters: &[T]) {
        let (whole, size) = (&parameters[self.weight.clone()], (self.wide, self.deep));
        self.shown.prepare(pool, whole, size);
        if let Some(context) = &mut self.context {
            context.prepare(pool, whole, size);
        }
    }

    /// As [`super::Conv::share`].
    pub fn share(&mut self, other: &Self) {
        self.shown.filter.share(&other.shown.filter);
        if let (Some(own), Some(others)) = (&mut self.context, &other.context) {
            own.filter.share(&others.filter);
        }
    }

    /// y = (context, shown) ∗ W + bias for one or two batches that are shown: `y` holds the images of both, those of the first one first.
    ///
    /// # Panics
    /// If there is a context without channels for it, or none for its channels.
    pub fn forward(&self, run: &mut Run<'_, T>, context: Option<Map<'_, T>>, shown: [Option<Map<'_, T>>; 2], y: MapMut<'_, T>) {
        let bias = self.bias.clone().map(|range| &run.parameters[range]);
        let (filter, scratch) = (&self.shown.filter, &mut run.work.strided);
        assert!(self.context.is_some() == context.is_some(), "the first {} channels are the context's", self.shown.channels.start);
        let left = self.context.as_ref().zip(context).map(|(part, context)| (context, &part.filter));
        stride::down_beside(run.pool, left, (shown, filter), bias, y, scratch);
    }

    /// ∂W of what was shown and ∂bias into (or onto) `gradient`, from the gradient `dy` of the bare output. The context's share waits for
    /// [`ConvBeside::context_gradient`].
    pub fn weight_gradient(&mut self, run: &mut Run<'_, T>, shown: Map<'_, T>, dy: Map<'_, T>, gradient: &mut [T], write: Write) {
        if let Some(bias) = &self.bias {
            bias_gradient(run, dy, &mut gradient[bias.clone()], write);
        }
        self.shown.gradient(run, shown, dy, (&mut gradient[self.weight.clone()], self.wide), write);
        if self.context.is_some() {
            run.pool.chunks_mut(&mut self.sum[..dy.data.len()], CHUNK, |job, sum| put(sum, &dy.data[job * CHUNK..][..sum.len()], write));
        }
    }

    /// ∂W of the context, beside which all pictures since the last [`Write::Set`] were shown, into `gradient`; without a context nothing.
    pub fn context_gradient(&mut self, run: &mut Run<'_, T>, context: Option<Map<'_, T>>, gradient: &mut [T]) {
        if let (Some(part), Some(x)) = (&self.context, context) {
            let (rows, cols) = (x.rows / 2, x.cols / 2);
            let dy = Map::dense(&self.sum, x.images, rows, cols, self.deep);
            part.gradient(run, x, dy, (&mut gradient[self.weight.clone()], self.wide), Write::Set);
        }
    }

    /// The gradient of what was shown, from that of the bare output.
    pub fn input_gradient(&self, run: &mut Run<'_, T>, dy: Map<'_, T>, dx: MapMut<'_, T>) {
        stride::up(run.pool, dy, None, &self.shown.filter, None, dx, &mut run.work.strided);
    }
}
