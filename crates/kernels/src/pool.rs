//! Persistent threads and fixed jobs.
//!
//! Work is cut by shape, never by the number of threads (sums of whole numbers may be: `bytes/jobs.rs`), and each job writes what no other job
//! writes: so results are the same bits for any number of threads. A run allocates nothing. Each thread begins with its own part of the jobs,
//! the same in every run of as many, since what it has written last lies in its own cache; who is done takes jobs of the others.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use crate::arch::{ByteLevel, CpuError, FlushGuard, Level};

/// What jobs do with numbers below the normal range (about 1e-38 in `f32`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denormals {
    /// As IEEE 754 has it.
    Keep,
    /// They read and are stored as 0: Adam's second moments otherwise end there and cost a hundred cycles each.
    /// Without effect where the processor has no such switch.
    Flush,
}

/// One run's work: called with (worker, job).
type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// See [`Pool::with_errand`].
type Errand<'a> = dyn Fn() -> bool + Sync + 'a;

struct Open {
    /// The run in progress. The pointer outlives it: `run_on` waits.
    work: Option<*const Work<'static>>,
    generation: usize,
    /// What the last worker does between runs. The pointer outlives its entry here: `with_errand` waits.
    errand: Option<*const Errand<'static>>,
    /// Whether it is doing it.
    on_errand: bool,
    /// Workers that sleep until the next run: nobody else needs a call of the system to be woken.
    asleep: usize,
    /// Callers that sleep until the last worker has left their run, or one has come back from its errand.
    waiting: usize,
    stop: bool,
    panic: Option<Box<dyn Any + Send>>,
}

// SAFETY: the pointers are only followed between `Pool::run_on`'s opening and closing of a run, and `Pool::with_errand`'s entry and removal of an
// errand, while the closures they point to (which are Sync) are borrowed there.
unsafe impl Send for Open {}

/// Jobs that follow each other, taken from either end. Alone in its cache lines: each worker mostly asks its own.
#[derive(Default)]
#[repr(align(128))]
struct Range(AtomicU64);

impl Range {
    /// From `start` to before `end`.
    fn set(&self, start: usize, end: usize) {
        self.0.store((start as u64) << 32 | end as u64, Ordering::Relaxed);
    }

    fn first(&self) -> Option<usize> {
        self.take(|start, end| ((start + 1) << 32 | end, start))
    }

    fn last(&self) -> Option<usize> {
        self.take(|start, end| (start << 32 | (end - 1), end - 1))
    }

    /// Takes a job, where one is left: `choose` says what remains and which it is.
    fn take(&self, choose: impl Fn(u64, u64) -> (u64, u64)) -> Option<usize> {
        let split = |range: u64| (range >> 32, range & u64::from(u32::MAX));
        let left = |range| Some(split(range)).filter(|(start, end)| start < end).map(|(start, end)| choose(start, end));
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |range| left(range).map(|(rest, _)| rest)).ok()?;
        left(before).map(|(_, job)| job as usize)
    }
}

struct Shared {
    /// Of the pool, the caller's included.
    threads: usize,
    open: Mutex<Open>,
    start: Condvar,
    done: Condvar,
    /// Jobs that are left of the run, by the worker who is to take them first.
    left: Vec<Range>,
    inside: AtomicUsize,
    generation: AtomicUsize,
    flush: AtomicBool,
    /// Whether the errand is asked for.
    asked: AtomicBool,
}

/// Threads that wait for jobs, and the instruction set jobs run on.
pub struct Pool {
    shared: Arc<Shared>,
    turn: Mutex<()>,
    workers: Vec<JoinHandle<()>>,
    level: Level,
    /// Whether `SKIPGAN_CPU` has a say.
    detected: bool,
    /// Found when it is asked for, since the system is then asked for what it needs.
    bytes: OnceLock<Option<ByteLevel>>,
}

