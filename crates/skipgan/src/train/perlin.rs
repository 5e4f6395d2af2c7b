//! Gradient noise (Perlin 1985, 2002): smooth, without direction, the same for the same seed. Shapes and textures are made of it.

use crate::data::random::SplitMix64;

/// Gradients before they repeat.
const GRADIENTS: usize = 256;

/// One field of noise over the whole plane.
#[derive(Clone, Debug)]
pub(super) struct Perlin {
    order: Vec<usize>,
    gradients: Vec<[f32; 2]>,
}

impl Perlin {
    /// Drawn from `random`.
    pub fn new(random: &mut SplitMix64) -> Perlin {
        let mut order: Vec<usize> = (0..GRADIENTS).collect();
        random.shuffle(&mut order);
        let gradients = (0..GRADIENTS).map(|_| {
            let (sine, cosine) = (std::f32::consts::TAU * random.unit() as f32).sin_cos();
            [sine, cosine]
        });
        Perlin { gradients: gradients.collect(), order }
    }

    /// The noise at a point, about −0.7 to 0.7, 0 at whole numbers.
    pub fn at(&self, y: f32, x: f32) -> f32 {
        let (top, left) = (y.floor(), x.floor());
        let (dy, dx) = (y - top, x - left);
        let (row, col) = (top as i64, left as i64);
        let slope = |down: i64, across: i64| {
            let [gy, gx] = self.gradients[self.index(row + down, col + across)];
            gy * (dy - down as f32) + gx * (dx - across as f32)
        };
        let (fy, fx) = (faded(dy), faded(dx));
        let upper = slope(0, 0) + fx * (slope(0, 1) - slope(0, 0));
        let lower = slope(1, 0) + fx * (slope(1, 1) - slope(1, 0));
        upper + fy * (lower - upper)
    }

    fn index(&self, row: i64, col: i64) -> usize {
        let wrapped = |value: i64| value.rem_euclid(GRADIENTS as i64) as usize;
        self.order[(self.order[wrapped(row)] + wrapped(col)) % GRADIENTS]
    }
}

/// 6t⁵ − 15t⁴ + 10t³: flat at both ends.
fn faded(t: f32) -> f32 {
    t * t * t * (t * (6.0 * t - 15.0) + 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_smooth_bounded_and_zero_at_whole_numbers() {
        let noise = Perlin::new(&mut SplitMix64::new(3));
        let (mut lowest, mut highest) = (0.0f32, 0.0f32);
        for step in -4000..4000 {
            let (y, x) = (step as f32 * 0.013, step as f32 * 0.029 + 0.4);
            let value = noise.at(y, x);
            assert!((noise.at(y, x + 1e-3) - value).abs() < 5e-3);
            (lowest, highest) = (lowest.min(value), highest.max(value));
        }
        assert!(lowest < -0.4 && highest > 0.4 && lowest > -1.0 && highest < 1.0, "{lowest} {highest}");
        assert_eq!((noise.at(-3.0, 17.0), noise.at(255.0, -256.0)), (0.0, 0.0));
    }
}
