//! Mistakes in the generations.

use crate::{Mistake, Subject};

pub(crate) const GENERATIONS: Subject = Subject {
    name: "generations",
    scenarios: "src/generations/scenarios.rs",
    files: &[
        ("invalidation/generation.rs", Some("generation")),
        ("invalidation/registry.rs", Some("registry")),
        ("invalidation/path.rs", Some("path")),
        ("invalidation/scope.rs", Some("scope")),
    ],
    mistakes: MISTAKES,
};

const OLD_RESPONSE: &str = "an old response after the invalidation";

const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "a_snapshot_is_taken_after_the_handler_has_run",
        file: "scenarios.rs",
        right: "let snapshot = self.snapshot();
        let response = self.handler();",
        wrong: "let response = self.handler();
        let snapshot = self.snapshot();",
        scenario: "a_run_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_snapshot_is_compared_when_a_response_is_stored_and_not_when_it_is_read",
        file: "scenarios.rs",
        right: "*lock(&self.stored[place]) = Some(Stored::new(response, snapshot));",
        wrong: "if snapshot.is_current() {
            let snapshot = Snapshot::default();
            *lock(&self.stored[place]) = Some(Stored::new(response, snapshot));
        }",
        scenario: "a_run_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "an_invalidation_only_removes_the_stored_response",
        file: "scenarios.rs",
        right: "self.registry.bump(&name, Bump::Invalidate);",
        wrong: "self.evict(0);",
        scenario: "a_run_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "an_overtaken_response_is_stored_and_then_removed",
        file: "scenarios.rs",
        right: "*lock(&self.stored[place]) = Some(Stored::new(response, snapshot));",
        wrong: "*lock(&self.stored[place]) = Some(Stored::new(response, Snapshot::default()));
        if !snapshot.is_current() {
            self.evict(place);
        }",
        scenario: "a_run_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "an_invalidation_does_not_publish_the_change_before_it",
        file: "generation.rs",
        right: "self.0.count.fetch_add(one, Release);",
        wrong: "self.0.count.fetch_add(one, Relaxed);",
        scenario: "a_run_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_snapshot_does_not_acquire_the_published_change",
        file: "generation.rs",
        right: "self.0.count.load(Acquire)",
        wrong: "self.0.count.load(Relaxed)",
        scenario: "a_run_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_bump_is_counted_before_it_has_bumped",
        file: "generation.rs",
        right: "bump();
        self.0.fetch_add(1, Release);",
        wrong: "self.0.fetch_add(1, Release);
        bump();",
        scenario: "a_read_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "the_bump_count_is_read_after_the_comparison",
        file: "generation.rs",
        right: "self.0.store(count, Relaxed);",
        wrong: "self.0.store(bumps.0.load(Acquire), Relaxed);",
        scenario: "a_read_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_bump_count_does_not_publish_the_bumped_generations",
        file: "generation.rs",
        right: "self.0.fetch_add(1, Release);",
        wrong: "self.0.fetch_add(1, Relaxed);",
        scenario: "a_read_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_reader_of_the_bump_count_does_not_acquire_the_bumped_generations",
        file: "generation.rs",
        right: "let count = bumps.0.load(Acquire);",
        wrong: "let count = bumps.0.load(Relaxed);",
        scenario: "a_read_and_an_invalidation_at_once",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_bump_is_noted_after_it_has_bumped",
        file: "scenarios.rs",
        right: "self.last_bumps.note(&name, count);
        self.bumps.count(|| {
            self.registry.bump(&name, Bump::Invalidate);
        });",
        wrong: "self.bumps.count(|| {
            self.registry.bump(&name, Bump::Invalidate);
        });
        self.last_bumps.note(&name, count);",
        scenario: "arguments_are_extracted_during_an_invalidation",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "the_last_bump_is_read_before_the_snapshot",
        file: "scenarios.rs",
        right: "let snapshot = self.snapshot();
        let is_outdated = self.last_bumps.is_bumped_since(count, &NAME);",
        wrong: "let is_outdated = self.last_bumps.is_bumped_since(count, &NAME);
        let snapshot = self.snapshot();",
        scenario: "arguments_are_extracted_during_an_invalidation",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "the_bumps_are_counted_when_the_arguments_are_extracted",
        file: "scenarios.rs",
        right: "let count = self.process_bumps.load(Acquire);
        let response = self.handler();",
        wrong: "let response = self.handler();
        let count = self.process_bumps.load(Acquire);",
        scenario: "arguments_are_extracted_during_an_invalidation",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "the_last_bump_is_overwritten_by_an_earlier_one",
        file: "registry.rs",
        right: "self.stripe(name).fetch_max(count, Relaxed);",
        wrong: "self.stripe(name).store(count, Relaxed);",
        scenario: "two_names_of_a_stripe_are_bumped_at_once",
        failure: "a bump is lost",
    },
    Mistake {
        name: "a_name_that_is_held_is_given_another_generation",
        file: "registry.rs",
        right: "if let Some(held) = shard.held(hash) {
            return held;
        }",
        wrong: "",
        scenario: "two_runs_at_once_are_both_invalidated",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_name_is_looked_up_and_made_under_two_locks",
        file: "registry.rs",
        right: "let mut shard = lock(self.shard(hash));
        if let Some(held) = shard.held(hash) {
            return held;
        }",
        wrong: "if let Some(held) = lock(self.shard(hash)).held(hash) {
            return held;
        }
        let mut shard = lock(self.shard(hash));",
        scenario: "two_runs_at_once_are_both_invalidated",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_dead_entry_of_the_registry_is_not_replaced",
        file: "registry.rs",
        right: "shard.generations.insert(hash, generation.downgrade());",
        wrong: "shard.generations.entry(hash).or_insert_with(|| generation.downgrade());",
        scenario: "a_run_starts_while_the_last_response_is_evicted",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_sweep_removes_a_held_name",
        file: "registry.rs",
        right: "retain(|_, generation| !generation.is_dropped())",
        wrong: "clear()",
        scenario: "a_sweep_meets_a_run_that_starts",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_prefix_does_not_reach_its_own_path",
        file: "path.rs",
        right: "registry.bump(&Name::Path(&path), bump);",
        wrong: "",
        scenario: "a_prefix_is_invalidated_while_two_runs_start_below_it",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_prefix_reaches_its_own_path_only",
        file: "path.rs",
        right: "registry.bump(&Name::Prefix(&prefix_name(text)), bump);",
        wrong: "",
        scenario: "a_prefix_is_invalidated_while_two_runs_start_below_it",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "a_response_holds_the_nearest_prefix_only",
        file: "path.rs",
        right: "(1..=longest.min(MAX_SEGMENTS))",
        wrong: "(longest..=longest.min(MAX_SEGMENTS))",
        scenario: "a_prefix_is_invalidated_while_two_runs_start_below_it",
        failure: OLD_RESPONSE,
    },
    Mistake {
        name: "the_prefixes_are_read_after_the_handler_has_run",
        file: "scenarios.rs",
        right: "let snapshot = self.snapshot_of(path);
        let response = self.handler();",
        wrong: "let response = self.handler();
        let snapshot = self.snapshot_of(path);",
        scenario: "a_prefix_is_invalidated_while_two_runs_start_below_it",
        failure: OLD_RESPONSE,
    },
];
