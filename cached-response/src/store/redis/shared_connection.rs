//! A connection that is opened when it is first used, and again when it was lost.
//!
//! A server that is stopped and a network that drops packets look alike: no reply comes. A request that
//! is given up by then has an end, and the connection has none. So a request that is dropped without its
//! reply starts a check of its connection: one round trip, and without a reply the connection is replaced.

use crate::{
    store::{
        StoreError, StoreErrorKind,
        redis::{
            endpoint::Endpoint,
            reply::{ServerInfo, client_error, is_read_only, report_commands, unreachable},
            wire::{Group, Wire},
        },
    },
    util::sync::lock,
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use redis::{RedisResult, Value};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{runtime::Handle, time::timeout};

/// A server that does not reply to a check within this time is taken for lost.
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);

/// A connection that is opened once for all who need it at a time.
pub(crate) struct SharedConnection {
    endpoint: Arc<Endpoint>,
    opening: Mutex<Option<Opening>>,
}

/// The attempt that opens a connection. It runs in a task and goes on when its callers are dropped.
type Opening = Shared<BoxFuture<'static, Result<Arc<OpenConnection>, StoreError>>>;

/// An open connection, and the last report of its server.
pub(crate) struct OpenConnection {
    wire: Wire,
    info: Mutex<ServerInfo>,
    /// The count of demotions when it was opened.
    demotions: u64,
    is_checked: AtomicBool,
}

/// An open connection, and the shared one that replaces it once it is lost.
#[derive(Clone)]
pub(crate) struct OpenHandle {
    shared: Arc<SharedConnection>,
    open: Arc<OpenConnection>,
}

impl OpenHandle {
    pub(crate) fn wire(&self) -> &Wire {
        &self.open.wire
    }

    /// Awaits `replies` on the connection, and reads them.
    pub(crate) async fn call<R, T>(
        &self,
        replies: impl Future<Output = RedisResult<R>>,
        read: impl Fn(R) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.shared.call_on(&self.open, replies, read).await
    }
}

impl OpenConnection {
    /// The last report of the server.
    pub(crate) fn info(&self) -> ServerInfo {
        lock(&self.info).clone()
    }

    /// Asks the server for a report.
    async fn report(&self) -> Result<ServerInfo, StoreError> {
        let replies = self.wire.send("", &report_commands()).await;
        ServerInfo::from_replies(replies.map_err(|error| client_error(&error))?)
    }
}

impl SharedConnection {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Arc<Self> {
        Arc::new(Self {
            endpoint,
            opening: Mutex::default(),
        })
    }