/// How long a thread looks for work before it sleeps: some 200 µs, more than any gap between two runs of one batch. A sleeper wakes after
/// many of these runs are over: where it fell asleep in each gap, two threads were at times no faster than one.
const SPINS: usize = 20_000;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Takes jobs until none is left, or until this worker is asked to go on its errand.
    fn take(&self, worker: usize, work: &Work<'_>) {
        let _flush = self.flush.load(Ordering::Relaxed).then(FlushGuard::new);
        while !self.is_asked(worker) {
            let Some(job) = self.job_for(worker) else { return };
            work(worker, job);
        }
    }

    /// The next of this worker's own jobs, or where none is left the last of another's.
    fn job_for(&self, worker: usize) -> Option<usize> {
        let others = || (worker + 1..self.left.len()).chain(0..worker);
        self.left[worker].first().or_else(|| others().find_map(|other| self.left[other].last()))
    }

    /// Whether this worker should go on the errand: the last one does, and never the caller.
    fn is_asked(&self, worker: usize) -> bool {
        worker > 0 && worker + 1 == self.threads && self.asked.load(Ordering::Relaxed)
    }

    /// Sleeps while `busy`, until whoever is busy is done.
    fn wait_while(&self, busy: impl Fn(&Open) -> bool) -> MutexGuard<'_, Open> {
        let mut open = lock(&self.open);
        while busy(&open) {
            open.waiting += 1;
            open = self.done.wait(open).unwrap_or_else(PoisonError::into_inner);
            open.waiting -= 1;
        }
        open
    }

    fn attempt(&self, worker: usize, work: &Work<'_>) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.take(worker, work))) {
            self.left.iter().for_each(|range| range.set(0, 0));
            lock(&self.open).panic.get_or_insert(panic);
        }
    }

    /// A worker's life: wait for a run, enter it, help, leave; and between jobs the errand, where it is asked for.
    fn serve(&self, worker: usize) {
        let mut last = 0;
        loop {
            for _ in 0..SPINS {
                if self.generation.load(Ordering::Relaxed) != last || self.is_asked(worker) {
                    break;
                }
                std::hint::spin_loop();
            }
            let mut open = lock(&self.open);
            while open.generation == last && !open.stop && !self.is_asked(worker) {
                open.asleep += 1;
                open = self.start.wait(open).unwrap_or_else(PoisonError::into_inner);
                open.asleep -= 1;
            }
            if open.stop {
                return;
            }
            if self.is_asked(worker) {
                self.go_on_errand(open);
                continue;
            }
            last = open.generation;
            // A run that is over when this thread wakes is left alone: nobody waits for late risers.
            let Some(work) = open.work else {
                continue;
            };
            self.inside.fetch_add(1, Ordering::Relaxed);
            drop(open);
            // SAFETY: `run_on` does not return before every thread that entered has left.
            self.attempt(worker, unsafe { &*work });
            let open = lock(&self.open);
            let wakes = self.inside.fetch_sub(1, Ordering::Release) == 1 && open.waiting > 0;
            drop(open);
            if wakes {
                self.done.notify_all();
            }
            if self.is_asked(worker) {
                // It may enter the same run again when it is back.
                last = last.wrapping_sub(1);
            }
        }
    }

    /// Goes once, and asks itself again where there is more to do.
    fn go_on_errand(&self, mut open: MutexGuard<'_, Open>) {
        // Taken back before, so that whoever asks meanwhile is heard.
        self.asked.store(false, Ordering::Relaxed);
        let Some(errand) = open.errand else { return };
        open.on_errand = true;
        drop(open);
        // SAFETY: `with_errand` does not return before this thread is back.
        let went = catch_unwind(AssertUnwindSafe(unsafe { &*errand }));
        let mut open = lock(&self.open);
        open.on_errand = false;
        match went {
            Ok(true) if open.errand.is_some() => self.asked.store(true, Ordering::Relaxed),
            Ok(_) => {}
            Err(panic) => {
                open.errand = None;
                open.panic.get_or_insert(panic);
            }
        }
        if open.waiting > 0 {
            drop(open);
            self.done.notify_all();
        }
    }
}

