//! The columns of several files under one header. Pure.

use crate::model::{ERROR_COLUMN, Format, InputFile};

/// The union of the headers of all CSV files, and where each file's cells go.
pub(super) struct Union {
    /// All columns, in the order they were first seen, without the rejects' own.
    pub(super) header: Vec<String>,
    /// For each file and each of its cells, the column if it is kept.
    places: Vec<Vec<Option<usize>>>,
}

impl Union {
    /// The union of the files' headers.
    pub(super) fn of(files: &[InputFile]) -> Self {
        let mut union = Self { header: Vec::new(), places: Vec::new() };
        for file in files {
            let mut taken = Vec::new();
            let places = file.layout.header.iter().map(|column| union.place(column, &mut taken)).collect();
            union.places.push(places);
        }
        union
    }

    /// A file may have two columns of one name: both are kept.
    fn place(&mut self, column: &str, taken: &mut Vec<usize>) -> Option<usize> {
        if column.trim() == ERROR_COLUMN {
            return None;
        }
        let known =
            self.header.iter().enumerate().position(|(index, known)| known == column && !taken.contains(&index));
        let place = known.unwrap_or_else(|| {
            self.header.push(column.to_owned());
            self.header.len() - 1
        });
        taken.push(place);
        Some(place)
    }

    /// The number of columns of a file.
    pub(super) fn width(&self, file: usize) -> usize {
        self.places.get(file).map_or(0, Vec::len)
    }

    /// The cells of a row under the common header. A row with too many cells is unchanged.
    pub(super) fn spread(&self, file: usize, cells: &[String]) -> Vec<String> {
        if cells.len() > self.width(file) {
            return cells.to_vec();
        }
        let mut row = vec![String::new(); self.header.len()];
        for (place, cell) in self.places[file].iter().zip(cells) {
            if let Some(place) = place {
                row[*place].clone_from(cell);
            }
        }
        row
    }
}

/// Whether any of the files is of this format.
pub(super) fn has(files: &[InputFile], format: Format) -> bool {
    files.iter().any(|file| file.layout.format == format)
}
