//! The cap on guest invites holds back rows with guests and no others; in the end every row is created once.

use std::time::Duration;

use crate::kit::check::{Before, check};
use crate::kit::rows::{Sheet, with_guests};
use crate::kit::{End, Finished, Network, Server, Settings, Workspace, import, import_to_end, in_paused_time};
use tallyfy_groups::sandbox::{Options, RequestRate};

const HOUR: Duration = Duration::from_hours(1);

/// An organization with its limits, and a file to import.
struct Scenario {
    sheet: Sheet,
    workspace: Workspace,
    server: Server,
}

impl Scenario {
    /// 600 requests a minute, 30 new guests an hour; `also` adds keys of the cap, and other faults.
    fn new(inviting: usize, plain: usize, also: &str) -> Self {
        Self::of(with_guests(inviting, 1, plain), also)
    }

    fn of(sheet: Sheet, also: &str) -> Self {
        let workspace = Workspace::new(&sheet.csv);
        let faults = format!("[[fault]]\nkind = 'guest-cap'\nper_hour = 30\n{also}");
        let rate = Some(RequestRate { requests: 600, period: Duration::from_mins(1) });
        // Under some seeds a pause of ten minutes ends just before the quota opens, and an estimate is off by the next one.
        let server = Server::new(&Options { rate, seed: 7, ..Options::default() }, &faults, Network::SLOW, 7);
        Self { sheet, workspace, server }
    }

    async fn import(&self, settings: &Settings, end: End) -> Option<Finished> {
        import(&self.workspace, &self.server, settings, end).await
    }

    async fn import_to_end(&self, settings: &Settings) -> Finished {
        import_to_end(&self.workspace, &self.server, settings).await
    }

    /// Imports until nothing is left to do.
    async fn finish(&self, settings: &Settings) -> Finished {
        let finished = self.import_to_end(settings).await;
        assert_eq!(finished.stopped, None);
        check(&self.sheet, &finished, &Before::default(), &self.server).unwrap();
        assert_eq!(self.server.violation(), None);
        finished
    }

    /// When creates with this answer arrived, in seconds, if their lines in the log contain this word.
    fn times(&self, answer: &str, word: &str) -> Vec<f64> {
        let matches = |line: &&String| line.contains(&format!("  POST {answer} ")) && line.contains(word);
        let time = |line: &String| line.trim_start().split_once(' ').unwrap().0.parse().unwrap();
        self.server.log().iter().filter(matches).map(time).collect()
    }

    fn most_posts_of_a_row(&self) -> u32 {
        self.server.tally(|tally| *tally.posts.values().max().unwrap())
    }
}

/// The most moments, in seconds, within any hour. They are rounded to milliseconds.
fn most_within_an_hour(times: &[f64]) -> usize {
    let hour = HOUR.as_secs_f64() - 0.001;
    let within = |start: &f64| times.iter().filter(|time| (*start..start + hour).contains(*time)).count();
    times.iter().map(within).max().unwrap_or_default()
}

#[test]
fn rows_without_guests_are_sent_at_the_full_rate_while_the_cap_holds_back_the_others() {
    for also in ["", "retry_after = '3600'", "retry_after = '0'"] {
        in_paused_time(async {
            let scenario = Scenario::new(300, 2000, also);
            scenario.finish(&Settings::default()).await;
            let (all, invited) = (scenario.times("201", ""), scenario.times("201", "guests"));
            // The limit lets ten requests go in a second.
            let last = all.iter().filter(|time| !invited.contains(time)).fold(0.0, |last: f64, time| last.max(*time));
            let by_then = all.iter().filter(|time| **time <= last).count();
            let needed = f64::from(u32::try_from(by_then).unwrap()) / 10.0;
            assert!(last <= needed * 1.02, "{also}: {by_then} groups took {last} s, the limit needs {needed}");
            assert!(by_then < 2040, "{by_then}");
            assert_eq!(most_within_an_hour(&invited), 30, "{also}");
            assert!(scenario.most_posts_of_a_row() < 8, "{also}: {}", scenario.most_posts_of_a_row());
            let hours = invited.last().unwrap() / HOUR.as_secs_f64();
            // Nine hours, and less than one pause after each.
            assert!(hours < 10.5, "{also}: {hours}");
        });
    }
}

