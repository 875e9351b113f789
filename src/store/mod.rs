//! SQLite: schema, migrations, change log, import. Knows no campaign.
