//! DuckDB, measured from here.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::sql::{Table, write};

/// DuckDB in a process of Python.
pub struct DuckDb {
    process: Child,
    answers: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
}

impl DuckDb {
    /// `None`, and says so: there is no Python with it.
    pub fn start(tables: &[Table], query: &str) -> Option<DuckDb> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(tables, query, folder.path()).expect("the tables can be written");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/by_duckdb.py");
        let mut process = Command::new("python3")
            .args([script.as_ref(), folder.path()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .inspect_err(|error| println!("no DuckDB: python3: {error}"))
            .ok()?;
        let mut answers = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut line = String::new();
        answers.read_line(&mut line).expect("its output can be read");
        if line.trim() != "ready" {
            println!("no DuckDB: pip install duckdb numpy");
            return None;
        }
        Some(DuckDb { process, answers, folder })
    }

    /// As it measures itself, without the way here.
    pub fn run(&mut self) -> Duration {
        self.process.stdin.as_mut().expect("it is piped").write_all(b"run\n").expect("it listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        Duration::from_secs_f64(line.trim().parse::<f64>().expect("milliseconds") / 1e3)
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    pub fn masks(mut self) -> Vec<u64> {
        drop(self.process.stdin.take());
        self.process.wait().expect("it ends");
        let bytes = std::fs::read(self.folder.path().join("masks")).expect("it wrote the masks");
        bytes.chunks_exact(8).map(|mask| u64::from_le_bytes(mask.try_into().expect("eight bytes"))).collect()
    }
}
