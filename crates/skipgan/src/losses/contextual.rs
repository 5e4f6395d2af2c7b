//! Contextual loss: plain L1 between reconstruction and target, mean over every element (METHOD.md §3).

use kernels::Real;

/// weight · mean importance · |x̂ − x|, and its gradient with respect to x̂ into `seed`; where both are equal it is 0. An empty
/// `importance` is 1 everywhere, as published.
///
/// # Panics
/// If lengths differ.
pub fn loss<T: Real>(reconstruction: &[T], target: &[T], importance: &[T], weight: f64, seed: &mut [T]) -> f64 {
    assert!(reconstruction.len() == target.len() && target.len() == seed.len(), "three maps of one size");
    assert!(importance.is_empty() || importance.len() == target.len(), "an importance for every element");
    let share = weight / target.len() as f64;
    let mut sum = 0.0;
    for (element, ((&made, &meant), seed)) in reconstruction.iter().zip(target).zip(seed).enumerate() {
        let importance = importance.get(element).copied().unwrap_or(T::ONE);
        let slope = T::from_f64(share) * importance;
        let off = made - meant;
        sum += (off.abs() * importance).to_f64();
        // Chosen, not branched on: no processor foresees these signs.
        let up = if off > T::ZERO { slope } else { T::ZERO };
        let down = if off < T::ZERO { slope } else { T::ZERO };
        *seed = up - down;
    }
    share * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut seed = [9.0f32; 4];
        let value = loss(&[1.0, 0.0, -1.0, 2.0], &[0.5, 0.0, 1.0, 1.0], &[], 8.0, &mut seed);
        assert_eq!(value, 7.0);
        assert_eq!(seed, [2.0, 0.0, -2.0, 2.0]);
        let value = loss(&[1.0, 0.0, -1.0, 2.0], &[0.5, 0.0, 1.0, 1.0], &[4.0, 1.0, 0.0, 0.5], 8.0, &mut seed);
        assert_eq!(value, 5.0);
        assert_eq!(seed, [8.0, 0.0, 0.0, 1.0]);
    }
}
