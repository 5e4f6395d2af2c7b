//! Memory the three kernels work in.

use super::form::Shape;
use super::{narrow, narrow_four};
use crate::memory::Buffer;
use crate::tiling::Blocks;
use crate::{Pool, Real};

/// Memory the three kernels work in, for any number of layers: grows where a call needs more than any before it.
#[derive(Debug, Default)]
pub struct Scratch<T> {
    pub(super) store: Store,
    /// What the left map contributes to each of those beside it, where that is found by itself.
    pub(super) beside: Vec<T>,
}

/// The fast kernels' part.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) blocks: Blocks,
    /// One loose weight, prepared, or a gradient at its points: never both at once.
    pub(super) weight: Buffer,
    /// Offsets of rows of a and c, tap by tap.
    pub(super) offsets: Vec<(usize, usize)>,
}

impl<T: Real> Scratch<T> {
    /// Nothing reserved: the first calls will.
    pub fn new() -> Self {
        Self { store: Store::default(), beside: Vec::new() }
    }

    /// Reserves what the three kernels need between a large map of `wide` channels and a small one of `small_rows` ×
    /// `small_cols` × `deep`, for `images` images.
    pub fn reserve(&mut self, pool: &Pool, (wide, deep): (usize, usize), (small_rows, small_cols): (usize, usize), images: usize) {
        if T::singles(&[]).is_some() {
            let shape = Shape::checked(wide, deep, small_rows, small_cols, images);
            let (common, own) = shape.needs();
            self.store.blocks.all(common, own, pool.threads());
            self.store.offsets.reserve(shape.offsets().saturating_sub(self.store.offsets.len()));
        }
    }

    /// Reserves what [`super::down_beside`] needs in addition, for maps of these numbers of channels side by side (0: none on the left) and so
    /// many images of each.
    pub fn reserve_beside(
        &mut self,
        pool: &Pool,
        [left, right]: [usize; 2],
        deep: usize,
        (small_rows, small_cols): (usize, usize),
        images: usize,
    ) {
        let shape = Shape::checked(right, deep, small_rows, small_cols, images);
        let narrow = [left, right].into_iter().all(|wide| wide == 0 || Shape { wide, ..shape }.is_narrow());
        if T::singles(&[]).is_some() && narrow {
            let own = narrow::beside_own([left, right], &shape).max(narrow_four::beside_own([left, right], &shape));
            self.store.blocks.all(0, own, pool.threads());
        } else if left > 0 {
            self.beside.resize(images * small_rows * small_cols * deep, T::ZERO);
        }
    }

    /// Reserves what training needs in addition: a loose filter between maps of these sizes, quick or not, and its gradient.
    pub fn reserve_training(&mut self, (wide, deep): (usize, usize), (small_rows, small_cols): (usize, usize)) {
        if T::singles(&[]).is_some() {
            let shape = Shape::checked(wide, deep, small_rows, small_cols, 1);
            let quick = Shape { quick: true, ..shape };
            self.store.weight.reserve(shape.down_weight().max(quick.down_weight()).max(shape.up_weight()).max(shape.gradient()));
        }
    }
}

impl Store {
    /// `length` numbers that all jobs of a call share.
    pub(super) fn common(&mut self, length: usize) -> &mut [f32] {
        self.blocks.all(length, 0, 1).0
    }

