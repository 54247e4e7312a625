//! Reads a list page by page, by the server's own count. Pure.

/// How much a list may have grown, in pages, while it is read.
const GROWTH_MAX: u64 = 1000;

/// How far a list is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageCursor {
    next: u64,
    pages: u64,
    /// The most pages that are believed; known from the first page on.
    pages_max: Option<u64>,
    /// The first id of the page before.
    before: Option<String>,
    is_done: bool,
}

impl Default for PageCursor {
    fn default() -> Self {
        Self { next: 1, pages: 1, pages_max: None, before: None, is_done: false }
    }
}

/// A list that is inconsistent: reading it would never end, or would miss groups.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// A page before the last is empty.
    #[error("page {page} of {pages} is empty")]
    Empty {
        /// The page.
        page: u64,
        /// How many there are said to be.
        pages: u64,
    },
    /// A page repeats the page before.
    #[error("page {0} repeats the page before")]
    Repeated(u64),
    /// The list grows faster than any organization.
    #[error("the list keeps growing while it is read, to {0} pages")]
    Endless(u64),
}

impl PageCursor {
    /// The page to ask for next, from 1; none when all are read.
    #[must_use]
    pub fn next(&self) -> Option<u64> {
        (!self.is_done).then_some(self.next)
    }

    /// How many pages have been read.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.next - 1
    }

    /// How many pages there are, as far as is known.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// Adds a page. The list may have grown or shrunk since the last one.
    ///
    /// # Errors
    /// If the list is inconsistent.
    pub fn add(&mut self, first: Option<String>, pages: u64) -> Result<(), ListError> {
        let number = self.next;
        if first.is_none() && number < pages {
            return Err(ListError::Empty { page: number, pages });
        }
        if first.is_some() && first == self.before {
            return Err(ListError::Repeated(number));
        }
        let pages_max = *self.pages_max.get_or_insert(pages.saturating_mul(2).saturating_add(GROWTH_MAX));
        if pages > pages_max {
            return Err(ListError::Endless(pages));
        }
        self.pages = pages;
        self.is_done = number >= pages;
        self.before = first;
        self.next += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(cursor: &mut PageCursor, ids: &[&str], pages: u64) -> Result<(), ListError> {
        cursor.add(ids.first().map(|id| (*id).to_owned()), pages)
    }

    #[test]
    fn a_list_is_read_by_the_servers_count_also_when_it_changes() {
        let mut cursor = PageCursor::default();
        assert_eq!(cursor.next(), Some(1));
        add(&mut cursor, &["a", "b"], 2).unwrap();
        assert_eq!((cursor.next(), cursor.pages(), cursor.read()), (Some(2), 2, 1));
        add(&mut cursor, &["c"], 3).unwrap();
        assert_eq!(cursor.next(), Some(3));
        add(&mut cursor, &[], 2).unwrap();
        assert_eq!(cursor.next(), None);
    }

    #[test]
    fn an_empty_list_ends_at_once() {
        for pages in [0, 1] {
            let mut cursor = PageCursor::default();
            add(&mut cursor, &[], pages).unwrap();
            assert_eq!(cursor.next(), None);
        }
    }

    #[test]
    fn a_list_that_does_not_add_up_is_an_error_never_an_end() {
        let mut cursor = PageCursor::default();
        assert_eq!(add(&mut cursor, &[], 2), Err(ListError::Empty { page: 1, pages: 2 }));
        add(&mut cursor, &["a"], 5).unwrap();
        assert_eq!(add(&mut cursor, &["a"], 5), Err(ListError::Repeated(2)));
        add(&mut cursor, &["b"], 1010).unwrap();
        assert_eq!(add(&mut cursor, &["c"], 1011), Err(ListError::Endless(1011)));
    }
}
