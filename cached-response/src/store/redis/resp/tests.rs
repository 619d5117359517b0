use proptest::prelude::*;
use redis::Value;

use super::*;
use crate::store::error::StoreErrorKind;

/// Reads an answer, and says how long it is.
fn read(bytes: &[u8], shape: Shape) -> Result<Option<(Answer, usize)>, StoreError> {
    let Some(end) = end_of(bytes, shape)? else {
        return Ok(None);
    };
    // Behind another.
    let (bytes, mut at) = ([b"+OK\r\n", bytes].concat().into(), 5);
    let answer = take(&bytes, &mut at, shape)?;
    assert_eq!(at, 5 + end);
    Ok(Some((answer, end)))
}

fn all(bytes: &[u8], shape: Shape) -> Answer {
    let (answer, end) = read(bytes, shape).unwrap().unwrap();
    assert_eq!(end, bytes.len());
    answer
}

fn is_garbled(bytes: &[u8], shape: Shape) -> bool {
    read(bytes, shape).is_err_and(|error| error.kind() == StoreErrorKind::Protocol)
}

#[test]
fn a_command_is_a_list_of_its_words() {
    let mut bytes = Vec::new();
    write([&b"SET"[..], b"a name", b"", b"\r\n"], &mut bytes);
    let text = b"*4\r\n$3\r\nSET\r\n$6\r\na name\r\n$0\r\n\r\n$2\r\n\r\n\r\n";
    assert_eq!(bytes, text);
}

#[test]
fn simple_answers_are_what_they_say() {
    assert_eq!(all(b":-2\r\n", Shape::Number), Answer::Number(-2));
    assert_eq!(all(b"+OK\r\n", Shape::Done), Answer::Done);
    assert_eq!(all(b"$-1\r\n", Shape::Done), Answer::Nothing);
    let bytes = Answer::Bytes(Bytes::from_static(b"a\r\nb"));
    assert_eq!(all(b"$4\r\na\r\nb\r\n", Shape::Bytes(4)), bytes);
    let nothing = Answer::Bytes(Bytes::new());
    assert_eq!(all(b"$0\r\n\r\n", Shape::Bytes(4)), nothing);
}

#[test]
fn a_refusal_may_be_the_answer_to_anything() {
    let shapes = [Shape::Bytes(4), Shape::Number, Shape::Done, Shape::Many];
    for shape in shapes {
        let answer = all(b"-OOM command not allowed\r\n", shape);
        assert_eq!(answer.refusal().unwrap().code(), "OOM");
    }
}

#[test]
fn a_list_is_read_whole() {
    let text = b"*3\r\n:7\r\n*2\r\n$2\r\nab\r\n$-1\r\n*-1\r\n";
    let Answer::Many(values) = all(text, Shape::Many) else {
        panic!("it is a list");
    };
    let inner = vec![Value::BulkString(b"ab".to_vec()), Value::Nil];
    assert_eq!(values, [Value::Int(7), Value::Array(inner), Value::Nil]);
    assert_eq!(all(b"*-1\r\n", Shape::Many), Answer::Nothing);
    assert_eq!(all(b"*0\r\n", Shape::Many), Answer::Many(Vec::new()));
}

#[test]
fn what_follows_is_left_for_the_next() {
    let (answer, end) = read(b":1\r\n:2\r\n", Shape::Number).unwrap().unwrap();
    assert_eq!((answer, end), (Answer::Number(1), 4));
}

#[test]
fn what_was_not_asked_for_is_garbled() {
    for (text, shape) in [
        (&b"+OK\r\n"[..], Shape::Number),
        (b":1\r\n", Shape::Done),
        (b"+QUEUED\r\n", Shape::Done),
        (b"$5\r\nabcde\r\n", Shape::Bytes(4)),
        (b"$-1\r\n", Shape::Bytes(4)),
        (b"$-2\r\n", Shape::Many),
        (b"$3\r\nabcde\r\n", Shape::Bytes(4)),
        (b":\r\n", Shape::Number),
        (b":-\r\n", Shape::Number),
        (b":+1\r\n", Shape::Number),
        (b":9999999999999999999\r\n", Shape::Number),
        (b":1\n", Shape::Number),
        (b"\r\n", Shape::Number),
        (b"%1\r\n", Shape::Many),
        (b"*99999999\r\n", Shape::Many),
        (b"*1\r\n%1\r\n", Shape::Many),
    ] {
        assert!(is_garbled(text, shape), "{}", text.escape_ascii());
    }
}

#[test]
fn nothing_is_waited_for_without_end() {
    assert!(is_garbled(&vec![b'1'; LONGEST_LINE], Shape::Number));
    assert!(is_garbled(&b"*1\r\n".repeat(DEEPEST + 1), Shape::Many));
    // A length is only believed within what was asked for.
    assert!(is_garbled(b"$9999999999\r\n", Shape::Bytes(1 << 20)));
    let mut claim = b"*1\r\n$999999999\r\n".to_vec();
    assert_eq!(read(&claim, Shape::Many), Ok(None));
    claim.resize(LARGEST_LIST, b'x');
    assert!(is_garbled(&claim, Shape::Many));
}

