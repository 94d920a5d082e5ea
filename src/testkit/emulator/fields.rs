//! JSON objects, read member by member; what cannot be read is named with its path.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Map, Value};

/// An object and the path that leads to it.
pub(super) struct Fields<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

/// What a body holds; an empty one is an empty object.
pub(super) fn body(bytes: &[u8]) -> Result<Value, String> {
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(bytes).map_err(|error| format!("body: expected JSON, got {error}"))
}

fn wrong(path: &str, expected: &str, got: &Value) -> String {
    let got: String = got.to_string().chars().take(80).collect();
    format!("{path}: expected {expected}, got {got}")
}

impl<'a> Fields<'a> {
    pub(super) fn of(value: &'a Value) -> Result<Self, String> {
        let members = value.as_object().ok_or_else(|| wrong("body", "an object", value))?;
        Ok(Self { path: String::new(), members })
    }

    fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Refuses members that are not known.
    pub(super) fn only(self, known: &[&str]) -> Result<Self, String> {
        match self.members.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(format!("{}: expected one of {}", self.path(name), known.join(", "))),
            None => Ok(self),
        }
    }

    /// A member that is there; `null` is not.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn read<T>(&self, name: &str, expected: &str, as_is: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, String> {
        let read = |value| as_is(value).ok_or_else(|| wrong(&self.path(name), expected, value));
        self.get(name).map(read).transpose()
    }

    /// Something that has to be there.
    pub(super) fn need<T>(&self, name: &str, expected: &str, found: Option<T>) -> Result<T, String> {
        found.ok_or_else(|| format!("{}: expected {expected}, got nothing", self.path(name)))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        self.read(name, "text", Value::as_str)
    }

    pub(super) fn whole(&self, name: &str) -> Result<Option<u64>, String> {
        self.read(name, "a whole number", Value::as_u64)
    }

    pub(super) fn whole_u32(&self, name: &str) -> Result<Option<u32>, String> {
        self.read(name, "a whole number below 2^32", |value| value.as_u64().and_then(|number| number.try_into().ok()))
    }

    pub(super) fn yes_or_no(&self, name: &str) -> Result<Option<bool>, String> {
        self.read(name, "true or false", Value::as_bool)
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, String> {
        let members = self.read(name, "an object", Value::as_object)?;
        Ok(members.map(|members| Self { path: self.path(name), members }))
    }

    pub(super) fn objects(&self, name: &str) -> Result<Option<Vec<Self>>, String> {
        let Some(items) = self.read(name, "a list", Value::as_array)? else { return Ok(None) };
        let item = |(at, value): (usize, &'a Value)| {
            let path = format!("{}[{at}]", self.path(name));
            let members = value.as_object().ok_or_else(|| wrong(&path, "an object", value))?;
            Ok(Self { path, members })
        };
        items.iter().enumerate().map(item).collect::<Result<_, String>>().map(Some)
    }

    /// An object whose members are all text.
    pub(super) fn texts(&self, name: &str) -> Result<BTreeMap<String, String>, String> {
        let Some(within) = self.object(name)? else { return Ok(BTreeMap::new()) };
        let text = |key: &String| Ok((key.clone(), within.text(key)?.unwrap_or_default().to_string()));
        within.members.keys().map(text).collect()
    }

    /// A member that is checked by the type it stands for.
    pub(super) fn parsed<T, E: core::fmt::Display>(
        &self,
        name: &str,
        parse: impl Fn(&'a str) -> Result<T, E>,
    ) -> Result<Option<T>, String> {
        let parse = |text: &'a str| parse(text).map_err(|error| format!("{}: {error}", self.path(name)));
        self.text(name)?.map(parse).transpose()
    }
}
