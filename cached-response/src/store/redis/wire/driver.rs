//! Sends what is put into a mailbox, and tells the answers in their order.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use crate::{
    store::{
        error::{StoreError, StoreErrorKind},
        redis::{
            error, resp,
            wire::mailbox::{Asked, Mailbox, Push},
        },
    },
    util::sync::{Mutex, lock},
};

/// How long an answer may take where nobody outside has less patience.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is read at a time, at least.
const PORTION: usize = 32 << 10;

/// A buffer that has grown larger is given back when it is empty.
const LARGE: usize = 256 << 10;

/// The task of a connection, which ends with it.
pub(crate) struct Driver<S> {
    socket: S,
    mailbox: Arc<Mailbox>,
    waiting: VecDeque<Asked>,
    /// What is sent, of which so many bytes are.
    out: Vec<u8>,
    sent: usize,
    flushed: bool,
    input: Input,
    /// Goes off when the first who waits may have waited for too long.
    alarm: Option<Pin<Box<Sleep>>>,
}

/// What was read, and not yet understood.
#[derive(Default)]
struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(crate) fn new(socket: S, mailbox: Arc<Mailbox>) -> Self {
        Self {
            socket,
            mailbox,
            waiting: VecDeque::new(),
            out: Vec::new(),
            sent: 0,
            flushed: true,
            input: Input::default(),
            alarm: None,
        }
    }

    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<StoreError> {
        // Nothing is sent while it is full: what was asked before is answered, and makes room.
        if let Poll::Ready(Err(error)) = self.write(cx) {
            return Poll::Ready(error::unreachable(error));
        }
        if let Poll::Ready(why) = self.read(cx) {
            return Poll::Ready(why);
        }
        self.is_patient(cx)
    }

    /// Sends all that there is to send.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.mailbox
                .collect(&mut self.out, &mut self.waiting, cx.waker());
            if self.out.is_empty() {
                break;
            }
            while self.sent < self.out.len() {
                let rest = &self.out[self.sent..];
                let sent = ready!(Pin::new(&mut self.socket).poll_write(cx, rest))?;
                if sent == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.sent += sent;
            }
            self.sent = 0;
            self.flushed = false;
            if self.out.capacity() > LARGE {
                self.out = Vec::new();
            } else {
                self.out.clear();
            }
        }
        if !self.flushed {
            ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads all that there is to read; ready when there will be no more.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<StoreError> {
        loop {
            let mut room = ReadBuf::new(self.input.room());
            let read = ready!(Pin::new(&mut self.socket).poll_read(cx, &mut room));
            let count = room.filled().len();
            match read {
                Err(error) => return Poll::Ready(error::unreachable(error)),
                Ok(()) if count == 0 => {
                    let closed = "the server has closed the connection";
                    return Poll::Ready(error::unreachable(closed));
                }
                Ok(()) => self.input.end += count,
            }
            if let Err(why) = self.understand() {
                return Poll::Ready(why);
            }
        }
    }

    /// Tells all answers that are there.
    fn understand(&mut self) -> Result<(), StoreError> {
        while let Some(first) = self.waiting.front_mut() {
            if let Some(shape) = first.next() {
                let rest = &self.input.filled()[first.length..];
                let Some(length) = resp::end_of(rest, shape)? else {
                    return Ok(());
                };
                first.length += length;
                first.there += 1;
            } else if let Some(first) = self.waiting.pop_front() {
                let length = first.length;
                first.answered(&self.input.filled()[..length]);
                self.input.start += length;
            }
        }
        if self.input.filled().is_empty() {
            return Ok(());
        }
        // To a question that nobody has asked.
        Err(error::protocol_error())
    }

    /// Ready when the first who waits has waited for too long: answers come in their order.
    fn is_patient(&mut self, cx: &mut Context<'_>) -> Poll<StoreError> {
        while let Some(first) = self.waiting.front() {
            let end = first.since.unwrap_or_else(Instant::now) + PATIENCE;
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(end)));
            ready!(alarm.as_mut().poll(cx));
            // It may have been set for somebody who has got an answer since.
            self.alarm = None;
            if Instant::now() >= end {
                return Poll::Ready(self.mailbox.out_of_patience());
            }
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Driver<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let why = ready!(self.drive(cx));
        self.end(&why);
        Poll::Ready(())
    }
}

/// A driver on the thread of those who ask. They have it send what they put, and its task reads.
pub(crate) struct Here<S>(Arc<Mutex<Driver<S>>>);

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Here<S> {
    pub(crate) fn new(socket: S) -> (Self, Arc<Mailbox>) {
        let driver = Arc::new_cyclic(|driver: &Weak<Mutex<Driver<S>>>| {
            let mailbox = Arc::new(Mailbox::here(driver.clone()));
            Mutex::new(Driver::new(socket, mailbox))
        });
        let mailbox = Arc::clone(&lock(&driver).mailbox);
        (Self(driver), mailbox)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Here<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut *lock(&self.0)).poll(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Push for Mutex<Driver<S>> {
    fn push(&self, task: &Waker) {
        let done = self.try_lock().is_ok_and(|mut driver| {
            let written = driver.write(&mut Context::from_waker(task));
            let goes_on = matches!(written, Poll::Pending | Poll::Ready(Ok(())));
            // An answer that never comes is seen by a clock that runs.
            let runs = driver.alarm.as_ref();
            goes_on && runs.is_some_and(|alarm| !alarm.is_elapsed())
        });
        // Its task sees why it cannot, winds the clock, and is at it meanwhile.
        if !done {
            task.wake_by_ref();
        }
    }
}

impl<S> Driver<S> {
    fn end(&mut self, why: &StoreError) {
        self.mailbox.close(why);
        let mut waiting = self.waiting.drain(..);
        if let Some(first) = waiting.next() {
            first.fail(why);
        }
        // What was said to the first says nothing of the others, which may be asked again.
        let others = match why.kind() {
            StoreErrorKind::Protocol => error::unreachable("the connection has ended"),
            _ => why.clone(),
        };
        waiting.for_each(|asked| asked.fail(&others));
    }
}

/// Also where its runtime has ended: nobody waits for an answer that cannot come.
impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        self.end(&error::unreachable("the connection has ended"));
    }
}

impl Input {
    fn filled(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Room for what is read next.
    fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > LARGE {
                self.buffer = Vec::new();
            }
        } else if self.start > 0 && self.buffer.len() - self.end < PORTION {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() - self.end < PORTION {
            // As it comes, whatever was announced.
            let length = (self.buffer.len() * 2).max(2 * PORTION);
            self.buffer.resize(length, 0);
        }
        &mut self.buffer[self.end..]
    }
}

#[cfg(test)]
mod tests;
