//! The motion of several pairs of frames at once: a field depends on its two frames alone, so that pairs run side by side. What carries the past along
//! ([`super::MotionMean`]) takes the fields in order afterwards.

use super::dis::{Dis, DisSettings};
use super::field::Flow;
use kernels::{Denormals, Pool};
use std::sync::{Mutex, PoisonError};

/// A frame and the one after it, 8-bit grey.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// Finds fields; has one [`Dis`] a thread, made when it is first needed.
#[derive(Debug)]
pub struct PairFlows {
    width: usize,
    height: usize,
    settings: DisSettings,
    finders: Vec<Mutex<Dis>>,
    flows: Vec<Flow>,
}

impl PairFlows {
    /// For frames of `width` × `height` pixels.
    pub fn new(width: usize, height: usize, settings: DisSettings) -> Self {
        Self { width, height, settings, finders: Vec::new(), flows: Vec::new() }
    }

    /// The field of each pair, in their order; the same bits with a pool and without one.
    ///
    /// # Panics
    /// As [`Dis::new`] and [`Dis::flow`].
    pub fn find(&mut self, pool: Option<&Pool>, pairs: &[Pair<'_>]) -> &[Flow] {
        let threads = pool.map_or(1, Pool::threads).min(pairs.len());
        let (width, height, settings) = (self.width, self.height, self.settings);
        self.finders.extend((self.finders.len()..threads).map(|_| Mutex::new(Dis::new(width, height, settings))));
        while self.flows.len() < pairs.len() {
            self.flows.push(Flow::still(width, height));
        }
        let (finders, flows) = (&self.finders, &mut self.flows[..pairs.len()]);
        let find = |(previous, current): Pair<'_>, flow: &mut Flow| {
            // No more jobs run at once than there are finders: one is free.
            let free = finders.iter().find_map(|finder| finder.try_lock().ok());
            let mut finder = free.unwrap_or_else(|| finders[0].lock().unwrap_or_else(PoisonError::into_inner));
            finder.flow(previous, current, flow);
        };
        match pool {
            // Denormals count here as they do in the cache of training, which is filled without a pool.
            Some(pool) => pool.with_denormals(Denormals::Keep, || pool.chunks_mut(flows, 1, |at, flow| find(pairs[at], &mut flow[0]))),
            None => pairs.iter().zip(&mut *flows).for_each(|(&pair, flow)| find(pair, flow)),
        }
        &self.flows[..pairs.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_side_by_side_have_the_bits_of_pairs_in_turn() {
        let frame = |at: usize| (0..64 * 40).map(|i| ((i % 64 + 3 * at) * (i / 64 + 7) % 251) as u8).collect::<Vec<u8>>();
        let frames: Vec<Vec<u8>> = (0..6).map(frame).collect();
        let pairs: Vec<Pair<'_>> = frames.windows(2).map(|two| (two[0].as_slice(), two[1].as_slice())).collect();
        let mut dis = Dis::new(64, 40, DisSettings::default());
        let expected = pairs.iter().map(|(previous, current)| {
            let mut flow = Flow::still(64, 40);
            dis.flow(previous, current, &mut flow);
            flow
        });
        let expected: Vec<Flow> = expected.collect();
        let mut flows = PairFlows::new(64, 40, DisSettings::default());
        assert_eq!(flows.find(None, &pairs), expected);
        for threads in [1, 2, 3] {
            let pool = Pool::new(threads).expect("a pool");
            pool.set_denormals(Denormals::Flush);
            assert_eq!(flows.find(Some(&pool), &pairs), expected, "{threads} threads");
            assert_eq!(flows.find(Some(&pool), &pairs[1..3]), &expected[1..3]);
            assert_eq!(pool.denormals(), Denormals::Flush);
        }
    }
}
