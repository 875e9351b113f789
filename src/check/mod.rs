//! From syntax trees to a typed program: names, types, privacy, consent, reachability, lints.
