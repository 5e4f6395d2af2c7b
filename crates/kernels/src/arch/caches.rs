//! How much the processor's caches hold, found at run time: what a block may take is a share of it.

use std::sync::OnceLock;

/// Bytes of the second cache where the processor does not tell: what most have at least.
const UNTOLD: usize = 512 << 10;

/// Bytes of a core's second cache.
pub(crate) fn second_cache() -> usize {
    static FOUND: OnceLock<usize> = OnceLock::new();
    *FOUND.get_or_init(|| told().filter(|bytes| (64 << 10..=64 << 20).contains(bytes)).unwrap_or(UNTOLD))
}

/// By the leaves that list caches one by one: 4 with Intel, 0x8000_001D with AMD, alike in form.
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn told() -> Option<usize> {
    use std::arch::x86_64::{__cpuid, __cpuid_count};

    /// Bit 22 of leaf 0x8000_0001's ecx: leaf 0x8000_001D is there.
    const TOPOLOGY: u32 = 1 << 22;
    let most = |base: u32| __cpuid(base).eax;
    let amd = most(0x8000_0000) >= 0x8000_001D && __cpuid(0x8000_0001).ecx & TOPOLOGY != 0;
    let leaf = if amd { 0x8000_001D } else { 4 };
    if !amd && most(0) < leaf {
        return None;
    }
    // Kind 0 ends the list; of what is left the second level that holds data.
    (0..16)
        .map(|i| __cpuid_count(leaf, i))
        .take_while(|cache| cache.eax & 31 != 0)
        .find(|cache| cache.eax >> 5 & 7 == 2 && cache.eax & 31 != 2)
        .map(|cache| {
            let field = |from: u32, low: u32, bits: u32| (from >> low & ((1 << bits) - 1)) as usize + 1;
            let (line, parts, ways) = (field(cache.ebx, 0, 12), field(cache.ebx, 12, 10), field(cache.ebx, 22, 10));
            line * parts * ways * (cache.ecx as usize + 1)
        })
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn told() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(target_os = "linux", not(miri)))]
    fn as_much_as_the_system_says() {
        let said = |what: &str| std::fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index2/{what}"));
        let (Ok(level), Ok(size), Some(found)) = (said("level"), said("size"), told()) else { return };
        if level.trim() == "2" {
            let kibibytes: usize = size.trim().trim_end_matches('K').parse().expect("a number of KiB");
            assert_eq!(found, kibibytes << 10);
        }
    }
}
