//! Measurements, side by side, and their medians.

/// One line of the table.
pub(crate) struct Line {
    /// What was measured.
    pub(crate) label: String,
    /// Once a round; empty where it could not be measured.
    pub(crate) values: Vec<f64>,
    /// Digits after the point.
    pub(crate) digits: usize,
}

impl Line {
    /// Measurements, shown with this many digits after the point.
    pub(crate) fn new(label: &str, digits: usize, values: impl IntoIterator<Item = f64>) -> Self {
        Self { label: label.to_owned(), values: values.into_iter().collect(), digits }
    }
}

/// The one in the middle; of an even number, the mean of the two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// Prints the lines with every round and the median.
pub(crate) fn print(rounds: usize, lines: &[Line]) {
    let width = lines.iter().map(|line| line.label.chars().count()).max().unwrap_or(0);
    print!("{:<width$}  {:>10}", "", "median");
    for round in 1..=rounds {
        print!("  {:>10}", format!("round {round}"));
    }
    println!();
    for Line { label, values, digits } in lines {
        print!("{label:<width$}");
        if values.len() < rounds {
            println!("  not measured");
            continue;
        }
        for value in std::iter::once(&median(values)).chain(values) {
            print!("  {value:>10.digits$}");
        }
        println!();
    }
}
