//! Rows of a table side by side: a value each, its interval, and what it is the mean of.

use super::{Axis, Plot};

/// A row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowMark {
    /// Its name.
    pub name: String,
    /// Its value; `None` where it has none.
    pub value: Option<f64>,
    /// The interval about it.
    pub interval: Option<[f64; 2]>,
    /// What it is the mean of.
    pub each: Vec<f64>,
}

/// CSS pixels of a row.
const ROW: u32 = 26;
/// Least and most CSS pixels for names, and how many a character takes.
const NAMES: (u32, u32, u32) = (48, 420, 7);

/// One line a row, the first on top; the first row's value is drawn through all of them.
pub fn rows(title: &str, marks: &[RowMark], label: &str) -> Plot {
    let every = || marks.iter().flat_map(|mark| mark.value.into_iter().chain(mark.interval.into_iter().flatten()).chain(mark.each.clone()));
    let (low, high) = every().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let room = 0.04 * (high - low).max(1.0);
    let names: Vec<&str> = marks.iter().map(|mark| mark.name.as_str()).collect();
    let characters = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let left = (u32::try_from(characters).unwrap_or(u32::MAX)).saturating_mul(NAMES.2).saturating_add(14).clamp(NAMES.0, NAMES.1);
    let height = ROW.saturating_mul(u32::try_from(marks.len().max(1)).unwrap_or(u32::MAX));
    let mut plot = Plot::new(title, height, Axis::linear(low - room, high + room, 6, label), Axis::named(&names)).with_left(left);
    if let Some(first) = marks.first().and_then(|mark| mark.value) {
        plot.upright("chance", first);
    }
    for (at, mark) in marks.iter().enumerate() {
        let y = Axis::place_of_name(at, marks.len());
        if let Some([low, high]) = mark.interval {
            plot.curve("curve pale", &[(low, y), (high, y)]);
        }
        for &value in mark.each.iter().filter(|_| mark.each.len() > 1) {
            plot.dot("seed", value, y, 2.5);
        }
        if let Some(value) = mark.value {
            plot.dot("mark", value, y, 4.0);
        }
    }
    plot
}

#[cfg(test)]
mod tests {
    use super::super::svg::check_well_formed;
    use super::*;

    #[test]
    fn every_row_has_its_line_and_escapes_its_name() {
        let mark = |name: &str, value| RowMark { name: name.into(), value, interval: None, each: vec![97.0, 98.0] };
        let text = rows("a & b", &[mark("<base>", Some(97.5)), mark("none", None)], "AUC").file(600);
        check_well_formed(&text).expect("an SVG");
        assert!(text.contains("&lt;base&gt;") && text.contains(">none<"), "{text}");
        assert_eq!((text.matches(r#"class="seed""#).count(), text.matches(r#"class="mark""#).count()), (4, 1));
    }
}
