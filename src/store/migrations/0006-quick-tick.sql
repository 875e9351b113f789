-- A campaign that has ticked has a number in this store.
ALTER TABLE campaign_state RENAME TO campaign_state_before;
CREATE TABLE campaign_state (
    number      INTEGER PRIMARY KEY,
    campaign    TEXT NOT NULL UNIQUE,
    -- Fingerprint of what its start means; another one takes the baseline again.
    start       TEXT NOT NULL,
    baseline_at INTEGER NOT NULL
) STRICT;
INSERT INTO campaign_state (campaign, start, baseline_at)
    SELECT campaign, start, baseline_at FROM campaign_state_before ORDER BY campaign;
INSERT OR IGNORE INTO campaign_state (campaign, start, baseline_at)
    SELECT DISTINCT key, '', 0 FROM standing JOIN json_each(campaigns);
DROP TABLE campaign_state_before;

-- Where a patron stands, in a third of the space: a tick reads it of everybody who changed.
DROP INDEX standing_until;
ALTER TABLE standing RENAME TO standing_before;
CREATE TABLE standing (
    patron    INTEGER PRIMARY KEY REFERENCES patron (id) ON DELETE CASCADE,
    -- The earliest instant at which something may be decided for them though no data arrives.
    until     INTEGER,
    -- The start conditions that they were ever in, with blanks between them: the campaign's number; `+` true, `-`
    -- false, `?` unknown and true before, `!` unknown and false before; how often they came in, and behind a slash how
    -- often they went out, where that is not 0.
    campaigns TEXT NOT NULL DEFAULT '' CHECK (campaigns NOT GLOB '*[^0-9+?!/ -]*')
) STRICT;
INSERT INTO standing
    SELECT patron, until, (
        SELECT coalesce(group_concat(
            number || CASE json_extract(value, '$[0]')
                WHEN 0 THEN '-' WHEN 1 THEN '+' ELSE iif(json_extract(value, '$[1]') = 1, '?', '!') END
                || iif(json_extract(value, '$[2]') > 0, json_extract(value, '$[2]'), '')
                || iif(json_extract(value, '$[3]') > 0, '/' || json_extract(value, '$[3]'), ''),
            ' ' ORDER BY number), '')
        FROM json_each(campaigns) JOIN campaign_state ON campaign = key
    ) FROM standing_before;
DROP TABLE standing_before;
CREATE INDEX standing_until ON standing (until) WHERE until IS NOT NULL;

-- Which of the patron's fields changed and what they are now, over the same time as `kinds`: a JSON object of values as
-- they are stored. NULL where `kinds` does not name the fields, or it is not known.
ALTER TABLE change_log ADD COLUMN fields TEXT CHECK (json_valid(fields));
