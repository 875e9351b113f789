//! The fifty segments as one SQL query, which SQLite and DuckDB both read, and the tables that it is about.
//!
//! One row a patron with a mask of 50 bits. Each kind of events is grouped by patron once, with a filtered count for
//! each question: the best form for both engines of those that were tried.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use rusqlite::Connection;

use crate::rivals::{Kind, Set, Town, ago, born, month, since};
use crate::workload::{KINDS, TODAY};
use bookmobile::rule::columns::EVENT_EPOCH;
use bookmobile::time::{Unit, Which};

/// The name of a table and its columns, each a number a row; `None` is NULL.
pub struct Table {
    pub name: &'static str,
    pub columns: Vec<(&'static str, Vec<i32>)>,
}

/// Stands for NULL.
const NULL: i32 = i32::MIN;

/// The tables of the town.
pub fn tables(town: &Town<'_>) -> Vec<Table> {
    let rows = 0..town.rows;
    let codes = |codes: &[u8]| -> Vec<i32> {
        codes[..town.rows].iter().map(|code| if *code == 0 { NULL } else { i32::from(*code) }).collect()
    };
    let days = |days: &[i32]| days[..town.rows].to_vec();
    let truth = |codes: &[u8], set: &Set| -> Vec<i32> {
        let truth = |row: usize| if codes[row] == 0 { NULL } else { i32::from(set[usize::from(codes[row])]) };
        rows.clone().map(truth).collect()
    };
    let mut tables = vec![Table {
        name: "patron",
        columns: vec![
            ("id", rows.clone().map(|row| row as i32).collect()),
            ("birth", days(town.birth)),
            ("registered", days(town.registered)),
            ("expires", days(town.expires)),
            ("seen", days(town.seen)),
            ("fines", rows.clone().map(|row| town.fines[row] as i32).collect()),
            ("email", rows.clone().map(|row| i32::from(town.email[row] != 0)).collect()),
            ("branch", codes(town.branch)),
            ("kind", codes(town.kind)),
            ("language", codes(town.language)),
            ("household", codes(town.household)),
            ("postal", codes(town.postal)),
            ("interests", codes(town.interests)),
            ("opted", truth(town.opt_in, &town.sets.yes)),
            (
                "remote",
                rows.clone()
                    .map(|row| match town.remote[row] {
                        0 => NULL,
                        code => i32::from(!town.sets.no[usize::from(code)]),
                    })
                    .collect(),
            ),
        ],
    }];
    for ((name, ..), kind) in KINDS.into_iter().zip(town.kinds()) {
        tables.push(events(name, town, kind));
    }
    tables
}

fn events(name: &'static str, town: &Town<'_>, kind: &Kind<'_>) -> Table {
    let events = kind.events;
    let count = events.offsets[town.rows] as usize;
    let mut patrons = Vec::with_capacity(count);
    for row in 0..town.rows {
        patrons.resize(events.offsets[row + 1] as usize, row as i32);
    }
    let mut columns = vec![
        ("patron", patrons),
        ("day", (0..count).map(|at| i32::from(events.day[at]) + EVENT_EPOCH).collect()),
        ("happened", (0..count).map(|at| i32::from(events.at[at] <= town.now)).collect()),
    ];
    let fields = events.fields.iter().flatten().zip(["a", "b"]);
    for (column, name) in fields {
        let code = |at: usize| match crate::rivals::codes(column)[at] {
            0 => NULL,
            code => i32::from(code),
        };
        columns.push((name, (0..count).map(code).collect()));
    }
    Table { name, columns }
}

fn listed(set: &Set) -> String {
    let codes: Vec<String> = (1..256).filter(|code| set[*code]).map(|code| code.to_string()).collect();
    format!("({})", codes.join(", "))
}

/// The query: (id, mask), in no order.
pub fn query(town: &Town<'_>) -> String {
    let day = |count, unit| i32::from(since(count, unit)) + EVENT_EPOCH;
    let [d14, d30, d60, d90, d120] = [14, 30, 60, 90, 120].map(|days| day(days, Unit::Day));
    let [m3, m6] = [3, 6].map(|months| day(months, Unit::Month));
    let [y1, y2] = [1, 2].map(|years| day(years, Unit::Year));
    let today = TODAY.0;
    let (this_month, _) = month(Which::This);
    let (month_before, month_end) = month(Which::Previous);
    let set = |kind: &Kind<'_>, at: usize| listed(&kind.sets[at].1);
    let (checkout, ebook, visit) = (&town.checkout, &town.ebook, &town.visit);
    let n = |what: &str| format!("count(*) FILTER (WHERE happened = 1 AND {what})");
    let grouped = |table: &str, columns: &[(&str, String)]| {
        let columns: Vec<String> = columns.iter().map(|(name, what)| format!("{what} AS {name}")).collect();
        format!("(SELECT patron, {} FROM {table} GROUP BY patron)", columns.join(", "))
    };
    let last = "max(CASE WHEN happened = 1 THEN day END)".to_owned();
    let checkout = grouped(
        "checkout",
        &[
            ("c30", n(&format!("day >= {d30}"))),
            ("c90", n(&format!("day >= {d90}"))),
            ("c6m", n(&format!("day >= {m6}"))),
            ("c1y", n(&format!("day >= {y1}"))),
            ("clast", last.clone()),
            ("dvd", n(&format!("day >= {d120} AND a IN {}", set(checkout, 0)))),
            ("magazine", n(&format!("day >= {y1} AND a IN {} AND b IN {}", set(checkout, 1), set(checkout, 2)))),
            ("book", n(&format!("day >= {y1} AND a IN {}", set(checkout, 3)))),
            ("this", n(&format!("day >= {}", this_month.0))),
            ("previous", n(&format!("day BETWEEN {} AND {}", month_before.0, month_end.0))),
        ],
    );
    let ebook = grouped(
        "ebook_loan",
        &[
            ("e", n("1 = 1")),
            ("e30", n(&format!("day >= {d30}"))),
            ("e90", n(&format!("day >= {d90}"))),
            ("elast", last.clone()),
            ("sound", n(&format!("day >= {d90} AND a IN {}", set(ebook, 0)))),
        ],
    );
    let visit = grouped(
        "visit",
        &[
            ("v30", n(&format!("day >= {d30}"))),
            ("v3m", n(&format!("day >= {m3}"))),
            ("v90", n(&format!("day >= {d90}"))),
            ("v1y", n(&format!("day >= {y1}"))),
            ("v2y", n(&format!("day >= {y2}"))),
            ("vlast", last.clone()),
            ("dates", format!("count(DISTINCT CASE WHEN happened = 1 AND day >= {d90} THEN day END)")),
            ("storytime", n(&format!("day >= {d60} AND a IN {}", set(visit, 0)))),
            ("club", n(&format!("day >= {m6} AND a IN {}", set(visit, 1)))),
            ("harbour", n(&format!("day >= {y1} AND b IN {}", set(visit, 2)))),
            ("ahead", format!("count(*) FILTER (WHERE day BETWEEN {today} AND {})", today + 14)),
        ],
    );
    let survey = grouped(
        "survey_answer",
        &[
            ("s30", n(&format!("day >= {d30}"))),
            ("s1y", n(&format!("day >= {y1}"))),
            ("slast", last.clone()),
            ("low", n(&format!("day >= {y1} AND a IN {}", set(&town.survey, 0)))),
            ("high", n(&format!("day >= {m6} AND a IN {}", set(&town.survey, 1)))),
        ],
    );
    // Five since the registration: the only question for which a kind needs the patron beside it.
    let mailing = grouped(
        "(SELECT mailing.*, registered FROM mailing JOIN patron ON patron.id = mailing.patron)",
        &[
            ("m14", n(&format!("day >= {d14}"))),
            ("m30", n(&format!("day >= {d30}"))),
            ("m60", n(&format!("day >= {d60}"))),
            ("msince", n("day >= registered")),
            ("asked", n(&format!("day >= {d30} AND a IN {}", set(&town.mailing, 0)))),
        ],
    );
    let link = grouped(
        "followed_link",
        &[
            ("l30", n(&format!("day >= {d30}"))),
            ("l6m", n(&format!("day >= {m6}"))),
            ("llast", last),
            ("invited", n(&format!("day >= {d90} AND a IN {}", set(&town.link, 0)))),
        ],
    );
    let sets = &town.sets;
    let some = |name: &str, least: i32| format!("coalesce({name}, 0) >= {least}");
    let none = |name: &str| format!("coalesce({name}, 0) = 0");
    let never = |name: &str| format!("coalesce({name} < registered, 1 = 1)");
    let opted = |rest: String| format!("opted = 1 AND {rest}");
    let young = |years: i64| format!("birth > {} AND birth <= {today}", born(years));
    let s01 = format!("(expires >= {today} AND kind IN {})", listed(&sets.not_staff));
    let s02 = format!("(birth <= {} AND birth > {})", born(13), born(18));
    let s05 = "(fines > 1000)";
    let s13 = format!("(opted = 1 AND email = 1 AND language IN {})", listed(&sets.english));
    let s16 = format!("({})", opted(some("c30", 1)));
    let s21 = format!("({} AND {})", some("v1y", 2), none("v3m"));
    let s25 = format!("({} AND {})", some("m30", 4), none("l6m"));
    let s26 = format!("({} AND {})", opted(some("dvd", 1)), none("e"));
    let s33 = format!("({} AND {})", some("club", 1), young(20));
    let s38 = format!("(opted = 1 AND ({} OR {}))", some("e30", 2), some("c30", 2));
    let y2_ago = ago(2, Unit::Year);
    let s41 = format!("({} AND registered BETWEEN {y2_ago} AND {today})", opted(never("clast")));
    let s42 = format!("({} AND email = 1)", never("vlast"));
    let s45 = format!("({} AND registered < {})", never("slast"), ago(1, Unit::Year));
    let not_s43 = format!("(opted = 0 OR birth <= {} OR NOT {})", born(40), never("elast"));
    let segments = [
        s01.clone(),
        s02.clone(),
        format!("branch IN {} AND language IN {}", listed(&sets.inner_branch), listed(&sets.french)),
        format!("registered BETWEEN {} AND {today}", ago(90, Unit::Day)),
        s05.to_owned(),
        format!("expires BETWEEN {today} AND {}", today + 30),
        format!("interests IN {} AND email = 1", listed(&sets.likes)),
        format!("birth <= {} AND branch NOT IN {}", born(65), listed(&sets.mobile)),
        format!("postal IN {}", listed(&sets.zone)),
        format!("household IN {} AND kind IN {}", listed(&sets.large), listed(&sets.adult)),
        format!("seen IS NULL OR seen < {}", ago(1, Unit::Year)),
        format!("registered BETWEEN {} AND {}", month_before.0, month_end.0),
        s13.clone(),
        format!("remote = 0 AND expires < {today}"),
        format!("registered BETWEEN {} AND {} AND fines = 0", today - 400, today - 300),
        s16.clone(),
        opted(some("c90", 5)),
        opted(none("c6m")),
        opted(some("sound", 3)),
        format!("{} AND kind IN {}", some("storytime", 1), listed(&sets.adult)),
        s21.clone(),
        some("low", 1),
        format!("{} AND {}", none("s1y"), some("m60", 3)),
        some("l30", 1),
        s25.clone(),
        s26.clone(),
        some("ahead", 1),
        some("dates", 3),
        opted(some("magazine", 1)),
        opted(format!("coalesce(c1y, 0) <= 2 AND {}", some("e90", 1))),
        format!("{} AND {}", some("asked", 1), none("s30")),
        opted(some("book", 10)),
        s33.clone(),
        "v2y = 1".to_owned(),
        format!("{} AND {}", some("invited", 1), some("v90", 1)),
        opted(format!("{} AND {} AND email = 1", some("high", 1), some("c6m", 1))),
        format!("{} AND {}", none("m14"), some("v30", 1)),
        s38.clone(),
        opted(format!("{} AND {}", some("this", 1), none("previous"))),
        some("harbour", 2),
        s41.clone(),
        s42.clone(),
        format!("{} AND {}", opted(never("elast")), young(40)),
        format!("{} AND {}", never("llast"), some("msince", 5)),
        s45.clone(),
        format!("{s01} AND {s16} AND NOT {s05}"),
        format!("{s01} AND ({s21} OR {s26} OR {s25})"),
        format!("{s13} AND NOT {s16} AND NOT {s38}"),
        format!("{s02} OR {s33} AND {not_s43}"),
        format!("{s41} AND {s42} AND {s45} AND email = 1"),
    ];
    let bit =
        |(index, condition): (usize, &String)| format!("CASE WHEN {condition} THEN {} ELSE 0 END", 1_u64 << index);
    let mask: Vec<String> = segments.iter().enumerate().map(bit).collect();
    format!(
        "SELECT id, {} AS mask FROM patron LEFT JOIN {checkout} c ON c.patron = id LEFT JOIN {ebook} e ON e.patron = id \
         LEFT JOIN {visit} v ON v.patron = id LEFT JOIN {survey} s ON s.patron = id \
         LEFT JOIN {mailing} m ON m.patron = id LEFT JOIN {link} l ON l.patron = id",
        mask.join(" + ")
    )
}

/// A SQLite database of the tables, each kind clustered by patron and day.
pub fn sqlite(tables: &[Table]) -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    for table in tables {
        let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let types: Vec<String> = names.iter().map(|name| format!("{name} INTEGER")).collect();
        let key = match table.name {
            "patron" => "PRIMARY KEY (id)",
            _ => "nr INTEGER, PRIMARY KEY (patron, day, nr)",
        };
        let name = table.name;
        connection
            .execute_batch(&format!("CREATE TABLE {name} ({}, {key}) STRICT, WITHOUT ROWID", types.join(", ")))?;
        let places = vec!["?"; names.len() + usize::from(name != "patron")].join(", ");
        let mut insert = connection.prepare(&format!("INSERT INTO {name} VALUES ({places})"))?;
        connection.execute_batch("BEGIN")?;
        for row in 0..table.columns[0].1.len() {
            let known = |cell: i32| Some(cell).filter(|cell| *cell != NULL);
            for (place, (_, cells)) in table.columns.iter().enumerate() {
                insert.raw_bind_parameter(place + 1, known(cells[row]))?;
            }
            if name != "patron" {
                insert.raw_bind_parameter(names.len() + 1, row as i64)?;
            }
            insert.raw_execute()?;
        }
        connection.execute_batch("COMMIT")?;
    }
    connection.execute_batch("ANALYZE")?;
    Ok(connection)
}

