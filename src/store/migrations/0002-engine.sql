-- What the engine decided. Instants are microseconds since 1970-01-01T00:00Z; campaigns are known by name.

-- The last tick: one row.
CREATE TABLE engine_clock (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    ticked_at  INTEGER NOT NULL,
    -- The change log up to here has been seen.
    change     INTEGER NOT NULL,
    -- Events with a larger row are new.
    event_row  INTEGER NOT NULL,
    -- Names of the campaigns that took part; another one takes the baseline (again).
    campaigns  TEXT NOT NULL,
    revision   TEXT NOT NULL,
    -- Key of the shares (16 bytes), made at the first tick.
    share_key  BLOB NOT NULL CHECK (length(share_key) = 16)
) STRICT;

-- A campaign that has ticked.
CREATE TABLE campaign_state (
    campaign    TEXT PRIMARY KEY,
    -- Fingerprint of what its start means; another one takes the baseline again.
    start       TEXT NOT NULL,
    baseline_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The texts of each version of the program in which an enrolment started that still runs: JSON pairs of path and text.
CREATE TABLE program_version (
    revision TEXT PRIMARY KEY,
    files    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who was in a start condition. A patron without a row was never in it.
CREATE TABLE membership (
    patron   INTEGER NOT NULL REFERENCES patron (id) ON DELETE CASCADE,
    campaign TEXT NOT NULL,
    -- As the last tick found it: 0 false, 1 true, 2 unknown.
    value    INTEGER NOT NULL CHECK (value IN (0, 1, 2)),
    -- The last known value.
    known    INTEGER NOT NULL CHECK (known IN (0, 1)),
    entries  INTEGER NOT NULL,
    exits    INTEGER NOT NULL,
    PRIMARY KEY (patron, campaign)
) STRICT, WITHOUT ROWID;

-- The value of the field of `on change of`, as the last tick found it; unknown has no row.
CREATE TABLE watched (
    patron   INTEGER NOT NULL REFERENCES patron (id) ON DELETE CASCADE,
    campaign TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (patron, campaign)
) STRICT, WITHOUT ROWID;

-- A journey. `patron` is NULL for what is published.
CREATE TABLE enrolment (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    campaign    TEXT NOT NULL,
    patron      INTEGER REFERENCES patron (id) ON DELETE CASCADE,
    -- Occurrence key of the first occurrence.
    key         TEXT NOT NULL,
    -- The instant that `start` means.
    start       INTEGER NOT NULL,
    enrolled_at INTEGER NOT NULL,
    -- The program's revision at the enrolment.
    revision    TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('gathering', 'running', 'ended', 'withdrawn')),
    -- Why it ended before its last step.
    reason      TEXT,
    ended_at    INTEGER,
    held_out    INTEGER NOT NULL CHECK (held_out IN (0, 1)),
    -- The step to be decided next, by content; `arrived` when its wait has begun, at `since`.
    place       TEXT NOT NULL,
    arrived     INTEGER NOT NULL CHECK (arrived IN (0, 1)),
    since       INTEGER NOT NULL,
    wake        INTEGER,
    -- Round of the `repeat` it is in, 0 outside, and when that round began.
    round       INTEGER NOT NULL,
    round_began INTEGER NOT NULL,
    -- Arms taken, by split, as a JSON array.
    arms        TEXT NOT NULL,
    -- Whether the goal is still open, reached or missed; `none` without a goal.
    goal        TEXT NOT NULL CHECK (goal IN ('none', 'open', 'reached', 'missed')),
    goal_known  INTEGER NOT NULL CHECK (goal_known IN (0, 1)),
    goal_at     INTEGER
) STRICT;
CREATE INDEX enrolment_patron ON enrolment (patron, campaign);
CREATE INDEX enrolment_running ON enrolment (state) WHERE state IN ('gathering', 'running');
CREATE UNIQUE INDEX enrolment_public ON enrolment (campaign, key) WHERE patron IS NULL;

-- An occurrence key that was decided: at most once a patron, ever.
CREATE TABLE occurrence (
    patron     INTEGER NOT NULL REFERENCES patron (id) ON DELETE CASCADE,
    campaign   TEXT NOT NULL,
    key        TEXT NOT NULL,
    at         INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    -- The row that it is about, and the date or instant that made it, where there are such.
    event      TEXT,
    event_row  INTEGER,
    date       TEXT,
    outcome    TEXT NOT NULL CHECK (outcome IN ('enrolled', 'skipped', 'baseline')),
    reason     TEXT,
    enrolment  INTEGER REFERENCES enrolment (id) ON DELETE CASCADE,
    PRIMARY KEY (patron, campaign, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX occurrence_enrolment ON occurrence (enrolment) WHERE enrolment IS NOT NULL;

-- Messages decided, in all their states. What was not sent is kept with its reason.
CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    enrolment  INTEGER NOT NULL REFERENCES enrolment (id) ON DELETE CASCADE,
    campaign   TEXT NOT NULL,
    patron     INTEGER REFERENCES patron (id) ON DELETE CASCADE,
    -- The step by name and the round of its `repeat`: never twice for one enrolment.
    step       TEXT NOT NULL,
    round      INTEGER NOT NULL,
    message    TEXT NOT NULL,
    recipient  TEXT NOT NULL CHECK (recipient IN ('patron', 'guardian', 'staff', 'public')),
    -- In order of preference, separated by blanks; of a published item its one channel.
    channels   TEXT NOT NULL,
    -- Of a published item.
    language   TEXT NOT NULL DEFAULT '',
    show_until INTEGER,
    -- Address of the staff.
    address    TEXT,
    priority   INTEGER NOT NULL,
    due        INTEGER NOT NULL,
    -- Not to be tried before.
    try_at     INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('queued', 'claimed', 'sent', 'dropped')),
    -- Why it waits, or why it was dropped.
    reason     TEXT,
    decided_at INTEGER NOT NULL,
    claimed_at INTEGER,
    sent_at    INTEGER,
    -- How it was handed over.
    channel    TEXT,
    sent_to    TEXT,
    sent_language TEXT,
    revision   TEXT NOT NULL,
    UNIQUE (enrolment, step, round, channels, language)
) STRICT;
CREATE INDEX outbox_open ON outbox (try_at) WHERE state = 'queued';
CREATE INDEX outbox_claimed ON outbox (claimed_at) WHERE state = 'claimed';
CREATE INDEX outbox_patron ON outbox (patron) WHERE patron IS NOT NULL;

-- The earliest instant at which something may be decided for a patron though no data arrives.
CREATE TABLE due (
    patron INTEGER PRIMARY KEY REFERENCES patron (id) ON DELETE CASCADE,
    until  INTEGER NOT NULL
) STRICT;
CREATE INDEX due_until ON due (until);
