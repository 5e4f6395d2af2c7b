//! `down` of maps side by side: against the plain loops on the maps put together, over instruction sets, threads, batches and memory.

use kernels::stride::{Filter, Scratch, Uses, down_beside};
use kernels::{Level, Map, MapMut, Pool, Real, reference};

#[derive(Clone, Copy, Debug)]
struct Case {
    images: usize,
    rows: usize,
    cols: usize,
    /// Channels of the left and of the right.
    wide: [usize; 2],
    deep: usize,
    /// Between pixels of the output and of the maps.
    gap: usize,
    rights: usize,
    bias: bool,
    quick: bool,
}

/// A fixed, irregular sequence in (−1, 1), in any precision.
fn numbers<T: Real>(count: usize, seed: usize) -> Vec<T> {
    (0..count).map(|i| T::from_f32(((i + 13 * seed) * 7919 % 1013) as f32 / 506.5 - 1.0)).collect()
}

impl Case {
    fn image(&self, side: usize) -> usize {
        4 * self.rows * self.cols * (self.wide[side] + self.gap)
    }

    /// Left, then the maps on the right.
    fn maps<T: Real>(&self) -> Vec<Vec<T>> {
        (0..=self.rights).map(|i| numbers(self.images * self.image(i.min(1)), i)).collect()
    }

    /// `[ky][kx][left, right][deep]`.
    fn weight<T: Real>(&self) -> Vec<T> {
        numbers(16 * (self.wide[0] + self.wide[1]) * self.deep, 7)
    }

    fn bias<T: Real>(&self) -> Option<Vec<T>> {
        self.bias.then(|| numbers(self.deep, 9))
    }

    fn filter<T: Real>(&self, pool: &Pool, side: usize) -> Filter<T> {
        let (row, first) = ((self.wide[0] + self.wide[1]) * self.deep, side * self.wide[0] * self.deep);
        let own: Vec<T> =
            self.weight().chunks_exact(row).flat_map(|tap: &[T]| tap[first..][..self.wide[side] * self.deep].to_vec()).collect();
        let filter = Filter::new(self.wide[side], self.deep, self.rows, self.cols, self.images, Uses::DOWN);
        let mut filter = if self.quick { filter.quick() } else { filter };
        filter.load(pool, &own);
        filter
    }

    fn run<T: Real>(&self, pool: &Pool, maps: &[Vec<T>], scratch: &mut Scratch<T>) -> Vec<T> {
        let Case { images, rows, cols, wide, deep, gap, rights, .. } = *self;
        let map = |side: usize, data| Map::new(data, images, 2 * rows, 2 * cols, wide[side], wide[side] + gap);
        let mut y = vec![T::from_f32(777.0); rights * images * rows * cols * (deep + gap)];
        let to = MapMut::new(&mut y, rights * images, rows, cols, deep, deep + gap);
        let mut beside = [Some(map(1, &maps[1])), maps.get(2).map(|data| map(1, data))];
        if rights == 1 && rows % 2 == 1 {
            beside.swap(0, 1); // the same
        }
        let filters: [Filter<T>; 2] = [0, 1].map(|side| self.filter(pool, side));
        down_beside(pool, Some((map(0, &maps[0]), &filters[0])), (beside, &filters[1]), self.bias().as_deref(), to, scratch);
        y
    }

    /// By the plain loops, on the maps put together.
    fn exact(&self) -> Vec<f64> {
        let Case { images, rows, cols, wide, deep, gap, .. } = *self;
        let (maps, weight, both) = (self.maps::<f64>(), self.weight::<f64>(), wide[0] + wide[1]);
        let mut y = vec![777.0; self.rights * images * rows * cols * (deep + gap)];
        for (right, y) in maps[1..].iter().zip(y.chunks_mut(images * rows * cols * (deep + gap))) {
            let pixels = maps[0].chunks_exact(wide[0] + gap).zip(right.chunks_exact(wide[1] + gap));
            let x: Vec<f64> = pixels.flat_map(|(left, right)| [&left[..wide[0]], &right[..wide[1]]].concat()).collect();
            let to = MapMut::new(y, images, rows, cols, deep, deep + gap);
            reference::down(Map::dense(&x, images, 2 * rows, 2 * cols, both), None, &weight, self.bias().as_deref(), to);
        }
        y
    }
}

