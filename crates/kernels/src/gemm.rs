//! Matrix products: c = a·b, with a and b optionally transposed. For the discriminator's full-extent `latent`
//! convolution, its gradients, and 1×1 convolutions.

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
    packed: Vec<T>,
}

impl<T: Real> Scratch<T> {
    /// Nothing reserved yet.
    pub fn new() -> Self {
        Self { packed: Vec::new() }
    }
}

/// c = a·b or c += a·b; c is `a.rows` × `b.cols`, row after row without gaps. A row's bits do not depend on how many
/// rows `a` has.
///
/// # Panics
/// If shapes do not fit.
pub fn multiply<T: Real>(pool: &Pool, a: Matrix<'_, T>, b: Matrix<'_, T>, c: &mut [T], write: Write, scratch: &mut Scratch<T>) {
    assert_eq!(a.cols, b.rows, "columns of a are rows of b");
    assert_eq!(c.len(), a.rows * b.cols, "c is rows of a by columns of b");
    scratch.packed.clear();
    let _ = pool;
    for (row, c) in c.chunks_mut(b.cols).enumerate() {
        for (col, c) in c.iter_mut().enumerate() {
            let sum: T = (0..a.cols).map(|k| a.at(row, k) * b.at(k, col)).sum();
            *c = if write == Write::Set { sum } else { *c + sum };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
