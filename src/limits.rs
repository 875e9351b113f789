//! Every limit of the system, each with its reason.

/// Largest program file, in bytes. Parsing holds about 30 bytes of tokens a byte of source.
pub const FILE_BYTES: usize = 10 * 1024 * 1024;

/// Deepest nesting of brackets. Keeps every recursive pass within a 512 KiB stack.
pub const NESTING: usize = 64;

/// Diagnostics drawn for one run; the rest are counted.
pub const DIAGNOSTICS_SHOWN: usize = 100;

/// Nesting of blocks in a message template. Handlebars recurses over them.
pub const TEMPLATE_NESTING: usize = 32;

/// Size in bytes of a compiled regular expression (crate `regex`), so that counted repetitions stay small.
pub const REGEX_BYTES: usize = 1 << 20;

/// Segments of an SMS: what carriers join at most without loss.
pub const SMS_SEGMENTS: usize = 10;

/// Bytes of a rendered body before the layout. Mail programs cut off what is much longer.
pub const BODY_BYTES: usize = 512 * 1024;

/// Characters of an e-mail's subject or display name; RFC 5322 ends a line at 998 octets, and nobody reads so far.
pub const HEADER_CHARACTERS: usize = 250;

/// Days after a message within which its link may confirm a consent. Long enough for a holiday; whoever clicks
/// later hardly remembers what they agree to. It counts from the message, since only its reader can confirm.
pub const CONFIRMATION_DAYS: i64 = 30;

/// Occurrences of one series of a calendar, from its beginning: an hourly one for two years. More is a slip.
pub const CALENDAR_OCCURRENCES: usize = 20_000;

/// Days that a series of a calendar is followed from the import on: a year, and the weeks until the next import.
pub const CALENDAR_AHEAD_DAYS: i64 = 400;

/// Days back: an e-mail may still tell of the last weeks.
pub const CALENDAR_BEFORE_DAYS: i64 = 31;

/// Years beyond that for which time zones are worked out that a calendar describes itself.
pub const CALENDAR_ZONE_YEARS: i64 = 10;

/// Nodes of an Atom or RSS document; real ones have some thousand.
pub const XML_NODES: u32 = 1_000_000;

/// Days between two ticks after which the clock is doubted rather than believed. A closure or an outage of some weeks
/// catches up without a word; a machine whose clock jumps a year would let everything of that year fall due at once.
pub const TICK_GAP_DAYS: i64 = 60;

/// Seconds that a clock may go back behind the last tick: as much as one is put right that runs fast. What is done then
/// is done as of the last tick.
pub const CLOCK_BACK_SECONDS: i64 = 300;

/// Patrons from which on a store has a columnar snapshot beside it. A smaller one is read from SQLite in less than half
/// a second, and a file that saves nothing is one more to explain.
pub const SNAPSHOT_FROM_PATRONS: i64 = 20_000;

/// One part in so many of the patrons may have changed before a snapshot is written anew: reading so many one by one
/// takes as long as writing it.
pub const SNAPSHOT_CHANGED_SHARE: usize = 20;

/// Parts of a snapshot that are made at once, each in memory of its own.
pub const SNAPSHOT_READERS: usize = 2;

/// Patrons from which on a tick asks native code that is compiled already.
pub const SCREEN_FROM: usize = 16;

/// Patrons from which on a tick compiles native code: that takes as long as the interpreter for so many.
pub const COMPILE_FROM: usize = 2_000;

/// Ticks that looked at one patron in so many together open the snapshot, of which the columns that are read are
/// checked from end to end.
pub const OPEN_FOR_SHARE: i64 = 2_000;

/// Patrons whose standing may be kept apart from that of all others, and the part of all patrons that may be: with more of
/// them nearly each page of the others is written anyway, as it holds some eighty.
pub const STANDING_LATELY: i64 = 512;
pub const STANDING_LATELY_SHARE: i64 = 20;

/// Patrons whose columns a tick puts together, while it visits as many others.
pub const SCREENED_AT_ONCE: usize = 4_096;

/// Years that a simulation may go on. Nobody joins or borrows in it: what is due by the data of today thins out.
pub const SIMULATED_YEARS: i64 = 3;

/// Tests and counts of which native code is made; beyond that the interpreter answers. They are compiled in many functions,
/// so that time and memory grow with their number alone. Measured on two cores, half of the parts tests and half counts over
/// events with a condition:
///
/// | parts | compiling | with validity | memory | a run, 100,000 patrons | with validity |
/// |------:|----------:|--------------:|-------:|-----------------------:|--------------:|
/// |   500 |    0.16 s |        0.22 s |   5 MB |                  19 ms |         32 ms |
/// | 1,000 |    0.26 s |        0.34 s |   3 MB |                  35 ms |         54 ms |
/// | 2,000 |    0.66 s |        0.79 s |   3 MB |                  87 ms |        145 ms |
/// | 4,000 |     1.3 s |         1.6 s |   5 MB |                 185 ms |        304 ms |
/// | 8,000 |     2.3 s |         3.1 s |   9 MB |                 413 ms |        486 ms |
///
/// The interpreter takes 2.9 s for the patrons of the second row, with validity 16.9 s.
pub const NATIVE_PARTS: usize = 8_000;
