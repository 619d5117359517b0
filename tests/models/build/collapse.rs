//! Mistakes that the coalescing of requests might have had.

use crate::{Mistake, Subject};

pub(crate) const COLLAPSE: Subject = Subject {
    name: "every_order",
    scenarios: "src/every_order/scenarios.rs",
    files: &[
        ("single_flight/flights/mod.rs", Some("collapse")),
        ("single_flight/flights/flight.rs", None),
    ],
    mistakes: MISTAKES,
};

const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "waiters_are_woken_before_the_outcome_is_set",
        file: "flight.rs",
        right: "State::Finished(outcome));
        drop(state);
        if let State::Running(waiters) = before {
            waiters.wake();
        }",
        wrong: "State::Running(Waiters::default()));
        drop(state);
        if let State::Running(waiters) = before {
            waiters.wake();
        }
        *lock(&self.state) = State::Finished(outcome);",
        scenario: "a_leader_ends_while_its_waiter_polls",
        failure: "deadlock",
    },
    Mistake {
        name: "a_waiter_checks_and_then_waits_without_checking_again",
        file: "flight.rs",
        right: "let mut state = lock(&self.flight.state);",
        wrong: "if let State::Finished(outcome) = &*lock(&self.flight.state) {
            return Poll::Ready(outcome.clone());
        }
        if let State::Running(waiters) = &mut *lock(&self.flight.state) {
            drop(waiters.wait(self.place, waker));
        }
        if true {
            return Poll::Pending;
        }
        let waker = context.waker().clone();
        let mut state = lock(&self.flight.state);",
        scenario: "a_leader_ends_while_its_waiter_polls",
        failure: "deadlock",
    },
    Mistake {
        name: "a_dropped_permit_does_not_wake_its_waiters",
        file: "mod.rs",
        right: "self.flight
            .finish(mem::replace(&mut self.outcome, Outcome::Failed));",
        wrong: "if !matches!(self.outcome, Outcome::Failed) {
            self.flight.finish(mem::replace(&mut self.outcome, Outcome::Failed));
        }",
        scenario: "one_of_two_waiters_takes_over_from_a_leader_that_is_dropped",
        failure: "deadlock",
    },
    Mistake {
        name: "waiters_are_woken_by_a_failure_before_the_flight_is_removed",
        file: "mod.rs",
        right: "self.flights.retire(&self.key, &self.flight);
        self.flight
            .finish(mem::replace(&mut self.outcome, Outcome::Failed));",
        wrong: "self.flight.finish(mem::replace(&mut self.outcome, Outcome::Failed));
        self.flights.retire(&self.key, &self.flight);",
        scenario: "one_of_two_waiters_takes_over_from_a_leader_that_is_dropped",
        failure: "failed twice by one failure",
    },
    Mistake {
        name: "waiters_fail_while_another_run_is_in_progress",
        file: "mod.rs",
        right: "matches!(self.outcome, Outcome::Failed) && !self.flight.is_last_failure()",
        wrong: "false",
        scenario: "a_run_beside_a_failing_leader_answers_its_waiters",
        failure: "failed while another run is in progress",
    },
    Mistake {
        name: "neither_of_two_failing_runs_wakes_the_waiters",
        file: "flight.rs",
        right: "waiters.leaders -= 1;
                waiters.leaders == 0",
        wrong: "waiters.leaders == 1",
        scenario: "two_runs_for_one_flight_fail_at_once",
        failure: "deadlock",
    },
    Mistake {
        name: "a_run_is_let_in_after_the_last_has_failed",
        file: "flight.rs",
        right: "self.leaders == 0",
        wrong: "false",
        scenario: "a_run_is_let_in_while_the_leader_fails",
        failure: "a run was let in and its result was lost",
    },
    Mistake {
        name: "a_flight_is_removed_without_comparing_it",
        file: "mod.rs",
        right: "is_some_and(|current| Arc::ptr_eq(current, flight))",
        wrong: "is_some_and(|_| true)",
        scenario: "a_replaced_flight_that_ends_late_leaves_the_newer_one_alone",
        failure: "the newer flight was taken out",
    },
    Mistake {
        name: "a_flight_is_replaced_without_comparing_it",
        file: "mod.rs",
        right: "refused.is_some_and(|refused| Arc::ptr_eq(current, refused))",
        wrong: "refused.is_some_and(|_| true)",
        scenario: "two_that_find_a_flight_outdated_replace_it_by_one",
        failure: "two flights run for one key",
    },
    Mistake {
        name: "an_outdated_flight_is_joined",
        file: "mod.rs",
        right: "flight.age(now) < limits.age && !outdated(flight.stamp())",
        wrong: "flight.age(now) < limits.age",
        scenario: "an_arrival_after_an_invalidation_gets_no_run_from_before",
        failure: "a run from before the invalidation",
    },
];
