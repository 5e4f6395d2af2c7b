//! The part of the page about the training: loss curves, what was kept, samples.

use super::input::{LossPlot, TrainingInput};
use super::losses::HELD_OUT;
use super::moments::Album;
use super::scores::key;
use super::tables::facts;
use crate::report::plot::lines;
use maud::{Markup, PreEscaped, html};

/// Words for the strokes of the curves, in their order.
const STROKES: [&str; 3] = ["curve-key", "second-key", "third-key"];

/// Loss curves and samples; nothing where there was no training.
pub(super) fn section(training: Option<&TrainingInput>, album: &mut Album) -> Markup {
    let Some(training) = training else { return html! {} };
    html! {
        section {
            h2 { "Training" }
            @if training.plots.is_empty() { p.soft { "No losses were logged." } }
            div.grid.many { @for plot in &training.plots { (figure(plot, training)) } }
        }
        @if !training.facts.is_empty() { section { (facts("How it went", &training.facts)) } }
        @if !training.samples.is_empty() {
            section {
                h2 { "Samples" }
                div.moments { @for row in &training.samples { figure { (album.row(row)) } } }
            }
        }
    }
}

fn figure(plot: &LossPlot, training: &TrainingInput) -> Markup {
    // The choice was made on held-out footage, so it is marked where that is drawn.
    let chosen_here = plot.series.iter().any(|series| series.name == HELD_OUT);
    let kept = training.kept.as_ref().filter(|_| chosen_here).map(|(step, words)| (*step, words.as_str()));
    html! {
        figure {
            figcaption {
                b { (plot.title) } " "
                @if plot.series.len() > 1 {
                    @for (series, stroke) in plot.series.iter().zip(STROKES) { (key(stroke, &series.name)) }
                }
            }
            (PreEscaped(lines(&plot.title, &plot.series, kept, 130).inline()))
        }
    }
}
