//! Anti-aliased shapes on a picture of f32 colours, with a second plane that keeps how much of a pixel is anomalous.

/// A colour: R, G, B, 0 … 255.
pub(super) type Colour = [f32; 3];

/// A point: column, row; pixel (0, 0) covers 0 … 1.
pub(super) type Point = (f64, f64);

/// A shape in whatever units its user has.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// A line with round ends of two radii.
    Capsule { from: Point, to: Point, radii: (f64, f64), colour: Colour },
    /// An upright ellipse.
    Ellipse { centre: Point, radii: (f64, f64), colour: Colour },
    /// A circle's line.
    Ring { centre: Point, radius: f64, half_width: f64, colour: Colour },
    /// A convex polygon, clockwise on the screen.
    Polygon { corners: Vec<Point>, colour: Colour },
}

/// What a shape does to the pixels that it covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mark {
    /// It hides what is anomalous behind it.
    Normal,
    /// It is anomalous.
    Anomalous,
}

/// A picture in the making.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<Colour>,
    /// Share of each pixel that is anomalous.
    pub(super) marks: Vec<f32>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, height, pixels: vec![[0.0; 3]; width * height], marks: vec![0.0; width * height] }
    }

    /// The part of `width` columns and `height` rows whose corner is at a place between pixels; marks with it.
    pub(super) fn cut(&self, (left, top): (f64, f64), width: usize, height: usize) -> Canvas {
        let mut cut = Canvas::new(width, height);
        let (column, row) = (left.floor(), top.floor());
        let (x, y) = ((left - column) as f32, (top - row) as f32);
        // Saturating casts; a corner outside the canvas does not come about.
        let (column, row) = (column as usize, row as usize);
        let weights = [((0, 0), (1.0 - x) * (1.0 - y)), ((1, 0), x * (1.0 - y)), ((0, 1), (1.0 - x) * y), ((1, 1), x * y)];
        for ((right, down), weight) in weights.into_iter().filter(|(_, weight)| *weight > 0.0) {
            for line in 0..height {
                let from = (row + line + down) * self.width + column + right;
                let (Some(pixels), Some(marks)) = (self.pixels.get(from..from + width), self.marks.get(from..from + width)) else {
                    continue;
                };
                let into = line * width..(line + 1) * width;
                if let (Some(own), Some(own_marks)) = (cut.pixels.get_mut(into.clone()), cut.marks.get_mut(into)) {
                    for (own, other) in own.iter_mut().flatten().zip(pixels.iter().flatten()) {
                        *own += weight * other;
                    }
                    own_marks.iter_mut().zip(marks).for_each(|(own, other)| *own += weight * other);
                }
            }
        }
        cut
    }

    /// Calls `visit` for the pixels of a box, with their index and centre.
    fn each(&mut self, (left, top, right, bottom): (f64, f64, f64, f64), mut visit: impl FnMut(&mut Colour, &mut f32, f64, f64)) {
        let columns = clip(left, right, self.width);
        let rows = clip(top, bottom, self.height);
        for row in rows {
            let start = row * self.width;
            let (from, to) = (start + columns.start, start + columns.end);
            let (Some(pixels), Some(marks)) = (self.pixels.get_mut(from..to), self.marks.get_mut(from..to)) else {
                continue;
            };
            let y = row as f64 + 0.5;
            for ((column, pixel), mark) in columns.clone().zip(pixels).zip(marks) {
                visit(pixel, mark, column as f64 + 0.5, y);
            }
        }
    }

    /// Draws a shape given in pixels. Light comes from the upper left: round shapes are shaded across.
    pub(super) fn draw(&mut self, shape: &Shape, mark: Mark) {
        let marked = if mark == Mark::Anomalous { 1.0 } else { 0.0 };
        let (bounds, colour) = (shape.bounds(), shape.colour());
        self.each(bounds, |pixel, anomalous, x, y| {
            let (cover, light) = shape.at(x, y);
            if cover <= 0.0 {
                return;
            }
            for (value, &own) in pixel.iter_mut().zip(&colour) {
                *value += (own * light - *value) * cover;
            }
            *anomalous += (marked - *anomalous) * cover;
        });
    }

    /// Adds a shape's cover to the marks and leaves the picture: for shadows.
    pub(super) fn draw_marks(&mut self, shape: &Shape) {
        self.each(shape.bounds(), |_, mark, x, y| {
            let (cover, _) = shape.at(x, y);
            *mark += (1.0 - *mark) * cover;
        });
    }

    /// Lays a picture with its cover over this one.
    pub(super) fn lay(&mut self, sprite: &Sprite) {
        for (row, line) in sprite.pixels.chunks_exact(sprite.width.max(1)).enumerate() {
            let start = (sprite.top + row) * self.width + sprite.left;
            let (Some(pixels), Some(marks)) =
                (self.pixels.get_mut(start..start + line.len()), self.marks.get_mut(start..start + line.len()))
            else {
                continue;
            };
            for ((pixel, mark), (colour, cover)) in pixels.iter_mut().zip(marks).zip(line) {
                for (value, own) in pixel.iter_mut().zip(colour) {
                    *value += (own - *value) * cover;
                }
                *mark -= *mark * cover;
            }
        }
    }
}

