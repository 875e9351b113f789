//! A simulation as a terminal shows it: charts of blocks, tables, sentences. Everything but the bars is plain text, and
//! without colours it says the same.

use comfy_table::{CellAlignment, Table, presets};

use super::{Busy, Collision, Fold, Reason, Simulation, Way};
use crate::review::show;
use crate::time::{Day, Zone};

/// Eighths of a block, from nothing to a whole one.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Lines of the chart of all messages.
const LINES: u64 = 8;
/// Days that are told as the busiest.
const BUSIEST: usize = 5;
/// Campaigns that are named for a day, or reasons for a campaign.
const NAMED: usize = 3;

/// How it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// Columns that a line may take.
    pub width: usize,
    pub color: bool,
}

/// The whole text.
pub fn text(found: &Simulation, zone: &Zone, look: Look) -> String {
    let mut out = Text { out: String::new(), look };
    out.head(found, zone);
    if found.messages() == 0 {
        out.title("No message leaves in this time");
    } else {
        out.chart(found);
        out.strips(found);
    }
    out.totals(found);
    out.busiest(found);
    out.collisions(found);
    out.reasons("Not sent", &found.unsent);
    out.reasons("Did not start", &found.not_started);
    out.responded(found);
    out.out
}

struct Text {
    out: String,
    look: Look,
}

