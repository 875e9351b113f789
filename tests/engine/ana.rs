//! A library with one patron, in which days pass.

use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Handed, Handover, Plan};
use bookmobile::program::Program;
use bookmobile::review::versions;
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::time::Instant;

use super::town::BEGIN;

pub const HEAD: &str = r#"
library "Test Library" { timezone "America/Toronto"  languages en  sender "T" <news@library.example>  reply to <desk@library.example>  quiet none }
purpose essential "Notices" without consent
patron { house one of central, eastside  ends date  email email optional }
event visit { place text }
message note_a { email { subject "First"  body "The first one." } }
message note_b { email { subject "Second" body "The second one." } }
message note_c { email { subject "Third"  body "The third one." } }
"#;

pub fn program(campaigns: &str) -> Program {
    compiled(&format!("{HEAD}{campaigns}"))
}

pub fn compiled(text: &str) -> Program {
    let mut sources = Sources::default();
    sources.add("program.campaign", text);
    let compiled = check::compile(sources);
    compiled.program.unwrap_or_else(|| panic!("the program is right: {:?}", compiled.diagnostics))
}

/// A library with one patron, and the names of the messages that went out.
pub struct Town {
    pub store: Store,
    pub sent: Vec<&'static str>,
}

impl Town {
    pub fn new(program: &Program) -> Town {
        let mut store = Store::in_memory().expect("memory");
        store.align(&program.catalogue).expect("columns");
        let mut town = Town { store, sent: Vec::new() };
        town.house(program, 0, "central");
        town
    }

    /// Ana moves to another house on the day after the first tick.
    pub fn moved(program: &Program) -> Town {
        let mut town = Town::new(program);
        town.tick(program, 0);
        town.house(program, 1, "eastside");
        town.tick(program, 1);
        town
    }

    pub fn house(&mut self, program: &Program, day: i64, house: &str) {
        let transaction = self.store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&program.library.zone, at(day));
        let field = |name: &str| program.catalogue.field_named(Symbol::new(name)).expect("declared");
        let fields = [
            (field("house"), Some(bookmobile::catalogue::Value::Symbol(Symbol::new(house)))),
            (field("email"), Some(bookmobile::catalogue::Value::text("ana@library.example"))),
            (field("ends"), Some(bookmobile::catalogue::Value::Date(program.library.zone.day(at(20))))),
        ];
        writer.patron("ana", None, &fields).expect("written");
        drop(writer);
        transaction.commit().expect("written");
    }

    pub fn visit(&mut self, program: &Program, day: i64, place: &str) {
        let event = program.catalogue.event_named(Symbol::new("visit")).expect("declared");
        let fields: Vec<_> = (0..)
            .zip(&program.catalogue.event(event).fields)
            .map(|(index, field)| {
                (index, (field.name.as_str() == "place").then(|| bookmobile::catalogue::Value::text(place)))
            })
            .collect();
        let ana = self.store.reader().patron_by_key("ana").expect("readable").expect("she is there");
        let transaction = self.store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&program.library.zone, at(day));
        writer.event(ana, event, None, at(day), &fields).expect("written");
        drop(writer);
        transaction.commit().expect("written");
    }

    /// Ticks with `program` and delivers; earlier versions are compiled as the command line does.
    pub fn tick(&mut self, program: &Program, day: i64) {
        let plan = Plan::new(program);
        let needed = engine::versions_needed(&self.store, &plan).expect("readable");
        let older = versions::compiled(needed);
        let plan = plan.with_older(&older);
        engine::tick(&mut self.store, &plan, at(day), None).expect("a tick");
        let sent = &mut self.sent;
        let mut take = |message: &Handover<'_>| {
            sent.push(program.messages[message.message].name.as_str());
            Handed::Over(Vec::new())
        };
        engine::deliver(&mut self.store, &plan, at(day), &mut take).expect("a delivery");
    }
}

pub fn at(day: i64) -> Instant {
    BEGIN.plus_seconds(day * 86_400)
}
