//! How bright a picture is beside the usual one of its camera: g with I ≈ g·B, so that the usual picture can be shown in the light of
//! the moment. A cloud or an exposure that wanders is then neither a thing that stands everywhere nor something to be taken out.
//!
//! The median over a fixed sample of pixels of I/B: whatever covers less than half of the picture does not count. Light that changes in
//! a part of the picture is not undone, nor is that of a picture which is dark nearly everywhere; how a camera lies against its reference is [`super::view_fit`]'s.

/// One pixel in this many is looked at.
const EVERY: usize = 7;
/// Usual grey levels below this tell little: a level of noise is a large share of them.
const DARK: f32 = 24.0;
/// The largest g, and one over the smallest.
const MOST: f32 = 4.0;

/// g of `frame` beside `usual`; both `[height, width]`, grey levels. 1 where the usual picture is dark all over.
pub fn gain(frame: &[u8], usual: &[f32]) -> f32 {
    let pixels = frame.iter().zip(usual).step_by(EVERY).filter(|&(_, &usual)| usual >= DARK);
    let mut ratios: Vec<f32> = pixels.map(|(&grey, &usual)| f32::from(grey) / usual).collect();
    let middle = ratios.len() / 2;
    if ratios.is_empty() { 1.0 } else { ratios.select_nth_unstable_by(middle, f32::total_cmp).1.clamp(1.0 / MOST, MOST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_before_the_camera_do_not_count() {
        let usual: Vec<f32> = (0..64 * 96).map(|i| 40.0 + ((i * 7) % 90) as f32).collect();
        let mut frame: Vec<u8> = usual.iter().map(|grey| (1.2 * grey).round() as u8).collect();
        frame[..20 * 96].fill(250);
        assert!((gain(&frame, &usual) - 1.2).abs() < 0.01);
    }

    #[test]
    fn the_dark_has_no_light_to_compare() {
        assert_eq!((gain(&[9; 100], &[3.0; 100]), gain(&[255; 100], &[25.0; 100])), (1.0, 4.0));
    }
}
