-- What of the patron changed: bits (see `store::Kinds`) since both the last tick and the last snapshot before the
-- entry; all of them where that is not known.
ALTER TABLE change_log ADD COLUMN kinds INTEGER NOT NULL DEFAULT -1;

-- Where a patron stands.
CREATE TABLE standing (
    patron    INTEGER PRIMARY KEY REFERENCES patron (id) ON DELETE CASCADE,
    -- The earliest instant at which something may be decided for them though no data arrives.
    until     INTEGER,
    -- The start conditions that they were ever in: a JSON object that has of each campaign the value that the last tick
    -- found (0 false, 1 true, 2 unknown), the last known value, and how often they came in and went out.
    campaigns TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(campaigns))
) STRICT;
INSERT INTO standing (patron, until) SELECT patron, until FROM due;
INSERT INTO standing (patron, campaigns)
    SELECT patron, json_group_object(campaign, json_array(value, known, entries, exits)) FROM membership
    WHERE true GROUP BY patron
    ON CONFLICT (patron) DO UPDATE SET campaigns = excluded.campaigns;
CREATE INDEX standing_until ON standing (until) WHERE until IS NOT NULL;
DROP TABLE membership;
DROP TABLE due;

-- The enrolments that a tick drives.
CREATE INDEX enrolment_open ON enrolment (patron) WHERE state IN ('gathering', 'running') OR goal = 'open';
