//! A JSON object as it was written.

use std::{fmt, iter};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// The entries of an object as they stand, repeated keys too.
#[derive(Debug)]
pub struct Entries<'a>(pub Vec<(String, &'a RawValue)>);

/// The object that has these keys with these values, which are JSON already.
pub fn object<'a>(entries: impl IntoIterator<Item = (&'a str, impl AsRef<str>)>) -> String {
    let text = |(key, value): (&str, _)| format!("{}:{}", Value::from(key), AsRef::<str>::as_ref(&value));
    let texts: Vec<String> = entries.into_iter().map(text).collect();
    format!("{{{}}}", texts.join(","))
}

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                iter::from_fn(|| map.next_entry().transpose()).collect::<Result<_, _>>().map(Entries)
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
