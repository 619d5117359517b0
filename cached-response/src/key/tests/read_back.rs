//! A key can be read back, call by call, whatever was written: so no two
//! sequences of calls can have written the same bytes.

use proptest::prelude::*;

use crate::key::*;

/// A call that wrote something at the top.
#[derive(Clone, Debug, PartialEq)]
enum Call {
    Field(u8, Vec<u8>),
    Absent(u8),
    List(u8, String, Vec<Vec<u8>>),
    Part(Vec<Value>),
}

/// A call that wrote something inside a part.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Tag(u8),
    Bytes(Vec<u8>),
    Text(String),
    Number(u128),
    Signed(i128),
    Count(usize),
}

struct Values(Vec<Value>);

impl KeyPart for Values {
    fn write(&self, key: &mut KeyWriter) {
        for value in &self.0 {
            match value {
                Value::Tag(tag) => key.tag(*tag),
                Value::Bytes(bytes) => key.bytes(bytes),
                Value::Text(text) => key.text(text),
                Value::Number(number) => key.number(*number),
                Value::Signed(number) => key.signed(*number),
                Value::Count(count) => key.count(*count),
            }
        }
    }
}

const FIELDS: [Field; 3] = [Field::Method, Field::Path, Field::Vary];

fn write(calls: &[Call]) -> Vec<u8> {
    let field = |tag: u8| {
        FIELDS
            .into_iter()
            .find(|field| *field as u8 == tag)
            .unwrap()
    };
    let mut key = KeyWriter::reuse(Vec::new());
    for call in calls {
        match call {
            Call::Field(tag, bytes) => key.field(field(*tag), bytes),
            Call::Absent(tag) => key.absent(field(*tag)),
            Call::List(tag, name, members) => {
                key.list(field(*tag), name, members.iter().map(Vec::as_slice));
            }
            Call::Part(values) => key.part(&Values(values.clone())),
        }
    }
    key.into_buffer()
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken.to_vec()
    }

    fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn length(&mut self) -> usize {
        let byte = self.byte();
        let low = usize::from(byte & 0x7f);
        if byte < 0x80 {
            return low;
        }
        low | self.length() << 7
    }

    fn sized(&mut self) -> Vec<u8> {
        let length = self.length();
        self.take(length)
    }

    fn text(&mut self) -> String {
        String::from_utf8(self.sized()).unwrap()
    }

    fn call(&mut self) -> Call {
        let tag = self.byte();
        match tag {
            _ if tag == Field::Part as u8 => {
                let length = u64::from_le_bytes(self.take(8).try_into().unwrap());
                let part = self.take(length.try_into().unwrap());
                Call::Part(all(&part, Reader::value))
            }
            _ if tag & ABSENT != 0 => Call::Absent(tag & !ABSENT),
            _ if tag & LIST != 0 => Call::List(tag & !LIST, self.text(), self.members()),
            _ => Call::Field(tag, self.sized()),
        }
    }

    fn members(&mut self) -> Vec<Vec<u8>> {
        let mut members = Vec::new();
        while let Some(length) = self.length().checked_sub(1) {
            members.push(self.take(length));
        }
        members
    }

    fn value(&mut self) -> Value {
        match self.byte() {
            1 => Value::Tag(self.byte()),
            2 => Value::Bytes(self.sized()),
            3 => Value::Text(self.text()),
            4 => Value::Number(self.number()),
            5 => {
                let zigzag = self.number();
                let magnitude = (zigzag >> 1).cast_signed();
                Value::Signed(if zigzag & 1 == 0 {
                    magnitude
                } else {
                    !magnitude
                })
            }
            6 => Value::Count(self.length()),
            other => panic!("no value begins with {other}"),
        }
    }

    fn number(&mut self) -> u128 {
        let mut bytes = self.sized();
        bytes.resize(16, 0);
        u128::from_le_bytes(bytes.try_into().unwrap())
    }
}

fn all<'a, T>(bytes: &'a [u8], mut read: impl FnMut(&mut Reader<'a>) -> T) -> Vec<T> {
    let mut reader = Reader(bytes);
    let mut read_back = Vec::new();
    while !reader.0.is_empty() {
        read_back.push(read(&mut reader));
    }
    read_back
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u8>().prop_map(Value::Tag),
        any::<Vec<u8>>().prop_map(Value::Bytes),
        any::<String>().prop_map(Value::Text),
        any::<u128>().prop_map(Value::Number),
        (0..300_u128).prop_map(Value::Number),
        any::<i128>().prop_map(Value::Signed),
        (-300..300_i128).prop_map(Value::Signed),
        any::<usize>().prop_map(Value::Count),
    ]
}

fn calls() -> impl Strategy<Value = Call> {
    let field = || prop::sample::select(FIELDS.map(|field| field as u8).to_vec());
    let member = prop::collection::vec(b'a'..b'd', 0..3);
    prop_oneof![
        (field(), any::<Vec<u8>>()).prop_map(|(field, bytes)| Call::Field(field, bytes)),
        field().prop_map(Call::Absent),
        (field(), "[a-z-]{0,3}", prop::collection::vec(member, 0..4))
            .prop_map(|(field, name, members)| Call::List(field, name, members)),
        prop::collection::vec(values(), 0..4).prop_map(Call::Part),
    ]
}

proptest! {
    /// Two different requests never have one key.
    #[test]
    fn a_written_key_can_be_parsed(calls in prop::collection::vec(calls(), 0..6)) {
        prop_assert_eq!(all(&write(&calls), Reader::call), calls);
    }
}
