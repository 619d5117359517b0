//! Mistakes that what is known of a remote store might have had.

use crate::{Mistake, Subject};

pub(crate) const REMOTE: Subject = Subject {
    name: "remote",
    scenarios: "src/remote/scenarios.rs",
    files: &[
        ("invalidation/generation.rs", Some("generation")),
        ("time/moment.rs", Some("moment")),
        ("remote/bus/liveness.rs", Some("hearing")),
        ("remote/bus/pending.rs", Some("pending")),
        ("invalidation/scope.rs", Some("scope")),
    ],
    mistakes: MISTAKES,
};

const OLD_RESPONSE: &str = "an old response after the invalidation";

const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "it_is_raised_before_it_is_noted",
        file: "scenarios.rs",
        right: "let noted = self.pending.note(tag, Bump::Invalidate, names());
        self.tag.raise(Bump::Invalidate);",
        wrong: "self.tag.raise(Bump::Invalidate);
        let noted = self.pending.note(tag, Bump::Invalidate, names());",
        scenario: "a_look_up_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "the_snapshot_is_taken_after_it_is_asked_what_is_pending",
        file: "scenarios.rs",
        right: "let snapshot = Snapshot::of([self.tag.clone()]);
        if self.pending.is_pending(&names()) {
            return None;
        }",
        wrong: "if self.pending.is_pending(&names()) {
            return None;
        }
        let snapshot = Snapshot::of([self.tag.clone()]);",
        scenario: "a_look_up_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "it_is_asked_what_is_pending_when_the_store_was_read",
        file: "scenarios.rs",
        right: "if self.pending.is_pending(&names()) {
            return None;
        }
        let response = self.read()?;",
        wrong: "let response = self.read()?;
        if self.pending.is_pending(&names()) {
            return None;
        }",
        scenario: "a_look_up_while_an_invalidation_is_sent",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "it_is_not_asked_what_is_pending",
        file: "scenarios.rs",
        right: "if self.pending.is_pending(&names()) {
            return None;
        }",
        wrong: "",
        scenario: "a_look_up_after_an_invalidation_that_the_store_does_not_take",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "it_is_confirmed_before_the_store_has_done_it",
        file: "scenarios.rs",
        right: "self.delete();
        self.pending.confirm(std::slice::from_ref(noted));",
        wrong: "self.pending.confirm(std::slice::from_ref(noted));
        self.delete();",
        scenario: "a_look_up_while_an_invalidation_is_sent",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "it_is_noted_without_being_counted",
        file: "pending.rs",
        right: "self.count.store(noted.len(), Release);
        unconfirmed",
        wrong: "unconfirmed",
        scenario: "a_look_up_while_an_invalidation_is_sent",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "an_older_one_confirms_a_newer_one",
        file: "pending.rs",
        right: "newest.is_some_and(|newest| newest.number == done.number)",
        wrong: "newest.is_some()",
        scenario: "a_confirmation_that_comes_late_meets_a_newer_invalidation",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_beat_counts_before_what_was_heard_before_it",
        file: "scenarios.rs",
        right: "self.tag.raise(Bump::Invalidate);
        self.hearing.hear(at(9));",
        wrong: "self.hearing.hear(at(9));
        self.tag.raise(Bump::Invalidate);",
        scenario: "what_another_process_says_meets_a_request",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "generations_are_compared_before_it_is_asked_what_was_heard",
        file: "scenarios.rs",
        right: "let trusted = self.hearing.trusts(at(2), at(10));
        let found = self.reuse();",
        wrong: "let found = self.reuse();
        let trusted = self.hearing.trusts(at(2), at(10));",
        scenario: "what_another_process_says_meets_a_request",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_beat_does_not_publish_what_was_raised_before_it",
        file: "liveness.rs",
        right: "self.heard.fetch_max(sent.to_nanos(), AcqRel);",
        wrong: "self.heard.fetch_max(sent.to_nanos(), super::sync::Ordering::Relaxed);",
        scenario: "what_another_process_says_meets_a_request",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "whoever_sees_a_beat_does_not_see_what_was_raised_before_it",
        file: "liveness.rs",
        right: "self.heard.load(Acquire)",
        wrong: "self.heard.load(super::sync::Ordering::Relaxed)",
        scenario: "what_another_process_says_meets_a_request",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_beat_counts_before_what_was_missed_before_it",
        file: "scenarios.rs",
        right: "self.hearing.miss(at(10));
        self.hearing.hear(at(9));",
        wrong: "self.hearing.hear(at(9));
        self.hearing.miss(at(10));",
        scenario: "a_bus_that_comes_back_meets_a_request",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "what_was_missed_is_asked_before_what_was_heard",
        file: "liveness.rs",
        right: "let heard = self.heard.load(Acquire);
        // Only now: what was missed before that beat is noted before it.
        let since = self.since.load(Acquire);",
        wrong: "let since = self.since.load(Acquire);
        let heard = self.heard.load(Acquire);",
        scenario: "a_bus_that_comes_back_meets_a_request",
        failure: OLD_RESPONSE,
    },
];
