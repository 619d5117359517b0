//! Plays the cases of `cases/` against the `blackbox` example, a process of its own with two workers.
//!
//! Each case is one test. Cases wait for real time to pass now and then, so many are played at once;
//! one that touches what all share has an app for itself.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial, run};
use tests::blackbox::{Case, load, play};
use tests::process::Example;

/// The app that the cases share, started by the first of them.
type App = OnceLock<Result<Example, String>>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(8));
    let app = Arc::new(App::new());
    let conclusion = run(&arguments, trials(&app));
    // Leaving by `Conclusion::exit` would leave the app behind.
    drop(app);
    conclusion.exit_code()
}

fn trials(app: &Arc<App>) -> Vec<Trial> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let groups = load(&folder).expect("the cases can be read");
    let of_group = |(group, cases): (String, Vec<Case>)| {
        let trials = cases
            .into_iter()
            .flat_map(Case::of_profiles)
            .map(move |case| trial(&group, case, Arc::clone(app)));
        trials.collect::<Vec<_>>()
    };
    groups.into_iter().flat_map(of_group).collect()
}

fn trial(group: &str, case: Case, app: Arc<App>) -> Trial {
    let name = format!("{group}::{}", case.title);
    Trial::test(name, move || {
        let outcome = if case.alone {
            let app = start()?;
            play(app.address(), &case)
        } else {
            let app = app.get_or_init(start).as_ref()?;
            play(app.address(), &case)
        };
        outcome.map_err(Failed::from)
    })
}

fn start() -> Result<Example, String> {
    Example::start("blackbox").map_err(|error| format!("could not start the app: {error}"))
}
