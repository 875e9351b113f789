-- What the library system says of its patrons. Instants are microseconds since 1970-01-01T00:00Z, dates days since
-- 1970-01-01; fixed-point numbers are integers (money in hundredths, decimals in ten-thousandths); sets are JSON.
-- The columns of fields, and a table for each event, record, reference table and feed, are added by `align`.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value ANY
) STRICT, WITHOUT ROWID;

-- Which type a column was made for, so that a catalogue that now says otherwise is noticed.
CREATE TABLE stored_field (
    owner TEXT NOT NULL,
    name  TEXT NOT NULL,
    type  TEXT NOT NULL,
    PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE patron (
    -- Never used twice, also after an erasure.
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The library's key: a barcode.
    key   TEXT NOT NULL UNIQUE,
    -- When the store first knew of them; NULL for the first import.
    since INTEGER
) STRICT;

-- History of the patron fields: what `changed(F)` and `on change of F` see.
CREATE TABLE field_change (
    id     INTEGER PRIMARY KEY,
    patron INTEGER NOT NULL REFERENCES patron (id) ON DELETE CASCADE,
    field  TEXT NOT NULL,
    at     INTEGER NOT NULL,
    old    ANY,
    new    ANY
) STRICT;
CREATE INDEX field_change_patron ON field_change (patron, field, at);

-- The patron's latest word for a purpose and a channel.
CREATE TABLE consent (
    patron    INTEGER NOT NULL REFERENCES patron (id) ON DELETE CASCADE,
    purpose   TEXT NOT NULL,
    channel   TEXT NOT NULL,
    state     TEXT NOT NULL CHECK (state IN ('given', 'asked', 'withdrawn')),
    -- When it was said, and the local date of it.
    at        INTEGER NOT NULL,
    on_day    INTEGER NOT NULL,
    -- Its last date, where the source names one.
    until_day INTEGER,
    PRIMARY KEY (patron, purpose, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE list_member (
    patron INTEGER NOT NULL REFERENCES patron (id) ON DELETE CASCADE,
    list   TEXT NOT NULL,
    since  INTEGER NOT NULL,
    PRIMARY KEY (patron, list)
) STRICT, WITHOUT ROWID;
CREATE INDEX list_member_list ON list_member (list);

-- Whose data changed, newest last: one row a patron. Patron 0 stands for everybody (a reference table changed).
CREATE TABLE change_log (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    patron INTEGER NOT NULL UNIQUE
) STRICT;

-- What is to be deleted of patrons without what a privacy class requires: the records that are closed, or will be, and
-- when (event, row); with an empty event everything, since they have just withdrawn the agreement.
CREATE TABLE purge_due (
    patron INTEGER NOT NULL REFERENCES patron (id) ON DELETE CASCADE,
    event  TEXT NOT NULL,
    row    INTEGER NOT NULL,
    closes INTEGER NOT NULL,
    PRIMARY KEY (patron, event, row)
) STRICT, WITHOUT ROWID;
CREATE INDEX purge_due_closes ON purge_due (event, closes);

-- Every consent that was said, every erasure, every import: kept.
CREATE TABLE audit (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    what   TEXT NOT NULL,
    patron INTEGER,
    -- JSON.
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_patron ON audit (patron) WHERE patron IS NOT NULL;