impl Pool {
    /// `threads` threads (at least one; the caller is one of them) on the fastest instruction set, or the one that
    /// `SKIPGAN_CPU` names.
    ///
    /// # Errors
    /// If `SKIPGAN_CPU` names no instruction set of this processor.
    pub fn new(threads: usize) -> Result<Pool, CpuError> {
        let level = Level::detect()?;
        let mut pool = Self::with_level(threads, level)?;
        pool.detected = true;
        Ok(pool)
    }

    /// The same on a given instruction set.
    ///
    /// # Errors
    /// If this processor has not got it.
    ///
    /// # Panics
    /// If the system refuses to start a thread.
    pub fn with_level(threads: usize, level: Level) -> Result<Pool, CpuError> {
        let level = level.require()?;
        let shared = Arc::new(Shared {
            threads: threads.max(1),
            open: Mutex::new(Open {
                work: None,
                generation: 0,
                errand: None,
                on_errand: false,
                asleep: 0,
                waiting: 0,
                stop: false,
                panic: None,
            }),
            start: Condvar::new(),
            done: Condvar::new(),
            left: (0..threads.max(1)).map(|_| Range::default()).collect(),
            inside: AtomicUsize::new(0),
            generation: AtomicUsize::new(0),
            flush: AtomicBool::new(false),
            asked: AtomicBool::new(false),
        });
        // Workers already started are ended by the pool's own drop where a later one cannot start.
        let mut pool = Pool { shared, turn: Mutex::new(()), workers: Vec::new(), level, detected: false, bytes: OnceLock::new() };
        for worker in 1..threads.max(1) {
            let shared = Arc::clone(&pool.shared);
            let started = std::thread::Builder::new().name(format!("kernels-{worker}")).spawn(move || shared.serve(worker));
            pool.workers.push(started.map_err(|why| CpuError::Threads { threads, why: why.to_string() })?);
        }
        Ok(pool)
    }

    /// A pool of `threads` threads that computes by the same instruction sets and treats denormal numbers alike.
    ///
    /// # Errors
    /// If the system refuses to start a thread: never of one, which is the caller's.
    pub fn like(&self, threads: usize) -> Result<Pool, CpuError> {
        let mut pool = Pool::with_level(threads, self.level)?;
        (pool.detected, pool.bytes) = (self.detected, self.bytes.clone());
        pool.set_denormals(self.denormals());
        Ok(pool)
    }

    /// Threads, the caller's included.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// The instruction set jobs run on.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The instruction set bytes are multiplied on; `None` where numbers are faster.
    pub fn bytes(&self) -> Option<ByteLevel> {
        *self.bytes.get_or_init(|| if self.detected { ByteLevel::detect(self.level) } else { ByteLevel::within(self.level) })
    }

    /// Sets what jobs do with denormal numbers from the next run on. A new pool keeps them.
    pub fn set_denormals(&self, denormals: Denormals) {
        self.shared.flush.store(denormals == Denormals::Flush, Ordering::Relaxed);
    }

    /// What jobs do with denormal numbers.
    pub fn denormals(&self) -> Denormals {
        if self.shared.flush.load(Ordering::Relaxed) { Denormals::Flush } else { Denormals::Keep }
    }

