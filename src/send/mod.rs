//! Jobs are sent: at the pace, in lanes, each until its fate is known.
//!
//! Reads no files and shows nothing. What a lane may send it gets from the journal as [`Begun`](crate::journal::Begun).

mod deliver;
mod judge;
mod pace;
mod reads;
mod stop;

use std::sync::Arc;

use futures::future::join_all;

pub use deliver::{Lane, Policy};
pub use judge::{backoff, judge_create, judge_read};
pub use pace::{Pace, Paced, Rate, RateError};
pub use reads::{Api, Found, Unread};
pub use stop::Stop;

use crate::journal::Feed;
use crate::tallyfy::Exchange;

/// Works off all jobs of the feed in so many lanes; returns when the feed is empty, which a stop brings about early.
pub async fn send_all<E: Exchange>(lane: Lane<E>, feed: Feed, lanes: usize) {
    let (stop, journal) = (lane.api.stop.clone(), lane.journal.clone());
    let (lane, feed) = (Arc::new(lane), Arc::new(feed));
    let all = join_all((0..lanes).map(|_| tokio::spawn(work_off(Arc::clone(&lane), Arc::clone(&feed)))));
    drop(lane);
    tokio::pin!(all);
    let ends = tokio::select! {
        ends = &mut all => ends,
        () = stop.raised() => {
            journal.stop();
            all.await
        }
    };
    for ended in ends {
        if let Err(error) = ended
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

async fn work_off<E: Exchange>(lane: Arc<Lane<E>>, feed: Arc<Feed>) {
    while let Some(work) = feed.next().await {
        lane.take(work).await;
    }
}
