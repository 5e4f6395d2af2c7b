//! A small RGB picture for people: shrunk, drawn on, written as PNG. Not what a network reads (that is `data`), and no decoder.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An 8-bit RGB picture.
///
/// # Shapes
/// `rgb` is `[height, width, 3]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Rows; above 0.
    pub height: usize,
    /// Columns; above 0.
    pub width: usize,
    /// Row after row, R, G, B.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Wraps `rgb`.
    ///
    /// # Panics
    /// If a side is 0 or `rgb` is not `height · width · 3` long.
    pub fn new(height: usize, width: usize, rgb: Vec<u8>) -> Self {
        assert!(height > 0 && width > 0 && rgb.len() == height * width * 3, "a picture of {height} × {width}");
        Self { height, width, rgb }
    }

    /// One colour everywhere.
    ///
    /// # Panics
    /// If a side is 0.
    pub fn filled(height: usize, width: usize, colour: [u8; 3]) -> Self {
        Self::new(height, width, colour.repeat(height * width))
    }

    /// From grey levels, row after row.
    ///
    /// # Panics
    /// If `grey` is not `height · width` long or a side is 0.
    pub fn from_grey(height: usize, width: usize, grey: &[u8]) -> Self {
        Self::new(height, width, grey.iter().flat_map(|&v| [v, v, v]).collect())
    }

    /// From the values a network gives: −1 black, 1 white, clamped; NaN is black.
    ///
    /// # Shapes
    /// `values` is channels-last `[height, width, channels]`; `channels` 3 is R, G, B, any other number shows the last channel as grey.
    ///
    /// # Panics
    /// If `values` has another length, or a side or `channels` is 0.
    pub fn from_signed(height: usize, width: usize, channels: usize, values: &[f32]) -> Self {
        assert!(channels > 0 && values.len() == height * width * channels, "{height} × {width} × {channels} values");
        let level = |value: f32| ((value.clamp(-1.0, 1.0) + 1.0) * 127.5).round() as u8;
        let pixel = |v: &[f32]| if channels == 3 { [v[0], v[1], v[2]].map(level) } else { [level(v[channels - 1]); 3] };
        Self::new(height, width, values.chunks_exact(channels).flat_map(pixel).collect())
    }

    /// Colour at (`x`, `y`).
    ///
    /// # Panics
    /// Outside the picture.
    pub fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let start = (y * self.width + x) * 3;
        [self.rgb[start], self.rgb[start + 1], self.rgb[start + 2]]
    }

    /// Sets one pixel; outside the picture nothing happens.
    pub fn set(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        if x < self.width && y < self.height {
            let start = (y * self.width + x) * 3;
            self.rgb[start..start + 3].copy_from_slice(&colour);
        }
    }

    /// At most `largest` columns and rows, aspect kept, each pixel the mean of those it replaces; never larger than it was.
    ///
    /// # Panics
    /// If `largest` is 0.
    pub fn shrunk(&self, largest: usize) -> Picture {
        let side = self.width.max(self.height);
        if side <= largest {
            return self.clone();
        }
        let scaled = |length: usize| ((length * largest + side / 2) / side).max(1);
        self.resized(scaled(self.height), scaled(self.width))
    }

    /// Enlarged by repeating each pixel `times` × `times`.
    ///
    /// # Panics
    /// If `times` is 0.
    pub fn enlarged(&self, times: usize) -> Picture {
        assert!(times > 0, "enlarged 0 times");
        let mut rgb = Vec::with_capacity(self.rgb.len() * times * times);
        for line in self.rgb.chunks_exact(self.width * 3) {
            let wide: Vec<u8> = line.chunks_exact(3).flat_map(|pixel| pixel.repeat(times)).collect();
            (0..times).for_each(|_| rgb.extend_from_slice(&wide));
        }
        Picture::new(self.height * times, self.width * times, rgb)
    }

    /// Area mean over whole source pixels; for shrinking.
    fn resized(&self, height: usize, width: usize) -> Picture {
        let span = |at: usize, to: usize, from: usize| (at * from / to, ((at + 1) * from).div_ceil(to));
        let mut rgb = Vec::with_capacity(height * width * 3);
        for y in 0..height {
            let (top, bottom) = span(y, height, self.height);
            for x in 0..width {
                let (left, right) = span(x, width, self.width);
                let mut sum = [0u32; 3];
                for row in top..bottom {
                    for pixel in self.rgb[(row * self.width + left) * 3..(row * self.width + right) * 3].chunks_exact(3) {
                        sum.iter_mut().zip(pixel).for_each(|(sum, &v)| *sum += u32::from(v));
                    }
                }
                let count = ((bottom - top) * (right - left)) as u32;
                rgb.extend(sum.map(|sum| ((sum + count / 2) / count) as u8));
            }
        }
        Picture::new(height, width, rgb)
    }

    /// The picture as PNG; one plane where R = G = B everywhere.
    pub fn png(&self) -> Vec<u8> {
        let grey = self.rgb.chunks_exact(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_color(if grey { png::ColorType::Grayscale } else { png::ColorType::Rgb });
        encoder.set_compression(png::Compression::High);
        let samples = if grey { self.rgb.iter().step_by(3).copied().collect() } else { self.rgb.clone() };
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&samples));
        // Memory is the only sink and the sizes are those of the header, so there is nothing left that could fail.
        written.expect("a PNG in memory");
        bytes
    }

    /// The PNG as a `data:` address for HTML.
    pub fn data_uri(&self) -> String {
        format!("data:image/png;base64,{}", STANDARD.encode(self.png()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> (png::ColorType, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        pixels.truncate(info.buffer_size());
        (info.color_type, pixels)
    }

    #[test]
    fn png_holds_the_pixels_and_grey_takes_one_plane() {
        let colour = Picture::new(1, 2, vec![1, 2, 3, 250, 5, 6]);
        assert_eq!(decode(&colour.png()), (png::ColorType::Rgb, colour.rgb.clone()));
        let grey = Picture::from_grey(2, 1, &[7, 9]);
        assert_eq!(decode(&grey.png()), (png::ColorType::Grayscale, vec![7, 9]));
        assert!(grey.data_uri().starts_with("data:image/png;base64,iVBOR"));
    }

    #[test]
    fn shrinking_keeps_aspect_and_mean() {
        let picture = Picture::from_grey(2, 4, &[0, 10, 20, 30, 40, 50, 60, 70]);
        let small = picture.shrunk(2);
        assert_eq!((small.height, small.width), (1, 2));
        assert_eq!((small.at(0, 0), small.at(1, 0)), ([25; 3], [45; 3]));
        assert_eq!(picture.shrunk(4), picture);
        assert_eq!(Picture::from_grey(1, 300, &[9; 300]).shrunk(10).height, 1);
    }

    #[test]
    fn enlarging_repeats() {
        let large = Picture::new(1, 2, vec![1, 2, 3, 4, 5, 6]).enlarged(2);
        assert_eq!((large.height, large.width, large.at(1, 1), large.at(2, 0)), (2, 4, [1, 2, 3], [4, 5, 6]));
    }

    #[test]
    fn network_values_become_levels() {
        let picture = Picture::from_signed(1, 4, 1, &[-1.0, 0.0, 7.0, f32::NAN]);
        assert_eq!(picture.rgb.iter().step_by(3).copied().collect::<Vec<_>>(), [0, 128, 255, 0]);
        assert_eq!(Picture::from_signed(1, 1, 2, &[-1.0, 1.0]).rgb, [255; 3]);
        assert_eq!(Picture::from_signed(1, 1, 3, &[-1.0, 1.0, 1.0]).rgb, [0, 255, 255]);
    }
}
