//! JPEG: single pictures and the frames of MJPEG, through `zune-jpeg`.
//!
//! Planes stay Y, Cb, Cr at full range (or grey); nothing is converted to RGB on the way. Chroma
//! comes out at luma size: the decoder's half-pixel triangle filter enlarges it, the same that
//! [`crate::resize`] would use.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::frame::{Matrix, Plane};
use crate::limits::Limits;
use crate::source::Planes;

/// A decoded JPEG.
#[derive(Debug)]
pub(crate) struct Jpeg {
    /// y, u, v (u, v empty for grey), or G, B, R with the identity matrix.
    pub(crate) planes: [Plane; 3],
    pub(crate) matrix: Matrix,
    /// What a strict reading of the data objected to; the decoder filled the hole.
    pub(crate) objection: Option<String>,
}

/// Decodes one JPEG.
///
/// # Errors
/// A phrase saying what is wrong with the data.
pub(crate) fn decode(data: &[u8], planes: Planes, limits: &Limits) -> Result<Jpeg, String> {
    match decode_with(data, planes, limits, Strictness::Strict) {
        Ok(jpeg) => Ok(jpeg),
        Err(objection) => {
            let mut jpeg = decode_with(data, planes, limits, Strictness::Lenient)?;
            jpeg.objection = Some(objection);
            Ok(jpeg)
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Strictness {
    Strict,
    Lenient,
}

fn decode_with(data: &[u8], planes: Planes, limits: &Limits, strictness: Strictness) -> Result<Jpeg, String> {
    let options = DecoderOptions::default()
        .set_max_width(usize::try_from(limits.max_width).unwrap_or(usize::MAX))
        .set_max_height(usize::try_from(limits.max_height).unwrap_or(usize::MAX))
        .set_strict_mode(strictness == Strictness::Strict);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(data), options);
    decoder.decode_headers().map_err(|e| phrase(&e))?;
    let info = decoder.info().ok_or("no picture header")?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    if width == 0 || height == 0 || u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(format!("a picture of {width}×{height} is not accepted"));
    }
    let input = decoder.input_colorspace().unwrap_or(ColorSpace::YCbCr);
    let output = match (input, planes) {
        (ColorSpace::Luma, _) | (ColorSpace::YCbCr, Planes::Luma) => ColorSpace::Luma,
        (ColorSpace::YCbCr, Planes::All) => ColorSpace::YCbCr,
        _ => ColorSpace::RGB,
    };
    decoder.set_options(options.jpeg_set_out_colorspace(output));
    let samples = decoder.decode().map_err(|e| phrase(&e))?;
    let pixels = u64::from(width) * u64::from(height);
    let pixels = usize::try_from(pixels).map_err(|_| "the picture is too large")?;
    let plane = |offset: usize| {
        let data: Vec<u8> = samples.iter().skip(offset).step_by(3).copied().collect();
        Plane::new(data, width, height).ok_or("the decoder gave too few samples")
    };
    let (planes, matrix) = match output {
        ColorSpace::Luma => {
            let mut samples = samples;
            samples.truncate(pixels);
            let y = Plane::new(samples, width, height).ok_or("the decoder gave too few samples")?;
            ([y, Plane::default(), Plane::default()], Matrix::Bt601)
        }
        ColorSpace::YCbCr => ([plane(0)?, plane(1)?, plane(2)?], Matrix::Bt601),
        _ => ([plane(1)?, plane(2)?, plane(0)?], Matrix::Identity),
    };
    Ok(Jpeg { planes, matrix, objection: None })
}

fn phrase(error: &zune_jpeg::errors::DecodeErrors) -> String {
    let text = format!("{error:?}");
    text.lines().next().unwrap_or("broken JPEG").to_string()
}
