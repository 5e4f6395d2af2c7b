//! The smallest of a quadratic form over a field of two variables that are tied to their neighbours: its coefficients from
//! the pictures, and successive over-relaxation on a chessboard.

use super::board::{Board, start};
use super::lanes::{Lanes, WIDTH, run, run_mut};

/// What the pictures ask of an increment (a, b) of the field at each pixel: `constant + across · a + down · b` shall be 0.
#[derive(Debug)]
pub struct Terms {
    /// Constant, across, down: for the brightness and for its slopes to the right and down.
    pub boards: [[Board; 3]; 3],
}

impl Terms {
    /// For planes of a size.
    pub fn new(rows: usize, cols: usize) -> Self {
        Self { boards: std::array::from_fn(|_| std::array::from_fn(|_| Board::new(rows, cols))) }
    }
}

/// The symmetric 2×2 blocks, right sides and ties of a linear system.
#[derive(Debug)]
pub struct System {
    /// Upper left of each block, inverted.
    pub first: Board,
    /// Off the diagonal.
    pub mixed: Board,
    /// Lower right of each block, inverted.
    pub second: Board,
    /// The right sides.
    pub sides: [Board; 2],
    /// How strongly a pixel is tied to its right and its lower neighbour.
    pub ties: Board,
}

impl System {
    /// For planes of a size.
    pub fn new(rows: usize, cols: usize) -> Self {
        let board = || Board::new(rows, cols);
        Self { first: board(), mixed: board(), second: board(), sides: [board(), board()], ties: board() }
    }

    fn boards(&self) -> [&Board; 6] {
        [&self.first, &self.mixed, &self.second, &self.sides[0], &self.sides[1], &self.ties]
    }
}

/// `plane[col + 1] − plane[col − 1]`, the outermost pixels repeated.
#[inline(always)]
fn rightwards(line: &[f32], to: &mut [f32]) {
    let cols = line.len();
    for (to, three) in to[1..].iter_mut().zip(line.windows(3)) {
        *to = three[2] - three[0];
    }
    to[0] = line[1.min(cols - 1)] - line[0];
    to[cols - 1] = line[cols - 1] - line[cols.saturating_sub(2)];
}

/// A row of `plane[row + 1] − plane[row − 1]`, the outermost rows repeated.
#[inline(always)]
fn downwards(plane: &[f32], row: usize, rows: usize, cols: usize, to: &mut [f32]) {
    let (below, above) = (&plane[(row + 1).min(rows - 1) * cols..][..cols], &plane[row.saturating_sub(1) * cols..][..cols]);
    for ((to, below), above) in to.iter_mut().zip(below).zip(above) {
        *to = below - above;
    }
}

/// How many numbers [`terms`] works in: four planes and nine lines.
pub fn terms_scratch(rows: usize, cols: usize) -> usize {
    (4 * rows + 9) * cols
}

vectorised! {
    /// The terms between a picture and another one already warped by the field: the brightness and its two slopes stay as
    /// they are, each term divided by the length of its own slope (whose square is raised by `least`). Slopes are those of
    /// the average of both pictures, by [−1, 0, 1], not halved.
    ///
    /// # Panics
    /// If a plane is not of the terms' size or `scratch` not of [`terms_scratch`].
    pub fn terms<L>(picture: &[f32], warped: &[f32], least: f32, scratch: &mut [f32], to: &mut Terms) {
        let (rows, cols) = (to.boards[0][0].rows, to.boards[0][0].cols);
        let size = rows * cols;
        assert!(picture.len() == size && warped.len() == size, "planes of {rows}x{cols}");
        assert_eq!(scratch.len(), terms_scratch(rows, cols), "scratch for {rows}x{cols}");
        let (average, rest) = scratch.split_at_mut(size);
        let (change, rest) = rest.split_at_mut(size);
        let (right, rest) = rest.split_at_mut(size);
        let (down, lines) = rest.split_at_mut(size);
        for (((average, change), a), b) in average.iter_mut().zip(&mut *change).zip(picture).zip(warped) {
            *average = 0.5 * a + 0.5 * b;
            *change = b - a;
        }
        for row in 0..rows {
            let at = row * cols..(row + 1) * cols;
            rightwards(&average[at.clone()], &mut right[at.clone()]);
            downwards(average, row, rows, cols, &mut down[at]);
        }
        let mut lines = lines.chunks_exact_mut(cols);
        let mut lines: [&mut [f32]; 9] = std::array::from_fn(|_| lines.next().expect("nine lines"));
        for row in 0..rows {
            let at = row * cols..(row + 1) * cols;
            let [z, x, y, xz, xx, xy, yz, yx, yy] = &mut lines;
            z.copy_from_slice(&change[at.clone()]);
            x.copy_from_slice(&right[at.clone()]);
            y.copy_from_slice(&down[at.clone()]);
            rightwards(&change[at.clone()], xz);
            rightwards(&right[at], xx);
            downwards(right, row, rows, cols, xy);
            downwards(change, row, rows, cols, yz);
            yx.copy_from_slice(xy);
            downwards(down, row, rows, cols, yy);
            for (term, boards) in lines.chunks_exact_mut(3).zip(&mut to.boards) {
                if let [constant, across, down] = term {
                    divide(least, constant, across, down);
                }
                for (line, board) in term.iter().zip(boards) {
                    board.split_row(row, line);
                }
            }
        }
    }
}

