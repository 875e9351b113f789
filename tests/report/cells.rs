//! REP-02: no small count can be worked out from what is printed.

use std::collections::BTreeMap;

use bookmobile::report::count::{Came, Person};
use bookmobile::report::hide::{Hidden, hidden};
use bookmobile::report::lines::{Asked, Count, Group, Line, Measured, lines};
use bookmobile::report::table::{Role, Table};
use bookmobile::report::verdict::name;
use bookmobile::rule::PatronId;
use bookmobile::symbol::Symbol;
use bookmobile::time::Instant;

use super::attack::{self, Attack, Row, is_protected};
use super::world::{Luck, program, town};

/// A grid of random counts with the totals of rows and columns, and of both: the form in which nine of ten small cells
/// were recovered when the small ones alone were hidden. `recovered` of `small` cells are what the attacker narrows.
fn grid(luck: &mut Luck, limit: i64, primary_only: bool) -> (usize, usize) {
    let (rows, columns) = (2 + luck.below(4) as usize, 2 + luck.below(5) as usize);
    // Zeros, small counts and large ones.
    let values: Vec<Vec<u64>> = (0..rows)
        .map(|_| {
            let one = |luck: &mut Luck| {
                let top = [12, 60, 400][luck.below(3) as usize];
                luck.below(top)
            };
            (0..columns).map(|_| one(luck)).collect()
        })
        .collect();
    let mut table = Table::default();
    let mut names = Vec::new();
    let mut attack = Attack::default();
    let mut cell = |table: &mut Table, name: String, value: u64| {
        names.push(name);
        table.cell(value, Role::Printed, 1)
    };
    let inner: Vec<Vec<usize>> =
        (0..rows).map(|r| (0..columns).map(|c| cell(&mut table, format!("{r},{c}"), values[r][c])).collect()).collect();
    let of_rows: Vec<usize> = (0..rows).map(|r| cell(&mut table, format!("row {r}"), values[r].iter().sum())).collect();
    let of_columns: Vec<usize> =
        (0..columns).map(|c| cell(&mut table, format!("column {c}"), values.iter().map(|row| row[c]).sum())).collect();
    let total = cell(&mut table, "total".into(), values.iter().flatten().sum());
    let mut sums: Vec<(usize, Vec<usize>)> = (0..rows).map(|r| (of_rows[r], inner[r].clone())).collect();
    sums.extend((0..columns).map(|c| (of_columns[c], inner.iter().map(|row| row[c]).collect())));
    sums.push((total, of_rows));
    sums.push((total, of_columns));
    for (whole, parts) in sums {
        let named: Vec<String> = parts.iter().map(|&part| names[part].clone()).collect();
        attack.adds_up(&names[whole], &named);
        table.sum(whole, parts);
    }
    let small: Vec<usize> = (0..names.len()).filter(|&id| table.cells()[id].is_small(limit)).collect();
    let is_hidden: Vec<usize> =
        if primary_only { small.clone() } else { hidden(&table, limit, Hidden::default()).cells.into_iter().collect() };
    assert!(small.iter().all(|id| is_hidden.contains(id)), "small counts are hidden");
    for id in (0..names.len()).filter(|id| !is_hidden.contains(id)) {
        attack.reads(&names[id], table.cells()[id].value.unsigned_abs());
    }
    let bounds = attack.bounds();
    let recovered = small.iter().filter(|&&id| !is_protected(bounds[names[id].as_str()], limit)).count();
    (small.len(), recovered)
}

/// REP-02, over 2,000 random tables: nothing is recovered. Hiding the small counts alone would not do.
#[test]
fn rep_02_no_small_cell_of_a_table_with_totals_is_derived() {
    let mut luck = Luck(1);
    let (mut small, mut recovered) = (0, 0);
    for _ in 0..2_000 {
        let limit = [5, 10, 10, 20][luck.below(4) as usize];
        let (of_table, of_those) = grid(&mut luck, limit, false);
        (small, recovered) = (small + of_table, recovered + of_those);
    }
    assert!(small > 9_000, "the tables had small cells: {small}");
    assert_eq!(recovered, 0, "of {small} small cells");
    let (mut small, mut recovered) = (0, 0);
    for _ in 0..200 {
        let (of_table, of_those) = grid(&mut luck, 10, true);
        (small, recovered) = (small + of_table, recovered + of_those);
    }
    assert!(recovered * 2 > small, "the attacker is one: {recovered} of {small} with the small ones alone hidden");
}

