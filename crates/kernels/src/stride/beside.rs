//! [`down`] of maps that lie side by side without lying in one: what D sees is a context and, beside it, x or x̂.
//!
//! A convolution of channels side by side is the sum of two convolutions: no map is copied, and what two pictures have in common is
//! convolved once for both.

use super::bands::Sides;
use super::form::{DownForm, Form};
use super::{Filter, Scratch, check_ends, check_filter, down, narrow, narrow_four};
use crate::{Map, MapMut, Pool, Real};

/// yᵢ = bias + the convolution of `left`, where there is one, and `rights[i]` side by side, channels of `left` first. `y` holds the images of
/// all yᵢ, those of the first map on the right first; all maps have as many images. A filter for each side: for its channels of the weight.
///
/// # Panics
/// If there is nothing on the right, shapes do not fit, or a filter was not made for [`down`] or holds no weight.
pub fn down_beside<T: Real>(
    pool: &Pool,
    left: Option<(Map<'_, T>, &Filter<T>)>,
    (rights, filter): ([Option<Map<'_, T>>; 2], &Filter<T>),
    bias: Option<&[T]>,
    mut y: MapMut<'_, T>,
    scratch: &mut Scratch<T>,
) {
    let maps = rights.iter().flatten();
    let (count, images) = maps.clone().fold((0, 0), |(count, _), right| (count + 1, right.images));
    assert!(count > 0 && y.images == count * images, "{} images of {count} maps with {images} each", y.images);
    y.read().verify();
    let part = Map { images, ..y.read() };
    maps.for_each(|right| check_filter(filter, right, &part));
    if let Some((left, filter)) = &left {
        check_filter(filter, left, &part);
    }
    check_ends::<T>(&None, 0, bias, y.channels);
    let form = filter.shape.down_form();
    let run = match form {
        DownForm::Usual(Form::Narrow) => narrow::down_beside,
        DownForm::NarrowFour => narrow_four::down_beside,
        _ => return in_turn(pool, left, (rights, filter), bias, y, scratch),
    };
    let alike = left.is_none_or(|(_, filter)| filter.shape.down_form() == form);
    let Some(output) = y.singles().filter(|_| alike) else {
        return in_turn(pool, left, (rights, filter), bias, y, scratch);
    };
    let sides = Sides {
        left: left.and_then(|(left, filter)| Some((left.singles()?, filter.held_for_down()))),
        rights: rights.map(|right| right.and_then(Map::singles)),
        lens: None,
        weight: filter.held_for_down(),
        bias: bias.and_then(T::singles),
    };
    run(pool, sides, output, &mut scratch.store);
}

/// The same in any form: each map by itself, then the sums.
fn in_turn<T: Real>(
    pool: &Pool,
    left: Option<(Map<'_, T>, &Filter<T>)>,
    (rights, filter): ([Option<Map<'_, T>>; 2], &Filter<T>),
    bias: Option<&[T]>,
    y: MapMut<'_, T>,
    scratch: &mut Scratch<T>,
) {
    let MapMut { data, images, rows, cols, channels, pixel } = y;
    let images = images / rights.iter().flatten().count();
    // Lent out: the kernels work in the rest of the scratch memory.
    let mut sums = std::mem::take(&mut scratch.beside);
    let bias = match left {
        None => bias,
        Some((left, filter)) => {
            sums.resize(images * rows * cols * channels, T::ZERO);
            down(pool, left, None, filter, bias, MapMut::dense(&mut sums, images, rows, cols, channels), scratch);
            None
        }
    };
    for (right, y) in rights.into_iter().flatten().zip(data.chunks_mut(images * rows * cols * pixel)) {
        down(pool, right, None, filter, bias, MapMut::new(y, images, rows, cols, channels, pixel), scratch);
        if left.is_some() {
            pool.chunks_mut(y, cols * pixel, |row, y| {
                for (y, sums) in y.chunks_mut(pixel).zip(sums[row * cols * channels..].chunks_exact(channels)) {
                    y.iter_mut().zip(sums).for_each(|(y, &sum)| *y += sum);
                }
            });
        }
    }
    scratch.beside = sums;
}
