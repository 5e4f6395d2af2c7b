//! The three kernels that are the network: a weight `[ky][kx][wide][deep]` (4×4, stride 2, padding 1) joins a large map
//! x (2h × 2w × wide) and a small map y (h × w × deep).
//!
//! | layer | forward | input gradient | weight gradient |
//! |---|---|---|---|
//! | convolution | [`down`] | [`up`] | [`pair`] |
//! | transposed convolution | [`up`] | [`down`] | [`pair`] |
//!
//! ⟨down(x, W), y⟩ = ⟨x, up(y, W)⟩ = ⟨W, pair(x, y)⟩ is their test. An image's result does not depend on the others of
//! its batch, not even in the last bit.

mod form;
mod narrow;
mod points;
mod scratch;
mod small;
pub(crate) mod weights;
mod winograd;

pub use scratch::Scratch;

use crate::memory::Buffer;
use crate::{Lens, Map, MapMut, Pool, Real, reference};
use form::{Form, Shape};

/// Which kernels a [`Filter`] will be used for: only those are prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uses {
    /// [`down`] will be called.
    pub down: bool,
    /// [`up`] will be called.
    pub up: bool,
}

impl Uses {
    /// Both directions: training.
    pub const BOTH: Uses = Uses { down: true, up: true };
    /// Scoring a convolution.
    pub const DOWN: Uses = Uses { down: true, up: false };
    /// Scoring a transposed convolution.
    pub const UP: Uses = Uses { down: false, up: true };
}

/// A weight prepared for maps of one size.
#[derive(Debug)]
pub struct Filter<T> {
    shape: Shape,
    uses: Uses,
    /// As given: for `f64`.
    raw: Vec<T>,
    down: Buffer,
    up: Buffer,
}

impl<T: Real> Filter<T> {
    /// Memory for a weight between a large map of `wide` channels and a small one of `small_rows` × `small_cols` ×
    /// `deep`. `images` is how many a batch usually has; it never changes results.
    ///
    /// # Panics
    /// If an extent is 0.
    pub fn new(wide: usize, deep: usize, small_rows: usize, small_cols: usize, images: usize, uses: Uses) -> Self {
        assert!(wide > 0 && deep > 0 && small_rows > 0 && small_cols > 0 && images > 0, "an empty filter");
        let shape = Shape { wide, deep, rows: small_rows, cols: small_cols, images };
        let fast = T::singles(&[]).is_some();
        Self {
            shape,
            uses,
            raw: if fast { Vec::new() } else { vec![T::ZERO; 16 * wide * deep] },
            down: Buffer::new(if fast && uses.down { shape.down_weight() } else { 0 }),
            up: Buffer::new(if fast && uses.up { shape.up_weight() } else { 0 }),
        }
    }

    /// Takes the weight over, `[ky][kx][wide][deep]`: once a training step, once a model when scoring.
    ///
    /// # Panics
    /// If `weight` is not 16 · wide · deep long.
    pub fn load(&mut self, pool: &Pool, weight: &[T]) {
        let shape = self.shape;
        let Shape { wide, deep, .. } = shape;
        assert_eq!(weight.len(), 16 * wide * deep, "a 4x4 weight of {wide} by {deep}");
        let Some(weight) = T::singles(weight) else {
            self.raw.copy_from_slice(weight);
            return;
        };
        if self.uses.down {
            let to = self.down.as_mut_slice();
            match shape.form() {
                Form::Winograd => weights::down_points(pool, weight, wide, deep, to),
                Form::Narrow => weights::panels(pool, weight, 16 * wide, deep, deep, to),
                Form::Small => small::load_down(pool, &shape, weight, to),
            }
        }
        if self.uses.up {
            let to = self.up.as_mut_slice();
            match shape.form() {
                Form::Winograd => weights::up_points(pool, weight, wide, deep, to),
                Form::Narrow => narrow::load_up(pool, &shape, weight, to),
                Form::Small => small::load_up(pool, &shape, weight, to),
            }
        }
    }
}

fn check<T: Real>(x: &Map<'_, T>, y: &Map<'_, T>) {
    x.verify();
    y.verify();
    assert!(
        x.images == y.images && x.rows == 2 * y.rows && x.cols == 2 * y.cols,
        "a large map of {} images of {}x{} and a small one of {} of {}x{}",
        x.images,
        x.rows,
        x.cols,
        y.images,
        y.rows,
        y.cols
    );
}

