//! The SVG itself: escaping, the frame of a plot with its axes, and the two ways of giving it out (inside a page, as a file).

use super::Axis;
use std::fmt::Write as _;

/// The variables and classes that plots are drawn with, for the page or the file that holds them.
pub const STYLE: &str = include_str!("plot.css");

/// Side of the stretched inner picture in its own units.
const UNITS: f64 = 1000.0;
/// CSS pixels left of the drawing in a file of its own, for the ticks' texts.
const LEFT: u32 = 48;
/// Height of the lane of marks along the lower edge, in CSS pixels.
const LANE: f64 = 5.0;

/// How high a mark reaches from the lower edge.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reach {
    /// To the top.
    Whole,
    /// The lane.
    Lane,
}

/// `text` as XML text or attribute value; characters that XML forbids become U+FFFD.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\u{0}'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A plot under construction: two axes, shapes between them, notes on top.
#[derive(Clone, Debug)]
pub struct Plot {
    title: String,
    height: u32,
    left: u32,
    x: Axis,
    y: Axis,
    shapes: String,
    notes: String,
}

impl Plot {
    /// An empty plot `height` CSS pixels high between its axes; `title` is read to those who cannot see it.
    pub fn new(title: &str, height: u32, x: Axis, y: Axis) -> Self {
        Self { title: title.into(), height, left: LEFT, x, y, shapes: String::new(), notes: String::new() }
    }

    /// With so many CSS pixels for the texts of the upright axis, in a file of its own.
    #[must_use]
    pub fn with_left(self, left: u32) -> Self {
        Self { left, ..self }
    }

