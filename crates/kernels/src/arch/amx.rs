//! x86-64's matrix registers (AMX with 8-bit products) under Linux: found, asked for, and used through inline assembly, since stable Rust has
//! no names for their instructions (docs/decisions/0016-amx-by-inline-assembly.md). Where no processor has them `.ci/amx` runs the tests in an
//! emulator.

use std::arch::asm;
use std::arch::x86_64::{__cpuid_count, _xgetbv};
use std::sync::OnceLock;

use super::matrix::{MatrixUnit, SIDE};

/// Whether the processor has the registers and the system lets this process use them. The first call asks for that; permission is for all
/// threads, those there are and those to come.
pub(super) fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| has_registers() && system_keeps_them() && permitted())
}

/// The processor's word: tiles, 8-bit products, and eight registers of sixteen rows of 64 bytes (palette 1).
fn has_registers() -> bool {
    const TILE_AND_INT8: u32 = 1 << 24 | 1 << 25;
    if __cpuid_count(0, 0).eax < 0x1d || __cpuid_count(7, 0).edx & TILE_AND_INT8 != TILE_AND_INT8 || __cpuid_count(0x1d, 0).eax < 1 {
        return false;
    }
    let palette = __cpuid_count(0x1d, 1);
    let (row_bytes, registers, rows) = (palette.ebx & 0xffff, palette.ebx >> 16, palette.ecx & 0xffff);
    row_bytes as usize >= 4 * SIDE && registers >= 8 && rows as usize >= SIDE
}

/// Whether the system saves them when it changes threads.
fn system_keeps_them() -> bool {
    const CONFIGURATION_AND_DATA: u64 = 1 << 17 | 1 << 18;

    #[target_feature(enable = "xsave")]
    fn saved() -> u64 {
        // SAFETY: register 0 exists wherever the instruction does.
        unsafe { _xgetbv(0) }
    }
    // The instruction's own bit: the system has switched it on.
    let switched_on = __cpuid_count(1, 0).ecx & 1 << 27 != 0 && std::is_x86_feature_detected!("xsave");
    // SAFETY: just checked.
    switched_on && unsafe { saved() } & CONFIGURATION_AND_DATA == CONFIGURATION_AND_DATA
}

/// Asks Linux for the registers' data (8 KiB a thread, made at its first use). Systems before 5.16 do not know the question and refuse.
fn permitted() -> bool {
    const ARCH_PRCTL: u64 = 158;
    const REQUEST: u64 = 0x1023;
    const TILE_DATA: u64 = 18;
    let answer: u64;
    // SAFETY: a system call that touches no memory of this process; it writes the three registers named here and no others.
    unsafe {
        asm!("syscall", inlateout("rax") ARCH_PRCTL => answer, in("rdi") REQUEST, in("rsi") TILE_DATA,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    answer == 0
}

/// What `ldtilecfg` reads: palette, where to go on after a fault, bytes of a row and rows of each register.
#[repr(C, align(64))]
struct Shape {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// This thread's registers; given back when it is dropped, so that the system has nothing to save for those who do not multiply.
pub(super) struct Amx(());

/// An instruction that changes registers of the set. The compiler knows them only as something that is lost: it is not told to use them
/// (no function enables them), so they are as the instruction before left them.
macro_rules! tiles {
    ($($rest:tt)*) => {
        asm!($($rest)*, out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack, preserves_flags))
    };
}

impl MatrixUnit for Amx {
    #[inline(always)]
    unsafe fn new(rows: usize) -> Self {
        assert!((1..=SIDE).contains(&rows), "registers of {rows} rows");
        let mut shape = Shape { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        shape.row_bytes[..8].fill(4 * SIDE as u16);
        shape.rows[..6].fill(rows as u8);
        shape.rows[6..8].fill(SIDE as u8);
        // SAFETY: the caller's promise; the shape is one that palette 1 has.
        unsafe { tiles!("ldtilecfg [{}]", in(reg) &raw const shape) };
        Self(())
    }
    #[inline(always)]
    unsafe fn zero<const SUMS: usize>(&mut self) {
        // SAFETY: the caller's promise; `new` has shaped the registers.
        unsafe { tiles!("tilezero tmm{}", const SUMS) };
    }
    #[inline(always)]
    unsafe fn load<const TO: usize>(&mut self, from: *const f32, stride: usize) {
        // SAFETY: as above, and the rows are readable.
        unsafe { tiles!("tileloadd tmm{}, [{} + {}*1]", const TO, in(reg) from, in(reg) 4 * stride) };
    }
    #[inline(always)]
    unsafe fn multiply<const SUMS: usize, const ROWS: usize, const COLUMNS: usize>(&mut self) {
        // SAFETY: as above.
        unsafe { tiles!("tdpbusd tmm{}, tmm{}, tmm{}", const SUMS, const ROWS, const COLUMNS) };
    }
    #[inline(always)]
    unsafe fn store<const SUMS: usize>(&self, to: *mut f32, stride: usize) {
        // SAFETY: as above, and the rows are writable.
        unsafe { tiles!("tilestored [{} + {}*1], tmm{}", in(reg) to, in(reg) 4 * stride, const SUMS) };
    }
}

impl Drop for Amx {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: whoever made this has promised that the processor has the instruction.
        unsafe { tiles!("tilerelease") };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_what_the_system_lists() {
        let listed = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        if listed.is_empty() {
            return;
        }
        let has = |flag: &str| listed.split_whitespace().any(|word| word == flag);
        if available() {
            assert!(has("amx_tile") && has("amx_int8"), "found, but the system does not list them");
        }
        assert_eq!(available(), available());
    }

    #[test]
    #[ignore = "only where one knows that the processor has them: .ci/amx"]
    fn they_are_there() {
        assert!(has_registers(), "the processor");
        assert!(system_keeps_them(), "the system saves them");
        assert!(permitted(), "the system's permission");
        assert_eq!(super::super::ByteLevel::within(super::super::Level::Avx512), Some(super::super::ByteLevel::Amx));
    }
}
