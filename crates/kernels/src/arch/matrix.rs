//! Matrix registers: what a processor with AMX multiplies bytes in, as a trait; its definition in plain Rust; and how an algorithm over them
//! is entered. What is not here: vectors ([`super::lanes`]).

/// Rows of a register, and words of a row: of sums, or of four bytes each.
pub(crate) const SIDE: usize = 16;

/// Eight registers of [`SIDE`] words a row. 0 to 3 hold sums, 4 and 5 rows of unsigned bytes; 6 and 7 signed bytes, whose row k holds word k of
/// sixteen columns.
pub(crate) trait MatrixUnit {
    /// Registers of `rows` (1..=SIDE) rows, 6 and 7 of SIDE.
    ///
    /// # Safety
    /// The processor must have them. There is one set a thread: nobody else uses it before this one is dropped.
    unsafe fn new(rows: usize) -> Self;
    /// Sums begin at 0.
    ///
    /// # Safety
    /// The processor has the registers.
    unsafe fn zero<const SUMS: usize>(&mut self);
    /// Reads all rows of a register, `stride` words apart.
    ///
    /// # Safety
    /// [`SIDE`] words of each row are readable.
    unsafe fn load<const TO: usize>(&mut self, from: *const f32, stride: usize);
    /// sums += rows · columns: word by word four products of an unsigned and a signed byte.
    ///
    /// # Safety
    /// The processor has the registers.
    unsafe fn multiply<const SUMS: usize, const ROWS: usize, const COLUMNS: usize>(&mut self);
    /// Writes all rows of a register, `stride` words apart.
    ///
    /// # Safety
    /// [`SIDE`] words of each row are writable.
    unsafe fn store<const SUMS: usize>(&self, to: *mut f32, stride: usize);
}

/// An algorithm over a [`MatrixUnit`]: a record of its arguments.
pub(crate) trait MatrixKernel {
    /// Runs it.
    fn run<U: MatrixUnit>(self);
}

/// Runs a kernel on the processor's matrix registers, or in plain Rust where it has none.
pub(crate) fn dispatch_matrix<K: MatrixKernel>(kernel: K) {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if super::amx::available() {
        return kernel.run::<super::amx::Amx>();
    }
    kernel.run::<PlainUnit>();
}

/// The registers as arrays.
pub(crate) struct PlainUnit {
    rows: usize,
    registers: [[[u32; SIDE]; SIDE]; 8],
}

impl PlainUnit {
    /// Rows of a register.
    fn height(&self, register: usize) -> usize {
        if register < 6 { self.rows } else { SIDE }
    }
}

impl MatrixUnit for PlainUnit {
    unsafe fn new(rows: usize) -> Self {
        assert!((1..=SIDE).contains(&rows), "registers of {rows} rows");
        Self { rows, registers: [[[0; SIDE]; SIDE]; 8] }
    }
    unsafe fn zero<const SUMS: usize>(&mut self) {
        self.registers[SUMS] = [[0; SIDE]; SIDE];
    }
    unsafe fn load<const TO: usize>(&mut self, from: *const f32, stride: usize) {
        for i in 0..self.height(TO) {
            // SAFETY: the caller's promise; a word may be of any bits.
            self.registers[TO][i] = unsafe { from.add(i * stride).cast::<[u32; SIDE]>().read_unaligned() };
        }
    }
    unsafe fn multiply<const SUMS: usize, const ROWS: usize, const COLUMNS: usize>(&mut self) {
        for i in 0..self.rows {
            for k in 0..SIDE {
                let data = self.registers[ROWS][i][k].to_le_bytes();
                for j in 0..SIDE {
                    for (data, weight) in data.into_iter().zip(self.registers[COLUMNS][k][j].to_le_bytes()) {
                        let sum = &mut self.registers[SUMS][i][j];
                        *sum = sum.wrapping_add_signed(i32::from(data) * i32::from(weight.cast_signed()));
                    }
                }
            }
        }
    }
    unsafe fn store<const SUMS: usize>(&self, to: *mut f32, stride: usize) {
        for (i, row) in self.registers[SUMS][..self.height(SUMS)].iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { to.add(i * stride).cast::<[u32; SIDE]>().write_unaligned(*row) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two products of five rows by two blocks of columns; the last sums are of twice the same.
    struct Once<'a> {
        rows: &'a [u32],
        columns: &'a [u32],
        sums: &'a mut [i32],
    }

    impl MatrixKernel for Once<'_> {
        fn run<U: MatrixUnit>(self) {
            let (rows, columns, sums) =
                (self.rows.as_ptr().cast(), self.columns.as_ptr().cast::<f32>(), self.sums.as_mut_ptr().cast::<f32>());
            // SAFETY: `everything_adds_up` makes ten rows of 17 words, 32 of 16 and ten of 33; `dispatch_matrix` looks at the processor.
            unsafe {
                let mut unit = U::new(5);
                unit.load::<4>(rows, 17);
                unit.load::<5>(rows.add(5 * 17), 17);
                unit.load::<6>(columns, SIDE);
                unit.load::<7>(columns.add(SIDE * SIDE), SIDE);
                unit.zero::<0>();
                unit.zero::<1>();
                unit.zero::<2>();
                unit.zero::<3>();
                unit.multiply::<0, 4, 6>();
                unit.multiply::<1, 4, 7>();
                unit.multiply::<2, 5, 6>();
                unit.multiply::<3, 5, 7>();
                unit.multiply::<3, 5, 7>();
                unit.store::<0>(sums, 33);
                unit.store::<1>(sums.add(SIDE), 33);
                unit.store::<2>(sums.add(5 * 33), 33);
                unit.store::<3>(sums.add(5 * 33 + SIDE), 33);
            }
        }
    }

    #[test]
    fn everything_adds_up() {
        let words = |n: usize, seed: u32| -> Vec<u32> { (0..n as u32).map(|i| (i + seed).wrapping_mul(2_654_435_761)).collect() };
        let (rows, columns) = (words(10 * 17, 1), words(2 * SIDE * SIDE, 1000));
        let byte = |word: u32, i: usize| word.to_le_bytes()[i];
        let meant = |i: usize, j: usize| -> i32 {
            let block = j / SIDE * SIDE * SIDE + j % SIDE;
            let at = |k: usize, b: usize| i32::from(byte(columns[block + k / 4 * SIDE], b).cast_signed());
            let sum: i32 = (0..4 * SIDE).map(|k| i32::from(byte(rows[i * 17 + k / 4], k % 4)) * at(k, k % 4)).sum();
            if i >= 5 && j >= SIDE { 2 * sum } else { sum }
        };
        let mut of_both = [vec![7; 10 * 33], vec![7; 10 * 33]];
        let [plain, found] = &mut of_both;
        Once { rows: &rows, columns: &columns, sums: plain }.run::<PlainUnit>();
        dispatch_matrix(Once { rows: &rows, columns: &columns, sums: found });
        for sums in of_both {
            for (i, row) in sums.chunks(33).enumerate() {
                assert_eq!(row[32], 7, "row {i}: beyond its end");
                (0..32).for_each(|j| assert_eq!(row[j], meant(i, j), "row {i}, column {j}"));
            }
        }
    }
}
