//! A generated data set of still pictures as MVTec AD lies on disk: a woven surface under uneven light with sensor noise, normal in training,
//! with scratches, stains and worn places in the test part, and their masks.

use skipgan::data::random::SplitMix64;
use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

/// How many pictures of which size.
#[derive(Clone, Copy, Debug)]
pub struct Surface {
    pub width: usize,
    pub height: usize,
    /// 1 or 3.
    pub channels: usize,
    pub train: usize,
    pub test_good: usize,
    /// Of each kind.
    pub test_each: usize,
    pub seed: u64,
}

/// The kinds of defects.
pub const KINDS: [&str; 3] = ["scratch", "stain", "worn"];

/// What is done to a pixel, 0 … 1 each.
#[derive(Clone, Copy, Debug, Default)]
struct Defect {
    light: f64,
    stain: f64,
    worn: f64,
}

impl Surface {
    /// Writes `train/good`, `test/good`, `test/KIND` and `ground_truth/KIND`.
    pub fn write(&self, root: &Path) {
        let mut number = 0;
        let mut next = || {
            number += 1;
            SplitMix64::part(self.seed, number)
        };
        for (folder, count) in [("train/good", self.train), ("test/good", self.test_good)] {
            for at in 0..count {
                self.picture(&root.join(format!("{folder}/{at:03}.png")), &vec![Defect::default(); self.width * self.height], &mut next());
            }
        }
        for kind in KINDS {
            for at in 0..self.test_each {
                let mut random = next();
                let defects = self.defects(kind, &mut random);
                self.picture(&root.join(format!("test/{kind}/{at:03}.png")), &defects, &mut random);
                let mask: Vec<u8> = defects.iter().map(|d| if d.light.abs().max(d.stain).max(d.worn) > 0.5 { 255 } else { 0 }).collect();
                png(&root.join(format!("ground_truth/{kind}/{at:03}_mask.png")), self.width, self.height, &mask);
            }
        }
    }

    fn picture(&self, path: &Path, defects: &[Defect], random: &mut SplitMix64) {
        let (phases, tilt) = ([random.unit() * TAU, random.unit() * TAU], [random.between(-15.0, 15.0), random.between(-15.0, 15.0)]);
        let mut pixels = Vec::with_capacity(defects.len() * self.channels);
        let mut smear = vec![0.0; self.height];
        for (pixel, defect) in defects.iter().enumerate() {
            let (y, x) = (pixel / self.width, pixel % self.width);
            smear[y] = 0.9 * smear[y] + random.between(-5.0, 5.0);
            let weave = 22.0 * (x as f64 / 11.0 * TAU + phases[0]).sin() * (y as f64 / 8.0 * TAU + phases[1]).sin();
            let light = tilt[0] * (x as f64 / self.width as f64 - 0.5) + tilt[1] * (y as f64 / self.height as f64 - 0.5);
            let texture = (1.0 - defect.worn) * (weave + smear[y]) + light + 45.0 * defect.light;
            let colours = [150.0 - 20.0 * defect.stain, 125.0 - 12.0 * defect.stain, 95.0 + 10.0 * defect.stain];
            for colour in &colours[..self.channels] {
                pixels.push((colour + texture + random.between(-5.0, 5.0)).clamp(0.0, 255.0) as u8);
            }
        }
        png(path, self.width, self.height, &pixels);
    }

    fn defects(&self, kind: &str, random: &mut SplitMix64) -> Vec<Defect> {
        let (height, width) = (self.height as f64, self.width as f64);
        let side = height.min(width);
        let (cy, cx) = (random.between(0.25, 0.75) * height, random.between(0.25, 0.75) * width);
        let (sine, cosine) = (random.unit() * TAU).sin_cos();
        let (half, bend) = (random.between(0.12, 0.25) * side, random.between(-0.2, 0.2) / side);
        let (across, along) = (random.between(0.05, 0.11) * side, random.between(0.06, 0.16) * side);
        let sign = if random.unit() < 0.5 { -1.0 } else { 1.0 };
        let inside = |pixel: usize| {
            let (dy, dx) = ((pixel / self.width) as f64 - cy, (pixel % self.width) as f64 - cx);
            let (u, v) = (dx * cosine + dy * sine, dy * cosine - dx * sine);
            match kind {
                "scratch" if u.abs() < half => (1.8 - (v - bend * u * u).abs()).clamp(0.0, 1.0),
                "scratch" => 0.0,
                _ => (2.0 * (1.25 - (v / across).hypot(u / along))).clamp(0.0, 1.0),
            }
        };
        let share = (0..self.width * self.height).map(inside);
        share
            .map(|share| match kind {
                "scratch" => Defect { light: sign * share, ..Defect::default() },
                "stain" => Defect { stain: share, ..Defect::default() },
                _ => Defect { worn: share, ..Defect::default() },
            })
            .collect()
    }
}

fn png(path: &Path, width: usize, height: usize, pixels: &[u8]) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    let mut encoder = png::Encoder::new(fs::File::create(path).expect("a file"), width as u32, height as u32);
    let grey = pixels.len() == width * height;
    encoder.set_color(if grey { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().expect("a header").write_image_data(pixels).expect("a picture");
}