/// The masks by patron.
pub fn masks(connection: &Connection, query: &str, rows: usize) -> rusqlite::Result<Vec<u64>> {
    let mut masks = vec![0; rows];
    let mut statement = connection.prepare(query)?;
    let mut found = statement.query(())?;
    while let Some(row) = found.next()? {
        masks[row.get::<_, i64>(0)? as usize] = row.get::<_, i64>(1)? as u64;
    }
    Ok(masks)
}

/// Writes the tables for another process: of each column a file of 32-bit numbers, and the query.
pub fn write(tables: &[Table], query: &str, folder: &Path) -> io::Result<()> {
    for table in tables {
        for (name, cells) in &table.columns {
            let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_le_bytes()).collect();
            fs::File::create(folder.join(format!("{}.{name}", table.name)))?.write_all(&bytes)?;
        }
    }
    fs::write(folder.join("query.sql"), query)
}

/// A bitmap for each segment from the masks.
pub fn bitmaps(masks: &[u64]) -> Vec<Vec<u64>> {
    let word = |rows: &[u64], segment: usize| {
        rows.iter().enumerate().fold(0, |word, (row, mask)| word | (mask >> segment & 1) << row)
    };
    (0..50).map(|segment| masks.chunks(64).map(|rows| word(rows, segment)).collect()).collect()
}
