//! What a request knows of the remote store so far.

use crate::{
    cache::app_data::DataSet,
    invalidation::nonce::Nonce,
    remote::{budget::Budget, prepared_write::PreparedWrite, read::Fetched},
};
use std::sync::Arc;

/// What is known of the remote store so far.
#[derive(Debug, Default)]
pub(crate) struct RemoteState {
    /// The application's own values, which the store knows nothing of.
    pub(crate) data: DataSet,
    /// What all of the request's calls may take together, from the first of them.
    pub(crate) allowance: Option<Arc<Budget>>,
    /// What was found there and does not answer.
    pub(crate) fetched: Option<Fetched>,
    /// What lay in memory depended on these: they are older than this request.
    pub(crate) known: Option<Arc<[Nonce]>>,
    /// By what the response of the run goes there.
    pub(crate) dispatch: Option<Box<PreparedWrite>>,
}
