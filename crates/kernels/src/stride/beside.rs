//! [`down`] of maps that lie side by side without lying in one: what D sees is a context and, beside it, x or x̂.
//!
//! A convolution of channels side by side is the sum of two convolutions: no map is copied, and what two pictures have in common is
//! convolved once for both.

use super::form::{DownForm, Form};
use super::{Filter, Scratch, check_ends, check_filter, down, narrow, narrow_four};
use crate::{Map, MapMut, Pool, Real};

/// yᵢ = bias + the convolution of `left` and `rights[i]` side by side, channels of `left` first. `y` holds the images of all yᵢ, those of
/// y₀ first; a map on the right has as many images as `left`. A filter for each side: for its channels of the weight.
///
/// # Panics
/// If there is nothing on the right, shapes do not fit, or a filter was not made for [`down`] or holds no weight.
pub fn down_beside<T: Real>(
    pool: &Pool,
    (left, left_filter): (Map<'_, T>, &Filter<T>),
    (rights, right_filter): ([Option<Map<'_, T>>; 2], &Filter<T>),
    bias: Option<&[T]>,
    mut y: MapMut<'_, T>,
    scratch: &mut Scratch<T>,
) {
    let count = rights.iter().flatten().count();
    assert!(count > 0 && y.images == count * left.images, "{} images of {count} maps with {} each", y.images, left.images);
    y.read().verify();
    let part = Map { images: left.images, ..y.read() };
    check_filter(left_filter, &left, &part);
    rights.iter().flatten().for_each(|right| check_filter(right_filter, right, &part));
    check_ends::<T>(&None, left.channels, bias, y.channels);
    let run = match [left_filter, right_filter].map(|filter| filter.shape.down_form()) {
        [DownForm::Usual(Form::Narrow), DownForm::Usual(Form::Narrow)] => narrow::down_beside,
        [DownForm::NarrowFour, DownForm::NarrowFour] => narrow_four::down_beside,
        _ => return in_turn(pool, (left, left_filter), (rights, right_filter), bias, y, scratch),
    };
    let (Some(input), Some(output)) = (left.singles(), y.singles()) else {
        return in_turn(pool, (left, left_filter), (rights, right_filter), bias, y, scratch);
    };
    let rights = (rights.map(|right| right.and_then(Map::singles)), None, right_filter.held_for_down());
    run(pool, Some((input, left_filter.held_for_down())), rights, bias.and_then(T::singles), output, &mut scratch.store);
}

/// The same in any form: each side by itself, then their sum.
fn in_turn<T: Real>(
    pool: &Pool,
    (left, left_filter): (Map<'_, T>, &Filter<T>),
    (rights, right_filter): ([Option<Map<'_, T>>; 2], &Filter<T>),
    bias: Option<&[T]>,
    y: MapMut<'_, T>,
    scratch: &mut Scratch<T>,
) {
    let MapMut { data, rows, cols, channels, pixel, .. } = y;
    let images = left.images;
    // Lent out: the kernels work in the rest of the scratch memory.
    let mut base = std::mem::take(&mut scratch.beside);
    base.resize(images * rows * cols * channels, T::ZERO);
    down(pool, left, None, left_filter, bias, MapMut::dense(&mut base, images, rows, cols, channels), scratch);
    for (right, y) in rights.into_iter().flatten().zip(data.chunks_mut(images * rows * cols * pixel)) {
        down(pool, right, None, right_filter, None, MapMut::new(y, images, rows, cols, channels, pixel), scratch);
        pool.chunks_mut(y, cols * pixel, |row, y| {
            for (y, base) in y.chunks_mut(pixel).zip(base[row * cols * channels..].chunks_exact(channels)) {
                y.iter_mut().zip(base).for_each(|(y, &base)| *y += base);
            }
        });
    }
    scratch.beside = base;
}
