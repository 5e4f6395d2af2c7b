//! What one frame gives, term by term: R and L of the network, and the two further references of the default score, rest (U) and the
//! background (P), each as one number and as a map (DETECTION.md §3.7, §3.8).
//!
//! Published form: R and L are means over the whole picture, and the map is R's. Local form: each term's map goes to the half-size grid,
//! window means are taken there, and the number is the mean of the highest few of them. Of single pictures the grid is that of the pixels,
//! windows are small, and R is taken over its scale at each place ([`super::usual_stills`]), once that is known.
//!
//! | term | map |
//! |---|---|
//! | R | distance of the target from x̂, place by place |
//! | L | sum over feature levels of the distance of f(x) and f(x̂), at the coarsest level |
//! | U | speed in units of the usual one: motion against rest |
//! | P | |I − B| / s: difference from the background, against what is normal there |

use super::local::{FEATURE_WINDOW, PIXEL_WINDOW, STILL_WINDOW, WindowMean, add_pooled, halve, top_mean};
use super::place::PlaceLight;
use crate::config::{Config, Sees};
use crate::data::Windows;
use crate::localise::{Bilinear, Plane};
use crate::model::engine::Scores;
use crate::usual::Usual;
use std::sync::Arc;

/// One number a term.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Terms {
    /// R.
    pub recon: f64,
    /// L.
    pub latent: f64,
    /// R of the picture, where G restores the picture beside the motion; `recon` is then R of the motion.
    pub picture: Option<f64>,
    /// U, where the network sees motion.
    pub motion: Option<f64>,
    /// P, likewise.
    pub place: Option<f64>,
}

/// One map a term, `[rows, cols]`, window means. Empty where the term is not there; in the published form only R's, of the whole picture,
/// without windows.
#[derive(Clone, Debug, Default)]
pub struct TermMaps {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Of R.
    pub recon: Vec<f32>,
    /// Of L.
    pub latent: Vec<f32>,
    /// Of R of the picture.
    pub picture: Vec<f32>,
    /// Of U.
    pub motion: Vec<f32>,
    /// Of P.
    pub place: Vec<f32>,
}

/// Numbers and maps of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// The numbers.
    pub terms: Terms,
    /// The maps.
    pub maps: &'a TermMaps,
    /// x̂: `[height, width, channels.target]`.
    pub reconstruction: &'a [f32],
    /// What it was to be: the same shape.
    pub target: &'a [f32],
}

/// Measures frames; keeps its buffers.
#[derive(Clone, Debug)]
pub struct Measurer {
    local: bool,
    top_share: f64,
    restores: bool,
    still: bool,
    usual: Option<Arc<Usual>>,
    /// What R of single pictures is divided by.
    scale: Option<Arc<Usual>>,
    light: Option<PlaceLight>,
    terms: Terms,
    maps: TermMaps,
    window: WindowMean,
    full: Vec<f32>,
    half: Vec<f32>,
    cells: Vec<f32>,
    scratch: Vec<f32>,
    enlarge: Option<Bilinear>,
}

impl Measurer {
    /// With the settings of `config`; `usual` where the network sees motion, or single pictures whose scale is known.
    pub fn new(config: &Config, usual: Option<Arc<Usual>>) -> Measurer {
        let still = config.sees == Sees::Still;
        let scale = usual.clone().filter(|_| still);
        let usual = usual.filter(|_| config.sees.motion());
        Measurer {
            local: config.local,
            top_share: config.top_share,
            restores: config.sees == Sees::Restore,
            still,
            scale,
            light: usual.as_ref().filter(|_| config.place_light).map(|usual| PlaceLight::new(usual)),
            usual,
            terms: Terms::default(),
            maps: TermMaps::default(),
            window: WindowMean::default(),
            full: Vec::new(),
            half: Vec::new(),
            cells: Vec::new(),
            scratch: Vec::new(),
            enlarge: None,
        }
    }

