//! Rendered messages, from a program and a patron's facts.

use std::path::Path;

use bookmobile::catalogue::{Channel, EventId, Value};
use bookmobile::check::compile;
use bookmobile::deliver::{EvalReader, Outgoing, Readings, Situation, compose};
use bookmobile::diagnostic::Sources;
use bookmobile::eval::{Question, World};
use bookmobile::message::link::{LinkKind, Links};
use bookmobile::message::{Content, NotRendered, Occasion, Rendered, Renderer};
use bookmobile::program::Program;
use bookmobile::rule::{EventRow, Facts, PatronId, RowId, Tables};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay};

fn program() -> Program {
    let path = Path::new("tests/message/library.campaign");
    let mut sources = Sources::default();
    sources.add(path, std::fs::read_to_string(path).expect("the program"));
    let compiled = compile(sources);
    let told: Vec<_> = compiled.diagnostics.iter().map(|found| format!("{} {}", found.code.0, found.message)).collect();
    compiled.program.unwrap_or_else(|| panic!("{told:#?}"))
}

fn day(text: &str) -> Day {
    Day::from_civil(text.parse().expect("a date"))
}

fn at(program: &Program, date: &str, hour: u32) -> Instant {
    program.library.zone.at(day(date), TimeOfDay::new(hour, 0, 0).expect("a time"))
}

fn symbol(name: &str) -> Option<Value> {
    Some(Value::Symbol(name.into()))
}

/// A patron and what the library has, to be changed by a test.
struct World_ {
    facts: Facts,
    tables: Tables,
    programs: Vec<Vec<Option<Value>>>,
    loans: Vec<EventRow>,
}

impl World_ {
    fn set(&mut self, program: &Program, field: &str, value: Option<Value>) {
        let id = program.catalogue.field_named(field.into()).expect("a field");
        self.facts.fields[id.index()] = value;
    }

    fn event(&self, program: &Program, name: &str) -> EventId {
        program.catalogue.event_named(name.into()).expect("an event")
    }
}

fn ana(program: &Program) -> World_ {
    let catalogue = &program.catalogue;
    let facts = Facts::empty(catalogue, PatronId(1));
    let mut world = World_ { facts, tables: Tables::default(), programs: Vec::new(), loans: Vec::new() };
    world.set(program, "first_name", Some(Value::text("Ana")));
    world.set(program, "branch", symbol("central"));
    world.set(program, "expires_on", Some(Value::Date(day("2028-01-02"))));
    world.set(program, "fines", Some(Value::Money(1_250)));
    world.set(
        program,
        "interests",
        Some(Value::Set(["gardening", "history"].map(|name| Value::Symbol(name.into())).into())),
    );
    world.set(program, "history_opt_in", Some(Value::Bool(false)));
    let visit = world.event(program, "visit");
    world.facts.events[visit.index()] = (1..=3)
        .map(|row| EventRow {
            row: RowId(row),
            at: at(program, "2026-11-01", row as u32),
            removed: false,
            fields: vec![Some(Value::text("Chess"))],
        })
        .collect();
    let mut rows = std::collections::HashMap::new();
    rows.insert("central".to_owned(), vec![Some(Value::text("9 to 5\nnot on <Mondays>"))]);
    world.tables.rows = vec![Default::default(); catalogue.tables.len()];
    let table = catalogue.table_named("branch_info".into()).expect("the table");
    world.tables.rows[table.index()] = rows;
    let item = |title: &str, date: &str, branch: &str| {
        let page = format!("https://riverside.example/p/{date}");
        vec![
            Some(Value::text(title)),
            Some(Value::Instant(at(program, date, 18))),
            symbol(branch),
            Some(Value::text(&page)),
        ]
    };
    world.programs = vec![
        item("Story *time*", "2026-12-03", "central"),
        item("Chess [club](x)", "2026-11-25", "central"),
        item("Gardens", "2026-11-25", "eastside"),
        item("Much later", "2027-02-01", "central"),
        item("Poetry", "2026-12-05", "central"),
    ];
    world
}

