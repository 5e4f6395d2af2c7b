//! Matrix products: c = a·b, with a and b optionally transposed. For the discriminator's full-extent `latent`
//! convolution, its gradients, and 1×1 convolutions.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::arch::{Multiply, PANEL, Product, Rows, Strided, Turned, dispatch};
use crate::memory::{Buffer, Common, own};
use crate::stride::weights;
use crate::{Pool, Real, Write};

/// How a matrix lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Row after row.
    Rows,
    /// Column after column: the stored rows are the matrix's columns.
    Columns,
}

/// A read-only matrix of `rows` × `cols` as the product sees it.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    /// Elements.
    pub data: &'a [T],
    /// Rows of the matrix as the product sees it.
    pub rows: usize,
    /// Columns of the matrix as the product sees it.
    pub cols: usize,
    /// Elements between two stored lines (rows, or columns of a transposed one).
    pub stride: usize,
    /// Which way it is stored.
    pub order: Order,
}

impl<'a, T: Real> Matrix<'a, T> {
    /// A matrix stored row after row without gaps.
    ///
    /// # Panics
    /// If `data` is shorter than `rows · cols`.
    pub fn rows(data: &'a [T], rows: usize, cols: usize) -> Self {
        Self::new(data, rows, cols, cols, Order::Rows)
    }

    /// The transpose of what is stored row after row as `cols` × `rows`: the product sees `rows` × `cols`.
    ///
    /// # Panics
    /// If `data` is shorter than `rows · cols`.
    pub fn transposed(data: &'a [T], rows: usize, cols: usize) -> Self {
        Self::new(data, rows, cols, rows, Order::Columns)
    }

    /// Any layout.
    ///
    /// # Panics
    /// If an extent is 0, the stride shorter than a line, or `data` too short.
    pub fn new(data: &'a [T], rows: usize, cols: usize, stride: usize, order: Order) -> Self {
        let (lines, line) = if order == Order::Rows { (rows, cols) } else { (cols, rows) };
        assert!(lines > 0 && line > 0 && stride >= line, "{rows}x{cols} matrix with stride {stride}");
        assert!(data.len() >= (lines - 1) * stride + line, "{rows}x{cols} matrix in {} elements", data.len());
        Self { data, rows, cols, stride, order }
    }

    /// Itself, checked again: the fields are public.
    fn verified(&self) -> Self {
        Self::new(self.data, self.rows, self.cols, self.stride, self.order)
    }

    fn singles(&self) -> Option<Matrix<'a, f32>> {
        let Self { rows, cols, stride, order, .. } = *self;
        T::singles(self.data).map(|data| Matrix { data, rows, cols, stride, order })
    }

    fn at(&self, row: usize, col: usize) -> T {
        match self.order {
            Order::Rows => self.data[row * self.stride + col],
            Order::Columns => self.data[col * self.stride + row],
        }
    }
}

/// Memory a product works in: grows at the first product of its size, then stays.
#[derive(Debug, Default)]
pub struct Scratch<T> {
    packed: Buffer,
    number: PhantomData<T>,
}

impl<T: Real> Scratch<T> {
    /// Nothing reserved yet.
    pub fn new() -> Self {
        Self { packed: Buffer::default(), number: PhantomData }
    }

    /// Reserves what a product with a b of `rows` × `cols` needs.
    pub fn reserve(&mut self, rows: usize, cols: usize) {
        if T::singles(&[]).is_some() {
            self.packed.reserve(rows * cols.next_multiple_of(PANEL));
        }
    }
}

/// A b that many products share, laid out once: weights when scoring, or of one training step.
#[derive(Debug)]
pub struct Prepared<T> {
    rows: usize,
    cols: usize,
    packed: Arc<Buffer>,
    /// For `f64`: row after row.
    plain: Arc<Vec<T>>,
}

impl<T: Real> Prepared<T> {
    /// For `rows` × `cols`; the first [`Prepared::load`] takes memory.
    pub fn new(rows: usize, cols: usize) -> Self {
        Self { rows, cols, packed: Arc::default(), plain: Arc::default() }
    }

    /// Takes a matrix over.
    ///
    /// # Panics
    /// If it is of another shape.
    pub fn load(&mut self, pool: &Pool, b: Matrix<'_, T>) {
        let b = b.verified();
        assert_eq!((b.rows, b.cols), (self.rows, self.cols), "a matrix of another shape");
        match b.singles() {
            Some(b) => {
                let packed = own(&mut self.packed);
                packed.reserve(b.rows * b.cols.next_multiple_of(PANEL));
                pack(pool, b, packed.as_mut_slice());
            }
            None => {
                let plain = own(&mut self.plain);
                plain.clear();
                plain.extend((0..b.rows * b.cols).map(|i| b.at(i / b.cols, i % b.cols)));
            }
        }
    }

