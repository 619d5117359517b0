//! What a run has stored goes to the remote store as well.

use crate::{
    engine::store::Flight, entry::StoredResponse, memory::variants::StoreOutcome,
    metrics::reason::Skip, remote::write::NewEntry,
};

impl Flight {
    /// Whether a response that was stored is kept anywhere: in memory, or in the remote store, where it is
    /// on its way to.
    pub(crate) fn is_kept(&self, stored: &StoredResponse) -> bool {
        let is_in_memory = !self.visit.station.shared().shelf.is_nowhere();
        is_in_memory || self.goes_abroad(stored)
    }

    fn goes_abroad(&self, stored: &StoredResponse) -> bool {
        let Some(dispatch) = &self.miss.abroad.dispatch else {
            return false;
        };
        let tags = self.control.last_tags();
        // The tags of the one that it is again were told under another run.
        if self.unchanged && stored.tag_snapshot.seen().len() > tags.len() {
            return false;
        }
        // What was read before the nonces were may be older than they are.
        let extracts_first = self.visit.station.site.config.extracts_before_lookup();
        let known = self.miss.abroad.known.as_deref();
        dispatch.can_name(&tags) && (!extracts_first || dispatch.goes_on_from(known))
    }

    /// Sends what was stored to the remote store as well.
    pub(crate) fn send(&mut self, stored: &Result<StoreOutcome, Skip>) {
        let kept = match stored {
            Ok(StoreOutcome::Stored(stored)) => Some(stored.clone()),
            _ => None,
        };
        let kept = kept.filter(|stored| self.goes_abroad(stored));
        let Some(dispatch) = self.miss.abroad.dispatch.take() else {
            return;
        };
        if let Err(why) = stored {
            return dispatch.refused(*why);
        }
        let tags = self.control.last_tags();
        if !tags.is_empty() {
            self.visit.station.site.note_tags();
        }
        let Some(stored) = kept else {
            return;
        };
        let made = NewEntry {
            stored,
            request: Some(&self.visit.request),
            tags,
        };
        dispatch.send(made, &self.visit.station.shared().clock);
    }
}