    /// Sends what `build` makes for the connection, and reads the replies to each group by `read`.
    ///
    /// A connection that was open may have been closed by the server long since, which is seen when it
    /// is used. So what was sent on such a one is sent once more on a new one.
    pub(crate) async fn call<T>(
        self: &Arc<Self>,
        build: impl Fn(&OpenConnection) -> Vec<Group>,
        read: impl Fn(Vec<Vec<Value>>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(open) = self.open_now() {
            let groups = build(&open);
            let result = self
                .call_on(&open, open.wire.send_all(&groups), &read)
                .await;
            let is_unreachable = |error: &StoreError| error.kind() == StoreErrorKind::Unreachable;
            if !result.as_ref().is_err_and(is_unreachable) {
                return result;
            }
        }
        let open = self.opened().await?;
        let groups = build(&open);
        self.call_on(&open, open.wire.send_all(&groups), &read)
            .await
    }

    /// Sends these groups once, also where the connection breaks: [`call`](Self::call) may send again what
    /// was executed.
    pub(crate) async fn call_once<T>(
        self: &Arc<Self>,
        groups: &[Group],
        read: impl Fn(Vec<Vec<Value>>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let open = self.opened().await?;
        self.call_on(&open, open.wire.send_all(groups), &read).await
    }

    /// Awaits `replies` on this open connection, and reads them.
    async fn call_on<R, T>(
        self: &Arc<Self>,
        open: &Arc<OpenConnection>,
        replies: impl Future<Output = RedisResult<R>>,
        read: impl Fn(R) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut unanswered = Unanswered {
            connection: self,
            open,
            is_answered: false,
        };
        let replies = replies.await;
        unanswered.is_answered = true;
        let result = match replies {
            Ok(replies) => read(replies),
            Err(error) => {
                if open.wire.is_broken_by(&error) {
                    self.leave(open);
                }
                return Err(client_error(&error));
            }
        };
        if let Err(error) = &result {
            match error.kind() {
                // It is out of step.
                StoreErrorKind::Protocol => self.leave(open),
                StoreErrorKind::Refused if is_read_only(error) => self.endpoint.demote(),
                _ => {}
            }
        }
        result
    }

    /// A handle to the open connection, if there is one.
    pub(crate) fn handle(self: &Arc<Self>) -> Option<OpenHandle> {
        Some(OpenHandle {
            open: self.open_now()?,
            shared: Arc::clone(self),
        })
    }

    fn open_now(self: &Arc<Self>) -> Option<Arc<OpenConnection>> {
        let opening = lock(&self.opening);
        let open = opening.as_ref()?.peek()?.as_ref().ok()?;
        if open.demotions != self.endpoint.demotions() {
            return None;
        }
        let open = Arc::clone(open);
        drop(opening);
        if lock(&open.info).is_old() {
            self.check(&open);
        }
        Some(open)
    }

    /// The connection, opened where there is none.
    async fn opened(self: &Arc<Self>) -> Result<Arc<OpenConnection>, StoreError> {
        self.begin_to_open()?.await
    }

    /// Opens the connection in a task of this runtime, unless it is open or an attempt is under way.
    ///
    /// # Errors
    /// Without a runtime.
    pub(crate) fn begin_to_open(&self) -> Result<Opening, StoreError> {
        let mut opening = lock(&self.opening);
        let usable = |opening: &&Opening| match opening.peek() {
            None => true,
            Some(Ok(open)) => open.demotions == self.endpoint.demotions(),
            Some(Err(_)) => false,
        };
        if let Some(usable) = opening.as_ref().filter(usable) {
            return Ok(usable.clone());
        }
        let runtime = Handle::try_current().map_err(unreachable)?;
        let endpoint = Arc::clone(&self.endpoint);
        let begun = async move {
            let demotions = endpoint.demotions();
            let (wire, info) = endpoint.open().await?;
            Ok(Arc::new(OpenConnection {
                wire,
                info: Mutex::new(info),
                demotions,
                is_checked: AtomicBool::new(false),
            }))
        };
        let begun = begun.boxed().shared();
        drop(runtime.spawn(begun.clone().map(drop)));
        *opening = Some(begun.clone());
        Ok(begun)
    }

    /// Ends this open connection for all later requests.
    fn leave(&self, left: &Arc<OpenConnection>) {
        let is_left = |opening: &mut Opening| {
            let open = opening.peek().and_then(|open| open.as_ref().ok());
            open.is_some_and(|open| Arc::ptr_eq(open, left))
        };
        lock(&self.opening).take_if(is_left);
    }

    /// Asks the server for a report in the background, unless that is under way. Without a reply the
    /// connection is left, and after a demotion all connections to the server are.
    fn check(self: &Arc<Self>, open: &Arc<OpenConnection>) {
        if matches!(open.wire, Wire::Cluster(_)) || open.is_checked.swap(true, Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return self.leave(open);
        };
        let (connection, open) = (Arc::clone(self), Arc::clone(open));
        drop(runtime.spawn(async move {
            match timeout(CHECK_TIMEOUT, open.report()).await {
                Ok(Ok(info)) => {
                    if info.is_replica {
                        connection.endpoint.demote();
                    }
                    *lock(&open.info) = info;
                    open.is_checked.store(false, Ordering::Relaxed);
                }
                _ => connection.leave(&open),
            }
        }));
    }
}

/// A request whose replies have not come. The connection is checked where it is dropped so.
struct Unanswered<'a> {
    connection: &'a Arc<SharedConnection>,
    open: &'a Arc<OpenConnection>,
    is_answered: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.connection.check(self.open);
        }
    }
}
