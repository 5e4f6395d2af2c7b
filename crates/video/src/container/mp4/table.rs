//! The sample tables of an unfragmented file → one entry a sample.

use super::Sample;
use super::boxes::Table;
use crate::bytes::Bytes;

/// The samples in decoding order; as many as the tables hold entries for.
///
/// # Errors
/// Where there are more than `limit`.
pub(super) fn samples(table: &Table, limit: u64) -> Result<Vec<Sample>, String> {
    let stated = usize::try_from(table.sample_count).unwrap_or(usize::MAX);
    let count = if table.sample_size > 0 { stated } else { stated.min(table.sizes.len() / 4) };
    if u64::try_from(count).unwrap_or(u64::MAX) > limit {
        return Err(format!("its index states {count} pictures, the limit is {limit}"));
    }
    let mut sizes = Bytes::new(&table.sizes);
    let mut places = Places::new(table);
    let mut durations = Runs::new(&table.durations);
    let mut shifts = Runs::new(&table.shifts);
    let mut keys = table.keys.as_deref().map(|data| Keys { bytes: Bytes::new(data), next: 0 });
    let mut out = Vec::new();
    let mut dts = 0i64;
    for number in 1..=count {
        let size = if table.sample_size > 0 { table.sample_size } else { sizes.u32_be().unwrap_or(0) };
        let Some(offset) = places.next(size) else { break };
        // Shifts are unsigned in version 0, but negative ones are written there too.
        let shift = shifts.next().map_or(0, |ticks| i64::from(ticks.cast_signed()));
        let key = keys.as_mut().is_none_or(|keys| keys.contains(number));
        out.push(Sample { offset, size, key, pts: dts.saturating_add(shift) });
        dts = dts.saturating_add(durations.next().unwrap_or(0).into());
    }
    Ok(out)
}

/// Positions of samples: chunks, and how many samples each has.
struct Places<'a> {
    chunks: Bytes<'a>,
    wide: bool,
    runs: Bytes<'a>,
    /// Of the run in force: samples a chunk; of the next run: its first chunk.
    a_chunk: u32,
    next_run: u32,
    upcoming: u32,
    chunk: u32,
    left: u32,
    position: u64,
}

impl<'a> Places<'a> {
    fn new(table: &'a Table) -> Self {
        let wide = !table.wide_chunks.is_empty();
        let chunks = if wide { &table.wide_chunks } else { &table.chunks };
        let mut places = Self {
            chunks: Bytes::new(chunks),
            wide,
            runs: Bytes::new(&table.chunk_runs),
            a_chunk: 0,
            next_run: 0,
            upcoming: 0,
            chunk: 0,
            left: 0,
            position: 0,
        };
        places.read_run();
        places
    }

    fn read_run(&mut self) {
        let run = self.runs.u32_be().zip(self.runs.u32_be());
        let _ = self.runs.skip(4);
        (self.next_run, self.upcoming) = run.unwrap_or((u32::MAX, self.a_chunk));
    }

    fn next(&mut self, size: u32) -> Option<u64> {
        while self.left == 0 {
            self.position = if self.wide { self.chunks.u64_be()? } else { self.chunks.u32_be()?.into() };
            self.chunk = self.chunk.saturating_add(1);
            if self.chunk >= self.next_run {
                self.a_chunk = self.upcoming;
                self.read_run();
            }
            self.left = self.a_chunk;
        }
        self.left -= 1;
        let at = self.position;
        self.position = self.position.saturating_add(size.into());
        Some(at)
    }
}

/// A table of (count, value), read one value at a time; `None` after its end.
struct Runs<'a> {
    bytes: Bytes<'a>,
    left: u32,
    value: u32,
}

impl<'a> Runs<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { bytes: Bytes::new(data), left: 0, value: 0 }
    }

    fn next(&mut self) -> Option<u32> {
        while self.left == 0 {
            (self.left, self.value) = self.bytes.u32_be().zip(self.bytes.u32_be())?;
        }
        self.left -= 1;
        Some(self.value)
    }
}

/// Numbers of key samples, rising.
struct Keys<'a> {
    bytes: Bytes<'a>,
    next: u32,
}

impl Keys<'_> {
    fn contains(&mut self, number: usize) -> bool {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        while self.next < number {
            let Some(next) = self.bytes.u32_be() else { return false };
            self.next = next;
        }
        self.next == number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(values: &[u32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_be_bytes()).collect()
    }

    fn table() -> Table {
        Table {
            durations: words(&[2, 10, 9, 20]),
            shifts: words(&[1, 5, 1, 0, 9, 0xFFFF_FFFF]),
            chunk_runs: words(&[1, 2, 1, 2, 1, 1]),
            chunks: words(&[100, 500, 900]),
            wide_chunks: Vec::new(),
            sample_size: 0,
            sample_count: 4,
            sizes: words(&[7, 8, 9, 10]),
            keys: Some(words(&[1, 3])),
        }
    }

    #[test]
    fn tables_become_samples() {
        let found = samples(&table(), 10).unwrap();
        let sample = |offset, size, key, pts| Sample { offset, size, key, pts };
        assert_eq!(found, [sample(100, 7, true, 5), sample(107, 8, false, 10), sample(500, 9, true, 19), sample(900, 10, false, 39)]);
    }

    #[test]
    fn counts_that_lie_cost_nothing() {
        let lying = Table { sample_count: u32::MAX, ..table() };
        assert_eq!(samples(&lying, 10).unwrap().len(), 4);
        let fixed = Table { sample_size: 1, sample_count: u32::MAX, ..table() };
        assert!(samples(&fixed, 10).unwrap_err().contains("limit"));
        let endless = Table { sample_size: 1, sample_count: 1_000_000, ..table() };
        assert_eq!(samples(&endless, 2_000_000).unwrap().len(), 4);
        assert!(samples(&Table::default(), 10).unwrap().is_empty());
    }
}