impl Text {
    fn line(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    fn wrapped(&mut self, indent: &str, text: &str) {
        for line in show::wrapped(text, indent, self.look.width) {
            self.line(&line);
        }
    }

    fn title(&mut self, text: &str) {
        let (bold, off) = if self.look.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        self.line("");
        self.line(&format!("{bold}{text}{off}"));
    }

    fn bars(&self, bars: &str) -> String {
        let bars = bars.trim_end();
        if self.look.color && !bars.is_empty() { format!("\x1b[36m{bars}\x1b[0m") } else { bars.to_owned() }
    }

    fn head(&mut self, found: &Simulation, zone: &Zone) {
        self.wrapped("", &format!("{}, {} to {} ({}).", found.library, found.first, found.last, found.zone));
        let text = format!(
            "{} patrons as the store knows them at {}, and {} ticks of a copy. The store is as it was, and nothing was \
             sent.",
            show::count(found.patrons),
            show::instant(found.from, zone),
            show::count(found.ticks),
        );
        self.paragraph(&text);
        self.paragraph(
            "Not a forecast: nobody joins, borrows or comes in it, so that what is due by today's data thins out with \
             time.",
        );
        if !found.had_ticked {
            self.paragraph(
                "The store has not ticked yet: the first tick takes note of what is there and starts nobody but current \
                 members, where a campaign takes them; shares (holdout, split, sample) will be drawn otherwise.",
            );
        }
    }

    /// A paragraph whose lines all begin alike.
    fn paragraph(&mut self, text: &str) {
        for line in show::wrapped(text, "", self.look.width) {
            self.line(line.trim_start());
        }
    }

    /// All messages, as upright bars.
    fn chart(&mut self, found: &Simulation) {
        let series = found.series(None);
        let most = series.iter().copied().max().unwrap_or(0);
        let margin = show::count(most).len();
        let wide = width_of_column(found, self.look.width - margin - 2);
        self.title(&format!("Messages a {}", found.fold.word()));
        for line in (0..LINES).rev() {
            let label = match line {
                line if line == LINES - 1 => show::count(most),
                0 => "0".to_owned(),
                _ => String::new(),
            };
            let bars: String = series
                .iter()
                .map(|&value| bar(eighths(value, most, LINES * 8).saturating_sub(line * 8), wide))
                .collect();
            self.line(&format!("{label:>margin$} │{}", self.bars(&bars)));
        }
        self.line(&format!("{:margin$} └{}", "", "─".repeat(series.len() * wide)));
        self.line(&format!("{:margin$}  {}", "", months(&found.columns, wide)));
    }

    /// Each campaign on a line, on a scale of its own.
    fn strips(&mut self, found: &Simulation) {
        let sending: Vec<(usize, Vec<u64>)> = (0..found.campaigns.len())
            .map(|index| (index, found.series(Some(index))))
            .filter(|(_, series)| series.iter().any(|&value| value > 0))
            .collect();
        let longest = sending.iter().map(|(index, _)| found.campaigns[*index].name.chars().count()).max().unwrap_or(0);
        let totals = |series: &[u64]| show::count(series.iter().sum());
        let figures = sending.iter().map(|(_, series)| totals(series).len()).max().unwrap_or(0).max("total".len());
        let columns = found.columns.len();
        let label = longest.min(self.look.width.saturating_sub(columns + figures + 2));
        let wide = width_of_column(found, self.look.width - label - figures - 2);
        self.title(&format!("By campaign, a column a {}, each campaign on its own scale", found.fold.word()));
        let bars_wide = columns * wide;
        let months = months(&found.columns, wide);
        self.line(&format!("{:label$} {months:bars_wide$} {:>figures$}", "", "total"));
        for (index, series) in &sending {
            let most = series.iter().copied().max().unwrap_or(0);
            let bars: String = series.iter().map(|&value| bar(eighths(value, most, 8), wide)).collect();
            let room = bars_wide - bars.trim_end().chars().count();
            let name = shortened(&found.campaigns[*index].name, label);
            let line = format!("{name:label$} {}{:room$} {:>figures$}", self.bars(&bars), "", totals(series));
            self.line(&line);
        }
    }

    fn totals(&mut self, found: &Simulation) {
        let ways = found.ways();
        let waits = found.campaigns.iter().any(|campaign| campaign.waiting > 0);
        let mut header = vec!["campaign", "started"];
        header.extend(ways.iter().map(|way| way_name(*way)));
        header.push("not sent");
        header.extend(waits.then_some("waiting"));
        let (mut rows, mut idle) = (Vec::new(), Vec::new());
        let mut sums = vec![0; header.len() - 1];
        for (index, campaign) in found.campaigns.iter().enumerate() {
            let mut counts = vec![campaign.started];
            counts.extend(ways.iter().map(|&way| found.by_way(index, way)));
            counts.push(campaign.unsent);
            counts.extend(waits.then_some(campaign.waiting));
            if counts.iter().all(|&count| count == 0) {
                idle.push(campaign.name.as_str());
                continue;
            }
            for (sum, count) in sums.iter_mut().zip(&counts) {
                *sum += count;
            }
            rows.push((campaign.name.clone(), counts));
        }
        rows.push(("together".to_owned(), sums));
        self.title("Totals");
        self.table(&header, rows.into_iter().map(|(name, counts)| (name, counts.into_iter().map(dotted).collect())));
        if !idle.is_empty() {
            self.paragraph(&format!("Nothing happens in {}.", idle.join(", ")));
        }
        if found.waited > 0 {
            let text = format!("{} messages waited for an hour of delivery.", show::count(found.waited));
            self.paragraph(&text);
        }
    }

    fn table(&mut self, header: &[&str], rows: impl Iterator<Item = (String, Vec<String>)>) {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_header(header);
        for (name, cells) in rows {
            table.add_row([name].into_iter().chain(cells));
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for line in table.to_string().lines() {
            self.line(line);
        }
    }

    fn busiest(&mut self, found: &Simulation) {
        let busiest = found.busiest_days(BUSIEST);
        if busiest.is_empty() {
            return;
        }
        self.title("The busiest days");
        self.paragraph(&format!("An ordinary day has {}.", messages(found.ordinary_day())));
        for Busy { day, messages, campaigns } in &busiest {
            let name =
                |&(index, count): &(usize, u64)| format!("{} {}", found.campaigns[index].name, show::count(count));
            let mut named: Vec<String> = campaigns.iter().take(NAMED).map(name).collect();
            let rest = &campaigns[named.len()..];
            if !rest.is_empty() {
                let others = if rest.len() == 1 { "other" } else { "others" };
                let count = rest.iter().map(|(_, count)| count).sum();
                named.push(format!("{} {others} {}", rest.len(), show::count(count)));
            }
            let text = format!("{} {:>7}  ", day.civil().strftime("%Y-%m-%d %a"), show::count(*messages));
            // Names are aligned under each other.
            let indent = " ".repeat(text.chars().count());
            let mut lines = show::wrapped(&named.join(", "), &indent, self.look.width).into_iter();
            let first = lines.next().unwrap_or_default();
            self.line(&format!("{text}{}", first.trim_start()));
            for line in lines {
                self.line(&format!("{indent}{}", line.trim_start()));
            }
        }
    }

    fn collisions(&mut self, found: &Simulation) {
        self.title("Collisions");
        if found.collisions.is_empty() {
            self.paragraph("No limit holds anybody back.");
            return;
        }
        let held: u64 = found.collisions.iter().map(|collision| collision.messages).sum();
        let text = format!(
            "Limits hold back {} to {} patrons. Held back is a message whose patron has had as many as a limit allows.",
            messages(held),
            show::count(found.limited_patrons)
        );
        self.paragraph(&text);
        let header = ["campaign", "limit of the", "patrons", "messages", "sent later", "never sent", "waiting"];
        let row = |one: &Collision| {
            let counts = [one.patrons, one.messages, one.sent_later, one.lost, one.waiting].map(dotted);
            (one.campaign.clone(), [one.limit.word().to_owned()].into_iter().chain(counts).collect())
        };
        self.table(&header, found.collisions.iter().map(row));
        let mut last = None;
        for one in &found.collisions {
            let limit = format!("the {}'s limit of {}", one.limit.word(), one.limit_text);
            if last.as_ref() != Some(&limit) {
                self.paragraph(&format!("What had used up {limit}, and of how many patrons:"));
                last = Some(limit);
            }
            let against: Vec<String> =
                one.against.iter().map(|(name, patrons)| format!("{name} {}", show::count(*patrons))).collect();
            self.wrapped("  ", &format!("before {}: {}", one.campaign, against.join(", ")));
        }
    }

    fn reasons(&mut self, title: &str, reasons: &[Reason]) {
        if reasons.is_empty() {
            return;
        }
        self.title(title);
        for one in reasons.chunk_by(|a, b| a.campaign == b.campaign) {
            for reason in one.iter().take(NAMED) {
                let text = format!("{}: {} {}", reason.campaign, show::count(reason.count), reason.reason);
                self.wrapped("  ", &text);
            }
            if let Some(rest) = one.get(NAMED..).filter(|rest| !rest.is_empty()) {
                let count: u64 = rest.iter().map(|reason| reason.count).sum();
                self.wrapped("  ", &format!("{}: {} for other reasons", one[0].campaign, show::count(count)));
            }
        }
    }

    fn responded(&mut self, found: &Simulation) {
        let Some(responded) = found.responded else { return };
        self.title("Responses, invented by the shares that were asked for");
        let text = format!(
            "{} messages clicked, {} readers unsubscribed, {} surveys answered.",
            show::count(responded.clicked),
            show::count(responded.unsubscribed),
            show::count(responded.answered)
        );
        self.paragraph(&text);
    }
}

fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{} messages", show::count(count)) }
}

fn dotted(count: u64) -> String {
    if count == 0 { "·".to_owned() } else { show::count(count) }
}

/// As the heads of tables say it.
pub(super) fn way_name(way: Way) -> &'static str {
    match way.word() {
        "email" => "e-mail",
        "sms" => "SMS",
        "print" => "letter",
        word => word,
    }
}

