//! Where the map is right: pixel AUROC, AUPRO and the UCSD 40 % rule (EVALUATION §3), streamed frame by frame.
//!
//! Ped2 has 174 million masked pixels, so the pixels are never held together: a first pass takes what is one number a frame and a
//! coarse histogram; small data are kept and measured exactly, large data are read a second time into order-preserving bins
//! (`pixel_bins`). Maps already have the masks' size here: see [`super::run`] for the resize.

use super::frame::{Ranking, auroc_of_counts};
use super::pixel_bins::{BinLayout, CoarseHistogram};
use crate::localise::{Components, Plane, connected_components};

/// Up to this many pixels are kept and measured exactly (64 MiB).
pub const EXACT_PIXELS: usize = 1 << 22;

/// AUPRO is the area up to this false positive rate.
const AUPRO_LIMIT: f64 = 0.3;

/// What the maps of all masked frames are worth.
#[derive(Clone, Debug, Default)]
pub struct PixelMetrics {
    /// Frames seen, all of which have a mask, possibly an empty one.
    pub frames: usize,
    /// Number of bins; `None` where every pixel was ranked exactly.
    pub bins: Option<usize>,
    /// Share of (anomalous, normal) pairs of pixels ranked right; `None` with one class only.
    pub auroc: Option<f64>,
    /// Area under mean region coverage over false positive rate up to 0.3, divided by 0.3; `None` without region or normal pixel.
    pub aupro: Option<f64>,
    /// The UCSD 40 % rule: one value a frame, ranked.
    pub ucsd40: Ranking,
    /// The values of the 40 % rule in frame order, with 1 where the mask marks a pixel.
    pub ucsd40_values: Vec<(f64, u8)>,
}

/// The pixels that share one score or one bin.
#[derive(Clone, Copy, Debug, Default)]
struct PixelStep {
    anomalous: u64,
    normal: u64,
    /// Sum over the anomalous pixels of one over the size of their region.
    coverage: f64,
}

/// Measures maps against masks.
///
/// `pass` shows every masked frame, map and mask of one size, to the function it is given; it is called once, or twice with the same
/// frames when they hold more than `exact` pixels (use [`EXACT_PIXELS`]).
///
/// # Errors
/// What `pass` returns.
///
/// # Panics
/// If a map and its mask differ in size, or a map value is not a number.
pub fn pixel_metrics<E>(
    mut pass: impl FnMut(&mut dyn FnMut(&Plane<f64>, &Plane<u8>)) -> Result<(), E>,
    exact: usize,
) -> Result<PixelMetrics, E> {
    let mut first = FirstPass::new(exact);
    pass(&mut |map, mask| first.see(map, mask))?;
    let mut metrics = first.frame_values();
    if let Some(samples) = first.samples.take() {
        metrics.measure(&steps_of(samples), first.regions);
        return Ok(metrics);
    }
    let layout = BinLayout::new(&first.coarse);
    // Normal pixels are the many and their counts the table that is hit at random: kept apart, it stays small.
    let mut normal = vec![0u64; layout.bins()];
    let mut marked = vec![(0u64, 0.0); layout.bins()];
    pass(&mut |map, mask| {
        let shares = RegionShares::new(mask);
        if shares.components.is_none() {
            map.values.iter().for_each(|&value| normal[layout.bin(value)] += 1);
            return;
        }
        for (at, &value) in map.values.iter().enumerate() {
            let bin = layout.bin(value);
            match shares.of(at) {
                Some(share) => marked[bin] = (marked[bin].0 + 1, marked[bin].1 + share),
                None => normal[bin] += 1,
            }
        }
    })?;
    let bins = normal.into_iter().zip(marked).rev();
    let steps: Vec<PixelStep> = bins.map(|(normal, (anomalous, coverage))| PixelStep { anomalous, normal, coverage }).collect();
    metrics.bins = Some(steps.len());
    metrics.measure(&steps, first.regions);
    Ok(metrics)
}

impl PixelMetrics {
    /// The two pixel metrics from steps in falling order.
    fn measure(&mut self, steps: &[PixelStep], regions: usize) {
        let anomalous = steps.iter().map(|step| step.anomalous).sum();
        let normal = steps.iter().map(|step| step.normal).sum();
        let counts = steps.iter().map(|step| (step.anomalous, step.normal));
        self.auroc = auroc_of_counts(anomalous, normal, counts);
        self.aupro = region_overlap_area(steps, normal, regions);
    }
}

impl PixelStep {
    /// Adds a pixel that is `share` of its region, or a normal one.
    fn add(&mut self, share: Option<f64>) {
        match share {
            Some(share) => {
                self.anomalous += 1;
                self.coverage += share;
            }
            None => self.normal += 1,
        }
    }
}

/// Trapezoids under (false positive rate, mean coverage of regions) from (0, 0), cut at the limit.
fn region_overlap_area(steps: &[PixelStep], normal: u64, regions: usize) -> Option<f64> {
    if regions == 0 || normal == 0 {
        return None;
    }
    let (mut false_positives, mut coverage) = (0u64, 0.0);
    let (mut x, mut y, mut area) = (0.0, 0.0, 0.0);
    for step in steps {
        false_positives += step.normal;
        coverage += step.coverage;
        let next_x = false_positives as f64 / normal as f64;
        let next_y = coverage / regions as f64;
        if next_x > AUPRO_LIMIT {
            let cut = y + (next_y - y) * (AUPRO_LIMIT - x) / (next_x - x);
            area += (AUPRO_LIMIT - x) * (y + cut) / 2.0;
            break;
        }
        area += (next_x - x) * (y + next_y) / 2.0;
        (x, y) = (next_x, next_y);
    }
    Some(area / AUPRO_LIMIT)
}

