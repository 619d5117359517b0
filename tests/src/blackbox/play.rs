//! Plays a case, step by step.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::thread::{self, JoinHandle, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::fixture::Fixture;
use super::{Case, Exchange, Pick, Saw, Step};
use crate::abort;
use crate::raw::{self, Connection, Request, Response};

type Outcome<T = ()> = Result<T, String>;

/// Plays a case against an app; the error names the step and what it saw.
pub fn play(app: SocketAddr, case: &Case) -> Outcome {
    let mut player = Player {
        fixture: Fixture::new(app, case)?,
        profile: &case.profile,
        saved: HashMap::new(),
        last: None,
        started: Vec::new(),
    };
    for (number, step) in (1..).zip(&case.steps) {
        let outcome = player.step(step);
        outcome.map_err(|error| format!("step {number}{}: {error}", described(step)))?;
    }
    player.join()
}

struct Player<'a> {
    fixture: Fixture,
    profile: &'a str,
    saved: HashMap<String, String>,
    last: Option<Response>,
    started: Vec<JoinHandle<Outcome>>,
}

impl Player<'_> {
    fn step(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Send(exchange) => self.send(exchange),
            Step::Keep { keep } => self.keep(keep),
            Step::Together {
                together,
                requests,
                answers,
                within,
            } => {
                let started = Instant::now();
                self.together(*together, requests, answers.as_ref())?;
                in_time(started, *within)
            }
            Step::Start { start } => {
                self.start(start);
                Ok(())
            }
            Step::Join { join: _ } => self.join(),
            Step::Await { await_runs } => self.fixture.await_runs(*await_runs),
            Step::Abort { abort, runs, close } => self.abort(abort, *runs, *close),
            Step::Sleep { sleep } => {
                thread::sleep(Duration::from_secs_f64(*sleep));
                Ok(())
            }
            Step::Runs { runs } => {
                let count = self.fixture.runs()?.len();
                one_of("the number of runs", count, runs)
            }
            Step::Saw { saw } => self.saw(saw),
            Step::Save {
                save: (name, field),
            } => self.save(name, field),
            Step::Same {
                same: (name, field),
            } => self.compare(name, field, true),
            Step::Differs {
                differs: (name, field),
            } => self.compare(name, field, false),
            Step::Invalidate { invalidate } => self.invalidate(invalidate),
        }
    }

    fn invalidate(&self, query: &str) -> Outcome {
        let query = query.replace("{id}", &self.fixture.id);
        self.fixture.invalidate(&query.replace("{p}", self.profile))
    }

    fn send(&mut self, exchange: &Exchange) -> Outcome {
        let request = self.request(exchange);
        if let Some(response) = answered(self.fixture.app, &request, exchange)? {
            self.last = Some(response);
        }
        Ok(())
    }

    fn keep(&mut self, exchanges: &[Exchange]) -> Outcome {
        let mut connection = Connection::open(self.fixture.app).map_err(text)?;
        for exchange in exchanges {
            let response = connection.exchange(&self.request(exchange)).map_err(text)?;
            let checked = exchange.expect.check(&response);
            checked.map_err(|error| format!("`{}`: {error}", exchange.send))?;
            self.last = Some(response);
        }
        Ok(())
    }

    fn together(
        &self,
        count: usize,
        exchanges: &[Exchange],
        answers: Option<&Pick<usize>>,
    ) -> Outcome {
        let app = self.fixture.app;
        let outcomes: Vec<Outcome<Option<Response>>> = thread::scope(|scope| {
            let exchanges = exchanges.iter().cycle().take(count);
            let clients = exchanges.map(|exchange| {
                let request = self.request(exchange);
                scope.spawn(move || answered(app, &request, exchange))
            });
            let clients: Vec<_> = clients.collect();
            let joined = clients.into_iter().map(ScopedJoinHandle::join);
            joined
                .map(|outcome| outcome.unwrap_or_else(|_| Err("a client panicked".into())))
                .collect()
        });
        let responses: Vec<_> = outcomes.into_iter().collect::<Outcome<_>>()?;
        let runs: BTreeSet<_> = responses
            .iter()
            .flatten()
            .map(|response| response.header("x-run"))
            .collect();
        answers.map_or(Ok(()), |answers| {
            one_of("the number of different answers", runs.len(), answers)
        })
    }

    fn start(&mut self, exchange: &Exchange) {
        let (app, request) = (self.fixture.app, self.request(exchange));
        let exchange = exchange.clone();
        let client = move || answered(app, &request, &exchange).map(drop);
        self.started.push(thread::spawn(client));
    }

    fn join(&mut self) -> Outcome {
        for client in self.started.drain(..) {
            let outcome = client.join();
            outcome
                .map_err(|_| "a client panicked")?
                .map_err(|error| format!("in the background: {error}"))?;
        }
        Ok(())
    }

    fn abort(&self, line: &str, runs: usize, close: bool) -> Outcome {
        let mut connection = Connection::open(self.fixture.app).map_err(text)?;
        let (method, rest) = parts(line);
        connection
            .send(&Request::new(method, self.target(self.profile, rest)))
            .map_err(text)?;
        self.fixture.await_runs(runs)?;
        let leave = if close { abort::close } else { abort::reset };
        leave(connection).map_err(text)
    }

    fn saw(&self, saw: &Saw) -> Outcome {
        let runs = self.fixture.runs()?;
        let run = runs.get(saw.run - 1).ok_or("there was no such run")?;
        for (name, wanted) in &saw.headers {
            let got = run.header(name);
            if got != wanted.as_deref() {
                return Err(format!("the handler saw {name} {got:?}"));
            }
        }
        Ok(())
    }

    fn save(&mut self, name: &str, field: &str) -> Outcome {
        let value = self.field(field).ok_or("there is no such field")?;
        self.saved.insert(name.to_owned(), value);
        Ok(())
    }

    fn compare(&self, name: &str, field: &str, same: bool) -> Outcome {
        let (got, saved) = (self.field(field), self.saved.get(name));
        let saved = saved.ok_or("nothing was saved under that name")?;
        if (got.as_ref() == Some(saved)) == same {
            return Ok(());
        }
        Err(format!("{field} was {saved:?} and is {got:?}"))
    }

    fn field(&self, name: &str) -> Option<String> {
        self.last.as_ref()?.header(name)
    }

    fn request(&self, exchange: &Exchange) -> Request {
        let (method, rest) = parts(&exchange.send);
        let profile = exchange.profile.as_deref().unwrap_or(self.profile);
        let target = format!("{}{}", exchange.absolute, self.target(profile, rest));
        let mut request = Request::new(method, target);
        for (name, values) in &exchange.headers {
            for value in values.all() {
                request = request.header(name, latin_1(&self.filled(value)));
            }
        }
        match (&exchange.body, method) {
            (Some(body), _) => request = request.body(latin_1(body).repeat(exchange.repeat)),
            (None, "POST" | "PUT") => request = request.body(""),
            (None, _) => {}
        }
        if exchange.http_1_0 {
            request.http_1_0()
        } else {
            request
        }
    }

    fn target(&self, profile: &str, rest: &str) -> String {
        format!("/{profile}/{}{rest}", self.fixture.id)
    }

    fn filled(&self, value: &str) -> String {
        let mut filled = value.to_owned();
        for (name, saved) in &self.saved {
            filled = filled.replace(&format!("${name}"), saved);
        }
        filled
    }
}

