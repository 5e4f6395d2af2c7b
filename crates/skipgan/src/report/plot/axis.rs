//! Axes: where values fall, which ticks a reader wants, and how they are written.

/// One axis: its range, its ticks and what it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    ticks: Vec<(f64, String)>,
    label: String,
}

impl Axis {
    /// Even scale from `low` to `high` with ticks at 1, 2 or 5 times a power of ten, at most `most` of them.
    pub fn linear(low: f64, high: f64, most: usize, label: &str) -> Self {
        Self::even((low, high), most, 0.0, label)
    }

    /// As [`Axis::linear`] with ticks at whole numbers only: frames, steps.
    pub fn whole(low: f64, high: f64, most: usize, label: &str) -> Self {
        Self::even((low, high), most, 1.0, label)
    }

    fn even((low, high): (f64, f64), most: usize, least_step: f64, label: &str) -> Self {
        let (low, high) = proper(low, high);
        let step = nice_step((high - low) / most.max(1) as f64).max(least_step);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let at = multiples(low, high, step);
        let ticks = at.into_iter().map(|value| (value, plain(value, decimals, step))).collect();
        Self { low, high, logarithmic: false, ticks, label: label.into() }
    }

    /// Even scale of seconds with ticks as clock times.
    pub fn time(low: f64, high: f64, most: usize, label: &str) -> Self {
        let (low, high) = proper(low, high);
        let wanted = (high - low) / most.max(1) as f64;
        const STEPS: [f64; 17] =
            [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0, 43200.0];
        let days = || (wanted / 86_400.0).ceil() * 86_400.0;
        let step = STEPS.into_iter().find(|&step| step >= wanted).unwrap_or_else(days);
        let ticks = multiples(low, high, step).into_iter().map(|value| (value, clock(value))).collect();
        Self { low, high, logarithmic: false, ticks, label: label.into() }
    }

    /// Logarithmic scale with ticks at powers of ten (and 2 and 5 where there are few); for values above 0.
    pub fn logarithmic(low: f64, high: f64, most: usize, label: &str) -> Self {
        let low = low.max(f64::MIN_POSITIVE);
        let high = high.max(low * 1.001);
        let (first, last) = (low.log10().ceil() as i32, high.log10().floor() as i32);
        let every = ((last - first + 1).max(1) as usize).div_ceil(most.max(1));
        let parts: &[f64] = if last - first < 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let values = (first - 1..=last).filter(|power| every == 1 || (power - first) % every as i32 == 0);
        let values = values.flat_map(|power| parts.iter().map(move |part| part * 10f64.powi(power)));
        let ticks = values.filter(|value| (low..=high).contains(value)).map(|value| (value, short(value))).collect();
        Self { low, high, logarithmic: true, ticks, label: label.into() }
    }

    /// Names instead of numbers, evenly from top to bottom.
    pub fn named(names: &[&str]) -> Self {
        let ticks = names.iter().enumerate().map(|(at, name)| (Self::place_of_name(at, names.len()), (*name).into())).collect();
        Self { low: 0.0, high: names.len().max(1) as f64, logarithmic: false, ticks, label: String::new() }
    }

    /// Where the name of that order stands on an axis of so many.
    pub fn place_of_name(at: usize, names: usize) -> f64 {
        names as f64 - at as f64 - 0.5
    }

    /// Where `value` falls between the axis' ends, 0 … 1, clamped.
    pub fn position(&self, value: f64) -> f64 {
        let position = if self.logarithmic {
            (value.max(f64::MIN_POSITIVE) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        position.clamp(0.0, 1.0)
    }

    /// Ticks: value and text.
    pub fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }

    /// What the axis counts.
    pub fn label(&self) -> &str {
        &self.label
    }
}

/// A range that has an extent, whatever is given.
fn proper(low: f64, high: f64) -> (f64, f64) {
    match (low.is_finite(), high.is_finite()) {
        (true, true) if high > low && (high - low).is_finite() => (low, high),
        (true, _) => (low, low + low.abs().max(1.0)),
        _ => (0.0, 1.0),
    }
}

/// The smallest 1, 2 or 5 times a power of ten that is at least `step`.
fn nice_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|part| part * power).find(|&nice| nice >= step * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// Multiples of `step` inside the range; none where the range is beyond what a step can be added to.
fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    if !(first.abs() < 1e15 && last.abs() < 1e15) {
        return Vec::new();
    }
    (0..=((last - first).max(-1.0) + 0.5) as i64).map(|i| (first + i as f64) * step).take(64).collect()
}

