//! Each part has the bytes of the body at its range, for any request.

use super::*;
use proptest::prelude::*;

/// The parts of an answer, each with its range, as a client reads them.
fn read(answer: &Answer) -> Vec<(String, Vec<u8>)> {
    if let Some(place) = answer.field("content-range") {
        return vec![(place.to_owned(), answer.body.to_vec())];
    }
    let media = answer.field("content-type").unwrap();
    let boundary = media.split_once("boundary=").unwrap().1;
    let text: String = answer.body.iter().copied().map(char::from).collect();
    let delimiter = format!("\r\n--{boundary}");
    let sections = text.strip_suffix(&format!("{delimiter}--\r\n")).unwrap();
    let sections = sections.strip_prefix(&delimiter).unwrap();
    sections
        .split(&delimiter)
        .map(|section| {
            let (head, body) = section.split_once("\r\n\r\n").unwrap();
            let place = head.split_once("Content-Range: ").unwrap().1;
            let body = body.chars().map(|octet| u8::try_from(octet).unwrap());
            (place.to_owned(), body.collect())
        })
        .collect()
}

fn check(body: &[u8], range: &str) -> Result<(), TestCaseError> {
    let stored = stored(body.to_vec(), &[]);
    let answer = get(&stored, &[("range", range)]);
    prop_assert!(answer.body.len() <= body.len());
    match answer.status {
        200 => prop_assert_eq!(&answer.body[..], body),
        416 => {
            let length = format!("bytes */{}", body.len());
            prop_assert_eq!(answer.field("content-range"), Some(&length[..]));
            prop_assert!(answer.body.is_empty());
        }
        206 => {
            for (place, bytes) in read(&answer) {
                let (span, length) = place["bytes ".len()..].split_once('/').unwrap();
                let (first, last) = span.split_once('-').unwrap();
                let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
                prop_assert_eq!(length.parse::<usize>().unwrap(), body.len());
                prop_assert_eq!(&bytes[..], &body[first..=last]);
            }
        }
        other => prop_assert!(false, "{}", other),
    }
    Ok(())
}

proptest! {
    #[test]
    fn each_part_has_the_bytes_of_its_range_and_none_is_longer_than_the_whole(
        body in prop::collection::vec(any::<u8>(), 0..3000),
        ranges in prop::collection::vec("[0-9]{0,4}-[0-9]{0,4}", 1..18),
    ) {
        check(&body, &format!("bytes={}", ranges.join(",")))?;
    }

    #[test]
    fn few_small_ranges_of_a_large_body_are_answered_in_parts(
        body in prop::collection::vec(any::<u8>(), 2000..3000),
        starts in prop::collection::vec(0..1900_usize, 1..5),
    ) {
        let ranges: Vec<_> = starts.iter().map(|first| format!("{first}-{}", first + 20)).collect();
        let range = format!("bytes={}", ranges.join(","));
        check(&body, &range)?;
        prop_assert_eq!(get(&stored(body, &[]), &[("range", &range)]).status, 206);
    }

    #[test]
    fn any_text_is_answered(body: Vec<u8>, range in "[ -~]{0,40}") {
        check(&body, &range)?;
        check(&body, &format!("bytes={range}"))?;
    }
}
