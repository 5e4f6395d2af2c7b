//! The moments of a stream for whoever works on them, in turn with that work or ahead of it: then decoding and resizing of the coming frames overlap
//! with it, on a thread of their own. Moments, their order and the place of an error are the same either way.
//!
//! Not for live sources: there the next frame has not come yet, and a row must not wait for it.

use super::DataError;
use super::pictures::{Moment, PictureStream};
use kernels::Pool;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, scope};

/// Moments that are ready before they are asked for: as many as are usually scored at once, so that both sides work without a break.
pub const READY: usize = 8;

/// Where moments come from.
pub enum Supply<'s> {
    /// Made when they are asked for, on the thread that asks.
    InTurn(&'s mut PictureStream),
    /// Made ahead, on another thread: at most [`READY`] under way, and as many taken over ([`Supply::take_over`]).
    Ahead(Receiver<Made>, VecDeque<Made>),
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
            // A thread that ended without a word has panicked: its panic goes on where it is joined.
            Supply::Ahead(coming, taken) => taken.pop_front().unwrap_or_else(|| coming.recv().unwrap_or(Ok(None))),
        }
    }

    /// Takes over what is ready, so that the thread ahead goes on: for when the others have nothing to share.
    pub fn take_over(&mut self) {
        if let Supply::Ahead(coming, taken) = self {
            let room = READY.saturating_sub(taken.len());
            taken.extend(coming.try_iter().take(room));
        }
    }
}

/// Gives `work` the moments of `pictures`, made on a thread beside it, for which `pool` keeps one of its threads from working meanwhile: never more
/// compute at once than the pool has. When it returns, that thread has ended; it may have read up to twice [`READY`] frames and one more beyond what `work` took.
///
/// # Errors
/// What the system says where it starts no thread.
///
/// # Panics
/// With a panic of the stream.
pub fn ahead<R>(pictures: &mut PictureStream, pool: &Pool, work: impl FnOnce(Supply<'_>) -> R) -> std::io::Result<R> {
    scope(|scope| {
        let (to, coming) = sync_channel(READY);
        Builder::new().name("pictures".into()).spawn_scoped(scope, move || make_all(pictures, pool, &to))?;
        // `work` drops its end before the scope waits for the thread, which ends when nobody takes its moments.
        Ok(work(Supply::Ahead(coming, VecDeque::new())))
    })
}

/// Makes moments until the end, an error, or until nobody wants any more.
fn make_all(pictures: &mut PictureStream, pool: &Pool, to: &SyncSender<Made>) {
    loop {
        let made = {
            let _away = pool.take_away();
            pictures.next_moment()
        };
        let ends = !matches!(made, Ok(Some(_)));
        if to.send(made).is_err() || ends {
            return;
        }
    }
}
