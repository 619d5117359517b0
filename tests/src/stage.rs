//! State that a test shares with its handlers, and an app without sockets whose requests can be dropped.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::body::to_bytes;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::{self, TestRequest};
use actix_web::web::{Bytes, Data, ServiceConfig};
use actix_web::{App, rt};
use cached_response::ResponseCache;
use tokio::task::{JoinHandle, yield_now};

use crate::barrier::Barriers;
use crate::server::Server;

/// The barriers, the cache and the number of runs of one test; clones are the same stage.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Barrier of its handlers.
    pub barriers: Barriers,
    /// Cache of its routes.
    pub cache: ResponseCache,
    runs: Arc<AtomicUsize>,
}

impl Stage {
    /// A stage with this cache.
    pub fn new(cache: ResponseCache) -> Self {
        Self {
            barriers: Barriers::default(),
            cache,
            runs: Arc::default(),
        }
    }

    /// Numbers a run, in a handler; the first is 1.
    pub fn run(&self) -> usize {
        self.runs.fetch_add(1, SeqCst) + 1
    }

    /// Numbers a run and waits at the barrier `run N` of its own.
    pub async fn run_at_barrier(&self) -> usize {
        let run = self.run();
        self.barriers.at(&format!("run {run}")).await;
        run
    }

    /// Returns the number of runs of its handlers.
    pub fn runs(&self) -> usize {
        self.runs.load(SeqCst)
    }

    /// Waits until the run with this number is at its barrier.
    ///
    /// # Panics
    ///
    /// If it takes longer than any run should.
    pub async fn at_run(&self, run: usize) {
        soon(&format!("run {run} starts"), || self.is_at(run)).await;
    }

    fn is_at(&self, run: usize) -> bool {
        self.barriers.count(&format!("run {run}")) > 0
    }

    /// Lets a run go on, also one that has not come yet.
    pub fn release(&self, run: usize) {
        self.barriers.release(&format!("run {run}"));
    }

    /// A server whose handlers find this stage in their `Data`.
    pub fn serve(&self, workers: usize, routes: fn(&mut ServiceConfig)) -> Server {
        let (stage, data) = (self.clone(), Data::new(self.clone()));
        Server::start(workers, move |app| stage.configure(app, &data, routes)).expect("a free port")
    }

    /// The same without sockets.
    pub async fn app(&self, routes: fn(&mut ServiceConfig)) -> InProcess {
        let data = Data::new(self.clone());
        InProcess::start(|app| self.configure(app, &data, routes)).await
    }

    fn configure(
        &self,
        app: &mut ServiceConfig,
        data: &Data<Self>,
        routes: fn(&mut ServiceConfig),
    ) {
        app.app_data(data.clone())
            .app_data(self.cache.clone())
            .configure(routes);
    }
}

type Call = dyn Fn(TestRequest) -> Pin<Box<dyn Future<Output = ServiceResponse>>>;

/// An app that is called without sockets, on this thread.
#[derive(Clone)]
pub struct InProcess(Rc<Call>);

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InProcess").finish_non_exhaustive()
    }
}

impl InProcess {
    /// Starts an app.
    pub async fn start(configure: impl FnOnce(&mut ServiceConfig)) -> Self {
        let app = App::new().configure(configure);
        let app = Rc::new(test::init_service(app).await);
        Self(Rc::new(move |request| {
            let app = app.clone();
            Box::pin(async move {
                let response = app.call(request.to_request()).await;
                // What a server makes of an error that no service has made a response of.
                response.unwrap_or_else(|error| {
                    ServiceResponse::from_err(error, TestRequest::default().to_http_request())
                })
            })
        }))
    }

    /// Starts a GET.
    pub fn get(&self, uri: &str) -> Asked {
        self.ask(TestRequest::with_uri(uri))
    }

    /// The body of a GET, which is sent where this is awaited: in a handler, inside its run.
    pub async fn text_here(&self, uri: &str) -> String {
        let response = (self.0)(TestRequest::with_uri(uri)).await;
        let body = to_bytes(response.into_body()).await;
        String::from_utf8_lossy(&body.unwrap_or_default()).into_owned()
    }

    /// Starts a request, which makes progress whenever the test awaits something.
    pub fn ask(&self, request: TestRequest) -> Asked {
        let response = (self.0)(request);
        Asked(rt::spawn(async move {
            let (_, response) = response.await.into_parts();
            let (head, body) = response.into_parts();
            Answer {
                status: head.status(),
                reason: head.head().reason().to_owned(),
                headers: head.headers().clone(),
                body: to_bytes(body).await.ok(),
            }
        }))
    }
}

/// A request under way.
#[derive(Debug)]
pub struct Asked(JoinHandle<Answer>);

impl Asked {
    /// Its answer; panics where the handler has.
    pub async fn answer(self) -> Answer {
        self.0.await.expect("the request is answered")
    }

    /// Its body as text.
    pub async fn text(self) -> String {
        self.answer().await.text()
    }

    /// Its answer, or `None` where its own task has panicked.
    pub async fn survived(self) -> Option<Answer> {
        self.0.await.ok()
    }

    /// Drops it where it is, as a worker does when its client resets the connection.
    pub async fn leave(self) {
        self.0.abort();
        // Either it was cancelled, or it had ended before.
        let _ = self.0.await;
    }

    /// Returns whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// Outcome of a request.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Reason phrase of the status line.
    pub reason: String,
    /// Its fields.
    pub headers: HeaderMap,
    /// Its body, or `None` where it broke off.
    pub body: Option<Bytes>,
}

impl Answer {
    /// The whole body as text.
    pub fn text(&self) -> String {
        let body = self.body.as_ref().expect("the body ends cleanly");
        String::from_utf8_lossy(body).into_owned()
    }

    /// A field's first line.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

const TIMEOUT: Duration = Duration::from_secs(20);

/// Lets the other tasks of this thread run until `met` holds.
pub async fn soon(what: &str, mut met: impl FnMut() -> bool) {
    let started = Instant::now();
    while !met() {
        assert!(started.elapsed() < TIMEOUT, "waited too long: {what}");
        yield_now().await;
    }
}

/// Repeats a request, with the other tasks of this thread in between, until its answer is as expected.
pub async fn repeat<F: Future>(
    what: &str,
    mut ask: impl FnMut() -> F,
    is_expected: impl Fn(&F::Output) -> bool,
) -> F::Output {
    let started = Instant::now();
    loop {
        let answer = ask().await;
        if is_expected(&answer) {
            return answer;
        }
        assert!(started.elapsed() < TIMEOUT, "waited too long: {what}");
        yield_now().await;
    }
}

/// Waits, beside a server, until `met` holds.
pub fn eventually(what: &str, mut met: impl FnMut() -> bool) {
    let started = Instant::now();
    while !met() {
        assert!(started.elapsed() < TIMEOUT, "waited too long: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
