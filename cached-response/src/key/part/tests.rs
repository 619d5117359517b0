use super::*;

fn written<T: KeyPart + ?Sized>(part: &T) -> Vec<u8> {
    let mut key = KeyWriter::reuse(Vec::new());
    key.part(part);
    key.into_buffer()
}

#[test]
fn similar_values_have_different_keys() {
    let all = [
        written("1"),
        written(&1_u8),
        written(&1_i8),
        written(&'1'),
        written(&true),
        written(&Some(1)),
        written(&Some(Some(1))),
        written(&None::<u8>),
        written(&Some(None::<u8>)),
        written(&()),
        written(&((),)),
        written(&(1,)),
        written(&[1]),
        written(&BTreeSet::from([1])),
        written(&[0_u8; 0]),
        written(""),
        written(&BTreeMap::from([(1, 1)])),
        written(&BTreeSet::from([(1, 1)])),
        written(&web::Bytes::from_static(b"1")),
        written(&Either::<u8, u8>::Left(1)),
        written(&Either::<u8, u8>::Right(1)),
        written(&Duration::from_nanos(1)),
        written(&Method::GET),
        written("GET"),
        written("1.1.1.1"),
        written(&Ipv4Addr::new(1, 1, 1, 1)),
        written(&Ipv4Addr::new(1, 1, 1, 1).to_ipv6_mapped()),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[..at].contains(one), "{at}");
    }
}

#[test]
fn text_does_not_wander_between_the_values_of_a_tuple() {
    assert_ne!(written(&("ab", "c")), written(&("a", "bc")));
    assert_ne!(written(&("", "a")), written(&("a", "")));
    assert_ne!(
        written(&(vec!["a"], vec!["b"])),
        written(&(vec!["a", "b"], Vec::<&str>::new()))
    );
    assert_ne!(
        written(&(Some("a"), None::<&str>)),
        written(&(None::<&str>, Some("a")))
    );
}

#[test]
fn lists_do_not_wander_between_the_lists_around_them() {
    type Lists = (Vec<Vec<u8>>, Vec<Vec<u8>>);
    let one: Lists = (vec![vec![1], vec![]], vec![]);
    let other: Lists = (vec![vec![1]], vec![vec![]]);
    assert_ne!(written(&one), written(&other));
}

#[test]
fn a_value_is_the_same_however_it_is_held() {
    let plain = written("a");
    assert_eq!(written(&String::from("a")), plain);
    assert_eq!(written(&&&"a"), plain);
    assert_eq!(written(&Box::<str>::from("a")), plain);
    assert_eq!(written(&Rc::new("a")), plain);
    assert_eq!(written(&Arc::<str>::from("a")), plain);
    assert_eq!(written(&Cow::Borrowed("a")), plain);
    assert_eq!(written(&web::Path::from("a")), plain);
    assert_eq!(written(&web::Query("a")), plain);
    assert_eq!(written(&web::Json("a")), plain);
    assert_eq!(written(&web::Form("a")), plain);
}

#[test]
fn a_list_is_the_same_however_it_is_held() {
    let plain = written(&[1, 2]);
    assert_eq!(written(&vec![1, 2]), plain);
    assert_eq!(written([1, 2].as_slice()), plain);
    assert_eq!(written(&VecDeque::from([1, 2])), plain);
    assert_ne!(written(&[2, 1]), plain);
}

#[test]
fn a_number_is_the_same_in_any_width() {
    assert_eq!(written(&5_u8), written(&5_u128));
    assert_eq!(written(&5_usize), written(&5_u32));
    assert_eq!(written(&-5_isize), written(&-5_i64));
    assert_eq!(written(&NonZero::new(5_u16)), written(&Some(5_u16)));
    assert_eq!(written(&NonZero::new(5_usize)), written(&Some(5_u16)));
    assert_ne!(written(&-5), written(&5));
}

#[test]
fn addresses_with_any_difference_have_different_keys() {
    let v6 = |flow, scope| SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, flow, scope);
    assert_ne!(written(&v6(0, 0)), written(&v6(0, 1)));
    assert_ne!(written(&v6(0, 0)), written(&v6(1, 0)));
    assert_eq!(written(&v6(0, 0)), written(&SocketAddr::from(v6(0, 0))));
    let v4 = |port| SocketAddr::from(([127, 0, 0, 1], port));
    assert_ne!(written(&v4(80)), written(&v4(81)));
    assert_eq!(
        written(&IpAddr::from([127, 0, 0, 1])),
        written(&Ipv4Addr::LOCALHOST)
    );
    assert_ne!(
        written(&Ipv6Addr::LOCALHOST),
        written(&Ipv6Addr::UNSPECIFIED)
    );
}

#[test]
fn the_fields_of_a_tuple_are_in_order() {
    let all = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    let swapped = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 11);
    assert_eq!(written(&all), written(&all));
    assert_ne!(written(&all), written(&swapped));
}

/// Three versions of a program.
mod versions {
    macro_rules! version {
        ($name:ident { $($variant:ident),* } { $($field:ident),* }) => {
            pub(super) mod $name {
                #[derive(crate::KeyPart)]
                #[allow(dead_code, reason = "not all versions are asked for all of them")]
                pub(crate) enum Role { $($variant),* }

                #[derive(crate::KeyPart)]
                pub(crate) struct Point { $(pub(crate) $field: u8),* }
            }
        };
    }
    version!(first { User, Admin } { x, y });
    version!(same { User, Admin } { x, y });
    version!(later { Guest, User, Admin } { y, x });
}

#[test]
fn another_type_in_the_same_field_is_another_part() {
    use versions::{first, later, same};
    assert_eq!(written(&first::Role::User), written(&same::Role::User));
    assert_ne!(written(&first::Role::User), written(&later::Role::Guest));
    assert_ne!(written(&first::Role::Admin), written(&later::Role::User));
    let point = written(&first::Point { x: 1, y: 2 });
    assert_eq!(point, written(&same::Point { x: 1, y: 2 }));
    assert_ne!(point, written(&later::Point { x: 2, y: 1 }));
}

#[cfg(feature = "uuid")]
#[test]
fn a_uuid_is_its_sixteen_bytes() {
    let one = uuid::Uuid::from_u128(1);
    assert_eq!(written(&one), written(&uuid::Uuid::from_u128(1)));
    assert_ne!(written(&one), written(&uuid::Uuid::from_u128(2)));
    assert_ne!(
        written(&one),
        written(&web::Bytes::copy_from_slice(one.as_bytes()))
    );
}