#[test]
fn with_a_guest_rate_the_cap_is_never_reached_even_over_a_kill_and_a_restart() {
    in_paused_time(async {
        let scenario = Scenario::new(300, 500, "");
        let settings = Settings { guest_rate: Some("30/h"), ..Settings::default() };
        for seconds in [3, 20, 5000] {
            assert!(scenario.import(&settings, End::Killed(Duration::from_secs(seconds))).await.is_none());
        }
        scenario.finish(&settings).await;
        assert_eq!(scenario.times("429", ""), [0.0; 0]);
        let invited = scenario.times("201", "guests");
        assert_eq!((invited.len(), most_within_an_hour(&invited)), (300, 30));
    });
}

#[test]
fn how_long_the_rows_with_guests_still_take_is_told_within_10_of_100() {
    for (each, also, guest_rate) in [
        (1, "retry_after = '3600'", None),
        (1, "", None),
        (7, "", None),
        (1, "", Some("30/h")),
        (7, "", Some("30/h")),
        (1, "", Some("10/30min")),
        (2, "", Some("2/5min")),
    ] {
        in_paused_time(async {
            let scenario = Scenario::of(with_guests(300 / each, each, 500), also);
            let settings = Settings { guest_rate, ..Settings::default() };
            let told = scenario.finish(&settings).await.guest_estimates;
            let end = Duration::from_secs_f64(*scenario.times("201", "guests").last().unwrap());
            let mut off = Vec::new();
            for (told, next) in told.iter().zip(told.iter().skip(1).map(|next| next.made_at).chain([end])) {
                let (at, left) = (told.made_at, told.time_left);
                let then = end.saturating_sub(at);
                // An estimate that is replaced at once is not seen.
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
fn groups_with_many_guests_wait_for_as_many_hours_as_it_takes() {
    for also in ["", "retry_after = '0'", "retry_after = '60'", "retry_after = '3600'"] {
        in_paused_time(async {
            let scenario = Scenario::of(with_guests(25, 20, 100), also);
            scenario.finish(&Settings::default()).await;
            assert!(scenario.most_posts_of_a_row() < 8, "{also}: {}", scenario.most_posts_of_a_row());
            let hours = scenario.times("201", "guests").last().unwrap() / HOUR.as_secs_f64();
            // One an hour.
            assert!(hours < 26.0, "{also}: {hours}");
        });
    }
}

#[test]
fn a_pause_longer_than_max_wait_stops_the_run_only_when_all_other_rows_are_done() {
    in_paused_time(async {
        let scenario = Scenario::new(100, 400, "retry_after = '3600'");
        let hasty = Settings { max_wait: Duration::from_mins(5), ..Settings::default() };
        let finished = scenario.import_to_end(&hasty).await;
        let stopped = finished.stopped.as_ref().unwrap();
        assert!(stopped.contains("cap on guest invites"), "{stopped}");
        let counts = ["created", "pending", "failed", "unknown"].map(|status| finished.count(status));
        assert_eq!(counts, [430, 70, 0, 0]);
        tokio::time::sleep(HOUR).await;
        scenario.finish(&Settings::default()).await;
    });
}

#[test]
fn an_interrupt_ends_the_pause_at_once_and_nothing_is_in_doubt() {
    in_paused_time(async {
        let scenario = Scenario::new(100, 0, "retry_after = '3600'");
        let finished = scenario.import(&Settings::default(), End::Interrupted(Duration::from_mins(10))).await.unwrap();
        assert!(scenario.server.elapsed() < Duration::from_secs(601));
        assert!(finished.stopped.as_ref().unwrap().contains("interrupted"), "{:?}", finished.stopped);
        assert_eq!(["created", "pending"].map(|status| finished.count(status)), [30, 70]);
        scenario.finish(&Settings::default()).await;
    });
}

#[test]
fn a_kill_costs_few_lookups_and_the_continued_run_finishes() {
    in_paused_time(async {
        let scenario = Scenario::new(80, 100, "");
        for seconds in [2, 4, 7, 11, 15, 400, 4000] {
            scenario.import(&Settings::default(), End::Killed(Duration::from_secs(seconds))).await;
        }
        // The intents of two rows were written in advance: three lookups of each.
        scenario.server.clear_log();
        scenario.import(&Settings::default(), End::Killed(Duration::from_secs(8))).await;
        let looks = scenario.server.log().iter().filter(|line| line.contains("&q=")).count();
        assert!(looks <= 9, "{looks}");
        scenario.finish(&Settings::default()).await;
    });
}

#[test]
fn a_concurrency_of_one_is_enough() {
    in_paused_time(async {
        let scenario = Scenario::new(70, 20, "");
        scenario.finish(&Settings { concurrency: 1, ..Settings::default() }).await;
        assert!(scenario.most_posts_of_a_row() < 8, "{}", scenario.most_posts_of_a_row());
    });
}

#[test]
fn a_group_that_lacks_guests_because_of_the_cap_gets_them_and_is_not_created_again() {
    for ends in [&[][..], &[3, 5, 9, 14, 4000, 5000]] {
        in_paused_time(async {
            // The cap is odd, so that a group of two gets only one guest.
            let lossy = "partial = true\n[[fault]]\nkind = 'guest-cap'\nper_hour = 31\npartial = true\nmethod = 'POST'\n\
                [[fault]]\nkind = 'drop-after'\nevery = 7";
            let scenario = Scenario::of(with_guests(60, 2, 100), lossy);
            for seconds in ends {
                scenario.import(&Settings::default(), End::Killed(Duration::from_secs(*seconds))).await;
            }
            scenario.finish(&Settings::default()).await;
            assert_eq!(scenario.most_posts_of_a_row(), 1);
        });
    }
}

#[test]
fn a_group_that_cannot_be_given_its_guests_stays_open_for_the_next_run() {
    in_paused_time(async {
        let scenario = Scenario::of(with_guests(20, 2, 50), "partial = true\nretry_after = '3600'");
        let hasty = Settings { max_wait: Duration::from_mins(5), ..Settings::default() };
        let finished = scenario.import_to_end(&hasty).await;
        let counts = ["created", "failed"].map(|status| finished.count(status));
        assert_eq!(counts, [65, 0], "15 pairs of guests, and all who bring none");
        assert!(finished.count("unknown") >= 1, "a group without all of its guests is not reported as created");
        for row in finished.rows.iter().filter(|row| row.status == "unknown") {
            assert_eq!(row.error_code.as_deref(), Some("guests-missing"), "{row:?}");
            assert!(row.error.as_ref().is_some_and(|error| error.contains("of its guests")), "{row:?}");
        }
        tokio::time::sleep(HOUR).await;
        scenario.finish(&Settings::default()).await;
    });
}

#[test]
fn a_single_row_outlasts_the_cap_even_if_the_server_names_too_short_a_time() {
    for also in ["", "retry_after = '60'", "retry_after = '0'"] {
        in_paused_time(async { Scenario::new(31, 0, also).finish(&Settings::default()).await });
    }
}

#[test]
fn rows_whose_guests_are_all_known_do_not_wait_for_the_others() {
    for (guest_rate, also) in [(None, ""), (None, "retry_after = '3600'"), (Some("30/h"), "")] {
        in_paused_time(async {
            let scenario = Scenario::new(200, 20, also);
            // Those of the last hundred are known, one of them is disabled, and the case of an address does not matter.
            for guest in scenario.sheet.guests()[100..].iter().flatten() {
                let disabled_at = guest.ends_with('7').then_some("2026-05-01T00:00:00Z");
                scenario.server.with(|simulation| simulation.plant_guest(&guest.to_uppercase(), disabled_at));
            }
            scenario.finish(&Settings { guest_rate, ..Settings::default() }).await;
            let invited = scenario.times("201", "guests");
            let early = invited.iter().filter(|time| **time < 60.0).count();
            assert_eq!((invited.len(), early), (200, 130), "{guest_rate:?} {also}");
            let hours = invited.last().unwrap() / HOUR.as_secs_f64();
            assert!(hours > 2.9, "{guest_rate:?} {also}: {hours}");
        });
    }
}

#[test]
fn a_guest_who_is_listed_and_refused_by_the_cap_is_new_after_all() {
    for (kind, posts) in [("error-before", 2), ("error-after", 1)] {
        in_paused_time(async {
            let refuse = "method = 'POST'\nat = [1]\nstatus = 429\nmessage = 'the hourly limit for Guest Invite'";
            let scenario = Scenario::new(1, 0, &format!("[[fault]]\nkind = '{kind}'\n{refuse}"));
            for guest in scenario.sheet.guests().iter().flatten() {
                scenario.server.with(|simulation| simulation.plant_guest(guest, None));
            }
            scenario.finish(&Settings::default()).await;
            assert_eq!(scenario.most_posts_of_a_row(), posts, "{kind}");
        });
    }
}