/// A term over the length of its slope.
#[inline(always)]
fn divide(least: f32, constant: &mut [f32], across: &mut [f32], down: &mut [f32]) {
    for ((c, a), d) in constant.iter_mut().zip(across).zip(down) {
        let over = 1.0 / (*a * *a + *d * *d + least).sqrt();
        *c *= over;
        *a *= over;
        *d *= over;
    }
}

vectorised! {
    /// How strongly pixels are tied to their right and lower neighbours: `strength` over the length of the field's slopes to
    /// them, whose square is raised by `least`. The field has a repeated border.
    ///
    /// # Panics
    /// If boards differ in size.
    pub fn smoothness<L>(field: &[Board; 2], strength: f32, least: f32, ties: &mut Board) {
        assert!(field.iter().all(|board| board.alike(ties)), "boards of one size");
        let (strength, least) = (L::splat(strength), L::splat(least));
        for row in 0..ties.rows {
            for colour in 0..2 {
                let (first, blocks) = (ties.first(row), ties.count(colour, row).div_ceil(WIDTH));
                let right = first + start(colour, row);
                let below = first + ties.stride;
                let to = run_mut(&mut ties.cells[colour], first, blocks);
                let [u, u_next, u_below, v, v_next, v_below] = [
                    run(&field[0].cells[colour], first, blocks),
                    run(&field[0].cells[1 - colour], right, blocks),
                    run(&field[0].cells[1 - colour], below, blocks),
                    run(&field[1].cells[colour], first, blocks),
                    run(&field[1].cells[1 - colour], right, blocks),
                    run(&field[1].cells[1 - colour], below, blocks),
                ];
                for i in 0..blocks {
                    let (u, v) = (L::load(&u[i]), L::load(&v[i]));
                    let (ux, uy) = (L::load(&u_next[i]) - u, L::load(&u_below[i]) - u);
                    let (vx, vy) = (L::load(&v_next[i]) - v, L::load(&v_below[i]) - v);
                    (strength / ((ux * ux + uy * uy) + (vx * vx + vy * vy) + least).sqrt()).store(&mut to[i]);
                }
            }
        }
    }
}

/// Numbers of a robust energy: how strongly brightness and its slopes shall stay, and how it treats outliers.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// Of the brightness.
    pub brightness: f32,
    /// Of its slopes.
    pub gradient: f32,
    /// Added to squares under a root.
    pub least: f32,
    /// Added to the diagonal.
    pub diagonal: f32,
}

vectorised! {
    /// The system for the increment of a field, around the increment so far: terms weighed by how badly they are met, plus
    /// the ties in `system.ties` ([`smoothness`]). The field has a repeated border.
    ///
    /// # Panics
    /// If boards differ in size.
    pub fn coefficients<L>(terms: &Terms, weights: Weights, field: &[Board; 2], increment: &[Board; 2], system: &mut System) {
        let alike = |board: &Board| board.alike(&field[0]);
        assert!(terms.boards.iter().flatten().all(alike) && system.boards().into_iter().all(alike), "boards of one size");
        assert!(field.iter().chain(increment).all(alike), "boards of one size");
        for row in 0..field[0].rows {
            for colour in 0..2 {
                products::<L>(terms, weights, increment, system, (colour, row));
                tie::<L>(field, weights.diagonal, system, (colour, row));
            }
        }
    }
}

