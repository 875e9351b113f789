//! An e-mail as bytes: RFC 5322 headers, a plain-text and an HTML part.
//!
//! The engine owns every header; an author writes the subject alone. No value can form a header line: texts lose their
//! control characters before lettre encodes them (RFC 2047), and addresses are checked ones. The same message gives the
//! same bytes: identifier and boundary come from its key, the date from its instant.

use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, MultiPartKind, SinglePart};

use crate::catalogue::MailAddress;
use crate::deliver::address::{BadAddress, email_address};
use crate::deliver::{Outgoing, TransportError};
use crate::limits;
use crate::message::Content;
use crate::time::Instant;

/// The message as it is handed over.
///
/// # Errors
/// If it is no e-mail or one of its addresses is wrong.
pub fn compose(message: &Outgoing<'_>) -> Result<Vec<u8>, TransportError> {
    let refused = |error: BadAddress| TransportError::Refused(error.to_string());
    let Content::Email { subject, html, text } = &message.rendered.content else {
        return Err(TransportError::Refused("the message is no e-mail".into()));
    };
    let id = message.rendered.id.hex();
    let Some(from) = message.from else {
        return Err(TransportError::Refused("the library has no `sender`".into()));
    };
    let from = mailbox(from).map_err(refused)?;
    let domain = from.email.domain().to_owned();
    let mut builder = Message::builder()
        .from(from)
        .to(Mailbox::new(None, email_address(message.to).map_err(refused)?))
        .subject(one_line(subject))
        .date(system_time(message.at))
        .message_id(Some(format!("<{id}@{domain}>")));
    if let Some(reply_to) = message.reply_to {
        builder = builder.reply_to(mailbox(reply_to).map_err(refused)?);
    }
    // RFC 3834: no robot answers a robot.
    builder = builder.raw_header(header("Auto-Submitted", "auto-generated"));
    if let Some(url) = &message.rendered.unsubscribe {
        // RFC 8058, one-click: both headers.
        builder = builder
            .raw_header(header("List-Unsubscribe", &format!("<{url}>")))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("=_{id}"))
        .singlepart(SinglePart::plain(lines(text)))
        .singlepart(SinglePart::html(lines(html)));
    let built = builder.multipart(parts).map_err(|error| TransportError::Refused(error.to_string()))?;
    Ok(built.formatted())
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), one_line(value))
}

fn mailbox(address: &MailAddress) -> Result<Mailbox, BadAddress> {
    let name = address.name.as_deref().map(one_line).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, email_address(&address.address)?))
}

