//! The part of the page made of numbers: cards, comparison, clips, conventions, floor, configuration, provenance.

use super::input::{ClipResult, Comparison, ConfigRow, Fact, ReportInput};
use super::verdict::{STRICT, grouped, percent, percent_or_dash};
use crate::evaluate::Evaluation;
use maud::{Markup, html};

/// Rows of the table of clips.
const CLIP_ROWS: usize = 400;

/// The headline numbers.
pub(super) fn cards(evaluation: &Evaluation) -> Markup {
    let frame = [
        (if evaluation.strict { "Frame AUC, strict" } else { "Frame AUC, not strict" }, evaluation.frame_auroc_micro, STRICT),
        ("Average precision", evaluation.frame_ap, "frame_AP"),
        ("Equal error rate", evaluation.frame_eer, "frame_EER"),
        ("False alarms at 95 % found", evaluation.frame_fpr95, "frame_FPR95"),
    ];
    let place = [
        ("Pixel AUC", evaluation.pixel_auroc, "pixel_AUROC"),
        ("AUPRO", evaluation.pixel_aupro, "pixel_AUPRO"),
        ("Regions found, RBDC", evaluation.rbdc, "RBDC"),
        ("Tracks found, TBDC", evaluation.tbdc, "TBDC"),
    ];
    let known = frame.into_iter().chain(place.into_iter().filter(|(_, value, _)| value.is_some()));
    html! {
        div.cards {
            @for (name, value, key) in known {
                div.card.(if key == STRICT { "first" } else { "other" }) {
                    div.name { (name) }
                    div.value { (percent_or_dash(value)) @if value.is_some() { small { " %" } } }
                    div.beside {
                        @if let Some([low, high]) = evaluation.interval(key) { "95 % interval " (percent(low)) " to " (percent(high)) }
                        @else if key == "frame_AP" { "chance " (percent(evaluation.prevalence)) }
                        @else if value.is_none() { (evaluation.null_reasons.get(key).map_or("not known", String::as_str)) }
                    }
                }
            }
        }
        p.soft {
            (grouped(evaluation.n_frames)) " frames of " (grouped(evaluation.n_clips)) " clips, " (grouped(evaluation.n_anomalous_frames)) " anomalous ("
            (percent(evaluation.prevalence)) " %). A frame counter earns " (percent_or_dash(evaluation.floor())) " %."
            @if evaluation.rbdc.is_none() { " Pixel and region numbers: " (why_no_place(evaluation)) }
        }
    }
}

fn why_no_place(evaluation: &Evaluation) -> &str {
    evaluation.null_reasons.get("RBDC").or_else(|| evaluation.null_reasons.get("pixel_AUROC")).map_or("not measured.", String::as_str)
}

/// This detector among others, with intervals, on one scale from the lowest to 100 %.
pub(super) fn comparison(input: &ReportInput) -> Markup {
    let Some((evaluation, auroc)) = input.evaluation.as_ref().and_then(|e| Some((e, e.frame_auroc_micro?))) else { return html! {} };
    if input.comparisons.is_empty() {
        return html! {};
    }
    let own = Comparison { name: input.title.clone(), auroc, interval: evaluation.interval(STRICT) };
    let floor = evaluation.floor();
    let lows = input.comparisons.iter().chain([&own]).map(|row| row.interval.map_or(row.auroc, |[low, _]| low.min(row.auroc)));
    let least = lows.chain(floor).fold(0.9f64, f64::min);
    let start = ((least * 20.0).floor() / 20.0 - 0.05).max(0.0);
    let at = |value: f64| format!("{:.2}%", ((value - start) / (1.0 - start)).clamp(0.0, 1.0) * 100.0);
    html! {
        section {
            h2 { "Beside others, same frames, same protocol" }
            div.forest {
                @for (class, row) in [("own", &own)].into_iter().chain(input.comparisons.iter().map(|row| ("other", row))) {
                    div.name { (row.name) }
                    div.track {
                        @if let Some(floor) = floor { i.floor style={ "left:" (at(floor)) } {} }
                        @if let Some([low, high]) = row.interval { i.interval style={ "left:" (at(low)) ";right:calc(100% - " (at(high)) ")" } {} }
                        i.dot.(class) style={ "left:" (at(row.auroc)) } {}
                    }
                    div.number { (percent(row.auroc)) }
                }
                div.name {}
                div.scale { span { (percent(start)) " %" } span { "strict AUC; the upright line is the frame counter" } span { "100 %" } }
                div.number {}
            }
        }
    }
}

/// One row a clip.
pub(super) fn clips(input: &ReportInput) -> Markup {
    let Some(evaluation) = input.evaluation.as_ref().filter(|e| !e.per_clip.is_empty()) else { return unlabelled_clips(input) };
    html! {
        section {
            h2 { "Clip by clip" }
            div.scroll { table {
                thead { tr { th { "Clip" } th.n { "Frames" } th.n { "Anomalous" } th.n { "AUC, %" } th.n { "Alarms" } th { "Notes" } } }
                tbody {
                    @for line in evaluation.per_clip.iter().take(CLIP_ROWS) {
                        @let clip = input.clips.iter().find(|clip| clip.name == line.clip);
                        tr {
                            td { (line.clip) }
                            td.n { (grouped(line.n_frames)) }
                            td.n { (grouped(line.n_anomalous)) }
                            td.n title=[line.auroc.is_none().then_some("one class only")] { (percent_or_dash(line.auroc)) }
                            td.n { (clip.map_or_else(|| "–".into(), alarms)) }
                            td.soft { (clip.map(|clip| clip.notes.join("; ")).unwrap_or_default()) }
                        }
                    }
                }
            } }
            @if evaluation.per_clip.len() > CLIP_ROWS { p.soft { "The first " (CLIP_ROWS) " of " (evaluation.per_clip.len()) " clips." } }
        }
    }
}

