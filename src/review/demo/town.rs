//! What belongs to nobody: branches with their hours, and the calendar of programmes.

use super::names::PROGRAMMES;
use super::random::Random;
use super::schema::{Schema, symbol};
use crate::catalogue::Value;
use crate::time::{Day, Instant};

/// A branch, how many of a hundred readers call it theirs, and its row of `branch_info`.
pub struct Branch {
    pub name: &'static str,
    pub percent: i64,
    /// Hours, street, telephone, contact: as the catalogue orders them.
    pub info: [&'static str; 4],
}

/// All branches.
pub const BRANCHES: &[Branch] = &[
    Branch {
        name: "central",
        percent: 40,
        info: ["Mon to Sat 9 to 20", "40 Mill Street", "613 555 0140", "central@pineriver.example"],
    },
    Branch {
        name: "harbour",
        percent: 21,
        info: ["Tue to Sat 10 to 18", "2 Harbour Road", "613 555 0141", "harbour@pineriver.example"],
    },
    Branch {
        name: "northgate",
        percent: 18,
        info: ["Tue to Sat 10 to 18", "7 North Road", "613 555 0142", "northgate@pineriver.example"],
    },
    Branch {
        name: "mill_creek",
        percent: 13,
        info: ["Wed to Sat 12 to 18", "118 Creek Lane", "613 555 0143", "millcreek@pineriver.example"],
    },
    Branch {
        name: "bookmobile",
        percent: 8,
        info: ["see the stops", "40 Mill Street", "613 555 0144", "bookmobile@pineriver.example"],
    },
];

/// One date of a programme.
pub struct Programme {
    pub title: &'static str,
    pub topic: &'static str,
    pub branch: &'static str,
    pub day: Day,
    pub starts_at: Instant,
}

/// A day's programmes of the branches, from `first` to `last`.
pub fn calendar(schema: &Schema<'_>, seed: u64, first: Day, last: Day) -> Vec<Programme> {
    let mut random = Random::new(seed, u64::MAX);
    let mut calendar = Vec::new();
    for day in first.0..=last.0 {
        let day = Day(day);
        for branch in BRANCHES {
            // The busier the branch, the more of its days have something on.
            if random.chance(20 + branch.percent) {
                let &(title, topic) = random.pick(PROGRAMMES);
                let starts_at = schema.at(day, 60 * random.between(10, 18) + 30 * random.below(2));
                calendar.push(Programme { title, topic, branch: branch.name, day, starts_at });
            }
        }
    }
    calendar
}

impl Programme {
    /// Its row of the feed `programs`: title, starts_at, branch, topic, page.
    pub fn feed_row(&self) -> Vec<Option<Value>> {
        let page = format!("https://pineriver.example/events/{}", self.starts_at.0);
        let topics: [Value; 1] = [symbol(self.topic)];
        [
            Value::text(self.title),
            Value::Instant(self.starts_at),
            symbol(self.branch),
            Value::Set(topics.into()),
            Value::text(&page),
        ]
        .map(Some)
        .into()
    }
}
