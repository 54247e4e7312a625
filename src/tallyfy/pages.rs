//! Reads a list page by page, by the server's own count. Pure.

use std::hash::Hash;

use super::wire::Page;
use crate::model::hash;

/// How much a list may have grown, in pages, while it is read.
const GROWTH_MAX: u64 = 1000;

/// How far a list is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageCursor {
    /// How many pages have been read.
    pub read: u64,
    /// How many pages there are; 0 while that is unknown.
    pub pages: u64,
    /// The most pages that are believed; known from the first page on.
    pages_max: Option<u64>,
    /// The hash of the first entry of the page before.
    first: Option<u64>,
}

impl PageCursor {
    /// The page to ask for next, from 1; none when all are read.
    pub fn next(&self) -> Option<u64> {
        (self.read == 0 || self.read < self.pages).then_some(self.read + 1)
    }

    /// Adds a page. The list may have grown or shrunk since the last one.
    ///
    /// # Errors
    /// If the list is inconsistent, in words: reading it would never end, or would miss entries.
    pub fn add<T: Hash>(&mut self, page: &Page<T>) -> Result<(), String> {
        let (number, pages) = (self.read + 1, page.pages);
        let first = page.entries.first().map(hash);
        if first.is_none() && number < pages {
            return Err(format!("page {number} of {pages} is empty"));
        }
        if first.is_some() && first == self.first {
            return Err(format!("page {number} repeats the page before"));
        }
        let pages_max = *self.pages_max.get_or_insert(pages.saturating_mul(2).saturating_add(GROWTH_MAX));
        if pages > pages_max {
            return Err(format!("the list keeps growing while it is read, to {pages} pages"));
        }
        (self.read, self.pages, self.first) = (number, pages, first);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(cursor: &mut PageCursor, ids: &[&'static str], pages: u64) -> Result<(), String> {
        cursor.add(&Page { entries: ids.to_vec(), pages })
    }

    #[test]
    fn a_list_is_read_by_the_servers_count_also_when_it_changes() {
        let mut cursor = PageCursor::default();
        assert_eq!(cursor.next(), Some(1));
        add(&mut cursor, &["a", "b"], 2).unwrap();
        assert_eq!((cursor.next(), cursor.pages, cursor.read), (Some(2), 2, 1));
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
        assert_eq!(add(&mut cursor, &[], 2).unwrap_err(), "page 1 of 2 is empty");
        add(&mut cursor, &["a"], 5).unwrap();
        assert_eq!(add(&mut cursor, &["a"], 5).unwrap_err(), "page 2 repeats the page before");
        add(&mut cursor, &["b"], 1010).unwrap();
        let growing = "the list keeps growing while it is read, to 1011 pages";
        assert_eq!(add(&mut cursor, &["c"], 1011).unwrap_err(), growing);
    }
}
