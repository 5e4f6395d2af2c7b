//! The report for people: one HTML file that holds everything it shows.
//!
//! No script, no request to anywhere: style and plots are inline, pictures are PNG in `data:` addresses, and a content security policy
//! forbids the rest. Whatever comes from outside (clip names, notes, commands) is escaped by `maud` or by the SVG writer. The page says
//! what was measured, how sure it is, what the numbers are worth beside a frame counter, and what is missing.

mod input;
mod losses;
mod moments;
mod pick;
mod scores;
mod tables;
mod training;
mod verdict;

pub use input::{Captioned, ClipResult, Comparison, ConfigRow, Fact, LossPlot, Missing, Moment, MomentKind, ReportInput, TrainingInput};
pub use losses::{MetricsError, loss_plots};
pub use pick::{Chosen, pick_moments};
pub use verdict::{Tone, Verdict, unlabelled, verdict};

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
    let scored = input.clips.iter().any(|clip| !clip.scores.is_empty());
    let verdict = match &input.evaluation {
        None if scored => unlabelled(&input.clips),
        evaluation => verdict(evaluation.as_ref()),
    };
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
            @if scored || input.evaluation.is_some() || input.training.is_none() {
                div.verdict.(class) {
                    p { (verdict.sentence.replace(" %", "\u{a0}%")) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{ClipScores, Inputs, Options, Provenance, evaluate};
    use crate::report::picture::Picture;
    use crate::report::plot::{Series, check_well_formed};

    const HOSTILE: &str = "</title><script>alert('x')</script>\"&\u{0}";

    fn clip(name: &str, frames: usize) -> ClipResult {
        ClipResult {
            name: name.into(),
            scores: (0..frames).map(|i| ((i * 37) % 101) as f64 / 10.0).collect(),
            labels: Some((0..frames).map(|i| u8::from(i % 50 > 30)).collect()),
            alarms: Some((0..frames).map(|i| i % 50 > 40).collect()),
            times: Some((0..frames).map(|i| i as f64 / 25.0).collect()),
            warmup: 1,
            notes: vec![HOSTILE.into()],
        }
    }

    fn picture(seed: usize, side: usize) -> Captioned {
        // Noise, the worst case for PNG.
        let mut state = seed as u32 | 1;
        let rgb = (0..side * side * 3).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        Captioned { caption: HOSTILE.into(), picture: Picture::new(side, side, rgb.collect()) }
    }

    fn full(clips: Vec<ClipResult>, side: usize) -> ReportInput {
        let scores: Vec<ClipScores<'_>> =
            clips.iter().map(|c| ClipScores { name: &c.name, scores: &c.scores, labels: c.labels.as_deref().unwrap() }).collect();
        let inputs = Inputs { clips: &scores, masks: None, maps: None, detections: None, tracks: None };
        let evaluation = evaluate(inputs, Provenance::default(), Options { draws: 20, seed: 0 }).unwrap();
        let kinds = [MomentKind::Hit, MomentKind::Miss, MomentKind::FalseAlarm];
        let moment = |i: usize| Moment {
            kind: kinds[i % 3],
            clip: HOSTILE.into(),
            frame: i,
            time_s: Some(1.5),
            score: -0.5,
            pictures: vec![picture(i, side), picture(i + 100, side), picture(i + 200, side)],
        };
        let series = Series { name: HOSTILE.into(), points: (0..1000).map(|i| (f64::from(i), 1.0 / f64::from(i + 1))).collect() };
        ReportInput {
            title: HOSTILE.into(),
            subtitle: HOSTILE.into(),
            evaluation: Some(evaluation),
            clips,
            threshold: Some(8.0),
            comparisons: vec![Comparison { name: HOSTILE.into(), auroc: 0.5, interval: Some([0.25, 0.75]) }],
            moments: (0..18).map(moment).collect(),
            training: Some(TrainingInput {
                plots: vec![LossPlot { title: HOSTILE.into(), series: vec![series.clone(), series] }],
                facts: vec![Fact::new(HOSTILE, HOSTILE)],
                kept: Some((500.0, HOSTILE.into())),
                samples: vec![vec![picture(7, 64)]],
            }),
            config: vec![ConfigRow { key: HOSTILE.into(), value: HOSTILE.into(), preset_value: Some(HOSTILE.into()) }],
            data: vec![Fact::new(HOSTILE, HOSTILE)],
            commands: vec![HOSTILE.into()],
            provenance: vec![Fact::new(HOSTILE, HOSTILE)],
            missing: vec![Missing { what: HOSTILE.into(), command: HOSTILE.into() }],
        }
    }

    #[test]
    fn a_page_of_everything_is_well_formed_and_hostile_names_stay_text() {
        let page = render(&full(vec![clip(HOSTILE, 120), clip("b", 80)], 24));
        assert!(check_well_formed(&page).unwrap() > 200);
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
        for heading in
            ["Scores over time", "ROC", "Found best", "Missed worst", "Worst false alarms", "Clip by clip", "not strict", "Training"]
        {
            assert!(page.contains(heading), "{heading}");
        }
    }

    #[test]
    fn the_page_asks_for_nothing_from_outside() {
        let page = render(&full(vec![clip("a", 120)], 24));
        let mut addresses = page.split("src=\"").skip(1).chain(page.split("href=\"").skip(1)).chain(page.split("url(").skip(1));
        assert!(addresses.all(|address| address.starts_with("data:image/png;base64,")));
        assert!(!page.contains("@import") && page.contains("default-src 'none'"));
    }

    #[test]
    fn pictures_of_any_size_and_clips_of_any_number_stay_below_five_megabytes() {
        let page = render(&full((0..300).map(|i| clip(&format!("clip{i}"), 5000)).collect(), 300));
        assert!(page.len() < 5_000_000, "{} bytes", page.len());
        assert!(page.contains("The first 48 of 300 clips"));
    }

    #[test]
    fn a_run_alone_shows_the_training_and_what_is_missing() {
        let input = full(vec![clip("a", 80)], 8);
        let page = render(&ReportInput { evaluation: None, clips: vec![], moments: vec![], ..input });
        assert!(check_well_formed(&page).is_ok());
        assert!(page.contains("Not here yet") && page.contains("Training") && !page.contains("ROC"));
        assert!(!page.contains("Nothing has been measured"));
        let empty = render(&ReportInput::default());
        assert!(check_well_formed(&empty).is_ok() && empty.contains("Nothing has been measured yet."));
    }

    #[test]
    fn scores_without_labels_show_curves_alarms_and_what_is_missing() {
        let input = full(vec![clip("a", 80)], 8);
        let clips = vec![ClipResult { labels: None, ..clip("a", 80) }];
        let moments = input.moments.iter().map(|moment| Moment { kind: MomentKind::Highest, ..moment.clone() }).collect();
        let page = render(&ReportInput { evaluation: None, clips, moments, ..input });
        assert!(check_well_formed(&page).is_ok());
        for words in ["Scores over time", "Highest scores", "alarm threshold", "Clip by clip", "Not here yet", "no labels"] {
            assert!(page.contains(words), "{words}");
        }
        for words in ["ROC", "anomalous by the labels", "Found best"] {
            assert!(!page.contains(words), "{words}");
        }
    }

    #[test]
    fn stills_are_one_curve() {
        let still = |i: usize| ClipResult {
            scores: vec![i as f64],
            labels: Some(vec![u8::from(i > 5)]),
            name: format!("{i}"),
            ..ClipResult::default()
        };
        let page = render(&ReportInput { clips: (0..9).map(still).collect(), ..ReportInput::default() });
        assert!(page.contains("9 pictures in order") && check_well_formed(&page).is_ok());
    }
}
