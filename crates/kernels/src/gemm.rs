//! Matrix products: c = a·b, with a and b optionally transposed. For the discriminator's full-extent `latent`
//! convolution, its gradients, and 1×1 convolutions.

use std::marker::PhantomData;

use crate::arch::{Multiply, PANEL, Product, Rows, Strided, Turned, dispatch};
use crate::memory::{Buffer, Common};
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
    // The fields are public: check them again.
    let (a, b) = (Matrix::new(a.data, a.rows, a.cols, a.stride, a.order), Matrix::new(b.data, b.rows, b.cols, b.stride, b.order));
    if let (Some(left), Some(right)) = (a.singles(), b.singles()) {
        if let Some(c) = T::singles_mut(c) {
            fast(pool, left, right, c, write, &mut scratch.packed);
        }
        return;
    }
    for (row, c) in c.chunks_mut(b.cols).enumerate() {
        for (col, c) in c.iter_mut().enumerate() {
            let sum: T = (0..a.cols).map(|k| a.at(row, k) * b.at(k, col)).sum();
            *c = if write == Write::Set { sum } else { *c + sum };
        }
    }
}

fn fast(pool: &Pool, a: Matrix<'_, f32>, b: Matrix<'_, f32>, c: &mut [f32], write: Write, packed: &mut Buffer) {
    let (depth, columns) = (b.rows, b.cols);
    let panels = columns.div_ceil(PANEL);
    packed.reserve(panels * depth * PANEL);
    let to = &mut packed.as_mut_slice()[..panels * depth * PANEL];
    match b.order {
        Order::Rows => weights::panels(pool, b.data, depth, columns, b.stride, to),
        Order::Columns => weights::turned_panels(pool, b.data, depth, columns, b.stride, to),
    }
    let packed = &*to;
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
        dispatch(pool.level(), Multiply(Product { rows, count, depth, b: self.b.as_ptr(), panel: depth * PANEL, columns, fresh }));
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
            for (m, k, n) in [(1, 1, 1), (5, 7, 3), (6, 300, 16), (13, 33, 17), (97, 20, 100), (200, 5, 65), (32, 520, 100)] {
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

    fn matrix<T: Real>(data: &[T], rows: usize, cols: usize, order: usize) -> Matrix<'_, T> {
        if order == 0 { Matrix::rows(data, rows, cols) } else { Matrix::transposed(data, rows, cols) }
    }
}
