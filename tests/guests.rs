//! The cap on guest invites stops the rows that carry guests, and nobody else; in the end every row is created once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod storm;

use std::fs;
use std::time::Duration;

use storm::life::{End, Habits, Left, Place, live};
use storm::oracle::{self, History};
use storm::rows::{Sheet, with_guests};
use storm::world::{Shared, Ways};
use storm::{folder, in_paused_time};
use tallyfy_groups::model::{Halt, Status};
use tallyfy_groups::sandbox::{FaultScript, Options, RequestRate};
use tempfile::TempDir;

const HOUR: Duration = Duration::from_hours(1);

/// An organization under its limits, and a file to import.
struct Story {
    sheet: Sheet,
    folder: TempDir,
    world: Shared,
}

impl Story {
    /// 600 requests a minute, 30 new guests an hour; `also` is more of the weather, of the cap and beside it.
    fn new(inviting: usize, plain: usize, also: &str) -> Self {
        Self::of(with_guests(inviting, 1, plain), also)
    }

    fn of(sheet: Sheet, also: &str) -> Self {
        let folder = folder();
        fs::write(folder.path().join("groups.csv"), &sheet.csv).unwrap();
        let weather = FaultScript::parse(&format!("[[fault]]\nkind = 'guest-cap'\nper_hour = 30\n{also}")).unwrap();
        let rate = Some(RequestRate { requests: 600, period: Duration::from_mins(1) });
        let ways = Ways { usual: Duration::from_millis(300), longest: Duration::from_secs(2), tail: 0.02 };
        let world = Shared::new(&Options { rate, seed: 5, ..Options::default() }, weather, ways, 5);
        Self { sheet, folder, world }
    }

    async fn live(&self, habits: &Habits, end: End) -> Option<Left> {
        let place = Place { folder: self.folder.path(), file: "groups.csv" };
        live(&place, &self.world, habits, end).await
    }

    /// Lives on until nothing is left to do.
    async fn finish(&self, habits: &Habits) {
        let left = self.live(habits, End::Natural).await.unwrap();
        assert_eq!(left.halt, None);
        oracle::judge(&self.sheet, &left.accounts, &History::default(), &self.world).unwrap();
        self.world.with(|world| assert_eq!(world.breaches.pop(), None));
    }

    /// When requests were answered so, in seconds, whose lines in the log hold this word.
    fn times(&self, answer: &str, word: &str) -> Vec<f64> {
        self.world.with(|world| {
            let is_meant = |line: &&String| line.contains(&format!("  POST {answer} ")) && line.contains(word);
            let time = |line: &String| line.trim_start().split_once(' ').unwrap().0.parse().unwrap();
            world.log.iter().filter(is_meant).map(time).collect()
        })
    }

    fn posts_max(&self) -> u32 {
        self.world.with(|world| world.simulation.tally().all_posts().map(|(_, count)| count).max().unwrap())
    }
}

/// The most moments, in seconds, within any hour.
fn most_within_an_hour(times: &[f64]) -> usize {
    let within = |start: &f64| times.iter().filter(|time| (*start..start + HOUR.as_secs_f64()).contains(*time)).count();
    times.iter().map(within).max().unwrap_or_default()
}

#[test]
fn rows_without_guests_go_on_at_full_pace_while_the_cap_keeps_the_others_and_all_are_created() {
    for also in ["", "retry_after = '3600'", "retry_after = '0'"] {
        in_paused_time(async {
            let story = Story::new(300, 2000, also);
            story.finish(&Habits::default()).await;
            let (all, invited) = (story.times("201", ""), story.times("201", "guests"));
            // The limit lets ten requests go in a second.
            let last = all.iter().filter(|time| !invited.contains(time)).fold(0.0, |last: f64, time| last.max(*time));
            let by_then = all.iter().filter(|time| **time <= last).count();
            let needed = f64::from(u32::try_from(by_then).unwrap()) / 10.0;
            assert!(last <= needed * 1.02, "{also}: {by_then} groups took {last} s, the limit needs {needed}");
            assert!(by_then < 2040, "{by_then}");
            assert_eq!(most_within_an_hour(&invited), 30, "{also}");
            assert!(story.posts_max() < 8, "{also}: {}", story.posts_max());
            let hours = invited.last().unwrap() / HOUR.as_secs_f64();
            // Nine hours, and less than one pause after each.
            assert!(hours < 10.5, "{also}: {hours}");
        });
    }
}