    /// Calls `work`; the runs of this pool that it starts treat denormal numbers so, and later ones as before, even if `work` panics.
    pub fn with_denormals<R>(&self, denormals: Denormals, work: impl FnOnce() -> R) -> R {
        struct Before<'a>(&'a Pool, Denormals);
        impl Drop for Before<'_> {
            fn drop(&mut self) {
                self.0.set_denormals(self.1);
            }
        }
        let _before = Before(self, self.denormals());
        self.set_denormals(denormals);
        work()
    }

    /// Calls `work` on this thread; meanwhile the pool's last other thread calls `errand` whenever it was asked to ([`Pool::ask`]), again and again until
    /// that says `false`, and helps with runs otherwise: for something that one thread does at a time beside the runs, so that no more threads compute at
    /// once than the pool has. On that thread arithmetic keeps denormal numbers, and runs are not started. Nothing is called where the pool has one thread, or
    /// has an errand already: `work` must then do it itself.
    ///
    /// # Panics
    /// With the panic of `work`; with that of `errand`, which ends it, if no run has told it.
    pub fn with_errand<R>(&self, errand: &(dyn Fn() -> bool + Sync), work: impl FnOnce() -> R) -> R {
        let mut open = lock(&self.shared.open);
        if self.threads() < 2 || open.errand.is_some() {
            drop(open);
            return work();
        }
        // SAFETY: only the lifetime is dropped; `Registered` takes the pointer away and waits for the thread that follows it before this function
        // returns or unwinds.
        open.errand = Some(unsafe { std::mem::transmute::<*const Errand<'_>, *const Errand<'static>>(errand) });
        drop(open);
        let registered = Registered { shared: &self.shared };
        let result = work();
        drop(registered);
        if let Some(panic) = lock(&self.shared.open).panic.take() {
            resume_unwind(panic);
        }
        result
    }

    /// Asks for the errand, where there is one.
    pub fn ask(&self) {
        let open = lock(&self.shared.open);
        if open.errand.is_none() {
            return;
        }
        self.shared.asked.store(true, Ordering::Relaxed);
        let sleepers = open.asleep > 0;
        drop(open);
        if sleepers {
            self.shared.start.notify_all();
        }
    }

    /// Calls `work(job)` once for each job in `0..jobs`, on all threads, and returns when all are done. A run started
    /// within a job, or while another thread runs on the same pool, happens on the caller's thread alone.
    ///
    /// # Panics
    /// With the panic of a job.
    pub fn run<F: Fn(usize) + Sync>(&self, jobs: usize, work: F) {
        self.run_on(jobs, |_, job| work(job));
    }

    /// As [`Pool::run`], with the number of the thread (below [`Pool::threads`]) that runs the job: for scratch memory
    /// of which each thread has one. Results must not depend on it.
    ///
    /// # Panics
    /// With the panic of a job.
    pub fn run_on<F: Fn(usize, usize) + Sync>(&self, jobs: usize, work: F) {
        // Ranges of jobs are kept in 32 bits.
        let turn = if self.threads() < 2 || jobs < 2 || u32::try_from(jobs).is_err() { None } else { self.turn.try_lock().ok() };
        if turn.is_none() {
            let _flush = self.shared.flush.load(Ordering::Relaxed).then(FlushGuard::new);
            (0..jobs).for_each(|job| work(0, job));
            return;
        }
        let local: &Work<'_> = &work;
        // SAFETY: only the lifetime is dropped; this function takes the pointer away and waits for all threads that
        // entered before it returns or unwinds (`attempt` catches panics).
        let pointer: *const Work<'static> = unsafe { std::mem::transmute::<&Work<'_>, &'static Work<'static>>(local) };
        self.open(pointer, jobs);
        self.shared.attempt(0, local);
        if let Some(panic) = self.close() {
            drop(turn);
            resume_unwind(panic);
        }
    }

    fn open(&self, work: *const Work<'static>, jobs: usize) {
        let mut open = lock(&self.shared.open);
        let threads = self.threads();
        self.shared.left.iter().enumerate().for_each(|(at, range)| range.set(at * jobs / threads, (at + 1) * jobs / threads));
        open.work = Some(work);
        open.generation += 1;
        self.shared.generation.store(open.generation, Ordering::Relaxed);
        let sleepers = open.asleep > 0;
        drop(open);
        if sleepers {
            self.shared.start.notify_all();
        }
    }

    /// Lets nobody else in and waits for those inside.
    fn close(&self) -> Option<Box<dyn Any + Send>> {
        lock(&self.shared.open).work = None;
        for _ in 0..SPINS {
            if self.shared.inside.load(Ordering::Acquire) == 0 {
                break;
            }
            std::hint::spin_loop();
        }
        self.shared.wait_while(|_| self.shared.inside.load(Ordering::Acquire) != 0).panic.take()
    }

    /// Calls `work(i, piece)` for the pieces of `chunk` elements (the last may be shorter).
    ///
    /// # Panics
    /// If `chunk` is 0; with the panic of a job.
    pub fn chunks_mut<A: Send, F>(&self, a: &mut [A], chunk: usize, work: F)
    where
        F: Fn(usize, &mut [A]) + Sync,
    {
        let a = Pieces::new(a, chunk);
        self.run(a.jobs(), |job| work(job, a.piece(job)));
    }

    /// As [`Pool::chunks_mut`] over two slices of one length, cut alike.
    ///
    /// # Panics
    /// If lengths differ or `chunk` is 0; with the panic of a job.
    pub fn chunks_mut2<A: Send, B: Send, F>(&self, a: &mut [A], b: &mut [B], chunk: usize, work: F)
    where
        F: Fn(usize, &mut [A], &mut [B]) + Sync,
    {
        assert_eq!(a.len(), b.len(), "slices cut alike have one length");
        let (a, b) = (Pieces::new(a, chunk), Pieces::new(b, chunk));
        self.run(a.jobs(), |job| work(job, a.piece(job), b.piece(job)));
    }

    /// As [`Pool::chunks_mut`] over two slices, each cut into pieces of its own length, as many of one as of the other.
    ///
    /// # Panics
    /// If numbers of pieces differ or a piece has no elements; with the panic of a job.
    pub fn pieces_mut2<A: Send, B: Send, F>(&self, (a, a_chunk): (&mut [A], usize), (b, b_chunk): (&mut [B], usize), work: F)
    where
        F: Fn(usize, &mut [A], &mut [B]) + Sync,
    {
        let (a, b) = (Pieces::new(a, a_chunk), Pieces::new(b, b_chunk));
        assert_eq!(a.jobs(), b.jobs(), "as many pieces of one slice as of the other");
        self.run(a.jobs(), |job| work(job, a.piece(job), b.piece(job)));
    }

    /// As [`Pool::chunks_mut`] over three slices of one length, cut alike.
    ///
    /// # Panics
    /// If lengths differ or `chunk` is 0; with the panic of a job.
    pub fn chunks_mut3<A: Send, B: Send, C: Send, F>(&self, a: &mut [A], b: &mut [B], c: &mut [C], chunk: usize, work: F)
    where
        F: Fn(usize, &mut [A], &mut [B], &mut [C]) + Sync,
    {
        assert!(a.len() == b.len() && b.len() == c.len(), "slices cut alike have one length");
        let (a, b, c) = (Pieces::new(a, chunk), Pieces::new(b, chunk), Pieces::new(c, chunk));
        self.run(a.jobs(), |job| work(job, a.piece(job), b.piece(job), c.piece(job)));
    }

    /// As [`Pool::chunks_mut`] over four slices of one length, cut alike.
    ///
    /// # Panics
    /// If lengths differ or `chunk` is 0; with the panic of a job.
    pub fn chunks_mut4<A: Send, B: Send, C: Send, D: Send, F>(
        &self,
        (a, b): (&mut [A], &mut [B]),
        (c, d): (&mut [C], &mut [D]),
        chunk: usize,
        work: F,
    ) where
        F: Fn(usize, &mut [A], &mut [B], &mut [C], &mut [D]) + Sync,
    {
        assert!(a.len() == b.len() && b.len() == c.len() && c.len() == d.len(), "slices cut alike have one length");
        let (a, b) = (Pieces::new(a, chunk), Pieces::new(b, chunk));
        let (c, d) = (Pieces::new(c, chunk), Pieces::new(d, chunk));
        self.run(a.jobs(), |job| work(job, a.piece(job), b.piece(job), c.piece(job), d.piece(job)));
    }
}

