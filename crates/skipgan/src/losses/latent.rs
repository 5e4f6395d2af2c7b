//! Latent loss: mean square of f(x̂) − f(x), summed over feature levels (METHOD.md §3). Not detached on either side: the
//! gradient for f(x) is the negative of the one for f(x̂), so one is returned.

use super::in_parts;
use kernels::{Lens, Map, Pool, Real};

/// Features of one level as D keeps them: a stored map and the lens (batch-norm, activation) it is read through.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a, T> {
    /// Stored values.
    pub map: Map<'a, T>,
    /// How they are read; `None`: as they are.
    pub lens: Option<Lens<'a, T>>,
}

impl<T: Real> Reading<'_, T> {
    /// The same in `f32`, where it is that.
    pub fn singles(&self) -> Option<Reading<'_, f32>> {
        let lens = match self.lens {
            Some(lens) => Some(lens.singles()?),
            None => None,
        };
        Some(Reading { map: self.map.singles()?, lens })
    }

    /// The features of a pixel.
    fn see_pixel(&self, pixel: usize, to: &mut [T]) {
        match self.lens {
            Some(lens) => lens.look(self.map.nth(pixel), to),
            None => to.copy_from_slice(self.map.nth(pixel)),
        }
    }

    /// Subtracts the features of a pixel.
    fn take_from(&self, pixel: usize, to: &mut [T]) {
        match self.lens {
            Some(lens) => lens.each(self.map.nth(pixel), to, |to, seen| *to -= seen),
            None => to.iter_mut().zip(self.map.nth(pixel)).for_each(|(to, &value)| *to -= value),
        }
    }

    /// The feature of a stored value.
    pub fn see(&self, channel: usize, value: T) -> T {
        self.lens.map_or(value, |lens| lens.see(channel, value))
    }
}

/// weight · mean (f(x̂) − f(x))² of one level, and its gradient with respect to f(x̂) into `seed` (dense).
///
/// # Panics
/// If sizes differ.
pub fn loss<T: Real>(pool: &Pool, real: Reading<'_, T>, fake: Reading<'_, T>, weight: f64, seed: &mut [T]) -> f64 {
    let channels = real.map.channels;
    assert!(real.map.pixels() == fake.map.pixels() && fake.map.channels == channels, "features of one size");
    assert_eq!(seed.len(), real.map.pixels() * channels, "one gradient a feature");
    let share = weight / seed.len() as f64;
    let slope = T::from_f64(2.0 * share);
    let sum = in_parts(pool, seed, channels, |first, seed| {
        let mut sums = [0.0; 4];
        for (pixel, seed) in (first..).zip(seed.chunks_mut(channels)) {
            // In the seed's place: f(x̂), then how far f(x) is from it, then the gradient.
            fake.see_pixel(pixel, seed);
            real.take_from(pixel, seed);
            // Four sums in turn, so that none waits for the one before.
            for (channel, off) in seed.iter_mut().enumerate() {
                sums[channel % 4] += off.to_f64() * off.to_f64();
                *off *= slope;
            }
        }
        sums.iter().sum()
    });
    share * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand_through_a_lens() {
        let (x, made) = ([1.0f64, -1.0], [2.0, -3.0]);
        let lens = Some(Lens::new(&[1.0; 1], &[0.0; 1], &[0.5; 1]));
        let reading = |data| Reading { map: Map::dense(data, 1, 1, 2, 1), lens };
        let mut seed = [0.0; 2];
        // f: 1, −0.5 and 2, −1.5: squares 1, 1.
        let pool = Pool::new(2).expect("a pool");
        assert_eq!(loss(&pool, reading(&x), reading(&made), 3.0, &mut seed), 3.0);
        assert_eq!(seed, [3.0, -3.0]);
    }
}
