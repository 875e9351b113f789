//! Clocks and figures of the benchmarks.

#![allow(dead_code, reason = "each benchmark needs some of it")]

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long `work` takes by the wall clock, and what it returns.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub fn clock<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = black_box(work());
    (start.elapsed(), result)
}

/// What some work of one thread took.
#[derive(Clone, Copy)]
pub struct Took {
    pub processor: Duration,
    pub wall: Duration,
}

impl Took {
    /// Of `work`, and what it returns. Where the system does not tell the processor's time, the wall clock stands for it.
    pub fn by<T>(work: impl FnOnce() -> T) -> (Took, T) {
        let before = of_thread();
        let (wall, result) = clock(work);
        let processor = of_thread().zip(before).map_or(wall, |(after, before)| after - before);
        (Took { processor, wall }, result)
    }

    pub fn least(self, other: Took) -> Took {
        Took { processor: self.processor.min(other.processor), wall: self.wall.min(other.wall) }
    }

    pub fn plus(self, other: Took) -> Took {
        Took { processor: self.processor + other.processor, wall: self.wall + other.wall }
    }

    /// Of each of the times that `self` did more often than `other`.
    pub fn beyond(self, other: Took, times: u32) -> Took {
        let each = |more: Duration, less: Duration| more.saturating_sub(less) / times;
        Took { processor: each(self.processor, other.processor), wall: each(self.wall, other.wall) }
    }
}

/// The processor's time of this thread so far, where Linux tells it.
fn of_thread() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// The time of processors that the process has used so far, in hundredths of a second, where Linux tells it; on a busy
/// machine it says more than the clock.
pub fn of_process() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// The most memory that a process has had (mapped pages included), in MB, where Linux tells it.
pub fn peak(process: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// The most memory that `work` needs beside what the process has already, in MB, where Linux tells it.
pub fn memory<T>(work: impl FnOnce() -> T) -> (Option<f64>, T) {
    // From now on the peak is that of what comes: proc(5), clear_refs.
    let is_reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = peak("self");
    let result = black_box(work());
    (peak("self").zip(before).filter(|_| is_reset).map(|(peak, before)| peak - before), result)
}

pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The times of several rounds.
#[derive(Default)]
pub struct Rounds(pub Vec<Duration>);

impl Rounds {
    /// # Panics
    /// Without a round.
    pub fn min(&self) -> Duration {
        *self.0.iter().min().expect("there are rounds")
    }

    /// # Panics
    /// Without a round.
    pub fn median(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted[sorted.len() / 2]
    }
}

/// The number among a benchmark's arguments, such as `-- 20000`.
pub fn number<T: std::str::FromStr>(without: T) -> T {
    let given =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).find_map(|text| text.parse().ok());
    given.unwrap_or(without)
}