/// The answer, checked; `None` where the connection was closed and may be.
fn answered(app: SocketAddr, request: &Request, exchange: &Exchange) -> Outcome<Option<Response>> {
    match raw::fetch(app, request) {
        Ok(response) => {
            exchange.expect.check(&response)?;
            Ok(Some(response))
        }
        Err(error) if exchange.may_drop && closed(&error) => Ok(None),
        Err(error) => Err(text(error)),
    }
}

fn closed(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
    )
}

fn in_time(started: Instant, within: Option<f64>) -> Outcome {
    let took = started.elapsed().as_secs_f64();
    if within.is_some_and(|bound| took > bound) {
        return Err(format!("it took {took:.2} s"));
    }
    Ok(())
}

fn one_of(what: &str, got: usize, wanted: &Pick<usize>) -> Outcome {
    if wanted.all().contains(&got) {
        return Ok(());
    }
    Err(format!("{what} is {got}, want {:?}", wanted.all()))
}

fn described(step: &Step) -> String {
    match step {
        Step::Send(exchange) => format!(", `{}`", exchange.send),
        _ => String::new(),
    }
}

fn parts(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}

/// The octets of a Latin-1 text; a character beyond is cut off, and the case fails by it.
fn latin_1(text: &str) -> Vec<u8> {
    text.chars()
        .filter_map(|it| u8::try_from(it).ok())
        .collect()
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn text(error: io::Error) -> String {
    error.to_string()
}
