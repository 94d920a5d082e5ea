//! Taking typed values out of a JSON object, key by key.

use super::ImportError;
use crate::id::Invalid;
use crate::time::Timestamp;
use alloc::string::{String, ToString};
use serde_json::{Map, Value};

/// A flat record that is emptied while it is read; what is left means nothing to this library.
pub(super) struct Fields(pub(super) Map<String, Value>);

pub(super) fn wrong(field: &str, expected: &str, got: &Value) -> ImportError {
    let got = got.to_string().chars().take(80).collect();
    ImportError { field: field.to_string(), expected: expected.to_string(), got }
}

impl Fields {
    /// The value under `key`; null is the same as absent.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key).filter(|value| !value.is_null())
    }

    fn read<T>(&mut self, key: &str, expected: &str, read: fn(&Value) -> Option<T>) -> Result<Option<T>, ImportError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        read(&value).map(Some).ok_or_else(|| wrong(key, expected, &value))
    }

    /// A text; an empty one is the same as absent.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, ImportError> {
        let text = self.read(key, "a text", |value| value.as_str().map(ToString::to_string))?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<bool, ImportError> {
        Ok(self.read(key, "true or false", Value::as_bool)?.unwrap_or_default())
    }

    pub(super) fn number<T: TryFrom<u64>>(&mut self, key: &str, expected: &str) -> Result<Option<T>, ImportError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let number = whole(&value).and_then(|number| T::try_from(number).ok());
        number.map(Some).ok_or_else(|| wrong(key, expected, &value))
    }

    /// Milliseconds since the epoch, or ISO 8601 text.
    pub(super) fn time(&mut self, key: &str) -> Result<Option<Timestamp>, ImportError> {
        self.read(key, "milliseconds since 1970 or ISO 8601 text", instant)
    }

    /// A name that is checked on its way in.
    pub(super) fn name<T>(
        &mut self,
        key: &str,
        new: fn(String) -> Result<T, Invalid>,
    ) -> Result<Option<T>, ImportError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let checked = new(text).map_err(|bad| ImportError {
            field: key.to_string(),
            expected: bad.expected.to_string(),
            got: Value::String(bad.got).to_string(),
        })?;
        Ok(Some(checked))
    }
}

/// A number without a fraction; JavaScript writes some of them with one.
fn whole(value: &Value) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let fraction = || value.as_f64().filter(|number| (0.0..EXACT).contains(number) && *number % 1.0 == 0.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked just above")]
    value.as_u64().or_else(|| fraction().map(|number| number as u64))
}

fn instant(value: &Value) -> Option<Timestamp> {
    let written = || value.as_str()?.parse::<jiff::Timestamp>().ok();
    let parsed = || u64::try_from(written()?.as_millisecond()).ok();
    whole(value).or_else(parsed).map(Timestamp::from_millis)
}
