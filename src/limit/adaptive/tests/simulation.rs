//! The adaptive limit against a server, event by event, with a rate limiter around it: even spacing, the exact window, one wait for all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::super::window::Window;
use super::super::{AdaptiveLimit, Rate};
use super::servers::{After, Kind, Server};

/// How long a request takes, there and back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Latency {
    Constant,
    Uniform,
    Heavy,
}

impl Latency {
    /// Seconds there, seconds back.
    fn draw(self, random: &mut StdRng) -> (f64, f64) {
        let (whole, there) = match self {
            Self::Constant => return (0.025, 0.025),
            Self::Uniform => (random.random_range(0.030..0.070), random.random_range(0.3..0.7)),
            // Pareto: 60 ms on average, one in a hundred slower than 300 ms.
            Self::Heavy => {
                let tail: f64 = random.random_range(0.0001..1.0);
                (0.030 / tail.sqrt(), random.random_range(0.3..0.7))
            }
        };
        (whole * there, whole * (1.0 - there))
    }
}

/// What is simulated.
pub(super) struct Scene {
    pub(super) kind: Kind,
    pub(super) most: u32,
    /// Seconds.
    pub(super) period: f64,
    pub(super) latency: Latency,
    pub(super) after: After,
    /// From this second on the limit is another.
    pub(super) change: Option<(f64, u32)>,
    /// Between these seconds another user of the token sends this many a second.
    pub(super) other: Option<(f64, f64, f64)>,
    pub(super) seconds: u32,
}

/// Taken and refused in each second since the start.
pub(super) struct Simulated {
    pub(super) taken: Vec<u32>,
    pub(super) refused: Vec<u32>,
}

impl Simulated {
    /// The part of `limit` (a second) that was used between these seconds.
    pub(super) fn share(&self, seconds: Range<usize>, limit: f64) -> f64 {
        let length = f64::from(u32::try_from(seconds.len()).unwrap());
        f64::from(self.taken[seconds].iter().sum::<u32>()) / (length * limit)
    }

    /// The part of all requests that was refused.
    pub(super) fn refusals(&self) -> f64 {
        let sum = |counts: &[u32]| f64::from(counts.iter().sum::<u32>());
        sum(&self.refused) / (sum(&self.refused) + sum(&self.taken))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    /// Of a request that left then (microseconds), and how long its answer takes.
    Arrival {
        left: u64,
        back: u64,
    },
    /// The answer, and what `Retry-After` of a refusal says.
    Taken {
        left: u64,
    },
    Refused {
        left: u64,
        named: Option<Duration>,
    },
    Other,
    Turn,
}

struct World<'a> {
    scene: &'a Scene,
    random: StdRng,
    start: Instant,
    now: u64,
    coming: BinaryHeap<Reverse<(u64, Happening)>>,
    server: Server,
    shell: Shell,
    outcome: Simulated,
}

struct Shell {
    adaptive: AdaptiveLimit,
    rate: Option<Rate>,
    window: Window,
    in_flight: usize,
    /// When the next is due, spaced evenly.
    due: u64,
    wait_until: u64,
    turn: u64,
}

impl Shell {
    fn answered(&mut self, now: Instant) {
        self.in_flight -= 1;
        self.window.answer(1, now);
    }
}

fn micros(seconds: f64) -> u64 {
    u64::try_from(Duration::from_secs_f64(seconds).as_micros()).unwrap()
}

pub(super) fn simulate(scene: &Scene, seed: u64) -> Simulated {
    let start = Instant::now();
    let window = Window::new(Rate::of(1, Duration::from_secs(1)).unwrap());
    let shell = Shell {
        adaptive: AdaptiveLimit::new(None, start),
        rate: None,
        window,
        in_flight: 0,
        due: 0,
        wait_until: 0,
        turn: 0,
    };
    let counts = vec![0; usize::try_from(scene.seconds).unwrap()];
    let mut world = World {
        scene,
        random: StdRng::seed_from_u64(seed),
        start,
        now: 0,
        coming: BinaryHeap::new(),
        server: Server::new(scene.kind, scene.most, scene.period),
        shell,
        outcome: Simulated { taken: counts.clone(), refused: counts },
    };
    world.coming.push(Reverse((0, Happening::Turn)));
    if let Some((from, ..)) = scene.other {
        world.coming.push(Reverse((micros(from), Happening::Other)));
    }
    while let Some(Reverse((now, happening))) = world.coming.pop() {
        if now >= u64::from(scene.seconds) * 1_000_000 {
            break;
        }
        world.now = now;
        world.happen(happening);
    }
    world.outcome
}