/// Few channels on both sides, in both forms; few beside many; many; one map or two; rows that end within a band.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let sizes = [(1, 1, 3), (3, 5, 2), (5, 97, 1), (9, 10, 3), (33, 14, 2), (64, 48, 1)];
    for (i, wide) in [[3, 3], [1, 2], [6, 1], [2, 15], [16, 3], [3, 17], [16, 20]].into_iter().enumerate() {
        for (j, (rows, cols, images)) in sizes.into_iter().enumerate() {
            let (deep, gap) = ([16, 5, 33, 40][(i + j) % 4], [0, 3][(i + j / 2) % 2]);
            for quick in [false, true] {
                cases.push(Case { images, rows, cols, wide, deep, gap, rights: 1 + (i + j) % 2, bias: (i + j) % 3 != 0, quick });
            }
        }
    }
    cases
}

#[test]
fn maps_side_by_side_are_one_map() {
    // Sums of up to 16·36 products of numbers below 1; F(4, 2) takes ten times the error. A missing tap is off by 1e-2 or more.
    let pools: Vec<Pool> = Level::all_available().map(|level| Pool::with_level(2, level).unwrap()).collect();
    for case in cases() {
        let exact = case.exact();
        let scale = exact.iter().filter(|v| **v != 777.0).fold(1.0f64, |most, v| most.max(v.abs()));
        let worst = |found: &[f64]| found.iter().zip(&exact).fold(0.0f64, |worst, (a, b)| worst.max((a - b).abs())) / scale;
        let plain = case.run::<f64>(&pools[0], &case.maps(), &mut Scratch::new());
        assert!(worst(&plain) < 1e-14, "{case:?}: {}", worst(&plain));
        for pool in &pools {
            let found = case.run::<f32>(pool, &case.maps(), &mut Scratch::new());
            let found: Vec<f64> = found.into_iter().map(f64::from).collect();
            let tolerance = if case.quick { 4e-5 } else { 4e-6 };
            assert!(worst(&found) < tolerance, "{} {case:?}: {}", pool.level(), worst(&found));
        }
    }
}

#[test]
fn neither_threads_nor_company_nor_used_memory_change_a_bit() {
    let [one, three] = [1, 3].map(|threads| Pool::new(threads).unwrap());
    let mut used = Scratch::new();
    for case in cases() {
        let maps = case.maps::<f32>();
        let expected = case.run(&one, &maps, &mut Scratch::new());
        assert_eq!(case.run(&three, &maps, &mut used), expected, "{case:?}");
        // The last image alone, beside the last map alone.
        let image = case.rows * case.cols * (case.deep + case.gap);
        let last = |side: usize, map: &[f32]| map[map.len() - case.image(side)..].to_vec();
        let alone = Case { images: 1, rights: 1, ..case }.run(&one, &[last(0, &maps[0]), last(1, &maps[case.rights])], &mut used);
        assert_eq!(alone, expected[expected.len() - image..], "{case:?}");
    }
}

#[test]
#[should_panic(expected = "1 by 2 channels, with a 1x1 map, 2 by 2")]
fn filters_of_the_wrong_side_are_refused() {
    let pool = Pool::new(1).unwrap();
    let case = Case { images: 1, rows: 1, cols: 1, wide: [1, 2], deep: 2, gap: 0, rights: 1, bias: false, quick: false };
    let maps = case.maps::<f32>();
    let map = |side: usize| Map::dense(&maps[side], 1, 2, 2, case.wide[side]);
    let filters: [Filter<f32>; 2] = [0, 1].map(|side| case.filter(&pool, side));
    let to = &mut [0.0; 2];
    let to = MapMut::dense(to, 1, 1, 1, 2);
    down_beside(&pool, Some((map(0), &filters[1])), ([Some(map(1)), None], &filters[0]), None, to, &mut Scratch::new());
}

#[test]
#[should_panic(expected = "1 images of 2 maps with 1 each")]
fn a_target_for_fewer_images_than_maps_have_is_refused() {
    let pool = Pool::new(1).unwrap();
    let case = Case { images: 1, rows: 1, cols: 1, wide: [1, 2], deep: 2, gap: 0, rights: 2, bias: false, quick: false };
    let maps = case.maps::<f32>();
    let [left, right] = [0, 1].map(|side| Map::dense(&maps[side], 1, 2, 2, case.wide[side]));
    let filters: [Filter<f32>; 2] = [0, 1].map(|side| case.filter(&pool, side));
    let to = &mut [0.0; 2];
    let to = MapMut::dense(to, 1, 1, 1, 2);
    down_beside(&pool, Some((left, &filters[0])), ([Some(right); 2], &filters[1]), None, to, &mut Scratch::new());
}
