//! A case for each of the profiles that behave alike.

use std::mem;

use serde_json::{Value, json};

use super::Case;

/// The profile where nothing is stored that does not say how long it lives.
const BY_RESPONSE: &str = "rfc";

impl Case {
    /// The case once for its own profile, and once for each that is named beside it.
    ///
    /// Beside another profile, `rfc` gets its lifetime from the script: what says nothing there of
    /// its reuse says `max-age=60`.
    pub fn of_profiles(mut self) -> Vec<Self> {
        let also = mem::take(&mut self.also);
        let others = also.into_iter().map(|profile| self.under(profile));
        let mut all: Vec<_> = others.collect();
        all.push(self);
        all
    }

    fn under(&self, profile: String) -> Self {
        let mut case = Self {
            title: format!("{} ({profile})", self.title),
            profile,
            ..self.clone()
        };
        if case.profile == BY_RESPONSE {
            case.script.iter_mut().for_each(give_lifetime);
        }
        case
    }
}

fn give_lifetime(answer: &mut Value) {
    let headers = &mut answer["headers"];
    if headers.is_null() {
        *headers = json!([]);
    }
    let Value::Array(headers) = headers else {
        return;
    };
    let says = |header: &Value| {
        let name = header[0].as_str().unwrap_or_default();
        name.eq_ignore_ascii_case("cache-control") || name.eq_ignore_ascii_case("expires")
    };
    if !headers.iter().any(says) {
        headers.push(json!(["Cache-Control", "max-age=60"]));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Case;

    fn scripts(profile: &str, script: &Value) -> Vec<(String, Value)> {
        let case = json!({
            "title": "any", "profile": profile, "also": ["scope", "rfc"],
            "script": [script], "steps": []
        });
        let case: Case = serde_json::from_value(case).unwrap();
        let cases = case.of_profiles().into_iter();
        cases.map(|case| (case.title, json!(case.script))).collect()
    }

    #[test]
    fn a_script_without_a_lifetime_gets_one_where_the_profile_needs_it() {
        let minute = json!(["Cache-Control", "max-age=60"]);
        for (script, by_response) in [
            (json!({}), json!({"headers": [minute]})),
            (
                json!({"headers": [["X-A", "1"]]}),
                json!({"headers": [["X-A", "1"], minute]}),
            ),
            (
                json!({"headers": [["cache-control", "private"]]}),
                json!({"headers": [["cache-control", "private"]]}),
            ),
            (
                json!({"headers": [["Expires", "0"]]}),
                json!({"headers": [["Expires", "0"]]}),
            ),
        ] {
            let expected = [
                ("any (scope)", &script),
                ("any (rfc)", &by_response),
                ("any", &script),
            ]
            .map(|(title, script)| (title.to_owned(), json!([script])));
            assert_eq!(scripts("t60", &script), expected);
        }
    }
}