/// A campaign, whether it holds some out, the arms of its splits, and whether its second split stands in the first.
pub fn shape(luck: &mut Luck) -> (&'static str, bool, &'static [usize], bool) {
    [
        ("invitation", true, &[2][..], false),
        ("subjects", false, &[3][..], false),
        ("ladder", true, &[2, 2][..], true),
        ("readers", true, &[][..], false),
    ][luck.below(4) as usize]
}

/// People of a campaign whose groups are mostly small, and who did whatever people can do.
fn crowd(luck: &mut Luck, has_holdout: bool, arms: &[usize]) -> Vec<Person> {
    let size = [8, 30, 120, 700][luck.below(4) as usize];
    let rates: Vec<u64> = (0..6).map(|_| [0, 3, 50, 97, 100][luck.below(5) as usize]).collect();
    let skew: Vec<u64> = arms.iter().map(|_| [2, 10, 50][luck.below(3) as usize]).collect();
    (0..1 + luck.below(size) as i64)
        .map(|index| {
            let held_out = has_holdout && luck.percent(if rates[0] == 0 { 4 } else { 25 });
            let came = rates[5];
            let mut taken = Vec::new();
            for (split, &count) in arms.iter().enumerate() {
                if luck.percent(came) {
                    let arm = if luck.percent(skew[split]) { luck.below(count as u64) as usize } else { 0 };
                    taken.push(Came { split, arm, at: Some(Instant(1)) });
                }
            }
            let at = Some(Instant(1));
            let sent_at = at.filter(|_| !held_out && luck.percent(rates[1]));
            let goal_known = luck.percent(rates[2].max(3));
            Person {
                patron: PatronId(index),
                held_out,
                arms: taken,
                enrolled_at: Instant(1),
                sent_at,
                delivered_at: sent_at.filter(|_| luck.percent(rates[3])),
                clicked_at: sent_at.filter(|_| luck.percent(rates[4])),
                goal_known,
                reached_at: at.filter(|_| goal_known && luck.percent(rates[1])),
                goal_open: false,
            }
        })
        .collect()
}

/// Which line a line is part of. Split 1 of `ladder` stands in arm 1 of its split 0.
fn whole_of(group: &Group, is_nested: bool, top: &str) -> Option<String> {
    match group {
        Group::Everybody | Group::Written | Group::HeldOut => None,
        Group::HeldOutAt { .. } => Some("held out".into()),
        Group::Arm { split: 1, .. } if is_nested => Some("split 1 arm 1".into()),
        Group::Arm { .. } => Some(top.into()),
    }
}

pub fn rows(lines: &[Line], is_nested: bool) -> Vec<Row> {
    let top = name(&lines[0].group);
    let row = |line: &Line| Row {
        // The arms of one split are a family: `split 1 arm 2`.
        name: match line.group {
            Group::Arm { split, arm, .. } => format!("split {} arm {}", split + 1, arm + 1),
            _ => name(&line.group),
        },
        of: whole_of(&line.group, is_nested, &top),
        counts: line.counts().map(|count| match count {
            Count::Known(count) => Some(Some(count)),
            Count::Hidden => Some(None),
            Count::None => None,
        }),
    };
    lines.iter().map(row).collect()
}

/// The true counts of everything that an attacker can name, worked out from the people.
pub fn truth(lines: &[Line], people: &[Person], is_nested: bool) -> BTreeMap<String, i64> {
    let in_arm =
        |person: &Person, split: usize| person.arms.iter().find(|came| came.split == split).map(|came| came.arm);
    let in_line = |person: &Person, group: &Group| -> bool {
        match group {
            Group::Everybody => true,
            Group::Written => !person.held_out,
            Group::HeldOut => person.held_out,
            Group::HeldOutAt { split, .. } => person.held_out && in_arm(person, *split).is_some(),
            Group::Arm { split, arm, .. } => {
                let is_around = *split != 1 || !is_nested || in_arm(person, 0) == Some(0);
                !person.held_out && is_around && in_arm(person, *split) == Some(*arm)
            }
        }
    };
    let mut found = BTreeMap::new();
    let mut tally = |name: &str, people: &[&Person]| {
        let count = |is: &dyn Fn(&Person) -> bool| people.iter().filter(|person| is(person)).count() as i64;
        let counts = [
            people.len() as i64,
            count(&|person| person.sent_at.is_some()),
            count(&|person| person.delivered_at.is_some()),
            count(&|person| person.clicked_at.is_some()),
            count(&|person| person.goal_known),
            count(&|person| person.reached_at.is_some()),
        ];
        for (measure, count) in attack::MEASURES.iter().zip(counts) {
            found.insert(format!("{name} {measure}"), count);
        }
        for (whole, part) in [(0, 1), (1, 2), (1, 3), (0, 4), (4, 5)] {
            let key = format!("{name} {} not {}", attack::MEASURES[whole], attack::MEASURES[part]);
            found.insert(key, counts[whole] - counts[part]);
        }
    };
    let rows = rows(lines, is_nested);
    for (row, line) in rows.iter().zip(lines) {
        let of_line: Vec<&Person> = people.iter().filter(|person| in_line(person, &line.group)).collect();
        tally(&row.name, &of_line);
        let Some(of) = &row.of else { continue };
        let kind = row.name.split(" arm ").next().expect("a part");
        let whole = rows.iter().position(|row| row.name == *of).expect("its line is there");
        let family: Vec<&Group> = rows
            .iter()
            .zip(lines)
            .filter(|(other, _)| other.of.as_ref() == Some(of) && other.name.split(" arm ").next() == Some(kind))
            .map(|(_, line)| &line.group)
            .collect();
        let rest: Vec<&Person> = people
            .iter()
            .filter(|person| in_line(person, &lines[whole].group) && !family.iter().any(|group| in_line(person, group)))
            .collect();
        tally(&format!("rest of {of} in {kind}"), &rest);
    }
    found
}

