//! What the benchmark of the import is made of.

pub(crate) mod bare;
pub(crate) mod rows;
pub(crate) mod server;
pub(crate) mod table;
pub(crate) mod whole;
