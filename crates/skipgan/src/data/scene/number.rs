//! Arithmetic that gives the same bits everywhere: a sine from sums and products, lattice noise from integers.

/// 2π.
pub(super) const TURN: f64 = std::f64::consts::TAU;

/// The sine to about 1e-7.
pub(super) fn sine(angle: f64) -> f64 {
    let turns = angle / TURN;
    let x = (turns - (turns + 0.5).floor()) * TURN;
    // Folded to a quarter turn on either side.
    let quarter = TURN / 4.0;
    let x = if x > quarter {
        TURN / 2.0 - x
    } else if x < -quarter {
        -TURN / 2.0 - x
    } else {
        x
    };
    let s = x * x;
    x * (1.0 - s / 6.0 * (1.0 - s / 20.0 * (1.0 - s / 42.0 * (1.0 - s / 72.0 * (1.0 - s / 110.0)))))
}

/// The cosine.
pub(super) fn cosine(angle: f64) -> f64 {
    sine(angle + TURN / 4.0)
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(super) fn smooth(low: f64, high: f64, x: f64) -> f64 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A number in [0, 1) of a lattice point.
fn lattice(seed: u64, x: i64, y: i64) -> f64 {
    let mut word = seed ^ x.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ y.cast_unsigned().wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    word = (word ^ (word >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    word = (word ^ (word >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    word ^= word >> 32;
    (word >> 11) as f64 / (1u64 << 53) as f64
}

/// Smooth noise in [−1, 1] with a period of about 1.
pub(super) fn noise(seed: u64, x: f64, y: f64) -> f64 {
    let (column, row) = (x.floor(), y.floor());
    let (u, v) = (smooth(0.0, 1.0, x - column), smooth(0.0, 1.0, y - row));
    // Saturating casts of whole numbers.
    let (i, j) = (column as i64, row as i64);
    let top = lattice(seed, i, j) * (1.0 - u) + lattice(seed, i.wrapping_add(1), j) * u;
    let bottom = lattice(seed, i, j.wrapping_add(1)) * (1.0 - u) + lattice(seed, i.wrapping_add(1), j.wrapping_add(1)) * u;
    (top * (1.0 - v) + bottom * v) * 2.0 - 1.0
}

/// Three octaves of [`noise`], in about [−1, 1].
pub(super) fn rough(seed: u64, x: f64, y: f64) -> f64 {
    let fine = noise(seed ^ 2, x * 4.3, y * 4.3);
    (noise(seed, x, y) + 0.5 * noise(seed ^ 1, x * 2.1, y * 2.1) + 0.25 * fine) / 1.4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_is_a_sine() {
        for step in -400..400 {
            let angle = f64::from(step) * 0.05;
            assert!((sine(angle) - angle.sin()).abs() < 1e-6, "{angle}");
            assert!((cosine(angle) - angle.cos()).abs() < 1e-6, "{angle}");
        }
    }

    #[test]
    fn noise_is_bounded_and_continuous() {
        let mut before = noise(7, -3.0, 0.3);
        for step in 0..2000 {
            let now = noise(7, -3.0 + f64::from(step) * 0.005, 0.3);
            assert!(now.abs() <= 1.0 && (now - before).abs() < 0.05);
            before = now;
        }
    }
}
