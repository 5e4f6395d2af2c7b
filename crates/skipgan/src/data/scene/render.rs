//! One frame: backdrop, shadows, figures from far to near, rain, light, lens, sensor.

use super::backdrop::{placed, shadow};
use super::canvas::{Canvas, Mark, Shape};
use super::disturbance::{Effect, rain};
use super::number::{TURN, sine};
use super::script::{Pose, Script};
use super::{Scene, SceneColour, Stage};
use crate::data::random::SplitMix64;

/// A drawn frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneFrame {
    /// Shapes: `[height, width, 3]` (R, G, B), or `[height, width]` for a grey scene.
    pub pixels: Vec<u8>,
    /// 1 where a pixel is anomalous. Shapes: `[height, width]`.
    pub mask: Vec<u8>,
    /// 1 where the mask has a pixel.
    pub label: u8,
}

/// Share of the picture below which what is seen of an anomaly is no anomaly yet: 15 pixels of 320 × 240.
const LEAST_SHARE: usize = 5_000;
/// Share of a pixel from which it counts: thin things (spokes, a handle) cover no pixel by half.
const LEAST_MARK: f32 = 0.3;
/// Light of a day without clouds.
const DAYLIGHT: f64 = 1.12;

impl Scene {
    /// Draws frame `frame` of a clip.
    #[must_use]
    pub fn frame(&self, script: &Script, frame: usize) -> SceneFrame {
        let time = frame as f64 * script.seconds_a_frame;
        let weather = script.weather;
        let wave = |period: f64, phase: f64| sine(TURN * time / period + phase);
        let sun = 0.78 + 0.22 * wave(weather.period_s * 0.6, weather.cloud_phase);
        let slow = 0.7 * wave(weather.period_s, weather.phase) + 0.3 * wave(weather.period_s * 0.37, weather.cloud_phase);
        let effect = script.disturbance.map_or(Effect::NONE, |disturbance| disturbance.at(frame));
        let gain = DAYLIGHT * weather.base * (1.0 + self.settings.light * slow) * effect.gain;
        let mut canvas = match (effect.shift, &self.wide) {
            (Some((right, down)), Some(wide)) => {
                let corner = (wide.view.margin + right, wide.view.margin + down);
                wide.draw(script, time, sun).cut(corner, self.settings.width, self.settings.height)
            }
            _ => self.stage.draw(script, time, sun),
        };
        if let Some((strength, seed)) = effect.rain {
            rain(&mut canvas, strength, seed);
        }
        let mut random = SplitMix64::part(script.noise_seed, u64::try_from(frame).unwrap_or(0));
        let pixels = self.expose(&canvas, gain as f32, &mut random);
        let mut mask: Vec<u8> = canvas.marks.iter().map(|&mark| u8::from(mark >= LEAST_MARK)).collect();
        let seen = mask.iter().filter(|&&value| value == 1).count();
        let label = u8::from(seen * LEAST_SHARE >= mask.len());
        if label == 0 {
            mask.fill(0);
        }
        SceneFrame { pixels, mask, label }
    }

    /// Light, lens and sensor: to bytes.
    fn expose(&self, canvas: &Canvas, gain: f32, random: &mut SplitMix64) -> Vec<u8> {
        // A sum of four bytes has mean 510 and deviation 147.8; one of two bytes 255 and 104.5.
        let sigma = self.settings.noise as f32;
        let (luma_scale, chroma_scale) = (sigma / 147.8, 0.45 * sigma / 104.5);
        let channels = if self.settings.colour == SceneColour::Rgb { 3 } else { 1 };
        let mut out = Vec::with_capacity(canvas.pixels.len() * channels);
        for (pixel, lens) in canvas.pixels.iter().zip(&self.stage.backdrop.vignette) {
            let [a, b, c, d, e, f, g, h] = random.next_u64().to_le_bytes().map(f32::from);
            let luma = (a + b + c + d - 510.0) * luma_scale;
            let (red, blue) = ((e + f - 255.0) * chroma_scale, (g + h - 255.0) * chroma_scale);
            let exposure = gain * lens;
            let [r, g, b] = pixel.map(|value| value * exposure + luma);
            // Casts from f32 to u8 saturate.
            let [r, g, b] = [r + red, g - 0.5 * (red + blue), b + blue].map(|value| (value + 0.5) as u8);
            if channels == 3 {
                out.extend([r, g, b]);
            } else {
                let sum = 19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 32_768;
                out.push(u8::try_from(sum >> 16).unwrap_or(u8::MAX));
            }
        }
        out
    }
}

impl Stage {
    /// Everybody at a second, on the backdrop.
    fn draw(&self, script: &Script, time: f64, sun: f64) -> Canvas {
        let view = &self.view;
        let seen = |pose: &Pose| (pose.along - view.middle()).abs() < view.half_span(pose.distance) + 4.0;
        let mut poses: Vec<Pose> = script.actors.iter().filter_map(|actor| actor.pose(time, &seen)).collect();
        poses.sort_by(|a, b| b.distance.total_cmp(&a.distance));
        let mut canvas = self.backdrop.base.clone();
        for pose in &poses {
            for shape in &pose.shapes {
                canvas.shade(&shadow(shape, view, pose.along, pose.distance, pose.facing));
            }
        }
        canvas.apply_shade((0.42 * sun) as f32);
        let mut sprites = self.backdrop.sprites.iter().peekable();
        for pose in &poses {
            while let Some((_, sprite)) = sprites.next_if(|(distance, _)| *distance > pose.distance) {
                canvas.lay(sprite);
            }
            let mark = if pose.anomalous { Mark::Anomalous } else { Mark::Normal };
            for shape in &pose.shapes {
                canvas.draw(&placed(shape, view, pose.along, pose.distance, pose.facing), mark);
            }
        }
        for (_, sprite) in sprites {
            canvas.lay(sprite);
        }
        canvas
    }
}

impl Canvas {
    /// Adds a shape to the shadows, which are gathered where the marks will be.
    fn shade(&mut self, shape: &Shape) {
        self.draw_marks(shape);
    }

    /// Darkens the picture where shadows lie, and clears the marks.
    fn apply_shade(&mut self, strength: f32) {
        for (pixel, cover) in self.pixels.iter_mut().zip(self.marks.iter_mut()) {
            let light = 1.0 - strength * *cover;
            pixel.iter_mut().for_each(|value| *value *= light);
            *cover = 0.0;
        }
    }
}
