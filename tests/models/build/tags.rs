//! Mistakes that the tags which a handler names might have had.

use crate::{Mistake, Subject};

pub(crate) const TAGS: Subject = Subject {
    name: "tags",
    scenarios: "src/tags/scenarios.rs",
    files: &[
        ("invalidation/generation.rs", Some("generation")),
        ("invalidation/registry.rs", Some("registry")),
        ("invalidation/scope.rs", Some("scope")),
    ],
    mistakes: MISTAKES,
};

const OLD_RESPONSE: &str = "an old response after the invalidation";

const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "the_tag_is_bumped_before_its_stripe",
        file: "registry.rs",
        right: "self.0[stripe(tag)].bump(bump);
        names.bump(&Name::Tag(tag), bump);",
        wrong: "names.bump(&Name::Tag(tag), bump);
        self.0[stripe(tag)].bump(bump);",
        scenario: "a_run_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "the_stripe_is_not_bumped",
        file: "registry.rs",
        right: "self.0[stripe(tag)].bump(bump);",
        wrong: "",
        scenario: "a_run_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "the_stripe_is_compared_before_the_generation_of_the_tag_is_read",
        file: "registry.rs",
        right: "let seen = generation.seen();
            // Only now: an invalidation after this read has bumped the stripe before.
            let stripe = stripe(tag);
            held.push(match self.0[stripe].since(before.0[stripe]) {",
        wrong: "let stripe = stripe(tag);
            let standing = self.0[stripe].since(before.0[stripe]);
            let seen = generation.seen();
            held.push(match standing {",
        scenario: "a_second_run_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "the_stripes_are_noted_after_the_handler_has_run",
        file: "scenarios.rs",
        right: "let before = self.stripes.before();
        let response = self.handler();
        let (tags",
        wrong: "let response = self.handler();
        let before = self.stripes.before();
        let (tags",
        scenario: "a_run_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_response_expired_during_its_run_is_stored_as_fresh",
        file: "registry.rs",
        right: "Validity::Expired => seen.expired(),",
        wrong: "Validity::Expired => seen,",
        scenario: "a_run_and_an_expiry_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "kept_tags_are_read_after_the_handler_has_run",
        file: "scenarios.rs",
        right: "let kept = lock(&self.stored).as_ref().unwrap().snapshot.again();
        let response = self.handler();",
        wrong: "let response = self.handler();
        let kept = lock(&self.stored).as_ref().unwrap().snapshot.again();",
        scenario: "a_validation_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
];
