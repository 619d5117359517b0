use super::*;
use crate::{
    policy::Policy,
    route::inputs::{ArgumentInfo, Role},
};
use actix_web::http::header::HeaderValue;

/// A request, as far as admission reads it.
struct Request {
    method: Method,
    headers: HeaderMap,
    query: Option<&'static str>,
    body: bool,
}

fn get(fields: &[(&'static str, &'static str)]) -> Request {
    let headers = fields
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
    Request {
        method: Method::GET,
        headers,
        query: None,
        body: false,
    }
}

fn admission(policy: Policy, arguments: &[(Role, ArgumentInfo)], request: &Request) -> Admission {
    let asked = RequestFacts {
        method: &request.method,
        headers: &request.headers,
        query: request.query,
        unkeyed_body: request.body,
    };
    let mut config = RouteConfig::new(policy, arguments);
    let admission = admit(&config, &asked);
    // The prepared answer is the same as the computed one.
    config.every_get = false;
    assert_eq!(admit(&config, &asked), admission);
    admission
}

fn admitted(arguments: &[(Role, ArgumentInfo)], request: &Request) -> Admitted {
    match admission(Policy::default().vary_none(), arguments, request) {
        Admission::Lookup(admitted) => admitted,
        Admission::Bypass(why) => panic!("bypassed: {why}"),
    }
}

const SEES_REQUEST: &[(Role, ArgumentInfo)] = &[(Role::Covered, ArgumentInfo::REQUEST)];

#[test]
fn a_plain_get_is_looked_up_and_may_lead() {
    let plain = Admitted {
        reuse: AllowedReuse::Any,
        flight: FlightRole::Lead,
        head: false,
        directives: None,
    };
    assert_eq!(admitted(&[], &get(&[])), plain);
}

fn bypassed(
    policy: Policy,
    arguments: &[(Role, ArgumentInfo)],
    change: impl Fn(&mut Request),
) -> Option<Bypass> {
    let mut request = get(&[]);
    change(&mut request);
    match admission(policy, arguments, &request) {
        Admission::Bypass(why) => Some(why),
        Admission::Lookup(_) => None,
    }
}

#[test]
fn only_the_methods_of_the_route_are_looked_up() {
    let method = |policy: Policy, method: Method| {
        bypassed(policy, &[], |request| request.method = method.clone())
    };
    let post = || Policy::default().methods(["POST"]);
    for (policy, asked, why) in [
        (Policy::default(), Method::GET, None),
        (Policy::default(), Method::HEAD, None),
        (Policy::default(), Method::POST, Some(Bypass::Method)),
        (Policy::default(), Method::OPTIONS, Some(Bypass::Method)),
        (post(), Method::POST, None),
        (post(), Method::GET, Some(Bypass::Method)),
        (post(), Method::HEAD, Some(Bypass::Method)),
    ] {
        assert_eq!(method(policy, asked.clone()), why, "{asked}");
    }
}

#[test]
fn a_body_that_is_not_in_the_key_bypasses() {
    assert_eq!(
        bypassed(Policy::default(), &[], |request| request.body = true),
        Some(Bypass::Body)
    );
}

#[test]
fn a_whole_request_without_an_option_for_it_bypasses() {
    assert_eq!(
        bypassed(Policy::default(), SEES_REQUEST, |_| {}),
        Some(Bypass::Undeclared)
    );
    assert_eq!(
        bypassed(Policy::default().vary_none(), SEES_REQUEST, |_| {}),
        None
    );
}

#[test]
fn a_flag_that_the_handler_can_see_bypasses() {
    let flag = |request: &mut Request| request.query = Some("nocache=1");
    assert_eq!(
        bypassed(Policy::default().vary_none(), SEES_REQUEST, flag),
        Some(Bypass::Nocache)
    );
    assert_eq!(
        bypassed(
            Policy::default().nocache_off().vary_none(),
            SEES_REQUEST,
            flag
        ),
        None
    );
}

#[test]
fn a_method_override_that_the_handler_can_see_bypasses() {
    for name in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        let change = |request: &mut Request| *request = get(&[(name, "PUT")]);
        assert_eq!(
            bypassed(Policy::default().vary_none(), SEES_REQUEST, change),
            Some(Bypass::MethodOverride)
        );
    }
}

#[test]
fn a_method_override_means_nothing_to_a_handler_that_sees_no_headers() {
    assert_eq!(
        admitted(&[], &get(&[("x-http-method-override", "PUT")])).flight,
        FlightRole::Lead
    );
}