/// How high `value` stands where `most` is `whole` eighths high: something is never nothing.
fn eighths(value: u64, most: u64, whole: u64) -> u64 {
    if value == 0 { 0 } else { (value * whole / most.max(1)).max(1) }
}

/// One column in one line, `rest` eighths of it filled.
fn bar(rest: u64, wide: usize) -> String {
    let block = BLOCKS[rest.min(8) as usize];
    let mut text = block.to_string().repeat(wide.saturating_sub(1).max(1));
    if wide > 1 {
        text.push(' ');
    }
    text
}

/// How many characters a column of the chart takes, the gap after it included.
fn width_of_column(found: &Simulation, room: usize) -> usize {
    (room / found.columns.len().max(1)).clamp(1, 5)
}

/// The months under a chart, where they begin, as far as there is room.
fn months(columns: &[Day], wide: usize) -> String {
    let mut line = String::new();
    for (column, name) in Fold::months(columns) {
        let at = column * wide;
        let is_free = line.is_empty() || at > line.len();
        if is_free && at + name.len() <= columns.len() * wide {
            line.push_str(&" ".repeat(at - line.len()));
            line.push_str(&name);
        }
    }
    line
}

/// A name in so many columns.
fn shortened(name: &str, columns: usize) -> String {
    if name.chars().count() <= columns {
        return name.to_owned();
    }
    let kept: String = name.chars().take(columns.saturating_sub(1)).collect();
    format!("{kept}…")
}
