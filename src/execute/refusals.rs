//! Counts rows that the server refused with 403 or 404, one after another. Pure.
//!
//! One such row says something about the row. Many in a row say that the token or the address is wrong.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::model::{RequestError, StopReason};

/// How many in a row stop a run.
const LIMIT: u32 = 20;

/// How many rows in a row were refused with 403 or 404.
#[derive(Debug, Default)]
pub struct Refusals(AtomicU32);

impl Refusals {
    /// A row succeeded.
    pub(super) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Counts a row that failed with this error; says why the run stops, if it does.
    pub(super) fn count(&self, error: &RequestError) -> Option<StopReason> {
        let status = error.http_status.filter(|status| matches!(status, 403 | 404))?;
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        (count >= LIMIT).then(|| StopReason::RefusedInARow { count, status, why: error.message.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> RequestError {
        RequestError { code: format!("http-{status}"), message: format!("no {status}"), http_status: Some(status) }
    }

    #[test]
    fn twenty_in_a_row_stop_the_run_and_the_last_one_is_named() {
        let refusals = Refusals::default();
        assert!((1..LIMIT).all(|_| refusals.count(&refused(403)).is_none()));
        let reason = StopReason::RefusedInARow { count: LIMIT, status: 404, why: "no 404".to_owned() };
        assert_eq!(refusals.count(&refused(404)), Some(reason));
    }

    #[test]
    fn a_success_starts_the_count_again_and_other_errors_do_not_count() {
        let refusals = Refusals::default();
        for _ in 0..3 {
            assert!((1..LIMIT).all(|_| refusals.count(&refused(404)).is_none()));
            assert!((1..LIMIT).all(|_| refusals.count(&refused(422)).is_none()));
            refusals.reset();
        }
    }
}
