//! Puts mistakes into the collapse, one at a time, for the models to find.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

const SOURCE: &str = "../../cached-response/src/machinery/collapse";
const SCENARIOS: &str = "src/every_order/scenarios.rs";
const TESTS: &str = "#[cfg(test)]\nmod tests;\n";

struct Mistake {
    name: &'static str,
    file: &'static str,
    right: &'static str,
    wrong: &'static str,
    /// The scenario that must fail, and how.
    scenario: &'static str,
    failure: &'static str,
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "followers_are_woken_before_the_landing_is_there",
        file: "flight.rs",
        right: "State::Landed(landing));
        if let State::Running(followers) = before {
            followers.wake();
        }",
        wrong: "State::Running(Followers::default()));
        if let State::Running(followers) = before {
            followers.wake();
        }
        *lock(&self.state) = State::Landed(landing);",
        scenario: "a_leader_lands_while_its_follower_polls",
        failure: "deadlock",
    },
    Mistake {
        name: "a_follower_looks_and_then_waits_without_looking_again",
        file: "flight.rs",
        right: "let mut state = lock(&self.flight.state);",
        wrong: "if let State::Landed(landing) = &*lock(&self.flight.state) {
            return Poll::Ready(landing.clone());
        }
        if let State::Running(followers) = &mut *lock(&self.flight.state) {
            drop(followers.wait(self.place, waker));
        }
        if true {
            return Poll::Pending;
        }
        let waker = context.waker().clone();
        let mut state = lock(&self.flight.state);",
        scenario: "a_leader_lands_while_its_follower_polls",
        failure: "deadlock",
    },
    Mistake {
        name: "a_permit_that_is_dropped_tells_nobody",
        file: "mod.rs",
        right: "self.flight
            .land(mem::replace(&mut self.landing, Landing::Failed));",
        wrong: "if !matches!(self.landing, Landing::Failed) {
            self.flight.land(mem::replace(&mut self.landing, Landing::Failed));
        }",
        scenario: "one_of_two_followers_takes_over_from_a_leader_that_is_dropped",
        failure: "deadlock",
    },
    Mistake {
        name: "followers_are_told_of_a_failure_before_the_flight_is_out_of_the_map",
        file: "mod.rs",
        right: "self.flights.retire(&self.key, &self.flight);
        self.flight
            .land(mem::replace(&mut self.landing, Landing::Failed));",
        wrong: "self.flight.land(mem::replace(&mut self.landing, Landing::Failed));
        self.flights.retire(&self.key, &self.flight);",
        scenario: "one_of_two_followers_takes_over_from_a_leader_that_is_dropped",
        failure: "told twice of one failure",
    },
    Mistake {
        name: "a_flight_is_taken_out_of_the_map_without_looking_which",
        file: "mod.rs",
        right: "is_some_and(|current| Arc::ptr_eq(current, flight))",
        wrong: "is_some_and(|_| true)",
        scenario: "a_replaced_flight_that_lands_late_leaves_the_newer_one_alone",
        failure: "the newer flight was taken out",
    },
    Mistake {
        name: "a_flight_is_replaced_without_looking_which",
        file: "mod.rs",
        right: "refused.is_some_and(|refused| Arc::ptr_eq(current, refused))",
        wrong: "refused.is_some_and(|_| true)",
        scenario: "two_that_find_a_flight_outdated_replace_it_by_one",
        failure: "two flights run for one key",
    },
    Mistake {
        name: "an_outdated_flight_is_followed",
        file: "mod.rs",
        right: "flight.age(now) < limits.age && !outdated(flight.stamp())",
        wrong: "flight.age(now) < limits.age",
        scenario: "an_arrival_after_an_invalidation_gets_no_run_from_before",
        failure: "a run from before the invalidation",
    },
];

fn main() {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-changed={SCENARIOS}");
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let modules: String = MISTAKES.iter().map(|mistake| mistake.make(&out)).collect();
    fs::write(out.join("mistakes.rs"), modules).expect("OUT_DIR can be written to");
}

impl Mistake {
    /// Writes the sources with the mistake in them; returns the module that names them.
    fn make(&self, out: &Path) -> String {
        let folder = out.join(self.name);
        fs::create_dir_all(&folder).expect("OUT_DIR can be written to");
        let write = |file: &str, text: String| {
            fs::write(folder.join(file), text).expect("OUT_DIR can be written to");
        };
        for file in ["mod.rs", "flight.rs"] {
            let source = read(&Path::new(SOURCE).join(file)).replace(TESTS, "");
            write(
                file,
                if file == self.file {
                    self.put_into(&source)
                } else {
                    source
                },
            );
        }
        write(
            "scenarios.rs",
            read(Path::new(SCENARIOS)).replace("#[test]\n", ""),
        );
        self.module(&folder)
    }

    fn put_into(&self, source: &str) -> String {
        let found = source.matches(self.right).count();
        assert_eq!(found, 1, "{}: what it changes in {}", self.name, self.file);
        source.replace(self.right, self.wrong)
    }

    fn module(&self, folder: &Path) -> String {
        let Self {
            name,
            scenario,
            failure,
            ..
        } = self;
        format!(
            r#"
#[allow(dead_code, unused_variables, clippy::all, clippy::pedantic, reason = "one mistake, one scenario")]
mod {name} {{
    #[path = {flights:?}]
    mod collapse;
    #[path = {scenarios:?}]
    mod scenarios;
    use super::sync;

    #[test]
    fn is_seen() {{
        let test = "every_order::{name}::is_seen";
        super::must_fail(test, {failure:?}, scenarios::{scenario});
    }}
}}
"#,
            flights = text(&folder.join("mod.rs")),
            scenarios = text(&folder.join("scenarios.rs")),
        )
    }
}

fn read(path: &Path) -> String {
    let text = fs::read_to_string(path);
    text.expect("the sources are where the constants say")
}

fn text(path: &Path) -> &str {
    path.to_str()
        .expect("the target folder has a name in UTF-8")
}
