//! What several rows tell at once, made into one progress: where each stands, how many results there are.

use crate::commands::event::{Event, Listener};
use crate::report::ablation::{AblationResult, COLUMNS, PIXEL};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Sender;

/// Name of the task.
const TASK: &str = "ablation";

/// From a working thread to the one that listens.
pub(super) enum Message {
    /// A row tells something.
    Told { worker: usize, label: String, event: Event },
    /// A row has ended.
    Ended(Ended),
}

/// A result, or why there is none.
pub(super) struct Ended {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) result: Result<Box<AblationResult>, String>,
}

/// A working thread's way to tell.
pub(super) struct Teller {
    worker: usize,
    sender: Sender<Message>,
}

impl Teller {
    pub(super) fn new(worker: usize, sender: Sender<Message>) -> Teller {
        Teller { worker, sender }
    }

    /// Tells about the row of that label.
    pub(super) fn about<'a>(&'a self, label: &'a str) -> About<'a> {
        About { teller: self, label }
    }

    pub(super) fn ended(&self, ended: Ended) {
        // Whoever listens is there until all have ended.
        let _ = self.sender.send(Message::Ended(ended));
    }
}

/// Passes on what a command tells about a row.
pub(super) struct About<'a> {
    teller: &'a Teller,
    label: &'a str,
}

impl Listener for About<'_> {
    fn hear(&mut self, event: Event) {
        let _ = self.teller.sender.send(Message::Told { worker: self.teller.worker, label: self.label.into(), event });
    }
}

/// Where everything stands.
pub(super) struct Board {
    done: usize,
    all: usize,
    /// What each thread is at, in words.
    at: BTreeMap<usize, String>,
    warned: BTreeSet<String>,
}

impl Board {
    pub(super) fn new(all: usize) -> Board {
        Board { done: 0, all, at: BTreeMap::new(), warned: BTreeSet::new() }
    }

    /// Takes what a row tells. Notes are left out: each row has the same ones; so are warnings that another row has told already.
    pub(super) fn hear(&mut self, worker: usize, label: &str, event: Event, listener: &mut dyn Listener) {
        match event {
            Event::Warning(text) => {
                if self.warned.insert(text.clone()) {
                    listener.hear(Event::Warning(format!("{label}: {text}")));
                }
            }
            Event::Progress { task, done, total, unit, .. } => {
                let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
                self.at.insert(worker, format!("{label}: {task} {done}{of} {unit}"));
                let numbers = json!({ "row": label, "at": task, "at_done": done, "at_total": total, "at_unit": unit });
                self.tell(numbers, listener);
            }
            Event::Note(_) | Event::Finished { .. } => {}
        }
    }

    /// Counts a result and says what it is.
    pub(super) fn count(&mut self, label: &str, result: &AblationResult, listener: &mut dyn Listener) {
        self.done += 1;
        let percent = |column: &&str| Some(format!("{column} {:.1}", 100.0 * result.columns.get(*column)?.auroc?));
        let told: Vec<String> = COLUMNS.iter().chain([&PIXEL]).filter_map(percent).collect();
        listener.hear(Event::Note(format!("{label}: {} ({} of {})", told.join(", "), self.done, self.all)));
        self.tell(json!({ "row": label }), listener);
    }

    pub(super) fn end(self, listener: &mut dyn Listener) {
        if self.all > 0 {
            listener.hear(Event::Finished { task: TASK, summary: String::new() });
        }
    }

    fn tell(&self, numbers: serde_json::Value, listener: &mut dyn Listener) {
        let detail = self.at.values().cloned().collect::<Vec<_>>().join("; ");
        listener.hear(Event::Progress {
            task: TASK,
            done: self.done as u64,
            total: Some(self.all as u64),
            unit: "results",
            detail,
            numbers,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Vec<Event>);

    impl Listener for Heard {
        fn hear(&mut self, event: Event) {
            self.0.push(event);
        }
    }

    #[test]
    fn a_warning_of_all_rows_is_told_once() {
        let (mut board, mut heard) = (Board::new(2), Heard::default());
        for (worker, label) in ["a", "b"].into_iter().enumerate() {
            board.hear(worker, label, Event::Warning("a frame is lost".into()), &mut heard);
            board.hear(worker, label, Event::Note("4 clips".into()), &mut heard);
        }
        assert_eq!(heard.0, [Event::Warning("a: a frame is lost".into())]);
    }

    #[test]
    fn the_detail_says_where_every_thread_is() {
        let (mut board, mut heard) = (Board::new(2), Heard::default());
        for (worker, label) in ["a", "b"].into_iter().enumerate() {
            let (task, done, detail) = ("training", 3, String::new());
            board.hear(
                worker,
                label,
                Event::Progress { task, done, total: Some(9), unit: "steps", detail, numbers: json!({}) },
                &mut heard,
            );
        }
        let Some(Event::Progress { done, total, detail, .. }) = heard.0.last() else { panic!("a progress") };
        assert_eq!((*done, *total, detail.as_str()), (0, Some(2), "a: training 3 of 9 steps; b: training 3 of 9 steps"));
    }
}
