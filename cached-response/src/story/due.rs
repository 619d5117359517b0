//! A request that was answered by a response which is to be refreshed, without memory to find it in
//! again.

use super::{
    refresh::{Behind, refresh},
    serve::Journey,
    start::Run,
};
use crate::{ground::stored::StoredResponse, judgement::reason::Forward, machinery::flights::Turn};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;

impl Journey {
    /// Runs the handler behind an answer, where nobody does.
    pub(super) fn refresh(
        mut self,
        response: HttpResponse,
        stored: Arc<StoredResponse>,
        run: Run,
    ) -> (HttpRequest, HttpResponse) {
        self.miss.behind = true;
        self.miss.forward = Forward::Stale;
        self.miss.previous = Some(stored);
        let request = self.visit.request.clone();
        if let Turn::Lead(permit) = self
            .boarding()
            .join(&self.shared().flights, &self.miss.flight)
        {
            let behind = Behind {
                station: self.visit.station,
                miss: *self.miss,
                permit,
            };
            refresh(behind, self.visit.request, run);
        }
        (request, response)
    }
}
