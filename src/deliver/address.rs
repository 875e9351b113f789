//! Addresses that a message may go to. Stricter than the standards: a library's data holds typing errors, lists and
//! attacks more often than quoted local parts.

use std::fmt;

/// An address that no message goes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadAddress(String);

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadAddress {}

/// An e-mail address as it goes into headers and envelopes: one mailbox, a host name with a point, no display name.
///
/// # Errors
/// What is wrong with it; the address itself is not repeated.
pub fn email_address(text: &str) -> Result<lettre::Address, BadAddress> {
    let bad = |reason: &str| Err(BadAddress(format!("not an e-mail address: {reason}")));
    let text = text.trim();
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return bad("it holds blanks or line ends");
    }
    if text.contains(['"', '<', '>', ',', ';', '\\', '(', ')']) {
        return bad("it is not one bare address");
    }
    let Some((local, host)) = text.rsplit_once('@') else { return bad("it has no `@`") };
    if local.len() > 64 || text.len() > 254 {
        return bad("it is too long");
    }
    if host.starts_with('[') || !host.contains('.') || host.split('.').all(|part| part.parse::<u8>().is_ok()) {
        return bad("its host is not a public name");
    }
    match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => bad("a letter or point stands where none may"),
    }
}

/// A phone number, its digits with a leading `+` where there was one.
///
/// # Errors
/// What is wrong with it.
pub fn phone_number(text: &str) -> Result<String, BadAddress> {
    let bad = |reason: &str| Err(BadAddress(format!("not a phone number: {reason}")));
    let text = text.trim();
    let rest = text.strip_prefix('+').unwrap_or(text);
    if rest.chars().any(|c| !(c.is_ascii_digit() || " -.()/\u{a0}".contains(c))) {
        return bad("it holds something else than digits");
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    if !(7..=15).contains(&digits.len()) {
        return bad("it has fewer than 7 or more than 15 digits");
    }
    // North American numbers at the caller's cost.
    let national = digits.strip_prefix('1').unwrap_or(&digits);
    if national.len() == 10 && national.starts_with("900") {
        return bad("it is a premium number");
    }
    Ok(if text.starts_with('+') { format!("+{digits}") } else { digits })
}

/// A phone number that names its country: without it the same digits may be another's.
///
/// # Errors
/// What is wrong with it.
pub fn international_number(text: &str) -> Result<String, BadAddress> {
    let number = phone_number(text)?;
    if number.starts_with('+') || number.starts_with("00") {
        return Ok(number);
    }
    Err(BadAddress("write the phone number with its country code, such as +1 519 555 0100".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adr_01_02_one_bare_public_address() {
        for good in ["ana@example.org", "a.b+c@mail.example.co.uk", " ana@example.org ", "josé@exämple.org"] {
            assert!(email_address(good).is_ok(), "{good}");
        }
        for bad in [
            "a@x.org\r\nRCPT TO:<z@z>",
            "a@x.org,b@x.org",
            "Ana <a@x.org>",
            "'a b'@x.org",
            "\"a b\"@x.org",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@localhost",
            "a@x",
            "a..b@x.org",
            "a.x.org",
            "@x.org",
            "",
        ] {
            assert!(email_address(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn adr_05_phone_numbers_are_digits_and_not_premium() {
        assert_eq!(phone_number("+1-519-555-0100").as_deref(), Ok("+15195550100"));
        assert_eq!(phone_number("555-0100").as_deref(), Ok("5550100"));
        for bad in ["+1 900 555 0100", "555-01", "call me", "+15195550100;ext=5"] {
            assert!(phone_number(bad).is_err(), "{bad}");
        }
    }
}
