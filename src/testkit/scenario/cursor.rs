//! A value together with its path, so that whoever finds it wanting can say where.

use super::{Malformed, times};
use crate::time::Timestamp;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Map, Value};

pub(super) const SPAN: &str = "a duration such as 60s, 5m, 7d (units ms s m h d)";
pub(super) const TIME: &str = "a time: a number, now, now-60s, now+7d";

#[derive(Clone, Debug)]
pub(super) struct At<'a> {
    pub(super) value: &'a Value,
    pub(super) path: String,
}

impl<'a> At<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: "$".to_string() }
    }

    pub(super) fn wrong(&self, expected: impl Into<String>) -> Malformed {
        Malformed::new(self.path.clone(), expected, show(self.value))
    }

    /// An object with no members but these; all of them where `known` is `None`.
    pub(super) fn object(&self, known: Option<&[&str]>) -> Result<Members<'a>, Malformed> {
        let Value::Object(members) = self.value else { return Err(self.wrong("an object")) };
        let members = Members { members, path: self.path.clone() };
        if let Some(known) = known {
            for (name, at) in members.iter() {
                if !known.contains(&name) {
                    return Err(at.wrong(format!("no such member; those known are {}", known.join(" "))));
                }
            }
        }
        Ok(members)
    }

    pub(super) fn list(&self) -> Result<Vec<Self>, Malformed> {
        let Value::Array(items) = self.value else { return Err(self.wrong("a list")) };
        Ok(items.iter().enumerate().map(|(i, value)| At { value, path: format!("{}[{i}]", self.path) }).collect())
    }

    pub(super) fn each<T>(&self, read: impl Fn(&Self) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
        self.list()?.iter().map(read).collect()
    }

    pub(super) fn text(&self) -> Result<&'a str, Malformed> {
        self.value.as_str().ok_or_else(|| self.wrong("text"))
    }

    pub(super) fn string(&self) -> Result<String, Malformed> {
        self.text().map(ToString::to_string)
    }

    pub(super) fn nullable<T>(&self, read: impl Fn(&Self) -> Result<T, Malformed>) -> Result<Option<T>, Malformed> {
        if self.value.is_null() { Ok(None) } else { read(self).map(Some) }
    }

    pub(super) fn flag(&self) -> Result<bool, Malformed> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    pub(super) fn yes(&self) -> Result<(), Malformed> {
        if self.value == &Value::Bool(true) { Ok(()) } else { Err(self.wrong("true")) }
    }

    pub(super) fn whole(&self, least: u64) -> Result<u64, Malformed> {
        let number = self.value.as_u64().filter(|number| *number >= least);
        number.ok_or_else(|| self.wrong(format!("a whole number from {least} on")))
    }

    pub(super) fn whole_u32(&self, least: u64) -> Result<u32, Malformed> {
        u32::try_from(self.whole(least)?)
            .map_err(|_| self.wrong(format!("a whole number from {least} to {}", u32::MAX)))
    }

    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Malformed> {
        let found = self.value.as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
        let known = || words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
        found.map(|(_, meaning)| *meaning).ok_or_else(|| self.wrong(known()))
    }

    /// A duration in milliseconds.
    pub(super) fn span(&self) -> Result<u64, Malformed> {
        let ms = self.value.as_str().and_then(times::duration).ok_or_else(|| self.wrong(SPAN))?;
        Ok(u64::try_from(ms).unwrap_or(u64::MAX))
    }

    pub(super) fn when(&self) -> Result<When, Malformed> {
        let when = match self.value {
            Value::Number(_) => times::instant(self.value).map(When::At),
            Value::String(text) => times::relative(text).map(When::FromNow),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        when.ok_or_else(|| self.wrong(TIME))
    }
}

/// A time, of which a file may leave open what it counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    At(i128),
    FromNow(i128),
}

impl When {
    /// Never before the epoch, and never after what can be counted.
    pub(super) fn from(self, now: Timestamp) -> Timestamp {
        let ms = match self {
            Self::At(ms) => ms,
            Self::FromNow(ms) => ms.saturating_add(now.as_millis().into()),
        };
        Timestamp::from_millis(u64::try_from(ms.max(0)).unwrap_or(u64::MAX))
    }
}

pub(super) struct Members<'a> {
    members: &'a Map<String, Value>,
    path: String,
}

impl<'a> Members<'a> {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, At<'a>)> {
        let path = self.path.clone();
        self.members.iter().map(move |(name, value)| (name.as_str(), At { value, path: format!("{path}.{name}") }))
    }

    pub(super) fn get(&self, name: &str) -> Option<At<'a>> {
        self.members.get(name).map(|value| At { value, path: format!("{}.{name}", self.path) })
    }

    pub(super) fn need(&self, name: &str, expected: &str) -> Result<At<'a>, Malformed> {
        self.get(name).ok_or_else(|| Malformed::new(format!("{}.{name}", self.path), expected, "nothing"))
    }

    /// What `read` makes of a member, if it is there.
    pub(super) fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&At<'a>) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        self.get(name).map(|at| read(&at)).transpose()
    }

    pub(super) fn map(&self) -> &'a Map<String, Value> {
        self.members
    }
}

/// A value as JSON, cut to 160 characters.
pub(super) fn show(value: &Value) -> String {
    cut(&value.to_string())
}

/// A text, cut to 160 characters.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= 160 { text.to_string() } else { text.chars().take(157).chain("...".chars()).collect() }
}
