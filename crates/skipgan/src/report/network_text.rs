//! The sentence on whether the network earns its keep on this camera: S against motion + place, which need no network.

use crate::evaluate::{Higher, PairedComparison};

/// By labels.
pub fn network_sentence(comparison: &PairedComparison) -> String {
    let (Some(with), Some(without), Some(difference), Some([low, high])) =
        (comparison.auroc, comparison.other_auroc, comparison.difference, comparison.ci95)
    else {
        return "Whether the network earns its keep here takes frames of both classes to say.".into();
    };
    let verdict = match comparison.higher {
        Some(Higher::This) => "earns its keep here",
        Some(Higher::Other) => "does harm here: baseline flow-place does better",
        Some(Higher::Neither) | None => "is not shown to earn its keep here: baseline flow-place may do as well",
    };
    let points = |value: f64| format!("{:+.1}", 100.0 * value);
    format!(
        "The network {verdict}; frame AUC {:.1} % with it, {:.1} % by motion and place alone, {} points [{}, {}] over the same draws of clips.",
        100.0 * with,
        100.0 * without,
        points(difference),
        points(low),
        points(high)
    )
}

/// Without labels: how much it changes, not whether for the better.
pub fn network_sentence_without_labels(same_highest: f64) -> String {
    format!(
        "Whether the network earns its keep here takes labels to say; of the hundredth of frames with the highest scores, {:.0} % are among \
         the highest by motion and place alone, too.",
        100.0 * same_highest
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{ClipScores, Options, OtherScores, compare};

    fn sentence(with: &[f64], without: &[f64], labels: &[u8]) -> String {
        let clips = [ClipScores { name: "a", scores: with, labels }; 2];
        let options = Options { draws: 50, seed: 0 };
        network_sentence(&compare(&clips, &[without, without], OtherScores::default(), options).expect("fine scores"))
    }

    #[test]
    fn each_verdict_has_its_words() {
        let (good, bad, labels) = ([0.1, 0.2, 0.9, 0.8], [0.1, 0.9, 0.8, 0.2], [0, 0, 1, 1]);
        let found = sentence(&good, &bad, &labels);
        assert!(found.contains("earns its keep here; frame AUC 100.0 % with it, 50.0 % by") && found.contains("+50.0 points"), "{found}");
        assert!(sentence(&bad, &good, &labels).contains("does harm"));
        assert!(sentence(&good, &good, &labels).contains("is not shown to earn its keep"));
        assert!(sentence(&good, &bad, &[0; 4]).contains("takes frames of both classes"));
        assert!(network_sentence_without_labels(0.25).contains("25 % are among the highest"));
    }
}
