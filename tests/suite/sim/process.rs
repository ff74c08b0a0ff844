//! The process that runs the stages: everything of it that a kill takes away.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use shenling::store::{Store, StoreError};
use tokio::runtime::{Builder, Runtime};

use super::scene::vault;
use super::trap::{Killed, Trap, belong_to};

/// A process, or two that share the database and take turns.
pub struct Process {
    stores: Vec<Store>,
    runtime: Runtime,
    trap: Arc<Trap>,
}

/// How work of the process ended.
pub enum Ended<T> {
    /// It came to its end.
    Done(T),
    /// The process was killed at this point, or at least this work of it was.
    Killed(String),
}

impl Process {
    /// Starts: opens the database as often as there are machines.
    pub fn start(url: &str, machines: usize) -> Result<Process, StoreError> {
        let trap = Arc::new(Trap::default());
        belong_to(&trap);
        let ours = trap.clone();
        let runtime =
            Builder::new_current_thread().enable_all().on_thread_start(move || belong_to(&ours)).build().unwrap();
        let stores = runtime.block_on(async {
            let mut stores = Vec::new();
            for _ in 0..machines {
                stores.push(Store::open(url, vault()).await?);
            }
            Ok::<_, StoreError>(stores)
        })?;
        Ok(Process { stores, runtime, trap })
    }

    /// The store of a machine.
    pub fn store(&self, machine: usize) -> Store {
        self.stores[machine % self.stores.len()].clone()
    }

    /// Runs work; with `kill` it is killed at that fail point of those that it passes, if it passes so many.
    pub fn run<T>(&self, kill: Option<u32>, work: impl Future<Output = T>) -> Ended<T> {
        self.trap.set(kill.unwrap_or(0));
        let ended = panic::catch_unwind(AssertUnwindSafe(|| self.runtime.block_on(work)));
        // Threads of the runtime may have been hit while the work went on to report it.
        let shut_at = self.trap.release();
        match (ended, shut_at) {
            (Ok(value), None) => Ended::Done(value),
            (Ok(_), Some(point)) => Ended::Killed(point),
            (Err(payload), Some(point)) if payload.is::<Killed>() => Ended::Killed(point),
            (Err(payload), _) => panic::resume_unwind(payload),
        }
    }

    /// Runs work that nobody disturbs.
    pub fn calm<T>(&self, work: impl Future<Output = T>) -> T {
        match self.run(None, work) {
            Ended::Done(value) => value,
            Ended::Killed(point) => unreachable!("killed at {point} though no trap was set"),
        }
    }

    /// Takes the database away: every call from now on finds no connection.
    pub fn lose_database(&self) {
        self.calm(async {
            for store in &self.stores {
                store.close().await;
            }
        });
    }

    /// Fail points passed.
    pub fn passed(&self) -> u64 {
        self.trap.passed()
    }

    /// Stops in order, or is what is left of a process that was killed.
    pub fn end(self) -> u64 {
        let passed = self.passed();
        let Process { stores, runtime, .. } = self;
        let inside = runtime.enter();
        drop(stores);
        drop(inside);
        // Waits for the threads that are at work; a database that they held open is free after that.
        drop(runtime);
        passed
    }
}
