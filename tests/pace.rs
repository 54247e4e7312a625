//! The limit is used to the full and never crossed: against servers that count, over hours of paused time.
#![allow(clippy::print_stdout, reason = "its figures are in docs/performance.md")]

use std::time::Duration;

use crate::kit::rows::good;
use crate::kit::{End, Network, Settings, Workspace, import, import_to_end, in_paused_time, temporary_folder};
use crate::limits::client::{Shared, send};
use crate::limits::server::{Kind, Says, most_within};
use crate::limits::{Ways, ms};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tallyfy_groups::sandbox::{Options, RequestRate};

const KINDS: [Kind; 3] = [Kind::Rolling, Kind::Fixed, Kind::Leaky];

const WAYS: [Ways; 3] =
    [Ways::Constant(ms(25)), Ways::Uniform(ms(15), ms(35)), Ways::HeavyTailed(ms(15), Duration::from_secs(15))];

/// The text of a rate.
fn text(rate: (usize, Duration)) -> String {
    format!("{}/{}ms", rate.0, rate.1.as_millis())
}

/// The part of the limit that was used between the first request and the last.
#[expect(clippy::cast_precision_loss, reason = "a part needs no more than 52 bits")]
fn used(taken: &[Duration], rate: (usize, Duration)) -> f64 {
    let time = taken.last().unwrap().saturating_sub(taken[0]);
    (taken.len() - 1) as f64 / (time.as_secs_f64() / rate.1.as_secs_f64() * rate.0 as f64)
}

#[test]
fn at_the_limit_98_of_100_parts_of_it_are_used_and_none_is_refused() {
    let rate = (600, Duration::from_mins(1));
    for kind in KINDS {
        for ways in WAYS {
            let folder = temporary_folder();
            in_paused_time(async {
                let world = Shared::new(kind, rate, ways, 7);
                send(&world, &text(rate), 64, folder.path(), Duration::from_mins(10)).await;
                world.with(|world| {
                    assert_eq!(world.refused, 0, "{kind:?} {ways:?}");
                    let used = used(&world.taken, rate);
                    assert!(used >= 0.98, "{kind:?} {ways:?}: {used}");
                });
            });
        }
    }
}

#[test]
fn a_restart_neither_crosses_the_limit_nor_wastes_it() {
    let rate = (600, Duration::from_mins(1));
    let folder = temporary_folder();
    in_paused_time(async {
        let world = Shared::new(Kind::Rolling, rate, Ways::Uniform(ms(15), ms(35)), 7);
        for minutes in [3, 1, 4] {
            send(&world, &text(rate), 16, folder.path(), Duration::from_mins(minutes)).await;
            tokio::time::sleep(ms(35)).await;
        }
        world.with(|world| {
            assert_eq!(world.refused, 0);
            let used = used(&world.taken, rate);
            assert!(used >= 0.98, "{used}");
        });
    });
}

/// A whole import of this many rows over a strictly rolling limit of 600 a minute, with answers after 30 to 70 ms, killed after
/// these times.
fn assert_import_uses_the_limit(rows: usize, kills: &[Duration]) {
    let workspace = Workspace::new(&good(rows).csv);
    let rate = (600, Duration::from_mins(1));
    in_paused_time(async {
        let options = Options { rate: Some(RequestRate { requests: 600, period: rate.1 }), ..Options::default() };
        // Half of the way is the server's: the latency is uniform between the two.
        let options = Options { latency: ms(30), ..options };
        let network = Network { usual: ms(20), longest: ms(20), tail: 0.0 };
        let server = crate::kit::Server::new(&options, "", network, 5);
        let settings = Settings::default();
        for kill in kills {
            assert!(import(&workspace, &server, &settings, End::Killed(*kill)).await.is_none());
            tokio::time::sleep(ms(100)).await;
        }
        assert!(import_to_end(&workspace, &server, &settings).await.is_complete());
        server.tally(|tally| {
            assert_eq!(tally.refusals, 0, "refused");
            let used = used(&tally.arrivals, rate);
            println!(
                "whole import of {rows} rows, killed {} times: {:.1} of 100 parts used",
                kills.len(),
                used * 100.0
            );
            assert!(used >= 0.98, "{used} after {kills:?}");
        });
    });
}

#[test]
fn a_whole_import_uses_98_of_100_parts_of_the_limit_also_over_restarts() {
    assert_import_uses_the_limit(3000, &[]);
    assert_import_uses_the_limit(6000, &[Duration::from_mins(4)]);
}