    /// As [`Store::common`], with `own` numbers for each thread and the offsets.
    pub(super) fn all(&mut self, common: usize, own: usize, threads: usize) -> (&mut [f32], &mut [f32], &mut Vec<(usize, usize)>) {
        let (common, own) = self.blocks.all(common, own, threads);
        (common, own, &mut self.offsets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stride::{self, Filter, Uses};
    use crate::{Lens, Map, MapMut, Write};

    #[test]
    fn what_is_reserved_suffices() {
        let pool = Pool::new(2).unwrap();
        for (wide, deep, rows, cols, images) in [
            (3, 20, 9, 70, 2),
            (1, 4, 1, 1, 5),
            (16, 32, 40, 36, 3),
            (20, 7, 5, 9, 1),
            (70, 33, 12, 12, 2),
            (40, 24, 2, 2, 9),
            (17, 5, 4, 4, 3),
        ] {
            let mut scratch = Scratch::<f32>::new();
            scratch.reserve(&pool, (wide, deep), (rows, cols), images);
            scratch.reserve_training((wide, deep), (rows, cols));
            let sizes = |s: &Scratch<f32>| (s.store.blocks.sizes(), s.store.weight.as_slice().len(), s.store.offsets.capacity());
            let before = sizes(&scratch);
            let (mut x, mut y) = (vec![1.0; 4 * images * rows * cols * wide], vec![1.0; images * rows * cols * deep]);
            let mut dw = vec![0.0; 16 * wide * deep];
            let ones = vec![1.0; wide.max(deep)];
            let lens = |n: usize| Some(Lens::new(&ones[..n], &ones[..n], &ones[..n]));
            let filter = || Filter::new(wide, deep, rows, cols, images, Uses::BOTH);
            for mut filter in [filter(), filter().tied(), filter().quick()] {
                filter.load(&pool, &dw);
                let (x_map, y_map) = (Map::dense(&x, images, 2 * rows, 2 * cols, wide), Map::dense(&y, images, rows, cols, deep));
                stride::pair(&pool, x_map, lens(wide), y_map, lens(deep), (&mut dw, Write::Set), &mut scratch);
                let to = MapMut::dense(&mut x, images, 2 * rows, 2 * cols, wide);
                stride::up(&pool, y_map, lens(deep), &filter, None, to, &mut scratch);
                let x_map = Map::dense(&x, images, 2 * rows, 2 * cols, wide);
                stride::down(&pool, x_map, lens(wide), &filter, None, MapMut::dense(&mut y, images, rows, cols, deep), &mut scratch);
            }
            assert_eq!(sizes(&scratch), before, "{wide} {deep} {rows}x{cols}");
        }
    }

    #[test]
    fn what_is_reserved_for_maps_side_by_side_suffices() {
        let pool = Pool::new(2).unwrap();
        for (wide, deep, rows, cols) in [([3, 3], 16, 9, 70), ([1, 12], 20, 3, 5), ([16, 3], 8, 6, 6), ([17, 18], 5, 20, 20)] {
            let mut scratch = Scratch::<f32>::new();
            wide.iter().for_each(|&wide| scratch.reserve(&pool, (wide, deep), (rows, cols), 6));
            scratch.reserve_beside(&pool, wide, deep, (rows, cols), 3);
            let sizes = |s: &Scratch<f32>| (s.store.blocks.sizes(), s.beside.capacity());
            let before = sizes(&scratch);
            let maps = wide.map(|wide| vec![1.0; 12 * rows * cols * wide]);
            let map = |side: usize| Map::dense(&maps[side], 3, 2 * rows, 2 * cols, wide[side]);
            let mut y = vec![0.0; 6 * rows * cols * deep];
            for quick in [false, true] {
                let filters = wide.map(|wide| {
                    let filter = Filter::new(wide, deep, rows, cols, 3, Uses::DOWN);
                    let mut filter = if quick { filter.quick() } else { filter };
                    filter.load(&pool, &vec![1.0; 16 * wide * deep]);
                    filter
                });
                let rights = ([Some(map(1)), Some(map(1))], &filters[1]);
                stride::down_beside(
                    &pool,
                    Some((map(0), &filters[0])),
                    rights,
                    None,
                    MapMut::dense(&mut y, 6, rows, cols, deep),
                    &mut scratch,
                );
            }
            assert_eq!(sizes(&scratch), before, "{wide:?} {deep} {rows}x{cols}");
        }
    }
}
