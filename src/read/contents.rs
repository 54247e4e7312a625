//! Which field a column may hold, by what stands in it. Pure.

use super::machine::Machine;
use crate::model::Field;

/// So many rows are looked at.
const ROWS_MAX: usize = 50;

/// Longer texts are no names, in bytes.
const NAME_LONG: usize = 100;

/// What the first rows have in one column.
#[derive(Debug, Clone, Copy, Default)]
struct Contents {
    filled: usize,
    ids: usize,
    /// Cells with several ids: a column of single numbers may be anything.
    id_lists: usize,
    addresses: usize,
    long: usize,
}

/// The columns, of those that hold no field, that may hold one of the fields that no column holds.
pub(super) fn likely_columns(
    rows: &[u8],
    delimiter: u8,
    header: &[String],
    is_free: impl Fn(usize) -> bool,
    lacking: &[Field],
) -> Vec<(Field, String)> {
    let contents = contents(rows, delimiter, header.len());
    let free: Vec<usize> =
        (0..header.len()).filter(|index| is_free(*index) && !header[*index].trim().is_empty()).collect();
    let found = |field: &Field| {
        let index = free.iter().find(|index| contents[**index].may_hold(*field))?;
        Some((*field, header[*index].trim().to_owned()))
    };
    lacking.iter().filter_map(found).collect()
}

fn contents(rows: &[u8], delimiter: u8, width: usize) -> Vec<Contents> {
    let mut contents = vec![Contents::default(); width];
    let mut machine = Machine::new(delimiter);
    let mut at = 0;
    for _ in 0..ROWS_MAX {
        if at == rows.len() {
            break;
        }
        at += machine.read(&rows[at..]);
        let cells = machine.cells();
        if cells.count() == width {
            contents.iter_mut().zip(cells.iter()).for_each(|(column, cell)| column.note(cell.trim()));
        }
    }
    contents
}

impl Contents {
    fn note(&mut self, cell: &str) {
        self.filled += usize::from(!cell.is_empty());
        self.ids += usize::from(is_ids(cell));
        self.id_lists += usize::from(is_ids(cell) && !cell.bytes().all(|byte| byte.is_ascii_digit()));
        self.addresses += usize::from(is_addresses(cell));
        self.long += usize::from(cell.len() > NAME_LONG);
    }

    fn is_most(&self, count: usize) -> bool {
        3 * count > 2 * self.filled
    }

    fn may_hold(&self, field: Field) -> bool {
        match field {
            Field::Name => self.filled > 0 && self.ids + self.addresses + self.long == 0,
            // A few cells may be faulty, or a footer's.
            Field::Members => self.id_lists > 0 && self.is_most(self.ids),
            Field::Guests => self.addresses > 0 && self.is_most(self.addresses),
            // Any text may be one.
            Field::Description => false,
        }
    }
}

/// Whether numbers stand here, and nothing else.
pub(super) fn is_ids(cell: &str) -> bool {
    cell.bytes().any(|byte| byte.is_ascii_digit())
        && cell.bytes().all(|byte| byte.is_ascii_digit() || b";|, ".contains(&byte))
}

/// Whether something like an e-mail address stands here.
pub(super) fn is_addresses(cell: &str) -> bool {
    cell.split_once('@').is_some_and(|(_, domain)| domain.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likely(table: &str) -> Vec<(Field, String)> {
        let (header, rows) = table.split_once('\n').unwrap();
        let header: Vec<String> = header.split(',').map(str::to_owned).collect();
        likely_columns(rows.as_bytes(), b',', &header, |_| true, &Field::ALL)
    }

    #[test]
    fn a_column_is_known_by_what_stands_in_it() {
        let found = likely("nr,Gruppe,Mitglieder,Extern\n1,Vertrieb,1001;1002,\n2,Einkauf,1003,a@b.example\n");
        let expected = [(Field::Name, "Gruppe"), (Field::Members, "Mitglieder"), (Field::Guests, "Extern")];
        assert_eq!(found, expected.map(|(field, column)| (field, column.to_owned())));
    }

    #[test]
    fn single_numbers_and_mixed_columns_may_be_anything() {
        assert!(likely("id,mail\n1,a@b.example\n2,none\n").is_empty());
        let most = likely("a,b\n1;2,x@y.example\n3;4,\n5,z@y.example\n６;7,a@b.example\n,4\n");
        assert_eq!(most.iter().map(|(field, _)| *field).collect::<Vec<_>>(), [Field::Members, Field::Guests]);
    }
}