/// An errand that is entered in the pool; dropped it is not, and nobody is on it.
struct Registered<'p> {
    shared: &'p Shared,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        let mut open = lock(&self.shared.open);
        open.errand = None;
        self.shared.asked.store(false, Ordering::Relaxed);
        drop(open);
        drop(self.shared.wait_while(|open| open.on_errand));
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        lock(&self.shared.open).stop = true;
        // Wakes sleepers and those who still look for work.
        self.shared.generation.store(usize::MAX, Ordering::Relaxed);
        self.shared.start.notify_all();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

/// A slice cut into pieces of which each job takes its own.
pub(crate) struct Pieces<T> {
    start: *mut T,
    length: usize,
    chunk: usize,
}

// SAFETY: each piece is handed to one job only; elements are Send.
unsafe impl<T: Send> Sync for Pieces<T> {}

impl<T> Pieces<T> {
    fn new(slice: &mut [T], chunk: usize) -> Self {
        assert!(chunk > 0, "pieces of no elements");
        Self { start: slice.as_mut_ptr(), length: slice.len(), chunk }
    }

    fn jobs(&self) -> usize {
        self.length.div_ceil(self.chunk)
    }

    #[allow(clippy::mut_from_ref, reason = "private; the callers above take each job's piece once")]
    fn piece(&self, job: usize) -> &mut [T] {
        assert!(job < self.jobs());
        let from = job * self.chunk;
        let length = self.chunk.min(self.length - from);
        // SAFETY: within the slice by the assertion; `Pool::run` runs each job once, so pieces never overlap.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_like_another_computes_as_it_does() {
        for level in Level::all_available() {
            let pool = Pool::with_level(3, level).unwrap();
            pool.set_denormals(Denormals::Flush);
            let single = pool.like(1).unwrap();
            assert_eq!((single.threads(), single.level(), single.bytes(), single.denormals()), (1, level, pool.bytes(), Denormals::Flush));
        }
        let (pool, single) = (Pool::new(2).unwrap(), Pool::new(2).unwrap().like(1).unwrap());
        assert!(single.detected && single.bytes() == pool.bytes() && single.denormals() == Denormals::Keep);
    }

