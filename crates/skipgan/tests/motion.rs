//! Optical flow against OpenCV's, field against field. `testdata/motion/make.py` writes frames and fields.

use std::path::Path;

use skipgan::motion::{Dis, DisSettings, Flow, MeanSettings, MotionStream};

/// Shape and bytes of a `.npy` file of version 1, C order, with elements of `kind`. A few lines of our own, so that a
/// mistake of the library's reader cannot hide one of the flow.
fn array(name: &str, kind: &str) -> (Vec<usize>, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/motion").join(format!("{name}.npy"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..start]).unwrap();
    assert!(header.contains(kind) && header.contains("'fortran_order': False"), "{header}");
    let shape = header.split_once('(').unwrap().1.split_once(')').unwrap().0;
    (shape.split(',').filter_map(|side| side.trim().parse().ok()).collect(), bytes[start..].to_vec())
}

/// Planes of one size, one behind the other.
fn frames(name: &str) -> (Vec<Vec<u8>>, usize, usize) {
    let (shape, bytes) = array(name, "'|u1'");
    let [count, height, width] = shape[..] else { panic!("{shape:?}") };
    let frames: Vec<Vec<u8>> = bytes.chunks_exact(height * width).map(<[u8]>::to_vec).collect();
    assert_eq!(frames.len(), count);
    (frames, height, width)
}

fn field(name: &str) -> Flow {
    let (shape, bytes) = array(name, "'<f2'");
    let [2, height, width] = shape[..] else { panic!("{shape:?}") };
    let values: Vec<f32> = bytes.chunks_exact(2).map(|b| half(u16::from_le_bytes([b[0], b[1]]))).collect();
    let (across, down) = values.split_at(height * width);
    Flow { width, height, across: across.to_vec(), down: down.to_vec() }
}

/// A 16-bit number; the fixtures hold neither infinities nor NaN.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    let size = if exponent == 0 { fraction * 2f32.powi(-24) } else { (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15) };
    if bits >> 15 == 0 { size } else { -size }
}

/// End-point differences: median, 99 %, largest.
fn differences(found: &Flow, expected: &Flow) -> [f32; 3] {
    assert_eq!((found.width, found.height), (expected.width, expected.height));
    let pairs = found.across.iter().zip(&expected.across).zip(found.down.iter().zip(&expected.down));
    let mut all: Vec<f32> = pairs.map(|((a, b), (c, d))| (a - b).hypot(c - d)).collect();
    all.sort_by(f32::total_cmp);
    [all[all.len() / 2], all[all.len() * 99 / 100], all[all.len() - 1]]
}

/// Ten times closer than 0.02 pixels in the median and 0.15 for 99 % of the pixels, which detection would not notice:
/// both sides compute the same, so what is left is rounding (of the stored fields, mostly).
#[track_caller]
fn close(name: &str, found: &Flow, expected: &Flow) {
    let [median, most, largest] = differences(found, expected);
    println!("{name}: median {median:.4}, 99 % {most:.4}, largest {largest:.4} pixels");
    assert!(median <= 0.002 && most <= 0.01, "{name}: median {median}, 99 % {most} pixels from OpenCV's");
}

#[test]
fn fields_are_opencvs() {
    for name in ["shift", "turn", "walkers", "crowd", "odd"] {
        let (frames, height, width) = frames(&format!("{name}-frames"));
        let expected = field(&format!("{name}-flow"));
        let mut found = Flow::still(width, height);
        Dis::new(width, height, DisSettings::default()).flow(&frames[0], &frames[1], &mut found);
        close(name, &found, &expected);
    }
}

#[test]
fn the_mean_is_opencvs() {
    let (frames, height, width) = frames("clip-frames");
    let mut stream = MotionStream::new(width, height, DisSettings::default(), MeanSettings::default());
    let mut last = None;
    for frame in &frames {
        last = stream.push(frame).cloned();
    }
    close("mean", &last.expect("motion at the last frame"), &field("clip-mean"));
}

/// The picture moves by (0.6, −0.35) in `make.py`: not only as OpenCV says, but truly.
#[test]
fn a_known_shift_is_found() {
    let (frames, height, width) = frames("shift-frames");
    let mut found = Flow::still(width, height);
    Dis::new(width, height, DisSettings::default()).flow(&frames[0], &frames[1], &mut found);
    let mean = |plane: &[f32]| plane.iter().sum::<f32>() / plane.len() as f32;
    let (across, down) = (mean(&found.across), mean(&found.down));
    assert!((across - 0.6).abs() < 0.03 && (down + 0.35).abs() < 0.03, "{across} {down}");
}