/// A part whose lines all end alike; lettre writes them as CR LF and encodes what is too long.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Text without characters that could end a header line; lettre itself panics on some of them in names.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(limits::HEADER_CHARACTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn system_time(instant: Instant) -> SystemTime {
    let seconds = u64::try_from(instant.seconds()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use mail_parser::{HeaderValue as Parsed, MessageParser};

    use super::*;
    use crate::catalogue::Channel;
    use crate::message::Rendered;
    use crate::message::link::Links;
    use crate::time::Day;

    fn rendered(subject: &str, text: &str, html: &str) -> Rendered {
        Rendered {
            id: Links::new("", b"secret").message("welcome-1"),
            channel: Channel::Email,
            language: "en".into(),
            content: Content::Email { subject: subject.into(), html: html.into(), text: text.into() },
            links: Vec::new(),
            unsubscribe: Some(
                "https://library.example/m/u/AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(),
            ),
        }
    }

    fn bytes_of(rendered: &Rendered, name: &str, to: &str) -> Result<Vec<u8>, TransportError> {
        let from = MailAddress { name: Some(name.into()), address: "news@library.example".into() };
        let reply_to = MailAddress { name: None, address: "desk@library.example".into() };
        compose(&Outgoing {
            rendered,
            campaign: "welcome".into(),
            message: "hello".into(),
            to,
            from: Some(&from),
            reply_to: Some(&reply_to),
            at: Instant(1_793_000_000_000_000),
            day: Day(20_752),
            until: None,
        })
    }

    fn header_names(bytes: &[u8]) -> Vec<String> {
        let parsed = MessageParser::default().parse(bytes).expect("a message");
        parsed.headers().iter().map(|header| header.name().to_owned()).collect()
    }

    const HEADERS: [&str; 11] = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Reply-To",
        "Auto-Submitted",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "MIME-Version",
        "Content-Type",
    ];

    #[test]
    fn a_mail_program_reads_what_was_meant() {
        let rendered = rendered(
            "Échecs & thé à midi, tous les mardis — soyez les bienvenus à la bibliothèque",
            "Bonjour é\n",
            "<p>Bonjour é</p>",
        );
        let bytes = bytes_of(&rendered, "Bibliothèque de Riverside", "ana@example.org").expect("good addresses");
        let parsed = MessageParser::default().parse(&bytes).expect("a message");
        assert_eq!(
            parsed.subject(),
            Some("Échecs & thé à midi, tous les mardis — soyez les bienvenus à la bibliothèque")
        );
        let from = parsed.from().and_then(|from| from.first()).expect("a sender");
        assert_eq!((from.name(), from.address()), (Some("Bibliothèque de Riverside"), Some("news@library.example")));
        assert_eq!(parsed.to().and_then(|to| to.first()).and_then(|to| to.address()), Some("ana@example.org"));
        assert_eq!(parsed.date().expect("a date").to_timestamp(), 1_793_000_000);
        assert_eq!(parsed.message_id(), Some(format!("{}@library.example", rendered.id.hex()).as_str()));
        assert_eq!(
            parsed.body_text(0).as_deref().map(|text| text.replace("\r\n", "\n")).as_deref(),
            Some("Bonjour é\n")
        );
        assert!(parsed.body_html(0).is_some_and(|html| html.contains("<p>Bonjour é</p>")));
        assert!(
            matches!(parsed.header("List-Unsubscribe-Post"), Some(Parsed::Text(text)) if text == "List-Unsubscribe=One-Click")
        );
        assert_eq!(
            header_names(&bytes).into_iter().collect::<std::collections::BTreeSet<_>>(),
            HEADERS.map(String::from).into()
        );
        let again = bytes_of(&rendered, "Bibliothèque de Riverside", "ana@example.org").expect("good addresses");
        assert_eq!(bytes, again, "the same message gives the same bytes");
    }

    #[test]
    fn tpl_12_13_no_value_forms_a_header() {
        let hostile = "Ann\r\nBcc: victim@example.org\r\n\r\nbody";
        let bytes = bytes_of(&rendered(hostile, "x", "x"), hostile, "ana@example.org").expect("good addresses");
        assert_eq!(header_names(&bytes).len(), HEADERS.len());
        assert!(bytes_of(&rendered("x", "x", "x"), "x", "a@x.org\r\nBcc: b@x.org").is_err());
    }

    #[test]
    fn del_29_no_line_is_too_long_and_all_end_alike() {
        for long in ["x".repeat(10_000), "é".repeat(10_000), "word ".repeat(4_000), "a\rb\nc\r\n.\r\n".repeat(900)] {
            let bytes = bytes_of(&rendered(&long, &long, &long), "Library", "ana@example.org").expect("good addresses");
            for line in bytes.split(|&byte| byte == b'\n') {
                assert!(line.len() <= 999, "a line of {} octets", line.len());
                assert!(line.is_empty() || line.ends_with(b"\r"), "a bare LF");
            }
            let carriage_returns = bytes.iter().filter(|&&byte| byte == b'\r').count();
            let line_ends = bytes.windows(2).filter(|pair| pair == b"\r\n").count();
            assert_eq!(carriage_returns, line_ends, "a bare CR");
        }
    }
}
