//! The moving parts: what is stored, what is under way, and how answers are made.

pub(crate) mod answer;
pub(crate) mod app_data;
pub(crate) mod cache;
pub(crate) mod capture;
pub(crate) mod collapse;
pub(crate) mod control;
pub(crate) mod counters;
pub(crate) mod defaults;
pub(crate) mod dress;
pub(crate) mod flights;
pub(crate) mod front;
pub(crate) mod generations;
pub(crate) mod inserted;
pub(crate) mod invalidation;
pub(crate) mod keying;
pub(crate) mod live;
pub(crate) mod local;
pub(crate) mod markers;
mod multipart;
mod parts;
pub(crate) mod place;
pub(crate) mod previous;
pub(crate) mod remote;
mod remote_builder;
pub(crate) mod renewal;
pub(crate) mod report;
pub(crate) mod routes;
pub(crate) mod site;
pub(crate) mod slot;
pub(crate) mod status_field;
pub(crate) mod variants;
pub(crate) mod words;
pub(crate) mod writing;
pub(crate) mod written;

use crate::ground::{generation, moment, sync};
