//! The micro-kernel: a block of c held in registers while k runs, and the loops around it.
//!
//! b lies in panels of 16 columns, `[panel][k][16]`. Every element of c is summed in the order of k, whatever the block
//! heights and cuts: a row's bits depend neither on its neighbours nor on where a loop is cut.

#![allow(clippy::needless_range_loop, reason = "fixed small loops over registers read better by index")]

use super::{Kernel, Lanes, Words};

/// Columns of a panel.
pub(crate) const PANEL: usize = 16;

/// Steps of k a panel stays in the first cache for: 16 KiB of b.
const DEPTH: usize = 256;

/// How far ahead a panel that is read once is fetched, in numbers: 4 KiB, about what memory delivers in its own latency.
const AHEAD: usize = 1024;

/// Where the rows of a and c lie.
pub(crate) trait Rows {
    /// Elements between two steps of k.
    fn step(&self) -> usize;
    /// First element of row `i` of a.
    fn a(&self, i: usize) -> *const f32;
    /// Steps of k before a gap, and how many elements the gap adds. None: no gaps.
    #[inline(always)]
    fn run(&self) -> Option<(usize, usize)> {
        None
    }
    /// First element of row `i` of c.
    fn c(&self, i: usize) -> *mut f32;
}

/// Rows at fixed distances, k contiguous.
#[derive(Clone, Copy)]
pub(crate) struct Strided {
    pub(crate) a: *const f32,
    pub(crate) a_row: usize,
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
}

/// a lies transposed: its rows are neighbours, steps of k `step` apart.
#[derive(Clone, Copy)]
pub(crate) struct Turned {
    pub(crate) a: *const f32,
    pub(crate) step: usize,
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
}

/// Rows at listed offsets (of a, of c), k contiguous.
#[derive(Clone, Copy)]
pub(crate) struct Listed<'a> {
    pub(crate) a: *const f32,
    pub(crate) c: *mut f32,
    pub(crate) offsets: &'a [(usize, usize)],
}

/// Rows and steps of k at any distance, with a gap after each run of k: windows on a map.
#[derive(Clone, Copy)]
pub(crate) struct Windows {
    pub(crate) a: *const f32,
    pub(crate) a_row: usize,
    pub(crate) step: usize,
    pub(crate) run: usize,
    pub(crate) gap: usize,
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
}

impl Rows for Windows {
    #[inline(always)]
    fn step(&self) -> usize {
        self.step
    }
    #[inline(always)]
    fn a(&self, i: usize) -> *const f32 {
        self.a.wrapping_add(i * self.a_row)
    }
    #[inline(always)]
    fn run(&self) -> Option<(usize, usize)> {
        Some((self.run, self.gap))
    }
    #[inline(always)]
    fn c(&self, i: usize) -> *mut f32 {
        self.c.wrapping_add(i * self.c_row)
    }
}

impl Rows for Strided {
    #[inline(always)]
    fn step(&self) -> usize {
        1
    }
    #[inline(always)]
    fn a(&self, i: usize) -> *const f32 {
        self.a.wrapping_add(i * self.a_row)
    }
    #[inline(always)]
    fn c(&self, i: usize) -> *mut f32 {
        self.c.wrapping_add(i * self.c_row)
    }
}

impl Rows for Turned {
    #[inline(always)]
    fn step(&self) -> usize {
        self.step
    }
    #[inline(always)]
    fn a(&self, i: usize) -> *const f32 {
        self.a.wrapping_add(i)
    }
    #[inline(always)]
    fn c(&self, i: usize) -> *mut f32 {
        self.c.wrapping_add(i * self.c_row)
    }
}

impl Rows for Listed<'_> {
    #[inline(always)]
    fn step(&self) -> usize {
        1
    }
    #[inline(always)]
    fn a(&self, i: usize) -> *const f32 {
        self.a.wrapping_add(self.offsets[i].0)
    }
    #[inline(always)]
    fn c(&self, i: usize) -> *mut f32 {
        self.c.wrapping_add(self.offsets[i].1)
    }
}

/// Another c under the same a: where a panel is not whole, c is a small buffer.
struct Aside<'a, R> {
    rows: &'a R,
    from: usize,
    c: *mut f32,
}

