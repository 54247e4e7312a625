//! kill -9 at random moments, again and again, over real sockets: what is on disk is enough to go on.

use std::thread;
use std::time::Duration;

use crate::support::{Desk, Server, as_csv, assert_answers, good_names, rows};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tallyfy_groups::sandbox::Options;

const KILLS: usize = 40;

/// Names need not be unique on the server, so that nothing but the program keeps a group from coming twice.
#[test]
fn after_forty_kills_at_random_moments_every_group_is_there_once() {
    let mut dice = StdRng::seed_from_u64(40);
    let rows = rows(1500, 3, 3, 40);
    let names = good_names(&rows);
    let latency = Duration::from_millis(3);
    let server = Server::start(Options { allow_same_names: true, latency, ..Options::default() }, "");
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    // Slow enough that there is something left to kill.
    let command = ["import", "groups.csv", "--settle", "100ms", "--rate", "150/s"];
    let (mut kills, mut in_mid_run) = (0, 0);
    while kills < KILLS {
        let running = desk.start(&command);
        let before = server.groups().len();
        // Every other one after some groups more, however slow the machine is; the others at any time, also while the
        // file is read and the list walked.
        let more = before + dice.random_range(1..50);
        if kills % 2 == 0 && more < names.len() {
            server.wait_for_groups(more);
        } else {
            thread::sleep(Duration::from_millis(dice.random_range(0..900)));
        }
        // One that ended before it could be killed has an exit code.
        kills += usize::from(running.kill().code().is_none());
        in_mid_run += usize::from((before + 1..names.len()).contains(&server.groups().len()));
    }
    assert!(in_mid_run >= KILLS / 2, "{in_mid_run} of {KILLS} kills struck while groups were made");
    desk.run(&command).expect(9);
    let mut expected = names.clone();
    expected.sort();
    assert_eq!(server.names(), expected, "each once");
    assert_answers(&desk.results("groups.results.csv"), &rows, &server, "created");
    let (posts, groups) = (f64::from(server.all_posts()), f64::from(u32::try_from(names.len()).unwrap()));
    assert!(posts <= 1.25 * groups, "{posts} POSTs for {groups} groups");
}
