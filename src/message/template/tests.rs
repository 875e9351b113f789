//! Templates against a small catalogue.

use std::sync::Arc;

use super::*;
use crate::catalogue::{
    ClassId, Element, Enum, EnumId, Event, EventKind, Feed, FeedId, Field, PrivacyClass, Survey, Table, Value,
};
use crate::limits;
use crate::rule::Kind;
use crate::time::{Duration, Weekday, Zone};

fn field(name: &str, ty: Type) -> Field {
    Field { name: name.into(), ty, optional: false, private: None, doc: None, span: None }
}

fn optional(name: &str, ty: Type) -> Field {
    Field { optional: true, ..field(name, ty) }
}

fn enumeration(values: &[&str]) -> Enum {
    Enum { name: None, values: values.iter().map(|&value| (value.into(), None)).collect(), span: None }
}

const BORROWING: ClassId = ClassId(0);
const HOLD: EventId = EventId(0);

fn catalogue() -> Catalogue {
    let branch = EnumId(0);
    let enums = vec![enumeration(&["central", "eastside"]), enumeration(&["gardening", "history"])];
    let fields = vec![
        optional("first_name", Type::Text),
        field("branch", Type::Enum(branch)),
        field("expires_on", Type::Date),
        field("fines", Type::Money),
        field("interests", Type::Set(Element::Enum(EnumId(1)))),
        field("history_opt_in", Type::Bool),
        Field { private: Some(BORROWING), ..field("searches", Type::Int) },
        field("home_page", Type::Url),
    ];
    let classes = vec![PrivacyClass {
        name: "borrowing".into(),
        label: None,
        requires: Some(FieldId(5)),
        open_records_serve: Vec::new(),
        only_for: None,
        span: None,
    }];
    let events = vec![Event {
        name: "hold".into(),
        kind: EventKind::Record { open_until: None, keep: Duration::days(7) },
        private: Some(BORROWING),
        fields: vec![
            field("title", Type::Text),
            field("branch", Type::Enum(branch)),
            optional("shelf_until", Type::Date),
        ],
        doc: None,
        span: None,
    }];
    let tables = vec![Table {
        name: "branch_info".into(),
        by: "branch".into(),
        fields: vec![field("hours", Type::Text)],
        span: None,
    }];
    let feeds = vec![Feed {
        name: "programs".into(),
        fields: vec![field("title", Type::Text), field("page", Type::Url), optional("room", Type::Text)],
        span: None,
    }];
    let surveys = vec![Survey { name: "service".into(), label: None, questions: Vec::new(), span: None }];
    let named = fields.iter().enumerate();
    let field_index = named.map(|(index, field)| (field.name, FieldId(index as u16))).collect();
    Catalogue { fields, events, enums, classes, tables, feeds, surveys, field_index, ..Catalogue::default() }
}

fn library() -> Library {
    Library {
        name: "Library".into(),
        zone: Zone::utc(),
        languages: vec!["en".into(), "fr".into()],
        sender: None,
        reply_to: None,
        address: None,
        policy: None,
        week_starts: Weekday::Monday,
        adult_at: None,
        quiet: None,
        limit: None,
        suppress_under: 10,
        currency: None,
        span: Span::new(FileId(0), 0..0),
    }
}

fn text(value: &str) -> Text {
    let span = Span::new(FileId(0), 0..value.len() + 2);
    Text { value: value.into(), span, is_block: false, offsets: vec![(0, 1)] }
}

/// Checks a template: the template, and each finding as `CODE SNIPPET`.
fn check_in(value: &str, part: PartKind, channel: Channel, start: StartScope) -> (Option<Template>, Vec<String>) {
    let (catalogue, library) = (catalogue(), library());
    let span = Span::new(FileId(0), 0..0);
    let senders = [Sender { campaign: "notice".into(), span, start, served: ClassSet::EMPTY }];
    let expr = |kind, ty| Expr { kind, ty, span };
    let lets =
        [Let { name: "visits".into(), value: expr(Kind::Literal(Value::Int(3)), Type::Int), classes: ClassSet::EMPTY }];
    let picks = [Pick {
        name: "next".into(),
        feed: FeedId(0),
        condition: None,
        first: 3,
        by: 0,
        descending: false,
        classes: ClassSet::EMPTY,
    }];
    let membership = |name: Symbol| {
        let classes = match name.as_str() {
            "friends" => ClassSet::EMPTY,
            "borrowers" => ClassSet::EMPTY.with(BORROWING),
            _ => return None,
        };
        Some(Membership { condition: expr(Kind::Literal(Value::Bool(true)), Type::Bool), classes })
    };
    let groups = ["friends".into(), "borrowers".into()];
    let scope = Scope {
        catalogue: &catalogue,
        library: &library,
        lets: &lets,
        picks: &picks,
        membership: &membership,
        groups: &groups,
        senders: &senders,
        channel,
        part,
        language: "en".into(),
    };
    let (template, findings) = Template::check(&text(value), &scope);
    let told = findings.iter().map(|finding| {
        let range = finding.span.range();
        format!("{} {}", finding.code.0, value.get(range.start.wrapping_sub(1)..range.end - 1).unwrap_or(value))
    });
    (template, told.collect())
}

