-- Where the links of a message lead. The link itself holds the message's name outside, the number, and a code.
CREATE TABLE message_link (
    -- The message's name outside, in hexadecimal.
    name   TEXT NOT NULL,
    number INTEGER NOT NULL,
    outbox INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    -- click, unsubscribe, preferences, confirm or survey.
    kind   TEXT NOT NULL,
    -- The URL of a click, the name of a survey, else empty.
    target TEXT NOT NULL,
    PRIMARY KEY (name, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_link_outbox ON message_link (outbox);