/// Which true counts are not to be known: 1 to the limit always; nobody where it tells something of somebody.
pub fn is_small(name: &str, truth: &BTreeMap<String, i64>, printed_line: bool, limit: i64) -> bool {
    let count = truth[name];
    if count >= limit {
        return false;
    }
    if count > 0 || (printed_line && !name.contains(" not ")) {
        return true;
    }
    // Nobody of somebody clicked or came, or all of them did.
    let whole = |measure: &str| {
        let line = name.split(&format!(" {measure}")).next().expect("a part");
        match measure {
            "sent not clicked" => truth[&format!("{line} sent")],
            "goal_known not goal_reached" => truth[&format!("{line} goal_known")],
            _ => truth[&format!("{line} enrolled")],
        }
    };
    ["sent not clicked", "goal_known not goal_reached", "clicked", "goal_reached"]
        .into_iter()
        .find(|measure| name.ends_with(&format!(" {measure}")))
        .is_some_and(|measure| whole(measure) > 0)
}

/// Somebody who also knows what follows from the program, where it is so: that all have come to a split, that nothing was
/// sent in an arm yet, that something was sent to all, that of all it is known whether they reached the goal.
fn knowing(rows: &[Row], truth: &BTreeMap<String, i64>) -> Attack {
    let mut attack = attack::of_report(rows);
    let named: Vec<String> = attack.bounds().keys().map(|name| (*name).to_owned()).collect();
    for name in named.iter().filter(|name| truth.get(*name) == Some(&0)) {
        let has_nobody = attack::MEASURES.iter().find_map(|measure| name.strip_suffix(measure));
        let has_nobody = has_nobody.is_some_and(|line| truth.get(&format!("{line}enrolled")) == Some(&0));
        let is_of_all = ["enrolled not sent", "sent not delivered", "enrolled not goal_known"];
        let follows = name.starts_with("rest of") && has_nobody
            || name.ends_with(" sent") && !name.contains(" not ")
            || is_of_all.iter().any(|what| name.ends_with(what));
        if follows {
            attack.reads(name, 0);
        }
    }
    attack
}

/// Attacks what is printed of `people`: how many small counts there are. None of them may be narrowed.
fn attacked(lines: &[Line], people: &[Person], is_nested: bool, limit: i64) -> usize {
    let rows = rows(lines, is_nested);
    let attack = attack::of_report(&rows);
    let truth = truth(lines, people, is_nested);
    let mut small = 0;
    for (name, bounds) in attack.bounds() {
        let Some(&count) = truth.get(name) else { continue };
        assert!(bounds.0 <= count && count <= bounds.1, "{name}: {count} is not in {bounds:?}");
        let printed_line = rows.iter().any(|row| name.starts_with(&format!("{} ", row.name)));
        if is_small(name, &truth, printed_line && !name.starts_with("rest of"), limit) {
            small += 1;
            assert!(is_protected(bounds, limit), "{name} is {count}, and an attacker knows {bounds:?}:\n{lines:#?}");
        }
    }
    // What the program itself tells of a small count, nobody hides.
    let untold: Vec<Row> =
        rows.iter().map(|row| Row { counts: row.counts.map(|count| count.map(|_| None)), ..row.clone() }).collect();
    let (informed, before) = (knowing(&rows, &truth), knowing(&untold, &truth));
    let before = before.bounds();
    for (name, bounds) in informed.bounds() {
        let printed_line = rows.iter().any(|row| name.starts_with(&format!("{} ", row.name)));
        let is_small =
            truth.contains_key(name) && is_small(name, &truth, printed_line && !name.starts_with("rest of"), limit);
        if is_small && is_protected(before[name], limit) {
            assert!(is_protected(bounds, limit), "{name}: who knows the program knows {bounds:?}:\n{lines:#?}");
        }
    }
    small
}

