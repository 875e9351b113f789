//! A letter: one page of HTML that prints with the reader's address where a window envelope shows it.

use crate::catalogue::Library;
use crate::message::layout::escape;
use crate::symbol::Symbol;

/// DIN 5008 form B and most windows of ISO C5/6 envelopes: the address begins 45 mm from the top, 20 mm from the left.
const STYLE: &str = "@page { size: A4; margin: 20mm; }\n\
body { font: 11pt/1.5 Georgia, 'Times New Roman', serif; color: #000; margin: 0; max-width: 170mm; }\n\
header { font-size: 9pt; height: 25mm; }\n\
address { font-style: normal; height: 45mm; white-space: pre-line; }\n\
a { color: inherit; text-decoration: none; }\n\
p, li { orphans: 2; widows: 2; }";

/// The page.
pub(super) fn page(library: &Library, language: Symbol, address: &[String], body: &str) -> String {
    let name = escape(&library.name);
    let from = library.address.as_deref().map(escape).unwrap_or_default();
    let lines: Vec<String> = address.iter().map(|line| escape(line)).collect();
    let code = escape(&language.as_str().replace('_', "-"));
    format!(
        "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{name}</title>\n\
         <style>\n{STYLE}\n</style>\n</head>\n<body>\n<header>{name}<br>{from}</header>\n<address>{}</address>\n{body}\
         </body>\n</html>\n",
        lines.join("\n")
    )
}
