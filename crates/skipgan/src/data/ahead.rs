//! The moments of a stream for whoever works on them, in turn with that work or ahead of it: then decoding and resizing of the coming frames overlap
//! with it, on another thread. Moments, their order and the place of an error are the same either way.
//!
//! Not for live sources: there the next frame has not come yet, and a row must not wait for it.

use super::DataError;
use super::pictures::{Moment, PictureStream};
use kernels::Pool;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Most moments that are ready before they are asked for: twice as many as are usually scored at once, so that those of the next batch are there when
/// one is taken, and the thread ahead has room for one more meanwhile.
pub const READY: usize = 16;

/// Where moments come from.
pub enum Supply<'s> {
    /// Made when they are asked for, on the thread that asks.
    InTurn(&'s mut PictureStream),
    /// Made ahead, on another thread: at most [`READY`].
    Ahead(&'s Ahead<'s>, &'s Pool),
}

/// What a stream gave; `None` is its end.
type Made = Result<Option<Moment>, DataError>;

impl Supply<'_> {
    /// The next frame; `None` at the end.
    ///
    /// # Errors
    /// As [`PictureStream::next_moment`]; nothing comes after one.
    pub fn next_moment(&mut self) -> Result<Option<Moment>, DataError> {
        match self {
            Supply::InTurn(pictures) => pictures.next_moment(),
            Supply::Ahead(ahead, pool) => ahead.take(pool),
        }
    }

    /// From here on the thread ahead makes moments while there is room, instead of helping this one: for when what comes next gains least from being
    /// divided. It also does where none is left.
    pub fn go_ahead(&mut self) {
        if let Supply::Ahead(_, pool) = self {
            pool.ask();
        }
    }
}

/// Moments between the thread that makes them and the one that takes them.
pub struct Ahead<'s> {
    pictures: Mutex<&'s mut PictureStream>,
    line: Mutex<Line>,
    changed: Condvar,
}

#[derive(Default)]
struct Line {
    ready: VecDeque<Made>,
    /// Whether a moment is being made.
    making: bool,
    /// Whether none follows those that are ready.
    ended: bool,
}

impl Ahead<'_> {
    /// The next moment: one that is ready, one that is being made, or where none is, one made here.
    fn take(&self, pool: &Pool) -> Made {
        let mut line = lock(&self.line);
        loop {
            if let Some(made) = line.ready.pop_front() {
                return made;
            }
            if line.ended {
                return Ok(None);
            }
            if !line.making {
                break;
            }
            line = self.changed.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
        let made = self.make(line).0;
        pool.ask();
        made
    }

    /// Makes one moment more where there is room and nobody makes one; whether there is room for another.
    fn add(&self) -> bool {
        let line = lock(&self.line);
        if line.making || line.ended || line.ready.len() >= READY {
            return false;
        }
        let (made, mut line) = self.make(line);
        line.ready.push_back(made);
        let more = !line.ended && line.ready.len() < READY;
        drop(line);
        self.changed.notify_one();
        more
    }

    /// Makes a moment while the line is let go.
    fn make<'l>(&'l self, mut line: MutexGuard<'l, Line>) -> (Made, MutexGuard<'l, Line>) {
        line.making = true;
        drop(line);
        let end = EndOnPanic(self);
        let made = lock(&self.pictures).next_moment();
        std::mem::forget(end);
        let mut line = lock(&self.line);
        line.making = false;
        line.ended = !matches!(made, Ok(Some(_)));
        (made, line)
    }
}

/// Whoever waits for a moment whose making panics finds the end; the panic goes on where the errand was given.
struct EndOnPanic<'a, 's>(&'a Ahead<'s>);

impl Drop for EndOnPanic<'_, '_> {
    fn drop(&mut self) {
        let mut line = lock(&self.0.line);
        (line.making, line.ended) = (false, true);
        self.0.changed.notify_all();
    }
}

/// Gives `work` the moments of `pictures`, made beside it by the pool's last thread, which helps with runs when it is far enough ahead. When it returns,
/// nothing is under way; up to [`READY`] frames and one more may have been read beyond what `work` took.
///
/// # Panics
/// With a panic of the stream.
pub fn ahead<R>(pictures: &mut PictureStream, pool: &Pool, work: impl FnOnce(Supply<'_>) -> R) -> R {
    let ahead = Ahead { pictures: Mutex::new(pictures), line: Mutex::default(), changed: Condvar::new() };
    pool.with_errand(&|| ahead.add(), || work(Supply::Ahead(&ahead, pool)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
