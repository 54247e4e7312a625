//! Faults by chance, as scripts of the sandbox.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

const KINDS: [&str; 16] = [
    "refuse",
    "drop-before",
    "drop-after",
    "hang-before",
    "hang-after",
    "error-before",
    "error-after",
    "html-before",
    "html-after",
    "too-many",
    "cut",
    "empty",
    "foreign",
    "endless",
    "slow",
    "lag",
];

/// A fault of requests of one of these methods, or of all where it is blank, of at most so many percent; lists that lag do so for less
/// than `lag` milliseconds.
pub(crate) fn fault(rng: &mut StdRng, methods: &[&str], percent: f64, lag: u64) -> String {
    let (kind, method) = (*KINDS.choose(rng).unwrap(), *methods.choose(rng).unwrap());
    let status = |rng: &mut StdRng, all: &[u16]| format!("status = {}\n", all.choose(rng).unwrap());
    let own = match kind {
        // Only a create may be refused for good: a list that is refused stops the run.
        "error-before" if method == "POST" => status(rng, &[403, 404, 408, 500, 502, 503, 504]),
        "error-before" | "error-after" => status(rng, &[408, 500, 502, 503, 504]),
        "html-before" | "html-after" => status(rng, &[200, 500, 502, 503, 504]),
        "too-many" => format!("retry_after = '{}'\n", rng.random_range(0..4)),
        // Some take longer than the client waits.
        "slow" => format!("millis = {}\n", rng.random_range(0..4000)),
        "lag" => format!("millis = {}\n", rng.random_range(0..lag)),
        _ => String::new(),
    };
    let method = if method.is_empty() { String::new() } else { format!("method = '{method}'\n") };
    let most = if kind == "lag" { 100.0 } else { percent };
    format!("[[fault]]\nkind = '{kind}'\n{method}{own}percent = {:.1}\n", rng.random_range(0.5..most))
}
