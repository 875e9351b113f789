-- Where a patron stands, as a tick wrote it lately: such a row counts, and that of `standing` does not (engine::lately).
CREATE TABLE standing_lately (
    patron    INTEGER PRIMARY KEY REFERENCES patron (id) ON DELETE CASCADE,
    until     INTEGER,
    campaigns TEXT NOT NULL CHECK (campaigns NOT GLOB '*[^0-9+?!/ -]*')
) STRICT;
CREATE INDEX standing_lately_until ON standing_lately (until) WHERE until IS NOT NULL;
