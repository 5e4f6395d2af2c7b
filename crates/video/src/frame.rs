//! A decoded picture and what is known about it: planes, time, range, matrix, rotation, damage.
//!
//! Plain data, no decoding and no colour arithmetic: what a range or a matrix *means* is applied
//! once, in [`crate::resize`].

/// One 8-bit sample plane: the visible area only, rows without padding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plane {
    /// `width * height` samples, row by row from the top left.
    pub data: Vec<u8>,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Plane {
    /// A plane of `data`, or `None` where the length is not `width * height`.
    #[must_use]
    pub fn new(data: Vec<u8>, width: u32, height: u32) -> Option<Self> {
        let samples = usize::try_from(u64::from(width) * u64::from(height)).ok()?;
        (data.len() == samples).then_some(Self { data, width, height })
    }

    /// Whether there are no samples (the chroma planes of a grey picture).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Row `row` from the top, or `None` below the last one.
    #[must_use]
    pub fn row(&self, row: u32) -> Option<&[u8]> {
        let width = usize::try_from(self.width).ok()?;
        let start = width.checked_mul(usize::try_from(row).ok()?)?;
        self.data.get(start..start.checked_add(width)?)
    }
}

/// How sample values map to light: the whole byte, or the broadcast part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Range {
    /// 0 … 255.
    Full,
    /// Luma 16 … 235, chroma 16 … 240.
    Limited,
    /// The stream does not say. Sources resolve it before frames leave them (video: limited;
    /// pictures and MJPEG: full), the resizer treats it as limited.
    #[default]
    Unknown,
}

/// The matrix between R, G, B and the planes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// No matrix: the planes hold G, B, R in the places of y, u, v (H.273 code 0), as pictures do.
    Identity,
    /// ITU-R BT.601 (H.273 codes 5, 6).
    Bt601,
    /// ITU-R BT.709 (H.273 code 1).
    Bt709,
    /// ITU-R BT.2020, non-constant luminance (H.273 codes 9, 10).
    Bt2020,
    /// The stream does not say; read as BT.601.
    #[default]
    Unknown,
}

impl Matrix {
    /// The matrix of an H.273 `matrix_coefficients` code; `Unknown` for codes not listed above.
    #[must_use]
    pub fn from_h273(code: u8) -> Self {
        match code {
            0 => Self::Identity,
            1 => Self::Bt709,
            5 | 6 => Self::Bt601,
            9 | 10 => Self::Bt2020,
            _ => Self::Unknown,
        }
    }
}

/// What happened to this picture on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Damage {
    /// Decoded as it was written.
    #[default]
    None,
    /// Decoded with holes that the decoder filled by guessing.
    Concealed,
    /// Lost; this is a copy of the nearest good picture (the one before, or the first good one
    /// where the stream begins with losses).
    Repeated,
    /// The backend cannot tell (the ffmpeg child conceals in silence).
    Unknown,
}

/// Seconds per tick as a fraction, both parts above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeBase {
    /// Numerator of the seconds in one tick.
    pub numerator: u32,
    /// Denominator of the seconds in one tick.
    pub denominator: u32,
}

impl TimeBase {
    /// A time base, or `None` where a part is 0.
    #[must_use]
    pub fn new(numerator: u32, denominator: u32) -> Option<Self> {
        (numerator > 0 && denominator > 0).then_some(Self { numerator, denominator })
    }

    /// The time base in which one tick is one frame at `fps` frames a second (3 decimals are
    /// kept; 24000/1001-like rates exactly). `None` unless `fps` is between 0.001 and 100,000.
    #[must_use]
    pub fn from_fps(fps: f64) -> Option<Self> {
        if !(0.001..=100_000.0).contains(&fps) {
            return None;
        }
        let whole = (fps * 1001.0 / 1000.0).round();
        let ntsc = whole * 1000.0 / 1001.0;
        if fps.fract() != 0.0 && (ntsc - fps).abs() < 0.005 {
            return Self::new(1001, rounded(whole * 1000.0));
        }
        Self::new(1000, rounded(fps * 1000.0))
    }

