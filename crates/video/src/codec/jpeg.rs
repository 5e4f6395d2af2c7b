//! JPEG: single pictures and the frames of MJPEG, through `libjpeg-turbo-rs`.
//!
//! Planes stay as they are coded: Y, Cb, Cr at full range (or grey, or R, G, B), each at its own
//! size, so that 4:2:0 chroma has half the columns and rows of luma. Nothing is enlarged or
//! converted on the way; [`crate::resize`] does that once. Sequential and progressive pictures,
//! with or without Huffman tables of their own (cameras leave out the standard ones), are read;
//! lossless ones, those of more than 8 bits and those of four inks (CMYK) are not.
//!
//! The inverse transform is libjpeg's exact integer one, the same on every machine; ffmpeg's is
//! within one level of it.

use libjpeg_turbo_rs::{ColorSpace, DecodeLimits, DecodeWarning, Decoder, JpegError};

use crate::codec::{Lost, guarded};
use crate::frame::{Matrix, Plane};
use crate::limits::Limits;
use crate::source::Planes;

/// Most scans of one picture. Progressive encoders write about ten; each one costs a pass over
/// the whole picture, so a small file of thousands would take minutes.
const MAX_SCANS: usize = 128;

/// What ends a picture.
const END_OF_IMAGE: [u8; 2] = [0xFF, 0xD9];

/// Stray bytes between segments that are let pass: no segment fits in fewer than four, so three
/// are a camera's padding; more may be a table whose marker was hit.
const PADDING: usize = 3;

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
/// What is wrong with the data, or which kind of JPEG is not read here.
pub(crate) fn decode(data: &[u8], planes: Planes, limits: &Limits) -> Result<Jpeg, Lost> {
    guarded(|| decode_unguarded(data, planes, limits)).map_err(Lost::Broken)?
}

fn decode_unguarded(data: &[u8], planes: Planes, limits: &Limits) -> Result<Jpeg, Lost> {
    let ended;
    let (decoder, cut) = match open(data) {
        // The scans of a progressive picture are looked for up to the end marker. Where the data
        // stop before it, what is there is still a picture.
        Err(error @ JpegError::UnexpectedEof) => {
            ended = [data, &END_OF_IMAGE].concat();
            let reason = one_line(&error.to_string());
            (open(&ended).map_err(|_| lost(&error))?, Some(reason))
        }
        decoder => (decoder.map_err(|e| lost(&e))?, None),
    };
    let frame = decoder.header();
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    let allowed = (1..=limits.max_width).contains(&width) && (1..=limits.max_height).contains(&height);
    if !allowed || u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(Lost::Broken(format!("a picture of {width}×{height} is not accepted")));
    }
    match frame.components.len() {
        _ if frame.is_lossless => return Err(Lost::Unsupported("lossless".into())),
        1 | 3 => {}
        count => return Err(Lost::Unsupported(format!("{count} colour components"))),
    }
    let mut jpeg = components(decoder, planes)?;
    jpeg.objection = cut.or(jpeg.objection);
    Ok(jpeg)
}

/// Reads the headers; nothing is reserved for samples yet.
fn open(data: &[u8]) -> Result<Decoder<'_>, JpegError> {
    let bounds = DecodeLimits { max_scans: MAX_SCANS, ..DecodeLimits::default() };
    // Lenient: what cannot be decoded is grey, and the warnings say so.
    Ok(Decoder::new_with_limits(data, bounds)?.with_lenient(true))
}

/// Grey, Y Cb Cr or R G B: the planes as they are coded.
fn components(decoder: Decoder<'_>, planes: Planes) -> Result<Jpeg, Lost> {
    let colours = decoder.jpeg_color_space();
    let (raw, warnings) = decoder.decode_raw_with_warnings().map_err(|e| lost(&e))?;
    let columns = sizes(raw.width, &raw.plane_widths);
    let rows = sizes(raw.height, &raw.plane_heights);
    let cropped: Option<Vec<Plane>> = raw
        .planes
        .iter()
        .zip(&raw.plane_widths)
        .zip(columns.zip(rows))
        .map(|((samples, &stride), size)| crop(samples, stride, size))
        .collect();
    let mut coded = cropped.ok_or_else(|| Lost::Broken("the decoder gave too few samples".into()))?.into_iter();
    let [first, second, third] = std::array::from_fn(|_| coded.next().unwrap_or_default());
    let (planes, matrix) = match (colours, planes) {
        (ColorSpace::Rgb, _) => ([second, third, first], Matrix::Identity),
        (_, Planes::Luma) => ([first, Plane::default(), Plane::default()], Matrix::Bt601),
        (_, Planes::All) => ([first, second, third], Matrix::Bt601),
    };
    let [y, ..] = &planes;
    if [y.width, y.height].map(usize::try_from) != [Ok(raw.width), Ok(raw.height)] {
        return Err(Lost::Unsupported("luma smaller than the picture".into()));
    }
    Ok(Jpeg { planes, matrix, objection: objection(&warnings) })
}

