//! The faces of the command line: arguments in, tables and exit codes out. No logic of its own.
