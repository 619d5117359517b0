//! One scripted answer of the handler.

use std::io;
use std::time::Duration;

use actix_web::body::BodyStream;
use actix_web::error::{ErrorBadRequest, ErrorNotFound, InternalError};
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{Error, HttpRequest, HttpResponse, HttpResponseBuilder};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cached_response::{disable_cache, set_cache_timeout, tag};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::{Deserialize, Deserializer};
use tokio::time::sleep;

use crate::scripts::Scripts;

/// One answer of a script. Texts are Latin-1: each character is one octet.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the script, independent of the others"
)]
pub(crate) struct Answer {
    /// 200 unless set; with `error` 500.
    status: Option<u16>,
    headers: Vec<(String, String)>,
    /// `run N` unless set.
    body: Option<String>,
    body_b64: Option<String>,
    /// Name of a request field whose value is the body; `:body` is the request's own body.
    echo: Option<String>,
    repeat: Option<usize>,
    /// Streams the body this many times, each as one chunk.
    chunks: Option<usize>,
    /// Seconds before the answer, or before each chunk of a stream.
    delay: f64,
    /// Ends a stream with an error in its middle.
    #[serde(deserialize_with = "flag")]
    stream_error: bool,
    #[serde(deserialize_with = "flag")]
    disable_cache: bool,
    /// Timeout in seconds that the handler sets.
    timeout: Option<f64>,
    /// Returns `Err`.
    #[serde(deserialize_with = "flag")]
    error: bool,
    #[serde(deserialize_with = "flag")]
    panic: bool,
    /// Added after the delay, unless the answer is a stream; `{id}` is the script's id.
    tags: Vec<String>,
}

impl Scripts {
    /// The handler: returns the next answer of a script.
    pub(crate) async fn play(
        &self,
        id: &str,
        request: &HttpRequest,
        body: &Bytes,
    ) -> Result<HttpResponse, Error> {
        let begun = self.begin(id, request);
        let (run, answer) = begun.ok_or_else(|| ErrorNotFound("no script with this id"))?;
        answer.play(id, run, request, body).await
    }
}

impl Answer {
    async fn play(
        &self,
        id: &str,
        run: usize,
        request: &HttpRequest,
        body: &Bytes,
    ) -> Result<HttpResponse, Error> {
        if self.disable_cache {
            disable_cache();
        }
        if let Some(timeout) = self.timeout {
            set_cache_timeout(Duration::from_secs_f64(timeout));
        }
        let pause = Duration::from_secs_f64(self.delay);
        if self.chunks.is_none() {
            sleep(pause).await;
        }
        for text in &self.tags {
            tag(text.replace("{id}", id));
        }
        if self.panic {
            scripted_panic();
        }
        let body = self.body(run, request, body)?;
        let mut response = self.head(run)?;
        if self.error {
            let response = response.body(body);
            return Err(InternalError::from_response("scripted failure", response).into());
        }
        Ok(match self.chunks {
            Some(count) => {
                let broken = self.stream_error.then_some(count / 2);
                response.body(BodyStream::new(stream(body, count, pause, broken)))
            }
            None => response.body(body),
        })
    }

    fn head(&self, run: usize) -> Result<HttpResponseBuilder, Error> {
        let usual = if self.error { 500 } else { 200 };
        let status = StatusCode::from_u16(self.status.unwrap_or(usual));
        let mut response = HttpResponse::build(status.map_err(ErrorBadRequest)?);
        response.append_header(("X-Run", run));
        for (name, value) in &self.headers {
            response.append_header((name.as_str(), octets(value)?));
        }
        if !self.has_header("content-type") {
            response.content_type("application/octet-stream");
        }
        Ok(response)
    }

    fn has_header(&self, name: &str) -> bool {
        let mut names = self.headers.iter().map(|(name, _)| name);
        names.any(|own| own.eq_ignore_ascii_case(name))
    }

    fn body(&self, run: usize, request: &HttpRequest, body: &Bytes) -> Result<Bytes, Error> {
        let once = match (&self.echo, &self.body_b64, &self.body) {
            (Some(field), _, _) if field == ":body" => body.to_vec(),
            (Some(field), _, _) => {
                let value = request.headers().get(field);
                value.map_or_else(Vec::new, |value| value.as_bytes().to_vec())
            }
            (_, Some(coded), _) => BASE64_STANDARD.decode(coded).map_err(ErrorBadRequest)?,
            (_, _, Some(text)) => octets(text)?,
            _ => format!("run {run}").into_bytes(),
        };
        Ok(once.repeat(self.repeat.unwrap_or(1)).into())
    }
}

fn stream(
    piece: Bytes,
    count: usize,
    pause: Duration,
    broken: Option<usize>,
) -> impl Stream<Item = Result<Bytes, io::Error>> {
    unfold(0, move |sent| {
        let piece = piece.clone();
        async move {
            if sent == count {
                return None;
            }
            sleep(pause).await;
            if broken == Some(sent) {
                return Some((Err(io::Error::other("scripted failure")), count));
            }
            Some((Ok(piece), sent + 1))
        }
    })
}

#[expect(clippy::panic, reason = "the script asks for a handler that panics")]
fn scripted_panic() {
    panic!("scripted failure");
}

fn octets(text: &str) -> Result<Vec<u8>, Error> {
    let octets = text.chars().map(u8::try_from).collect::<Result<_, _>>();
    octets.map_err(ErrorBadRequest)
}

/// Parses `true`, or any number except 0, as true.
fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Word(bool),
        Number(u8),
    }
    Ok(match Flag::deserialize(from)? {
        Flag::Word(word) => word,
        Flag::Number(number) => number != 0,
    })
}