impl<R: Rows> Rows for Aside<'_, R> {
    #[inline(always)]
    fn step(&self) -> usize {
        self.rows.step()
    }
    #[inline(always)]
    fn a(&self, i: usize) -> *const f32 {
        self.rows.a(self.from + i)
    }
    #[inline(always)]
    fn run(&self) -> Option<(usize, usize)> {
        self.rows.run()
    }
    #[inline(always)]
    fn c(&self, i: usize) -> *mut f32 {
        self.c.wrapping_add(i * PANEL)
    }
}

/// One register block's work.
pub(crate) struct Tile<'a, R> {
    rows: &'a R,
    /// First row.
    from: usize,
    /// First step of k, and how many.
    k: usize,
    depth: usize,
    /// b at that step; elements to the next panel.
    b: *const f32,
    panel: usize,
    /// First column of c.
    column: usize,
    /// Whether c begins at 0 or at what it holds.
    fresh: bool,
    /// How many bytes beyond b lies what will be read after this block: it is fetched meanwhile, so that weights come from memory
    /// while others are multiplied. 0: nothing.
    ahead: usize,
}

/// c[M rows][V vectors] (+)= a·b, all of c in registers.
///
/// # Safety
/// The rows of a, the panels of b and c must be readable, c writable and no other thread's.
#[inline(always)]
pub(crate) unsafe fn tile<L: Words, const M: usize, const V: usize, R: Rows>(t: &Tile<'_, R>) {
    let step = t.rows.step();
    let mut a = [std::ptr::null::<f32>(); M];
    let mut c = [std::ptr::null_mut::<f32>(); M];
    for i in 0..M {
        a[i] = t.rows.a(t.from + i);
        c[i] = t.rows.c(t.from + i).wrapping_add(t.column);
    }
    let mut sum = [[L::zero(); V]; M];
    // SAFETY: the caller's promise for every address; offsets stay within the rows and panels it names.
    unsafe {
        if !t.fresh {
            for i in 0..M {
                for v in 0..V {
                    sum[i][v] = L::load(c[i].add(v * L::WIDTH));
                }
            }
        }
        let (run, gap) = t.rows.run().unwrap_or((usize::MAX, 0));
        let mut b = t.b;
        let mut offset = t.k * step + t.k / run * gap;
        let mut until_gap = run - t.k % run;
        let mut rest = t.depth;
        while rest > 0 {
            let steps = rest.min(until_gap);
            for _ in 0..steps {
                let mut right = [L::zero(); V];
                for v in 0..V {
                    let at = b.wrapping_add(v * L::WIDTH / PANEL * t.panel + v * L::WIDTH % PANEL);
                    right[v] = L::load(at);
                    // A block of fewer panels than there could be has no load to spare, and little to read.
                    if v * L::WIDTH % PANEL == 0 && V * L::WIDTH == L::PANELS * PANEL {
                        L::fetch(at.wrapping_byte_add(t.ahead));
                    }
                }
                for i in 0..M {
                    let left = L::broadcast(a[i].add(offset));
                    for v in 0..V {
                        sum[i][v] = left.mul_add(right[v], sum[i][v]);
                    }
                }
                b = b.wrapping_add(PANEL);
                offset += step;
            }
            rest -= steps;
            offset += gap;
            until_gap = run;
        }
        for i in 0..M {
            for v in 0..V {
                sum[i][v].store(c[i].add(v * L::WIDTH));
            }
        }
    }
}

/// A product of `count` rows, `depth` steps of k and `columns` columns.
pub(crate) struct Product<'a, R> {
    pub(crate) rows: &'a R,
    pub(crate) count: usize,
    pub(crate) depth: usize,
    /// First panel; elements from one to the next.
    pub(crate) b: *const f32,
    pub(crate) panel: usize,
    pub(crate) columns: usize,
    /// Whether c begins at 0 or at what it holds.
    pub(crate) fresh: bool,
    /// Where the panels lie that the next product will read, whoever makes it: fetched at the end. A hint alone.
    pub(crate) next: Option<*const f32>,
}

impl<R> Product<'_, R> {
    /// Step `k` of a panel.
    #[inline(always)]
    fn at(&self, panel: usize, k: usize) -> *const f32 {
        self.b.wrapping_add(panel * self.panel + k * PANEL)
    }
}

