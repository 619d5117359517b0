use super::*;
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
    fn literal_text_comes_back_from_doubled_braces(text in "[a-z{}ü:/]{0,12}") {
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