/// The squares and products of a row's terms, weighed by how badly they are met: its blocks and right sides without ties.
#[inline(always)]
fn products<L: Lanes>(terms: &Terms, weights: Weights, increment: &[Board; 2], system: &mut System, (colour, row): (usize, usize)) {
    let board = &increment[0];
    let (first, blocks) = (board.first(row), board.count(colour, row).div_ceil(WIDTH));
    let [[c0, x0, y0], [c1, x1, y1], [c2, x2, y2]] = &terms.boards;
    let (c0, x0, y0) = (c0.run(colour, first, blocks), x0.run(colour, first, blocks), y0.run(colour, first, blocks));
    let (c1, x1, y1) = (c1.run(colour, first, blocks), x1.run(colour, first, blocks), y1.run(colour, first, blocks));
    let (c2, x2, y2) = (c2.run(colour, first, blocks), x2.run(colour, first, blocks), y2.run(colour, first, blocks));
    let (a, b) = (increment[0].run(colour, first, blocks), increment[1].run(colour, first, blocks));
    let System { first: upper, mixed, second: lower, sides: [side_a, side_b], .. } = system;
    let upper = run_mut(&mut upper.cells[colour], first, blocks);
    let mixed = run_mut(&mut mixed.cells[colour], first, blocks);
    let lower = run_mut(&mut lower.cells[colour], first, blocks);
    let side_a = run_mut(&mut side_a.cells[colour], first, blocks);
    let side_b = run_mut(&mut side_b.cells[colour], first, blocks);
    let (brightness, gradient) = (L::splat(weights.brightness), L::splat(weights.gradient));
    let least = L::splat(weights.least);
    for i in 0..blocks {
        let (a, b) = (L::load(&a[i]), L::load(&b[i]));
        let (c0, x0, y0) = (L::load(&c0[i]), L::load(&x0[i]), L::load(&y0[i]));
        let (c1, x1, y1) = (L::load(&c1[i]), L::load(&x1[i]), L::load(&y1[i]));
        let (c2, x2, y2) = (L::load(&c2[i]), L::load(&x2[i]), L::load(&y2[i]));
        let (m0, m1, m2) = (c0 + x0 * a + y0 * b, c1 + x1 * a + y1 * b, c2 + x2 * a + y2 * b);
        let brightness = brightness / (m0 * m0 + least).sqrt();
        let gradient = gradient / (m1 * m1 + m2 * m2 + least).sqrt();
        (brightness * (x0 * x0) + gradient * (x1 * x1 + x2 * x2)).store(&mut upper[i]);
        (brightness * (x0 * y0) + gradient * (x1 * y1 + x2 * y2)).store(&mut mixed[i]);
        (brightness * (y0 * y0) + gradient * (y1 * y1 + y2 * y2)).store(&mut lower[i]);
        (brightness * (c0 * x0) + gradient * (c1 * x1 + c2 * x2)).store(&mut side_a[i]);
        (brightness * (c0 * y0) + gradient * (c1 * y1 + c2 * y2)).store(&mut side_b[i]);
    }
}

