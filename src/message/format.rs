//! Values as a reader of a language writes them: dates, times, numbers, money, plural forms. From Unicode CLDR.

use icu_calendar::{Date, Gregorian, Iso};
use icu_casemap::CaseMapper;
use icu_datetime::DateTimeFormatter;
use icu_datetime::fieldsets::enums::{CompositeDateTimeFieldSet, DateFieldSet};
use icu_datetime::fieldsets::{YMD, YMDT};
use icu_datetime::input::{DateTime, Time};
use icu_datetime::pattern::{DateTimePattern, FixedCalendarDateTimeNames};
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRules};
use jiff::civil;
use writeable::TryWriteable;

use crate::symbol::Symbol;
use crate::time::{Day, Instant, Zone};

/// How one language writes values.
pub struct Language {
    code: Symbol,
    locale: Locale,
    date: Option<DateTimeFormatter<YMD>>,
    instant: Option<DateTimeFormatter<YMDT>>,
    number: Option<DecimalFormatter>,
    plural: Option<PluralRules>,
}

impl Language {
    /// Of a language code such as `fr` or `pt_br`. Where CLDR knows nothing of it, its root forms are used.
    pub fn new(code: Symbol) -> Language {
        let locale: Locale = code.as_str().replace('_', "-").parse().unwrap_or(Locale::UNKNOWN);
        Language {
            code,
            date: DateTimeFormatter::try_new(locale.clone().into(), YMD::long()).ok(),
            instant: DateTimeFormatter::try_new(locale.clone().into(), YMD::long().with_time_hm()).ok(),
            number: DecimalFormatter::try_new(locale.clone().into(), Default::default()).ok(),
            plural: PluralRules::try_new_cardinal(locale.clone().into()).ok(),
            locale,
        }
    }

    /// Its code.
    pub fn code(&self) -> Symbol {
        self.code
    }

    /// The long form: "December 24, 2026", "24 décembre 2026".
    pub fn date(&self, day: Day) -> String {
        match &self.date {
            Some(formatter) => formatter.format(&iso(day.civil())).to_string(),
            None => day.to_string(),
        }
    }

    /// The long form with the local time.
    pub fn instant(&self, instant: Instant, zone: &Zone) -> String {
        let local = zone.civil(instant);
        match &self.instant {
            Some(formatter) => formatter.format(&iso_time(local)).to_string(),
            None => local.to_string(),
        }
    }

    /// A date by a CLDR pattern; `None` where the pattern asks for what a date has not (checked before).
    pub fn date_as(&self, day: Day, pattern: &str) -> Option<String> {
        let pattern = DateTimePattern::try_from_pattern_str(pattern).ok()?;
        let mut names: FixedCalendarDateTimeNames<Gregorian, DateFieldSet> =
            FixedCalendarDateTimeNames::try_new(self.locale.clone().into()).ok()?;
        let formatter = names.include_for_pattern(&pattern).ok()?;
        formatter.format(&gregorian(day.civil())?).try_write_to_string().ok().map(|text| text.into_owned())
    }

    /// An instant by a CLDR pattern, in the library's zone.
    pub fn instant_as(&self, instant: Instant, zone: &Zone, pattern: &str) -> Option<String> {
        let pattern = DateTimePattern::try_from_pattern_str(pattern).ok()?;
        let mut names: FixedCalendarDateTimeNames<Gregorian, CompositeDateTimeFieldSet> =
            FixedCalendarDateTimeNames::try_new(self.locale.clone().into()).ok()?;
        let formatter = names.include_for_pattern(&pattern).ok()?;
        let local = zone.civil(instant);
        let input = DateTime { date: gregorian(local.date())?, time: time(local) };
        formatter.format(&input).try_write_to_string().ok().map(|text| text.into_owned())
    }

    /// A whole number.
    pub fn integer(&self, number: i64) -> String {
        self.decimal(Decimal::from(number))
    }

    /// Ten-thousandths, without the noughts at the end.
    pub fn ten_thousandths(&self, number: i64) -> String {
        let mut decimal = Decimal::from(number);
        decimal.multiply_pow10(-4);
        decimal.absolute.trim_end();
        self.decimal(decimal)
    }

    /// Hundredths of `currency` (ISO 4217), or a plain number with two places.
    pub fn money(&self, hundredths: i64, currency: Option<Symbol>) -> String {
        let mut decimal = Decimal::from(hundredths.saturating_abs());
        decimal.multiply_pow10(-2);
        decimal.absolute.pad_end(-2);
        let number = self.decimal(decimal);
        let sign = if hundredths < 0 { "-" } else { "" };
        let Some(currency) = currency else { return format!("{sign}{number}") };
        let mark = symbol(currency.as_str());
        // CLDR's standard patterns: `¤#,##0.00` in English and a few others, `#,##0.00 ¤` in most of Europe.
        let is_before =
            matches!(self.locale.id.language.as_str(), "en" | "zh" | "ja" | "ko" | "th" | "hi" | "cy" | "ga");
        match (is_before, mark.len() == 3 && mark.is_ascii()) {
            (true, true) => format!("{sign}{mark}\u{a0}{number}"),
            (true, false) => format!("{sign}{mark}{number}"),
            (false, _) => format!("{sign}{number}\u{a0}{mark}"),
        }
    }

