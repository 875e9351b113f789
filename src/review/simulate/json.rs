//! A simulation for scripts: one JSON object, counts exactly as they are.

use serde_json::{Map, Value as Json, json};

use super::{Busy, Cell, Collision, Reason, Simulation};
use crate::review::show;
use crate::time::Zone;

/// The object.
pub fn json(found: &Simulation, zone: &Zone) -> Json {
    let name = |index: usize| found.campaigns[index].name.as_str();
    let by_day: Vec<Json> = (found.days.chunk_by(|a, b| a.day == b.day))
        .map(|cells| {
            let campaigns: Map<String, Json> = (cells.chunk_by(|a, b| a.campaign == b.campaign))
                .map(|cells| (name(cells[0].campaign).to_owned(), by_way(cells)))
                .collect();
            json!({ "day": cells[0].day.to_string(), "messages": sum(cells), "campaigns": campaigns })
        })
        .collect();
    let ways = found.ways();
    let campaigns: Vec<Json> = (found.campaigns.iter().enumerate())
        .map(|(index, campaign)| {
            let sent: Map<String, Json> =
                ways.iter().map(|way| (way.word().to_owned(), found.by_way(index, *way).into())).collect();
            json!({
                "name": campaign.name,
                "title": campaign.title,
                "started": campaign.started,
                "sent": sent,
                "not_sent": campaign.unsent,
                "waiting": campaign.waiting,
                "not_started": campaign.skipped,
            })
        })
        .collect();
    let busiest: Vec<Json> = (found.busiest_days(10).iter())
        .map(|Busy { day, messages, campaigns }| {
            let campaigns: Map<String, Json> =
                campaigns.iter().map(|(index, messages)| (name(*index).to_owned(), (*messages).into())).collect();
            json!({ "day": day.to_string(), "messages": messages, "campaigns": campaigns })
        })
        .collect();
    json!({
        "library": found.library,
        "zone": found.zone,
        "from": show::instant(found.from, zone),
        "until": found.last.to_string(),
        "patrons": found.patrons,
        "ticks": found.ticks,
        "first_tick": !found.had_ticked,
        "messages": found.messages(),
        "waited_for_hours": found.waited,
        "campaigns": campaigns,
        "days": by_day,
        "ordinary_day": found.ordinary_day(),
        "busiest_days": busiest,
        "held_back_patrons": found.limited_patrons,
        "collisions": found.collisions.iter().map(collision).collect::<Vec<_>>(),
        "not_sent": found.unsent.iter().map(reason).collect::<Vec<_>>(),
        "not_started": found.not_started.iter().map(reason).collect::<Vec<_>>(),
        "responses": found.responded.map(|responded| json!({
            "clicked": responded.clicked,
            "unsubscribed": responded.unsubscribed,
            "answered": responded.answered,
        })),
    })
}

fn sum(cells: &[Cell]) -> u64 {
    cells.iter().map(|cell| cell.messages).sum()
}

fn by_way(cells: &[Cell]) -> Json {
    cells.iter().map(|cell| (cell.way.word().to_owned(), cell.messages.into())).collect::<Map<_, _>>().into()
}

fn reason(one: &Reason) -> Json {
    json!({ "campaign": one.campaign, "reason": one.reason, "count": one.count, "patrons": one.patrons })
}

fn collision(one: &Collision) -> Json {
    let against: Map<String, Json> =
        one.against.iter().map(|(name, patrons)| (name.clone(), (*patrons).into())).collect();
    json!({
        "limit_of": one.limit.word(),
        "limit": one.limit_text,
        "campaign": one.campaign,
        "patrons": one.patrons,
        "messages": one.messages,
        "sent_later": one.sent_later,
        "never_sent": one.lost,
        "waiting": one.waiting,
        "against": against,
    })
}
