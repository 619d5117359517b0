//! Clients that request pages, and writers that change and invalidate them.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use tests::dice::Dice;
use tests::nodes::RunInfo;
use tests::raw::{Connection, Request, Response};

use super::{NAMES, Plant, Soak};

const PAGES: usize = 6;
const ROUTES: [&str; 3] = ["page", "named", "spoken"];
const LANGUAGES: [&str; 3] = ["en", "de", "fr"];
/// For five seconds a node waits for the run of another that may have been lost with its lease; and the machine has
/// other things to do.
const TIMEOUT: Duration = Duration::from_secs(7);

/// Target of a request.
#[derive(Debug, Clone, Copy)]
struct Question {
    route: &'static str,
    page: usize,
    size: usize,
    language: &'static str,
}

impl Question {
    fn roll(dice: &mut Dice) -> Self {
        Self {
            route: dice.pick(&ROUTES),
            page: dice.below(PAGES),
            size: dice.pick(&[100, 3000, 40_000]),
            language: dice.pick(&LANGUAGES),
        }
    }

    fn path(&self) -> String {
        format!("/{}/p{}", self.route, self.page)
    }

    fn request(&self) -> Request {
        let target = format!("{}?size={}", self.path(), self.size);
        Request::get(target).header("accept-language", self.language)
    }

    /// The run that made the answer, if it is a whole one for this question.
    fn run_info(&self, answer: &Response) -> Result<RunInfo, String> {
        if answer.status() != 200 {
            return Err(format!("status {}: {}", answer.status(), answer.text()));
        }
        let text = answer.text();
        let info: RunInfo = text.parse()?;
        let (info_line, rest) = text.split_once('\n').unwrap_or_default();
        if info.page != format!("p{}", self.page) {
            return Err(format!("another page: {info}"));
        }
        let end = match self.route {
            "spoken" => format!("in {}", self.language),
            _ => String::new(),
        };
        let filler = self.size.saturating_sub(info_line.len() + 1);
        if rest != "x".repeat(filler) + &end {
            return Err(format!("another body of {} octets", text.len()));
        }
        Ok(info)
    }
}

impl Soak<'_> {
    /// Asks a node, one request after the other.
    pub(super) fn read(&self, node: usize, mut dice: Dice) {
        let mut kept = None;
        while self.is_running() {
            let question = Question::roll(&mut dice);
            if let Err(wrong) = self.ask(node, &question, &mut kept) {
                self.report(format!("{question:?} of node {node}: {wrong}"));
            }
            thread::sleep(Duration::from_millis(dice.next() % 4));
        }
    }

    fn ask(
        &self,
        node: usize,
        question: &Question,
        kept: &mut Option<Connection>,
    ) -> Result<(), String> {
        let address = self.nodes[node].address();
        let connection = kept.take().map_or_else(|| Connection::open(address), Ok);
        let mut connection = connection.map_err(|it| it.to_string())?;
        let request = question.request();
        let least = self.promises.least(&question.path(), node);
        let answer = connection.exchange(&request);
        let answer = answer.map_err(|it| it.to_string())?;
        let info = question.run_info(&answer)?;
        count(&self.seen.answers);
        if info.node != NAMES[node] {
            count(&self.seen.from_another);
        }
        judge(&info, least, &answer)?;
        // One in a few, by chance that needs no dice.
        let tag = answer.header("etag");
        if let Some(tag) = tag.filter(|_| info.run.is_multiple_of(5)) {
            let request = request.header("if-none-match", tag);
            let least = self.promises.least(&question.path(), node);
            let again = connection.exchange(&request);
            let again = again.map_err(|it| it.to_string())?;
            if again.status() == 304 {
                count(&self.seen.held);
                judge(&info, least, &again)?;
            } else {
                judge(&question.run_info(&again)?, least, &again)?;
            }
        }
        *kept = Some(connection);
        Ok(())
    }

    /// Changes and invalidates.
    pub(super) fn write(&self, mut dice: Dice) {
        while self.is_running() {
            let change = Change::roll(&mut dice);
            self.origin.change(&format!("p{}", change.page));
            let promise = self.promise(&change);
            match self.plant {
                Some(Plant::PromisesEarly) => promise(true),
                Some(Plant::Forgets) if dice.once_in(5) => {
                    promise(true);
                    continue;
                }
                _ => {}
            }
            let answer = self.nodes[change.node].invalidate(&change.what());
            match answer.status() {
                204 => count(&self.seen.acknowledged),
                503 => count(&self.seen.refused),
                other => self.report(format!("{change:?}: status {other}")),
            }
            promise(answer.status() == 204);
            thread::sleep(Duration::from_millis(dice.next() % 60));
        }
    }

    /// Promise that an invalidation makes for the current values.
    fn promise(&self, change: &Change) -> impl Fn(bool) {
        let version = |page: usize| self.origin.version(&format!("p{page}"));
        let pages = change.pages();
        let versions: Vec<_> = pages.map(|page| (page, version(page))).collect();
        let (node, routes) = (change.node, change.routes());
        move |everywhere| {
            for (page, version) in &versions {
                for route in &routes {
                    let path = format!("/{route}/p{page}");
                    self.promises.make(&path, *version, node, everywhere);
                }
            }
        }
    }
}

/// A page that has changed, and what of it is invalidated.
#[derive(Debug, Clone, Copy)]
struct Change {
    node: usize,
    page: usize,
    scope: Scope,
}

#[derive(Debug, Clone, Copy)]
enum Scope {
    All,
    Path(&'static str),
    Tag,
}

impl Change {
    fn roll(dice: &mut Dice) -> Self {
        let page = dice.below(PAGES);
        Self {
            page,
            // An invalidation of one node has to reach the other.
            node: (page + usize::from(dice.once_in(40))) % NAMES.len(),
            scope: match dice.below(500) {
                0 => Scope::All,
                1..150 => Scope::Path(dice.pick(&ROUTES)),
                _ => Scope::Tag,
            },
        }
    }

    fn what(&self) -> String {
        match self.scope {
            Scope::All => "all".to_owned(),
            Scope::Path(route) => format!("path/{route}/p{}", self.page),
            Scope::Tag => format!("tag/page:p{}", self.page),
        }
    }

    fn pages(&self) -> Range<usize> {
        match self.scope {
            Scope::All => 0..PAGES,
            _ => self.page..self.page + 1,
        }
    }

    fn routes(&self) -> Vec<&'static str> {
        match self.scope {
            Scope::Path(route) => vec![route],
            _ => ROUTES.into(),
        }
    }
}

/// An answer belongs to the run that it names, or that made the copy of the client.
fn judge(info: &RunInfo, least: u64, answer: &Response) -> Result<(), String> {
    if info.version < least {
        let said = answer.header("cache-status").unwrap_or_default();
        let status = answer.status();
        return Err(format!(
            "{status} for {info}, and at least {least} is promised; {said}"
        ));
    }
    if answer.took > TIMEOUT {
        return Err(format!("an answer after {:?}", answer.took));
    }
    Ok(())
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, SeqCst);
}