    /// Holds what another one holds, in the same memory; whichever loads another matrix has it for itself.
    ///
    /// # Panics
    /// If that is of another shape.
    pub fn share(&mut self, other: &Self) {
        assert_eq!((other.rows, other.cols), (self.rows, self.cols), "a matrix of another shape");
        (self.packed, self.plain) = (Arc::clone(&other.packed), Arc::clone(&other.plain));
    }
}

/// c = a·b with a b that was laid out before: the same bits as [`multiply`].
///
/// # Panics
/// If shapes do not fit, or b was never loaded.
pub fn multiply_prepared<T: Real>(pool: &Pool, a: Matrix<'_, T>, b: &Prepared<T>, c: &mut [T]) {
    assert_eq!(a.cols, b.rows, "columns of a are rows of b");
    assert_eq!(c.len(), a.rows * b.cols, "c is rows of a by columns of b");
    assert!(b.packed.as_slice().len() + b.plain.len() >= b.rows * b.cols, "a matrix is loaded before it is used");
    let a = a.verified();
    match (a.singles(), T::singles_mut(c)) {
        (Some(a), Some(c)) => fast(pool, a, b.packed.as_slice(), c, Write::Set),
        _ => plain(a, Matrix::rows(&b.plain, b.rows, b.cols), c, Write::Set),
    }
}

/// Rows and panels of 16 columns a job takes.
const ROWS: usize = 96;
const PANELS: usize = 4;

/// c = a·b or c += a·b; c is `a.rows` × `b.cols`, row after row without gaps. A row's bits do not depend on how many
/// rows `a` has.
///
/// # Panics
/// If shapes do not fit.
pub fn multiply<T: Real>(pool: &Pool, a: Matrix<'_, T>, b: Matrix<'_, T>, c: &mut [T], write: Write, scratch: &mut Scratch<T>) {
    assert_eq!(a.cols, b.rows, "columns of a are rows of b");
    assert_eq!(c.len(), a.rows * b.cols, "c is rows of a by columns of b");
    let (a, b) = (a.verified(), b.verified());
    if let (Some(left), Some(right)) = (a.singles(), b.singles()) {
        if let Some(c) = T::singles_mut(c) {
            let length = b.rows * b.cols.next_multiple_of(PANEL);
            scratch.packed.reserve(length);
            let packed = &mut scratch.packed.as_mut_slice()[..length];
            pack(pool, right, packed);
            fast(pool, left, packed, c, write);
        }
        return;
    }
    plain(a, b, c, write);
}

/// The definition.
fn plain<T: Real>(a: Matrix<'_, T>, b: Matrix<'_, T>, c: &mut [T], write: Write) {
    for (row, c) in c.chunks_mut(b.cols).enumerate() {
        for (col, c) in c.iter_mut().enumerate() {
            let sum: T = (0..a.cols).map(|k| a.at(row, k) * b.at(k, col)).sum();
            *c = if write == Write::Set { sum } else { *c + sum };
        }
    }
}

/// b to panels of 16 columns.
fn pack(pool: &Pool, b: Matrix<'_, f32>, to: &mut [f32]) {
    match b.order {
        Order::Rows => weights::panels(pool, b.data, b.rows, b.cols, b.stride, to),
        Order::Columns => weights::turned_panels(pool, b.data, b.rows, b.cols, b.stride, to),
    }
}

fn fast(pool: &Pool, a: Matrix<'_, f32>, packed: &[f32], c: &mut [f32], write: Write) {
    let (depth, columns) = (a.cols, c.len() / a.rows);
    let panels = columns.div_ceil(PANEL);
    let out = Common::new(c);
    let (down, across) = (a.rows.div_ceil(ROWS), panels.div_ceil(PANELS));
    pool.run(down * across, |job| {
        let (row, panel) = (job % down * ROWS, job / down * PANELS);
        let count = ROWS.min(a.rows - row);
        let width = (PANELS * PANEL).min(columns - panel * PANEL);
        let c = out.at(row * columns + panel * PANEL, (count - 1) * columns + width);
        let b = &packed[panel * depth * PANEL..][..width.div_ceil(PANEL) * depth * PANEL];
        let sizes = Sizes { count, depth, b, columns: width, fresh: write == Write::Set };
        // `Matrix::new` has checked that rows `row..row + count` lie within a.
        match a.order {
            Order::Rows => {
                let a_from = a.data[row * a.stride..].as_ptr();
                sizes.run(pool, &Strided { a: a_from, a_row: a.stride, c, c_row: columns });
            }
            Order::Columns => {
                let a_from = a.data[row..].as_ptr();
                sizes.run(pool, &Turned { a: a_from, step: a.stride, c, c_row: columns });
            }
        }
    });
}

struct Sizes<'a> {
    count: usize,
    depth: usize,
    b: &'a [f32],
    columns: usize,
    fresh: bool,
}

