//! Mistakes in the state that is kept of a remote store.

use crate::{Mistake, Subject};

pub(crate) const REMOTE: Subject = Subject {
    name: "remote",
    scenarios: "src/remote/scenarios.rs",
    files: &[
        ("invalidation/generation.rs", Some("generation")),
        ("time/moment.rs", Some("moment")),
        ("remote/bus/trust.rs", Some("trust")),
        ("invalidation/scope.rs", Some("scope")),
    ],
    mistakes: MISTAKES,
};

const OLD_RESPONSE: &str = "an old response after the invalidation";

const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "generations_are_bumped_before_the_invalidation_is_noted",
        file: "scenarios.rs",
        right: "let noted = self.pending.note(tag, Bump::Invalidate, names());
        self.tag.bump(Bump::Invalidate);",
        wrong: "self.tag.bump(Bump::Invalidate);
        let noted = self.pending.note(tag, Bump::Invalidate, names());",
        scenario: "a_look_up_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "the_snapshot_is_taken_after_the_pending_check",
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
        name: "the_pending_check_comes_after_the_read",
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
        name: "there_is_no_pending_check",
        file: "scenarios.rs",
        right: "if self.pending.is_pending(&names()) {
            return None;
        }",
        wrong: "",
        scenario: "a_look_up_after_an_invalidation_that_the_store_refuses",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "an_invalidation_is_confirmed_before_the_store_has_done_it",
        file: "scenarios.rs",
        right: "self.delete();
        self.pending.confirm(std::slice::from_ref(noted));",
        wrong: "self.pending.confirm(std::slice::from_ref(noted));
        self.delete();",
        scenario: "a_look_up_while_an_invalidation_is_sent",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "an_invalidation_is_noted_without_being_counted",
        file: "trust.rs",
        right: "self.count.store(state.len(), Release);
        unconfirmed",
        wrong: "unconfirmed",
        scenario: "a_look_up_while_an_invalidation_is_sent",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "an_older_invalidation_confirms_a_newer_one",
        file: "trust.rs",
        right: "newest.is_some_and(|newest| newest.number == done.number)",
        wrong: "newest.is_some()",
        scenario: "a_late_confirmation_and_a_newer_invalidation",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_heartbeat_counts_before_the_invalidation_before_it",
        file: "scenarios.rs",
        right: "self.tag.bump(Bump::Invalidate);
        self.liveness.record_heartbeat(at(9));",
        wrong: "self.liveness.record_heartbeat(at(9));
        self.tag.bump(Bump::Invalidate);",
        scenario: "an_invalidation_by_another_process_and_a_request",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "generations_are_compared_before_liveness",
        file: "scenarios.rs",
        right: "let trusted = self.liveness.trusts(at(2), at(10));
        let found = self.reuse();",
        wrong: "let found = self.reuse();
        let trusted = self.liveness.trusts(at(2), at(10));",
        scenario: "an_invalidation_by_another_process_and_a_request",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_heartbeat_does_not_release_the_generations_bumped_before_it",
        file: "trust.rs",
        right: "self.last_heartbeat.fetch_max(sent_at.to_nanos(), AcqRel);",
        wrong: "self.last_heartbeat.fetch_max(sent_at.to_nanos(), super::sync::Ordering::Relaxed);",
        scenario: "an_invalidation_by_another_process_and_a_request",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_reader_of_a_heartbeat_does_not_acquire_the_generations_bumped_before_it",
        file: "trust.rs",
        right: "self.last_heartbeat.load(Acquire)",
        wrong: "self.last_heartbeat.load(super::sync::Ordering::Relaxed)",
        scenario: "an_invalidation_by_another_process_and_a_request",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_heartbeat_counts_before_the_gap_before_it",
        file: "scenarios.rs",
        right: "self.liveness.record_gap(at(10));
        self.liveness.record_heartbeat(at(9));",
        wrong: "self.liveness.record_heartbeat(at(9));
        self.liveness.record_gap(at(10));",
        scenario: "a_gap_on_the_bus_and_a_request",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "the_gap_is_read_before_the_heartbeat",
        file: "trust.rs",
        right: "let last_heartbeat = self.last_heartbeat.load(Acquire);
        // After the heartbeat: a gap before it was recorded before it.
        let last_gap = self.last_gap.load(Acquire);",
        wrong: "let last_gap = self.last_gap.load(Acquire);
        let last_heartbeat = self.last_heartbeat.load(Acquire);",
        scenario: "a_gap_on_the_bus_and_a_request",
        failure: OLD_RESPONSE,
    },
];
