//! Sessions: written, read, listed.

use provision::SessionName;
use provision::api::{SessionEntry, SessionWritten};

use super::{Problem, Service};
use crate::cas::Principal;

impl Service {
    /// In three steps, so that others don't wait while secrets are made.
    pub(super) fn put_session(
        &self,
        who: Principal,
        name: &SessionName,
        text: &[u8],
    ) -> Result<SessionWritten, Problem> {
        let text = std::str::from_utf8(text)
            .map_err(|_| Problem::Form("a session is text in UTF-8".to_owned()))?;
        let plan = self.look(|state, now| self.cas.plan(&state.cas, who, name, text, now))??;
        let turn = plan.is_slow().then(|| self.making.take());
        if matches!(turn, Some(None)) {
            return Err(Problem::Busy);
        }
        // It takes up to a second for each key: nobody else waits for it.
        let draft = self.say(self.cas.make(plan, self.now()))??;
        drop(turn);
        let written = self.change(|state, now| self.cas.write(&state.cas, draft, now))?;
        Ok(written?)
    }

    pub(super) fn session(&self, who: Principal, name: &SessionName) -> Result<String, Problem> {
        self.settle()?;
        Ok(self.cas.read(&self.read().state.cas, who, name)?)
    }

    pub(super) fn sessions(&self, who: Principal) -> Result<Vec<SessionEntry>, Problem> {
        self.settle()?;
        Ok(self.cas.list(&self.read().state.cas, who))
    }
}
