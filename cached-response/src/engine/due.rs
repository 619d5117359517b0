//! A request that would be answered by a response which is to be refreshed, without memory to find it
//! in again.

use crate::{
    engine::{
        background_refresh::{BackgroundRefresh, refresh},
        miss::MissFlow,
        remote_lookup::Answering,
        upstream::{Done, Upstream},
    },
    single_flight::responses::Due,
};

impl MissFlow {
    /// Answers, and runs the handler behind the answer where nobody does; waits for the run where it
    /// cannot go on behind the answer.
    pub(crate) async fn due(mut self, answering: Answering, run: Upstream) -> Done {
        let turn = self
            .boarding()
            .join(&self.shared().flights, &self.miss.flight);
        match Due::of(turn, answering.stage) {
            Due::Answer => {
                let response = self.visit.answer(&answering);
                Ok((self.visit.request, response))
            }
            Due::Behind(permit, place) => {
                let response = self.visit.answer(&answering);
                let request = self.visit.request.clone();
                let behind = BackgroundRefresh {
                    station: self.visit.station,
                    miss: self.miss.refreshing(answering.stored, true),
                    permit,
                    place,
                };
                refresh(behind, self.visit.request, run);
                Ok((request, response))
            }
            Due::Wait(permit) => {
                *self.miss = self.miss.refreshing(answering.stored, false);
                self.lead(permit, run).await
            }
        }
    }
}