impl World<'_> {
    fn moment(&self, micros: u64) -> Instant {
        self.start + Duration::from_micros(micros)
    }

    fn happen(&mut self, happening: Happening) {
        let seconds = Duration::from_micros(self.now).as_secs_f64();
        if let Some((from, most)) = self.scene.change
            && seconds >= from
        {
            self.server.most = most;
        }
        match happening {
            Happening::Arrival { left, back } => {
                let answer = self.server.arrive(seconds);
                let counts = if answer.is_ok() { &mut self.outcome.taken } else { &mut self.outcome.refused };
                counts[usize::try_from(self.now / 1_000_000).unwrap()] += 1;
                let answer = match answer {
                    Ok(()) => Happening::Taken { left },
                    Err(wait) => Happening::Refused { left, named: self.scene.after.named(wait) },
                };
                self.coming.push(Reverse((self.now + back, answer)));
            }
            Happening::Taken { left } => {
                let (left, now) = (self.moment(left), self.moment(self.now));
                self.shell.answered(now);
                self.shell.adaptive.accepted(left, now);
                self.turn();
            }
            Happening::Refused { left, named } => {
                let (left, now) = (self.moment(left), self.moment(self.now));
                self.shell.answered(now);
                let wait = self.shell.adaptive.refused(left, now, named);
                let until = self.now + u64::try_from(wait.as_micros()).unwrap();
                self.shell.wait_until = self.shell.wait_until.max(until);
                self.turn();
            }
            Happening::Other => {
                let _ = self.server.arrive(seconds);
                if let Some((_, to, rate)) = self.scene.other
                    && seconds < to
                {
                    self.coming.push(Reverse((self.now + micros(1.0 / rate), Happening::Other)));
                }
            }
            Happening::Turn if self.now == self.shell.turn => self.turn(),
            Happening::Turn => {}
        }
    }

    /// Sends all that may leave now, and says when to look again.
    fn turn(&mut self) {
        let now = self.moment(self.now);
        while let Some(at) = self.sent_or_due(now) {
            if at > self.now {
                self.shell.turn = at;
                self.coming.push(Reverse((at, Happening::Turn)));
                return;
            }
        }
    }

    fn sent_or_due(&mut self, now: Instant) -> Option<u64> {
        let shell = &mut self.shell;
        if shell.wait_until > self.now {
            return Some(shell.wait_until);
        }
        let rate = shell.adaptive.rate(now);
        if shell.rate != Some(rate) {
            if shell.rate.is_none_or(|before| before.period != rate.period) {
                // What was taken is not held by the new period's rules.
                shell.window = Window::new(rate);
                shell.window.leave(shell.in_flight);
            }
            shell.rate = Some(rate);
            shell.window.resize(rate);
        }
        let spacing = u64::try_from(rate.spacing().as_micros()).unwrap();
        // A burst of two.
        let due = shell.due.min(self.now + 2 * spacing).saturating_sub(spacing);
        if due > self.now {
            return Some(due);
        }
        match shell.window.room(1, now) {
            Ok(()) => {}
            Err(Some(free_at)) => {
                let at = free_at.duration_since(self.start).as_micros();
                return Some(u64::try_from(at).unwrap().max(self.now + 1));
            }
            Err(None) => return None,
        }
        shell.due = shell.due.max(self.now) + spacing;
        shell.in_flight += 1;
        shell.window.leave(1);
        let (there, back) = self.scene.latency.draw(&mut self.random);
        let arrival = Happening::Arrival { left: self.now, back: micros(back) };
        self.coming.push(Reverse((self.now + micros(there), arrival)));
        Some(self.now)
    }
}
