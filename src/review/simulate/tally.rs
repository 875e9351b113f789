//! Counting: what the copy's outbox holds at the end, and what each delivery told of limits.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::catalogue::Channel;
use crate::engine::{self, DeliveryReport, LimitOf, Limited, Plan, RecipientKind, TickReport};
use crate::program::Program;
use crate::rule::PatronId;
use crate::store::Store;
use crate::symbol::Symbol;
use crate::time::{Day, Instant};

use super::{Campaign, Cell, Collision, Fold, Reason, Simulation, Way};

/// What is counted on the way.
pub(super) struct Tally {
    begin: Instant,
    ticks: u64,
    campaigns: Vec<Campaign>,
    by_name: HashMap<&'static str, usize>,
    limited: BTreeMap<(LimitOf, Symbol), Held>,
    limited_patrons: HashSet<PatronId>,
}

/// Messages of one campaign that one limit held back.
#[derive(Default)]
struct Held {
    messages: BTreeSet<i64>,
    patrons: HashSet<PatronId>,
    against: BTreeMap<Symbol, HashSet<PatronId>>,
}

/// A message that was sent.
struct Sent {
    day: Day,
    campaign: usize,
    way: Way,
    patron: Option<PatronId>,
}

/// By campaign and reason: the patron of each message or occurrence.
type ByReason = BTreeMap<(String, String), Vec<Option<PatronId>>>;

/// What became of the messages that the outbox holds.
#[derive(Default)]
struct Outcomes {
    /// In order of day.
    sent: Vec<Sent>,
    unsent: ByReason,
    /// Of the messages that a limit held back: whether each was sent; those that still wait are not in it.
    decided: HashMap<i64, bool>,
    waiting: BTreeMap<String, u64>,
    waited: u64,
}

impl Tally {
    /// For the campaigns of `plan`, from `begin` on.
    pub fn new(plan: &Plan<'_>, begin: Instant) -> Tally {
        let campaign = |campaign: &crate::program::Campaign| Campaign {
            name: campaign.name.to_string(),
            title: campaign.label.as_ref().map(|label| label.text.to_string()),
            started: 0,
            skipped: 0,
            unsent: 0,
            waiting: 0,
        };
        Tally {
            begin,
            ticks: 0,
            campaigns: plan.campaigns.iter().map(|running| campaign(running.campaign)).collect(),
            by_name: plan.campaigns.iter().enumerate().map(|(index, running)| (running.name(), index)).collect(),
            limited: BTreeMap::new(),
            limited_patrons: HashSet::new(),
        }
    }

    /// A tick decided this.
    pub fn ticked(&mut self, report: TickReport) {
        self.ticks += 1;
        for (name, counts) in report.campaigns {
            if let Some(&index) = self.by_name.get(name.as_str()) {
                self.campaigns[index].started += counts.enrolled as u64;
                self.campaigns[index].skipped += counts.skipped as u64;
            }
        }
    }

    /// A delivery did this.
    pub fn delivered(&mut self, report: DeliveryReport) {
        for Limited { id, patron, campaign, limit, used_by } in report.limited {
            let held = self.limited.entry((limit, campaign)).or_default();
            held.messages.insert(id);
            held.patrons.insert(patron);
            self.limited_patrons.insert(patron);
            for name in used_by {
                held.against.entry(name).or_default().insert(patron);
            }
        }
    }

    /// Everything, at the end.
    pub fn count(
        mut self,
        copy: &Store,
        program: &Program,
        (first, last): (Day, Day),
        (fold, columns): (Fold, Vec<Day>),
    ) -> rusqlite::Result<Simulation> {
        let library = &program.library;
        let outcomes = self.outcomes(copy, program)?;
        for ((name, _), patrons) in &outcomes.unsent {
            if let Some(&index) = self.by_name.get(name.as_str()) {
                self.campaigns[index].unsent += patrons.len() as u64;
            }
        }
        for (name, count) in &outcomes.waiting {
            if let Some(&index) = self.by_name.get(name.as_str()) {
                self.campaigns[index].waiting += count;
            }
        }
        let patrons: i64 = copy.connection().query_row("SELECT count(*) FROM patron", [], |row| row.get(0))?;
        Ok(Simulation {
            library: library.name.to_string(),
            zone: library.zone.name().to_owned(),
            from: self.begin,
            first,
            last,
            patrons: patrons as u64,
            ticks: self.ticks,
            had_ticked: false,
            cells: cells(&outcomes.sent, |day| fold.start(day, library.week_starts)),
            days: cells(&outcomes.sent, |day| day),
            fold,
            columns,
            collisions: self.collisions(program, &outcomes),
            limited_patrons: self.limited_patrons.len() as u64,
            waited: outcomes.waited,
            unsent: reasons(outcomes.unsent),
            not_started: reasons(self.not_started(copy)?),
            responded: None,
            suppress_under: u64::try_from(library.suppress_under).unwrap_or(0),
            campaigns: self.campaigns,
        })
    }

