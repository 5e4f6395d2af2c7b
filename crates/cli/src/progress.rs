//! Draws what a command tells: bars on a terminal, plain lines elsewhere, JSON lines on request, nothing when quiet.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use skipgan::commands::event::{Event, Listener};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Bars on a terminal, now and then a line elsewhere; on stderr.
    Text,
    /// JSON objects, one a line, on stdout.
    Json,
    /// Warnings only.
    Quiet,
}

/// Least time between two plain or JSON lines of one task.
const LINE_EVERY: Duration = Duration::from_secs(5);
const JSON_EVERY: Duration = Duration::from_millis(500);

/// The listener of the program.
pub struct Progress {
    manner: Manner,
    terminal: bool,
    bars: BTreeMap<&'static str, ProgressBar>,
    last_line: BTreeMap<&'static str, Instant>,
}

impl Progress {
    /// Shows events in that manner.
    pub fn new(manner: Manner) -> Progress {
        Progress { manner, terminal: std::io::stderr().is_terminal(), bars: BTreeMap::new(), last_line: BTreeMap::new() }
    }

    fn bar(&mut self, task: &'static str, total: Option<u64>, unit: &str) -> &ProgressBar {
        self.bars.entry(task).or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(8));
            let template = match total {
                Some(_) => format!("{{prefix:>15.cyan}} {{bar:28.cyan/dim}} {{pos}}/{{len}} {unit}  {{eta:>4}} left  {{wide_msg}}"),
                None => format!("{{prefix:>15.cyan}} {{spinner}} {{pos}} {unit}  {{elapsed:>4}}  {{wide_msg}}"),
            };
            let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style.progress_chars("━╸─"));
            bar.set_prefix(task);
            bar
        })
    }

    /// Whether enough time has passed for another line of this task.
    fn due(&mut self, task: &'static str, every: Duration, last_of_task: bool) -> bool {
        let now = Instant::now();
        let due = last_of_task || self.last_line.get(task).is_none_or(|&before| now - before >= every);
        if due {
            self.last_line.insert(task, now);
        }
        due
    }

    fn print(&self, line: &str) {
        match self.bars.values().find(|bar| !bar.is_finished() && !bar.is_hidden()) {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    fn hear_text(&mut self, event: Event) {
        match event {
            Event::Note(text) => self.print(&text),
            Event::Warning(text) => self.warn(&text),
            Event::Progress { task, done, total, unit, detail, .. } if self.terminal => {
                let bar = self.bar(task, total, unit);
                if let Some(total) = total {
                    bar.set_length(total);
                }
                bar.set_position(done);
                bar.set_message(detail);
            }
            Event::Progress { task, done, total, unit, detail, .. } => {
                if self.due(task, LINE_EVERY, total == Some(done)) {
                    let of = total.map(|total| format!("/{total}")).unwrap_or_default();
                    eprintln!("{task}: {done}{of} {unit}  {detail}");
                }
            }
            Event::Finished { task, summary } => {
                if let Some(bar) = self.bars.remove(task) {
                    bar.finish_and_clear();
                }
                self.last_line.remove(task);
                if !summary.is_empty() {
                    eprintln!("{summary}");
                }
            }
        }
    }

    fn warn(&self, text: &str) {
        self.print(&format!("warning: {text}"));
    }
}

impl Listener for Progress {
    fn hear(&mut self, event: Event) {
        match (self.manner, event) {
            (Manner::Text, event) => self.hear_text(event),
            (Manner::Quiet, Event::Warning(text)) => self.warn(&text),
            (Manner::Quiet, _) => {}
            (Manner::Json, event) => {
                let due = match &event {
                    Event::Progress { task, done, total, .. } => self.due(task, JSON_EVERY, *total == Some(*done)),
                    _ => true,
                };
                if due {
                    // A closed pipe is noticed where results are printed.
                    let _ = writeln!(std::io::stdout(), "{}", event.to_json());
                }
            }
        }
    }
}
