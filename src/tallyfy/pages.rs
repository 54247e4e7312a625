//! Walks a list, page after page, by the server's own count. Pure.

use super::wire::Page;

/// Where a walk through a list stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    next: u64,
    pages: u64,
    /// The first id of the page before.
    before: Option<String>,
    is_done: bool,
}

impl Default for Walk {
    fn default() -> Self {
        Self { next: 1, pages: 1, before: None, is_done: false }
    }
}

/// A list that is inconsistent: reading it would never end, or would miss groups.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
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
}

impl Walk {
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
    pub fn take(&mut self, page: &Page) -> Result<(), WalkError> {
        let number = self.next;
        let first = page.groups.first().map(|group| group.tag.id.clone());
        if first.is_none() && number < page.pages {
            return Err(WalkError::Empty { page: number, pages: page.pages });
        }
        if first.is_some() && first == self.before {
            return Err(WalkError::Repeated(number));
        }
        self.pages = page.pages;
        self.is_done = number >= page.pages;
        self.before = first;
        self.next += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tag;
    use crate::tallyfy::Listed;

    fn page(ids: &[&str], pages: u64) -> Page {
        let group = |id: &&str| Listed {
            tag: Tag { id: (*id).to_owned(), stamp: None },
            name: "G".to_owned(),
            description: None,
            members: None,
            guests: None,
            is_deleted: false,
        };
        Page { groups: ids.iter().map(group).collect(), pages }
    }

    #[test]
    fn a_walk_follows_the_servers_count_also_when_it_changes() {
        let mut walk = Walk::default();
        assert_eq!(walk.next(), Some(1));
        walk.take(&page(&["a", "b"], 2)).unwrap();
        assert_eq!((walk.next(), walk.pages(), walk.read()), (Some(2), 2, 1));
        walk.take(&page(&["c"], 3)).unwrap();
        assert_eq!(walk.next(), Some(3));
        walk.take(&page(&[], 2)).unwrap();
        assert_eq!(walk.next(), None);
    }

    #[test]
    fn an_empty_list_ends_at_once() {
        for pages in [0, 1] {
            let mut walk = Walk::default();
            walk.take(&page(&[], pages)).unwrap();
            assert_eq!(walk.next(), None);
        }
    }

    #[test]
    fn a_list_that_does_not_add_up_is_an_error_never_an_end() {
        let mut walk = Walk::default();
        assert_eq!(walk.take(&page(&[], 2)), Err(WalkError::Empty { page: 1, pages: 2 }));
        walk.take(&page(&["a"], 5)).unwrap();
        assert_eq!(walk.take(&page(&["a"], 5)), Err(WalkError::Repeated(2)));
    }
}