fn render(
    program: &Program,
    world: &World_,
    campaign: &str,
    channel: Channel,
    language: &str,
) -> Result<Rendered, NotRendered> {
    let campaign = program.campaign(campaign.into()).expect("the campaign");
    let bookmobile::program::StepKind::Send { message, .. } = &campaign.steps[0].kind else { panic!("a send") };
    let readings = Readings::new(program);
    let constants = World {
        catalogue: &program.catalogue,
        tables: &world.tables,
        zone: &program.library.zone,
        week_starts: program.library.week_starts,
    };
    let loan = world.event(program, "loan");
    let events: Vec<(EventId, &EventRow)> = world.loans.iter().map(|row| (loan, row)).collect();
    let feed = |_| world.programs.clone();
    let question = Question::of(&world.facts, at(program, "2026-11-23", 10));
    let situation = Situation { question, served: campaign.served, events: &events, feed: &feed };
    let reader = EvalReader::new(&readings, &constants, situation);
    let renderer = Renderer::new(program, Links::new("https://riverside.example/m", b"a secret of the store"));
    renderer.render(
        &Occasion {
            campaign,
            message: &program.messages[*message],
            channel,
            language: language.into(),
            key: "welcome-1",
            address: &["Ana <b>".to_owned(), "2 Side Street".to_owned()],
        },
        &reader,
    )
}

fn eml(program: &Program, rendered: &Rendered) -> String {
    let bytes = compose(&Outgoing {
        rendered,
        campaign: "welcome".into(),
        message: "hello".into(),
        to: "ana@example.org",
        from: program.library.sender.as_ref(),
        reply_to: program.library.reply_to.as_ref(),
        at: at(program, "2026-11-23", 10),
        day: day("2026-11-23"),
        until: None,
    });
    String::from_utf8(bytes.expect("good addresses")).expect("7 bits").replace("\r\n", "\n")
}

#[test]
fn an_email_in_two_languages() {
    let program = program();
    let world = ana(&program);
    for language in ["en", "fr"] {
        let rendered = render(&program, &world, "welcome", Channel::Email, language).expect("it renders");
        assert_eq!(rendered.language, Symbol::new(language));
        let Content::Email { subject, text, .. } = &rendered.content else { panic!("an e-mail") };
        insta::assert_snapshot!(format!("welcome_{language}_text"), format!("{subject}\n\n{text}"));
        insta::assert_snapshot!(format!("welcome_{language}_eml"), eml(&program, &rendered));
    }
}

