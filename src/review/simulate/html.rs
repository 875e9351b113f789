//! A simulation as one page of HTML to be passed on: a chart as SVG, tables, and nothing from elsewhere.
//!
//! The page is well-formed XML too. It shows no count of fewer people than the library's `suppress` limit, and none from
//! which such a count follows ([`Simulation::without_small_counts`]).

use std::fmt::Write as _;

use super::text::way_name;
use super::{Busy, Collision, Fold, Reason, Simulation};
use crate::message::layout::escape;
use crate::review::show;

/// Campaigns that have a colour of their own; the others share one.
const COLOURS: usize = 7;
/// Stretches that are told as the busiest.
const BUSIEST: usize = 5;

/// The chart, in units of its view box.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 36.0;

/// Colours that remain different for most who do not see all of them (Okabe and Ito, 2008), in a light and a dark page.
const STYLE: &str = "\
:root { color-scheme: light dark; --back: #fff; --ink: #1a1a1a; --soft: #5a5a5a; --line: #d5d5d5;
  --c0: #0072b2; --c1: #e69f00; --c2: #009e73; --c3: #cc79a7; --c4: #56b4e9; --c5: #d55e00; --c6: #b8a400; --c7: #8a8a8a; }
@media (prefers-color-scheme: dark) { :root { --back: #16181c; --ink: #ececec; --soft: #a8a8a8; --line: #3a3d43;
  --c0: #4aa3df; --c1: #f0b429; --c2: #2fc79b; --c3: #e39cc4; --c4: #8fd0f5; --c5: #f5823a; --c6: #f0e442; --c7: #7f8590; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.2; } h2 { font-size: 1.15rem; margin-top: 2rem; }
p { max-width: 42rem; } .soft { color: var(--soft); }
svg { width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: var(--soft); } svg line { stroke: var(--line); }
.c0 { fill: var(--c0); } .c1 { fill: var(--c1); } .c2 { fill: var(--c2); } .c3 { fill: var(--c3); }
.c4 { fill: var(--c4); } .c5 { fill: var(--c5); } .c6 { fill: var(--c6); } .c7 { fill: var(--c7); }
ul.key { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; } ul.key svg { width: .8rem; height: .8rem; margin-right: .4rem; }
table { border-collapse: collapse; } .wide { overflow-x: auto; } th, td { text-align: right; padding: .2rem .7rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; } td.text, th.text { text-align: left; }
@media print { body { margin: 0; max-width: none; } }";

/// The page.
pub fn page(found: &Simulation) -> String {
    let shown = found.without_small_counts();
    let mut page = Page { shown: &shown, ranks: ranks(&shown), out: String::new() };
    page.head();
    page.chart();
    page.totals();
    page.busiest();
    page.collisions();
    page.reasons("Not sent", "messages", &shown.unsent);
    page.reasons("Did not start", "occurrences", &shown.not_started);
    page.out.push_str("</body>\n</html>\n");
    page.out
}

struct Page<'s> {
    shown: &'s Simulation,
    /// Campaigns that sent something, the most first.
    ranks: Vec<usize>,
    out: String,
}

/// Campaigns that sent something, the most first.
fn ranks(shown: &Simulation) -> Vec<usize> {
    let total = |index: &usize| shown.series(Some(*index)).iter().sum::<u64>();
    let mut ranks: Vec<usize> = (0..shown.campaigns.len()).filter(|index| total(index) > 0).collect();
    ranks.sort_by_key(|index| std::cmp::Reverse(total(index)));
    ranks
}

impl Page<'_> {
    fn say(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// The colour of a campaign.
    fn colour(&self, index: usize) -> usize {
        self.ranks.iter().position(|&ranked| ranked == index).map_or(COLOURS, |rank| rank.min(COLOURS))
    }

    fn head(&mut self) {
        let shown = self.shown;
        let library = escape(&shown.library);
        let title = format!("{library}: messages from {} to {}", shown.first, shown.last);
        self.say("<!DOCTYPE html>");
        self.say("<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>");
        self.say("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
        let _ = write!(self.out, "<title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n");
        let _ = writeln!(self.out, "<h1>{title}</h1>");
        let patrons = if shown.patrons < shown.suppress_under {
            "patrons".to_owned()
        } else {
            format!("{} patrons", show::count(shown.patrons))
        };
        let _ = writeln!(
            self.out,
            "<p>What {} campaigns would send to the {patrons} whom the library knows now, if nothing changed but the \
             date. This is no forecast: nobody joins, borrows or comes in it, so that what is due by today’s data thins \
             out with time.</p>",
            shown.campaigns.len(),
        );
        if !shown.had_ticked {
            self.say("<p>The campaigns have not run yet: who is drawn into a share will be drawn otherwise.</p>");
        }
        if shown.suppress_under > 1 {
            let _ = writeln!(
                self.out,
                "<p class=\"soft\">Whatever fewer than {limit} people would get from a campaign in a {} is left out, also of \
                 sums, and other counts of people and their messages are rounded to the nearest {limit}.</p>",
                shown.fold.word(),
                limit = shown.suppress_under,
            );
        }
    }

    fn chart(&mut self) {
        let shown = self.shown;
        let _ = writeln!(self.out, "<h2>Messages a {}</h2>", shown.fold.word());
        let totals = shown.series(None);
        let most = totals.iter().copied().max().unwrap_or(0);
        if most == 0 {
            self.say("<p>None.</p>");
            return;
        }
        let (step, top) = scale(most);
        let columns = totals.len();
        let wide = (WIDTH - LEFT) / columns as f64;
        let y = |value: u64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - value as f64 / top as f64);
        let peak = shown.busiest_columns(1);
        let highest = peak.first().map(|busy| shown.fold.name(busy.day)).unwrap_or_default();
        let _ = writeln!(
            self.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-labelledby=\"chart-title chart-desc\">\n<title id=\"chart-title\">Messages a {word}, by campaign</title>\n\
             <desc id=\"chart-desc\">A bar for each of {columns} {word}s, stacked by campaign. The highest is {highest} with {}. \
             All figures stand in the tables below.</desc>",
            show::count(most),
            word = shown.fold.word(),
        );
        for value in (0..=top).step_by(step as usize) {
            let at = y(value);
            let _ = writeln!(
                self.out,
                "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                at + 4.0,
                show::count(value)
            );
        }
        let series: Vec<(usize, Vec<u64>)> =
            self.ranks.iter().map(|&index| (index, shown.series(Some(index)))).collect();
        for (column, day) in shown.columns.iter().enumerate() {
            let x = LEFT + column as f64 * wide;
            let mut below = 0;
            for (index, series) in series.iter().filter(|(_, series)| series[column] > 0) {
                let (count, low) = (series[column], y(below));
                below += count;
                let high = y(below);
                let name = escape(&shown.campaigns[*index].name);
                let _ = writeln!(
                    self.out,
                    "<rect class=\"c{}\" x=\"{:.1}\" y=\"{high:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}: {name} {}\
                     </title></rect>",
                    self.colour(*index),
                    x + wide * 0.08,
                    wide * 0.84,
                    low - high,
                    escape(&shown.fold.name(*day)),
                    show::count(count)
                );
            }
        }
        self.months(wide);
        self.say("</svg>");
        self.key();
    }

    /// The months under the chart, as many as there is room for.
    fn months(&mut self, wide: f64) {
        let mut free = 0.0;
        for (column, name) in Fold::months(&self.shown.columns) {
            let x = LEFT + column as f64 * wide;
            if x >= free && x <= WIDTH - 30.0 {
                let _ = writeln!(self.out, "<text x=\"{x:.1}\" y=\"{:.1}\">{name}</text>", HEIGHT - 12.0);
                free = x + 34.0;
            }
        }
    }

    fn key(&mut self) {
        let names: Vec<(usize, String)> = (self.ranks.iter().take(COLOURS).enumerate())
            .map(|(colour, &index)| (colour, escape(&self.shown.campaigns[index].name)))
            .chain((self.ranks.len() > COLOURS).then(|| (COLOURS, "all others".to_owned())))
            .collect();
        self.say("<ul class=\"key\">");
        for (colour, name) in names {
            let _ = writeln!(
                self.out,
                "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"c{colour}\" width=\"10\" height=\"10\"/>\
                 </svg>{name}</li>"
            );
        }
        self.say("</ul>");
    }

    /// A table: its heads, those of texts marked, and its rows.
    fn table(&mut self, heads: &[(&str, bool)], rows: &[Vec<String>]) {
        let class = |is_text: bool| if is_text { " class=\"text\"" } else { "" };
        self.out.push_str("<div class=\"wide\"><table>\n<thead><tr>");
        for (head, is_text) in heads {
            let _ = write!(self.out, "<th scope=\"col\"{}>{}</th>", class(*is_text), escape(head));
        }
        self.say("</tr></thead>\n<tbody>");
        for row in rows {
            self.out.push_str("<tr>");
            for (cell, (_, is_text)) in row.iter().zip(heads) {
                let _ = write!(self.out, "<td{}>{}</td>", class(*is_text), escape(cell));
            }
            self.say("</tr>");
        }
        self.say("</tbody></table></div>");
    }

    fn totals(&mut self) {
        let shown = self.shown;
        let ways = shown.ways();
        self.say("<h2>Totals of what is shown</h2>");
        let heads: Vec<(&str, bool)> =
            [("campaign", true)].into_iter().chain(ways.iter().map(|&way| (way_name(way), false))).collect();
        let row = |index: &usize| {
            let counts = ways.iter().map(|&way| show::count(shown.by_way(*index, way)));
            let campaign = &shown.campaigns[*index];
            let title = campaign.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
            [format!("{}{title}", campaign.name)].into_iter().chain(counts).collect()
        };
        let rows: Vec<Vec<String>> = self.ranks.iter().map(row).collect();
        self.table(&heads, &rows);
    }

    fn busiest(&mut self) {
        let shown = self.shown;
        let busiest = shown.busiest_columns(BUSIEST);
        if busiest.is_empty() {
            return;
        }
        let word = shown.fold.word();
        let _ = writeln!(self.out, "<h2>The busiest {word}s</h2>");
        let row = |Busy { day, messages, campaigns }: &Busy| {
            let name =
                |&(index, count): &(usize, u64)| format!("{} {}", shown.campaigns[index].name, show::count(count));
            let names: Vec<String> = campaigns.iter().map(name).collect();
            vec![shown.fold.name(*day), show::count(*messages), names.join(", ")]
        };
        let rows: Vec<Vec<String>> = busiest.iter().map(row).collect();
        self.table(&[(word, true), ("messages", false), ("what makes it busy", true)], &rows);
        if shown.fold != Fold::Day {
            self.busiest_days();
        }
    }

    /// By name: counts of days would say, beside those of longer stretches, what other days hide.
    fn busiest_days(&mut self) {
        let shown = self.shown;
        self.say("<h2>The busiest days</h2>");
        let row = |Busy { day, campaigns, .. }: &Busy| {
            let names: Vec<&str> = campaigns.iter().map(|&(index, _)| shown.campaigns[index].name.as_str()).collect();
            vec![Fold::Day.name(*day), names.join(", ")]
        };
        let rows: Vec<Vec<String>> = shown.busiest_days(BUSIEST).iter().map(row).collect();
        self.table(&[("day", true), ("what makes it busy", true)], &rows);
    }

    fn collisions(&mut self) {
        let shown = self.shown;
        self.say("<h2>Collisions: patrons whom a limit holds back</h2>");
        if shown.collisions.is_empty() {
            self.say("<p>None that could be shown.</p>");
            return;
        }
        let heads =
            [("campaign", true), ("limit", true), ("patrons", false), ("messages", false), ("after messages of", true)];
        let row = |one: &Collision| {
            let against: Vec<&str> = one.against.iter().map(|(name, _)| name.as_str()).collect();
            vec![
                one.campaign.clone(),
                format!("{}: {}", one.limit.word(), one.limit_text),
                show::count(one.patrons),
                show::count(one.messages),
                against.join(", "),
            ]
        };
        let rows: Vec<Vec<String>> = shown.collisions.iter().map(row).collect();
        self.table(&heads, &rows);
    }

    fn reasons(&mut self, title: &str, what: &str, reasons: &[Reason]) {
        if reasons.is_empty() {
            return;
        }
        let _ = writeln!(self.out, "<h2>{title}</h2>");
        let rows: Vec<Vec<String>> = (reasons.iter())
            .map(|one| vec![one.campaign.clone(), show::count(one.count), one.reason.clone()])
            .collect();
        self.table(&[("campaign", true), (what, false), ("why", true)], &rows);
    }
}

/// The step between lines of the chart, a round number, and the highest line.
fn scale(most: u64) -> (u64, u64) {
    let rough = most.div_ceil(5).max(1);
    let ten = 10_u64.pow(rough.ilog10());
    let step = [1, 2, 5, 10].into_iter().map(|times| times * ten).find(|&step| step >= rough).unwrap_or(rough);
    (step, most.div_ceil(step) * step)
}

#[cfg(test)]
mod tests {
    use super::scale;

    #[test]
    fn lines_stand_at_round_numbers_and_hold_the_highest_bar() {
        assert_eq!(scale(1), (1, 1));
        assert_eq!(scale(7), (2, 8));
        assert_eq!(scale(4_321), (1_000, 5_000));
        assert_eq!(scale(10_000), (2_000, 10_000));
        assert_eq!(scale(u64::from(u32::MAX)), (1_000_000_000, 5_000_000_000));
    }
}