    #[test]
    fn every_job_runs_once() {
        for threads in [1, 2, 3, 5] {
            let pool = Pool::new(threads).unwrap();
            for jobs in [0, 1, 2, 7, 100] {
                let counts: Vec<AtomicUsize> = (0..jobs).map(|_| AtomicUsize::new(0)).collect();
                pool.run_on(jobs, |worker, job| {
                    assert!(worker < threads);
                    counts[job].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn a_range_gives_each_job_once_from_both_ends() {
        let range = Range::default();
        assert_eq!((range.first(), range.last()), (None, None));
        range.set(3, 7);
        assert_eq!([range.first(), range.last(), range.last(), range.first()], [Some(3), Some(6), Some(5), Some(4)]);
        assert_eq!((range.first(), range.last()), (None, None));
    }

    #[test]
    fn pieces_cover_the_slice() {
        let pool = Pool::new(2).unwrap();
        let (mut a, mut b) = (vec![0usize; 10], vec![0usize; 10]);
        pool.chunks_mut2(&mut a, &mut b, 4, |i, a, b| {
            a.fill(i);
            b.fill(a.len());
        });
        assert_eq!(a, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]);
        assert_eq!(b, [4, 4, 4, 4, 4, 4, 4, 4, 2, 2]);
        let mut sums = [0usize; 3];
        pool.pieces_mut2((&mut a, 4), (&mut sums, 1), |_, a, sum| sum[0] = a.iter().sum());
        assert_eq!(sums, [0, 4, 4]);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::new(3).unwrap();
        for _ in 0..20 {
            let caught = catch_unwind(AssertUnwindSafe(|| pool.run(9, |job| assert!(job != 4, "job four"))));
            assert!(caught.is_err());
            pool.run(9, |_| {});
        }
    }

    #[test]
    fn denormals_are_treated_as_before_a_panic() {
        let pool = Pool::new(1).unwrap();
        pool.set_denormals(Denormals::Flush);
        assert_eq!(pool.with_denormals(Denormals::Keep, || pool.denormals()), Denormals::Keep);
        let caught = catch_unwind(AssertUnwindSafe(|| pool.with_denormals(Denormals::Keep, || panic!("within"))));
        assert!(caught.is_err());
        assert_eq!(pool.denormals(), Denormals::Flush);
    }

    #[test]
    fn a_run_within_a_run_is_serial() {
        let pool = Pool::new(2).unwrap();
        let count = AtomicUsize::new(0);
        pool.run(4, |_| {
            pool.run(3, |_| {
                count.fetch_add(1, Ordering::Relaxed);
            })
        });
        assert_eq!(count.into_inner(), 12);
    }

    #[test]
    fn an_errand_is_run_beside_the_runs_when_it_is_asked_for() {
        for threads in [2, 3] {
            let pool = Pool::new(threads).unwrap();
            let (gone, here) = (AtomicUsize::new(0), std::thread::current().id());
            let errand = || {
                assert_ne!(std::thread::current().id(), here);
                gone.fetch_add(1, Ordering::Relaxed) % 3 != 2
            };
            let runs = |count: usize| {
                for _ in 0..count {
                    let jobs = AtomicUsize::new(0);
                    pool.run(30, |_| {
                        jobs.fetch_add(1, Ordering::Relaxed);
                        std::thread::yield_now();
                    });
                    assert_eq!(jobs.into_inner(), 30);
                }
            };
            pool.with_errand(&errand, || {
                runs(20);
                assert_eq!(gone.load(Ordering::Relaxed), 0, "nobody asked");
                for round in 1..=20 {
                    pool.ask();
                    runs(3);
                    while gone.load(Ordering::Relaxed) < 3 * round {
                        std::thread::yield_now();
                    }
                }
                pool.with_errand(&|| panic!("a second errand"), || pool.ask());
            });
            let before = gone.load(Ordering::Relaxed);
            pool.ask();
            runs(20);
            assert_eq!(gone.load(Ordering::Relaxed), before, "over");
        }
    }

    #[test]
    fn a_panic_on_an_errand_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::new(2).unwrap();
        let gone = AtomicBool::new(false);
        let errand = || {
            gone.store(true, Ordering::Relaxed);
            panic!("on the way")
        };
        let caught = catch_unwind(AssertUnwindSafe(|| {
            pool.with_errand(&errand, || {
                pool.ask();
                while !gone.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
            });
        }));
        assert!(caught.is_err());
        pool.run(9, |_| {});
        assert!(catch_unwind(AssertUnwindSafe(|| pool.with_errand(&|| true, || panic!("at work")))).is_err());
        pool.run(9, |_| {});
    }

    #[test]
    fn flushing_is_a_switch() {
        let pool = Pool::new(2).unwrap();
        let tiny = std::hint::black_box([1e-30f32; 8]);
        let squares = |pool: &Pool| {
            let mut out = [1.0f32; 8];
            pool.chunks_mut(&mut out, 1, |i, to| to[0] = std::hint::black_box(tiny[i]) * std::hint::black_box(1e-10));
            out
        };
        assert!(squares(&pool).iter().all(|&v| v > 0.0));
        pool.set_denormals(Denormals::Flush);
        if cfg!(target_arch = "x86_64") {
            assert_eq!(squares(&pool), [0.0; 8]);
        }
        // The caller's own arithmetic is left as it was.
        assert!(std::hint::black_box(tiny[0]) * std::hint::black_box(1e-10) > 0.0);
    }
}
