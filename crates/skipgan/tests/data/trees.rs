//! Small data sets on disk, made for tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A sample of frame `frame` at `x`, `y`: smooth, and different in every frame.
fn sample(frame: usize, x: usize, y: usize) -> u8 {
    u8::try_from((x * 3 + y * 5 + frame * 7) % 256).expect("below 256")
}

/// A grey PNG of `width` × `height`.
pub fn picture(path: &Path, width: usize, height: usize, frame: usize) {
    let pixels: Vec<u8> = (0..width * height).map(|i| sample(frame, i % width, i / width)).collect();
    png(path, width, height, &pixels);
}

/// A grey PNG of these pixels.
pub fn png(path: &Path, width: usize, height: usize, pixels: &[u8]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let file = fs::File::create(path).expect("a file");
    let side = |value: usize| u32::try_from(value).expect("small");
    let mut encoder = png::Encoder::new(file, side(width), side(height));
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().expect("a header").write_image_data(pixels).expect("pixels");
}

/// A clip of `frames` pictures `001.png` ….
pub fn clip(folder: &Path, frames: usize) {
    for frame in 0..frames {
        picture(&folder.join(format!("{:03}.png", frame + 1)), 24, 16, frame);
    }
}

/// An 8-bit BMP with a grey palette, plain or run-length coded, of 24 × 16 pixels; rows below `white_rows` are 255.
pub fn bmp_mask(path: &Path, white_rows: usize, run_length: bool) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let (width, height) = (24u32, 16u32);
    let mut data = Vec::new();
    for row in (0..height).rev() {
        let value = if (row as usize) < white_rows { 255 } else { 0 };
        if run_length {
            data.extend([24, value, 0, 0]);
        } else {
            data.extend([value; 24]);
        }
    }
    if run_length {
        data.extend([0, 1]);
    }
    let mut file = b"BM".to_vec();
    let offset = 14 + 40 + 1024;
    file.extend((offset + data.len() as u32).to_le_bytes());
    file.extend([0; 4]);
    file.extend(offset.to_le_bytes());
    for word in [40, width, height, 1 | 8 << 16, u32::from(run_length), data.len() as u32, 2835, 2835, 256, 0] {
        file.extend(word.to_le_bytes());
    }
    for grey in 0..=255u8 {
        file.extend([grey, grey, grey, 0]);
    }
    file.extend(data);
    fs::write(path, file).expect("a file");
}

/// An `.npy` file of u8.
pub fn npy(path: &Path, shape: &str, values: &[u8]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut bytes = vec![0x93, b'N', b'U', b'M', b'P', b'Y', 1, 0];
    bytes.extend(u16::try_from(header.len()).expect("short").to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    fs::write(path, bytes).expect("a file");
}

/// A small UCSD tree with the archive's oddities: two training and two test clips.
pub fn ucsd(root: &Path) -> PathBuf {
    let root = root.join("UCSDped2");
    clip(&root.join("Train/Train001"), 5);
    clip(&root.join("Train/Train002"), 6);
    clip(&root.join("Test/Test001"), 4);
    clip(&root.join("Test/Test002"), 5);
    // Test001: frames 2, 3 (1-based) anomalous; Test002: 1, 4, 5.
    for (clip, white, name, run_length) in [("Test001", vec![0, 3, 2, 0], "", false), ("Test002", vec![1, 0, 0, 2, 16], "frame", true)] {
        for (index, &rows) in white.iter().enumerate() {
            // The first mask of every clip is a plain BMP, as in the copy with run-length coding.
            let path = root.join(format!("Test/{clip}_gt/{name}{:03}.bmp", index + 1));
            bmp_mask(&path, rows, run_length && index > 0);
        }
    }
    let lines = |second: &str| {
        format!("TestVideoFile = {{}};\nTestVideoFile{{end+1}}.gt_frame = [2:3];\nTestVideoFile{{end+1}}.gt_frame = [1:1, {second}];\n")
    };
    fs::write(root.join("Test/UCSDped2.m"), lines("4:5")).expect("labels");
    fs::write(root.join("Test/UCSDped2.m~"), lines("3:5")).expect("a backup");
    for leaving in [".DS_Store", "._UCSDped2.m", "Test001/._001.png", "Test001/.DS_Store", "Test001_gt/._001.bmp"] {
        fs::write(root.join("Test").join(leaving), "Mac OS X").expect("a leaving");
    }
    root
}
