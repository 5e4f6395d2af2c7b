//! The three kernels on every instruction set of this machine: against the plain f64 loops, against each other (adjoint
//! identity), over threads and batches (equal bits), and over memory they must not touch.

use kernels::stride::{self, Filter, Scratch, Uses};
use kernels::{Lens, Level, Map, MapMut, Pool, Real, Write, reference};

/// A small, fixed, irregular sequence in (−1, 1).
fn numbers<T: Real>(count: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f64 / f64::from(1u32 << 23) - 1.0
    };
    (0..count).map(|_| T::from_f64(f64::from(next() as f32))).collect()
}

#[derive(Clone, Copy, Debug)]
struct Case {
    images: usize,
    rows: usize,
    cols: usize,
    wide: usize,
    deep: usize,
    /// Elements between the last channel of a pixel and the next pixel.
    gap: usize,
    lens: bool,
    bias: bool,
    kind: Kind,
}

/// How a filter is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Tied,
    /// Tied too, and with the larger errors that a network takes.
    Quick,
}

/// All kinds.
const KINDS: [Kind; 3] = [Kind::Plain, Kind::Tied, Kind::Quick];

/// Rows of T: which of three taps make up each of four.
const TIES: [&[usize]; 4] = [&[2], &[1, 2], &[0, 1], &[0]];

/// Everything a case computes, in one precision.
struct Found<T> {
    y: Vec<T>,
    x: Vec<T>,
    dw: Vec<T>,
}

/// Inputs of a case: the same numbers in both precisions.
struct Given<T> {
    x: Vec<T>,
    y: Vec<T>,
    weight: Vec<T>,
    wide: [Vec<T>; 4],
    deep: [Vec<T>; 4],
}

impl Case {
    fn given<T: Real>(&self) -> Given<T> {
        let pixels = self.images * self.rows * self.cols;
        let lens = |n: usize, seed: u64| {
            let slope = numbers::<T>(n, seed + 2).into_iter().map(|v| v * v).collect();
            [numbers(n, seed), numbers(n, seed + 1), slope, numbers(n, seed + 3)]
        };
        Given {
            x: numbers(4 * pixels * (self.wide + self.gap), 1),
            y: numbers(pixels * (self.deep + self.gap), 2),
            weight: self.weight(),
            wide: lens(self.wide, 10),
            deep: lens(self.deep, 20),
        }
    }

    fn weight<T: Real>(&self) -> Vec<T> {
        let tap = self.wide * self.deep;
        if self.kind == Kind::Plain {
            return numbers(16 * tap, 3);
        }
        let three: Vec<f64> = numbers(9 * tap, 3);
        let one = |four: usize, n: usize| -> f64 {
            TIES[four / 4].iter().map(|row| TIES[four % 4].iter().map(|col| three[(3 * row + col) * tap + n]).sum::<f64>()).sum()
        };
        (0..16 * tap).map(|i| T::from_f64(one(i / tap, i % tap))).collect()
    }

    fn filter<T: Real>(&self) -> Filter<T> {
        let filter = Filter::new(self.wide, self.deep, self.rows, self.cols, self.images, Uses::BOTH);
        match self.kind {
            Kind::Plain => filter,
            Kind::Tied => filter.tied(),
            Kind::Quick => filter.tied().quick(),
        }
    }

