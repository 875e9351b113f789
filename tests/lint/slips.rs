//! The usual slips in a campaign's clauses and steps: one finding each, and it says what to write instead.

use bookmobile::check;
use bookmobile::diagnostic::Sources;

const HEAD: &str = r#"
library "Test Library" { timezone "America/Toronto"  languages en  sender "T" <news@library.example>  address "1 Main Street" }
purpose essential "Notices" without consent
patron { house one of central, eastside  ends date  email email optional }
event visit { place text }
event call { at_desk bool }
message note { email { subject "A note" body "Hello." } }
message post { web { title "A post" body "Hello." link "https://library.example" } }
campaign uses { purpose essential  audience public  start once on 2026-12-23 at 10:00  publish post by web }
"#;

/// A campaign's clauses and steps, the code of the finding, and what its help says.
const SLIPS: &[(&str, &str, &str)] = &[
    ("purpose essential  audience everyone  start on visit\n  wait 3 fortnights\n  send note", "E0028", "days, weeks"),
    (
        "purpose essential  audience everyone  start on visit\n  wait 3 dyas\n  send note",
        "E0028",
        "did you mean `days`?",
    ),
    ("purpose essential  audience everyone  start on visit\n  wait 3\n  send note", "E0028", "`3 days`"),
    (
        "purpose essential  audience everyone  start on visit  again after never\n  send note",
        "E0111",
        "after `again` it stands without `after`",
    ),
    (
        "purpose essential  audience everyone  start on visit  expires after visit\n  send note",
        "E0111",
        "such as `30 days`",
    ),
    (
        "purpose essential  audience everyone  start on visit\n  wait until 3 days\n  send note",
        "E0201",
        "`wait 3 days`",
    ),
    (
        "purpose essential  audience everyone  start on visit\n  split { 50% { send note } 40% { stop } }",
        "E0411",
        "the missing 10%",
    ),
    (
        "purpose essential  audience everyone  start on visit where (place is \"x\")\n  sleep 3 days",
        "E0003",
        "send, wait, if",
    ),
    (
        "purpose essential  audience everyone  start on visit where (event.place is \"x\")\n  send note",
        "E0121",
        "without `event.`",
    ),
    ("purpose essential  audience everyone  start on visit\n  sent note", "E0003", "did you mean `send`?"),
    ("purpose essential  audience everyone  start on visit  start on call\n  send note", "E0401", "keep one `start`"),
    ("audience everyone  start on visit\n  send note", "E0402", "`purpose essential`"),
    (
        "purpose essential  audience everyone  start on visit\n  send note  publish post by web",
        "E0429",
        "`audience public`",
    ),
    (
        "purpose essential  audience public  start every day at 10:00\n  wait until 2 days before ends  publish post by web }\ncampaign other { purpose essential  audience everyone  start on visit  send note",
        "E0429",
        "`wait until 2027-01-02`",
    ),
    (
        "purpose essential  audience public  start every day at 10:00\n  wait until latest(visit)  publish post by web }\ncampaign other { purpose essential  audience everyone  start on visit  send note",
        "E0429",
        "`wait until 2027-01-02`",
    ),
    ("purpose essential  audience everyone  start on visit\n  send note by sms", "E0418", "add `sms { … }`"),
    (
        "purpose essential  audience everyone  start on visit\n  send note\n  stop\n  send note",
        "W0401",
        "before the `stop`",
    ),
    (
        "purpose essential  audience everyone  start on visit  goal has call since start\n  send note",
        "E0001",
        "`within 60 days`",
    ),
    (
        "purpose essential  audience everyone  start on visit  limit 3 per 7 days\n  send note",
        "E0001",
        "3 messages per 7 days",
    ),
    (
        "purpose essential  audience everyone  start every 2 weeks on tuesday at 10:00\n  send note",
        "E0001",
        "`from 2026-06-15`",
    ),
    (
        "purpose essential  audience everyone  start on visit\n  if house is central { send note } elseif house is eastside { stop }",
        "E0003",
        "`else if`",
    ),
];

#[test]
fn the_usual_slips_are_one_finding_each_that_teaches() {
    for (slip, code, help) in SLIPS {
        let mut sources = Sources::default();
        sources.add("slip.campaign", format!("{HEAD}campaign c {{\n  {slip}\n}}\n"));
        let found = check::compile(sources).diagnostics;
        let all: Vec<String> = found
            .iter()
            .map(|found| {
                format!("{}: {} ({})", found.code.0, found.message, found.help.as_deref().unwrap_or("no help"))
            })
            .collect();
        let [only] = found.as_slice() else { panic!("one finding for\n{slip}\nnot {all:#?}") };
        assert_eq!(only.code.0, *code, "{slip}: {all:?}");
        assert!(only.help.as_deref().is_some_and(|text| text.contains(help)), "{slip}: {all:?}");
    }
}
