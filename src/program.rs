//! The typed program: what the checker proves and everything after it reads.