fn check_filter<T: Real>(filter: &Filter<T>, x: &Map<'_, T>, y: &Map<'_, T>) {
    check(x, y);
    assert!(
        (filter.shape.wide, filter.shape.deep, filter.shape.rows, filter.shape.cols) == (x.channels, y.channels, y.rows, y.cols),
        "a filter for {}x{} maps, {} by {} channels, with a {}x{} map, {} by {}",
        filter.shape.rows,
        filter.shape.cols,
        filter.shape.wide,
        filter.shape.deep,
        y.rows,
        y.cols,
        x.channels,
        y.channels
    );
}

fn check_ends<T: Real>(lens: &Option<Lens<'_, T>>, input: usize, bias: Option<&[T]>, output: usize) {
    if let Some(lens) = lens {
        lens.verify(input);
    }
    if let Some(bias) = bias {
        assert_eq!(bias.len(), output, "one bias a channel");
    }
}

/// y[h, w, deep] = bias + the 4×4 convolution, stride 2, padding 1, of lens(x)[2h, 2w, wide].
///
/// # Panics
/// If shapes do not fit the filter, or it was not made for `down`.
pub fn down<T: Real>(
    pool: &Pool,
    x: Map<'_, T>,
    lens: Option<Lens<'_, T>>,
    filter: &Filter<T>,
    bias: Option<&[T]>,
    mut y: MapMut<'_, T>,
    scratch: &mut Scratch<T>,
) {
    check_filter(filter, &x, &y.read());
    check_ends(&lens, x.channels, bias, y.channels);
    assert!(filter.uses.down, "this filter was made without `down`");
    let (Some(input), Some(output)) = (x.singles(), y.singles()) else {
        return reference::down(x, lens, &filter.raw, bias, y);
    };
    let (lens, bias) = (lens.and_then(Lens::singles), bias.and_then(T::singles));
    let run = match filter.shape.form() {
        Form::Winograd => winograd::down,
        Form::Narrow => narrow::down,
        Form::Small => small::down,
    };
    run(pool, input, lens, filter.down.as_slice(), bias, output, &mut scratch.store);
}

/// x[2h, 2w, wide] = bias + the transposed convolution of lens(y)[h, w, deep]. Overwrites x.
///
/// # Panics
/// If shapes do not fit the filter, or it was not made for `up`.
pub fn up<T: Real>(
    pool: &Pool,
    y: Map<'_, T>,
    lens: Option<Lens<'_, T>>,
    filter: &Filter<T>,
    bias: Option<&[T]>,
    mut x: MapMut<'_, T>,
    scratch: &mut Scratch<T>,
) {
    check_filter(filter, &x.read(), &y);
    check_ends(&lens, y.channels, bias, x.channels);
    assert!(filter.uses.up, "this filter was made without `up`");
    let (Some(input), Some(output)) = (y.singles(), x.singles()) else {
        return reference::up(y, lens, &filter.raw, bias, x);
    };
    let (lens, bias) = (lens.and_then(Lens::singles), bias.and_then(T::singles));
    let run = match filter.shape.form() {
        Form::Winograd => winograd::up,
        Form::Narrow => narrow::up,
        Form::Small => small::up,
    };
    run(pool, input, lens, filter.up.as_slice(), bias, output, &mut scratch.store);
}

/// dw`[ky][kx][wide][deep]` = Σ lens(x)·lens(y) over all pixels a tap joins: the weight gradient. Overwrites dw; taps
/// that only meet padding (12 of 16 at 2×2 → 1×1) are exactly 0.
///
/// # Panics
/// If shapes do not fit.
pub fn pair<T: Real>(
    pool: &Pool,
    x: Map<'_, T>,
    x_lens: Option<Lens<'_, T>>,
    y: Map<'_, T>,
    y_lens: Option<Lens<'_, T>>,
    dw: &mut [T],
    scratch: &mut Scratch<T>,
) {
    check(&x, &y);
    check_ends(&x_lens, x.channels, None, 0);
    check_ends(&y_lens, y.channels, None, 0);
    assert_eq!(dw.len(), 16 * x.channels * y.channels, "a 4x4 gradient of {} by {}", x.channels, y.channels);
    let (Some(left), Some(right)) = (x.singles(), y.singles()) else {
        return reference::pair(x, x_lens, y, y_lens, dw);
    };
    let (x_lens, y_lens) = (x_lens.and_then(Lens::singles), y_lens.and_then(Lens::singles));
    let shape = Shape { wide: x.channels, deep: y.channels, rows: y.rows, cols: y.cols, images: y.images };
    let run = match shape.form() {
        Form::Winograd => winograd::pair,
        Form::Narrow => narrow::pair,
        Form::Small => small::pair,
    };
    let Some(dw) = T::singles_mut(dw) else { return };
    run(pool, left, x_lens, right, y_lens, dw, &mut scratch.store);
}
