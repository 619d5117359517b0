//! Fewer moves that fail still.

/// Leaves out what is not needed for `fails` to hold: halves first, single ones at the end.
pub(crate) fn shrink<T: Clone>(moves: &[T], mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut left = moves.to_vec();
    let mut step = left.len().div_ceil(2);
    while step > 0 {
        let mut at = 0;
        while at < left.len() {
            let end = (at + step).min(left.len());
            let without = [&left[..at], &left[end..]].concat();
            if fails(&without) {
                left = without;
            } else {
                at = end;
            }
        }
        step /= 2;
    }
    left
}

#[test]
fn what_is_not_needed_is_left_out() {
    let numbers: Vec<u32> = (0..1000).collect();
    let fails = |left: &[u32]| left.contains(&7) && left.contains(&800);
    assert_eq!(shrink(&numbers, fails), [7, 800]);
}
