//! JSON read strictly: a member that occurs twice is a mistake, not a choice between two.

use super::Malformed;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A value whose objects still hold every member that was written.
enum Raw {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Number::from_f64(value).map_or(Raw::Null, Raw::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Raw, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Raw::Object(object))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

impl Raw {
    fn settle(self, path: &str) -> Result<Value, Malformed> {
        match self {
            Self::Null => Ok(Value::Null),
            Self::Bool(value) => Ok(Value::Bool(value)),
            Self::Number(value) => Ok(Value::Number(value)),
            Self::Text(value) => Ok(Value::String(value)),
            Self::List(items) => {
                let settled = items.into_iter().enumerate().map(|(at, item)| item.settle(&format!("{path}[{at}]")));
                settled.collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Object(members) => {
                let mut object = Map::new();
                for (name, value) in members {
                    let path = format!("{path}.{name}");
                    let value = value.settle(&path)?;
                    if object.contains_key(&name) {
                        return Err(Malformed::new(path, "a member that occurs once", "it twice"));
                    }
                    object.insert(name, value);
                }
                Ok(Value::Object(object))
            }
        }
    }
}

pub(super) fn read(text: &str) -> Result<Value, Malformed> {
    let raw: Raw = serde_json::from_str(text).map_err(|error| Malformed::new("$", "JSON", error.to_string()))?;
    raw.settle("$")
}