/// REP-02 over 2,000 random reports of campaigns of every shape: with and without holdout, goal, clicks, deliveries, with
/// arms, with arms inside arms, with groups of a few.
#[test]
fn rep_02_no_small_count_of_a_report_is_derived() {
    let program = program();
    let mut luck = Luck(3);
    let (mut small, mut printed, mut all) = (0, 0, 0);
    for _ in 0..2_000 {
        let (name, has_holdout, arms, is_nested) = shape(&mut luck);
        let campaign = program.campaign(Symbol::new(name)).expect("a campaign");
        let people = crowd(&mut luck, has_holdout, arms);
        let measured = Measured { delivery: luck.percent(50), clicks: luck.percent(70), goal: name != "subjects" };
        let limit = [5, 10, 10][luck.below(3) as usize];
        let asked = Asked { campaign, people: &people, measured, told: None };
        let lines = lines(&program, &[asked], limit).remove(0);
        small += attacked(&lines, &people, is_nested, limit);
        let counts = || lines.iter().flat_map(Line::counts).filter(|count| *count != Count::None);
        assert!(counts().filter_map(Count::known).all(|count| count as i64 >= limit));
        printed += counts().filter(|count| count.known().is_some()).count();
        all += counts().count();
    }
    assert!(small > 10_000, "{small} small counts");
    // Most of these groups are of a few, or did all the same: of what can be told little is left, and that is told.
    assert!(printed * 10 > all, "hiding everything is no art: {printed} of {all} are printed");
}

/// REP-02 on what the command really writes: the JSON, the CSV and the text are read back and attacked.
#[test]
fn rep_02_nothing_is_derived_from_what_the_command_writes() {
    for adults in [45, 260, 900] {
        let mut world = town(adults);
        let (code, out, said) = world.command(&["--json"]);
        assert_eq!(code, Some(0), "{said}");
        let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        let limit = 10;
        let reports = world.report(&["invitation", "subjects", "ladder", "readers", "teens", "household", "thanks"]);
        let names: Vec<Symbol> = reports.iter().map(|report| Symbol::new(&report.campaign)).collect();
        let transaction = world.store.begin().expect("readable");
        let counted = bookmobile::report::count::people(&transaction, &world.program, &names).expect("readable");
        drop(transaction);
        let mut small = 0;
        for (report, people) in reports.iter().zip(&counted.people) {
            small += attacked(&report.lines, people, report.campaign == "ladder", limit);
            let of_json = json["campaigns"].as_array().expect("an array").iter();
            let of_json = of_json.clone().find(|one| one["campaign"] == *report.campaign).expect("in the JSON too");
            same_as_json(&report.lines, of_json);
        }
        assert!(small > 20, "{adults} adults: {small} small counts");
        let counts = reports.iter().filter(|report| ["invitation", "subjects", "readers"].contains(&&*report.campaign));
        let counts: Vec<Count> = counts.flat_map(|report| &report.lines).flat_map(Line::counts).collect();
        let counted = counts.iter().filter(|count| **count != Count::None).count();
        let told = counts.iter().filter(|count| count.known().is_some()).count();
        assert!(adults < 900 || told * 4 > counted * 3, "hiding everything is no art: {told} of {counted} are printed");
        let (code, csv, _) = world.command(&["--csv"]);
        assert_eq!(code, Some(0));
        same_as_csv(&reports, &csv);
        let (code, text, _) = world.command(&[]);
        assert_eq!(code, Some(0));
        same_as_text(&reports, &text);
    }
}

fn word(count: Count) -> Option<String> {
    match count {
        Count::Known(count) => Some(count.to_string()),
        Count::Hidden => Some("hidden".into()),
        Count::None => None,
    }
}

