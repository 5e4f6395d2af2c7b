//! What the numbers mean, in a sentence: the strict AUC with its interval and floor, or why there is none.

use super::input::ClipResult;
use crate::evaluate::Evaluation;

/// How a verdict reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Above the floor, by the strict protocol.
    Shown,
    /// Not above the floor, or not strict.
    Doubtful,
    /// Nothing was measured.
    Unknown,
}

/// A sentence, what stands below it, and its tone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The sentence.
    pub sentence: String,
    /// Reasons and limits, one sentence each.
    pub reasons: Vec<String>,
    /// How it reads.
    pub tone: Tone,
}

/// A share as per cent with one decimal.
pub fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

/// An optional share as per cent; a dash for what is not known.
pub fn percent_or_dash(share: Option<f64>) -> String {
    share.map_or_else(|| "–".into(), percent)
}

/// A count with its thousands set apart.
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let commas = |(i, digit): (usize, char)| ((digits.len() - i).is_multiple_of(3) && i > 0).then_some(',').into_iter().chain([digit]);
    digits.chars().enumerate().flat_map(commas).collect()
}

/// The key of the strict number.
pub const STRICT: &str = "frame_AUROC_micro";

/// What can be said of scores whose truth is not known: how many are alarms.
pub fn unlabelled(clips: &[ClipResult]) -> Verdict {
    let frames: usize = clips.iter().map(|clip| clip.scores.len()).sum();
    let alarms: Option<Vec<&Vec<bool>>> = clips.iter().map(|clip| clip.alarms.as_ref()).collect();
    let sentence = match alarms {
        Some(alarms) => {
            let count = alarms.into_iter().flatten().filter(|alarm| **alarm).count();
            format!("{} of {} frames raised an alarm.", grouped(count), grouped(frames))
        }
        None => format!("{} frames were scored.", grouped(frames)),
    };
    let reason = "There are no labels, so nothing here says how many of them are rightly so.";
    Verdict { sentence, reasons: vec![reason.into()], tone: Tone::Unknown }
}

/// The verdict on an evaluation, or on the lack of one.
pub fn verdict(evaluation: Option<&Evaluation>) -> Verdict {
    let unknown = |sentence: String, reasons| Verdict { sentence, reasons, tone: Tone::Unknown };
    let Some(evaluation) = evaluation else {
        return unknown("Nothing has been measured yet.".into(), vec!["Scores and labels were not given.".into()]);
    };
    let Some(auroc) = evaluation.frame_auroc_micro else {
        let reason = evaluation.null_reasons.get(STRICT).cloned();
        return unknown("There is no AUC.".into(), reason.into_iter().collect());
    };
    let kind = if evaluation.strict { "Strict AUC" } else { "AUC (not strict)" };
    let interval = evaluation.interval(STRICT).map(|[low, high]| format!(" [{}, {}]", percent(low), percent(high))).unwrap_or_default();
    let floor = percent_or_dash(evaluation.floor());
    let shown = evaluation.above_floor == Some(true);
    let beside = match evaluation.above_floor {
        Some(true) => format!("above the {floor} % of a frame counter"),
        Some(false) => format!("not shown to beat the frame counter ({floor} %)"),
        None => "the frame counter's floor is not known".into(),
    };
    let mut reasons = evaluation.not_strict_because.clone();
    if evaluation.above_floor == Some(false) {
        reasons
            .push("The lower end of the interval lies at or below what counting frames earns, so this number alone shows nothing.".into());
    }
    let tone = if shown && evaluation.strict { Tone::Shown } else { Tone::Doubtful };
    Verdict { sentence: format!("{kind} {} %{interval}, {beside}.", percent(auroc)), reasons, tone }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluation() -> Evaluation {
        let mut evaluation = Evaluation { strict: true, frame_auroc_micro: Some(0.879), above_floor: Some(true), ..Evaluation::default() };
        evaluation.ci95.insert(STRICT.into(), Some([0.796, 0.943]));
        evaluation.no_information.index.frame_auroc_micro = Some(0.742);
        evaluation.no_information.relative_position.frame_auroc_micro = Some(0.25);
        evaluation
    }

    #[test]
    fn the_sentence_holds_number_interval_and_floor() {
        let found = verdict(Some(&evaluation()));
        assert_eq!(found.sentence, "Strict AUC 87.9 % [79.6, 94.3], above the 75.0 % of a frame counter.");
        assert_eq!((found.tone, found.reasons.len()), (Tone::Shown, 0));
    }

    #[test]
    fn what_is_not_shown_is_called_so() {
        let weak = Evaluation { above_floor: Some(false), ..evaluation() };
        let found = verdict(Some(&weak));
        assert!(found.sentence.contains("not shown to beat the frame counter"), "{}", found.sentence);
        assert_eq!(found.tone, Tone::Doubtful);
    }

    #[test]
    fn what_is_not_strict_is_called_so() {
        let loose = Evaluation { strict: false, not_strict_because: vec!["Chosen on the test set.".into()], ..evaluation() };
        let found = verdict(Some(&loose));
        assert!(found.sentence.starts_with("AUC (not strict) 87.9"), "{}", found.sentence);
        assert_eq!((found.tone, found.reasons.as_slice()), (Tone::Doubtful, &["Chosen on the test set.".to_owned()][..]));
    }

    #[test]
    fn without_labels_alarms_are_counted_and_not_judged() {
        let clip = ClipResult { scores: vec![0.0, 2.0, 3.0], alarms: Some(vec![false, false, true]), ..ClipResult::default() };
        let found = unlabelled(std::slice::from_ref(&clip));
        assert_eq!((found.sentence.as_str(), found.tone), ("1 of 3 frames raised an alarm.", Tone::Unknown));
        assert_eq!(unlabelled(&[ClipResult { alarms: None, ..clip }]).sentence, "3 frames were scored.");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn without_numbers_it_says_so() {
        assert_eq!(verdict(None).tone, Tone::Unknown);
        let mut one_class = Evaluation::default();
        one_class.null_reasons.insert(STRICT.into(), "Only normal frames.".into());
        assert_eq!(verdict(Some(&one_class)).reasons, ["Only normal frames."]);
    }
}
