//! What a command tells while it works. The program draws bars from it, or prints one JSON object a line; a library user may ignore it.

use serde_json::{Value, json};

/// One thing to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Plain information, a sentence.
    Note(String),
    /// Something the user should know about, a sentence.
    Warning(String),
    /// A task has progressed; the first of its name starts it.
    Progress {
        /// Such as `reading frames`, `training`, `scoring`.
        task: &'static str,
        /// Units done.
        done: u64,
        /// Units in all, where known.
        total: Option<u64>,
        /// What a unit is, plural.
        unit: &'static str,
        /// Such as the losses, or the name of the clip.
        detail: String,
        /// Numbers for machines; an object.
        numbers: Value,
    },
    /// A task has ended; nothing more comes of it.
    Finished {
        /// The task.
        task: &'static str,
        /// A sentence to leave behind.
        summary: String,
    },
}

impl Event {
    /// The event as one JSON object with `schema` and `event`.
    pub fn to_json(&self) -> Value {
        match self {
            Event::Note(text) => json!({ "schema": 1, "event": "note", "text": text }),
            Event::Warning(text) => json!({ "schema": 1, "event": "warning", "text": text }),
            Event::Progress { task, done, total, unit, detail: _, numbers } => {
                let mut object = json!({ "schema": 1, "event": "progress", "task": task, "done": done, "total": total, "unit": unit });
                if let (Some(object), Some(numbers)) = (object.as_object_mut(), numbers.as_object()) {
                    object.extend(numbers.clone());
                }
                object
            }
            Event::Finished { task, summary } => json!({ "schema": 1, "event": "finished", "task": task, "text": summary }),
        }
    }
}

/// Whoever listens.
pub trait Listener {
    /// Takes one event; called from the thread that runs the command.
    fn hear(&mut self, event: Event);
}

/// Listens to nothing.
pub struct Silence;

impl Listener for Silence {
    fn hear(&mut self, _: Event) {}
}