    /// What was last measured, which was that window of that batch.
    pub fn measured<'m>(&'m self, scores: &'m Scores, windows: &'m Windows, image: usize) -> Measured<'m> {
        let target = windows.target_of(image);
        let reconstruction = &scores.reconstruction[image * target.len()..][..target.len()];
        Measured { terms: self.terms, maps: &self.maps, reconstruction, target }
    }

    /// Measures one window of a scored batch.
    pub fn measure(&mut self, scores: &Scores, windows: &Windows, image: usize) {
        let (height, width) = (windows.height(), windows.width());
        let residual = &scores.residual_maps[image * height * width..(image + 1) * height * width];
        let target = windows.target_of(image);
        let mut terms = Terms { recon: scores.residual[image], latent: scores.latent[image], ..Terms::default() };
        if self.local {
            (self.maps.rows, self.maps.cols) = if self.still { (height, width) } else { (height / 2, width / 2) };
            let mut map = std::mem::take(&mut self.maps.recon);
            if self.restores {
                let reconstruction = &scores.reconstruction[image * target.len()..][..target.len()];
                let pairs = || reconstruction.chunks_exact(3).zip(target.chunks_exact(3));
                let off = filled(std::mem::take(&mut self.full), pairs().map(|(made, meant)| (made[0] - meant[0]).abs()));
                let mut picture = std::mem::take(&mut self.maps.picture);
                terms.picture = Some(self.pixel_term(&off, height, width, &mut picture));
                self.maps.picture = picture;
                let off = filled(off, pairs().map(|(made, meant)| length(made[1] - meant[1], made[2] - meant[2])));
                terms.recon = self.pixel_term(&off, height, width, &mut map);
                self.full = off;
            } else if self.still {
                terms.recon = self.still_term(residual, height, width, &mut map);
            } else {
                terms.recon = self.pixel_term(residual, height, width, &mut map);
            }
            self.maps.recon = map;
            terms.latent = self.feature_term(scores, image).unwrap_or(terms.latent);
        } else {
            (self.maps.rows, self.maps.cols) = (height, width);
            self.maps.recon.clear();
            self.maps.recon.extend_from_slice(residual);
        }
        if let Some(usual) = self.usual.clone().filter(|_| self.local) {
            let mut map = std::mem::take(&mut self.maps.motion);
            let speeds = std::mem::take(&mut self.full);
            let channels = windows.channels().target;
            let speed = |pixel: &[f32]| length(pixel[channels - 2], pixel[channels - 1]);
            let speeds = filled(speeds, target.chunks_exact(channels).map(speed));
            terms.motion = Some(self.pixel_term(&speeds, height, width, &mut map));
            self.maps.motion = map;
            let mut map = std::mem::take(&mut self.maps.place);
            // The picture is the first channel of the context, or of the target where it is restored.
            let (pictures, channels) = if self.restores { (target, 3) } else { (windows.context_of(image), 2) };
            let greys = pictures.chunks_exact(channels).map(|pixel| (pixel[0] + 1.0) * 127.5);
            let mut off = filled(speeds, greys);
            if let Some(light) = &mut self.light {
                light.undo(&mut off);
            }
            off.iter_mut().zip(&usual.background).for_each(|(grey, &background)| *grey = (*grey - background).abs());
            halve(&off, height, width, &mut self.half);
            self.window.of(&self.half, height / 2, width / 2, PIXEL_WINDOW, &mut map);
            map.iter_mut().zip(&usual.place).for_each(|(value, &scale)| *value /= scale);
            terms.place = Some(top_mean(&map, self.top_share, &mut self.scratch));
            (self.maps.place, self.full) = (map, off);
        }
        self.terms = terms;
    }

    /// Half-size window means of a map of the whole picture, and how high they are.
    fn pixel_term(&mut self, full: &[f32], height: usize, width: usize, map: &mut Vec<f32>) -> f64 {
        halve(full, height, width, &mut self.half);
        self.window.of(&self.half, height / 2, width / 2, PIXEL_WINDOW, map);
        top_mean(map, self.top_share, &mut self.scratch)
    }

    /// Window means of R of a single picture over their scale, and how high they are.
    fn still_term(&mut self, full: &[f32], height: usize, width: usize, map: &mut Vec<f32>) -> f64 {
        self.window.of(full, height, width, STILL_WINDOW, map);
        if let Some(usual) = &self.scale {
            for (values, scales) in
                map.chunks_exact_mut(width).enumerate().map(|(row, values)| (values, &usual.place[row / 2 * (width / 2)..]))
            {
                values.iter_mut().enumerate().for_each(|(col, value)| *value /= scales[col / 2]);
            }
        }
        top_mean(map, self.top_share, &mut self.scratch)
    }

    /// L at the coarsest feature level, and its map on the grid of the others; `None` where f is the latent vector, which has no places.
    fn feature_term(&mut self, scores: &Scores, image: usize) -> Option<f64> {
        let coarsest = scores.latent_maps.iter().min_by_key(|map| map.rows)?;
        let (rows, cols) = (coarsest.rows, coarsest.cols);
        self.cells.clear();
        self.cells.resize(rows * cols, 0.0);
        for level in &scores.latent_maps {
            let cells = level.rows * level.cols;
            add_pooled(&level.values[image * cells..(image + 1) * cells], level.rows / rows, rows, cols, &mut self.cells);
        }
        let mut means = std::mem::take(&mut self.full);
        self.window.of(&self.cells, rows, cols, FEATURE_WINDOW, &mut means);
        let value = top_mean(&means, self.top_share, &mut self.scratch);
        self.enlarge_latent(&means, (rows, cols));
        self.full = means;
        Some(value)
    }

    /// L's map to the grid of the others.
    fn enlarge_latent(&mut self, means: &[f32], from: (usize, usize)) {
        let to = (self.maps.rows, self.maps.cols);
        let resize = self.enlarge.take().filter(|resize| (resize.from(), resize.to()) == (from, to));
        let resize = resize.unwrap_or_else(|| Bilinear::new(from, to));
        let mut large = Plane::default();
        resize.apply(&Plane::new(from.0, from.1, means.iter().map(|&value| f64::from(value)).collect()), &mut large);
        self.maps.latent.clear();
        self.maps.latent.extend(large.values.iter().map(|&value| value as f32));
        self.enlarge = Some(resize);
    }
}

/// Of motion, whose squares do not overflow: a call of the system's takes ten times as long.
#[inline(always)]
fn length(across: f32, down: f32) -> f32 {
    (across * across + down * down).sqrt()
}

fn filled(mut buffer: Vec<f32>, values: impl Iterator<Item = f32>) -> Vec<f32> {
    buffer.clear();
    buffer.extend(values);
    buffer
}
