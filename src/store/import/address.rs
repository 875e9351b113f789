//! Addresses: what no message could reach, or what could smuggle something into one, is none.

/// An e-mail address of a person: one mailbox at a domain of the public DNS.
pub fn email(text: &str) -> Result<&str, String> {
    let text = text.trim_matches(' ');
    let no = |why: &str| Err(format!("{text:?} is no e-mail address: {why}"));
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return no("it holds blanks or line breaks");
    }
    if text.contains([',', ';', '<', '>', '(', ')', '"', '\'', '\\', ':']) {
        return no("write one address, without name and quotes");
    }
    let Some((local, domain)) = text.split_once('@') else { return no("it has no @") };
    if domain.contains('@') {
        return no("it has more than one @");
    }
    if domain.starts_with('[') {
        return no("the domain is a number");
    }
    // RFC 5321, section 4.5.3.1.
    if local.is_empty() || local.len() > 64 || local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return no("the part before the @ is empty, too long or has misplaced points");
    }
    if domain.len() > 253 || !domain.contains('.') {
        return no("the domain has no point, or is too long");
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if !domain.split('.').all(is_label) || domain.rsplit('.').next().is_some_and(|top| top.parse::<u32>().is_ok()) {
        return no("the domain is none");
    }
    Ok(text)
}

/// A phone number in E.164. `country` is the calling code of numbers without one.
pub fn phone(text: &str, country: Option<&str>) -> Result<String, String> {
    let no = |why: &str| Err(format!("{text:?} is no phone number for messages: {why}"));
    let trimmed = text.trim();
    if trimmed.contains(['x', 'X', '#', 'e', 'p']) {
        return no("it has an extension");
    }
    if !trimmed.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}')) {
        return no("it holds something else than digits");
    }
    let digits: String = trimmed.chars().filter(char::is_ascii_digit).collect();
    let international = if trimmed.starts_with('+') {
        digits
    } else if let Some(rest) = digits.strip_prefix("00") {
        rest.to_owned()
    } else {
        match country {
            Some("1") if digits.len() == 10 => format!("1{digits}"),
            Some("1") if digits.len() == 11 && digits.starts_with('1') => digits,
            Some("1") => return no("a number of North America has ten digits"),
            Some(code) => format!("{code}{}", digits.strip_prefix('0').unwrap_or(&digits)),
            None => return no("it has no country code; say `phones = \"1\"` (or another code) in the mapping"),
        }
    };
    if !(8..=15).contains(&international.len()) || international.starts_with('0') {
        return no("it has too few or too many digits");
    }
    if PREMIUM.iter().any(|prefix| international.starts_with(prefix)) {
        return no("calls to it cost extra");
    }
    Ok(format!("+{international}"))
}

/// Prefixes of premium-rate numbers: North America, United Kingdom, France, Germany, Australia.
const PREMIUM: &[&str] = &["1900", "1976", "449", "3389", "49900", "61190"];

/// A link to a page.
pub fn url(text: &str) -> Result<&str, String> {
    let text = text.trim_matches(' ');
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let is_clean = !text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"'));
    if host.is_empty() || host.contains('@') || !is_clean {
        return Err(format!("{text:?} is no address of a page (https://...)"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ADR-01: nothing that could begin another line of a conversation.
    #[test]
    fn adr_01_line_breaks_are_refused() {
        for wrong in ["a@x.org\r\nRCPT TO:<z@z>", "a@x.org\n", "a\0@x.org", "a@x.org\u{2028}b"] {
            assert!(email(wrong).is_err(), "{wrong:?}");
        }
    }

    /// ADR-02: one plain mailbox at a public domain.
    #[test]
    fn adr_02_only_one_plain_mailbox() {
        for wrong in [
            "a@x.org,b@x.org",
            "<a@x.org>",
            "'a b'@x.org",
            "a@[127.0.0.1]",
            "a@localhost",
            "a@x",
            "a@127.0.0.1",
            "a@@x.org",
            "@x.org",
            "a@",
            "a..b@x.org",
            ".a@x.org",
            "a@-x.org",
            "Ana <a@x.org>",
            "",
            "ana",
        ] {
            assert!(email(wrong).is_err(), "{wrong:?}");
        }
        let fine = ["ana@example.org", "a.b+c@sub.example.co.uk", "josé@exämple.org", "maya@schmidt-moore.gu"];
        for fine in fine {
            assert_eq!(email(fine), Ok(fine));
        }
    }

    /// ADR-04: case is kept; comparing folds it.
    #[test]
    fn adr_04_case_is_kept_and_compares_folded() {
        assert_eq!(email("Foo@X.org"), Ok("Foo@X.org"));
        assert!(crate::rule::text::same("Foo@X.org", "foo@x.ORG"));
    }

    /// ADR-05: E.164, or nothing.
    #[test]
    fn adr_05_phones_are_e164_or_refused() {
        for (text, country, expected) in [
            ("+1-519-555-0100", None, Some("+15195550100")),
            ("519.555.0100", Some("1"), Some("+15195550100")),
            ("1-234-567-8900", Some("1"), Some("+12345678900")),
            ("0033 6 12 34 56 78", None, Some("+33612345678")),
            ("06 12 34 56 78", Some("33"), Some("+33612345678")),
            ("555-0100", Some("1"), None),
            ("519-555-0100", None, None),
            ("(499)102-5994 x03456", Some("1"), None),
            ("1-900-555-0100", Some("1"), None),
            ("+44 909 8790000", None, None),
            ("call me", Some("1"), None),
            ("+", None, None),
        ] {
            assert_eq!(phone(text, country).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn links_are_of_the_web() {
        assert_eq!(url("https://riverside.example/events?x=1"), Ok("https://riverside.example/events?x=1"));
        for wrong in ["javascript:alert(1)", "riverside.example", "https://", "https://a b", "https://me@x.org/"] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }
}
