//! The life of one request, told in order.

pub(crate) mod background_refresh;
pub(crate) mod context;
pub(crate) mod detach;
pub(crate) mod fence;
pub(crate) mod forced_refresh;
pub(crate) mod handler_run;
pub(crate) mod lookup;
pub(crate) mod miss;
pub(crate) mod remote_lookup;
pub(crate) mod remote_session;
pub(crate) mod reuse;
pub(crate) mod run;
pub(crate) mod stale_fallback;
pub(crate) mod store;
pub(crate) mod timeout;
pub(crate) mod upstream;
pub(crate) mod value_lookup;
pub(crate) mod value_remote_lookup;
pub(crate) mod value_store;
pub(crate) mod values;
pub(crate) mod wait_cycles;
pub(crate) mod waiting;
