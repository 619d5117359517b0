//! Requests handed to an application without sockets: what a hit costs beside actix-web itself.
//!
//! Contenders take turns at short batches, and each is judged by its best one: on a machine with
//! other work to do, only the minimum says what the code costs.

use crate::{Contender, options::Options, request};
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    rt, test,
};
use std::{future::Future, pin::Pin, time::Instant};

/// Largest cost of a hit over the bare handler, as a part of the bare handler's time: 0.3 µs where it takes
/// 0.86, and as much more as a machine is slower.
const ALLOWED: f64 = 0.35;
/// Requests that are timed together.
const BATCH: u32 = 100;

type Batch<'a> = Pin<Box<dyn Future<Output = f64> + 'a>>;
type Timed = Box<dyn Fn() -> Batch<'static>>;

/// Measures, prints a table and holds it against the target.
///
/// # Errors
/// If a contender answers something else, or costs too much and `--check` is set.
pub fn run(contenders: &[Contender], options: Options) -> Result<(), String> {
    let rounds = if options.quick { 400 } else { 4000 };
    let best = rt::System::new().block_on(best(contenders, rounds))?;
    let bare = best.first().copied().unwrap_or_default();
    println!("in process, best of {rounds} batches of {BATCH} requests");
    let mut worst: f64 = 0.0;
    for (contender, best) in contenders.iter().zip(&best) {
        let over = best - bare;
        let part = over / bare;
        println!(
            "{:<28} {best:>8.0} ns  {over:>+7.0} ns  {part:>+6.2}",
            contender.name
        );
        if contender.held.is_some_and(|held| held.to == 0) {
            worst = worst.max(part);
        }
    }
    if worst > ALLOWED {
        options.missed(&format!(
            "a hit costs {worst:.2} of the bare handler's time over it, and may cost {ALLOWED:.2}"
        ))?;
    }
    Ok(())
}

/// The best nanoseconds a request of each contender.
async fn best(contenders: &[Contender], rounds: u32) -> Result<Vec<f64>, String> {
    let mut timed = Vec::new();
    for contender in contenders {
        timed.push(prepare(contender).await?);
    }
    let mut best = vec![f64::INFINITY; contenders.len()];
    for _ in 0..rounds {
        for (timed, best) in timed.iter().zip(&mut best) {
            *best = best.min(timed().await);
        }
    }
    Ok(best)
}

/// Starts the contender's application and fills its cache.
async fn prepare(contender: &Contender) -> Result<Timed, String> {
    let app = test::init_service(App::new().configure(contender.configure)).await;
    // Left alone: it lives as long as the process.
    let app: &'static _ = Box::leak(Box::new(app));
    for _ in 0..2 {
        let answer = test::call_service(app, request::in_process()).await;
        let body = test::read_body(answer).await;
        if body != crate::contenders::PAGE.as_slice() {
            return Err(format!("{} answers something else", contender.name));
        }
    }
    Ok(Box::new(move || Box::pin(batch(app))))
}

async fn batch<S, B>(app: &S) -> f64
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let requests: Vec<_> = (0..BATCH).map(|_| request::in_process()).collect();
    let start = Instant::now();
    for request in requests {
        drop(app.call(request).await);
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH)
}
