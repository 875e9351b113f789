-- How a consent came about, and who or what said it: a file of an import, the desk, a link of a message.
ALTER TABLE consent ADD COLUMN kind TEXT NOT NULL DEFAULT 'express'
    CHECK (kind IN ('express', 'relationship', 'inquiry'));
ALTER TABLE consent ADD COLUMN source TEXT NOT NULL DEFAULT '';

-- Keyed hash of the address to which a message goes: what a link in it speaks for.
CREATE TABLE outbox_address (
    outbox INTEGER PRIMARY KEY REFERENCES outbox (id) ON DELETE CASCADE,
    hash   BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- Addresses that are not written to, by keyed hash: outlives the patrons who had them.
CREATE TABLE suppression (
    hash    BLOB NOT NULL CHECK (length(hash) = 32),
    -- Empty: every purpose that needs consent.
    purpose TEXT NOT NULL,
    reason  TEXT NOT NULL CHECK (reason IN ('unsubscribed', 'complained', 'withdrawn', 'asked')),
    at      INTEGER NOT NULL,
    -- What the staff wrote beside it.
    note    TEXT NOT NULL,
    PRIMARY KEY (hash, purpose)
) STRICT, WITHOUT ROWID;

-- Who was erased, by keyed hash of the library's key: so that it can be done again after a backup was restored.
CREATE TABLE erasure (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The key of both hashes: there from the first day, so that every backup knows the same.
INSERT OR IGNORE INTO meta (name, value) VALUES ('hash secret', randomblob(32));
