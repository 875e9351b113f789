//! Numbers as exports write them. Nothing is rounded.

/// A number with at most `places` places, as an integer of its smallest unit. `decimal` is the sign before the
/// places; the other one of comma and point may stand between groups of three digits, as may blanks.
pub fn fixed(text: &str, places: u32, decimal: char) -> Result<i64, String> {
    let not_a_number = || format!("{text:?} is no number");
    let group = if decimal == ',' { '.' } else { ',' };
    let trimmed = text.trim().trim_start_matches(['$', '€', '£']).trim_end_matches(['$', '€', '£']).trim();
    let (negative, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let (whole, fraction) = digits.split_once(decimal).unwrap_or((digits, ""));
    let whole = ungrouped(whole, group).ok_or_else(not_a_number)?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(not_a_number());
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > places as usize {
        return Err(format!("{text:?} has more than {places} places"));
    }
    let padded = format!("{whole}{fraction:0<width$}", width = places as usize);
    let number: i64 = padded.parse().map_err(|_| format!("{text:?} is too large"))?;
    Ok(if negative { -number } else { number })
}

/// The digits of a whole number, without the signs between groups of three.
fn ungrouped(text: &str, group: char) -> Option<String> {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits(text) {
        return Some(text.to_owned());
    }
    let separator = [group, ' ', '\u{a0}', '\u{202f}', '\''].into_iter().find(|&sign| text.contains(sign))?;
    let mut parts = text.split(separator);
    let first = parts.next().filter(|part| is_digits(part) && part.len() <= 3)?;
    let mut digits = first.to_owned();
    for part in parts {
        if !is_digits(part) || part.len() != 3 {
            return None;
        }
        digits.push_str(part);
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        assert_eq!(fixed("12.5", 2, '.'), Ok(1250));
        assert!(fixed("-$0.05", 2, '.').is_err());
        assert_eq!(fixed("$1,234.500000", 2, '.'), Ok(123_450));
        assert_eq!(fixed("1.234,56 €", 2, ','), Ok(123_456));
        assert_eq!(fixed("1 234", 0, ','), Ok(1234));
        for wrong in ["too much money", "", "1,23", "1.234", "12.345", "--1", "1e3", "99999999999999999999"] {
            assert!(fixed(wrong, 2, '.').is_err(), "{wrong}");
        }
    }
}
