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

mod axes;
mod bands;
mod beside;
mod fast;
mod fast_pair;
mod form;
mod four;
mod narrow;
mod narrow_four;
mod narrow_tied;
mod narrow_up;
mod patch;
mod scratch;
mod small;
mod tied;
pub(crate) mod two;
mod walk;
pub(crate) mod weights;

pub use beside::down_beside;
pub use scratch::Scratch;

use crate::memory::{Buffer, own};
use crate::{Lens, Map, MapMut, Pool, Real, Write, reference};
use fast::Fast;
use form::{DownForm, Form, Shape, UpForm};
use std::sync::Arc;

/// Which kernels a [`Filter`] will be used for: only those are prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uses {
    /// [`down`] will be called.
    pub down: bool,
    /// [`up`] will be called.
    pub up: bool,
}

impl Uses {
    /// Both directions.
    pub const BOTH: Uses = Uses { down: true, up: true };
    /// A convolution whose input wants no gradient, as when scoring.
    pub const DOWN: Uses = Uses { down: true, up: false };
    /// A transposed convolution whose input wants none.
    pub const UP: Uses = Uses { down: false, up: true };
}

/// A weight for maps of one size: kept prepared, or prepared from what it is given at each use ([`Filter::with`]).
#[derive(Debug)]
pub struct Filter<T> {
    shape: Shape,
    uses: Uses,
    /// As given: for `f64`.
    raw: Arc<Vec<T>>,
    down: Arc<Buffer>,
    up: Arc<Buffer>,
}

/// A filter and the numbers it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Weight<'a, T> {
    filter: &'a Filter<T>,
    /// `[ky][kx][wide][deep]`, to be prepared now; `None`: the filter holds them prepared.
    loose: Option<&'a [T]>,
}

impl<'a, T> From<&'a Filter<T>> for Weight<'a, T> {
    fn from(filter: &'a Filter<T>) -> Self {
        Weight { filter, loose: None }
    }
}

impl<T: Real> Filter<T> {
    /// For a weight between a large map of `wide` channels and a small one of `small_rows` × `small_cols` × `deep`. `images` is how many a
    /// batch usually has; it never changes results. The first [`Filter::load`] takes memory, when it is known which form the weight has.
    ///
    /// # Panics
    /// If an extent is 0.
    pub fn new(wide: usize, deep: usize, small_rows: usize, small_cols: usize, images: usize, uses: Uses) -> Self {
        let shape = Shape::checked(wide, deep, small_rows, small_cols, images);
        Self { shape, uses, raw: Arc::default(), down: Arc::default(), up: Arc::default() }
    }

    /// The same without memory: for training, where prepared weights of all layers would take as much as the weights, their gradients and
    /// moments together.
    ///
    /// # Panics
    /// If an extent is 0.
    pub fn loose(wide: usize, deep: usize, small_rows: usize, small_cols: usize, images: usize) -> Self {
        Self::new(wide, deep, small_rows, small_cols, images, Uses { down: false, up: false })
    }

    /// The same for a weight with tied taps: along either axis the sum of the first and the third is that of the other two, up to rounding,
    /// as where nearest ×2 and a 3×3 convolution are one layer. [`up`] then takes 25 products for 36.
    pub fn tied(mut self) -> Self {
        self.shape.tied = true;
        self.unloaded()
    }

    /// The same where errors of [`down`] may be some ten times larger, though far below 1e-4 of the largest value.
    pub fn quick(mut self) -> Self {
        self.shape.quick = true;
        self.unloaded()
    }

    /// A weight prepared for another form is none.
    fn unloaded(self) -> Self {
        Self { raw: Arc::default(), down: Arc::default(), up: Arc::default(), ..self }
    }

    /// Whether it keeps no weight.
    pub fn is_loose(&self) -> bool {
        self.uses == Uses { down: false, up: false }
    }

    /// The weight prepared for [`down`].
    fn held_for_down(&self) -> &[f32] {
        let held = self.down.as_slice();
        assert_eq!(held.len(), self.shape.down_weight(), "a filter is loaded before it is used");
        held
    }

    /// The filter for one call, with `weight`, `[ky][kx][wide][deep]`.
    ///
    /// # Panics
    /// If `weight` is not 16 · wide · deep long.
    pub fn with<'a>(&'a self, weight: &'a [T]) -> Weight<'a, T> {
        self.shape.check_weight(weight.len());
        Weight { filter: self, loose: Some(weight) }
    }

