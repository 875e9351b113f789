//! How many segments an SMS takes (3GPP TS 23.038 and 23.040).

/// The cost of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segments {
    pub count: usize,
    pub encoding: Encoding,
    /// Septets or UTF-16 units.
    pub units: usize,
}

/// How a text travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// Seven bits: 160 in one segment, 153 in each of several.
    Gsm7,
    /// UTF-16: 70 in one segment, 67 in each of several. One letter that GSM-7 has not is enough.
    Ucs2,
}

/// The basic character set of GSM-7.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
                     abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension: two septets each.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// What sending `text` takes.
pub fn segments(text: &str) -> Segments {
    let septets = |c: char| match c {
        _ if BASIC.contains(c) => Some(1),
        _ if EXTENSION.contains(c) => Some(2),
        _ => None,
    };
    match text.chars().map(septets).collect::<Option<Vec<usize>>>() {
        Some(sizes) => {
            let count = fill(&sizes, 160, 153);
            Segments { count, encoding: Encoding::Gsm7, units: sizes.iter().sum() }
        }
        None => {
            let sizes: Vec<usize> = text.chars().map(char::len_utf16).collect();
            let count = fill(&sizes, 70, 67);
            Segments { count, encoding: Encoding::Ucs2, units: sizes.iter().sum() }
        }
    }
}

/// How many segments characters of these sizes fill; none is cut in two.
fn fill(sizes: &[usize], alone: usize, of_several: usize) -> usize {
    if sizes.iter().sum::<usize>() <= alone {
        return 1;
    }
    let mut count = 1;
    let mut used = 0;
    for &size in sizes {
        if used + size > of_several {
            count += 1;
            used = 0;
        }
        used += size;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tpl_15_segments_are_counted_as_they_are_charged() {
        let count = |text: &str| (segments(text).count, segments(text).encoding);
        assert_eq!(count(&"a".repeat(160)), (1, Encoding::Gsm7));
        assert_eq!(count(&"a".repeat(161)), (2, Encoding::Gsm7));
        assert_eq!(count(&"€".repeat(80)), (1, Encoding::Gsm7));
        assert_eq!(count(&"€".repeat(81)), (2, Encoding::Gsm7));
        assert_eq!(count(&"ê".repeat(70)), (1, Encoding::Ucs2));
        assert_eq!(count(&"ê".repeat(71)), (2, Encoding::Ucs2));
        assert_eq!(count(&"😀".repeat(35)), (1, Encoding::Ucs2));
        assert_eq!(count(&"😀".repeat(67)), (3, Encoding::Ucs2));
        assert_eq!(count("Bienvenue à Riverside ! Votre carte est prête."), (1, Encoding::Ucs2));
    }
}
