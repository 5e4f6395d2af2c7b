//! The smallest of a quadratic form over a field of two variables that are tied to their neighbours: its coefficients from
//! the pictures, and successive over-relaxation on a chessboard.

use super::board::{Board, start};
use super::lanes::{Lanes, WIDTH};

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
    pub fn terms(picture: &[f32], warped: &[f32], least: f32, scratch: &mut [f32], to: &mut Terms) {
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
    pub fn smoothness(field: &[Board; 2], strength: f32, least: f32, ties: &mut Board) {
        assert!(field.iter().all(|board| board.alike(ties)), "boards of one size");
        let (strength, least) = (Lanes::splat(strength), Lanes::splat(least));
        for row in 0..ties.rows {
            for colour in 0..2 {
                let (first, right) = (ties.first(row), start(colour, row));
                for cell in (first..first + ties.count(colour, row)).step_by(WIDTH) {
                    let slopes = field.each_ref().map(|board| {
                        let (own, other) = (Lanes::load(&board.cells[colour][cell..]), &board.cells[1 - colour]);
                        let across = Lanes::load(&other[cell + right..]) - own;
                        let down = Lanes::load(&other[cell + board.stride..]) - own;
                        across * across + down * down
                    });
                    (strength / (slopes[0] + slopes[1] + least).sqrt()).store(&mut ties.cells[colour][cell..]);
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
    pub fn coefficients(terms: &Terms, weights: Weights, field: &[Board; 2], increment: &[Board; 2], system: &mut System) {
        let board = &field[0];
        let mut others = terms.boards.iter().flatten().chain(field).chain(increment).chain(system.boards());
        assert!(others.all(|other| other.alike(board)), "boards of one size");
        drop(others);
        for row in 0..board.rows {
            for colour in 0..2 {
                let (first, count) = (board.first(row), board.count(colour, row));
                let below = if row + 1 == board.rows { 0.0 } else { 1.0 };
                let tied = Lanes::splat(1.0 + below);
                for cell in (first..first + count).step_by(WIDTH) {
                    block(terms, weights, field, increment, system, (colour, row, cell), tied);
                }
                let last = first + count - 1;
                let edge = 2 * (count - 1) + start(colour, row) + 1 == board.cols;
                let System { first: upper, second: lower, .. } = system;
                for diagonal in [upper, lower] {
                    let cells = &mut diagonal.cells[colour];
                    if edge {
                        // The last column has no right neighbour: its tie goes out again.
                        cells[last] -= system.ties.cells[colour][last];
                    }
                    for cells in cells[first..first + count.next_multiple_of(WIDTH)].chunks_exact_mut(WIDTH) {
                        (Lanes::splat(1.0) / Lanes::load(cells)).store(cells);
                    }
                    // What lies beyond the border never moves.
                    cells[first + count..first + count.next_multiple_of(WIDTH)].fill(0.0);
                }
            }
        }
    }
}

/// Eight blocks of the system, diagonals not yet inverted.
#[inline(always)]
fn block(
    terms: &Terms,
    weights: Weights,
    field: &[Board; 2],
    increment: &[Board; 2],
    system: &mut System,
    (colour, row, cell): (usize, usize, usize),
    tied: Lanes,
) {
    let at = |board: &Board| Lanes::load(&board.cells[colour][cell..]);
    let [a, b] = increment.each_ref().map(at);
    let least = Lanes::splat(weights.least);
    let [plain, rights, downs] = terms.boards.each_ref().map(|term| term.each_ref().map(at));
    let missed = |[c, x, y]: [Lanes; 3]| {
        let missed = c + x * a + y * b;
        missed * missed
    };
    let brightness = Lanes::splat(weights.brightness) / (missed(plain) + least).sqrt();
    let gradient = Lanes::splat(weights.gradient) / (missed(rights) + missed(downs) + least).sqrt();
    let product = |i: usize, j: usize| brightness * (plain[i] * plain[j]) + gradient * (rights[i] * rights[j] + downs[i] * downs[j]);

    let (left, stride) = (cell + start(colour, row) - 1, field[0].stride);
    let ties = &system.ties.cells;
    let own = Lanes::load(&ties[colour][cell..]);
    let [from_left, from_above] = [left, cell - stride].map(|cell| Lanes::load(&ties[1 - colour][cell..]));
    let diagonal = own * tied + from_left + from_above + Lanes::splat(weights.diagonal);
    let pull = |board: &Board| {
        let (middle, other) = (at(board), &board.cells[1 - colour]);
        let to = |cell: usize| Lanes::load(&other[cell..]) - middle;
        own * (to(left + 1) + to(cell + stride)) + from_left * to(left) + from_above * to(cell - stride)
    };
    let set = |board: &mut Board, value: Lanes| value.store(&mut board.cells[colour][cell..]);
    set(&mut system.first, product(1, 1) + diagonal);
    set(&mut system.mixed, product(1, 2));
    set(&mut system.second, product(2, 2) + diagonal);
    set(&mut system.sides[0], pull(&field[0]) - product(0, 1));
    set(&mut system.sides[1], pull(&field[1]) - product(0, 2));
}

vectorised! {
    /// `sweeps` sweeps of red–black successive over-relaxation, factor `omega`, over an increment.
    ///
    /// A half sweep needs of the one before only the rows around its own: so all of them run down the board together, one
    /// row behind each other, while those rows are at hand. The order of the arithmetic is that of one sweep after another.
    ///
    /// # Panics
    /// If boards differ in size.
    pub fn relax(system: &System, omega: f32, sweeps: usize, increment: &mut [Board; 2]) {
        let rows = increment[0].rows;
        assert!(increment.iter().chain(system.boards()).all(|board| board.alike(&system.ties)), "boards of one size");
        let halves = 2 * sweeps;
        for step in 0..(rows + halves).saturating_sub(1) {
            for half in (step + 1).saturating_sub(rows)..halves.min(step + 1) {
                relax_row(system, omega, half % 2, step - half, increment);
            }
        }
    }
}

#[inline(always)]
fn relax_row(system: &System, omega: f32, colour: usize, row: usize, increment: &mut [Board; 2]) {
    let (first, stride) = (system.ties.first(row), system.ties.stride);
    let left = start(colour, row);
    let count = system.ties.count(colour, row);
    let omega = Lanes::splat(omega);
    let [u, v] = increment.each_mut().map(|board| board.cells.each_mut());
    for cell in (first..first + count).step_by(WIDTH) {
        let at = |board: &Board| Lanes::load(&board.cells[colour][cell..]);
        let left = cell + left - 1;
        let own = at(&system.ties);
        let [from_left, from_above] = [left, cell - stride].map(|cell| Lanes::load(&system.ties.cells[1 - colour][cell..]));
        let pull = |other: &[f32]| {
            let to = |cell: usize| Lanes::load(&other[cell..]);
            from_left * to(left) + own * to(left + 1) + from_above * to(cell - stride) + own * to(cell + stride)
        };
        let (a, b) = (Lanes::load(&u[colour][cell..]), Lanes::load(&v[colour][cell..]));
        let mixed = at(&system.mixed);
        let a = a + omega * ((pull(u[1 - colour]) + at(&system.sides[0]) - b * mixed) * at(&system.first) - a);
        let b = b + omega * ((pull(v[1 - colour]) + at(&system.sides[1]) - a * mixed) * at(&system.second) - b);
        a.store(&mut u[colour][cell..]);
        b.store(&mut v[colour][cell..]);
    }
}

vectorised! {
    /// `to = a + b`, cell by cell, and the border repeated.
    ///
    /// # Panics
    /// If boards differ in size.
    pub fn add(a: &Board, b: &Board, to: &mut Board) {
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
            (0..rows).for_each(|row| relax_row(&system, 1.6, half % 2, row, &mut turn));
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