#[test]
fn with_a_guest_rate_the_cap_is_never_met_also_over_a_kill_and_a_restart() {
    in_paused_time(async {
        let story = Story::new(300, 500, "");
        let guest_rate = Some(tallyfy_groups::send::Rate::parse("30/h").unwrap());
        let habits = Habits { guest_rate, ..Habits::default() };
        for seconds in [3, 20, 5000] {
            assert!(story.live(&habits, End::Killed(Duration::from_secs(seconds))).await.is_none());
        }
        story.finish(&habits).await;
        assert_eq!(story.times("429", ""), [0.0; 0]);
        let invited = story.times("201", "guests");
        assert_eq!((invited.len(), most_within_an_hour(&invited)), (300, 30));
    });
}

#[test]
fn how_long_the_rows_with_guests_still_take_is_told_within_10_of_100() {
    let rate = |text| Some(tallyfy_groups::send::Rate::parse(text).unwrap());
    for (each, also, guest_rate) in [
        (1, "retry_after = '3600'", None),
        (1, "", None),
        (7, "", None),
        (1, "", rate("30/h")),
        (7, "", rate("30/h")),
        (1, "", rate("10/30min")),
        (2, "", rate("2/5min")),
    ] {
        in_paused_time(async {
            let story = Story::of(with_guests(300 / each, each, 500), also);
            let habits = Habits { guest_rate, ..Habits::default() };
            story.finish(&habits).await;
            let end = Duration::from_secs_f64(*story.times("201", "guests").last().unwrap());
            let told = story.world.with(|world| std::mem::take(&mut world.guests_told));
            let mut off = Vec::new();
            for (told, next) in told.iter().zip(told.iter().skip(1).map(|next| next.0).chain([end])) {
                let (at, left) = *told;
                let then = end.saturating_sub(at);
                // What stands there for a moment only, nobody sees.
                if next.saturating_sub(at) > Duration::from_secs(2)
                    && left.abs_diff(then) > (then / 10).max(Duration::from_mins(1))
                {
                    off.push((at, left, then));
                }
            }
            assert!(told.len() > 200 / each && off.is_empty(), "{each} {also} {guest_rate:?}: {off:?}");
        });
    }
}

#[test]
fn groups_with_many_guests_wait_their_turn_out_for_as_many_hours_as_it_takes() {
    for also in ["", "retry_after = '0'", "retry_after = '60'", "retry_after = '3600'"] {
        in_paused_time(async {
            let story = Story::of(with_guests(25, 20, 100), also);
            story.finish(&Habits::default()).await;
            assert!(story.posts_max() < 8, "{also}: {}", story.posts_max());
            let hours = story.times("201", "guests").last().unwrap() / HOUR.as_secs_f64();
            // One an hour.
            assert!(hours < 26.0, "{also}: {hours}");
        });
    }
}

#[test]
fn a_pause_beyond_the_longest_wait_stops_the_run_only_when_all_else_is_done() {
    in_paused_time(async {
        let story = Story::new(100, 400, "retry_after = '3600'");
        let hasty = Habits { wait_max: Duration::from_mins(5), ..Habits::default() };
        let left = story.live(&hasty, End::Natural).await.unwrap();
        assert_eq!(left.halt, Some(Halt::GuestCapTooLong(Duration::from_secs(3601))));
        let counts = [Status::Created, Status::Pending, Status::Failed, Status::Unknown];
        assert_eq!(counts.map(|status| left.count(status)), [430, 70, 0, 0]);
        tokio::time::sleep(HOUR).await;
        story.finish(&Habits::default()).await;
    });
}