#[test]
fn no_window_ever_holds_more_whatever_the_rate_the_ways_and_the_restarts() {
    for seed in 0..60 {
        let mut dice = StdRng::seed_from_u64(seed);
        let most = *[1, 2, 7, 20, 100, 600].choose(&mut dice).unwrap();
        let rate = (most, ms(*[200, 1000, 6000, 60_000].choose(&mut dice).unwrap()));
        let longest = *[ms(5), ms(80), Duration::from_secs(2), Duration::from_secs(45)].choose(&mut dice).unwrap();
        let ways = match dice.random_range(0..3) {
            0 => Ways::Constant(longest),
            1 => Ways::Uniform(Duration::ZERO, longest),
            _ => Ways::HeavyTailed(ms(5), longest),
        };
        let lanes = dice.random_range(1..40);
        let folder = temporary_folder();
        in_paused_time(async {
            let world = Shared::new(Kind::Rolling, rate, ways, seed);
            for _ in 0..dice.random_range(1..6) {
                let time = rate.1.mul_f64(dice.random_range(0.01..8.0));
                send(&world, &text(rate), lanes, folder.path(), time).await;
                // What was under way is there before another process is.
                tokio::time::sleep(longest + rate.1.mul_f64(dice.random_range(0.0..1.5))).await;
            }
            world.with(|world| {
                let most = most_within(&world.taken, rate.1);
                assert!(most <= rate.0, "seed {seed}: {most} within {:?}, {} are allowed", rate.1, rate.0);
                assert_eq!(world.refused, 0, "seed {seed}");
            });
        });
    }
}

#[test]
fn the_limit_is_kept_for_every_kind_of_server_that_has_the_same_one() {
    for (seed, kind) in (0..).zip(KINDS) {
        for rate in [(20, ms(1000)), (100, ms(6000)), (3, ms(500))] {
            let folder = temporary_folder();
            in_paused_time(async {
                let world = Shared::new(kind, rate, Ways::HeavyTailed(ms(5), ms(3000)), seed);
                send(&world, &text(rate), 16, folder.path(), rate.1 * 100).await;
                world.with(|world| assert_eq!(world.refused, 0, "{kind:?} {rate:?}"));
            });
        }
    }
}

#[test]
fn headers_of_the_same_limit_do_not_slow_anything_down() {
    let rate = (600, Duration::from_mins(1));
    for ways in WAYS {
        let folder = temporary_folder();
        in_paused_time(async {
            let world = Shared::new(Kind::Rolling, rate, ways, 3);
            world.with(|world| world.tells = true);
            send(&world, &text(rate), 64, folder.path(), Duration::from_mins(20)).await;
            world.with(|world| {
                let used = used(&world.taken, rate);
                assert!(used >= 0.98 && world.refused == 0, "{ways:?}: {used}, {} refused", world.refused);
            });
        });
    }
}