/// Runs a product. Panels that several blocks of rows need stay in the first cache while these pass, [`DEPTH`] steps at a time; those that one
/// block reads once it reads from end to end, as memory likes it.
///
/// # Safety
/// All rows of a (`depth` steps), all panels (`depth` × 16 each, also the last) and all rows of c (`columns`) must be
/// valid; nobody else writes c.
#[inline(always)]
pub(crate) unsafe fn product<L: Words, R: Rows>(p: &Product<'_, R>) {
    let (panels, once) = (p.columns.div_ceil(PANEL), p.count <= L::TALL);
    // Steps of a panel for which what lies `AHEAD` is the same panel still.
    let within = p.depth.saturating_sub(AHEAD / PANEL);
    let (mut panel, mut k) = (0, 0);
    while panel < panels && k < p.depth {
        let group = if (panel + L::PANELS) * PANEL <= p.columns { L::PANELS } else { 1 };
        let whole = (panel + group) * PANEL <= p.columns;
        let end = match once {
            true if k < within => within,
            true => p.depth,
            false => p.depth.min(k + DEPTH),
        };
        let then = match once {
            true if end < p.depth => (panel, end),
            false if panel + group == panels => (0, end),
            true => (panel + group, 0),
            false => (panel + group, k),
        };
        // Meanwhile fetched: what is read then; of a long panel that is read once, what lies that far ahead.
        let fetched = if once && end < p.depth {
            Some(p.at(panel, k + AHEAD / PANEL))
        } else if then.0 < panels && then.1 < p.depth {
            Some(p.at(then.0, then.1))
        } else {
            p.next
        };
        let b = p.at(panel, k);
        let mut ahead = fetched.map_or(0, |fetched| fetched.addr().wrapping_sub(b.addr()));
        let mut from = 0;
        while from < p.count {
            let rest = p.count - from;
            let height = if group < L::PANELS && whole && rest >= L::TALL_ONE { L::TALL_ONE } else { L::TALL.min(rest) };
            let (column, fresh) = (panel * PANEL, p.fresh && k == 0);
            let tile = Tile { rows: p.rows, from, k, depth: end - k, b, panel: p.panel, column, fresh, ahead };
            // SAFETY: the caller's promise; the last, partial panel of c goes through a buffer.
            unsafe {
                if !whole {
                    aside::<L, R>(&tile, height, p.columns - column);
                } else if group == L::PANELS {
                    L::group(height, &tile);
                } else {
                    L::one(height, &tile);
                }
            }
            from += height;
            ahead = 0;
        }
        (panel, k) = then;
    }
}

/// A product as a kernel of its own.
pub(crate) struct Multiply<'a, R>(pub(crate) Product<'a, R>);

impl<R: Rows> Kernel for Multiply<'_, R> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        // SAFETY: whoever makes a product has checked its operands' extents.
        unsafe { product::<L, R>(&self.0) };
    }
}

/// A register block whose panel has only `columns` columns in c.
///
/// # Safety
/// As [`tile`], with `height` rows of `columns` columns of c.
#[inline(always)]
unsafe fn aside<L: Words, R: Rows>(t: &Tile<'_, R>, height: usize, columns: usize) {
    let mut buffer = [0.0f32; 16 * PANEL];
    // SAFETY: the caller's promise; the buffer holds 16 rows, more than any block's.
    unsafe {
        if !t.fresh {
            for i in 0..height {
                std::ptr::copy_nonoverlapping(t.rows.c(t.from + i).wrapping_add(t.column), buffer.as_mut_ptr().add(i * PANEL), columns);
            }
        }
        let rows = Aside { rows: t.rows, from: t.from, c: buffer.as_mut_ptr() };
        let tile = Tile { rows: &rows, from: 0, column: 0, k: t.k, depth: t.depth, b: t.b, panel: t.panel, fresh: t.fresh, ahead: t.ahead };
        L::one(height, &tile);
        for i in 0..height {
            std::ptr::copy_nonoverlapping(buffer.as_ptr().add(i * PANEL), t.rows.c(t.from + i).wrapping_add(t.column), columns);
        }
    }
}
