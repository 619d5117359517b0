use super::*;
use actix_web::{
    http::header::{Accept, ContentLength},
    web::Header,
};

struct User;

type Nothing = RouteOptions<NoVary, NoBody>;
type All = RouteOptions<Vary, WithBody>;

fn facts<T: KeyCovered<Nothing>>() -> ArgumentInfo {
    T::FACTS
}

#[test]
fn covered_types_depend_on_parts_of_the_key() {
    assert_eq!(facts::<Path<u32>>().inputs, Inputs::NOTHING);
    assert_eq!(facts::<Data<User>>().inputs, Inputs::NOTHING);
    assert_eq!(facts::<(Method, ())>().inputs, Inputs::NOTHING);
    assert!(facts::<Option<Uri>>().inputs.intersects(Inputs::URI));
}

#[test]
fn a_header_argument_names_its_header() {
    let header = facts::<Option<Header<Accept>>>().header.unwrap();
    assert_eq!(header(), "accept");
}

#[test]
fn two_headers_in_one_argument_are_undeclared() {
    let facts = facts::<(Header<Accept>, Header<ContentLength>)>();
    assert!(facts.inputs.intersects(Inputs::UNDECLARABLE));
}

#[test]
fn a_body_is_an_input_under_the_option_body() {
    assert!(
        <Either<Json<u32>, Form<u32>> as KeyCovered<All>>::FACTS
            .inputs
            .intersects(Inputs::BODY)
    );
    assert!(
        <Result<HttpRequest, ()> as KeyCovered<All>>::FACTS
            .inputs
            .intersects(Inputs::REQUEST)
    );
}

pub(super) mod headers {
    use super::super::{KNOWN, TypedHeader};
    use actix_web::{HttpRequest, test::TestRequest};
    use std::fmt::Debug;

    pub(crate) fn parsed<H: TypedHeader + Debug>(request: &HttpRequest) -> String {
        let name = H::name();
        let alone = request
            .headers()
            .get_all(&name)
            .fold(TestRequest::default(), |alone, value| {
                alone.append_header((name.clone(), value.clone()))
            });
        let alone = H::parse(&alone.to_http_request());
        assert!(alone.is_ok(), "{name}: {alone:?}");
        let beside_others = H::parse(request);
        assert_eq!(format!("{beside_others:?}"), format!("{alone:?}"), "{name}");
        let without = request
            .headers()
            .iter()
            .filter(|(other, _)| **other != name)
            .fold(TestRequest::default(), |request, field| {
                request.append_header(field)
            });
        let nothing = H::parse(&TestRequest::default().to_http_request());
        let without = H::parse(&without.to_http_request());
        assert_eq!(format!("{without:?}"), format!("{nothing:?}"), "{name}");
        name.to_string()
    }

    #[test]
    fn a_typed_header_of_actix_web_reads_its_own_header_only() {
        const DAY: &str = "Thu, 01 Jan 1970 00:00:01 GMT";
        let request = [
            ("accept", "text/html"),
            ("accept-charset", "utf-8"),
            ("accept-encoding", "gzip"),
            ("accept-language", "de"),
            ("allow", "GET"),
            ("cache-control", "no-store"),
            ("content-disposition", "attachment; filename=\"a\""),
            ("content-encoding", "br"),
            ("content-language", "da"),
            ("content-length", "7"),
            ("content-range", "bytes 0-1/2"),
            ("content-type", "text/plain"),
            ("date", DAY),
            ("etag", "\"a\""),
            ("expires", DAY),
            ("if-match", "\"b\""),
            ("if-modified-since", DAY),
            ("if-none-match", "\"c\""),
            ("if-range", "\"d\""),
            ("if-unmodified-since", DAY),
            ("last-modified", DAY),
            ("range", "bytes=0-1"),
            ("cookie", "user=7"),
        ]
        .into_iter()
        .fold(TestRequest::default(), TestRequest::append_header)
        .to_http_request();
        let mut names: Vec<_> = KNOWN.iter().map(|(_, parsed)| parsed(&request)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KNOWN.len());
        assert_eq!(
            request.headers().len(),
            KNOWN.len() + 1,
            "each header is in the request"
        );
    }
}
