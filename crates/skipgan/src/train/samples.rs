//! Pictures for people: input | reconstruction | map of held-out windows, one row a window, as PNG. Taken in scoring mode (running
//! statistics) from held-out normal footage, never from test footage (METHOD.md §6 row 14).

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

/// Lays `images` windows out; `target` is `[images, height, width, channels]`, of which the last `shown` channels (1 or 3) are the latest
/// frame. The map's brightest value is the largest of all shown windows.
///
/// # Panics
/// Where `target` or `scores` hold fewer windows than `images`.
pub fn sheet(target: &[f32], scores: &Scores, images: usize, (height, width, channels): (usize, usize, usize), shown: usize) -> Picture {
    let pixels = height * width;
    let top = scores.residual_maps[..images * pixels].iter().fold(f32::MIN_POSITIVE, |top, value| top.max(*value));
    let mut sheet = Picture::grey(3 * width + 2 * GAP, images * (height + GAP) - GAP);
    for image in 0..images {
        let place = image * pixels;
        for pixel in 0..pixels {
            let (row, column) = (image * (height + GAP) + pixel / width, pixel % width);
            let first = (place + pixel + 1) * channels - shown;
            let colour = |values: &[f32]| latest(&values[first..first + shown]);
            sheet.set(row, column, colour(target));
            sheet.set(row, column + width + GAP, colour(&scores.reconstruction));
            sheet.set(row, column + 2 * (width + GAP), heat(scores.residual_maps[place + pixel] / top));
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

/// Black over red and yellow to white.
fn heat(position: f32) -> [u8; 3] {
    let part = |from: f32| ((position * 3.0 - from).clamp(0.0, 1.0) * 255.0).round() as u8;
    [part(0.0), part(1.0), part(2.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_shows_the_latest_frame_its_reconstruction_and_the_map() {
        let target = [-1.0, 1.0, 0.0, -1.0]; // two pixels, two frames each: the latest are 1 and −1
        let scores = Scores { reconstruction: vec![0.0, -1.0, 0.0, 1.0], residual_maps: vec![0.5, 2.0], ..Scores::default() };
        let sheet = sheet(&target, &scores, 1, (1, 2, 2), 1);
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