    fn run<T: Real>(&self, pool: &Pool, given: &Given<T>, scratch: &mut Scratch<T>) -> Found<T> {
        let Case { images, rows, cols, wide, deep, gap, .. } = *self;
        let x_lens = self.lens.then(|| Lens::new(&given.wide[0], &given.wide[1], &given.wide[2]));
        let y_lens = self.lens.then(|| Lens::new(&given.deep[0], &given.deep[1], &given.deep[2]));
        let x = Map::new(&given.x, images, 2 * rows, 2 * cols, wide, wide + gap);
        let y = Map::new(&given.y, images, rows, cols, deep, deep + gap);
        let mut filter = self.filter();
        filter.load(pool, &given.weight);
        // Results begin as marks, so that a pixel left out or a gap written shows.
        let mark = T::from_f64(777.0);
        let mut found = Found { y: vec![mark; given.y.len()], x: vec![mark; given.x.len()], dw: vec![mark; given.weight.len()] };
        let bias = |all: &[Vec<T>; 4]| self.bias.then(|| all[3].clone());
        let to = MapMut::new(&mut found.y, images, rows, cols, deep, deep + gap);
        stride::down(pool, x, x_lens, &filter, bias(&given.deep).as_deref(), to, scratch);
        let to = MapMut::new(&mut found.x, images, 2 * rows, 2 * cols, wide, wide + gap);
        stride::up(pool, y, y_lens, &filter, bias(&given.wide).as_deref(), to, scratch);
        stride::pair(pool, x, x_lens, y, y_lens, (&mut found.dw, Write::Set), scratch);
        found
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let channels = [(1, 1), (2, 3), (3, 64), (4, 6), (6, 100), (15, 17), (16, 16), (16, 33), (20, 5), (29, 40), (64, 32)];
    let sizes = [(1, 1, 3), (1, 2, 2), (2, 2, 2), (3, 5, 1), (5, 3, 2), (4, 4, 2), (5, 7, 1), (8, 4, 3), (9, 10, 1), (1, 9, 1)];
    for (i, &(wide, deep)) in channels.iter().enumerate() {
        for (j, &(rows, cols, images)) in sizes.iter().enumerate() {
            let mix = i * 7 + j * 3;
            for kind in KINDS {
                let (gap, lens, bias) = ([0, 3, 0, 16][mix % 4], mix % 3 != 0, mix % 5 < 2);
                cases.push(Case { images, rows, cols, wide, deep, gap, lens, bias, kind });
            }
        }
    }
    // More rows than a block of any stage, more depth than a cut of k, more bands than parts.
    cases.push(Case { images: 7, rows: 8, cols: 8, wide: 80, deep: 144, gap: 0, lens: true, bias: false, kind: Kind::Plain });
    cases.push(Case { images: 3, rows: 64, cols: 48, wide: 3, deep: 16, gap: 0, lens: false, bias: true, kind: Kind::Plain });
    cases.push(Case { images: 40, rows: 12, cols: 12, wide: 16, deep: 16, gap: 0, lens: true, bias: false, kind: Kind::Plain });
    cases.push(Case { images: 40, rows: 12, cols: 13, wide: 16, deep: 40, gap: 0, lens: true, bias: false, kind: Kind::Tied });
    cases.push(Case { images: 3, rows: 64, cols: 48, wide: 6, deep: 16, gap: 0, lens: false, bias: true, kind: Kind::Quick });
    // F(4, 2) on both axes, for which a map needs 384 pixels: blocks a thread and one for all, tiles cut off at 1, 2 and 3 pixels, channels
    // that are not whole vectors.
    cases.push(Case { images: 12, rows: 33, cols: 14, wide: 16, deep: 40, gap: 0, lens: true, bias: false, kind: Kind::Quick });
    cases.push(Case { images: 1, rows: 19, cols: 22, wide: 21, deep: 19, gap: 3, lens: false, bias: true, kind: Kind::Quick });
    // The same along the rows alone: 97 columns pass in parts of 33, 33 and 31, and the last band is one row.
    cases.push(Case { images: 2, rows: 5, cols: 97, wide: 6, deep: 21, gap: 3, lens: true, bias: true, kind: Kind::Quick });
    cases.push(Case { images: 1, rows: 5, cols: 97, wide: 6, deep: 16, gap: 0, lens: false, bias: false, kind: Kind::Quick });
    cases.push(Case { images: 2, rows: 8, cols: 8, wide: 144, deep: 80, gap: 0, lens: true, bias: true, kind: Kind::Tied });
    // Few tiles with small weights: two blocks of 24, and of 12 of the larger tiles.
    for kind in KINDS {
        cases.push(Case { images: 1, rows: 16, cols: 12, wide: 16, deep: 24, gap: 0, lens: true, bias: false, kind });
        cases.push(Case { images: 1, rows: 16, cols: 24, wide: 16, deep: 24, gap: 0, lens: true, bias: true, kind });
    }
    cases.push(Case { images: 150, rows: 2, cols: 2, wide: 272, deep: 80, gap: 0, lens: true, bias: false, kind: Kind::Plain });
    cases
}

/// Largest difference from the f64 result, over the largest result.
fn distance(found: &[f32], exact: &[f64]) -> f64 {
    assert_eq!(found.len(), exact.len());
    let scale = exact.iter().filter(|v| **v != 777.0).fold(1.0f64, |m, v| m.max(v.abs()));
    found.iter().zip(exact).fold(0.0f64, |worst, (&a, &b)| worst.max((f64::from(a) - b).abs())) / scale
}

#[test]
fn every_form_on_every_level_follows_the_plain_loops() {
    // Sums of up to 16·272 (down) and 36,000 (pair) products of numbers below 1, in f32 and through F(2, 2): the error
    // grows like the root of the count times 6e-8, and the transforms triple it; those of F(4, 2), with factors up to 8, take ten times more. A
    // missing tap is off by 1e-2 or more.
    let tolerance = |kind| if kind == Kind::Quick { 4e-5 } else { 4e-6 };
    let oracle = Pool::with_level(1, Level::Portable).unwrap();
    let pools: Vec<Pool> = Level::all_available().map(|level| Pool::with_level(2, level).unwrap()).collect();
    for case in cases() {
        let exact = case.run::<f64>(&oracle, &case.given(), &mut Scratch::new());
        let given = case.given::<f32>();
        for pool in &pools {
            let found = case.run(pool, &given, &mut Scratch::new());
            let worst = [distance(&found.y, &exact.y), distance(&found.x, &exact.x), distance(&found.dw, &exact.dw)];
            assert!(worst.iter().all(|&w| w < tolerance(case.kind)), "{} {case:?}: {worst:?}", pool.level());
        }
    }
}

#[test]
fn the_f64_loops_are_the_operation() {
    // One image, one channel, by hand: a 2×2 map of x = 1, 2, 3, 4 and y = 10 under weight ky·4 + kx.
    let weight: Vec<f64> = (0..16).map(f64::from).collect();
    let x = [1.0, 2.0, 3.0, 4.0];
    let mut y = [0.0];
    reference::down(Map::dense(&x, 1, 2, 2, 1), None, &weight, None, MapMut::dense(&mut y, 1, 1, 1, 1));
    assert_eq!(y[0], 5.0 + 2.0 * 6.0 + 3.0 * 9.0 + 4.0 * 10.0);
    let mut up = [0.0; 4];
    reference::up(Map::dense(&[10.0], 1, 1, 1, 1), None, &weight, None, MapMut::dense(&mut up, 1, 2, 2, 1));
    assert_eq!(up, [50.0, 60.0, 90.0, 100.0]);
    let mut dw = [1.0; 16];
    reference::pair(Map::dense(&x, 1, 2, 2, 1), None, Map::dense(&[10.0], 1, 1, 1, 1), None, (&mut dw, Write::Set));
    assert_eq!([dw[5], dw[6], dw[9], dw[10]], [10.0, 20.0, 30.0, 40.0]);
    assert_eq!(dw.iter().sum::<f64>(), 100.0);
}

fn dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64()).sum()
}

