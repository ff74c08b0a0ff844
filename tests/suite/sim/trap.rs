//! A process that is killed: at the n-th fail point that it passes, everything that it holds in memory goes.
//!
//! Lives run side by side, and the fail points are one registry: a point asks the thread that passes it whose trap is
//! set. The threads of a life's runtime know theirs.

use std::cell::RefCell;
use std::panic;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};

/// How many papers a claim stores at a time depends on which core was quicker: these points are passed a different number
/// of times in the same life.
const UNSTEADY: &[&str] = &["store.put-blobs.before-commit", "store.put-blobs.after-commit"];

/// What unwinds through a process that is killed.
pub struct Killed;

/// The trap of one process.
#[derive(Default)]
pub struct Trap {
    /// Points to be passed until it shuts; nothing is set at zero or below.
    left: AtomicI64,
    /// Points passed in all.
    passed: AtomicU64,
    /// Where it shut last.
    shut_at: Mutex<Option<String>>,
}

thread_local! {
    static MINE: RefCell<Option<Arc<Trap>>> = const { RefCell::new(None) };
}

impl Trap {
    /// Kills at the n-th point from here, counted from 1.
    pub fn set(&self, points: u32) {
        self.left.store(i64::from(points), Ordering::SeqCst);
    }

    /// Kills nobody any more; says where it did, if it did.
    pub fn release(&self) -> Option<String> {
        self.left.store(0, Ordering::SeqCst);
        self.shut_at.lock().unwrap().take()
    }

    /// Points passed so far.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }

    fn pass(&self, point: &str) {
        self.passed.fetch_add(1, Ordering::SeqCst);
        if self.left.load(Ordering::SeqCst) > 0 && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            *self.shut_at.lock().unwrap() = Some(point.to_owned());
            panic::panic_any(Killed);
        }
    }
}

/// From now on this thread belongs to the process of this trap.
pub fn belong_to(trap: &Arc<Trap>) {
    MINE.with(|mine| *mine.borrow_mut() = Some(trap.clone()));
}

/// Makes every fail point of the source ask for the trap of its thread; once per test process.
pub fn lay(points: impl IntoIterator<Item = String>) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for point in points.into_iter().filter(|point| !UNSTEADY.contains(&point.as_str())) {
            let name = point.clone();
            let ask = move || {
                let trap = MINE.with(|mine| mine.borrow().clone());
                if let Some(trap) = trap {
                    trap.pass(&name);
                }
            };
            fail::cfg_callback(point, ask).unwrap();
        }
        // A kill is no failure of the test: its report would only hide those that are.
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<Killed>() {
                report(info);
            }
        }));
    });
}