#[test]
fn a_get_may_have_a_body_that_is_named_in_key() {
    let mut request = get(&[]);
    request.body = true;
    assert_eq!(
        admitted(&[(Role::Keyed, ArgumentInfo::BODY)], &request).flight,
        FlightRole::Lead
    );
}

#[test]
fn head_is_answered_where_get_is_and_never_leads() {
    let mut request = get(&[]);
    request.method = Method::HEAD;
    let head = admitted(&[], &request);
    assert!(head.head);
    assert_eq!(head.flight, FlightRole::Follow);
}

#[test]
fn an_authorized_request_reuses_only_what_is_open_and_runs_alone() {
    let admitted = admitted(&[], &get(&[("authorization", "Bearer a")]));
    assert_eq!(
        (admitted.reuse, admitted.flight),
        (AllowedReuse::OnlyShareable, FlightRole::None)
    );
}

#[test]
fn a_route_keyed_by_user_admits_authorized_requests() {
    let request = get(&[("authorization", "Bearer a")]);
    for role in [Role::Keyed, Role::Gate] {
        let admitted = admitted(&[(role, ArgumentInfo::UNKNOWN)], &request);
        assert_eq!(
            (admitted.reuse, admitted.flight),
            (AllowedReuse::Any, FlightRole::Lead),
            "{role:?}"
        );
    }
    let by_header = admission(Policy::default().vary(["authorization"]), &[], &request);
    assert!(matches!(
        by_header,
        Admission::Lookup(Admitted {
            reuse: AllowedReuse::Any,
            ..
        })
    ));
}

#[test]
fn an_argument_without_the_user_does_not_set_identity() {
    let request = get(&[("authorization", "Bearer a")]);
    assert_eq!(
        admitted(&[(Role::Unkeyed, ArgumentInfo::UNKNOWN)], &request).reuse,
        AllowedReuse::OnlyShareable
    );
    assert_eq!(
        admitted(&[(Role::Keyed, ArgumentInfo::NOTHING)], &request).reuse,
        AllowedReuse::OnlyShareable
    );
}

#[test]
fn conditional_and_range_requests_lead_only_where_the_handler_cannot_see_them() {
    for name in [
        "range",
        "if-none-match",
        "if-modified-since",
        "if-match",
        "if-unmodified-since",
        "if-range",
    ] {
        let request = get(&[(name, "x")]);
        assert_eq!(admitted(&[], &request).flight, FlightRole::Lead, "{name}");
        assert_eq!(
            admitted(SEES_REQUEST, &request).flight,
            FlightRole::Follow,
            "{name}"
        );
        assert_eq!(
            admitted(&[(Role::Gate, ArgumentInfo::REQUEST)], &request).flight,
            FlightRole::Lead,
            "{name}"
        );
    }
}

#[test]
fn a_flag_that_the_handler_can_see_is_exactly_one_pair() {
    for (query, seen) in [
        ("nocache=1", true),
        ("a=1&nocache=1", true),
        ("nocache=", false),
        ("nocache=2", false),
        ("NOCACHE=1", false),
        ("xnocache=1", false),
    ] {
        let asked = bypassed(Policy::default().vary_none(), SEES_REQUEST, |request| {
            request.query = Some(query);
        });
        assert_eq!(asked, seen.then_some(Bypass::Nocache), "{query}");
    }
}

#[test]
fn a_query_type_that_has_the_flag_among_its_fields_sees_it() {
    let mut request = get(&[]);
    request.query = Some("nocache=1");
    for (fields, inputs) in [
        (
            (|| Some(&["page"][..])) as fn() -> Option<&'static [&'static str]>,
            false,
        ),
        (|| Some(&["page", "nocache"]), true),
        (|| None, true),
    ] {
        let admission = admission(
            Policy::default(),
            &[(Role::Covered, ArgumentInfo::query(fields))],
            &request,
        );
        assert_eq!(admission == Admission::Bypass(Bypass::Nocache), inputs);
    }
}

#[test]
fn a_query_that_is_extracted_without_the_flag_sees_it_only_among_its_own_names() {
    let mut request = get(&[]);
    request.query = Some("nocache=1");
    let refusing = |names| ArgumentInfo::query(|| None).taking_by_name(names);
    for (facts, inputs) in [
        (refusing(|| Some(&["page"])), true),
        (refusing(|| Some(&["page"])).without_flag(), false),
        (refusing(|| Some(&["nocache"])).without_flag(), true),
        (refusing(|| None).without_flag(), true),
        (ArgumentInfo::URI.without_flag(), true),
    ] {
        let admission = admission(Policy::default(), &[(Role::Covered, facts)], &request);
        assert_eq!(admission == Admission::Bypass(Bypass::Nocache), inputs);
    }
}
