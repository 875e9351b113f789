//! Schedules: `every …`. The parser has seen to the ranges.

use crate::program::Schedule;
use crate::syntax::ast::ScheduleKind;

/// The dates of a schedule.
pub fn every(kind: &ScheduleKind) -> Schedule {
    match kind {
        ScheduleKind::Day => Schedule::Daily,
        ScheduleKind::Weekdays(days) => Schedule::Weekdays(days.iter().map(|(day, _)| *day).collect()),
        ScheduleKind::Weeks { every, on, from } => Schedule::Weeks { every: every.value, on: on.0, from: from.0 },
        ScheduleKind::MonthDay(day) => Schedule::MonthDay(day.value),
        ScheduleKind::MonthWeekday { nth, weekday } => Schedule::MonthWeekday { nth: *nth, weekday: weekday.0 },
        ScheduleKind::MonthLastDay => Schedule::MonthLastDay,
        ScheduleKind::Year { day, month } => Schedule::Year { month: month.0, day: day.value },
    }
}
