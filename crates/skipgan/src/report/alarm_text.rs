//! Two blocks of the evaluation's text: what the alarms are worth, and which of two detectors is higher.

use crate::alarm_events::Clock;
use crate::evaluate::{AlarmRecord, Evaluation, Higher, PairedComparison};
use std::fmt::Write as _;

// Writing to a String cannot fail, so the results of `writeln!` are let go in this module.

/// False alarms and detected events; one line with the reason where there are no alarms.
pub(super) fn alarm_block(text: &mut String, evaluation: &Evaluation) {
    let Some(record) = &evaluation.alarms else {
        let reason = evaluation.null_reasons.get("alarms").map_or("not known", String::as_str);
        let _ = writeln!(text, "\nalarms: – ({reason})");
        return;
    };
    match &record.threshold {
        Some(threshold) => _ = writeln!(text, "\nalarms (score from {})", threshold.in_words()),
        None => _ = writeln!(text, "\nalarms (column alarm)"),
    }
    let _ = writeln!(text, "  {:<24}{:>6}   {}", "false alarms", record.n_false_alarms, rate(record));
    let missed = record.n_alarm_events - record.n_false_alarms;
    let of = format!("of {} true events, by {missed} alarm events", record.n_true_events);
    let _ = writeln!(text, "  {:<24}{:>6}   {of}", "detected events", record.n_detected_events);
}

/// "2.0 an hour, in 3.0 hours of normal footage".
fn rate(record: &AlarmRecord) -> String {
    match (record.time, record.false_alarms_per_hour, record.normal_hours, record.false_alarms_per_1000_frames) {
        (Clock::Pts | Clock::Fps, Some(rate), Some(hours), _) if hours < 1.0 => {
            format!("{rate:.1} an hour, in {:.1} minutes of normal footage ({})", 60.0 * hours, record.time.source())
        }
        (Clock::Pts | Clock::Fps, Some(rate), Some(hours), _) => {
            format!("{rate:.1} an hour, in {hours:.1} hours of normal footage ({})", record.time.source())
        }
        (_, _, _, Some(rate)) => {
            format!("{rate:.1} per 1,000 frames, in {} normal frames ({})", record.n_normal_frames, record.time.source())
        }
        _ => "no frame is normal".to_owned(),
    }
}

/// The paired comparison, where one was asked for.
pub(super) fn comparison_block(text: &mut String, evaluation: &Evaluation) {
    let Some(comparison) = &evaluation.comparison else { return };
    let percent = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{:.1}", 100.0 * value));
    let _ = writeln!(text, "\ncompared with {} (frame AUROC, the same draws of clips for both)", comparison.other);
    let _ = writeln!(text, "  {:<24}{:>6}", "these scores", percent(comparison.auroc));
    let _ = writeln!(text, "  {:<24}{:>6}", format!("the others ({})", comparison.other_column), percent(comparison.other_auroc));
    let points = |value: f64| format!("{:+.1}", 100.0 * value);
    let difference = comparison.difference.map_or_else(|| "–".to_owned(), points);
    let interval = comparison.ci95.map_or_else(String::new, |[low, high]| format!("[{}, {}]", points(low), points(high)));
    let _ = writeln!(text, "  {:<24}{difference:>6}   {interval:<16}  {}", "difference", verdict(comparison));
}

fn verdict(comparison: &PairedComparison) -> &'static str {
    match comparison.higher {
        Some(Higher::This) => "these scores are higher",
        Some(Higher::Other) => "the others are higher",
        Some(Higher::Neither) => "neither is shown to be higher",
        None => "a ranking needs both classes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{ClipAlarms, ClipScores, Inputs, Options, OtherScores, Provenance, compare, evaluate, judge_alarms};

    const SCORES: [f64; 6] = [0.1, 0.2, 0.9, 0.8, 0.3, 0.7];
    const OTHERS: [f64; 6] = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7];
    const LABELS: [u8; 6] = [0, 0, 1, 1, 0, 0];

    fn evaluation() -> Evaluation {
        let clips = [ClipScores { name: "a", scores: &SCORES, labels: &LABELS }];
        let inputs = Inputs { clips: &clips, masks: None, maps: None, detections: None, tracks: None };
        evaluate(inputs, Provenance::default(), Options { draws: 20, seed: 0 }).expect("fine scores")
    }

    #[test]
    fn without_alarms_the_reason_is_said() {
        let mut text = String::new();
        alarm_block(&mut text, &evaluation());
        comparison_block(&mut text, &evaluation());
        assert_eq!(text, "\nalarms: – (the scores have no column alarm, or an empty cell in it)\n");
    }

    #[test]
    fn rates_and_events_stand_with_their_clock() {
        let (alarms, seconds) = ([false, false, false, true, false, false], [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
        let block = |seconds: Option<&[f64]>| {
            let mut text = String::new();
            let clip = ClipAlarms { alarms: &alarms, labels: &LABELS, seconds };
            alarm_block(&mut text, &evaluation().with_alarms(judge_alarms(&[clip], Clock::Pts, None)));
            text
        };
        let timed = block(Some(&seconds));
        assert!(timed.contains("0.0 an hour, in 0.7 minutes of normal footage (time from the footage)"), "{timed}");
        assert!(timed.contains("detected events              1   of 1 true events, by 1 alarm events"), "{timed}");
        assert!(block(None).contains("0.0 per 1,000 frames, in 4 normal frames (no time is known: name it with --fps)"));
    }

    #[test]
    fn a_comparison_says_which_is_higher() {
        let clips = [ClipScores { name: "a", scores: &SCORES, labels: &LABELS }; 2];
        let origin = OtherScores { name: "old.csv".into(), sha256: None, column: "score".into() };
        let found = compare(&clips, &[&OTHERS, &OTHERS], origin, Options { draws: 50, seed: 0 }).expect("fine scores");
        let mut text = String::new();
        comparison_block(&mut text, &evaluation().with_comparison(found));
        assert!(text.contains("compared with old.csv") && text.contains("these scores are higher"), "{text}");
        assert!(text.contains("+50.0   [+50.0, +50.0]"), "{text}");
    }
}
