//! What the benchmarks of whole runs are made of.
#![allow(dead_code, reason = "every benchmark uses a part of it")]

pub(crate) mod bare;
pub(crate) mod rows;
pub(crate) mod run;
pub(crate) mod server;
pub(crate) mod table;
pub(crate) mod whole;
