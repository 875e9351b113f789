-- New names of campaigns that were given after a version was written: JSON pairs of the old name and the new one, in order.
ALTER TABLE program_version ADD COLUMN renamed TEXT NOT NULL DEFAULT '[]';