#[test]
fn a_mail_program_finds_both_parts_and_the_unsubscribe_headers() {
    let program = program();
    let rendered = render(&program, &ana(&program), "welcome", Channel::Email, "fr").expect("it renders");
    let bytes = eml(&program, &rendered).replace('\n', "\r\n");
    let parsed = mail_parser::MessageParser::default().parse(bytes.as_bytes()).expect("a message");
    assert_eq!(parsed.subject(), Some("Bienvenue, Ana !"));
    let text = parsed.body_text(0).expect("a text part");
    assert!(
        text.contains("Bibliothèque centrale") && text.contains("2 janvier 2028") && text.contains("12,50"),
        "{text}"
    );
    let html = parsed.body_html(0).expect("an HTML part");
    assert!(html.contains("<strong>Bibliothèque centrale</strong>") && html.contains("lang=\"fr\""), "{html}");
    let unsubscribe = rendered.unsubscribe.clone().expect("promotion needs consent");
    assert!(html.contains(&unsubscribe) && text.contains(&unsubscribe));
    assert!(bytes.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"));
}

#[test]
fn links_lead_to_what_is_kept_with_the_message() {
    let program = program();
    let rendered = render(&program, &ana(&program), "welcome", Channel::Email, "en").expect("it renders");
    let Content::Email { html, .. } = &rendered.content else { panic!("an e-mail") };
    assert!(!html.contains("https://riverside.example/p/"), "targets stand in no link: {html}");
    let links = Links::new("https://riverside.example/m", b"a secret of the store");
    let start =
        html.find("https://riverside.example/m/c/").expect("a tracked link") + "https://riverside.example/m/c/".len();
    let token: String = html[start..].chars().take_while(|c| *c != '"').collect();
    let read = links.read(LinkKind::Click, &token).expect("a token of ours");
    assert_eq!(read.message, rendered.id);
    let target = rendered.links.iter().find(|target| target.number == read.number).expect("its record");
    assert_eq!(&*target.target, "https://riverside.example/p/2026-11-25", "the first of the pick, by its time");
}

#[test]
fn tpl_01_a_hostile_name_stays_a_name() {
    let program = program();
    let mut world = ana(&program);
    let name = "<script>alert(1)</script>\r\nBcc: victim@example.org\n\n# **x** [a](javascript:b)";
    world.set(&program, "first_name", Some(Value::text(name)));
    let rendered = render(&program, &world, "welcome", Channel::Email, "en").expect("it renders");
    let Content::Email { subject, html, text } = &rendered.content else { panic!("an e-mail") };
    assert!(!subject.contains(['\r', '\n']), "{subject:?}");
    assert!(!html.contains("<script>") && html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    assert!(!html.contains("javascript:b\"") && !html.contains("<strong>x"), "{html}");
    assert!(text.contains("<script>alert(1)</script>") && text.contains("[a](javascript:b)"), "{text}");
    let bytes = eml(&program, &rendered);
    let headers = bytes.split("\n\n").next().expect("a header block");
    assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{headers}");
}

#[test]
fn tpl_11_what_is_unknown_prints_its_default_or_nothing_is_sent() {
    let program = program();
    let mut world = ana(&program);
    world.set(&program, "first_name", None);
    let rendered = render(&program, &world, "welcome", Channel::Sms, "en").expect("it renders");
    let Content::Sms { text, segments } = &rendered.content else { panic!("an SMS") };
    assert!(text.starts_with("Hello reader: https://riverside.example/m/c/"), "{text}");
    assert_eq!(segments.count, 1);
    world.set(&program, "expires_on", None);
    let refused = render(&program, &world, "welcome", Channel::Email, "en").expect_err("a required field is missing");
    let NotRendered::Unknown(span) = refused else { panic!("{refused}") };
    assert_eq!(program.sources.snippet(span), "expires_on");
}

#[test]
fn a_letter_has_the_address_and_plain_links() {
    let program = program();
    let rendered = render(&program, &ana(&program), "welcome", Channel::Print, "en").expect("it renders");
    let Content::Print { html, .. } = &rendered.content else { panic!("a letter") };
    assert!(html.contains("Ana &lt;b&gt;\n2 Side Street") && html.contains("1 Main Street"), "{html}");
    assert!(html.contains("our programme</a> (https://riverside.example/events)"), "{html}");
}

#[test]
fn events_of_a_start_with_together_are_repeated() {
    let program = program();
    let mut world = ana(&program);
    let loan = |row, title: &str, date: &str| EventRow {
        row: RowId(row),
        at: at(&program, "2026-11-01", 9),
        removed: false,
        fields: vec![Some(Value::text(title)), symbol("central"), Some(Value::Date(day(date))), None],
    };
    world.loans = vec![loan(1, "Emma & *Co*", "2026-11-26"), loan(2, "Middlemarch", "2026-11-26")];
    let table = world.event(&program, "loan");
    world.facts.events[table.index()].clone_from(&world.loans);
    let rendered = render(&program, &world, "due_soon", Channel::Email, "en").expect("it renders");
    let Content::Email { subject, html, text } = &rendered.content else { panic!("an e-mail") };
    assert_eq!(subject, "2 items are due soon");
    assert!(
        text.starts_with(
            "- Emma & *Co*, due November 26, 2026 (Central Library, 9 to 5  not on <Mondays>)\n"
                .split("  ")
                .next()
                .expect("a part")
        ),
        "{text}"
    );
    assert!(html.contains("Emma &amp; *Co*") && html.contains("not on &lt;Mondays&gt;"), "{html}");
    assert!(rendered.unsubscribe.is_none() && !text.contains("Unsubscribe"), "a notice needs no consent");
    assert!(rendered.content.says("emma & *co*, DUE november 26, 2026"));
    assert!(!rendered.content.says("overdue"));
    world.loans.truncate(1);
    let rendered = render(&program, &world, "due_soon", Channel::Email, "fr").expect("it renders");
    assert!(rendered.content.says("Un document est à rendre bientôt"));
}

#[test]
fn con_09_the_default_layout_of_a_program_must_carry_promotional_mail() {
    let path = Path::new("tests/message/library.campaign");
    let text = std::fs::read_to_string(path).expect("the program");
    let with_layout = |inner: &str| {
        let mjml =
            "<mjml><mj-body><mj-section><mj-column><mj-text>BODY</mj-text></mj-column></mj-section></mj-body></mjml>";
        let mut sources = Sources::default();
        sources.add(path, text.as_str());
        sources.add("tests/message/layouts/default.hbs", mjml.replace("BODY", inner));
        let compiled = compile(sources);
        let errors = compiled.diagnostics.iter().filter(|found| found.code.0.starts_with('E'));
        (errors.map(|found| found.code.0).collect::<Vec<_>>(), compiled.program)
    };
    // `welcome` needs consent, `due_soon` does not.
    assert_eq!(with_layout("{{body}}").0, ["E0719"]);
    let (errors, program) = with_layout("{{body}} {{library}}, {{address}} <a href=\"{{unsubscribe}}\">x</a> MINE");
    assert!(errors.is_empty(), "{errors:?}");
    let program = program.expect("it is right");
    let rendered = render(&program, &ana(&program), "welcome", Channel::Email, "en").expect("it renders");
    let Content::Email { html, .. } = &rendered.content else { panic!("an e-mail") };
    assert!(html.contains("1 Main Street, Riverside ON") && html.contains("MINE"), "{html}");
}