/// The visible length of each component along one axis (T.81 A.1.1): the picture's, reduced as the
/// component's whole blocks are against the longest.
fn sizes(picture: usize, blocks: &[usize]) -> impl Iterator<Item = usize> {
    let longest = blocks.iter().copied().max().unwrap_or_default().max(1);
    blocks.iter().map(move |&own| (picture * own).div_ceil(longest))
}

/// The visible part of a plane of whole blocks.
fn crop(samples: &[u8], stride: usize, (columns, rows): (usize, usize)) -> Option<Plane> {
    let mut data = Vec::with_capacity(columns.checked_mul(rows)?);
    for row in samples.chunks_exact(stride.max(1)).take(rows) {
        data.extend_from_slice(row.get(..columns)?);
    }
    Plane::new(data, u32::try_from(columns).ok()?, u32::try_from(rows).ok()?)
}

/// The first warning that means a hole in the picture.
fn objection(warnings: &[DecodeWarning]) -> Option<String> {
    let padding = |warning: &&DecodeWarning| matches!(warning, DecodeWarning::ExtraneousData { bytes } if *bytes <= PADDING);
    warnings.iter().find(|warning| !padding(warning)).map(|warning| one_line(&warning.to_string()))
}

fn lost(error: &JpegError) -> Lost {
    match error {
        JpegError::Unsupported(what) => Lost::Unsupported(one_line(what)),
        _ => Lost::Broken(one_line(&error.to_string())),
    }
}

fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or("broken JPEG").to_string()
}

#[cfg(test)]
mod tests {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    use super::*;

    const SIZE: (u16, u16) = (71, 47);

    /// A picture of smooth colours, coded as `change` says.
    fn coded(colours: ColorType, change: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
        let parts = match colours {
            ColorType::Luma => 1,
            ColorType::Cmyk => 4,
            _ => 3,
        };
        let samples: Vec<u8> = (0..usize::from(SIZE.0) * usize::from(SIZE.1))
            .flat_map(|at| (0..parts).map(move |part| (at % 71, at / 71, part)))
            .map(|(x, y, part)| u8::try_from(40 + x * (1 + part % 3) / 2 + y * (3 - part % 3) / 2).unwrap())
            .collect();
        let mut data = Vec::new();
        let mut encoder = Encoder::new(&mut data, 92);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        change(&mut encoder);
        encoder.encode(&samples, SIZE.0, SIZE.1, colours).unwrap();
        data
    }

    /// Sequential, with restarts, progressive, grey.
    fn kinds() -> Vec<Vec<u8>> {
        vec![
            coded(ColorType::Rgb, |_| {}),
            coded(ColorType::Rgb, |encoder| encoder.set_restart_interval(2)),
            coded(ColorType::Rgb, |encoder| encoder.set_progressive(true)),
            coded(ColorType::Luma, |_| {}),
        ]
    }

    fn read(data: &[u8]) -> Result<Jpeg, Lost> {
        decode(data, Planes::All, &Limits::default())
    }

    /// The planes of a sound picture.
    fn sound(data: &[u8]) -> [Plane; 3] {
        let jpeg = read(data).unwrap();
        assert_eq!(jpeg.objection, None);
        jpeg.planes
    }

    /// Where the segment of `marker` begins and ends.
    fn segment(data: &[u8], marker: u8) -> Option<std::ops::Range<usize>> {
        let start = data.windows(2).position(|bytes| bytes == [0xFF, marker])?;
        Some(start..start + 2 + usize::from(u16::from_be_bytes([data[start + 2], data[start + 3]])))
    }

    #[test]
    fn chroma_keeps_its_own_size() {
        for (factor, size) in [
            (SamplingFactor::F_1_1, (71, 47)),
            (SamplingFactor::F_2_1, (36, 47)),
            (SamplingFactor::F_1_2, (71, 24)),
            (SamplingFactor::F_2_2, (36, 24)),
            (SamplingFactor::F_4_1, (18, 47)),
        ] {
            let [y, u, v] = sound(&coded(ColorType::Rgb, |encoder| encoder.set_sampling_factor(factor)));
            assert_eq!([(y.width, y.height), (u.width, u.height), (v.width, v.height)], [(71, 47), size, size], "{factor:?}");
        }
    }