    /// Takes the weight over, `[ky][kx][wide][deep]`: once a model when scoring.
    ///
    /// # Panics
    /// If `weight` is not 16 · wide · deep long.
    pub fn load(&mut self, pool: &Pool, weight: &[T]) {
        self.shape.check_weight(weight.len());
        let Some(weight) = T::singles(weight) else {
            let raw = own(&mut self.raw);
            raw.clear();
            raw.extend_from_slice(weight);
            return;
        };
        if self.uses.down {
            let down = own(&mut self.down);
            down.reserve(self.shape.down_weight());
            load_down(pool, &self.shape, weight, down.as_mut_slice());
        }
        if self.uses.up {
            let up = own(&mut self.up);
            up.reserve(self.shape.up_weight());
            load_up(pool, &self.shape, weight, up.as_mut_slice());
        }
    }

    /// Holds the weight that another filter holds, in the same memory: several that score by one model keep it once. Whichever of them loads
    /// another weight has it for itself.
    ///
    /// # Panics
    /// If that filter is for other maps, channels or uses, whatever its number of images, or keeps no weight.
    pub fn share(&mut self, other: &Self) {
        let (mine, theirs) = (Shape { images: 1, ..self.shape }, Shape { images: 1, ..other.shape });
        assert!(mine == theirs && self.uses == other.uses, "a weight prepared for {theirs:?}, not for {mine:?}");
        assert!(!self.is_loose(), "a filter without a weight has none to share");
        (self.raw, self.down, self.up) = (Arc::clone(&other.raw), Arc::clone(&other.down), Arc::clone(&other.up));
    }
}

/// Prepares a weight for [`down`].
fn load_down(pool: &Pool, shape: &Shape, weight: &[f32], to: &mut [f32]) {
    let Shape { wide, deep, .. } = *shape;
    match shape.down_form() {
        DownForm::Usual(Form::Winograd) => weights::down_points::<two::Taps, _>(pool, weight, wide, deep, to),
        DownForm::WinogradFour => weights::down_points::<four::Taps, _>(pool, weight, wide, deep, to),
        DownForm::Usual(Form::Narrow) => weights::panels(pool, weight, 16 * wide, deep, deep, to),
        DownForm::NarrowFour => narrow_four::load(shape, weight, to),
        DownForm::Usual(Form::Small) => small::load_down(pool, shape, weight, to),
    }
}

/// Prepares a weight for [`up`].
fn load_up(pool: &Pool, shape: &Shape, weight: &[f32], to: &mut [f32]) {
    match shape.up_form() {
        UpForm::Usual(Form::Winograd) => weights::up_points(pool, weight, shape.wide, shape.deep, to),
        UpForm::Tied => weights::tied_points(pool, weight, shape.wide, shape.deep, to),
        UpForm::Usual(Form::Narrow) => narrow_up::load(pool, shape, weight, to),
        UpForm::NarrowTied => narrow_tied::load(shape, weight, to),
        UpForm::Usual(Form::Small) => small::load_up(pool, shape, weight, to),
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
/// If shapes do not fit the filter, or it was not made for `down`, or holds no weight yet.
pub fn down<'w, T: Real>(
    pool: &Pool,
    x: Map<'_, T>,
    lens: Option<Lens<'_, T>>,
    weight: impl Into<Weight<'w, T>>,
    bias: Option<&[T]>,
    mut y: MapMut<'_, T>,
    scratch: &mut Scratch<T>,
) {
    let Weight { filter, loose } = weight.into();
    check_filter(filter, &x, &y.read());
    check_ends(&lens, x.channels, bias, y.channels);
    assert!(loose.is_some() || filter.uses.down, "this filter was made without `down`");
    let (Some(input), Some(output)) = (x.singles(), y.singles()) else {
        return reference::down(x, lens, loose.unwrap_or(&filter.raw), bias, y);
    };
    let (lens, bias) = (lens.and_then(Lens::singles), bias.and_then(T::singles));
    let run = match filter.shape.down_form() {
        DownForm::Usual(Form::Winograd) => two::Down::run,
        DownForm::WinogradFour => four::Down::run,
        DownForm::Usual(Form::Narrow) => narrow::down,
        DownForm::NarrowFour => narrow_four::down,
        DownForm::Usual(Form::Small) => small::down,
    };
    let shape = &filter.shape;
    let Some(weight) = loose.and_then(T::singles) else {
        return run(pool, input, lens, filter.held_for_down(), bias, output, &mut scratch.store);
    };
    // Lent out for the call: the kernels work in the rest of the scratch memory.
    let mut prepared = std::mem::take(&mut scratch.store.weight);
    prepared.reserve(shape.down_weight());
    let held = &mut prepared.as_mut_slice()[..shape.down_weight()];
    load_down(pool, shape, weight, held);
    run(pool, input, lens, held, bias, output, &mut scratch.store);
    scratch.store.weight = prepared;
}

/// x[2h, 2w, wide] = bias + the transposed convolution of lens(y)[h, w, deep]. Overwrites x.
///
/// # Panics
/// If shapes do not fit the filter, or it was not made for `up`, or holds no weight yet.
pub fn up<'w, T: Real>(
    pool: &Pool,
    y: Map<'_, T>,
    lens: Option<Lens<'_, T>>,
    weight: impl Into<Weight<'w, T>>,
    bias: Option<&[T]>,
    mut x: MapMut<'_, T>,
    scratch: &mut Scratch<T>,
) {
    let Weight { filter, loose } = weight.into();
    check_filter(filter, &x.read(), &y);
    check_ends(&lens, y.channels, bias, x.channels);
    assert!(loose.is_some() || filter.uses.up, "this filter was made without `up`");
    let (Some(input), Some(output)) = (y.singles(), x.singles()) else {
        return reference::up(y, lens, loose.unwrap_or(&filter.raw), bias, x);
    };
    let (lens, bias) = (lens.and_then(Lens::singles), bias.and_then(T::singles));
    let run = match filter.shape.up_form() {
        UpForm::Usual(Form::Winograd) => two::Up::run,
        UpForm::Tied => tied::Up::run,
        UpForm::Usual(Form::Narrow) => narrow_up::up,
        UpForm::NarrowTied => narrow_tied::up,
        UpForm::Usual(Form::Small) => small::up,
    };
    let shape = &filter.shape;
    let Some(weight) = loose.and_then(T::singles) else {
        let held = filter.up.as_slice();
        assert_eq!(held.len(), shape.up_weight(), "a filter is loaded before it is used");
        return run(pool, input, lens, held, bias, output, &mut scratch.store);
    };
    // Lent out for the call: the kernels work in the rest of the scratch memory.
    let mut prepared = std::mem::take(&mut scratch.store.weight);
    prepared.reserve(shape.up_weight());
    let held = &mut prepared.as_mut_slice()[..shape.up_weight()];
    load_up(pool, shape, weight, held);
    run(pool, input, lens, held, bias, output, &mut scratch.store);
    scratch.store.weight = prepared;
}

