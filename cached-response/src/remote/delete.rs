//! Taking back what lies in the store, behind the answer.

use crate::{entry::StoredResponse, remote::prepared_write::PreparedWrite};

impl PreparedWrite {
    /// Removes what this run was to replace, and which its handler no longer says. Where it cannot be
    /// told which variant that is, all of them go.
    pub(crate) fn withdraw(&self, stored: &StoredResponse) {
        let name = match (&self.list, &stored.variant) {
            (Some(list), Some(variant)) if list.names == variant.names => {
                let namespace = &self.remote.namespace;
                self.errand.variant(namespace, &list.id, variant).name
            }
            _ => self.errand.name.clone(),
        };
        self.remote.queue.push(name.len(), |store| {
            Box::pin(async move { store.delete(&name).await })
        });
    }
}
