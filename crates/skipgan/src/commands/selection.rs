//! What a trained network was chosen on, and whether the footage that it is to score had a say: `selection` in `.meta.json`
//! (EVALUATION.md §1.3, §1.4).

use super::detector::Opened;
use crate::config::Select;
use crate::data::Clip;
use crate::data::fingerprint::fingerprint;
use crate::evaluate::Selection;
use std::path::Path;

/// The verdict and what speaks against the strict protocol, one sentence each.
pub struct Selected {
    /// Train, held out or test.
    pub selection: Selection,
    /// Why the test set had a say, where it had.
    pub reasons: Vec<String>,
}

/// Looks at the settings, and compares the footage to be scored with that of the training and of the calibration. Only whole sets are
/// recognised: who mixes a training clip among others must know.
pub fn selected(opened: &Opened, clips: &[Clip]) -> Selected {
    let by_settings = match opened.checkpoint.config.select {
        Select::Validation => Selection::Heldout,
        Select::Last => Selection::Train,
        Select::TestBest => Selection::Test,
    };
    let live = clips.iter().any(|clip| clip.path() == Path::new("-"));
    let footage = if live { None } else { fingerprint(clips).ok() };
    let provenance = &opened.checkpoint.provenance;
    let seen = [
        (&provenance.data_fingerprint, "the network was trained on the very footage that is scored"),
        (&provenance.calibrated_on, "scale and threshold were taken from the very footage that is scored"),
    ];
    let reasons: Vec<String> =
        seen.into_iter().filter(|(known, _)| footage.as_ref() == Some(*known)).map(|(_, reason)| reason.to_string()).collect();
    Selected { selection: if reasons.is_empty() { by_settings } else { Selection::Test }, reasons }
}
