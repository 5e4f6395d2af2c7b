//! Contextual loss: plain L1 between reconstruction and target, mean over every element (METHOD.md §3).

use super::in_parts;
use kernels::{Pool, Real};

/// weight · mean importance · |x̂ − x|, and its gradient with respect to x̂ into `seed`; where both are equal it is 0. An empty
/// `importance` is 1 everywhere, as published.
///
/// # Panics
/// If lengths differ.
pub fn loss<T: Real>(pool: &Pool, reconstruction: &[T], target: &[T], importance: &[T], weight: f64, seed: &mut [T]) -> f64 {
    assert!(reconstruction.len() == target.len() && target.len() == seed.len(), "three maps of one size");
    assert!(importance.is_empty() || importance.len() == target.len(), "an importance for every element");
    let share = weight / target.len() as f64;
    let sum = in_parts(pool, seed, 1, |first, seed| {
        let part = first..first + seed.len();
        let pairs = reconstruction[part.clone()].iter().zip(&target[part.clone()]).zip(seed);
        if importance.is_empty() {
            part_of_loss(pairs.map(|pair| (pair, T::ONE)), share)
        } else {
            part_of_loss(pairs.zip(importance[part].iter().copied()), share)
        }
    });
    share * sum
}

fn part_of_loss<'a, T: Real>(elements: impl Iterator<Item = (((&'a T, &'a T), &'a mut T), T)>, share: f64) -> f64 {
    // Four sums in turn, so that none waits for the one before.
    let mut sums = [0.0; 4];
    for (element, (((&made, &meant), seed), importance)) in elements.enumerate() {
        let slope = T::from_f64(share) * importance;
        let off = made - meant;
        sums[element % 4] += (off.abs() * importance).to_f64();
        // Chosen, not branched on: no processor foresees these signs.
        let up = if off > T::ZERO { slope } else { T::ZERO };
        let down = if off < T::ZERO { slope } else { T::ZERO };
        *seed = up - down;
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let pool = Pool::new(2).expect("a pool");
        let mut seed = [9.0f32; 4];
        let value = loss(&pool, &[1.0, 0.0, -1.0, 2.0], &[0.5, 0.0, 1.0, 1.0], &[], 8.0, &mut seed);
        assert_eq!(value, 7.0);
        assert_eq!(seed, [2.0, 0.0, -2.0, 2.0]);
        let value = loss(&pool, &[1.0, 0.0, -1.0, 2.0], &[0.5, 0.0, 1.0, 1.0], &[4.0, 1.0, 0.0, 0.5], 8.0, &mut seed);
        assert_eq!(value, 5.0);
        assert_eq!(seed, [8.0, 0.0, 0.0, 1.0]);
    }
}
