//! What the months ahead would look like: a copy of the store is ticked forward, and what leaves its outbox is counted.
//!
//! It is no forecast. No reader joins, borrows or comes; only what the store knows already goes on: dates come due,
//! journeys take their next step, schedules fall. Who answers a message is invented if one asks for it ([`Responses`]).
//!
//! Invariants: the store is not written; what comes out depends on the store, the program and [`Options`] alone; and it
//! holds counts, no patron.

mod fold;
mod html;
mod json;
mod respond;
mod run;
mod tally;
mod text;

pub use fold::Fold;
pub use html::page;
pub use json::json;
pub use respond::{Responses, Shares};
pub use run::{Options, SimulateError, simulate};
pub use text::{Look, text};

use crate::catalogue::Channel;
use crate::engine::LimitOf;
use crate::time::{Day, Instant};

/// What was counted.
#[derive(Clone, PartialEq, Debug)]
pub struct Simulation {
    pub library: String,
    pub zone: String,
    /// The store's present, from which it went on.
    pub from: Instant,
    pub first: Day,
    pub last: Day,
    pub patrons: u64,
    pub ticks: u64,
    /// Before: else the first tick only took note, and shares were drawn by a key that is not the store's.
    pub had_ticked: bool,
    /// In order of name.
    pub campaigns: Vec<Campaign>,
    /// How days are put together where they are shown as a chart.
    pub fold: Fold,
    /// The first days of the chart's columns.
    pub columns: Vec<Day>,
    /// By column.
    pub cells: Vec<Cell>,
    /// The same by day.
    pub days: Vec<Cell>,
    /// By limit, then by the campaign that is held back.
    pub collisions: Vec<Collision>,
    /// Patrons whom any limit held back.
    pub limited_patrons: u64,
    /// Messages that waited for an hour or a day of delivery, and for no limit.
    pub waited: u64,
    /// Messages that nobody got, the commonest reason of a campaign first.
    pub unsent: Vec<Reason>,
    /// Occurrences that started nothing.
    pub not_started: Vec<Reason>,
    /// With [`Responses`]: what readers did.
    pub responded: Option<Responded>,
    /// Counts of fewer people leave no page that is made to be passed on.
    pub suppress_under: u64,
}

/// A campaign that ran.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Campaign {
    pub name: String,
    pub title: Option<String>,
    pub started: u64,
    /// Occurrences that did not start: see [`Simulation::not_started`].
    pub skipped: u64,
    /// Messages that nobody got: see [`Simulation::unsent`].
    pub unsent: u64,
    /// Decided, and on the last day not yet sent.
    pub waiting: u64,
}

/// How a message left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Way {
    /// To a patron or a guardian, or published.
    Channel(Channel),
    /// By e-mail to the staff.
    Staff,
}

impl Way {
    /// The word of the language.
    pub fn word(self) -> &'static str {
        match self {
            Way::Channel(channel) => channel.word(),
            Way::Staff => "staff",
        }
    }
}

/// Messages of one campaign, in one way, in one stretch of days.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    /// The first day of the stretch.
    pub day: Day,
    /// Index of [`Simulation::campaigns`].
    pub campaign: usize,
    pub way: Way,
    pub messages: u64,
    /// Patrons to whom they are addressed or whom they are about; 0 for what is published.
    pub patrons: u64,
}

/// Messages of a campaign that a limit held back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Collision {
    pub limit: LimitOf,
    /// As it is written: `3 messages per 7 days`.
    pub limit_text: String,
    /// Held back.
    pub campaign: String,
    pub messages: u64,
    pub patrons: u64,
    /// Of the messages, those that were sent on a later day,
    pub sent_later: u64,
    /// those that were not sent after all,
    pub lost: u64,
    /// and those that still wait on the last day.
    pub waiting: u64,
    /// Whose messages had used the limit up, and for how many of the patrons; the most first.
    pub against: Vec<(String, u64)>,
}

/// Why something did not happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    pub campaign: String,
    pub reason: String,
    pub count: u64,
    pub patrons: u64,
}

/// What readers are taken to have done.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Responded {
    pub clicked: u64,
    pub unsubscribed: u64,
    pub answered: u64,
}

/// A stretch of days and what makes it busy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Busy {
    /// Its first day.
    pub day: Day,
    pub messages: u64,
    /// By index of [`Simulation::campaigns`], the most first.
    pub campaigns: Vec<(usize, u64)>,
}

impl Simulation {
    /// All messages that left.
    pub fn messages(&self) -> u64 {
        self.days.iter().map(|cell| cell.messages).sum()
    }

    /// Of one campaign, by way.
    pub fn by_way(&self, campaign: usize, way: Way) -> u64 {
        let cells = self.cells.iter().filter(|cell| cell.campaign == campaign && cell.way == way);
        cells.map(|cell| cell.messages).sum()
    }