#[test]
fn an_interrupt_ends_the_pause_at_once_and_nothing_is_in_doubt() {
    in_paused_time(async {
        let story = Story::new(100, 0, "retry_after = '3600'");
        let left = story.live(&Habits::default(), End::Interrupted(Duration::from_mins(10))).await.unwrap();
        assert!(story.world.elapsed() < Duration::from_secs(601));
        assert_eq!(left.halt, Some(Halt::Interrupted));
        assert_eq!([Status::Created, Status::Pending].map(|status| left.count(status)), [30, 70]);
        story.finish(&Habits::default()).await;
    });
}

#[test]
fn a_kill_in_mid_lane_costs_few_look_ups_and_the_run_that_goes_on_finishes() {
    in_paused_time(async {
        let story = Story::new(80, 100, "");
        for seconds in [2, 4, 7, 11, 15, 400, 4000] {
            story.live(&Habits::default(), End::Killed(Duration::from_secs(seconds))).await;
        }
        // Two rows were begun ahead of their lanes: three looks at each.
        story.world.with(|world| world.log.clear());
        story.live(&Habits::default(), End::Killed(Duration::from_secs(8))).await;
        let looks = story.world.with(|world| world.log.iter().filter(|line| line.contains("&q=")).count());
        assert!(looks <= 9, "{looks}");
        story.finish(&Habits::default()).await;
    });
}

#[test]
fn one_lane_is_enough() {
    in_paused_time(async {
        let story = Story::new(70, 20, "");
        story.finish(&Habits { lanes: 1, ..Habits::default() }).await;
        assert!(story.posts_max() < 8, "{}", story.posts_max());
    });
}

#[test]
fn a_group_that_the_cap_left_without_guests_is_given_them_and_is_not_made_again() {
    for ends in [&[][..], &[3, 5, 9, 14, 4000, 5000]] {
        in_paused_time(async {
            // An odd one fits in beside the pairs.
            let lossy = "partial = true\n[[fault]]\nkind = 'guest-cap'\nper_hour = 31\npartial = true\nmethod = 'POST'\n\
                [[fault]]\nkind = 'drop-after'\nevery = 7";
            let story = Story::of(with_guests(60, 2, 100), lossy);
            for seconds in ends {
                story.live(&Habits::default(), End::Killed(Duration::from_secs(*seconds))).await;
            }
            story.finish(&Habits::default()).await;
            assert_eq!(story.posts_max(), 1);
        });
    }
}

#[test]
fn a_group_that_cannot_be_given_its_guests_stays_open_for_the_next_run() {
    in_paused_time(async {
        let story = Story::of(with_guests(20, 2, 50), "partial = true\nretry_after = '3600'");
        let hasty = Habits { wait_max: Duration::from_mins(5), ..Habits::default() };
        let left = story.live(&hasty, End::Natural).await.unwrap();
        let counts = [Status::Created, Status::Failed].map(|status| left.count(status));
        assert_eq!(counts, [65, 0], "15 pairs of guests, and all who bring none");
        assert!(left.count(Status::Unknown) >= 1, "what the cap struck is not told as created");
        for account in left.accounts.iter().filter(|account| account.status == Status::Unknown) {
            assert_eq!(account.error_code.as_deref(), Some("guests-missing"), "{account:?}");
            assert!(account.error.as_ref().is_some_and(|error| error.contains("the group is there")), "{account:?}");
        }
        tokio::time::sleep(HOUR).await;
        story.finish(&Habits::default()).await;
    });
}

#[test]
fn a_row_that_is_left_alone_outlasts_the_cap_also_if_the_server_names_too_short_a_time() {
    for also in ["", "retry_after = '60'", "retry_after = '0'"] {
        in_paused_time(async { Story::new(31, 0, also).finish(&Habits::default()).await });
    }
}