/// What ties add to a row of [`products`]; diagonals are inverted, right sides get their sign.
#[inline(always)]
fn tie<L: Lanes>(field: &[Board; 2], diagonal: f32, system: &mut System, (colour, row): (usize, usize)) {
    let board = &field[0];
    let (first, count) = (board.first(row), board.count(colour, row));
    let blocks = count.div_ceil(WIDTH);
    let places = Places::new(board, colour, row);
    let System { first: upper, second: lower, sides: [side_a, side_b], ties, .. } = system;
    let upper = run_mut(&mut upper.cells[colour], first, blocks);
    let lower = run_mut(&mut lower.cells[colour], first, blocks);
    let side_a = run_mut(&mut side_a.cells[colour], first, blocks);
    let side_b = run_mut(&mut side_b.cells[colour], first, blocks);
    let own = ties.run(colour, first, blocks);
    let (before, above) = (ties.run(1 - colour, places.left, blocks), ties.run(1 - colour, places.above, blocks));
    let (u, v) = (field[0].run(colour, first, blocks), field[1].run(colour, first, blocks));
    let (around_u, around_v) = (places.around(&field[0].cells[1 - colour], blocks), places.around(&field[1].cells[1 - colour], blocks));
    // The last column has no right neighbour: what its tie adds below is taken out before.
    if 2 * count - 1 + start(colour, row) == board.cols {
        let tie = own.as_flattened()[count - 1];
        upper.as_flattened_mut()[count - 1] -= tie;
        lower.as_flattened_mut()[count - 1] -= tie;
    }
    // The last row has no neighbour below it.
    let tied = L::splat(if row + 1 == board.rows { 1.0 } else { 2.0 });
    let diagonal = L::splat(diagonal);
    let one = L::splat(1.0);
    for i in 0..blocks {
        let (own, before, above) = (L::load(&own[i]), L::load(&before[i]), L::load(&above[i]));
        let sum = own * tied + before + above + diagonal;
        (one / (L::load(&upper[i]) + sum)).store(&mut upper[i]);
        (one / (L::load(&lower[i]) + sum)).store(&mut lower[i]);
        (pull(own, before, above, around_u, L::load(&u[i]), i) - L::load(&side_a[i])).store(&mut side_a[i]);
        (pull(own, before, above, around_v, L::load(&v[i]), i) - L::load(&side_b[i])).store(&mut side_b[i]);
    }
    // What lies beyond the border never moves.
    for inverse in [upper, lower] {
        inverse.as_flattened_mut()[count..].fill(0.0);
    }
}

/// Where the neighbours of a row's cells of one colour begin, in the other colour.
struct Places {
    left: usize,
    above: usize,
    below: usize,
}

impl Places {
    #[inline(always)]
    fn new(board: &Board, colour: usize, row: usize) -> Self {
        let first = board.first(row);
        Self { left: first + start(colour, row) - 1, above: first - board.stride, below: first + board.stride }
    }

    /// Left, right, upper and lower neighbours.
    #[inline(always)]
    fn around<'a>(&self, cells: &'a [f32], blocks: usize) -> [&'a [[f32; WIDTH]]; 4] {
        let Self { left, above, below } = *self;
        [run(cells, left, blocks), run(cells, left + 1, blocks), run(cells, above, blocks), run(cells, below, blocks)]
    }
}

/// What ties pull eight cells by, towards their neighbours less `middle`.
#[inline(always)]
fn pull<L: Lanes>(own: L, before: L, above: L, around: [&[[f32; WIDTH]]; 4], middle: L, i: usize) -> L {
    let [left, right, up, down] = around;
    let (left, right) = (L::load(&left[i]) - middle, L::load(&right[i]) - middle);
    let (up, down) = (L::load(&up[i]) - middle, L::load(&down[i]) - middle);
    own * (right + down) + before * left + above * up
}

vectorised! {
    /// `sweeps` sweeps of red–black successive over-relaxation, factor `omega`, over an increment.
    ///
    /// A half sweep needs of the one before only the rows around its own: so all of them run down the board together, one
    /// row behind each other, while those rows are at hand. The order of the arithmetic is that of one sweep after another.
    ///
    /// # Panics
    /// If boards differ in size.
    pub fn relax<L>(system: &System, omega: f32, sweeps: usize, increment: &mut [Board; 2]) {
        let rows = increment[0].rows;
        assert!(increment.iter().chain(system.boards()).all(|board| board.alike(&system.ties)), "boards of one size");
        let halves = 2 * sweeps;
        for step in 0..(rows + halves).saturating_sub(1) {
            for half in (step + 1).saturating_sub(rows)..halves.min(step + 1) {
                relax_row::<L>(system, omega, half % 2, step - half, increment);
            }
        }
    }
}

