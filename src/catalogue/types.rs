//! The types of the language.

use super::{Catalogue, EnumId};

/// A type of section 4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    Bool,
    Int,
    /// Fixed point, four places.
    Decimal,
    /// Fixed point, two places.
    Money,
    Text,
    Date,
    Instant,
    /// Parameters and literals only.
    Duration,
    Email,
    Phone,
    Url,
    Enum(EnumId),
    Set(Element),
    /// The name of something the program declares: `campaign is welcome`.
    Name(NameKind),
}

/// What a set holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Element {
    Enum(EnumId),
    Text,
}

/// What a field of a built-in event names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NameKind {
    Campaign,
    Message,
    Purpose,
    Channel,
    Survey,
}

impl Type {
    /// Texts and what is written as a text: `contains`, `starts with`, `matches` take them.
    pub fn is_textual(self) -> bool {
        matches!(self, Type::Text | Type::Email | Type::Phone | Type::Url)
    }

    /// Numbers, money, dates, instants and durations have an order; nothing else has.
    pub fn is_ordered(self) -> bool {
        matches!(self, Type::Int | Type::Decimal | Type::Money | Type::Date | Type::Instant)
    }

    /// `int`, `decimal`, `money`.
    pub fn is_number(self) -> bool {
        matches!(self, Type::Int | Type::Decimal | Type::Money)
    }

    /// As the author would write it.
    pub fn describe(self, catalogue: &Catalogue) -> String {
        let of_enum = |id: EnumId| {
            let found = catalogue.enumeration(id);
            match found.name {
                Some(name) => name.to_string(),
                None => {
                    let values: Vec<&str> = found.values.iter().map(|(value, _)| value.as_str()).collect();
                    format!("one of {}", values.join(", "))
                }
            }
        };
        match self {
            Type::Bool => "bool".into(),
            Type::Int => "int".into(),
            Type::Decimal => "decimal".into(),
            Type::Money => "money".into(),
            Type::Text => "text".into(),
            Type::Date => "date".into(),
            Type::Instant => "instant".into(),
            Type::Duration => "duration".into(),
            Type::Email => "email".into(),
            Type::Phone => "phone".into(),
            Type::Url => "url".into(),
            Type::Enum(id) => of_enum(id),
            Type::Set(Element::Enum(id)) => format!("set of {}", of_enum(id)),
            Type::Set(Element::Text) => "set of text".into(),
            Type::Name(kind) => format!("the name of a {}", kind.word()),
        }
    }
}

impl NameKind {
    /// The word of the language.
    pub fn word(self) -> &'static str {
        match self {
            NameKind::Campaign => "campaign",
            NameKind::Message => "message",
            NameKind::Purpose => "purpose",
            NameKind::Channel => "channel",
            NameKind::Survey => "survey",
        }
    }
}
