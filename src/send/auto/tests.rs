//! What the finder reaches.

use super::servers::{After, Kind};
use super::simulation::{Latency, Scene, simulate};

const SEED: u64 = 1;

fn scene(kind: Kind, most: u32) -> Scene {
    Scene {
        kind,
        most,
        period: 1.0,
        latency: Latency::Constant,
        after: After::Absent,
        header: None,
        change: None,
        other: None,
        seconds: 30,
    }
}

#[test]
fn trace() {
    let arg: Vec<String> = std::env::var("TRACE").unwrap_or_default().split(' ').map(str::to_owned).collect();
    if arg.len() < 3 { return; }
    let kind = match arg[0].as_str() { "R" => Kind::Rolling, "F" => Kind::Fixed, k => Kind::Leaky(k.parse().unwrap()) };
    let latency = match arg[1].as_str() { "C" => Latency::Constant, "U" => Latency::Uniform, _ => Latency::Heavy };
    for seed in arg.get(3).map_or(0..4, |s| { let s: u64 = s.parse::<u64>().unwrap() - 1; s..s + 1 }) {
        let most = arg[2].parse().unwrap();
        let o = simulate(&Scene { latency, ..scene(kind, most) }, SEED + seed);
        println!("{:.3} {:.3} {:?}", o.share(0..30, f64::from(most)), o.refusals(), o.taken);
    }
}

#[test]
fn sweep() {
    if std::env::var("SWEEP").is_err() { return; }
    for kind in if std::env::var("SWEEP").unwrap() == "2" { vec![Kind::Leaky(0.25), Kind::Leaky(0.1)] } else { vec![Kind::Rolling, Kind::Fixed, Kind::Leaky(1.0)] } {
        for latency in [Latency::Constant, Latency::Uniform, Latency::Heavy] {
            for range in [20..50, 50..100, 100..200, 200..350, 350..501] {
            let (mut all, mut sum, mut bad) = (0, 0.0, 0);
            let mut worst = (9.0, 0, 0);
            let mut most_refused = (0.0, 0, 0);
            for most in range.clone().step_by(3) {
                for seed in 0..3 {
                    let o = simulate(&Scene { latency, after: After::Up, ..scene(kind, most) }, u64::from(most) + seed);
                    let s = o.share(0..30, f64::from(most));
                    sum += s; all += 1;
                    bad += i32::from(s < 0.85 || o.refusals() > 0.02);
                    if s < worst.0 { worst = (s, most, u64::from(most) + seed); }
                    if o.refusals() > most_refused.0 { most_refused = (o.refusals(), most, u64::from(most) + seed); }
                }
            }
            println!("{kind:?} {latency:?} {range:?}: mean {:.3} bad {:.3} worst {worst:.3?} refused {most_refused:.3?}", sum / f64::from(all), f64::from(bad) / f64::from(all));
            }
        }
    }
}

#[test]
fn scenes() {
    if std::env::var("SCENES").is_err() { return; }
    let show = |name: &str, scene: &Scene, limit: f64, cuts: &[usize]| {
        let mut line = format!("{name:40}");
        let o = simulate(scene, 1);
        for c in cuts.windows(2) { line += &format!(" {}-{}: {:.3}", c[0], c[1], o.share(c[0]..c[1], limit)); }
        println!("{line} refused {:.4} ({})", o.refusals(), o.refused.iter().sum::<u32>());
        if std::env::var("SCENES").unwrap() == "2" { println!("{:?}", o.taken); println!("{:?}", o.refused); }
    };
    for latency in [Latency::Constant, Latency::Heavy] {
    for kind in [Kind::Rolling, Kind::Fixed, Kind::Leaky(1.0)] {
        for after in [After::Up, After::Down, After::Absent, After::Zero] {
            let minute = Scene { latency, period: 60.0, seconds: 600, after, ..scene(kind, 600) };
            show(&format!("{kind:?} 600/min {after:?}"), &minute, 10.0, &[0, 60, 120, 300, 600, 0, 600][..5]);
            show(&format!("{kind:?} 100/10s {after:?}"), &Scene { most: 100, period: 10.0, ..minute }, 10.0, &[0, 30, 60, 120, 300, 600]);
        }
        for after in [After::Up, After::Absent] {
            let hundred = Scene { latency, seconds: 200, after, ..scene(kind, 100) };
            show(&format!("{kind:?} 100/s halves at 20 {after:?}"), &Scene { change: Some((20.0, 50)), ..hundred }, 100.0, &[0, 20, 30, 60, 200]);
            show(&format!("{kind:?} 100/s doubles at 60 {after:?}"), &Scene { change: Some((60.0, 200)), ..hundred }, 100.0, &[0, 60, 70, 80, 100, 200]);
            show(&format!("{kind:?} 100/s shared 20-40 {after:?}"), &Scene { other: Some((20.0, 40.0, 50.0)), ..hundred }, 100.0, &[0, 20, 40, 45, 50, 60, 100, 200]);
            show(&format!("{kind:?} 600/min header {after:?}"), &Scene { header: Some(600), most: 600, period: 60.0, seconds: 600, ..hundred }, 10.0, &[0, 60, 120, 300, 600]);
            show(&format!("{kind:?} 100/s header 100 {after:?}"), &Scene { header: Some(100), ..hundred }, 100.0, &[0, 30, 60, 70, 80, 200]);
            show(&format!("{kind:?} 5/s header 600 {after:?}"), &Scene { header: Some(600), most: 5, ..hundred }, 5.0, &[0, 30, 60, 70, 80, 200]);
            show(&format!("{kind:?} 600/min halves {after:?}"), &Scene { change: Some((120.0, 300)),  most: 600, period: 60.0, seconds: 600, ..hundred }, 10.0, &[0, 120, 180, 300, 600]);
            show(&format!("{kind:?} 600/min doubles {after:?}"), &Scene { change: Some((120.0, 1200)),  most: 600, period: 60.0, seconds: 600, ..hundred }, 10.0, &[0, 120, 180, 300, 600]);
        }
    }
    }
}

#[test]
fn unknown_limits_are_found() {
    let mut bad = 0;
    for kind in [Kind::Rolling, Kind::Fixed, Kind::Leaky(1.0), Kind::Leaky(0.1)] {
        for latency in [Latency::Constant, Latency::Uniform, Latency::Heavy] {
            for after in [After::Absent, After::Up, After::Down, After::Zero] {
                let mut line = format!("{kind:?} {latency:?} {after:?}");
                for most in [20, 50, 100, 200, 500] {
                    let mut least = (9.0_f64, 0.0_f64);
                    for seed in 0..4 {
                        let outcome = simulate(&Scene { latency, after, ..scene(kind, most) }, SEED + seed);
                        let (s, r) = (outcome.share(0..30, f64::from(most)), outcome.refusals());
                        if s < 0.85 || r > 0.02 { bad += 1; }
                        least = (least.0.min(s), least.1.max(r));
                    }
                    line += &format!("  {:.3} {:.3}{}", least.0, least.1, if least.0 < 0.85 || least.1 > 0.02 { "*" } else { " " });
                }
                println!("{line}");
            }
        }
    }
    println!("bad {bad}");
}