/// A part of a picture with its cover.
#[derive(Clone, Debug)]
pub(super) struct Sprite {
    left: usize,
    top: usize,
    width: usize,
    pixels: Vec<(Colour, f32)>,
}

impl Sprite {
    /// Shapes on a picture of that size that is empty otherwise.
    pub(super) fn of(shapes: &[Shape], width: usize, height: usize) -> Sprite {
        // Drawn on black and on white: what differs is see-through.
        let mut black = Canvas::new(width, height);
        let mut white = Canvas::new(width, height);
        white.pixels.fill([255.0; 3]);
        for shape in shapes {
            black.draw(shape, Mark::Normal);
            white.draw(shape, Mark::Normal);
        }
        let bounds = shapes.iter().map(Shape::bounds).fold((f64::MAX, f64::MAX, f64::MIN, f64::MIN), |all, one| {
            (all.0.min(one.0), all.1.min(one.1), all.2.max(one.2), all.3.max(one.3))
        });
        let (columns, rows) = (clip(bounds.0, bounds.2, width), clip(bounds.1, bounds.3, height));
        let mut pixels = Vec::new();
        for row in rows.clone() {
            for column in columns.clone() {
                let index = row * width + column;
                let (dark, light) =
                    (black.pixels.get(index).copied().unwrap_or_default(), white.pixels.get(index).copied().unwrap_or_default());
                let [dark_red, ..] = dark;
                let [light_red, ..] = light;
                let cover = (1.0 - (light_red - dark_red) / 255.0).clamp(0.0, 1.0);
                let colour = if cover > 0.0 { dark.map(|value| value / cover) } else { dark };
                pixels.push((colour, cover));
            }
        }
        Sprite { left: columns.start, top: rows.start, width: columns.len(), pixels }
    }
}

/// Whole pixels of an interval, inside `0..size`.
fn clip(from: f64, to: f64, size: usize) -> std::ops::Range<usize> {
    // Saturating casts; negative values become 0.
    let (from, to) = (from.floor().max(0.0) as usize, to.ceil().max(0.0) as usize);
    from.min(size)..to.min(size)
}

impl Shape {
    fn colour(&self) -> Colour {
        match self {
            Shape::Capsule { colour, .. } | Shape::Ellipse { colour, .. } | Shape::Ring { colour, .. } | Shape::Polygon { colour, .. } => {
                *colour
            }
        }
    }

