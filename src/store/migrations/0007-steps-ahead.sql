-- How many steps with the same message to the same recipient could come after this one in the version that decided it.
ALTER TABLE outbox ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0;
