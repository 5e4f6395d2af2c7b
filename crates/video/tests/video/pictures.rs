//! Folders of pictures, single pictures, masks.

use std::path::Path;

use crate::support::{folder, pattern, read};
use video::{Backend, Limits, Matrix, OpenOptions, Planes, SourceError, read_mask, read_picture};

fn png(path: &Path, width: u32, height: u32, time: u32) {
    image::GrayImage::from_raw(width, height, pattern(width, height, time)).unwrap().save(path).unwrap();
}

#[test]
fn a_folder_is_one_clip_in_numeric_order() {
    let folder = folder();
    for time in [10, 9, 1, 2] {
        png(&folder.path().join(format!("f{time}.png")), 12, 9, time);
    }
    for stray in ["._f1.png", ".DS_Store", "notes.txt", "Thumbs.db"] {
        std::fs::write(folder.path().join(stray), b"not a picture").unwrap();
    }
    let options = OpenOptions { fps: Some(10.0), ..OpenOptions::default() };
    let source = video::open(folder.path(), &options).unwrap();
    assert_eq!((source.info().declared_frames, source.info().backend), (Some(4), Backend::Pictures));
    let frames = read(folder.path(), &options).unwrap();
    let wanted: Vec<Vec<u8>> = [1, 2, 9, 10].map(|time| pattern(12, 9, time)).into();
    assert_eq!(frames.iter().map(|f| f.y.data.clone()).collect::<Vec<_>>(), wanted);
    assert_eq!(frames.last().unwrap().time_s(), Some(0.3));
    let unknown = read(folder.path(), &OpenOptions::default()).unwrap();
    assert_eq!(unknown.last().unwrap().time_s(), None);
}

