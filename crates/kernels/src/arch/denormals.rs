//! The processor's switch for denormal numbers, set for the length of a run and put back.

/// While it lives, this thread reads and stores denormals as 0.
pub(crate) struct FlushGuard {
    #[cfg(target_arch = "x86_64")]
    before: u32,
}

#[cfg(target_arch = "x86_64")]
impl FlushGuard {
    pub(crate) fn new() -> Self {
        let before = control();
        // Bits 15 (flush to zero) and 6 (denormals are zero) of the control register.
        set_control(before | 1 << 15 | 1 << 6);
        Self { before }
    }
}

#[cfg(target_arch = "x86_64")]
impl Drop for FlushGuard {
    fn drop(&mut self) {
        set_control(self.before);
    }
}

#[cfg(target_arch = "x86_64")]
fn control() -> u32 {
    let mut value = 0u32;
    // SAFETY: stores the SSE control register (every x86-64 has it) into a live local.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &mut value, options(nostack)) };
    value
}

#[cfg(target_arch = "x86_64")]
fn set_control(value: u32) {
    // SAFETY: loads a value that was read from the register, with two defined bits added.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &value, options(nostack)) };
}

#[cfg(not(target_arch = "x86_64"))]
impl FlushGuard {
    pub(crate) fn new() -> Self {
        Self {}
    }
}