impl Sizes<'_> {
    fn run<R: Rows>(&self, pool: &Pool, rows: &R) {
        let Self { count, depth, columns, fresh, .. } = *self;
        // What a job soon after this one reads, if not the next.
        let next = Some(self.b.as_ptr_range().end);
        dispatch(pool.level(), Multiply(Product { rows, count, depth, b: self.b.as_ptr(), panel: depth * PANEL, columns, fresh, next }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

    #[test]
    fn two_by_two_by_hand() {
        let pool = Pool::new(1).unwrap();
        let (a, b) = ([1.0f64, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]);
        let mut c = [0.0; 4];
        let mut scratch = Scratch::new();
        multiply(&pool, Matrix::rows(&a, 2, 2), Matrix::rows(&b, 2, 2), &mut c, Write::Set, &mut scratch);
        assert_eq!(c, [19.0, 22.0, 43.0, 50.0]);
        multiply(&pool, Matrix::transposed(&a, 2, 2), Matrix::rows(&b, 2, 2), &mut c, Write::Add, &mut scratch);
        assert_eq!(c, [19.0 + 26.0, 22.0 + 30.0, 43.0 + 38.0, 50.0 + 44.0]);
    }

    #[test]
    fn every_level_order_and_tail_follows_the_plain_loops() {
        for level in Level::all_available() {
            let pools = [1, 2, 3].map(|threads| Pool::with_level(threads, level).unwrap());
            for (m, k, n) in [(1, 1, 1), (5, 7, 3), (6, 300, 16), (13, 33, 17), (97, 20, 100), (200, 5, 65), (32, 520, 100), (3, 200, 40)] {
                let numbers = |n: usize, step: usize| (0..n).map(|i| (i * step % 211) as f32 / 211.0 - 0.5).collect::<Vec<f32>>();
                let (a, b, start) = (numbers(m * k, 37), numbers(k * n, 53), numbers(m * n, 91));
                let double = |v: &[f32]| v.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
                let (a64, b64) = (double(&a), double(&b));
                for (a_order, b_order) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    let write = if m % 2 == 0 { Write::Add } else { Write::Set };
                    let mut exact = double(&start);
                    let (left, right) = (matrix(&a64, m, k, a_order), matrix(&b64, k, n, b_order));
                    multiply(&pools[0], left, right, &mut exact, write, &mut Scratch::new());
                    let found = [0, 1, 2].map(|i| {
                        let mut c = start.clone();
                        let (left, right) = (matrix(&a, m, k, a_order), matrix(&b, k, n, b_order));
                        multiply(&pools[i], left, right, &mut c, write, &mut Scratch::new());
                        c
                    });
                    assert!(found[0] == found[1] && found[0] == found[2]);
                    // Up to 520 products below 0.25, each rounded to 6e-8 of a sum below 40.
                    assert!(found[0].iter().zip(&exact).all(|(&a, &b)| (f64::from(a) - b).abs() < 2e-5), "{level} {m} {k} {n}");
                }
            }
        }
    }

    #[test]
    fn a_prepared_b_gives_the_same_bits() {
        let pool = Pool::new(2).unwrap();
        let (m, k, n) = (5, 70, 21);
        let (a, b): (Vec<f32>, Vec<f32>) = ((0..m * k).map(|i| (i as f32).sin()).collect(), (0..k * n).map(|i| (i as f32).cos()).collect());
        let (mut once, mut before) = (vec![0.0; m * n], vec![0.0; m * n]);
        multiply(&pool, Matrix::rows(&a, m, k), Matrix::rows(&b, k, n), &mut once, Write::Set, &mut Scratch::new());
        let mut prepared = Prepared::new(k, n);
        prepared.load(&pool, Matrix::rows(&b, k, n));
        multiply_prepared(&pool, Matrix::rows(&a, m, k), &prepared, &mut before);
        assert_eq!(once, before);
        // Shared it is the same memory; loaded anew it is the other's alone.
        let mut other = Prepared::new(k, n);
        other.share(&prepared);
        assert!(Arc::ptr_eq(&other.packed, &prepared.packed));
        other.load(&pool, Matrix::rows(&vec![0.0; k * n], k, n));
        multiply_prepared(&pool, Matrix::rows(&a, m, k), &prepared, &mut before);
        assert_eq!(once, before);
        let (a64, b64): (Vec<f64>, Vec<f64>) = (a.iter().map(|&v| v.into()).collect(), b.iter().map(|&v| v.into()).collect());
        let (mut exact, mut prepared) = (vec![0.0f64; m * n], Prepared::new(k, n));
        prepared.load(&pool, Matrix::rows(&b64, k, n));
        multiply_prepared(&pool, Matrix::rows(&a64, m, k), &prepared, &mut exact);
        assert!(exact.iter().zip(&once).all(|(&a, &b)| (a - f64::from(b)).abs() < 1e-5));
    }

    fn matrix<T: Real>(data: &[T], rows: usize, cols: usize, order: usize) -> Matrix<'_, T> {
        if order == 0 { Matrix::rows(data, rows, cols) } else { Matrix::transposed(data, rows, cols) }
    }
}
