//! Order-preserving bins for pixel values of unknown range, so that hundreds of millions can be ranked in bounded memory.
//!
//! A value is rounded to `f32`, whose bits, suitably flipped, sort like the number. The top 12 bits (an eighth of an octave) choose a
//! cell; each cell is cut into 2^k equal parts, k by its share of all values, so that a crowded cell is cut down to single `f32`
//! numbers. Two values in different bins are therefore always in the right order; those in one bin count as tied.

/// Cells of the coarse histogram: sign, exponent and three bits of the mantissa.
const CELLS: usize = 1 << 12;
/// Bits of the key below the cell.
const BITS_BELOW: u32 = 20;
/// At least this many bins are laid out; EVALUATION §3 asks for 2^18.
const LEAST_BINS: f64 = (1 << 19) as f64;

/// Bits that sort like the value: negative numbers reversed, below the positive ones; −0 equals 0.
fn sorted_bits(value: f64) -> u32 {
    let bits = (value as f32 + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// How many values fall into each cell.
pub(crate) struct CoarseHistogram {
    counts: Vec<u64>,
}

impl Default for CoarseHistogram {
    fn default() -> Self {
        Self { counts: vec![0; CELLS] }
    }
}

impl CoarseHistogram {
    pub(crate) fn add(&mut self, value: f64) {
        self.counts[(sorted_bits(value) >> BITS_BELOW) as usize] += 1;
    }
}

/// Which bin a value falls into; higher bins hold higher values.
pub(crate) struct BinLayout {
    cells: Vec<Cell>,
    bins: usize,
}

#[derive(Clone, Copy)]
struct Cell {
    first_bin: u32,
    shift: u32,
}

impl BinLayout {
    pub(crate) fn new(histogram: &CoarseHistogram) -> Self {
        let total = histogram.counts.iter().sum::<u64>().max(1) as f64;
        let mut first_bin = 0;
        let cells = histogram.counts.iter().map(|&count| {
            let parts = count as f64 / total * LEAST_BINS;
            let bits = (parts.max(1.0).log2().ceil() as u32).min(BITS_BELOW);
            let cell = Cell { first_bin, shift: BITS_BELOW - bits };
            first_bin += 1 << bits;
            cell
        });
        let cells = cells.collect();
        Self { cells, bins: first_bin as usize }
    }

    pub(crate) fn bins(&self) -> usize {
        self.bins
    }

    pub(crate) fn bin(&self, value: f64) -> usize {
        let bits = sorted_bits(value);
        let cell = self.cells[(bits >> BITS_BELOW) as usize];
        (cell.first_bin + ((bits & ((1 << BITS_BELOW) - 1)) >> cell.shift)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_rise_with_the_values_over_the_whole_range() {
        let values = [f64::MIN, -3.5, -1e-3, -1e-40, -0.0, 0.0, 1e-40, 1e-9, 0.5, 0.500_000_1, 7.0, 1e30, f64::MAX];
        let mut histogram = CoarseHistogram::default();
        values.iter().for_each(|&value| histogram.add(value));
        (0..1000).for_each(|_| histogram.add(0.5)); // makes one cell crowded
        let layout = BinLayout::new(&histogram);
        let bins: Vec<usize> = values.iter().map(|&value| layout.bin(value)).collect();
        assert!(bins.is_sorted(), "{bins:?}");
        assert_eq!(bins[4], bins[5]);
        assert!(bins[12] < layout.bins());
        assert!(bins[8] < bins[9], "f32 neighbours in a crowded cell stay apart");
    }
}
