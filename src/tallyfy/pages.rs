//! Walks a list, page after page, by the server's own count. Pure.

use super::wire::Page;

/// Where a walk through a list stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    next: u64,
    pages: u64,
    is_done: bool,
}

impl Default for Walk {
    fn default() -> Self {
        Self { next: 1, pages: 1, is_done: false }
    }
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

    /// A page came in. The list may have grown or shrunk since the last one.
    pub fn take(&mut self, page: &Page) {
        self.pages = page.pages;
        self.is_done = self.next >= page.pages || page.groups.is_empty();
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tallyfy::Listed;

    fn page(groups: usize, pages: u64) -> Page {
        let group = Listed { id: "g".to_owned(), name: "G".to_owned() };
        Page { groups: vec![group; groups], pages }
    }

    #[test]
    fn a_walk_follows_the_servers_count_also_when_it_changes() {
        let mut walk = Walk::default();
        assert_eq!(walk.next(), Some(1));
        walk.take(&page(100, 2));
        assert_eq!((walk.next(), walk.pages()), (Some(2), 2));
        walk.take(&page(10, 3));
        assert_eq!(walk.next(), Some(3));
        walk.take(&page(1, 3));
        assert_eq!(walk.next(), None);
    }

    #[test]
    fn a_walk_ends_however_many_pages_a_server_claims() {
        for (groups, pages) in [(0, 0), (0, 1), (0, u64::MAX)] {
            let mut walk = Walk::default();
            walk.take(&page(groups, pages));
            assert_eq!(walk.next(), None);
        }
    }
}