    /// Units of the inner picture across and down; 1 decimal is finer than a pixel.
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.position(x) * UNITS, (1.0 - self.y.position(y)) * UNITS)
    }

    /// A curve through points.
    pub(super) fn curve(&mut self, class: &str, points: &[(f64, f64)]) {
        let mut path = String::new();
        for (i, &point) in points.iter().enumerate() {
            let (x, y) = self.place(point);
            let _ = write!(path, "{}{x:.1} {y:.1}", if i == 0 { "M" } else { "L" });
        }
        if !path.is_empty() {
            let _ = write!(self.shapes, r#"<path class="{}" d="{path}"/>"#, escape(class));
        }
    }

    /// A filled shape through points, closed at the bottom.
    pub(super) fn area(&mut self, class: &str, points: &[(f64, f64)]) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let mut path = format!("M{:.1} {UNITS}", self.place(*first).0);
        for &point in points {
            let (x, y) = self.place(point);
            let _ = write!(path, "L{x:.1} {y:.1}");
        }
        let _ = write!(self.shapes, r#"<path class="{}" d="{path}L{:.1} {UNITS}Z"/>"#, escape(class), self.place(*last).0);
    }

    /// A band over the whole height between two x, at least a hair wide, with words for whoever points at it.
    pub(super) fn band(&mut self, class: &str, from: f64, to: f64, words: &str) {
        self.rectangle(class, (from, to), (0.0, UNITS), words);
    }

    /// A mark in the lane along the lower edge, `LANE` pixels high.
    pub(super) fn lane(&mut self, class: &str, from: f64, to: f64, words: &str) {
        let height = self.lane_height();
        self.rectangle(class, (from, to), (UNITS - height, height), words);
    }

    /// Many bands, or lane marks, as one shape without words.
    pub(super) fn many(&mut self, class: &str, spans: impl Iterator<Item = (f64, f64)>, height: Reach) {
        let height = match height {
            Reach::Whole => UNITS,
            Reach::Lane => self.lane_height(),
        };
        let mut path = String::new();
        for (from, to) in spans {
            let left = self.x.position(from) * UNITS;
            let width = (self.x.position(to) * UNITS - left).max(1.2);
            let _ = write!(path, "M{left:.1} {UNITS}h{width:.1}v{0:.1}h{1:.1}z", -height, -width);
        }
        let _ = write!(self.shapes, r#"<path class="{}" d="{path}"/>"#, escape(class));
    }

    fn lane_height(&self) -> f64 {
        LANE / f64::from(self.height) * UNITS
    }

    fn rectangle(&mut self, class: &str, (from, to): (f64, f64), (top, height): (f64, f64), words: &str) {
        let left = self.x.position(from) * UNITS;
        let width = (self.x.position(to) * UNITS - left).max(1.2);
        let _ = write!(
            self.shapes,
            r#"<rect class="{}" x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}"><title>{}</title></rect>"#,
            escape(class),
            escape(words)
        );
    }

    /// A line across the whole width at `y`.
    pub(super) fn level(&mut self, class: &str, y: f64) {
        let down = (1.0 - self.y.position(y)) * 100.0;
        let _ = write!(self.notes, r#"<line class="{}" x1="0" x2="100%" y1="{down:.2}%" y2="{down:.2}%"/>"#, escape(class));
    }

    /// A line over the whole height at `x`.
    pub(super) fn upright(&mut self, class: &str, x: f64) {
        let across = self.x.position(x) * 100.0;
        let _ = write!(self.notes, r#"<line class="{}" x1="{across:.2}%" x2="{across:.2}%" y1="0" y2="100%"/>"#, escape(class));
    }

    /// A point with words beside it; words stand to the left in the right half.
    pub(super) fn mark(&mut self, class: &str, x: f64, y: f64, words: &str) {
        let (across, down) = (self.x.position(x) * 100.0, (1.0 - self.y.position(y)) * 100.0);
        let (shift, anchor) = if across > 55.0 { (-9, "end") } else { (9, "start") };
        // Above a point near the axis; else below it, where a rising curve leaves room.
        let lower = if down > 75.0 { "-.8em" } else { "1.9em" };
        let _ = write!(
            self.notes,
            r#"<circle class="{0}" cx="{across:.2}%" cy="{down:.2}%" r="4"/><text class="note" x="{across:.2}%" y="{down:.2}%" dx="{shift}" dy="{lower}" text-anchor="{anchor}">{1}</text>"#,
            escape(class),
            escape(words)
        );
    }

    /// A point of that radius without words.
    pub(super) fn dot(&mut self, class: &str, x: f64, y: f64, radius: f64) {
        let (across, down) = (self.x.position(x) * 100.0, (1.0 - self.y.position(y)) * 100.0);
        let _ = write!(self.notes, r#"<circle class="{}" cx="{across:.2}%" cy="{down:.2}%" r="{radius}"/>"#, escape(class));
    }

    /// Grid, ticks and the labels of both axes.
    fn axes(&self) -> String {
        let mut out = String::new();
        for (value, text) in self.y.ticks() {
            let down = (1.0 - self.y.position(*value)) * 100.0;
            let _ = write!(out, r#"<line class="grid" x1="0" x2="100%" y1="{down:.2}%" y2="{down:.2}%"/>"#);
            let _ = write!(out, r#"<text class="tick" x="0" y="{down:.2}%" dx="-7" dy=".32em" text-anchor="end">{}</text>"#, escape(text));
        }
        out.push_str(r#"<line class="base" x1="0" x2="100%" y1="100%" y2="100%"/>"#);
        for (value, text) in self.x.ticks() {
            let across = self.x.position(*value) * 100.0;
            let anchor = if across > 97.0 { "end" } else { "middle" };
            let _ =
                write!(out, r#"<text class="tick" x="{across:.2}%" y="100%" dy="1.35em" text-anchor="{anchor}">{}</text>"#, escape(text));
        }
        if !self.y.label().is_empty() {
            let _ = write!(out, r#"<text class="label" x="0" y="0" dx="-40" dy="-.7em">{}</text>"#, escape(self.y.label()));
        }
        if !self.x.label().is_empty() {
            let _ = write!(out, r#"<text class="label" x="100%" y="100%" dy="2.65em" text-anchor="end">{}</text>"#, escape(self.x.label()));
        }
        out
    }

    fn body(&self) -> String {
        format!(
            r#"<title>{}</title>{}<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" width="100%" height="100%">{}</svg>{}"#,
            escape(&self.title),
            self.axes(),
            self.shapes,
            self.notes
        )
    }

    /// For a page that holds [`STYLE`]: as wide as its place.
    pub fn inline(&self) -> String {
        format!(r#"<svg class="plot" role="img" height="{}">{}</svg>"#, self.height, self.body())
    }

    /// A file of its own, `width` CSS pixels wide.
    pub fn file(&self, width: u32) -> String {
        const RIGHT: u32 = 14;
        const TOP: u32 = 26;
        const BOTTOM: u32 = 44;
        let (height, left) = (self.height, self.left);
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="file" width="{width}" height="{}"><style>{STYLE}</style><rect class="paper" width="100%" height="100%"/><svg class="drawing" x="{left}" y="{TOP}" width="{}" height="{height}" overflow="visible">{}</svg></svg>"#,
            height + TOP + BOTTOM,
            width.saturating_sub(left + RIGHT).max(1),
            self.body()
        )
    }
}

/// Whether every element is closed in order and no bare `&` or `<` stands in text: what a test of SVG or HTML made here needs.
#[cfg(test)]
pub(crate) fn check_well_formed(text: &str) -> Result<usize, String> {
    const VOID: [&str; 4] = ["meta", "img", "br", "link"];
    let (mut open, mut elements, mut rest) = (Vec::new(), 0, text.strip_prefix("<!DOCTYPE html>").unwrap_or(text));
    while let Some(start) = rest.find('<') {
        check_entities(&rest[..start])?;
        let end = rest[start..].find('>').ok_or("a tag without end")? + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        let name = tag.trim_start_matches('/').split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or("");
        if tag.contains('<') || name.is_empty() {
            return Err(format!("broken tag <{tag}>"));
        }
        if tag.starts_with('/') {
            let top = open.pop();
            if top != Some(name) {
                return Err(format!("</{name}> closes {top:?}"));
            }
        } else {
            elements += 1;
            check_attributes(&tag[name.len()..])?;
            if !tag.ends_with('/') && !VOID.contains(&name) {
                open.push(name);
            }
            if name == "style" {
                rest = &rest[rest.find("</style>").ok_or("a style without end")?..];
            }
        }
    }
    if open.is_empty() { Ok(elements) } else { Err(format!("left open: {open:?}")) }
}

#[cfg(test)]
fn check_attributes(attributes: &str) -> Result<(), String> {
    check_entities(attributes)?;
    if attributes.matches('"').count().is_multiple_of(2) { Ok(()) } else { Err(format!("odd quotes in {attributes}")) }
}

#[cfg(test)]
fn check_entities(text: &str) -> Result<(), String> {
    let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
    match text.match_indices('&').find(|(at, _)| !known.iter().any(|entity| text[*at..].starts_with(entity))) {
        Some((at, _)) => Err(format!("bare & before {:?}", text[at..].chars().take(12).collect::<String>())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_whatever_it_holds() {
        assert_eq!(escape("a<b>&\"'\n\u{0}é"), "a&lt;b&gt;&amp;&quot;&#39; \u{fffd}é");
    }

    #[test]
    fn a_plot_is_well_formed_in_both_forms() {
        let axis = Axis::linear(0.0, 10.0, 5, "x <&> \"y\"");
        let mut plot = Plot::new("</svg><script>", 100, axis.clone(), axis);
        plot.curve("curve", &[(0.0, 1.0), (5.0, 99.0)]);
        plot.band("truth", 1.0, 2.0, "a & b");
        plot.mark("mark", 9.0, 9.0, "<here>");
        for text in [plot.inline(), plot.file(600)] {
            assert!(check_well_formed(&text).unwrap() > 10);
            assert!(!text.contains("<script"));
        }
    }

    #[test]
    fn the_check_finds_faults() {
        for bad in ["<a><b></a></b>", "<a>&</a>", "<a x=\"1></a>", "<a>", "</a>"] {
            assert!(check_well_formed(bad).is_err(), "{bad}");
        }
        assert_eq!(check_well_formed("<!DOCTYPE html><a><img src=\"x\"><b/>&lt;</a>"), Ok(3));
    }
}
