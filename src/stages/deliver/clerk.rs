//! The clerk: what several connections have to put on record at the same time goes into one transaction.
//!
//! Writes: what [`Store::enter_post`] writes.
//! Safe to repeat because each entry is. Whoever hands one in gets the answer after the commit, not before.
//! When it fails: nothing of that transaction is on record; whoever wrote it down hears why, the others try theirs alone.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use super::super::StageError;
use crate::store::{Entry, LeasedLetter, Store};

type Answered = Option<LeasedLetter>;

/// One per run.
pub(super) struct Clerk {
    store: Store,
    waiting: Mutex<Vec<(Entry, oneshot::Sender<Answered>)>>,
    pen: tokio::sync::Mutex<()>,
}

impl Clerk {
    pub(super) fn new(store: Store) -> Clerk {
        Clerk { store, waiting: Mutex::default(), pen: tokio::sync::Mutex::default() }
    }

    /// Puts an entry on record, together with all that were handed in while the one before was being written.
    pub(super) async fn enter(&self, entry: Entry) -> Result<Answered, StageError> {
        let (answer, mut answered) = oneshot::channel();
        self.waiting().push((entry.clone(), answer));
        // Dropped last: when the next one takes it, everybody whose entry was written has the answer.
        let _pen = self.pen.lock().await;
        match answered.try_recv() {
            Ok(answer) => return Ok(answer),
            Err(oneshot::error::TryRecvError::Empty) => {}
            // Whoever wrote it down could not: what stood with it is none of our concern.
            Err(oneshot::error::TryRecvError::Closed) => return self.alone(&entry).await,
        }
        let (entries, answers): (Vec<Entry>, Vec<_>) = std::mem::take(&mut *self.waiting()).into_iter().unzip();
        let leased = self.store.enter_post(&entries).await?;
        for (answer, leased) in answers.into_iter().zip(leased) {
            // Whoever does not listen any more was stopped: its lease runs out.
            let _ = answer.send(leased);
        }
        answered.await.map_err(|error| StageError::Broken(error.to_string()))
    }

    async fn alone(&self, entry: &Entry) -> Result<Answered, StageError> {
        let leased = self.store.enter_post(std::slice::from_ref(entry)).await?;
        Ok(leased.into_iter().next().flatten())
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<(Entry, oneshot::Sender<Answered>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
