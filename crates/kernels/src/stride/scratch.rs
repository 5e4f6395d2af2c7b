//! Memory the three kernels work in.

use std::marker::PhantomData;

use super::form::Shape;
use crate::memory::Buffer;
use crate::{Pool, Real};

/// Memory the three kernels work in, for any number of layers: grows where a call needs more than any before it.
#[derive(Debug, Default)]
pub struct Scratch<T> {
    pub(super) store: Store,
    number: PhantomData<T>,
}

/// The fast kernels' part.
#[derive(Debug, Default)]
pub(super) struct Store {
    common: Buffer,
    /// One buffer a thread, in one: they begin `own` apart.
    own: Buffer,
    /// Offsets of rows of a and c, tap by tap.
    pub(super) offsets: Vec<(usize, usize)>,
}

impl<T: Real> Scratch<T> {
    /// Nothing reserved: the first calls will.
    pub fn new() -> Self {
        Self { store: Store::default(), number: PhantomData }
    }

    /// Reserves what the three kernels need between a large map of `wide` channels and a small one of `small_rows` ×
    /// `small_cols` × `deep`, for `images` images.
    pub fn reserve(&mut self, pool: &Pool, (wide, deep): (usize, usize), (small_rows, small_cols): (usize, usize), images: usize) {
        if T::singles(&[]).is_some() {
            let shape = Shape { wide, deep, rows: small_rows, cols: small_cols, images };
            let (common, own) = shape.needs();
            self.store.common.reserve(common);
            self.store.own.reserve(own.next_multiple_of(16) * pool.threads());
            self.store.offsets.reserve(shape.offsets().saturating_sub(self.store.offsets.len()));
        }
    }
}

impl Store {
    /// `length` numbers that all jobs of a call share.
    pub(super) fn common(&mut self, length: usize) -> &mut [f32] {
        self.common.reserve(length);
        &mut self.common.as_mut_slice()[..length]
    }

    /// As [`Store::common`], with `own` numbers for each thread and the offsets.
    pub(super) fn all(&mut self, common: usize, own: usize, threads: usize) -> (&mut [f32], &mut [f32], &mut Vec<(usize, usize)>) {
        let own = own.next_multiple_of(16) * threads;
        self.common.reserve(common);
        self.own.reserve(own);
        (&mut self.common.as_mut_slice()[..common], &mut self.own.as_mut_slice()[..own], &mut self.offsets)
    }
}