#[test]
fn mixed_sizes_name_both_files() {
    let folder = folder();
    png(&folder.path().join("1.png"), 12, 9, 0);
    png(&folder.path().join("2.png"), 12, 9, 0);
    png(&folder.path().join("3.png"), 14, 9, 0);
    let error = read(folder.path(), &OpenOptions::default()).unwrap_err().to_string();
    for part in ["1.png", "12×9", "3.png", "14×9"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_broken_picture_repeats_the_last_good_one() {
    let folder = folder();
    for time in 0..4 {
        png(&folder.path().join(format!("{time}.png")), 12, 9, time);
    }
    std::fs::write(folder.path().join("2.png"), b"\x89PNG\r\n\x1A\nbroken").unwrap();
    let mut source = video::open(folder.path(), &OpenOptions::default()).unwrap();
    let frames = crate::support::drain(source.as_mut()).unwrap();
    assert_eq!(frames.len(), 4);
    assert_eq!(frames[2].damage, video::Damage::Repeated);
    assert_eq!(frames[2].y, frames[1].y);
    assert_eq!(source.damage_log().events[0].frame, 2);
    assert!(source.damage_log().events[0].reason.contains("2.png"));
}

#[test]
fn colours_of_pictures_come_back_exactly() {
    let folder = folder();
    let path = folder.path().join("a.png");
    image::RgbImage::from_fn(5, 3, |x, y| image::Rgb([u8::try_from(x * 50).unwrap(), 7, u8::try_from(y * 100).unwrap()]))
        .save(&path)
        .unwrap();
    let frame = read_picture(&path, Planes::All, &Limits::default()).unwrap();
    assert_eq!(frame.matrix, Matrix::Identity);
    assert_eq!((frame.v.data[1], frame.y.data[1], frame.u.data[1]), (50, 7, 0));
}

/// Half the columns and rows of chroma, put back in place by the resizer.
#[test]
fn chroma_of_a_jpeg_is_enlarged_where_all_chroma_is() {
    let folder = folder();
    let path = folder.path().join("a.jpg");
    let (width, height) = (64u32, 48u32);
    let colour = |x: u32, y: u32| [30 + x * 3, 200 - x - y, 40 + y * 4].map(|v| u8::try_from(v).unwrap());
    let colours: Vec<[u8; 3]> = (0..height).flat_map(|y| (0..width).map(move |x| colour(x, y))).collect();
    let mut encoder = jpeg_encoder::Encoder::new_file(&path, 98).unwrap();
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.encode(colours.as_flattened(), 64, 48, jpeg_encoder::ColorType::Rgb).unwrap();
    let frame = read_picture(&path, Planes::All, &Limits::default()).unwrap();
    assert_eq!((frame.matrix, frame.u.width, frame.v.height), (Matrix::Bt601, 32, 24));
    let target = video::Target { width, height, channels: video::Channels::Rgb, filter: video::Filter::Area, fit: video::Fit::Stretch };
    let planes = video::Resizer::new(target).unwrap().resize(&frame).unwrap();
    for (part, plane) in planes.chunks_exact(colours.len()).enumerate() {
        let wanted: Vec<u8> = colours.iter().map(|colour| colour[part]).collect();
        let error = crate::support::distance(plane, &wanted);
        assert!(error <= 8, "part {part}: {error}");
    }
}

#[test]
fn four_inks_become_red_green_blue() {
    let folder = folder();
    let path = folder.path().join("inks.jpg");
    // Inks are stored inverted: what is left of each, 200 of 255, times what is left of black.
    let encoder = jpeg_encoder::Encoder::new_file(&path, 95).unwrap();
    encoder.encode(&[55; 17 * 9 * 4], 17, 9, jpeg_encoder::ColorType::Cmyk).unwrap();
    let frame = read_picture(&path, Planes::All, &Limits::default()).unwrap();
    assert_eq!((frame.matrix, frame.width, frame.height), (Matrix::Identity, 17, 9));
    for plane in [&frame.y, &frame.u, &frame.v] {
        assert!(plane.data.len() == 17 * 9 && plane.data.iter().all(|v| v.abs_diff(157) <= 2), "{plane:?}");
    }
}

#[test]
fn every_format_is_read() {
    let folder = folder();
    let wanted = pattern(40, 24, 3);
    for name in ["a.png", "a.tif", "a.bmp", "a.gif", "a.jpg"] {
        let path = folder.path().join(name);
        let grey = image::GrayImage::from_raw(40, 24, wanted.clone()).unwrap();
        match name {
            "a.gif" => image::DynamicImage::ImageLuma8(grey).to_rgba8().save(&path).unwrap(),
            _ => grey.save(&path).unwrap(),
        }
        let mask = read_mask(&path, &Limits::default()).unwrap();
        let error = crate::support::distance(&mask.data, &wanted);
        assert!(error <= if name == "a.jpg" { 40 } else { 2 }, "{name}: {error}");
        let frames = read(&path, &OpenOptions::default()).unwrap();
        assert_eq!((frames.len(), frames[0].width, frames[0].height), (1, 40, 24), "{name}");
    }
}

/// An 8-bit BMP of 4×2 with a black and white palette: run-length coded or plain.
fn bmp(run_length: bool) -> Vec<u8> {
    // Bottom row: 0 0 1 1; top row: 1 0 0 0. In RLE8: runs, end of line, end of picture.
    let pixels: &[u8] = if run_length { &[2, 0, 2, 1, 0, 0, 1, 1, 3, 0, 0, 1] } else { &[0, 0, 1, 1, 1, 0, 0, 0] };
    let offset = 14 + 40 + 8;
    let size = u32::try_from(pixels.len()).unwrap();
    let mut out = b"BM".to_vec();
    for word in [offset + size, 0, offset, 40, 4, 2, 1 | (8 << 16), u32::from(run_length), size, 0, 0, 2, 2] {
        out.extend(word.to_le_bytes());
    }
    out.extend([0, 0, 0, 0, 255, 255, 255, 0]);
    out.extend(pixels);
    out
}

#[test]
fn masks_of_both_bmp_kinds_are_read() {
    let folder = folder();
    for run_length in [false, true] {
        let path = folder.path().join("mask.bmp");
        std::fs::write(&path, bmp(run_length)).unwrap();
        let mask = read_mask(&path, &Limits::default()).unwrap();
        assert_eq!(mask.data, [255, 0, 0, 0, 0, 0, 255, 255], "run length: {run_length}");
    }
}

#[test]
fn each_wrong_input_has_its_own_sentence() {
    let folder = folder();
    let options = OpenOptions::default();
    let error = |name: &str, content: Option<&[u8]>| {
        let path = folder.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let error = read(&path, &options).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(name) && !text.contains('\n'), "{text}");
        error
    };
    assert!(matches!(error("missing.mp4", None), SourceError::NotFound { .. }));
    assert!(matches!(error("empty.mp4", Some(b"")), SourceError::Empty { .. }));
    assert!(matches!(error("text.mp4", Some(b"this is a text, not a video")), SourceError::UnknownContainer { .. }));
    assert!(matches!(error("short.png", Some(b"\x89PNG\r\n\x1A\n")), SourceError::Damaged { .. }));
    assert!(matches!(error("header.y4m", Some(b"YUV4MPEG2 W8 H8 F25:1\n")), SourceError::NoFrames { .. }));
    assert!(matches!(error("huge.y4m", Some(b"YUV4MPEG2 W99999 H8 F25:1\n")), SourceError::Limit { .. }));
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    assert!(matches!(error("sub", None), SourceError::NoPictures { .. }));
}
