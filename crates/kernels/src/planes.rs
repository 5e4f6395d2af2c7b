//! Image planes: what the baselines are made of. Row after row, no gaps.

/// |a − b| of 8-bit planes.
///
/// # Panics
/// If lengths differ.
pub fn absolute_difference(a: &[u8], b: &[u8], to: &mut [u8]) {
    assert!(a.len() == b.len() && b.len() == to.len(), "planes of one size");
    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
        *to = a.abs_diff(*b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_no_sign() {
        let mut to = [0; 2];
        absolute_difference(&[1, 5], &[3, 2], &mut to);
        assert_eq!(to, [2, 3]);
    }
}
