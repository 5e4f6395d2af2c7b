//! Pictures abreast: an executor that scores with as many copies of another one as it has threads, each of them one picture at a time.
//!
//! Where pictures pass a network one by one ([`Fork::one_by_one`]: few weights, large maps), all threads on one picture meet at the end of every layer and
//! read what the others have written; each with a picture of its own, they meet once a batch. Scores are the same bits, since those of an
//! image do not depend on what else is in its batch. What is no batch of single pictures (fewer than threads, statistics of the batch, observing) the
//! executor does whole.

use super::engine::{Batch, Engine, Losses, Norm, Rates, Scores, State};
use crate::ranges::Ranges;
use kernels::Pool;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

/// An executor of which there can be more.
pub trait Fork: Engine + Sync + Sized + 'static {
    /// The same network for batches of up to `images` pictures on another pool; prepared weights are shared.
    fn fork(&self, images: usize, pool: Arc<Pool>) -> Self;

    /// Pictures of a batch at most, and the pool.
    fn planned(&self) -> (usize, &Arc<Pool>);

    /// Whether pictures that are scored pass it one after another.
    fn one_by_one(&self) -> bool;

    /// Makes room for the scores of a batch.
    ///
    /// # Panics
    /// Where the batch's sizes are not those the executor was planned for.
    fn make_room(&self, batch: &Batch<'_>, scores: &mut Scores);
}

/// An executor, and its copies.
pub struct Abreast<E> {
    whole: E,
    pool: Arc<Pool>,
    /// Copies that there may be; below 2 there are none.
    most: usize,
    /// Each for one picture; none before they are needed, and where the weights have changed since.
    copies: Vec<Mutex<E>>,
    scores: Scores,
    /// Whether ranges are watched: that is one executor's work.
    watching: bool,
}

impl<E: Fork> Abreast<E> {
    /// For an executor: as many copies as it has threads, or pictures of a batch where these are fewer.
    pub fn new(whole: E) -> Self {
        let (images, pool) = whole.planned();
        let (most, pool) = (if whole.one_by_one() { images.min(pool.threads()) } else { 1 }, Arc::clone(pool));
        Self { whole, pool, most, copies: Vec::new(), scores: Scores::default(), watching: false }
    }

    /// A copy for every thread, made by the threads.
    fn copies_of(whole: &E, pool: &Pool, most: usize) -> Vec<Mutex<E>> {
        let copies: Vec<OnceLock<E>> = (0..most).map(|_| OnceLock::new()).collect();
        pool.run(most, |copy| {
            let _ = copies[copy].set(whole.fork(1, Arc::new(pool.like(1).expect("the thread of its caller"))));
        });
        copies.into_iter().map(|copy| Mutex::new(copy.into_inner().expect("every job was run"))).collect()
    }

    /// A copy that nobody uses: no more jobs ask at once than there are threads, nor than pictures of a batch.
    fn free(copies: &[Mutex<E>], worker: usize) -> MutexGuard<'_, E> {
        loop {
            for copy in copies[worker % copies.len()..].iter().chain(copies) {
                match copy.try_lock() {
                    Ok(free) => return free,
                    // What a score left behind when it panicked is written anew by the next one.
                    Err(TryLockError::Poisoned(left)) => return left.into_inner(),
                    Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
                }
            }
        }
    }
}

impl<E: Fork> Engine for Abreast<E> {
    fn step(&mut self, batch: &Batch<'_>, rates: &Rates) -> Losses {
        self.copies.clear();
        self.whole.step(batch, rates)
    }

    fn score(&mut self, batch: &Batch<'_>, norm: Norm) -> &Scores {
        if self.most < 2 || batch.images < self.most || norm == Norm::Batch || self.watching {
            return self.whole.score(batch, norm);
        }
        if self.copies.is_empty() {
            self.copies = Self::copies_of(&self.whole, &self.pool, self.most);
        }
        self.whole.make_room(batch, &mut self.scores);
        // As many as give every thread as much to do; what is left, all threads do together.
        let even = batch.images - batch.images % self.most;
        let (scores, copies) = (Mutex::new(&mut self.scores), &self.copies);
        self.pool.run_on(even, |worker, image| {
            let mut copy = Self::free(copies, worker);
            let found = copy.score(&batch.part(image..image + 1), norm);
            put(&mut scores.lock().unwrap_or_else(PoisonError::into_inner), image..image + 1, found);
        });
        if even < batch.images {
            let rest = even..batch.images;
            put(&mut self.scores, rest.clone(), self.whole.score(&batch.part(rest), norm));
        }
        &self.scores
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        self.copies.clear();
        self.whole.observe(batch);
    }

    fn load(&mut self, state: &State) {
        self.copies.clear();
        self.whole.load(state);
    }

    fn save(&self) -> State {
        self.whole.save()
    }

    fn another(&self, pool: &Arc<Pool>) -> Option<Box<dyn Engine>> {
        let (images, _) = self.whole.planned();
        Some(Box::new(Self::new(self.whole.fork(images, Arc::clone(pool)))))
    }

    fn watch_ranges(&mut self) {
        self.watching = true;
        self.whole.watch_ranges();
    }

    fn take_ranges(&mut self) -> Option<Ranges> {
        self.watching = false;
        self.whole.take_ranges()
    }
}

