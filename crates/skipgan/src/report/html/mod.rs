//! The report for people: one HTML file that holds everything it shows.
//!
//! No script, no request to anywhere: style and plots are inline, pictures are PNG in `data:` addresses, and a content security policy
//! forbids the rest. Whatever comes from outside (clip names, notes, commands) is escaped by `maud` or by the SVG writer. The page says
//! what was measured, how sure it is, what the numbers are worth beside a frame counter, and what is missing.

mod input;
mod moments;
mod scores;
mod tables;
mod training;
mod verdict;

pub use input::{Captioned, ClipResult, Comparison, ConfigRow, Fact, LossPlot, Missing, Moment, MomentKind, ReportInput, TrainingInput};
pub use verdict::{Tone, Verdict, verdict};

use crate::report::plot::STYLE;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Allows what is in the file and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// The page, a few hundred kilobytes, below 5 MB whatever is given.
pub fn render(input: &ReportInput) -> String {
    let mut album = moments::Album::new(input);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (input.title) " · skipgan report" }
                style { (PreEscaped(STYLE)) (PreEscaped(include_str!("page.css"))) }
            }
            body { main {
                (head(input))
                (missing(input))
                @if let Some(evaluation) = &input.evaluation { section { (tables::cards(evaluation)) } }
                (tables::comparison(input))
                (scores::section(input))
                (moments::section(input, &mut album))
                (tables::clips(input))
                @if let Some(evaluation) = &input.evaluation { (tables::conventions(evaluation)) }
                (training::section(input.training.as_ref(), &mut album))
                (tables::origin(input))
                footer { "skipgan " (env!("CARGO_PKG_VERSION")) ". This file holds everything it shows." }
            } }
        }
    };
    page.into_string()
}

fn head(input: &ReportInput) -> Markup {
    let verdict = verdict(input.evaluation.as_ref());
    let class = match verdict.tone {
        Tone::Shown => "shown",
        Tone::Doubtful => "doubtful",
        Tone::Unknown => "unknown",
    };
    html! {
        header {
            p.over { "skipgan report" }
            h1 { (input.title) }
            @if !input.subtitle.is_empty() { p.subtitle { (input.subtitle) } }
            @if input.evaluation.is_some() || input.training.is_none() {
                div.verdict.(class) {
                    p { (verdict.sentence) }
                    @for reason in &verdict.reasons { p.reason { (reason) } }
                }
            }
        }
    }
}

fn missing(input: &ReportInput) -> Markup {
    html! {
        @if !input.missing.is_empty() {
            section.missing {
                h2 { "Not here yet" }
                @for missing in &input.missing { p { (missing.what) } pre { span.prompt { "$ " } (missing.command) } }
            }
        }
    }
}