    fn outcomes(&self, copy: &Store, program: &Program) -> rusqlite::Result<Outcomes> {
        let mut found = Outcomes::default();
        let limited: HashSet<i64> = self.limited.values().flat_map(|held| held.messages.iter().copied()).collect();
        let mut statement = copy.connection().prepare(
            "SELECT id, campaign, patron, state, reason, sent_to, channel, decided_at, sent_at FROM outbox \
             WHERE state = 'queued' OR (state = 'sent' AND sent_at >= ?1) OR (state = 'dropped' AND decided_at >= ?1) \
             ORDER BY sent_at, id",
        )?;
        let mut rows = statement.query([self.begin.0])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let campaign: String = row.get(1)?;
            let patron = row.get::<_, Option<i64>>(2)?.map(PatronId);
            let is_limited = limited.contains(&id);
            match row.get_ref(3)?.as_str()? {
                "sent" => {
                    let (Some(&campaign), Some(channel)) =
                        (self.by_name.get(campaign.as_str()), Channel::from_word(row.get_ref(6)?.as_str()?))
                    else {
                        continue;
                    };
                    let is_staff = RecipientKind::from_word(row.get_ref(5)?.as_str()?) == RecipientKind::Staff;
                    let way = if is_staff { Way::Staff } else { Way::Channel(channel) };
                    let (decided_at, sent_at): (i64, i64) = (row.get(7)?, row.get(8)?);
                    found.sent.push(Sent { day: program.library.zone.day(Instant(sent_at)), campaign, way, patron });
                    found.waited += u64::from(sent_at > decided_at && !is_limited);
                    if is_limited {
                        found.decided.insert(id, true);
                    }
                }
                "dropped" => {
                    let reason = engine::undated(&row.get::<_, Option<String>>(4)?.unwrap_or_default());
                    found.unsent.entry((campaign, reason)).or_default().push(patron);
                    if is_limited {
                        found.decided.insert(id, false);
                    }
                }
                _ => *found.waiting.entry(campaign).or_default() += 1,
            }
        }
        Ok(found)
    }

    fn collisions(&self, program: &Program, outcomes: &Outcomes) -> Vec<Collision> {
        let one = |(&(limit, campaign), held): (&(LimitOf, Symbol), &Held)| {
            let declared = match limit {
                LimitOf::Library => program.library.limit,
                LimitOf::Campaign => program.campaign(campaign).and_then(|campaign| campaign.limit),
            };
            let became = |sent: bool| {
                let is = |id: &&i64| outcomes.decided.get(id) == Some(&sent);
                held.messages.iter().filter(is).count() as u64
            };
            let mut against: Vec<(String, u64)> =
                held.against.iter().map(|(name, patrons)| (name.to_string(), patrons.len() as u64)).collect();
            against.sort_by_key(|(_, patrons)| std::cmp::Reverse(*patrons));
            let messages = held.messages.len() as u64;
            let (sent_later, lost) = (became(true), became(false));
            Collision {
                limit,
                limit_text: declared.map_or_else(String::new, |limit| limit.to_string()),
                campaign: campaign.to_string(),
                messages,
                patrons: held.patrons.len() as u64,
                sent_later,
                lost,
                waiting: messages - sent_later - lost,
                against,
            }
        };
        self.limited.iter().map(one).collect()
    }

    /// The occurrences that started nothing.
    fn not_started(&self, copy: &Store) -> rusqlite::Result<ByReason> {
        let mut found = ByReason::new();
        let mut statement = copy.connection().prepare(
            "SELECT campaign, coalesce(reason, ''), patron FROM occurrence WHERE outcome = 'skipped' AND decided_at >= ?1",
        )?;
        let mut rows = statement.query([self.begin.0])?;
        while let Some(row) = rows.next()? {
            let patron = PatronId(row.get(2)?);
            found.entry((row.get(0)?, row.get(1)?)).or_default().push(Some(patron));
        }
        Ok(found)
    }
}

/// Messages by stretch of days, campaign and way. `sent` is in order of day.
fn cells(sent: &[Sent], stretch: impl Fn(Day) -> Day) -> Vec<Cell> {
    let mut found = Vec::new();
    for sent in sent.chunk_by(|a, b| stretch(a.day) == stretch(b.day)) {
        let mut stretches: BTreeMap<(usize, Way), (u64, HashSet<PatronId>)> = BTreeMap::new();
        for one in sent {
            let (messages, patrons) = stretches.entry((one.campaign, one.way)).or_default();
            *messages += 1;
            patrons.extend(one.patron);
        }
        let day = stretch(sent[0].day);
        found.extend(stretches.into_iter().map(|((campaign, way), (messages, patrons))| Cell {
            day,
            campaign,
            way,
            messages,
            patrons: patrons.len() as u64,
        }));
    }
    found
}

/// In order of campaign, the commonest reason first.
fn reasons(counted: ByReason) -> Vec<Reason> {
    let mut found: Vec<Reason> = (counted.into_iter())
        .map(|((campaign, reason), patrons)| Reason {
            campaign,
            reason,
            count: patrons.len() as u64,
            patrons: patrons.iter().flatten().collect::<HashSet<_>>().len() as u64,
        })
        .collect();
    found.sort_by(|a, b| a.campaign.cmp(&b.campaign).then(b.count.cmp(&a.count)));
    found
}