/// Scores of some images to their place among those of all.
fn put(all: &mut Scores, images: Range<usize>, part: &Scores) {
    fn copy<T: Copy>(to: &mut [T], from: &[T], images: &Range<usize>) {
        let one = from.len() / images.len();
        to[images.start * one..images.end * one].copy_from_slice(from);
    }
    copy(&mut all.reconstruction, &part.reconstruction, &images);
    copy(&mut all.residual_maps, &part.residual_maps, &images);
    copy(&mut all.residual, &part.residual, &images);
    copy(&mut all.latent, &part.latent, &images);
    for (to, from) in all.latent_maps.iter_mut().zip(&part.latent_maps) {
        copy(&mut to.values, &from.values, &images);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says with each score how many pictures it was asked for, and by which weights it was made.
    struct Counting {
        images: usize,
        pool: Arc<Pool>,
        weights: u64,
        one_by_one: bool,
        asked: Arc<Mutex<Vec<usize>>>,
        scores: Scores,
    }

    impl Engine for Counting {
        fn step(&mut self, _: &Batch<'_>, _: &Rates) -> Losses {
            self.weights += 1;
            Losses::default()
        }
        fn score(&mut self, batch: &Batch<'_>, _: Norm) -> &Scores {
            self.asked.lock().unwrap().push(batch.images);
            self.scores.residual = batch.input.iter().map(|&value| f64::from(value) + 100.0 * self.weights as f64).collect();
            &self.scores
        }
        fn observe(&mut self, _: &Batch<'_>) {
            self.weights += 1;
        }
        fn load(&mut self, _: &State) {
            self.weights += 1;
        }
        fn save(&self) -> State {
            unreachable!("nobody saves it")
        }
    }

    impl Fork for Counting {
        fn fork(&self, images: usize, pool: Arc<Pool>) -> Self {
            assert_eq!(pool.threads(), 1);
            Counting { images, pool, asked: Arc::clone(&self.asked), scores: Scores::default(), ..*self }
        }
        fn planned(&self) -> (usize, &Arc<Pool>) {
            (self.images, &self.pool)
        }
        fn one_by_one(&self) -> bool {
            self.one_by_one
        }
        fn make_room(&self, batch: &Batch<'_>, scores: &mut Scores) {
            assert!(batch.images <= self.images, "more than planned");
            scores.residual.resize(batch.images, 0.0);
        }
    }

    /// The residuals of a batch of so many pictures, and for how many the executors were asked at a time.
    fn asked(abreast: &mut Abreast<Counting>, images: usize, norm: Norm) -> (Vec<f64>, Vec<usize>) {
        let input: Vec<f32> = (0..images).map(|i| i as f32).collect();
        let batch = Batch { images, height: 1, width: 1, input: &input, target: &input, context: &[], changed: None };
        let scores = abreast.score(&batch, norm).residual.clone();
        let mut asked = std::mem::take(&mut *abreast.whole.asked.lock().unwrap());
        asked.sort_unstable();
        (scores, asked)
    }

    fn of(one_by_one: bool, images: usize, threads: usize) -> Abreast<Counting> {
        let pool = Arc::new(Pool::new(threads).unwrap());
        Abreast::new(Counting { images, pool, weights: 0, one_by_one, asked: Arc::default(), scores: Scores::default() })
    }

    #[test]
    fn every_thread_has_as_many_pictures_and_all_share_the_rest() {
        let counted = |from: f64, images: usize| (0..images).map(|i| from + i as f64).collect::<Vec<_>>();
        let mut abreast = of(true, 8, 3);
        for (images, meant) in [(8, vec![1, 1, 1, 1, 1, 1, 2]), (6, vec![1; 6]), (4, vec![1; 4]), (2, vec![2]), (1, vec![1])] {
            assert_eq!(asked(&mut abreast, images, Norm::Running), (counted(0.0, images), meant), "{images}");
        }
        assert_eq!(asked(&mut abreast, 6, Norm::Batch).1, [6], "statistics of the batch");
        abreast.watch_ranges();
        assert_eq!(asked(&mut abreast, 6, Norm::Running).1, [6], "ranges");
        abreast.take_ranges();
        assert_eq!(asked(&mut abreast, 6, Norm::Instance).1, [1; 6]);
        // More threads than a batch has pictures; one thread; pictures that pass together anyway.
        assert_eq!(asked(&mut of(true, 2, 5), 2, Norm::Running).1, [1, 1]);
        assert_eq!(asked(&mut of(true, 8, 1), 8, Norm::Running).1, [8]);
        assert_eq!(asked(&mut of(false, 8, 3), 8, Norm::Running).1, [8]);
    }

    #[test]
    fn copies_have_the_weights_of_today() {
        let mut abreast = of(true, 4, 2);
        let input = [0.0];
        let batch = Batch { images: 1, height: 1, width: 1, input: &input, target: &input, context: &[], changed: None };
        assert_eq!(asked(&mut abreast, 2, Norm::Running).0, [0.0, 1.0]);
        abreast.observe(&batch);
        assert_eq!(asked(&mut abreast, 2, Norm::Running).0, [100.0, 101.0]);
        let rate = super::super::engine::AdamRates { lr: 0.0, beta1: 0.0, beta2: 0.0, epsilon: 0.0 };
        abreast.step(&batch, &Rates { generator: rate, discriminator: rate });
        assert_eq!(asked(&mut abreast, 2, Norm::Running).0, [200.0, 201.0]);
    }
}
