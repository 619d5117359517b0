//! Suggestions: the closest candidate within a small edit distance.

/// Returns `: did you mean `near`?`, or an empty text where no candidate is close.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    closest(word, candidates).map_or(String::new(), |near| format!(": did you mean `{near}`?"))
}

/// The closest candidate, where one is close.
fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance < word.len() && *distance <= 1 + candidate.len() / 4
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edit distance: insertions, deletions, replacements and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: [&str; 4] = ["timeout", "key", "vary", "unkeyed"];

    #[test]
    fn a_typing_error_finds_its_option() {
        for (typed, meant) in [
            ("timeuot", "timeout"),
            ("timeot", "timeout"),
            ("keey", "key"),
            ("vari", "vary"),
        ] {
            assert_eq!(closest(typed, OPTIONS), Some(meant), "{typed}");
        }
    }

    #[test]
    fn an_unrelated_name_suggests_no_option() {
        for typed in ["stale", "x", "compression"] {
            assert_eq!(closest(typed, OPTIONS), None, "{typed}");
        }
    }

    #[test]
    fn swapped_neighbours_are_one_edit() {
        assert_eq!(distance("kye", "key"), 1);
        assert_eq!(distance("", "key"), 3);
    }
}