#[inline(always)]
fn relax_row<L: Lanes>(system: &System, omega: f32, colour: usize, row: usize, increment: &mut [Board; 2]) {
    let board = &system.ties;
    let (first, blocks) = (board.first(row), board.count(colour, row).div_ceil(WIDTH));
    let places = Places::new(board, colour, row);
    let (own, before) = (board.run(colour, first, blocks), board.run(1 - colour, places.left, blocks));
    let above = board.run(1 - colour, places.above, blocks);
    let (upper, mixed) = (system.first.run(colour, first, blocks), system.mixed.run(colour, first, blocks));
    let lower = system.second.run(colour, first, blocks);
    let (side_a, side_b) = (system.sides[0].run(colour, first, blocks), system.sides[1].run(colour, first, blocks));
    let [u, v] = increment;
    let ((u, u_other), (v, v_other)) = (u.colours(colour), v.colours(colour));
    let (around_u, around_v) = (places.around(u_other, blocks), places.around(v_other, blocks));
    let (u, v) = (run_mut(u, first, blocks), run_mut(v, first, blocks));
    let (omega, zero) = (L::splat(omega), L::splat(0.0));
    for i in 0..blocks {
        let (own, before, above) = (L::load(&own[i]), L::load(&before[i]), L::load(&above[i]));
        let (a, b, mixed) = (L::load(&u[i]), L::load(&v[i]), L::load(&mixed[i]));
        let wanted = pull(own, before, above, around_u, zero, i) + L::load(&side_a[i]) - b * mixed;
        let a = a + omega * (wanted * L::load(&upper[i]) - a);
        let wanted = pull(own, before, above, around_v, zero, i) + L::load(&side_b[i]) - a * mixed;
        let b = b + omega * (wanted * L::load(&lower[i]) - b);
        (a).store(&mut u[i]);
        (b).store(&mut v[i]);
    }
}