/// The JSON has the counts of the lines and no other number that is a count; what follows from a hidden one is missing.
fn same_as_json(lines: &[Line], json: &serde_json::Value) {
    let groups = json["groups"].as_array().expect("an array");
    assert_eq!(groups.len(), lines.len());
    for (line, group) in lines.iter().zip(groups) {
        for (measure, count) in attack::MEASURES.iter().zip(line.counts()) {
            let found = match &group[*measure] {
                serde_json::Value::Null => None,
                serde_json::Value::String(text) => Some(text.clone()),
                number => Some(number.to_string()),
            };
            assert_eq!(found, word(count), "{measure}");
        }
    }
    for comparison in json["comparisons"].as_array().expect("an array") {
        let of = |side: &str| lines.iter().find(|line| name(&line.group) == comparison[side]).expect("a line");
        let is_goal = comparison["measure"] == "goal";
        let needed = ["group", "against"]
            .map(of)
            .map(|line| if is_goal { [line.goal_known, line.goal_reached] } else { [line.sent, line.clicked] });
        let is_known = needed.iter().flatten().all(|count| count.known().is_some());
        for figure in ["difference", "low", "high"] {
            assert_eq!(comparison[figure].is_number(), is_known, "{comparison}");
        }
        assert_eq!(comparison["verdict"] == "hidden", !is_known);
        let says_number = comparison["sentence"].as_str().expect("a text").contains("of 100");
        assert_eq!(says_number, is_known, "{comparison}");
    }
}

fn same_as_csv(reports: &[bookmobile::report::CampaignReport], csv: &str) {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    let expected = reports.iter().map(|report| report.lines.len()).sum::<usize>();
    assert_eq!(rows.len(), expected);
    for row in rows {
        let report = reports.iter().find(|report| report.campaign == row[0]).expect("a campaign");
        let line = report.lines.iter().find(|line| name(&line.group) == row[2]).expect("a line");
        let counts: Vec<String> = line.counts().into_iter().map(|count| word(count).unwrap_or_default()).collect();
        assert_eq!(row.iter().skip(3).take(6).collect::<Vec<_>>(), counts);
    }
}

/// The text fits 80 columns, and a bar, a share or a difference stands only where its counts do.
fn same_as_text(reports: &[bookmobile::report::CampaignReport], text: &str) {
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(!text.contains('\x1b'), "no colours in a pipe");
    for report in reports {
        let head = |line: &&str| line.split_whitespace().next() == Some(report.campaign.as_str());
        let at = text.lines().position(|line| head(&line)).unwrap_or_else(|| panic!("{}: {text}", report.campaign));
        let own: Vec<&str> = text.lines().skip(at).take_while(|line| !line.is_empty()).collect();
        if report.lines.iter().flat_map(Line::counts).all(|count| count.known().is_none()) {
            assert!(own[1].contains("Too few to say"), "{own:?}");
            assert!(own.iter().skip(1).all(|line| !line.contains("of 100")), "{own:?}");
            continue;
        }
        for line in &report.lines {
            let label = name(&line.group);
            let row = own.iter().find(|row| row.trim_start().starts_with(&label)).expect("a row");
            let counts: Vec<String> = line
                .counts()
                .into_iter()
                .filter(|count| *count != Count::None)
                .map(|count| word(count).expect("counted").replace("hidden", "×"))
                .collect();
            let cells: Vec<String> = row.trim()[label.len()..].split_whitespace().map(|c| c.replace(',', "")).collect();
            assert_eq!(cells, counts, "{row}");
        }
    }
}

/// REP-04: a campaign that is for one household has a report without a figure, in every form.
#[test]
fn rep_04_a_filter_that_narrows_to_a_household_is_refused() {
    let mut world = super::world::World::new(program());
    let people = world.people("adult", 300, 0, |_| true);
    world.write(super::world::BEGIN, |writer, program| {
        let field = |name: &str| program.catalogue.field_named(Symbol::new(name)).expect("declared");
        for patron in &people[..4] {
            let key = format!("p{}", patron.0 - people[0].0);
            let born = bookmobile::time::Day(7_000);
            let fields = [
                (field("postal_zone"), Some(bookmobile::catalogue::Value::text("K1A 0B1"))),
                (field("born"), Some(bookmobile::catalogue::Value::Date(born))),
            ];
            writer.patron(&key, None, &fields).expect("written");
        }
    });
    world.tick(super::world::hours(24));
    let enrolled: usize = world.groups("household").values().map(Vec::len).sum();
    assert!((3..10).contains(&enrolled), "{enrolled} of the household are enrolled");
    let report = world.report(&["household"]).remove(0);
    assert!(report.lines.iter().flat_map(Line::counts).all(|count| count.known().is_none()), "{report:?}");
    let (code, text, _) = world.command(&["household"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("Too few to say"), "{text}");
    let (_, json, _) = world.command(&["household", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["campaigns"][0]["groups"][0]["enrolled"], "hidden");
    let (_, csv, _) = world.command(&["household", "--csv"]);
    assert!(csv.lines().nth(1).expect("a row").contains("hidden,hidden"), "{csv}");
}
