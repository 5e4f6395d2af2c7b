//! Contextual loss: plain L1 between reconstruction and target, mean over every element (METHOD.md §3).

use kernels::Real;

/// weight · mean |x̂ − x|, and its gradient with respect to x̂ into `seed`; where both are equal it is 0.
///
/// # Panics
/// If lengths differ.
pub fn loss<T: Real>(reconstruction: &[T], target: &[T], weight: f64, seed: &mut [T]) -> f64 {
    assert!(reconstruction.len() == target.len() && target.len() == seed.len(), "three maps of one size");
    let share = weight / target.len() as f64;
    let slope = T::from_f64(share);
    let mut sum = 0.0;
    for ((&made, &meant), seed) in reconstruction.iter().zip(target).zip(seed) {
        let off = made - meant;
        sum += off.abs().to_f64();
        *seed = if off > T::ZERO {
            slope
        } else if off < T::ZERO {
            -slope
        } else {
            T::ZERO
        };
    }
    share * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut seed = [9.0f32; 4];
        let value = loss(&[1.0, 0.0, -1.0, 2.0], &[0.5, 0.0, 1.0, 1.0], 8.0, &mut seed);
        assert_eq!(value, 7.0);
        assert_eq!(seed, [2.0, 0.0, -2.0, 2.0]);
    }
}