    /// The ways in which anything left.
    pub fn ways(&self) -> Vec<Way> {
        let mut ways: Vec<Way> = self.cells.iter().map(|cell| cell.way).collect();
        ways.sort_unstable();
        ways.dedup();
        ways
    }

    /// Messages of one campaign (`None`: of all), by column.
    pub fn series(&self, campaign: Option<usize>) -> Vec<u64> {
        let mut series = vec![0; self.columns.len()];
        for cell in self.cells.iter().filter(|cell| campaign.is_none_or(|only| only == cell.campaign)) {
            if let Ok(column) = self.columns.binary_search(&cell.day) {
                series[column] += cell.messages;
            }
        }
        series
    }

    /// The busiest days, at most so many.
    pub fn busiest_days(&self, most: usize) -> Vec<Busy> {
        busiest(&self.days, most)
    }

    /// The busiest columns of the chart, at most so many.
    pub fn busiest_columns(&self, most: usize) -> Vec<Busy> {
        busiest(&self.cells, most)
    }

    /// The messages of an ordinary day: as many days have more as have fewer.
    pub fn ordinary_day(&self) -> u64 {
        let mut days: Vec<u64> = busiest(&self.days, usize::MAX).iter().map(|busy| busy.messages).collect();
        let count = usize::try_from(i64::from(self.last.0) - i64::from(self.first.0) + 1).unwrap_or(0);
        days.resize(days.len().max(count), 0);
        days.sort_unstable();
        days.get(days.len() / 2).copied().unwrap_or(0)
    }

    /// What may be passed on: without every count of fewer people than the library's `suppress` limit, and all others
    /// rounded to a multiple of it (L. Willenborg and T. de Waal, "Elements of Statistical Disclosure Control", Springer
    /// 2001, chapter 5), since the audience of one campaign may be that of another but for a few. All figures of a page are
    /// sums of the cells that are left, so that none of what was taken away follows from them; of a chart by weeks or
    /// months a page gives no figures by day.
    #[must_use]
    pub fn without_small_counts(&self) -> Simulation {
        let limit = self.suppress_under.max(1);
        let is_large = |patrons: u64| patrons >= limit;
        let rounded = |count: u64| (count + limit / 2) / limit * limit;
        let is_shown = |cell: &Cell| {
            let is_published = matches!(cell.way, Way::Channel(channel) if !channel.is_personal());
            is_published || is_large(cell.patrons)
        };
        let large = |reasons: &[Reason]| {
            let large = reasons.iter().filter(|reason| is_large(reason.patrons)).cloned();
            large.map(|one| Reason { count: rounded(one.count), patrons: rounded(one.patrons), ..one }).collect()
        };
        let mut shown = self.clone();
        shown.patrons = rounded(self.patrons);
        shown.limited_patrons = rounded(self.limited_patrons);
        for cells in [&mut shown.cells, &mut shown.days] {
            cells.retain(is_shown);
            for cell in cells.iter_mut().filter(|cell| cell.patrons > 0) {
                (cell.messages, cell.patrons) = (rounded(cell.messages), rounded(cell.patrons));
            }
        }
        shown.collisions.retain(|collision| is_large(collision.patrons));
        for collision in &mut shown.collisions {
            let counts = [
                &mut collision.messages,
                &mut collision.patrons,
                &mut collision.sent_later,
                &mut collision.lost,
                &mut collision.waiting,
            ];
            counts.into_iter().for_each(|count| *count = rounded(*count));
            collision.against.retain(|(_, patrons)| is_large(*patrons));
            collision.against.iter_mut().for_each(|(_, patrons)| *patrons = rounded(*patrons));
        }
        shown.unsent = large(&self.unsent);
        shown.not_started = large(&self.not_started);
        shown
    }
}

fn busiest(cells: &[Cell], most: usize) -> Vec<Busy> {
    let mut found: Vec<Busy> = Vec::new();
    // Cells are in order of day.
    for cell in cells {
        if found.last().is_none_or(|busy| busy.day != cell.day) {
            found.push(Busy { day: cell.day, messages: 0, campaigns: Vec::new() });
        }
        let Some(busy) = found.last_mut() else { continue };
        busy.messages += cell.messages;
        match busy.campaigns.iter_mut().find(|(campaign, _)| *campaign == cell.campaign) {
            Some((_, messages)) => *messages += cell.messages,
            None => busy.campaigns.push((cell.campaign, cell.messages)),
        }
    }
    for busy in &mut found {
        busy.campaigns.sort_by_key(|(campaign, messages)| (std::cmp::Reverse(*messages), *campaign));
    }
    found.sort_by_key(|busy| (std::cmp::Reverse(busy.messages), busy.day));
    found.truncate(most);
    found
}
