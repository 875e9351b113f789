//! The store's secrets. They are made once, by SQLite, and never leave the file but into a key.

use super::{Store, StoreError};

impl Store {
    /// The secret that signs the links of messages; made at the first use. Whoever has it can follow and make links in
    /// any patron's name.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub fn link_secret(&self) -> Result<Vec<u8>, StoreError> {
        let db = self.connection();
        db.execute("INSERT OR IGNORE INTO meta (name, value) VALUES ('link secret', randomblob(32))", [])?;
        Ok(db.query_row("SELECT value FROM meta WHERE name = 'link secret'", [], |row| row.get(0))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once() {
        let (one, other) = (Store::in_memory().expect("a store"), Store::in_memory().expect("a store"));
        let secret = one.link_secret().expect("a secret");
        assert_eq!(secret.len(), 32);
        assert_eq!(one.link_secret().expect("a secret"), secret);
        assert_ne!(other.link_secret().expect("a secret"), secret);
    }
}