#[test]
fn no_more_are_in_flight_than_the_rate_needs() {
    let rate = (600, Duration::from_mins(1));
    for (ways, lanes, needed) in [(ms(5), 64, 2), (ms(250), 64, 7), (ms(1000), 64, 22), (ms(1000), 4, 4)] {
        let folder = temporary_folder();
        in_paused_time(async {
            let world = Shared::new(Kind::Rolling, rate, Ways::Constant(ways), 3);
            send(&world, &text(rate), lanes, folder.path(), Duration::from_mins(5)).await;
            world.with(|world| {
                assert!(world.most_in_flight <= needed, "{ways:?}: {} in flight", world.most_in_flight);
                // A place is held for a minute and the time to the answer.
                let most = 60.0 / (60.0 + 2.0 * ways.as_secs_f64());
                assert!(lanes < 64 || used(&world.taken, rate) >= 0.99 * most, "{ways:?}");
            });
        });
    }
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "a part needs no more than 52 bits")]
fn a_hidden_limit_is_found_and_used_to_85_of_100_parts_with_at_most_2_of_100_refused() {
    // All limits against all kinds of servers: `benches/pace.rs`.
    let all = KINDS.map(|kind| (100, kind, Says::Down));
    let one = [(20, Kind::Rolling, Says::Up), (50, Kind::Fixed, Says::Nothing), (200, Kind::Rolling, Says::Up)];
    for (most, kind, says) in all.into_iter().chain(one).chain([(500, Kind::Fixed, Says::Nothing)]) {
        let folder = temporary_folder();
        in_paused_time(async {
            let world = Shared::new(kind, (most, ms(1000)), WAYS[1], 7);
            world.with(|world| world.says = says);
            send(&world, "auto", 64, folder.path(), Duration::from_secs(30)).await;
            world.with(|world| {
                let (taken, refused) = (world.taken.len() as f64, world.refused as f64);
                let (used, refused) = (taken / (30.0 * most as f64), refused / (taken + refused));
                let what = format!("{most}/s, {kind}, {says:?}: {used} used, {refused} refused");
                assert!(used >= 0.85 && refused <= 0.02, "{what}");
            });
        });
    }
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "a part needs no more than 52 bits")]
fn auto_finds_a_limit_whatever_period_it_is_of_with_headers_and_without() {
    for (most, period, time) in [(20, 1, 30), (200, 1, 30), (300, 60, 600), (600, 60, 600), (3000, 60, 180)] {
        for (kind, tells) in [(Kind::Rolling, true), (Kind::Rolling, false), (Kind::Fixed, true), (Kind::Fixed, false)]
        {
            let folder = temporary_folder();
            in_paused_time(async {
                let world = Shared::new(kind, (most, ms(period * 1000)), WAYS[1], 7);
                world.with(|world| world.tells = tells);
                send(&world, "auto", 64, folder.path(), Duration::from_secs(time)).await;
                world.with(|world| {
                    let (taken, refused) = (world.taken.len() as f64, world.refused as f64);
                    let used = taken / (time as f64 / period as f64 * most as f64);
                    let what = format!("{most} in {period} s, {kind}, headers {tells}: {used} used, {refused} refused");
                    assert!(used >= 0.85 && refused <= 0.02 * (taken + refused), "{what}");
                });
            });
        }
    }
}

#[test]
fn a_known_rate_is_lowered_by_a_limit_that_headers_state_in_the_same_period() {
    // What is wanted, the server's limit, and what is to be used of the lower of the two.
    for (wanted, limit, used_min) in
        [("600/min", (300, 60), 0.98), ("600/min", (900, 60), 0.98), ("20/s", (40, 1), 0.94), ("20/s", (5, 1), 0.85)]
    {
        for kind in [Kind::Rolling, Kind::Fixed] {
            let folder = temporary_folder();
            in_paused_time(async {
                let server = (limit.0, Duration::from_secs(limit.1));
                let world = Shared::new(kind, server, WAYS[1], 7);
                world.with(|world| world.tells = true);
                send(&world, wanted, 64, folder.path(), Duration::from_mins(10)).await;
                world.with(|world| {
                    let rate = if wanted == "20/s" { (20, ms(1000)) } else { (600, Duration::from_mins(1)) };
                    let used = used(&world.taken, rate).max(used(&world.taken, server));
                    let refused = world.refused;
                    assert!(used >= used_min && refused == 0, "{wanted}, {limit:?}, {kind}: {used}, {refused} refused");
                });
            });
        }
    }
}

#[test]
fn a_restart_of_auto_knows_what_the_server_counts_still() {
    let minute = Duration::from_mins(1);
    for (rate, tells) in [
        ((600, minute), true),
        ((120, minute), true),
        ((10, ms(1000)), true),
        ((600, minute), false),
        ((120, minute), false),
        ((10, ms(1000)), false),
        ((100, ms(1000)), false),
    ] {
        for kind in KINDS {
            let folder = temporary_folder();
            in_paused_time(async {
                let world = Shared::new(kind, rate, Ways::Uniform(ms(15), ms(35)), 7);
                world.with(|world| world.tells = tells);
                send(&world, "auto", 16, folder.path(), Duration::from_mins(3)).await;
                tokio::time::sleep(ms(35)).await;
                let (before, refused) = world.with(|world| (world.taken.len(), world.refused));
                send(&world, "auto", 16, folder.path(), Duration::from_mins(10)).await;
                world.with(|world| {
                    let (used, refused) = (used(&world.taken[before..], rate), world.refused - refused);
                    let taken = world.taken.len() - before;
                    assert!(
                        used >= 0.85 && refused <= taken / 50,
                        "{rate:?} {kind} {tells}: {used}, {refused} refused"
                    );
                });
            });
        }
    }
}
