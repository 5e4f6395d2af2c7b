//! What the system says of this process, for benchmarks.

/// The most physical memory this process has had, in bytes; `None` where the system does not say (anything but Linux).
#[must_use]
pub fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn memory_that_was_written_counts() {
        let before = super::peak_rss_bytes().expect("Linux says");
        let written = std::hint::black_box(vec![1u8; before as usize]);
        assert!(super::peak_rss_bytes().expect("Linux says") > before, "{} bytes more", written.len());
    }
}
