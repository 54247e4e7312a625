//! Rows that wait for the one turn there is, which is handed on from each to the next.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Whoever waits for the turn.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<QueueState>);

#[derive(Debug, Default)]
struct QueueState {
    is_taken: bool,
    prefers_fresh: bool,
    /// How often each was sent, in the order in which they came.
    waiting: Vec<(u32, oneshot::Sender<Turn>)>,
}

/// The turn; it is handed on when this is dropped.
#[derive(Debug)]
pub(super) struct Turn(Arc<Queue>);

impl Queue {
    /// Waits for the turn with a row that was sent so often.
    pub(super) async fn turn(self: &Arc<Self>, sends: u32) -> Turn {
        loop {
            let told = {
                let mut state = self.state();
                if !state.is_taken {
                    state.is_taken = true;
                    return Turn(Arc::clone(self));
                }
                state.wait(sends)
            };
            if let Ok(turn) = told.await {
                return turn;
            }
        }
    }

    /// Lets one go before that is to be next by now.
    pub(super) async fn again(self: &Arc<Self>, turn: Turn, sends: u32) -> Turn {
        let told = self.state().wait(sends);
        drop(turn);
        match told.await {
            Ok(turn) => turn,
            Err(_) => self.turn(sends).await,
        }
    }

    /// Whether those are next that were sent least often, rather than those that were sent most often: where a send is
    /// likely to be in vain, none is to use all of its attempts up.
    pub(super) fn prefer_fresh(&self, is_preferred: bool) {
        self.state().prefers_fresh = is_preferred;
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueState {
    fn wait(&mut self, sends: u32) -> oneshot::Receiver<Turn> {
        let (tell, told) = oneshot::channel();
        self.waiting.push((sends, tell));
        told
    }

    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        self.waiting.retain(|(_, tell)| !tell.is_closed());
        let sends = self.waiting.iter().map(|(sends, _)| *sends).enumerate();
        let next = if self.prefers_fresh {
            sends.min_by_key(|(_, sends)| *sends)
        } else {
            sends.min_by_key(|(_, sends)| Reverse(*sends))
        };
        self.is_taken = next.is_some();
        next.map(|(index, _)| self.waiting.remove(index).1)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = self.0.state().next();
        if let Some(next) = next {
            // One that nobody waits for any more comes back, and is handed on.
            drop(next.send(Self(Arc::clone(&self.0))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order in which rows that were sent so often have their turns.
    async fn order(prefers_fresh: bool, sends: [u32; 5]) -> Vec<u32> {
        let (queue, had) = (Arc::new(Queue::default()), Mutex::new(Vec::new()));
        queue.prefer_fresh(prefers_fresh);
        let first = queue.turn(0).await;
        let wait = async |sends| {
            let _turn = queue.turn(sends).await;
            had.lock().unwrap().push(sends);
        };
        let all = futures::future::join_all(sends.map(wait));
        tokio::join!(all, async { drop(first) });
        had.into_inner().unwrap()
    }

    #[tokio::test]
    async fn the_one_that_was_sent_most_often_is_next_or_least_often_and_then_who_came_first() {
        assert_eq!(order(false, [0, 2, 0, 3, 1]).await, [3, 2, 1, 0, 0]);
        assert_eq!(order(true, [2, 0, 3, 0, 1]).await, [0, 0, 1, 2, 3]);
    }

    #[tokio::test]
    async fn whoever_has_it_can_let_a_better_one_go_before() {
        let queue = Arc::new(Queue::default());
        let (turn, had) = (queue.turn(0).await, Mutex::new(Vec::new()));
        let wait = async |sends| {
            let _turn = queue.turn(sends).await;
            had.lock().unwrap().push(sends);
        };
        let again = async {
            let _turn = queue.again(turn, 1).await;
            had.lock().unwrap().push(1);
        };
        tokio::join!(wait(0), wait(2), again);
        assert_eq!(had.into_inner().unwrap(), [2, 1, 0]);
        let turn = queue.turn(0).await;
        drop(queue.again(turn, 0).await);
        assert!(!queue.state().is_taken);
    }

    #[tokio::test]
    async fn the_turn_of_one_that_waits_no_more_is_handed_on() {
        let queue = Arc::new(Queue::default());
        let turn = queue.turn(0).await;
        let mut gone = Box::pin(queue.turn(9));
        let mut there = Box::pin(queue.turn(1));
        assert!(futures::poll!(&mut gone).is_pending() && futures::poll!(&mut there).is_pending());
        drop(gone);
        drop(turn);
        drop(there.await);
        assert!(!queue.state().is_taken);
    }
}