    fn bounds(&self) -> (f64, f64, f64, f64) {
        match self {
            Shape::Capsule { from, to, radii, .. } => {
                let r = radii.0.max(radii.1) + 1.0;
                (from.0.min(to.0) - r, from.1.min(to.1) - r, from.0.max(to.0) + r, from.1.max(to.1) + r)
            }
            Shape::Ellipse { centre, radii, .. } => {
                (centre.0 - radii.0 - 1.0, centre.1 - radii.1 - 1.0, centre.0 + radii.0 + 1.0, centre.1 + radii.1 + 1.0)
            }
            Shape::Ring { centre, radius, half_width, .. } => {
                let r = radius + half_width + 1.0;
                (centre.0 - r, centre.1 - r, centre.0 + r, centre.1 + r)
            }
            Shape::Polygon { corners, .. } => corners.iter().fold((f64::MAX, f64::MAX, f64::MIN, f64::MIN), |all, &(x, y)| {
                (all.0.min(x - 1.0), all.1.min(y - 1.0), all.2.max(x + 1.0), all.3.max(y + 1.0))
            }),
        }
    }

    /// Cover (0 … 1) and light (about 1) at a point.
    fn at(&self, x: f64, y: f64) -> (f32, f32) {
        match self {
            Shape::Capsule { from, to, radii, .. } => {
                let (dx, dy) = (to.0 - from.0, to.1 - from.1);
                let length = dx * dx + dy * dy;
                let along = if length > 0.0 { (((x - from.0) * dx + (y - from.1) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
                let (px, py) = (x - from.0 - along * dx, y - from.1 - along * dy);
                let radius = radii.0 + (radii.1 - radii.0) * along;
                let distance = (px * px + py * py).sqrt();
                (cover(radius - distance, radius), light(px, py, radius))
            }
            Shape::Ellipse { centre, radii, .. } => {
                let (px, py) = ((x - centre.0) / radii.0.max(1e-6), (y - centre.1) / radii.1.max(1e-6));
                let distance = (px * px + py * py).sqrt();
                let least = radii.0.min(radii.1);
                (cover((1.0 - distance) * least, least), light(px, py, 1.0))
            }
            Shape::Ring { centre, radius, half_width, .. } => {
                let (px, py) = (x - centre.0, y - centre.1);
                let distance = ((px * px + py * py).sqrt() - radius).abs();
                (cover(half_width - distance, *half_width), 1.0)
            }
            Shape::Polygon { corners, .. } => {
                let next = corners.iter().cycle().skip(1);
                let inside = corners.iter().zip(next).map(|(a, b)| {
                    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
                    let length = (dx * dx + dy * dy).sqrt().max(1e-9);
                    (dx * (y - a.1) - dy * (x - a.0)) / length
                });
                let inside = inside.fold(f64::MAX, f64::min);
                (cover(inside, 1.0), 1.0)
            }
        }
    }
}

/// Cover from the distance inside the border; a line thinner than a pixel covers a part of it.
fn cover(inside: f64, radius: f64) -> f32 {
    let thin = (2.0 * radius).clamp(0.0, 1.0);
    ((inside + 0.5).clamp(0.0, 1.0) * thin) as f32
}

/// Light on a round body.
fn light(px: f64, py: f64, radius: f64) -> f32 {
    let r = radius.max(1e-6);
    (1.0 - 0.16 * (px / r) - 0.10 * (py / r)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_moves_pixels_and_marks_and_mixes_between_them() {
        let mut canvas = Canvas::new(6, 5);
        canvas.pixels[2 * 6 + 3] = [80.0, 40.0, 0.0];
        canvas.marks[2 * 6 + 3] = 1.0;
        let whole = canvas.cut((2.0, 1.0), 3, 3);
        assert_eq!((whole.pixels[4], whole.marks[4], whole.marks.iter().sum::<f32>()), ([80.0, 40.0, 0.0], 1.0, 1.0));
        let half = canvas.cut((1.5, 1.0), 3, 3);
        assert_eq!((half.pixels[4], half.marks[4], half.marks[5]), ([40.0, 20.0, 0.0], 0.5, 0.5));
    }
}