vectorised! {
    /// `to = a + b`, cell by cell, and the border repeated.
    ///
    /// # Panics
    /// If boards differ in size.
    pub fn add<L>(a: &Board, b: &Board, to: &mut Board) {
        assert!(a.alike(to) && b.alike(to), "boards of one size");
        for colour in 0..2 {
            for ((to, a), b) in to.cells[colour].iter_mut().zip(&a.cells[colour]).zip(&b.cells[colour]) {
                *to = a + b;
            }
        }
        to.repeat_border();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;
    use crate::flow::lanes::Plain;

    /// A number that looks random, in −1 … 1.
    fn noise(i: usize) -> f32 {
        ((i as f32 * 12.9898).sin() * 43758.547).fract()
    }

    fn board(rows: usize, cols: usize, seed: usize) -> Board {
        let mut board = Board::new(rows, cols);
        board.split(&(0..rows * cols).map(|i| noise(i + 1000 * seed)).collect::<Vec<_>>());
        board.repeat_border();
        board
    }

    const WEIGHTS: Weights = Weights { brightness: 2.5, gradient: 5.0, least: 1e-6, diagonal: 0.01 };

    fn solved(level: Level, rows: usize, cols: usize, sweeps: usize) -> (System, [Board; 2], Terms) {
        let terms = Terms { boards: std::array::from_fn(|i| std::array::from_fn(|j| board(rows, cols, 3 * i + j))) };
        let field = [board(rows, cols, 20), board(rows, cols, 21)];
        let mut increment = [Board::new(rows, cols), Board::new(rows, cols)];
        let mut system = System::new(rows, cols);
        smoothness(level, &field, 20.0, 1e-6, &mut system.ties);
        coefficients(level, &terms, WEIGHTS, &field, &increment, &mut system);
        relax(level, &system, 1.6, sweeps, &mut increment);
        (system, increment, terms)
    }

    fn merged(board: &Board) -> Vec<f32> {
        let mut plane = vec![0.0; board.rows * board.cols];
        board.merge(&mut plane);
        plane
    }

    /// The energy's slope at the increment, by the plain formula on plain planes, must vanish when relaxed for long.
    #[test]
    fn relaxation_ends_at_the_minimum() {
        for (rows, cols) in [(6, 9), (5, 16), (9, 7)] {
            let (_, increment, terms) = solved(Level::detect().unwrap(), rows, cols, 200);
            let [u, v] = increment.each_ref().map(merged);
            let [fu, fv] = [board(rows, cols, 20), board(rows, cols, 21)].each_ref().map(merged);
            let terms = terms.boards.each_ref().map(|term| term.each_ref().map(merged));
            let inside = |row: usize, col: usize| row < rows && col < cols;
            let gap = |f: &[f32], p: usize, row: usize, col: usize| if inside(row, col) { f[row * cols + col] - f[p] } else { 0.0 };
            let tie = |p: usize| {
                let (row, col) = (p / cols, p % cols);
                let squares = [&fu, &fv].map(|f| gap(f, p, row, col + 1).powi(2) + gap(f, p, row + 1, col).powi(2));
                20.0 / (squares[0] + squares[1] + 1e-6).sqrt()
            };
            for p in 0..rows * cols {
                let (row, col) = (p / cols, p % cols);
                let weight = |scale: f32, squares: f32| scale / (squares + 1e-6).sqrt();
                let gradient = weight(5.0, terms[1][0][p].powi(2) + terms[2][0][p].powi(2));
                let weights = [weight(2.5, terms[0][0][p].powi(2)), gradient, gradient];
                for (component, (du, f)) in [(&u, &fu), (&v, &fv)].into_iter().enumerate() {
                    let mut force = 0.01 * du[p];
                    for (term, weight) in terms.iter().zip(weights) {
                        force += weight * term[component + 1][p] * (term[0][p] + term[1][p] * u[p] + term[2][p] * v[p]);
                    }
                    let neighbours = [
                        (row, col + 1, p),
                        (row + 1, col, p),
                        (row.wrapping_sub(1), col, p.wrapping_sub(cols)),
                        (row, col.wrapping_sub(1), p.wrapping_sub(1)),
                    ];
                    for (row, col, owner) in neighbours {
                        if inside(row, col) {
                            let q = row * cols + col;
                            force -= tie(owner) * (f[q] + du[q] - f[p] - du[p]);
                        }
                    }
                    assert!(force.abs() < 2e-3, "{rows}x{cols} at {row} {col}: {force}");
                }
            }
        }
    }

    #[test]
    fn levels_give_the_same_bits() {
        for (rows, cols) in [(6, 9), (8, 33)] {
            let results: Vec<_> = Level::all_available()
                .map(|level| {
                    let [u, v] = solved(level, rows, cols, 5).1.each_ref().map(merged);
                    (u, v)
                })
                .collect();
            assert!(results.iter().all(|result| *result == results[0]));
        }
    }

    #[test]
    fn half_sweeps_together_are_half_sweeps_in_turn() {
        let (rows, cols) = (7, 11);
        let (system, together, _) = solved(Level::Portable, rows, cols, 3);
        let mut turn = [Board::new(rows, cols), Board::new(rows, cols)];
        for half in 0..6 {
            (0..rows).for_each(|row| relax_row::<Plain>(&system, 1.6, half % 2, row, &mut turn));
        }
        assert_eq!(together.each_ref().map(merged), turn.each_ref().map(merged));
    }

    #[test]
    fn terms_of_a_ramp() {
        let (rows, cols) = (8, 9);
        let picture: Vec<f32> = (0..rows * cols).map(|i| (3 * (i % cols)) as f32).collect();
        let warped: Vec<f32> = picture.iter().map(|v| v + 1.5).collect();
        let mut terms_found = Terms::new(rows, cols);
        terms(Level::Portable, &picture, &warped, 0.01, &mut vec![0.0; terms_scratch(rows, cols)], &mut terms_found);
        let [plain, rights, downs] = terms_found.boards.each_ref().map(|term| term.each_ref().map(merged));
        let middle = 3 * cols + 4;
        // Slope 6 in two pixels: 1.5 more brightness is a quarter of it.
        assert!((plain[0][middle] - 0.25).abs() < 1e-3 && (plain[1][middle] - 1.0).abs() < 1e-3);
        assert_eq!([plain[2][middle], rights[0][middle], rights[1][middle], downs[2][middle]], [0.0; 4]);
        // At the border the slope is halved, which is a slope of the slope.
        assert!((plain[1][3 * cols] - 1.0).abs() < 1e-3 && (rights[1][3 * cols] - 1.0).abs() < 1e-3);
    }
}
