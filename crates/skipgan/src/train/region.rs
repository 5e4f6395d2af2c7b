//! The shape of a region of a picture that is replaced: an ellipse, round or long, whose edge Perlin noise has moved, of a given area.

use super::perlin::Perlin;
use crate::data::random::SplitMix64;

/// Longest shape: its axes differ by as much.
const LONGEST: f64 = 16.0;
/// How far noise moves the edge, in radii of a circle of the same area.
const RAGGED: (f64, f64) = (0.5, 3.0);
/// Size of the noise's bumps, in radii.
const BUMPS: (f64, f64) = (0.3, 2.0);

/// How much of each pixel of a picture of `size` = (rows, columns) lies in a region that covers `area`, a share of the picture: 0 … 1, the
/// edge one pixel wide.
pub(super) fn draw(size: (usize, usize), area: f64, random: &mut SplitMix64) -> Vec<f32> {
    let pixels = size.0 * size.1;
    let wanted = ((area * pixels as f64).round() as usize).clamp(1, pixels);
    let (noise, radius) = (Perlin::new(random), (wanted as f64 / std::f64::consts::PI).sqrt() as f32);
    let (centre_y, centre_x) = (random.unit() * size.0 as f64, random.unit() * size.1 as f64);
    let stretch = (random.unit() * LONGEST.ln() / 2.0).exp() as f32;
    let (sine, cosine) = (std::f64::consts::PI * random.unit()).sin_cos();
    let ragged = random.between(RAGGED.0, RAGGED.1) as f32 * radius / stretch;
    let bump = (random.between(BUMPS.0, BUMPS.1) as f32 * radius).max(2.0);
    // Depth: how far inside a pixel lies, in pixels across the shape.
    let depth = |pixel: usize| {
        let (y, x) = ((pixel / size.1) as f32, (pixel % size.1) as f32);
        let (dy, dx) = (y - centre_y as f32, x - centre_x as f32);
        let along = (dx * cosine as f32 + dy * sine as f32) / stretch;
        let across = (dy * cosine as f32 - dx * sine as f32) * stretch;
        ragged * noise.at(y / bump, x / bump) - along.hypot(across) / stretch
    };
    let depths: Vec<f32> = (0..pixels).map(depth).collect();
    let mut sorted = depths.clone();
    let (_, &mut edge, _) = sorted.select_nth_unstable_by(wanted - 1, |a, b| b.total_cmp(a));
    depths.iter().map(|depth| (depth - edge + 0.5).clamp(0.0, 1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_has_its_area_and_a_soft_edge() {
        for seed in 0..40 {
            let area = [0.01, 0.05, 0.3][seed as usize % 3];
            let share = draw((64, 96), area, &mut SplitMix64::new(seed));
            let covered = share.iter().sum::<f32>() / share.len() as f32;
            assert!(share.iter().all(|share| (0.0..=1.0).contains(share)));
            assert!((f64::from(covered) - area).abs() < 0.3 * area + 0.01, "seed {seed}: {covered} for {area}");
        }
    }
}
