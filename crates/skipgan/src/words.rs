//! Words for people: counts in the singular and the plural.

/// A number and what it counts: `1 frame`, `2 frames`.
pub fn counted(count: impl TryInto<u64>, what: &str) -> String {
    // What does not fit is far from one.
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!([0usize, 1, 2].map(|count| counted(count, "clip")), ["0 clips", "1 clip", "2 clips"]);
    }
}
