//! How much the processor's caches hold, found at run time: what a block may take is a share of it.

use std::sync::OnceLock;

/// Bytes of the second cache where the processor does not tell, and on other processors than x86-64: what blocks were first measured with.
const UNTOLD: usize = 1 << 20;

/// Bytes of the second cache behind the core that asks first; where cores share one, all of it.
pub(crate) fn second_cache() -> usize {
    static FOUND: OnceLock<usize> = OnceLock::new();
    *FOUND.get_or_init(|| told().filter(|bytes| (64 << 10..=64 << 20).contains(bytes)).unwrap_or(UNTOLD))
}

/// By the leaves that list caches one by one, alike in form: 4 with Intel, 0x8000_001D with AMD, and where a guest is not shown that one
/// 0x8000_0006, which has the size alone.
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn told() -> Option<usize> {
    use std::arch::x86_64::{__cpuid, __cpuid_count};

    /// Bit 22 of leaf 0x8000_0001's ecx: leaf 0x8000_001D is there. Bit 2, which Intel leaves 0: the processor is AMD's.
    const LISTED: u32 = 1 << 22;
    const AMD: u32 = 1 << 2;
    let most = |base: u32| __cpuid(base).eax;
    let amd = most(0x8000_0000) >= 0x8000_0006 && __cpuid(0x8000_0001).ecx & AMD != 0;
    if amd && (most(0x8000_0000) < 0x8000_001D || __cpuid(0x8000_0001).ecx & LISTED == 0) {
        return Some((__cpuid(0x8000_0006).ecx >> 16) as usize * 1024);
    }
    let leaf = if amd { 0x8000_001D } else { 4 };
    if !amd && most(0) < leaf {
        return None;
    }
    // Kind 0 ends the list; kind 2 holds instructions alone.
    let mut listed = (0..16).map(|i| __cpuid_count(leaf, i)).take_while(|cache| cache.eax & 31 != 0);
    let second = listed.find(|cache| cache.eax >> 5 & 7 == 2 && cache.eax & 31 != 2)?;
    let field = |from: u32, low: u32, bits: u32| (from >> low & ((1 << bits) - 1)) as usize + 1;
    let line = field(second.ebx, 0, 12) * field(second.ebx, 12, 10) * field(second.ebx, 22, 10);
    line.checked_mul(second.ecx as usize + 1)
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn told() -> Option<usize> {
    None
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::*;

    /// Sizes of second caches as the system lists them, which may differ between cores.
    fn listed() -> Vec<usize> {
        let files = (0..512).flat_map(|cpu| (0..8).map(move |index| format!("/sys/devices/system/cpu/cpu{cpu}/cache/index{index}")));
        let read = |path: String| std::fs::read_to_string(path).ok();
        let second = files.filter(|path| read(format!("{path}/level")).is_some_and(|level| level.trim() == "2"));
        second
            .filter_map(|path| read(format!("{path}/size"))?.trim().strip_suffix('K')?.parse().ok())
            .map(|size: usize| size << 10)
            .collect()
    }

    #[test]
    fn as_much_as_the_system_says() {
        let (listed, Some(told)) = (listed(), told()) else { return };
        assert!(listed.is_empty() || listed.contains(&told), "{told} bytes, where the system lists {listed:?}");
    }
}
