//! Y4M out: uncompressed, grey or 4:4:4, limited range (what every reader assumes).

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Pixels, VideoWriter, WriteError, WriteOptions};

/// Writes Y4M. The first picture decides between grey (`Cmono`) and colour (`C444`); a grey
/// picture in a coloured file has grey chroma, a coloured one in a grey file keeps its luma.
pub struct Y4mWriter<W: Write + Send> {
    path: PathBuf,
    out: W,
    options: WriteOptions,
    colour: Option<Colour>,
    planes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colour {
    Grey,
    Full,
}

impl<W: Write + Send> Y4mWriter<W> {
    /// A writer into `out`; `path` is for messages.
    ///
    /// # Errors
    /// [`WriteError::Size`] where a side is 0.
    pub fn new(path: &Path, out: W, options: &WriteOptions) -> Result<Self, WriteError> {
        if options.width == 0 || options.height == 0 {
            return Err(WriteError::Size {
                path: path.to_path_buf(),
                format: "Y4M",
                limit: u32::MAX,
                width: options.width,
                height: options.height,
            });
        }
        Ok(Self { path: path.to_path_buf(), out, options: options.clone(), colour: None, planes: Vec::new() })
    }

    fn header(&mut self, colour: Colour) -> std::io::Result<()> {
        let o = &self.options;
        let name = match colour {
            Colour::Grey => "mono",
            Colour::Full => "444",
        };
        let (rate, scale) = (o.frame_time.denominator, o.frame_time.numerator);
        writeln!(self.out, "YUV4MPEG2 W{} H{} F{rate}:{scale} Ip A1:1 C{name}", o.width, o.height)
    }

    fn put(&mut self, pixels: Pixels<'_>) -> std::io::Result<()> {
        let colour = match (self.colour, pixels) {
            (Some(colour), _) => colour,
            (None, Pixels::Grey(_)) => Colour::Grey,
            (None, Pixels::Rgb(_)) => Colour::Full,
        };
        if self.colour.replace(colour).is_none() {
            self.header(colour)?;
        }
        self.planes.clear();
        let luma = |value: [u8; 3]| limited_ycbcr(value)[0];
        match pixels {
            Pixels::Grey(data) => {
                self.planes.extend(data.iter().map(|&v| luma([v; 3])));
                if colour == Colour::Full {
                    self.planes.resize(data.len() * 3, 128);
                }
            }
            Pixels::Rgb(data) => {
                let channels = if colour == Colour::Full { 3 } else { 1 };
                for channel in 0..channels {
                    let (triples, _) = data.as_chunks::<3>();
                    let values = triples.iter().map(|&rgb| limited_ycbcr(rgb).into_iter().nth(channel).unwrap_or(0));
                    self.planes.extend(values);
                }
            }
        }
        self.out.write_all(b"FRAME\n")?;
        self.out.write_all(&self.planes)
    }
}

/// BT.601 limited-range Y, Cb, Cr of full-range R, G, B, rounded to nearest.
fn limited_ycbcr([r, g, b]: [u8; 3]) -> [u8; 3] {
    let (r, g, b) = (f32::from(r), f32::from(g), f32::from(b));
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    let scaled = |value: f32, scale: f32, offset: f32| (value * scale + offset + 0.5) as u8;
    [scaled(y, 219.0 / 255.0, 16.0), scaled((b - y) / 1.772, 224.0 / 255.0, 128.0), scaled((r - y) / 1.402, 224.0 / 255.0, 128.0)]
}

impl<W: Write + Send> VideoWriter for Y4mWriter<W> {
    fn write(&mut self, pixels: Pixels<'_>) -> Result<(), WriteError> {
        self.options.check(&self.path, &pixels)?;
        self.put(pixels).map_err(|e| WriteError::io(&self.path, "writing", e))
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        let header = match self.colour {
            None => self.header(Colour::Grey),
            Some(_) => Ok(()),
        };
        header.and_then(|()| self.out.flush()).map_err(|e| WriteError::io(&self.path, "writing", e))
    }
}
