//! Anomaly maps as colour: a perceptually even scale from dark violet over red to pale yellow, and its blend over a frame.
//!
//! The scale of a run is fixed by normal footage ([`DisplayRange`]), so the same colour means the same deviation in every frame and in
//! every clip; nothing is stretched to the frame at hand. Lightness rises evenly, so the picture reads in grey and by colour-blind eyes.

use super::picture::Picture;
use crate::calibration::DisplayRange;
use crate::localise::plane::Plane;
use crate::localise::resize::Bilinear;
use std::sync::LazyLock;

/// Colours by position 0 … 255, computed once: even steps of lightness in OKLab along a curve of hues.
static COLOURS: LazyLock<[[u8; 3]; 256]> = LazyLock::new(|| std::array::from_fn(|i| colour_at(i as f64 / 255.0)));

/// The colour at `position` of the scale, clamped to 0 … 1; NaN is 0.
pub fn colour(position: f64) -> [u8; 3] {
    // A float to integer cast saturates and sends NaN to 0.
    COLOURS[(position.clamp(0.0, 1.0) * 255.0).round() as usize]
}

/// The map alone in colours, at its own resolution.
///
/// # Shapes
/// `map` is `[height, width]`.
///
/// # Panics
/// If `map` has another length or a side is 0.
pub fn heat_picture(map: &[f32], height: usize, width: usize, scale: DisplayRange) -> Picture {
    Picture::new(height, width, map.iter().flat_map(|&value| colour(scale.position(f64::from(value)))).collect())
}

/// The map in colours over `frame`, to whose size it is resized bilinearly; the frame is greyed so that colour means deviation alone.
/// Opacity rises from 0 at the scale's low end to 0.85 from its middle on.
///
/// # Shapes
/// `map` is `[height, width]`.
///
/// # Panics
/// If `map` has another length or a side is 0.
pub fn blend(frame: &Picture, map: &[f32], height: usize, width: usize, scale: DisplayRange) -> Picture {
    let source = Plane::new(height, width, map.iter().map(|&value| f64::from(value)).collect());
    let mut resized = Plane::default();
    Bilinear::new((height, width), (frame.height, frame.width)).apply(&source, &mut resized);
    let pixels = frame.rgb.chunks_exact(3).zip(&resized.values);
    Picture::new(frame.height, frame.width, pixels.flat_map(|(pixel, &value)| mixed(pixel, scale.position(value))).collect())
}

fn mixed(pixel: &[u8], position: f64) -> [u8; 3] {
    let grey = (0.299 * f64::from(pixel[0]) + 0.587 * f64::from(pixel[1]) + 0.114 * f64::from(pixel[2])).round();
    let opacity = 0.85 * smooth(position * 2.0);
    colour(position.mul_add(0.8, 0.2)).map(|heat| (grey + (f64::from(heat) - grey) * opacity).round() as u8)
}

/// 0 … 1 with flat ends.
fn smooth(x: f64) -> f64 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// A scale bar, low on the left.
pub fn legend(height: usize, width: usize) -> Picture {
    let last = (width.max(2) - 1) as f64;
    Picture::new(height, width, (0..height).flat_map(|_| (0..width).flat_map(|x| colour(x as f64 / last))).collect())
}

/// Lightness 0.16 → 0.97, hue from violet (295°) backwards over red to yellow (105°), chroma high in the middle.
fn colour_at(position: f64) -> [u8; 3] {
    let lightness = 0.16 + 0.81 * position;
    let hue = (295.0 + 170.0 * position).to_radians();
    let wanted = 0.06 + 0.17 * (std::f64::consts::PI * position.powf(0.85)).sin();
    let inside = |chroma: f64| oklch_to_linear(lightness, chroma, hue).iter().all(|v| (-1e-6..=1.0 + 1e-6).contains(v));
    // The display's gamut ends before the wanted chroma at some lightness: less chroma there, lightness and hue kept.
    let chroma = (0..=100).map(|step| wanted * f64::from(100 - step) / 100.0).find(|&chroma| inside(chroma)).unwrap_or(0.0);
    oklch_to_linear(lightness, chroma, hue).map(encoded)
}

/// OKLCh → linear sRGB (Ottosson's matrices).
fn oklch_to_linear(lightness: f64, chroma: f64, hue: f64) -> [f64; 3] {
    let (a, b) = (chroma * hue.cos(), chroma * hue.sin());
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701 * s,
    ]
}

/// Linear light → sRGB byte.
fn encoded(linear: f64) -> u8 {
    let v = linear.clamp(0.0, 1.0);
    let curve = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
    (curve * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// sRGB byte → OKLab, the inverse road, for judging the scale.
    fn oklab([r, g, b]: [u8; 3]) -> [f64; 3] {
        let linear = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        let (r, g, b) = (linear(r), linear(g), linear(b));
        let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
        let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
        let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
        [
            0.210_454_255_3 * l + 0.793_617_785 * m - 0.004_072_046_8 * s,
            1.977_998_495_1 * l - 2.428_592_205 * m + 0.450_593_709_9 * s,
            0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766 * s,
        ]
    }

    #[test]
    fn lightness_rises_evenly_and_no_step_jumps() {
        let colours: Vec<[f64; 3]> = (0..=16).map(|i| oklab(colour(f64::from(i) / 16.0))).collect();
        for pair in colours.windows(2) {
            let rise = pair[1][0] - pair[0][0];
            assert!((rise - 0.81 / 16.0).abs() < 0.012, "lightness rises by {rise}");
            let step = (0..3).map(|i| (pair[1][i] - pair[0][i]).powi(2)).sum::<f64>().sqrt();
            assert!((0.04..0.125).contains(&step), "a step of {step}");
        }
    }

    #[test]
    fn normal_pixels_show_the_frame_and_high_ones_the_colour() {
        let frame = Picture::from_grey(2, 2, &[100; 4]);
        let scale = DisplayRange { low: 0.0, high: 1.0 };
        let blended = blend(&frame, &[0.0, 1.0], 1, 2, scale);
        assert_eq!(blended.at(0, 0), [100; 3]);
        assert!(blended.at(1, 0)[0] > 200 && blended.at(1, 1) == blended.at(1, 0));
        assert_eq!(heat_picture(&[0.0, 1.0], 1, 2, scale).rgb, [colour(0.0), colour(1.0)].concat());
        assert_eq!(legend(3, 9).at(8, 2), colour(1.0));
    }
}
