use super::*;
use actix_web::{dev::ResourceDef, http::Uri, test::TestRequest};
use proptest::prelude::*;

mod parameters;

fn filled(template: &str) -> Result<String, Missing> {
    let value = |name: &str| match name {
        "id" => Some(Cow::Borrowed("42")),
        "name" => Some(Cow::Borrowed("{id}")),
        _ => None,
    };
    Template::parse(template).unwrap().fill(value)
}

#[test]
fn each_parameter_is_replaced_by_its_value() {
    for (template, expected) in [
        ("", ""),
        ("products", "products"),
        ("product:{id}", "product:42"),
        ("{id}", "42"),
        ("/products/{id}/of/{id}", "/products/42/of/42"),
        ("{id}{id}", "4242"),
        ("ü{id}ü", "ü42ü"),
    ] {
        assert_eq!(filled(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn doubled_braces_are_braces() {
    for (template, expected) in [
        ("{{id}}", "{id}"),
        ("{{{id}}}", "{42}"),
        ("}}{{", "}{"),
        ("{{", "{"),
        ("{id}}}", "42}"),
    ] {
        assert_eq!(filled(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn a_filled_in_value_is_not_parsed() {
    assert_eq!(filled("user:{name}").as_deref(), Ok("user:{id}"));
}

#[test]
fn a_parameter_without_a_value_is_named() {
    assert_eq!(filled("{id}:{uid}"), Err(Missing("uid".to_owned())));
    assert_eq!(
        Missing("uid".to_owned()).to_string(),
        "the route has no path parameter `uid`"
    );
}

#[test]
fn an_invalid_template_is_an_error_that_names_the_correction() {
    use TemplateError::{Pattern, Stray, Unclosed, Unnamed};
    for (text, error, says) in [
        ("product:{id", Unclosed, "`{id}`"),
        ("{id{id}", Unclosed, "`{{`"),
        ("{", Unclosed, "`{{`"),
        ("{{{", Unclosed, "`{{`"),
        ("id}", Stray, "`}}`"),
        ("{id}}", Stray, "`}}`"),
        ("{}", Unnamed, "`{{}}`"),
        (r"{id:\d+}", Pattern("id".to_owned()), "`{id}`"),
    ] {
        assert_eq!(Template::parse(text), Err(error.clone()), "{text}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

proptest! {
    #[test]
    fn doubled_braces_are_read_as_literal_ones(text in "[a-z{}ü:/]{0,12}") {
        let template = text.replace('{', "{{").replace('}', "}}");
        prop_assert_eq!(filled(&template), Ok(text));
    }

    #[test]
    fn parameters_between_literal_texts_are_found(
        pieces in prop::collection::vec(("[a-z{}ü]{0,4}", "[a-z_]{1,4}"), 0..5),
    ) {
        let mut template = String::new();
        let mut expected = String::new();
        for (text, name) in &pieces {
            template += &text.replace('{', "{{").replace('}', "}}");
            template.extend(["{", name, "}"]);
            expected += text;
            expected += &name.to_uppercase();
        }
        let template = Template::parse(&template).unwrap();
        let upper = |name: &str| Some(Cow::Owned(name.to_uppercase()));
        prop_assert_eq!(template.fill(upper), Ok(expected));
    }

    #[test]
    fn any_text_is_a_template_or_none(text in "[{}]{0,6}|[a{}:]{0,12}|\\PC{0,24}") {
        if let Ok(template) = Template::parse(&text) {
            prop_assert!(template.fill(|_| Some(Cow::Borrowed(""))).is_ok());
        }
    }
}

fn tags(texts: &[&str]) -> Tags {
    let mut tags = Tags::default();
    for text in texts {
        tags.add(text).unwrap();
    }
    tags
}

#[test]
fn a_parameter_is_filled_in_as_the_handler_reads_it() {
    let filled = tags(&["products", "product:{id}"]).fill(|name| {
        assert_eq!(name, "id");
        Some(decoded("a%2Fb%25"))
    });
    assert_eq!(filled.unwrap(), ["products", "product:a/b%"]);
}

#[test]
fn a_parameter_that_the_route_lacks_is_named() {
    let filled =
        tags(&["{id}", "{name}"]).fill(|name| (name == "id").then_some(Cow::Borrowed("7")));
    assert_eq!(filled, Err(Untagged::Missing(Missing("name".into()))));
}

#[test]
fn a_tag_has_at_most_256_bytes() {
    let (long, too_long) = ("x".repeat(MAX_TAG_BYTES), "x".repeat(MAX_TAG_BYTES + 1));
    assert_eq!(
        tags(&["{id}"])
            .fill(|_| Some(Cow::Borrowed(&*long)))
            .unwrap(),
        [&*long]
    );
    let filled = tags(&["{id}"]).fill(|_| Some(Cow::Borrowed(&*too_long)));
    assert_eq!(filled, Err(Untagged::TooLong));
}

#[test]
fn an_invalid_tag_is_rejected() {
    let mut tags = tags(&["{id}"; MAX_TAGS]);
    assert_eq!(tags.add("one more"), Err(TagError::TooMany));
    assert_eq!(Tags::default().add(""), Err(TagError::Empty));
    assert_eq!(Tags::default().add("\0a"), Err(TagError::Reserved));
    assert!(matches!(
        Tags::default().add("product:{id"),
        Err(TagError::Template(TemplateError::Unclosed))
    ));
}

proptest! {
    #[test]
    fn any_parameter_is_filled_in_as_the_handler_reads_it(
        segment in "([a-z%/+é ]|%2[0-9A-F]|%C3%A9|%FF){1,12}",
    ) {
        let Ok(uri) = format!("/{segment}").parse::<Uri>() else {
            return Ok(());
        };
        let request = TestRequest::with_uri(&uri.to_string()).to_http_request();
        let mut info = request.match_info().clone();
        ResourceDef::new("/{id:.*}").capture_match_info(&mut info);
        let raw = info.get("id").unwrap();
        let seen: String = info.load().unwrap();
        let filled = tags(&["{id}"]).fill(|_| Some(decoded(raw))).unwrap();
        prop_assert_eq!(filled, [seen]);
    }
}