/// dw`[ky][kx][wide][deep]` = Σ lens(x)·lens(y) over all pixels a tap joins: the weight gradient, put or added. Taps that
/// only meet padding (12 of 16 at 2×2 → 1×1) get exactly 0.
///
/// # Panics
/// If shapes do not fit.
pub fn pair<T: Real>(
    pool: &Pool,
    x: Map<'_, T>,
    x_lens: Option<Lens<'_, T>>,
    y: Map<'_, T>,
    y_lens: Option<Lens<'_, T>>,
    (dw, write): (&mut [T], Write),
    scratch: &mut Scratch<T>,
) {
    check(&x, &y);
    check_ends(&x_lens, x.channels, None, 0);
    check_ends(&y_lens, y.channels, None, 0);
    assert_eq!(dw.len(), 16 * x.channels * y.channels, "a 4x4 gradient of {} by {}", x.channels, y.channels);
    let (Some(left), Some(right)) = (x.singles(), y.singles()) else {
        return reference::pair(x, x_lens, y, y_lens, (dw, write));
    };
    let (x_lens, y_lens) = (x_lens.and_then(Lens::singles), y_lens.and_then(Lens::singles));
    let shape = Shape::checked(x.channels, y.channels, y.rows, y.cols, y.images);
    let run = match shape.form() {
        Form::Winograd => fast_pair::pair,
        Form::Narrow => narrow::pair,
        Form::Small => small::pair,
    };
    let Some(dw) = T::singles_mut(dw) else { return };
    run(pool, left, x_lens, right, y_lens, (dw, write), &mut scratch.store);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_one_memory() {
        let pool = Pool::new(1).unwrap();
        let filter = |images: usize| Filter::<f32>::new(16, 20, 5, 5, images, Uses::BOTH).tied().quick();
        let (mut first, mut other) = (filter(4), filter(1));
        first.load(&pool, &vec![0.5; 16 * 16 * 20]);
        other.share(&first);
        assert!(Arc::ptr_eq(&first.down, &other.down) && Arc::ptr_eq(&first.up, &other.up));
    }

    #[test]
    #[should_panic(expected = "a filter without a weight has none to share")]
    fn a_loose_filter_shares_nothing() {
        Filter::<f32>::loose(16, 16, 5, 5, 1).share(&Filter::loose(16, 16, 5, 5, 1));
    }
}
