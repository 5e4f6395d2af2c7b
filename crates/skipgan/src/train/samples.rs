//! Pictures for people: input | reconstruction | map of held-out windows, one row a window, as PNG. Taken in scoring mode (running
//! statistics) from held-out normal footage, never from test footage (METHOD.md §6 row 14).

use crate::config::Sees;
use crate::data::{Sight, Windows};
use crate::model::engine::Scores;

/// An RGB picture, 8 bits a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width, 3]`.
    pub pixels: Vec<u8>,
}

/// Space between the pictures, in pixels.
const GAP: usize = 2;

/// What of a target is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The last 1 or 3 channels, in [−1, 1]: the latest frame.
    Frame(usize),
    /// The first channel, in [−1, 1]: the frame that motion follows.
    First,
    /// The last two channels, motion: direction as colour, speed as brightness, full at twice the usual one.
    Motion,
}

impl Shown {
    /// For windows of that sight.
    pub fn of(sight: &Sight) -> Shown {
        match sight.sees {
            Sees::Frames | Sees::Still => Shown::Frame(sight.picture.channels),
            Sees::Motion => Shown::Motion,
            Sees::Restore => Shown::First,
        }
    }

    /// The colour of a pixel's channels.
    pub fn colour(self, values: &[f32]) -> [u8; 3] {
        match self {
            Shown::Frame(channels) => latest(&values[values.len() - channels..]),
            Shown::First => latest(&values[..1]),
            Shown::Motion => direction(values[values.len() - 2], values[values.len() - 1]),
        }
    }
}

/// Lays windows out, a row each: target, reconstruction, map of R. The map's brightest value is the largest of all shown windows.
pub fn sheet(windows: &Windows, scores: &Scores, shown: Shown) -> Picture {
    let (images, height, width) = (windows.images(), windows.height(), windows.width());
    let (pixels, channels) = (height * width, windows.channels().target);
    let top = scores.residual_maps[..images * pixels].iter().fold(f32::MIN_POSITIVE, |top, value| top.max(*value));
    let mut sheet = Picture::grey(3 * width + 2 * GAP, images * (height + GAP) - GAP);
    for image in 0..images {
        for pixel in 0..pixels {
            let (row, column) = (image * (height + GAP) + pixel / width, pixel % width);
            let place = image * pixels + pixel;
            let colour = |values: &[f32]| shown.colour(&values[place * channels..(place + 1) * channels]);
            sheet.set(row, column, colour(windows.target()));
            sheet.set(row, column + width + GAP, colour(&scores.reconstruction));
            sheet.set(row, column + 2 * (width + GAP), heat(scores.residual_maps[place] / top));
        }
    }
    sheet
}

impl Picture {
    fn grey(width: usize, height: usize) -> Picture {
        Picture { width, height, pixels: vec![96; width * height * 3] }
    }

    fn set(&mut self, row: usize, column: usize, colour: [u8; 3]) {
        let start = 3 * (row * self.width + column);
        self.pixels[start..start + 3].copy_from_slice(&colour);
    }

    /// As a PNG file.
    ///
    /// # Errors
    /// What the encoder says: only absurd sizes.
    pub fn to_png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(bytes)
    }
}

/// [−1, 1] to 8 bits; one channel is grey.
fn latest(values: &[f32]) -> [u8; 3] {
    let byte = |value: f32| ((value + 1.0) * 127.5).round().clamp(0.0, 255.0) as u8;
    match values {
        [red, green, blue] => [byte(*red), byte(*green), byte(*blue)],
        _ => [values.first().map_or(0, |value| byte(*value)); 3],
    }
}

/// Right red, down yellow-green, left cyan, up violet; black at rest, full at twice the usual speed.
fn direction(across: f32, down: f32) -> [u8; 3] {
    let (hue, value) = (down.atan2(across).to_degrees().rem_euclid(360.0), (0.5 * across.hypot(down)).min(1.0));
    let part = |shift: f32| {
        let k = (shift + hue / 60.0) % 6.0;
        (255.0 * value * (1.0 - k.min(4.0 - k).clamp(0.0, 1.0))).round() as u8
    };
    [part(5.0), part(3.0), part(1.0)]
}

/// Black over red and yellow to white.
fn heat(position: f32) -> [u8; 3] {
    let part = |from: f32| ((position * 3.0 - from).clamp(0.0, 1.0) * 255.0).round() as u8;
    [part(0.0), part(1.0), part(2.0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::data::sight::Instant;
    use crate::data::{Cut, PictureSettings};

    #[test]
    fn directions_have_their_colours() {
        assert_eq!([direction(2.0, 0.0), direction(-2.0, 0.0), direction(0.0, 0.0)], [[255, 0, 0], [0, 255, 255], [0; 3]]);
        let [red, green, blue] = direction(0.0, 1.0);
        assert!(green == 128 && red == 64 && blue == 0, "{red} {green} {blue}");
    }

    #[test]
    fn a_sheet_shows_the_latest_frame_its_reconstruction_and_the_map() {
        // two pixels, two frames each: the latest are 255 and 0
        let sight = Sight::frames(&PictureSettings { channels: 1, ..PictureSettings::new(&Config::default(), 1, 2) }, 2);
        let mut windows = sight.windows();
        sight.push(&Instant { frames: &[&[0, 128], &[255, 0]], motion: None }, Cut::NONE, &mut windows).expect("frames");
        let scores = Scores { reconstruction: vec![0.0, -1.0, 0.0, 1.0], residual_maps: vec![0.5, 2.0], ..Scores::default() };
        let sheet = sheet(&windows, &scores, Shown::of(&sight));
        assert_eq!((sheet.width, sheet.height), (10, 1));
        let at = |column: usize| &sheet.pixels[3 * column..3 * column + 3];
        assert_eq!((at(0), at(1)), (&[255; 3][..], &[0; 3][..]));
        assert_eq!((at(4), at(5)), (&[0; 3][..], &[255; 3][..]));
        assert_eq!((at(8), at(9)), (&[191, 0, 0][..], &[255; 3][..]));
        let png = sheet.to_png().expect("a small picture");
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("png");
        let mut pixels = vec![0; sheet.pixels.len()];
        reader.next_frame(&mut pixels).expect("whole");
        assert_eq!(pixels, sheet.pixels);
    }
}