/// ⟨down(x, W), y⟩, ⟨x, up(y, W)⟩, ⟨W, pair(x, y)⟩ and a scale for their rounding.
fn adjoints<T: Real>(pool: &Pool, case: Case) -> ([f64; 3], f64) {
    let given = case.given::<T>();
    let found = case.run(pool, &given, &mut Scratch::new());
    let scale = (dot(&given.y, &given.y) * dot(&found.y, &found.y)).sqrt();
    ([dot(&found.y, &given.y), dot(&given.x, &found.x), dot(&given.weight, &found.dw)], scale)
}

#[test]
fn the_three_kernels_are_adjoint() {
    for case in cases() {
        let case = Case { gap: 0, lens: false, bias: false, ..case };
        let pool = Pool::with_level(1, Level::Portable).unwrap();
        if case.images * case.rows * case.cols * case.wide * case.deep < 100_000 {
            let ([a, b, c], scale) = adjoints::<f64>(&pool, case);
            assert!((a - b).abs() < 1e-13 * scale && (a - c).abs() < 1e-13 * scale, "{case:?}: {a} {b} {c}");
        }
        let pool = Pool::new(2).unwrap();
        let ([a, b, c], scale) = adjoints::<f32>(&pool, case);
        let scale = scale * if case.kind == Kind::Quick { 1e-5 } else { 1e-6 };
        assert!((a - b).abs() < scale && (a - c).abs() < scale, "{case:?}: {a} {b} {c}");
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let pools: Vec<Pool> = (1..4).map(|threads| Pool::new(threads).unwrap()).collect();
    for case in cases() {
        let given = case.given::<f32>();
        let [one, others @ ..] = &pools[..] else { unreachable!() };
        let expected = case.run(one, &given, &mut Scratch::new());
        for pool in others {
            let found = case.run(pool, &given, &mut Scratch::new());
            assert!(found.y == expected.y && found.x == expected.x && found.dw == expected.dw, "{case:?}");
        }
    }
}

#[test]
fn an_image_does_not_depend_on_its_batch() {
    for level in Level::all_available() {
        let pool = Pool::with_level(2, level).unwrap();
        let shapes = [
            (1, 1, 32, 48),
            (2, 2, 64, 20),
            (4, 4, 48, 32),
            (9, 7, 16, 24),
            (16, 16, 3, 16),
            (6, 8, 40, 24),
            (19, 22, 16, 24),
            (5, 97, 6, 24),
        ];
        for ((rows, cols, wide, deep), kind) in shapes.into_iter().flat_map(|shape| KINDS.map(|kind| (shape, kind))) {
            let whole = Case { images: 16, rows, cols, wide, deep, gap: 2, lens: true, bias: true, kind };
            let given = whole.given::<f32>();
            let all = whole.run(&pool, &given, &mut Scratch::new());
            let (x_size, y_size) = (4 * rows * cols * (wide + 2), rows * cols * (deep + 2));
            for (first, images) in [(0, 1), (5, 1), (15, 1), (3, 7)] {
                let (x, y) = (first * x_size..(first + images) * x_size, first * y_size..(first + images) * y_size);
                let part = Given { x: given.x[x.clone()].to_vec(), y: given.y[y.clone()].to_vec(), ..whole.given() };
                let found = Case { images, ..whole }.run(&pool, &part, &mut Scratch::new());
                assert!(found.y == all.y[y] && found.x == all.x[x], "{level} {rows}x{cols} {wide} {deep}: image {first}");
            }
        }
    }
}

#[test]
fn dead_taps_are_exactly_zero() {
    let pool = Pool::new(2).unwrap();
    for (rows, cols, wide, dead) in [(1, 1, 64, 12), (1, 1, 3, 12), (1, 5, 32, 8), (6, 1, 2, 8), (2, 2, 32, 0)] {
        let case = Case { images: 3, rows, cols, wide, deep: 24, gap: 0, lens: true, bias: false, kind: Kind::Plain };
        let found = case.run(&pool, &case.given::<f32>(), &mut Scratch::new());
        let zero = found.dw.chunks(wide * 24).filter(|tap| tap.iter().all(|v| v.to_bits() == 0)).count();
        assert_eq!(zero, dead, "{rows}x{cols}");
    }
}

#[test]
fn used_scratch_gives_the_same_bits() {
    let pool = Pool::new(2).unwrap();
    let mut scratch = Scratch::new();
    for case in cases() {
        let given = case.given::<f32>();
        let (fresh, used) = (case.run(&pool, &given, &mut Scratch::new()), case.run(&pool, &given, &mut scratch));
        assert!(fresh.y == used.y && fresh.x == used.x && fresh.dw == used.dw, "{case:?}");
    }
}

#[test]
#[should_panic(expected = "made without `up`")]
fn an_unprepared_direction_is_refused() {
    let pool = Pool::new(1).unwrap();
    let filter = Filter::<f32>::new(2, 2, 1, 1, 1, Uses::DOWN);
    let mut x = [0.0; 8];
    stride::up(&pool, Map::dense(&[0.0; 2], 1, 1, 1, 2), None, &filter, None, MapMut::dense(&mut x, 1, 2, 2, 2), &mut Scratch::new());
}

#[test]
#[should_panic(expected = "loaded before it is used")]
fn a_weight_prepared_for_another_form_is_refused() {
    let pool = Pool::new(1).unwrap();
    let mut filter = Filter::<f32>::new(2, 2, 1, 1, 1, Uses::UP);
    filter.load(&pool, &[0.0; 64]);
    let (filter, mut x) = (filter.tied(), [0.0; 8]);
    stride::up(&pool, Map::dense(&[0.0; 2], 1, 1, 1, 2), None, &filter, None, MapMut::dense(&mut x, 1, 2, 2, 2), &mut Scratch::new());
}

#[test]
fn a_loose_weight_gives_the_bits_of_a_prepared_one() {
    let pool = Pool::new(2).unwrap();
    let mut scratch = Scratch::new();
    let shapes = [(3, 20, 3, 6), (3, 20, 5, 6), (16, 32, 8, 4), (16, 20, 19, 22), (20, 7, 2, 2), (17, 5, 1, 1), (32, 48, 4, 4)];
    for (wide, deep, rows, cols) in shapes {
        let number = |i: usize| (i * 7919 % 1013) as f32 / 1013.0 - 0.5;
        let weight: Vec<f32> = (0..16 * wide * deep).map(number).collect();
        let (x, y): (Vec<f32>, Vec<f32>) =
            ((0..8 * rows * cols * wide).map(number).collect(), (0..2 * rows * cols * deep).map(number).collect());
        // The weight is not tied: the two must agree all the same.
        let mut prepared = Filter::new(wide, deep, rows, cols, 2, Uses::BOTH).tied().quick();
        prepared.load(&pool, &weight);
        let loose = Filter::loose(wide, deep, rows, cols, 2).tied().quick();
        let mut found = [0, 1].map(|_| (vec![0.0f32; x.len()], vec![0.0f32; y.len()]));
        for (kept, (to_x, to_y)) in [true, false].into_iter().zip(&mut found) {
            let with = || if kept { (&prepared).into() } else { loose.with(&weight) };
            let (large, small) = (Map::dense(&x, 2, 2 * rows, 2 * cols, wide), Map::dense(&y, 2, rows, cols, deep));
            stride::down(&pool, large, None, with(), None, MapMut::dense(to_y, 2, rows, cols, deep), &mut scratch);
            stride::up(&pool, small, None, with(), None, MapMut::dense(to_x, 2, 2 * rows, 2 * cols, wide), &mut scratch);
        }
        assert!(found[0] == found[1], "{wide} {deep} {rows}x{cols}");
    }
}

/// Both read the same weight, whatever their number of images, until either loads another one.
#[test]
fn a_shared_weight_stays_with_whoever_does_not_load_another() {
    let pool = Pool::new(1).unwrap();
    for (wide, side) in [(16, 5), (16, 2), (3, 6)] {
        let (deep, images) = (20, 2);
        let (x, weights) = (numbers::<f32>(images * 4 * side * side * wide, 1), [2, 3].map(|seed| numbers::<f32>(16 * wide * deep, seed)));
        let down = |filter: &Filter<f32>| {
            let mut y = vec![0.0; images * side * side * deep];
            let (from, to) = (Map::dense(&x, images, 2 * side, 2 * side, wide), MapMut::dense(&mut y, images, side, side, deep));
            stride::down(&pool, from, None, filter, None, to, &mut Scratch::new());
            y
        };
        let mut first = Filter::new(wide, deep, side, side, images, Uses::DOWN);
        first.load(&pool, &weights[0]);
        let meant = down(&first);
        for other_loads in [false, true] {
            let mut other = Filter::new(wide, deep, side, side, 1, Uses::DOWN);
            other.share(&first);
            assert_eq!(down(&other), meant);
            let (loads, keeps) = if other_loads { (&mut other, &mut first) } else { (&mut first, &mut other) };
            loads.load(&pool, &weights[1]);
            assert_eq!(down(keeps), meant);
            assert_ne!(down(loads), meant);
            first.load(&pool, &weights[0]);
        }
    }
}

#[test]
#[should_panic(expected = "a weight prepared for")]
fn a_weight_for_other_maps_is_not_shared() {
    Filter::<f32>::new(16, 16, 5, 5, 1, Uses::DOWN).share(&Filter::new(16, 16, 5, 4, 1, Uses::DOWN));
}

#[test]
fn a_gradient_may_be_added() {
    let pool = Pool::new(2).unwrap();
    let mut scratch = Scratch::new();
    for (wide, deep, rows, cols) in [(3, 20, 5, 6), (16, 32, 8, 4), (20, 7, 2, 2), (17, 5, 1, 1)] {
        let number = |i: usize| (i * 7919 % 1013) as f32 / 1013.0 - 0.5;
        let (x, y): (Vec<f32>, Vec<f32>) =
            ((0..8 * rows * cols * wide).map(number).collect(), (0..2 * rows * cols * deep).map(number).collect());
        let (large, small) = (Map::dense(&x, 2, 2 * rows, 2 * cols, wide), Map::dense(&y, 2, rows, cols, deep));
        let (mut put, mut added) = (vec![f32::NAN; 16 * wide * deep], vec![2.0f32; 16 * wide * deep]);
        stride::pair(&pool, large, None, small, None, (&mut put, Write::Set), &mut scratch);
        stride::pair(&pool, large, None, small, None, (&mut added, Write::Add), &mut scratch);
        assert!(put.iter().zip(&added).all(|(put, added)| (put + 2.0 - added).abs() < 1e-4), "{wide} {deep} {rows}x{cols}");
    }
}