fn body(value: &str) -> Vec<String> {
    check_in(value, PartKind::Body, Channel::Email, StartScope::None).1
}

fn with_hold(value: &str) -> Vec<String> {
    check_in(value, PartKind::Body, Channel::Email, StartScope::Event(HOLD)).1
}

fn with_holds(value: &str) -> Vec<String> {
    check_in(value, PartKind::Body, Channel::Email, StartScope::Events(HOLD)).1
}

#[track_caller]
fn accepted(found: Vec<String>) {
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn names_of_the_message_are_known() {
    accepted(body("{{branch}} {{expires_on}} {{fines}} {{money fines}} {{visits}} {{campaign}} {{library}} {{why}}"));
    accepted(body(
        "{{default first_name 'you'}} {{upper (default first_name 'you')}} {{default (upper first_name) 'YOU'}}",
    ));
    accepted(body("{{#if (member 'friends')}}a{{else if first_name}}b{{else}}c{{/if}} {{plural visits 'one' '{n}'}}"));
    accepted(body(
        "{{#each next}}- [{{title}}]({{link page}}) {{../branch}} {{default room '-'}} {{library}}{{else}}no{{/each}}",
    ));
    accepted(body("{{#each interests}}{{this}}{{#unless @last}}, {{/unless}}{{/each}} {{len interests}} {{len next}}"));
    accepted(body("{{unsubscribe}} [change]({{preferences}}) {{survey 'service'}} {{date expires_on 'd MMMM'}}"));
    accepted(body("{{default branch_info.hours 'see our website'}} {{!-- a comment with {{braces}} --}} \\{{braces}}"));
    accepted(with_hold("{{event.title}} {{default event.shelf_until 'soon'}} {{date event.at 'HH:mm'}}"));
    accepted(with_holds(
        "{{#each events}}{{title}} {{branch}} {{default branch_info.hours 'x'}}{{/each}} {{len events}}",
    ));
}

#[test]
fn wrong_names_are_told_where_they_stand() {
    assert_eq!(body("Hello {{default frist_name 'you'}}"), ["E0703 frist_name"]);
    assert_eq!(with_hold("{{event.tilte}}"), ["E0703 tilte"]);
    assert_eq!(body("{{branch_info.huors}}"), ["E0703 huors"]);
    assert_eq!(body("{{branch.hours}}"), ["E0703 hours"]);
    assert_eq!(with_holds("{{#each events}}{{first_name}}{{/each}}"), ["E0703 first_name"]);
    assert_eq!(body("{{#each next}}{{tilte}}{{/each}}"), ["E0703 tilte"]);
    assert_eq!(body("{{#if (member 'freinds')}}x{{/if}}"), ["E0703 freinds"]);
    assert_eq!(body("{{survey 'servise'}}"), ["E0713 servise"]);
}

#[test]
fn what_may_be_unknown_needs_a_default() {
    assert_eq!(body("{{first_name}} {{upper first_name}}"), ["E0705 first_name", "E0705 upper first_name"]);
    assert_eq!(body("{{searches}}"), ["E0705 searches"]);
    assert_eq!(with_hold("{{event.shelf_until}}"), ["E0705 event.shelf_until"]);
    assert_eq!(body("{{default first_name first_name}}"), ["E0705 default first_name first_name"]);
    assert_eq!(body("{{#each next}}{{room}}{{/each}}"), ["E0705 room"]);
}

#[test]
fn events_need_their_start() {
    assert_eq!(body("{{event.title}}"), ["E0709 event.title"]);
    assert_eq!(body("{{len events}}"), ["E0709 events"]);
    assert_eq!(with_hold("{{#each events}}{{title}}{{/each}}"), ["E0709 events"]);
    assert_eq!(with_holds("{{event.title}}"), ["E0709 event.title"]);
    assert_eq!(with_holds("{{events}}"), ["E0710 events"]);
}

#[test]
fn blocks_fit_together() {
    assert_eq!(body("{{#if branch}}x"), ["E0702 #if"]);
    assert_eq!(body("x{{/if}}"), ["E0702 /if"]);
    assert_eq!(body("{{#if branch}}x{{/each}}"), ["E0702 /each"]);
    assert_eq!(body("{{else}}"), ["E0702 else"]);
    assert_eq!(body("{{#if branch}}{{else}}{{else}}{{/if}}"), ["E0702 else"]);
    assert_eq!(body("Good until {{expires_on."), ["E0701 {{expires_on."]);
    assert_eq!(body("{{default first_name 'l'ami'}}"), ["E0708 '"]);
    assert_eq!(body("{{}}"), ["E0708 {{}}"]);
}

#[test]
fn tpl_03_nothing_is_printed_unescaped() {
    assert_eq!(body("{{{branch}}}"), ["E0706 {{{branch}}}"]);
    assert_eq!(body("{{&branch}} {{{{raw}}}}x{{{{/raw}}}}"), ["E0706 {{&branch}}", "E0706 {{{{raw}}}}"]);
}

#[test]
fn tpl_04_the_record_is_not_gone_through() {
    assert_eq!(body("{{#each this}}{{@key}}={{this}}{{/each}}"), ["E0710 this"]);
    assert_eq!(body("{{#each patron}}x{{/each}}"), ["E0703 patron"]);
    assert_eq!(body("{{this}}"), ["E0703 this"]);
    assert_eq!(body("{{#each next}}{{@key}}{{this}}{{/each}}"), ["E0703 @key", "E0703 this"]);
    assert_eq!(body("{{@root.first_name}}"), ["E0703 @root.first_name"]);
}

#[test]
fn tpl_05_helpers_are_those_of_the_language() {
    assert_eq!(body("{{lookup this 'history'}}{{log branch}}"), ["E0704 lookup", "E0704 log"]);
    assert_eq!(body("{{#with branch}}x{{/with}}"), ["E0704 with"]);
    assert_eq!(body("{{defualt first_name 'reader'}}"), ["E0704 defualt"]);
    assert_eq!(body("{{#if branch}}{{else each next}}{{/if}}"), ["E0704 each"]);
    assert_eq!(body("{{upper branch 'x'}} {{len}}"), ["E0708 upper", "E0703 len"]);
}

#[test]
fn tpl_07_no_value_stands_in_a_tag_a_script_or_an_image() {
    let raw = |found: &str| found.starts_with("W0702");
    let errors = |value| body(value).into_iter().filter(|found| !raw(found)).collect::<Vec<_>>();
    assert_eq!(errors("<a href={{branch}}>x</a>"), ["E0711 {{branch}}"]);
    assert_eq!(errors("<a href=\"{{branch}}\">{{branch}}</a>"), ["E0711 {{branch}}"]);
    assert_eq!(errors("<script>var x = '{{branch}}'</script>{{branch}}"), ["E0711 {{branch}}"]);
    assert_eq!(errors("<STYLE>{{branch}}</STYLE>"), ["E0711 {{branch}}"]);
    assert_eq!(errors("<b onclick='{{branch}}'>"), ["E0711 {{branch}}"]);
    assert_eq!(errors("![seen](https://library.example/{{branch}}.png)"), ["E0711 {{branch}}"]);
    assert_eq!(errors("[page]({{branch}})"), ["E0711 branch"]);
    accepted(errors("1 < {{visits}}, <https://library.example/{{branch}}>"));
    accepted(errors("[page]({{home_page}}) [map](https://library.example/?b={{branch}})"));
}

#[test]
fn tpl_08_partials_are_refused() {
    assert_eq!(body("{{> footer}} {{*x}}"), ["E0707 {{> footer}}", "E0707 {{*x}}"]);
    assert_eq!(body("{{#> footer}}x{{/footer}}"), ["E0707 {{#> footer}}"]);
    assert_eq!(body("{{#*inline 'a'}}{{> a}}{{/inline}}"), ["E0707 {{#*inline 'a'}}"]);
}

#[test]
fn tpl_09_deep_nesting_is_refused_at_once() {
    let deep = "{{#if branch}}".repeat(20_000) + &"{{/if}}".repeat(20_000);
    assert_eq!(body(&deep), ["E0712 #if branch"]);
    let deep = format!("{{{{{} branch{}}}}}", "(upper ".repeat(20_000), ")".repeat(20_000));
    assert_eq!(body(&deep).len(), 1);
    let fits = "{{#if branch}}".repeat(limits::TEMPLATE_NESTING) + &"{{/if}}".repeat(limits::TEMPLATE_NESTING);
    accepted(body(&fits));
}

#[test]
fn values_fit_their_helper() {
    assert_eq!(body("{{date branch 'd MMMM'}}"), ["E0708 branch"]);
    assert_eq!(body("{{date expires_on 'HH:mm'}}"), ["E0714 'HH:mm'"]);
    assert_eq!(body("{{money branch}} {{plural fines 'a' 'b'}}"), ["E0708 branch", "E0708 fines"]);
    assert_eq!(body("{{link 'events'}} {{link branch}}"), ["E0708 'events'", "E0708 branch"]);
    assert_eq!(body("{{history_opt_in}}"), ["E0715 history_opt_in"]);
    assert_eq!(body("{{#each branch}}x{{/each}}"), ["E0710 branch"]);
    assert_eq!(body("{{default x=branch}} {{#each next as |row|}}x{{/each}}"), ["E0708 x", "E0708 as", "E0708 each"]);
}

#[test]
fn what_is_read_is_told_with_its_classes() {
    let value = "{{default searches 0}} {{#if (member 'borrowers')}}x{{/if}} {{event.title}}";
    let (template, found) = check_in(value, PartKind::Body, Channel::Email, StartScope::Event(HOLD));
    accepted(found);
    let template = template.expect("no error");
    assert!(template.reads_start());
    let borrowing = ClassSet::EMPTY.with(BORROWING);
    let told: Vec<_> = template.variants[0]
        .uses
        .iter()
        .map(|used| (used.what.clone(), used.role, used.classes, used.written.clone()))
        .collect();
    assert_eq!(
        told,
        [
            (Used::Field(FieldId(6)), Role::Printed, borrowing, Arc::from("searches")),
            (Used::Group("borrowers".into()), Role::Decides, borrowing, Arc::from("'borrowers'")),
            (Used::Start(HOLD, EventRead::Field(0)), Role::Printed, borrowing, Arc::from("event.title")),
        ]
    );
}

#[test]
fn a_list_is_not_repeated_inside_itself() {
    assert_eq!(body("{{#each next}}{{#each ../next}}x{{/each}}{{/each}}"), ["E0710 ../next"]);
    assert_eq!(with_holds("{{#each events}}{{#each next}}{{title}}{{/each}}{{/each}}").len(), 0);
}

#[test]
fn tpl_15_a_long_sms_is_told() {
    let sms = |value: &str| check_in(value, PartKind::Text, Channel::Sms, StartScope::None).1;
    accepted(sms(&"a".repeat(160)));
    accepted(sms(&format!("{}{{{{#if branch}}}}{}{{{{/if}}}}", "a".repeat(150), "b".repeat(150))));
    let told = |value: &str| sms(value).into_iter().map(|found| found[..5].to_owned()).collect::<Vec<_>>();
    assert_eq!(told(&"a".repeat(161)), ["W0701"]);
    assert_eq!(told(&"ê".repeat(71)), ["W0701"]);
    assert_eq!(told(&"a".repeat(1531)), ["E0716"]);
}

#[test]
fn published_texts_name_no_patron() {
    let found = |value| check_in(value, PartKind::Body, Channel::Web, StartScope::None).1;
    assert_eq!(found("{{branch}} {{unsubscribe}} {{why}}"), ["E0703 branch", "E0703 unsubscribe", "E0703 why"]);
    assert_eq!(found("{{survey 'service'}}"), ["E0703 survey"]);
    accepted(found("{{library}} {{#each next}}[{{title}}]({{link page}}){{/each}}"));
}

#[test]
fn the_prepared_text_holds_numbers_only() {
    let tree = syntax::parse(&text(
        "{{~ default first_name 'x' ~}} {{#if branch}}\n{{title}}{{else if x}}{{/if}}{{#each next}}{{a}}{{/each}}",
    ));
    let prepared = tree.0.expect("it parses").prepared;
    assert_eq!(prepared, "{{~ s1 ~}} {{#if c2}}\n{{s3}}{{else if c4}}{{/if}}{{#each e5}}{{s6}}{{/each}}");
}

proptest::proptest! {
    /// What this parser accepts Handlebars accepts, and renders with the same tags.
    #[test]
    fn handlebars_reads_what_is_accepted(
        pieces in proptest::collection::vec(
            proptest::sample::select(vec![
                "{{branch}}", "{{ branch }}", "{{~branch~}}", "{{#if branch}}", "{{# if branch }}", "{{else}}", "{{ else }}",
                "{{else if branch}}", "{{~else~}}", "{{^}}", "{{/if}}", "{{/ if}}", "{{#each next}}", "{{/each}}", "{{title}}",
                "{{#unless branch}}", "{{/unless}}", "{{! c }}", "{{!-- {{x}} --}}", "\\{{", "\\\\{{branch}}", "{", "}", "}}", "{{", " ",
                "\n", "- x", "é", "'", "\"", "{{default first_name \"it's\"}}", "{{default first_name '}}'}}", "{{branch\n}}",
                "{{./branch}}", "{{this.branch}}", "{{\tbranch}}", "{{upper (lower branch)}}", "{{@first}}", "{{../branch}}",
            ]),
            0..12,
        )
    ) {
        let value = pieces.concat();
        if let (Some(template), _) = check_in(&value, PartKind::Body, Channel::Email, StartScope::None) {
            proptest::prop_assert!(template.prepared.compile().is_ok(), "{value:?}");
        }
    }
}