/// A short value, as the client crate reads it.
fn short(value: Value) -> Option<Bytes> {
    let Value::BulkString(mut bytes) = value else {
        assert_eq!(value, Value::Nil);
        return None;
    };
    bytes.truncate(SHORT);
    (!bytes.is_empty()).then(|| bytes.into())
}

#[test]
fn short_values_may_be_missing_empty_or_longer() {
    let long = "x".repeat(SHORT + 1);
    let text = format!(
        "*4\r\n$1\r\na\r\n$-1\r\n$0\r\n\r\n${}\r\n{long}\r\n",
        long.len()
    );
    let found = [Some("a"), None, None, Some(&long[..SHORT])];
    let found = found.map(|short| short.map(|short| Bytes::copy_from_slice(short.as_bytes())));
    assert_eq!(
        all(text.as_bytes(), Shape::Shorts(4)),
        Answer::Shorts(found.to_vec())
    );
    assert!(is_garbled(text.as_bytes(), Shape::Shorts(3)));
    assert!(is_garbled(b"*1\r\n:1\r\n", Shape::Shorts(1)));
    assert!(is_garbled(b"*1\r\n$9999999999\r\n", Shape::Shorts(1)));
    assert!(is_garbled(b"*-1\r\n", Shape::Shorts(0)));
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (0..64_usize).prop_map(Shape::Bytes),
        Just(Shape::Number),
        Just(Shape::Done),
        Just(Shape::Many),
        (0..4_usize).prop_map(Shape::Shorts),
    ]
}

/// What looks like an answer more often than not.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        "[-+:$*_%][-0-9]{0,3}\r\n".prop_map(String::into_bytes),
        "[a-z]{0,5}\r\n".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn whatever_a_server_says_is_read_or_refused(text in texts(), shape in shapes()) {
        if let Ok(Some((_, end))) = read(&text, shape) {
            prop_assert!(end <= text.len());
            // It is the same however it comes.
            for length in 0..end {
                prop_assert!(matches!(read(&text[..length], shape), Ok(None)));
            }
        }
    }

    #[test]
    fn what_is_read_by_hand_is_what_the_client_crate_reads(text in texts(), shape in shapes()) {
        let Ok(Some((answer, end))) = read(&text, shape) else {
            return Ok(());
        };
        let value = parse_redis_value(&text[..end]).unwrap();
        prop_assert_eq!(answer, match value {
            Value::Okay => Answer::Done,
            Value::Nil => Answer::Nothing,
            Value::Int(number) => Answer::Number(number),
            Value::BulkString(bytes) => Answer::Bytes(bytes.into()),
            Value::Array(values) if matches!(shape, Shape::Shorts(_)) => {
                Answer::Shorts(values.into_iter().map(short).collect())
            }
            Value::Array(values) => Answer::Many(values),
            Value::ServerError(error) => Answer::Refused(error),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        });
    }

    /// Whether they are few or many, and behind whatever.
    #[test]
    fn short_values_are_read_as_they_were_written(
        values in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..70)), 0..9),
    ) {
        let mut text = format!("*{}\r\n", values.len()).into_bytes();
        for value in &values {
            match value {
                Some(bytes) => {
                    text.extend(format!("${}\r\n", bytes.len()).bytes());
                    text.extend(bytes);
                    text.extend(b"\r\n");
                }
                None => text.extend(b"$-1\r\n"),
            }
        }
        let shape = Shape::Shorts(values.len());
        let values: Vec<_> = values.into_iter().map(|value| short(value.map_or(Value::Nil, Value::BulkString))).collect();
        prop_assert_eq!(all(&text, shape), Answer::Shorts(values.clone()));
        for length in 0..text.len() {
            prop_assert!(matches!(read(&text[..length], shape), Ok(None)));
        }
        let (bytes, mut at) = ([b"+OK\r\n", &*text].concat().into(), 5);
        let few = take_few(&bytes, &mut at, values.len());
        prop_assert_eq!(few.is_some(), values.len() <= SmallValues::FEW);
        if let Some(few) = few {
            prop_assert_eq!(at, bytes.len());
            let values: Vec<_> = values.iter().map(Option::as_deref).collect();
            prop_assert_eq!(few.iter().collect::<Vec<_>>(), values);
        }
    }

    #[test]
    fn numbers_are_read_as_everywhere(number: i64) {
        let text = format!(":{number}\r\n");
        prop_assert_eq!(all(text.as_bytes(), Shape::Number), Answer::Number(number));
    }

    #[test]
    fn lengths_are_written_as_everywhere(length in 0..2_000_usize) {
        let mut bytes = Vec::new();
        write_length(length, &mut bytes);
        let text = length.to_string();
        prop_assert_eq!(&*bytes, text.as_bytes());
    }

    #[test]
    fn numbers_are_written_as_everywhere(number: u64) {
        let (text, decimal) = (number.to_string(), Decimal::of(number));
        prop_assert_eq!(decimal.as_bytes(), text.as_bytes());
    }
}