/// What each pixel of a mask is of its region.
struct RegionShares {
    components: Option<Components>,
    shares: Vec<f64>,
}

impl RegionShares {
    fn new(mask: &Plane<u8>) -> Self {
        if mask.values.iter().all(|&value| value == 0) {
            return Self { components: None, shares: Vec::new() };
        }
        let components = connected_components(mask, |value| value > 0);
        let shares = components.sizes().iter().map(|&pixels| 1.0 / pixels as f64).collect();
        Self { components: Some(components), shares }
    }

    /// One over the size of the region at index `at`; `None` for a normal pixel.
    fn of(&self, at: usize) -> Option<f64> {
        let label = self.components.as_ref()?.labels.values[at];
        (label > 0).then(|| self.shares[label as usize - 1])
    }
}

/// A pixel kept for exact ranking: its value and its share of its region, 0 for a normal pixel.
type Sample = (f64, f64);

struct FirstPass {
    values: Vec<(f64, u8)>,
    regions: usize,
    coarse: CoarseHistogram,
    samples: Option<Vec<Sample>>,
    exact: usize,
}

impl FirstPass {
    fn new(exact: usize) -> Self {
        let coarse = CoarseHistogram::default();
        Self { values: Vec::new(), regions: 0, coarse, samples: Some(Vec::new()), exact }
    }

    fn see(&mut self, map: &Plane<f64>, mask: &Plane<u8>) {
        assert!(map.same_size(mask), "a map must have the size of its mask");
        self.values.push(forty_percent_value(map, mask));
        map.values.iter().for_each(|&value| self.coarse.add(value));
        let shares = RegionShares::new(mask);
        self.regions += shares.shares.len();
        let Some(samples) = &mut self.samples else {
            return;
        };
        if samples.len() + map.values.len() > self.exact {
            self.samples = None;
            return;
        }
        let values = map.values.iter().enumerate();
        samples.extend(values.map(|(at, &value)| (value, shares.of(at).unwrap_or(0.0))));
    }

    fn frame_values(&mut self) -> PixelMetrics {
        let ucsd40_values = std::mem::take(&mut self.values);
        let (values, marks): (Vec<f64>, Vec<u8>) = ucsd40_values.iter().copied().unzip();
        let ucsd40 = Ranking::new(&values, &marks);
        PixelMetrics { frames: values.len(), ucsd40, ucsd40_values, ..PixelMetrics::default() }
    }
}

/// Sorted samples as steps, one a distinct value, falling.
fn steps_of(mut samples: Vec<Sample>) -> Vec<PixelStep> {
    samples.sort_unstable_by(|a, b| super::frame::falling(a.0, b.0));
    samples
        .chunk_by(|a, b| a.0 == b.0)
        .map(|tied| {
            let mut step = PixelStep::default();
            tied.iter().for_each(|&(_, share)| step.add((share > 0.0).then_some(share)));
            step
        })
        .collect()
}

/// The highest threshold at which a frame counts under the UCSD rule, and 1 if its mask marks anything: with n > 0 marked pixels the
/// ⌈0.4 n⌉-th largest value among them (in integers (2n + 4) div 5), else the map's maximum.
pub fn forty_percent_value(map: &Plane<f64>, mask: &Plane<u8>) -> (f64, u8) {
    let pixels = map.values.iter().zip(&mask.values);
    let mut marked: Vec<f64> = pixels.filter(|(_, mark)| **mark > 0).map(|(value, _)| *value).collect();
    if marked.is_empty() {
        return (map.values.iter().copied().fold(f64::NEG_INFINITY, f64::max), 0);
    }
    let rank = (2 * marked.len()).div_ceil(5);
    let (_, value, _) = marked.select_nth_unstable_by(rank - 1, |a, b| super::frame::falling(*a, *b));
    (*value, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(map: &Plane<f64>, mask: &Plane<u8>) -> [PixelMetrics; 2] {
        [EXACT_PIXELS, 0].map(|exact| {
            let pass = |see: &mut dyn FnMut(&Plane<f64>, &Plane<u8>)| {
                see(map, mask);
                Ok::<(), ()>(())
            };
            pixel_metrics(pass, exact).unwrap()
        })
    }

    #[test]
    fn a_flat_map_has_half_the_area_everywhere() {
        let map = Plane::new(3, 4, vec![0.25; 12]);
        let mask = Plane::new(3, 4, vec![0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0]);
        for metrics in both(&map, &mask) {
            assert_eq!(metrics.auroc, Some(0.5));
            assert!((metrics.aupro.unwrap() - 0.15).abs() < 1e-15);
            assert_eq!(metrics.ucsd40.auroc(), None);
        }
    }

    #[test]
    fn bins_are_announced_and_only_used_beyond_the_limit() {
        let map = Plane::new(1, 3, vec![-1.0, 0.5, 2.0]);
        let [exact, binned] = both(&map, &Plane::new(1, 3, vec![0, 0, 1]));
        assert_eq!(exact.bins, None);
        assert!(binned.bins.unwrap() >= 1 << 18);
        assert_eq!((exact.auroc, binned.auroc), (Some(1.0), Some(1.0)));
    }

    #[test]
    fn forty_percent_is_counted_in_integers() {
        let map = Plane::new(1, 55, (0..55).map(f64::from).collect());
        assert_eq!(forty_percent_value(&map, &Plane::new(1, 55, vec![1; 55])), (33.0, 1)); // the 22nd largest
        assert_eq!(forty_percent_value(&map, &Plane::new(1, 55, vec![0; 55])), (54.0, 0));
    }
}
