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
    /// The union of the files' headers. A file may have two columns of one name: both are kept.
    pub(super) fn of(files: &[InputFile]) -> Self {
        let mut header: Vec<String> = Vec::new();
        let mut places = Vec::new();
        for file in files {
            let mut own = Vec::new();
            for column in &file.dialect.header {
                let mut all = header.iter().enumerate();
                let known = all.position(|(index, known)| known == column && !own.contains(&Some(index)));
                let is_kept = column.trim() != ERROR_COLUMN;
                own.push(is_kept.then(|| known.unwrap_or(header.len())));
                header.extend((is_kept && known.is_none()).then(|| column.clone()));
            }
            places.push(own);
        }
        Self { header, places }
    }

    /// The cells of a row under the common header. A row with too many cells is unchanged.
    pub(super) fn spread(&self, file: usize, cells: &[String]) -> Vec<String> {
        if cells.len() > self.places[file].len() {
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
    files.iter().any(|file| file.dialect.format == format)
}