    #[test]
    fn the_sampling_factors_of_a_grey_picture_mean_nothing() {
        let mut grey = coded(ColorType::Luma, |_| {});
        let wanted = sound(&grey);
        let frame = segment(&grey, 0xC0).unwrap().start;
        assert_eq!(std::mem::replace(&mut grey[frame + 11], 0x22), 0x11);
        assert_eq!(sound(&grey), wanted);
    }

    #[test]
    fn cameras_leave_out_the_standard_huffman_tables() {
        let mut data = coded(ColorType::Rgb, |_| {});
        let wanted = sound(&data);
        while let Some(table) = segment(&data, 0xC4) {
            data.drain(table);
        }
        assert_eq!(sound(&data), wanted);
    }

    #[test]
    fn what_follows_the_picture_is_not_read() {
        for data in kinds() {
            let wanted = sound(&data);
            assert_eq!(sound(&data.repeat(2)), wanted);
            assert_eq!(sound(&[&data[..], &[0; 100]].concat()), wanted);
        }
    }

    #[test]
    fn red_green_blue_stays_that() {
        let mut data = coded(ColorType::Rgb, |encoder| encoder.set_sampling_factor(SamplingFactor::F_1_1));
        let [y, u, v] = sound(&data);
        // The same samples, said by Adobe's segment to be R, G, B.
        let adobe = b"\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00\x00";
        data.splice(segment(&data, 0xE0).unwrap(), *adobe);
        let jpeg = read(&data).unwrap();
        assert_eq!((jpeg.planes, jpeg.matrix), ([u, v, y], Matrix::Identity));
    }

    #[test]
    fn four_inks_are_left_to_others() {
        let data = coded(ColorType::Cmyk, |_| {});
        assert_eq!(read(&data).unwrap_err(), Lost::Unsupported("4 colour components".into()));
    }

    #[test]
    fn a_picture_cut_off_anywhere_is_said() {
        for data in kinds() {
            let [y, ..] = sound(&data);
            for length in 0..data.len() - 2 {
                let Ok(jpeg) = read(&data[..length]) else { continue };
                assert_eq!((jpeg.planes[0].width, jpeg.planes[0].height), (y.width, y.height));
                // The last byte may hold nothing but filling bits.
                assert!(jpeg.objection.is_some() || length + 3 >= data.len(), "{length} of {}", data.len());
            }
            // Half of it is a picture yet.
            assert!(read(&data[..data.len() * 3 / 4]).unwrap().objection.is_some());
        }
    }

    #[test]
    fn flipped_bits_give_a_picture_or_a_phrase() {
        let limits = Limits { max_pixels: 1 << 20, ..Limits::default() };
        let mut state = 1u32;
        let mut dice = |bound: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            usize::try_from(state >> 8).unwrap() % bound
        };
        let mut read_anyway = 0;
        for data in kinds() {
            for round in 0..400 {
                let mut harmed = data.clone();
                for _ in 0..=round % 5 {
                    let at = dice(if round % 2 == 0 { data.len() } else { 700.min(data.len()) });
                    harmed[at] ^= 1 << dice(8);
                }
                match decode(&harmed, Planes::All, &limits) {
                    Ok(jpeg) => {
                        let [y, u, v] = &jpeg.planes;
                        assert!(!y.is_empty() && u.is_empty() == v.is_empty());
                        read_anyway += 1;
                    }
                    Err(lost) => assert!(!lost.reason().is_empty() && lost.reason() != "fault in the decoder", "{lost:?}"),
                }
            }
        }
        assert!(read_anyway > 500, "{read_anyway}");
    }

    #[test]
    fn a_lost_table_is_said_and_padding_is_not() {
        let data = coded(ColorType::Rgb, |_| {});
        let mut padded = data.clone();
        padded.splice(2..2, [0; PADDING]);
        assert_eq!(sound(&padded), sound(&data));
        let mut harmed = data.clone();
        harmed[segment(&data, 0xC4).unwrap().start] = 0;
        assert!(read(&harmed).unwrap().objection.unwrap().contains("extraneous"));
    }

    #[test]
    fn sizes_and_scans_beyond_a_bound_are_refused_before_they_cost() {
        let mut huge = coded(ColorType::Rgb, |encoder| encoder.set_progressive(true));
        let last_scan = huge.windows(2).rposition(|bytes| bytes == [0xFF, 0xDA]).unwrap();
        let scan = huge[last_scan..huge.len() - 2].repeat(2 * MAX_SCANS);
        let mut scans = huge.clone();
        scans.splice(last_scan..last_scan, scan);
        assert!(read(&scans).unwrap_err().reason().contains("scan"));
        let frame = segment(&huge, 0xC2).unwrap().start;
        huge[frame + 5..frame + 9].fill(0xFF);
        assert_eq!(read(&huge).unwrap_err().reason(), "a picture of 65535×65535 is not accepted");
    }
}
