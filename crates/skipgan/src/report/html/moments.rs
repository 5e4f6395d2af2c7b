//! The part of the page that shows frames: best hits, worst misses, worst false alarms (without labels: the highest scores), each as picture, reconstruction and map.

use super::input::{Captioned, Moment, MomentKind, ReportInput};
use crate::report::picture::Picture;
use crate::report::plot::clock;
use maud::{Markup, html};

/// Bytes of encoded pictures on a page at most; beyond it all of them are shrunk.
const PICTURE_BYTES: usize = 3_000_000;
/// Longest side of a picture, and what it may be shrunk to.
const SIDES: [usize; 5] = [400, 320, 240, 160, 96];

/// Pictures made ready for the page, in the order in which they are asked for.
pub(super) struct Album {
    addresses: std::vec::IntoIter<String>,
}

impl Album {
    /// Encodes all pictures of the page (moments, then samples) at the largest side that keeps them within the limit; what does not fit
    /// even then is left out.
    pub(super) fn new(input: &ReportInput) -> Self {
        let moments = input.moments.iter().flat_map(|moment| &moment.pictures);
        let samples = input.training.iter().flat_map(|training| training.samples.iter().flatten());
        let pictures: Vec<&Picture> = moments.chain(samples).map(|captioned| &captioned.picture).collect();
        let mut addresses = Vec::new();
        for side in SIDES {
            addresses = pictures.iter().map(|picture| picture.shrunk(side).data_uri()).collect();
            if addresses.iter().map(String::len).sum::<usize>() <= PICTURE_BYTES {
                break;
            }
        }
        let mut left = PICTURE_BYTES;
        for address in &mut addresses {
            match left.checked_sub(address.len()) {
                Some(rest) => left = rest,
                None => address.clear(),
            }
        }
        Self { addresses: addresses.into_iter() }
    }

    /// A row of pictures with their captions.
    pub(super) fn row(&mut self, pictures: &[Captioned]) -> Markup {
        html! {
            div.strip {
                @for captioned in pictures {
                    @let address = self.addresses.next().unwrap_or_default();
                    div {
                        @if address.is_empty() { div.absent { "left out to keep the page small" } }
                        @else { img src=(address) alt=(captioned.caption); }
                        span { (captioned.caption) }
                    }
                }
            }
        }
    }
}

/// The frames worth looking at, by kind.
pub(super) fn section(input: &ReportInput, album: &mut Album) -> Markup {
    let kinds = [
        (MomentKind::Hit, "Found best", "Anomalous frames with the highest scores."),
        (MomentKind::Miss, "Missed worst", "Anomalous frames with the lowest scores."),
        (MomentKind::FalseAlarm, "Worst false alarms", "Normal frames with the highest scores."),
        (MomentKind::Highest, "Highest scores", "Where this footage departs most from normal; without labels, judge for yourself."),
    ];
    // The album gives pictures in the order of the input, so they are laid out before they are sorted by kind.
    let laid: Vec<(MomentKind, Markup)> = input.moments.iter().map(|moment| (moment.kind, moment_markup(moment, album))).collect();
    html! {
        @for (kind, heading, words) in kinds {
            @if laid.iter().any(|(other, _)| *other == kind) {
                section {
                    h2 { (heading) }
                    p.lead { (words) }
                    div.moments { @for (_, markup) in laid.iter().filter(|(other, _)| *other == kind) { (markup) } }
                }
            }
        }
    }
}

fn moment_markup(moment: &Moment, album: &mut Album) -> Markup {
    html! {
        figure {
            (album.row(&moment.pictures))
            figcaption {
                b { (moment.clip) } " frame " (moment.frame)
                @if let Some(time) = moment.time_s { ", " (clock(time)) }
                span.score { "score " (format!("{:.2}", moment.score).replace('-', "−")) }
            }
        }
    }
}