fn plain(value: f64, decimals: usize, step: f64) -> String {
    let value = if value.abs() < step / 2.0 { 0.0 } else { value };
    if value.abs() >= 1e6 || decimals > 5 { short(value) } else { grouped(&format!("{value:.decimals$}")).replace('-', "−") }
}

/// Thousands set apart by thin spaces.
fn grouped(text: &str) -> String {
    let digits = text.trim_start_matches('-').split('.').next().map_or(0, str::len);
    if digits < 5 {
        return text.into();
    }
    let (sign, rest) = text.split_at(text.len() - text.trim_start_matches('-').len());
    let mut written = sign.to_owned();
    for (i, character) in rest.chars().enumerate() {
        if i > 0 && i < digits && (digits - i).is_multiple_of(3) {
            written.push('\u{202f}');
        }
        written.push(character);
    }
    written
}

fn short(value: f64) -> String {
    let exponent = value.abs().log10();
    if value == 0.0 || (-3.0..4.0).contains(&exponent) { format!("{value}") } else { format!("{value:.0e}") }.replace('-', "−")
}

/// Seconds as `m:ss`, from an hour on `h:mm:ss`.
pub fn clock(seconds: f64) -> String {
    let sign = if seconds <= -0.5 { "−" } else { "" };
    // A float to integer cast saturates and sends NaN to 0.
    let whole = seconds.abs().round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{sign}{hours}:{minutes:02}:{seconds:02}") } else { format!("{sign}{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks().iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(texts(&Axis::linear(0.0, 180.0, 5, "")), ["0", "50", "100", "150"]);
        assert_eq!(texts(&Axis::linear(-0.31, 0.42, 5, "")), ["−0.2", "0.0", "0.2", "0.4"]);
        assert_eq!(texts(&Axis::linear(0.0, 120_000.0, 3, "")), ["0", "50\u{202f}000", "100\u{202f}000"]);
        assert_eq!(texts(&Axis::time(0.0, 5400.0, 4, "")), ["0:00", "30:00", "1:00:00", "1:30:00"]);
        assert_eq!(texts(&Axis::logarithmic(0.004, 30.0, 6, "")), ["0.01", "0.1", "1", "10"]);
    }

    #[test]
    fn absurd_ranges_give_an_axis_all_the_same() {
        for (low, high) in [(f64::NAN, 1.0), (1.0, 1.0), (f64::NEG_INFINITY, 2.0), (3.0, -3.0), (-1e308, 1e308), (1e300, 1.0001e300)] {
            for axis in [Axis::linear(low, high, 5, ""), Axis::time(low, high, 5, ""), Axis::logarithmic(low, high, 5, "")] {
                assert!(axis.ticks().len() <= 64, "{low} {high}");
                assert!((0.0..=1.0).contains(&axis.position(0.5)), "{low} {high}");
            }
        }
    }

    #[test]
    fn positions_run_from_end_to_end() {
        let axis = Axis::linear(-1.0, 3.0, 4, "");
        assert_eq!((axis.position(-1.0), axis.position(1.0), axis.position(9.0)), (0.0, 0.5, 1.0));
        assert!((Axis::logarithmic(0.01, 1.0, 4, "").position(0.1) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn clocks() {
        assert_eq!((clock(0.4), clock(61.0), clock(3725.0), clock(-5.0)), ("0:00".into(), "1:01".into(), "1:02:05".into(), "−0:05".into()));
    }
}
