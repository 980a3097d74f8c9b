//! Whose books an invoice belongs in.

use std::collections::BTreeMap;

use crate::domain::freight::plain_number;

/// Accounts with carriers, each with the book it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountRoutes {
    by_account: BTreeMap<(String, String), String>,
    /// The one book there is: everything belongs there.
    only: Option<String>,
}

impl AccountRoutes {
    /// Routes between these books, by their keys.
    #[must_use]
    pub fn between<'a>(books: impl IntoIterator<Item = &'a str>) -> Self {
        let mut books = books.into_iter();
        let first = books.next().map(str::to_owned);
        Self { by_account: BTreeMap::new(), only: if books.next().is_none() { first } else { None } }
    }

    /// An account with a carrier belongs to a book. Numbers are compared without punctuation, case and zeros in front. What it
    /// replaces: another book that has this account.
    pub fn add(&mut self, carrier: &str, account: &str, book: &str) -> Option<String> {
        self.by_account.insert((carrier.to_owned(), plain_number(account)), book.to_owned()).filter(|other| other != book)
    }

    /// The book of an account. Where there is one book, everything is its; where there are several, what names no account of theirs is nobody's.
    #[must_use]
    pub fn book_of(&self, carrier: &str, account: Option<&str>) -> Option<&str> {
        let named = account.and_then(|account| self.by_account.get(&(carrier.to_owned(), plain_number(account))));
        named.or(self.only.as_ref()).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_belongs_to_its_book_and_without_one_only_to_the_only_book() {
        let mut one = AccountRoutes::between(["main:1"]);
        assert_eq!(one.add("ups", "A1B2C3", "main:1"), None);
        let mut two = AccountRoutes::between(["main:1", "main:2"]);
        assert_eq!((two.add("ups", "A1B2C3", "main:1"), two.add("fedex", "A1B2C3", "main:2")), (None, None));
        for (routes, carrier, account, book) in [
            (&one, "ups", None, Some("main:1")),
            (&one, "dhl", Some("77"), Some("main:1")),
            (&two, "ups", Some("0000a1-b2c3"), Some("main:1")),
            (&two, "fedex", Some("A1B2C3"), Some("main:2")),
            (&two, "dhl", Some("A1B2C3"), None),
            (&two, "ups", None, None),
            (&AccountRoutes::between([]), "ups", None, None),
        ] {
            assert_eq!(routes.book_of(carrier, account), book, "{carrier} {account:?}");
        }
        assert_eq!(two.add("ups", "a1b2c3", "main:2").as_deref(), Some("main:1"), "an account has one book");
    }
}
