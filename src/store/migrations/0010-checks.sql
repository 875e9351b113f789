-- For `x IN (…)` with three words or more SQLite makes a table of its own at each row that is written; comparisons say the
-- same without. No row changes, and so no table is made anew (https://sqlite.org/lang_altertable.html#otheralter).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
    'state IN (''gathering'', ''running'', ''ended'', ''withdrawn'')',
    'state = ''gathering'' OR state = ''running'' OR state = ''ended'' OR state = ''withdrawn'''),
    'goal IN (''none'', ''open'', ''reached'', ''missed'')',
    'goal = ''none'' OR goal = ''open'' OR goal = ''reached'' OR goal = ''missed''')
    WHERE type = 'table' AND name = 'enrolment';
UPDATE sqlite_schema SET sql = replace(sql,
    'outcome IN (''enrolled'', ''skipped'', ''baseline'')',
    'outcome = ''enrolled'' OR outcome = ''skipped'' OR outcome = ''baseline''')
    WHERE type = 'table' AND name = 'occurrence';
UPDATE sqlite_schema SET sql = replace(replace(sql,
    'recipient IN (''patron'', ''guardian'', ''staff'', ''public'')',
    'recipient = ''patron'' OR recipient = ''guardian'' OR recipient = ''staff'' OR recipient = ''public'''),
    'state IN (''queued'', ''claimed'', ''sent'', ''dropped'')',
    'state = ''queued'' OR state = ''claimed'' OR state = ''sent'' OR state = ''dropped''')
    WHERE type = 'table' AND name = 'outbox';
UPDATE sqlite_schema SET sql = replace(replace(sql,
    'state IN (''given'', ''asked'', ''withdrawn'')',
    'state = ''given'' OR state = ''asked'' OR state = ''withdrawn'''),
    'kind IN (''express'', ''relationship'', ''inquiry'')',
    'kind = ''express'' OR kind = ''relationship'' OR kind = ''inquiry''')
    WHERE type = 'table' AND name = 'consent';
PRAGMA writable_schema = RESET;