    /// The length of `ticks` in seconds.
    #[must_use]
    pub fn seconds(self, ticks: i64) -> f64 {
        ticks as f64 * f64::from(self.numerator) / f64::from(self.denominator)
    }
}

/// `value` as the nearest u32; saturates.
fn rounded(value: f64) -> u32 {
    // A float to integer cast saturates, so nothing can wrap here.
    value.round() as u32
}

/// One picture in display order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Luma (grey), or G where `matrix` is [`Matrix::Identity`].
    pub y: Plane,
    /// Blue difference, or B; empty for grey. 4:2:0, 4:2:2 or 4:4:4 by its size (JPEG: also 4:4:0,
    /// 4:1:1 and the like).
    pub u: Plane,
    /// Red difference, or R; empty for grey.
    pub v: Plane,
    /// Columns of `y`, before rotation.
    pub width: u32,
    /// Rows of `y`, before rotation.
    pub height: u32,
    /// Time in ticks of `time_base`; the first frame has 0; strictly rising.
    pub pts: i64,
    /// Seconds per tick; `None` where it is not known (a folder of pictures without a rate).
    pub time_base: Option<TimeBase>,
    /// Position in display order, 0-based, without gaps; lost pictures count.
    pub index: u64,
    /// Range of the samples, never `Unknown` from this crate's sources.
    pub range: Range,
    /// Matrix of the samples.
    pub matrix: Matrix,
    /// Clockwise turn, in degrees, that puts the picture upright: 0, 90, 180 or 270.
    pub rotation: u16,
    /// What happened to this picture.
    pub damage: Damage,
}

impl Frame {
    /// A whole grey or coloured picture at index 0 with nothing known about time.
    #[must_use]
    pub fn still(planes: [Plane; 3], range: Range, matrix: Matrix) -> Self {
        let [y, u, v] = planes;
        Self {
            width: y.width,
            height: y.height,
            y,
            u,
            v,
            pts: 0,
            time_base: None,
            index: 0,
            range,
            matrix,
            rotation: 0,
            damage: Damage::None,
        }
    }

    /// Time since the first frame in seconds, where the time base is known.
    #[must_use]
    pub fn time_s(&self) -> Option<f64> {
        self.time_base.map(|base| base.seconds(self.pts))
    }

    /// Whether there is luma only.
    #[must_use]
    pub fn is_grey(&self) -> bool {
        self.u.is_empty() || self.v.is_empty()
    }

    /// Columns and rows as shown, after rotation.
    #[must_use]
    pub fn displayed_size(&self) -> (u32, u32) {
        displayed_size(self.width, self.height, self.rotation)
    }
}

/// Columns and rows after a turn by `rotation` degrees.
#[must_use]
pub fn displayed_size(width: u32, height: u32, rotation: u16) -> (u32, u32) {
    if rotation == 90 || rotation == 270 { (height, width) } else { (width, height) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_rates_become_exact_fractions() {
        assert_eq!(TimeBase::from_fps(25.0), TimeBase::new(1000, 25_000));
        assert_eq!(TimeBase::from_fps(29.97), TimeBase::new(1001, 30_000));
        assert_eq!(TimeBase::from_fps(12.5), TimeBase::new(1000, 12_500));
        assert_eq!(TimeBase::from_fps(0.0), None);
        assert_eq!(TimeBase::from_fps(f64::NAN), None);
    }

    #[test]
    fn a_plane_has_exactly_its_samples() {
        assert!(Plane::new(vec![0; 6], 3, 2).is_some());
        assert!(Plane::new(vec![0; 5], 3, 2).is_none());
        assert_eq!(Plane::new(vec![1, 2, 3, 4], 2, 2).unwrap().row(1), Some(&[3, 4][..]));
        assert_eq!(displayed_size(3, 2, 270), (2, 3));
    }
}
