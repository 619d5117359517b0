//! What a run has stored goes to the remote store as well.

use super::flight::Flight;
use crate::{
    judgement::reason::Skip,
    machinery::{remote::parcel::Made, variants::Put},
};

impl Flight {
    /// Sends what was stored to the remote store as well.
    pub(super) fn send(&mut self, stored: &Result<Put, Skip>) {
        let Some(dispatch) = self.miss.abroad.dispatch.take() else {
            return;
        };
        let stored = match stored {
            Ok(Put::Stored(stored)) => stored,
            Ok(Put::Superseded(_)) => return,
            Err(why) => return dispatch.refused(*why),
        };
        let tags = self.control.last_tags();
        // The tags of the one that it is again were told under another run.
        if self.unchanged && stored.named.seen().len() > tags.len() {
            return;
        }
        let site = &self.visit.station.site;
        if !tags.is_empty() {
            site.note_tags();
        }
        // What was read before the nonces were may be older than they are.
        if site.terms.are_ahead() && !dispatch.goes_on_from(self.miss.abroad.known.as_deref()) {
            return;
        }
        let made = Made {
            stored: stored.clone(),
            request: Some(&self.visit.request),
            tags,
        };
        dispatch.send(made, &self.visit.station.shared().clock);
    }
}