    /// Whether `number` takes the form for one: in French 0 does, in English it does not.
    pub fn is_one(&self, number: i64) -> bool {
        match &self.plural {
            Some(rules) => rules.category_for(number.unsigned_abs()) == PluralCategory::One,
            None => number == 1,
        }
    }

    /// In capitals.
    pub fn upper(&self, text: &str) -> String {
        CaseMapper::new().uppercase_to_string(text, &self.locale.id).into_owned()
    }

    /// In small letters.
    pub fn lower(&self, text: &str) -> String {
        CaseMapper::new().lowercase_to_string(text, &self.locale.id).into_owned()
    }

    fn decimal(&self, decimal: Decimal) -> String {
        match &self.number {
            Some(formatter) => formatter.format(&decimal).to_string(),
            None => decimal.to_string(),
        }
    }
}

/// Whether `pattern` is a CLDR pattern that a date (or with `has_time` an instant) can fill.
///
/// # Errors
/// What is wrong with it.
pub fn check_pattern(pattern: &str, has_time: bool) -> Result<(), String> {
    let language = Language::new(Symbol::new("en"));
    let parsed =
        DateTimePattern::try_from_pattern_str(pattern).map_err(|_| "its letters or quotes do not fit".to_owned())?;
    drop(parsed);
    let day = Day(0);
    let made =
        if has_time { language.instant_as(Instant(0), &Zone::utc(), pattern) } else { language.date_as(day, pattern) };
    let reason =
        if has_time { "it asks for what an instant has not" } else { "it asks for what a date has not, such as hours" };
    made.map(|_| ()).ok_or_else(|| reason.to_owned())
}

/// Whether a text is an `http` or `https` address.
pub fn is_web_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && !rest.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"\\".contains(c))
    })
}

fn symbol(currency: &str) -> &str {
    match currency {
        "USD" | "CAD" | "AUD" | "NZD" => "$",
        "EUR" => "€",
        "GBP" => "£",
        "JPY" => "¥",
        "INR" => "₹",
        other => other,
    }
}

fn iso(date: civil::Date) -> Date<Iso> {
    let made = Date::try_new_iso(i32::from(date.year()), date.month() as u8, date.day() as u8);
    made.expect("jiff's dates are dates of the Gregorian calendar")
}

fn gregorian(date: civil::Date) -> Option<Date<Gregorian>> {
    Date::try_new_gregorian(i32::from(date.year()), date.month() as u8, date.day() as u8).ok()
}

fn time(local: civil::DateTime) -> Time {
    let made = Time::try_new(local.hour() as u8, local.minute() as u8, local.second() as u8, 0);
    made.expect("jiff's times are times of the day")
}

fn iso_time(local: civil::DateTime) -> DateTime<Iso> {
    DateTime { date: iso(local.date()), time: time(local) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> Day {
        Day::new(2026, 12, 1).expect("a date")
    }

    #[test]
    fn dates_are_written_out_in_the_language() {
        assert_eq!(Language::new("en".into()).date(day()), "December 1, 2026");
        assert_eq!(Language::new("fr".into()).date(day()), "1 décembre 2026");
        assert_eq!(Language::new("de".into()).date(day()), "1. Dezember 2026");
    }

    #[test]
    fn patterns_are_those_of_cldr() {
        let toronto = Zone::named("America/Toronto").expect("a zone");
        let instant = toronto.at(day(), crate::time::TimeOfDay(18 * 3600));
        let french = Language::new("fr".into());
        assert_eq!(
            french.instant_as(instant, &toronto, "EEEE d MMMM, HH:mm").as_deref(),
            Some("mardi 1 décembre, 18:00")
        );
        assert_eq!(french.date_as(day(), "d MMM").as_deref(), Some("1 déc."));
        assert!(check_pattern("HH:mm", false).is_err());
        assert!(check_pattern("d MMMM 'open", false).is_err());
        assert!(check_pattern("d MMMM yyyy", false).is_ok());
    }

    #[test]
    fn money_has_its_currency_where_there_is_one() {
        let (english, french) = (Language::new("en".into()), Language::new("fr".into()));
        assert_eq!(english.money(123_450, Some("CAD".into())), "$1,234.50");
        assert_eq!(french.money(123_450, Some("CAD".into())), "1\u{202f}234,50\u{a0}$");
        assert_eq!(english.money(5, None), "0.05");
        assert_eq!(english.money(-250, Some("CHF".into())), "-CHF\u{a0}2.50");
    }

    #[test]
    fn nothing_is_one_in_french() {
        assert!(Language::new("fr".into()).is_one(0));
        assert!(!Language::new("en".into()).is_one(0));
        assert!(!Language::new("en".into()).is_one(21));
    }

    #[test]
    fn only_addresses_of_the_web_are_links() {
        assert!(is_web_address("https://riverside.example/events?x=1"));
        for wrong in ["javascript:alert(1)", "https://", "riverside.example", "https://a b", "http:///x"] {
            assert!(!is_web_address(wrong), "{wrong}");
        }
    }
}