/// One row a clip, where nobody knows what is anomalous.
fn unlabelled_clips(input: &ReportInput) -> Markup {
    let highest = |clip: &ClipResult| {
        let finite = clip.scores.iter().copied().enumerate().filter(|(_, score)| score.is_finite());
        finite.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
    };
    html! {
        @if !input.clips.is_empty() {
            section {
                h2 { "Clip by clip" }
                div.scroll { table {
                    thead { tr { th { "Clip" } th.n { "Frames" } th.n { "Alarms" } th.n { "Highest score" } th.n { "at frame" } th { "Notes" } } }
                    tbody {
                        @for clip in input.clips.iter().take(CLIP_ROWS) {
                            @let highest = highest(clip);
                            tr {
                                td { (clip.name) }
                                td.n { (grouped(clip.scores.len())) }
                                td.n { (alarms(clip)) }
                                td.n { (highest.map_or_else(|| "–".into(), |(_, score)| format!("{score:.2}").replace('-', "−"))) }
                                td.n { (highest.map_or_else(|| "–".into(), |(frame, _)| frame.to_string())) }
                                td.soft { (clip.notes.join("; ")) }
                            }
                        }
                    }
                } }
                @if input.clips.len() > CLIP_ROWS { p.soft { "The first " (CLIP_ROWS) " of " (input.clips.len()) " clips." } }
            }
        }
    }
}

fn alarms(clip: &ClipResult) -> String {
    clip.alarms.as_ref().map_or_else(|| "–".into(), |alarms| grouped(alarms.iter().filter(|alarm| **alarm).count()))
}

/// Numbers that papers print, and what a score without information gets by the same rules.
pub(super) fn conventions(evaluation: &Evaluation) -> Markup {
    let c = &evaluation.conventions;
    let rows = [
        ("mean over clips with both classes", c.frame_auroc_macro),
        ("mean over clips, padded", c.frame_auroc_macro_padded),
        ("min-max per clip", c.frame_auroc_clip_minmax),
        ("first 4 frames dropped, min-max per clip", c.frame_auroc_drop4_clip_minmax),
        ("Gaussian over time (12 future frames)", c.frame_auroc_gauss3),
        ("first 4 dropped, median of 17 (8 future frames)", c.frame_auroc_drop4_median17),
        ("min-max per clip, then Gaussian", c.frame_auroc_clip_minmax_gauss3),
    ];
    let none = &evaluation.no_information;
    let blind = [("frame number", &none.index), ("position in the clip", &none.relative_position), ("a constant", &none.constant)];
    html! {
        section.pair {
            div {
                h2 { "Conventions of the literature " span.tag { "not strict" } }
                p.lead { "For comparison with papers only: each uses test statistics, future frames, or leaves frames out." }
                div.scroll { table { tbody {
                    @for (name, value) in rows { tr { td { (name) } td.n { (percent_or_dash(value)) } } }
                } } }
            }
            div {
                h2 { "What no information earns" }
                p.lead { "AUC of scores that never see a picture, on the same labels." }
                div.scroll { table {
                    thead { tr { th { "Score" } th.n { "pooled" } th.n { "min-max" } th.n { "padded" } } }
                    tbody {
                        @for (name, row) in blind {
                            tr {
                                td { (name) }
                                td.n { (percent_or_dash(row.frame_auroc_micro)) }
                                td.n { (percent_or_dash(row.frame_auroc_clip_minmax)) }
                                td.n { (percent_or_dash(row.frame_auroc_macro_padded)) }
                            }
                        }
                    }
                } }
            }
        }
    }
}

/// Configuration, data, commands, provenance.
pub(super) fn origin(input: &ReportInput) -> Markup {
    html! {
        @if !input.commands.is_empty() {
            section { h2 { "How to make this again" } pre { @for command in &input.commands { span.prompt { "$ " } (command) "\n" } } }
        }
        section.pair {
            (facts("Data", &input.data))
            (facts("Provenance", &input.provenance))
        }
        (config(&input.config))
    }
}

/// A list of facts under a heading; nothing where there are none.
pub(super) fn facts(heading: &str, facts: &[Fact]) -> Markup {
    html! {
        @if !facts.is_empty() {
            div {
                h2 { (heading) }
                dl { @for fact in facts { dt { (fact.label) } dd { (fact.value) } } }
            }
        }
    }
}

fn config(rows: &[ConfigRow]) -> Markup {
    let differing: Vec<&ConfigRow> = rows.iter().filter(|row| row.preset_value.is_some()).collect();
    let preset = rows.iter().find(|row| row.key == "preset").map_or("", |row| row.value.trim_matches('"'));
    html! {
        @if !rows.is_empty() {
            section {
                h2 { "Configuration" }
                @if differing.is_empty() { p.lead { "Preset " b { (preset) } ", nothing changed." } }
                @else {
                    p.lead { "Preset " b { (preset) } " with these changes:" }
                    div.scroll { table {
                        thead { tr { th { "Key" } th { "Here" } th { "Preset" } } }
                        tbody { @for row in &differing { tr { td { code { (row.key) } } td { code { (row.value) } } td.soft { code { (row.preset_value.as_deref().unwrap_or("")) } } } } }
                    } }
                }
                details { summary { "All " (rows.len()) " keys" } pre { @for row in rows { (row.key) " = " (row.value) "\n" } } }
            }
        }
    }
}
