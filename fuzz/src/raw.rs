//! Bytes as choices: whatever the bytes are, they choose something, and when they run out everything is the first choice.

use arbitrary::Unstructured;
use serde_json::{Map, Number, Value, json};

pub(super) struct Raw<'a>(Unstructured<'a>);

/// Texts that mean something somewhere.
const WORDS: [&str; 28] = [
    "vol_1",
    "vol_2",
    "vol_elsewhere",
    "mach_1",
    "mach_2",
    "iad",
    "eu",
    "cdg,ord",
    "user|1",
    "sb-1",
    "app-1",
    "",
    " ",
    "../x",
    "now",
    "2026-04-06T00:00:00.000Z",
    "-009999-01-02T01:59:59Z",
    "9999-12-30T22:00:00Z",
    "running",
    "stopped",
    "starting",
    "recovering",
    "destroying",
    "restoring",
    "machine",
    "volume",
    "registry/image:1",
    "\u{0}",
];

impl<'a> Raw<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self(Unstructured::new(data))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn one_of<'t, T>(&mut self, choices: &'t [T]) -> &'t T {
        self.0.choose(choices).expect("something to choose from")
    }

    pub(super) fn below(&mut self, end: u8) -> u8 {
        self.0.int_in_range(0..=end.saturating_sub(1)).unwrap_or(0)
    }

    pub(super) fn flag(&mut self) -> bool {
        self.0.arbitrary().unwrap_or(false)
    }

    pub(super) fn number(&mut self) -> u64 {
        match self.below(5) {
            0 => u64::from(self.below(8)),
            1 => u64::MAX - u64::from(self.below(8)),
            2 => 1_790_000_000_000_u64.wrapping_add(self.0.arbitrary::<u64>().unwrap_or(0) % 1_000_000_000),
            3 => u64::from(self.0.arbitrary::<u16>().unwrap_or(0)),
            _ => self.0.arbitrary().unwrap_or(0),
        }
    }

    /// At most as long as a byte can count.
    pub(super) fn text(&mut self) -> String {
        if self.flag() {
            return (*self.one_of(&WORDS)).to_string();
        }
        let length = usize::from(self.below(u8::MAX)).min(self.0.len());
        String::from_utf8_lossy(self.0.bytes(length).unwrap_or_default()).into_owned()
    }

    /// The rest.
    pub(super) fn rest(self) -> String {
        String::from_utf8_lossy(self.0.take_rest()).into_owned()
    }

    pub(super) fn value(&mut self, depth: u8) -> Value {
        match self.below(if depth == 0 { 7 } else { 10 }) {
            0 => Value::Null,
            1 => Value::Bool(self.flag()),
            2 => self.number().into(),
            3 => self.0.arbitrary::<i64>().unwrap_or(0).into(),
            4 => Number::from_f64(self.0.arbitrary().unwrap_or(0.0)).map_or(Value::Null, Value::Number),
            5 | 6 => self.text().into(),
            7 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            8 => {
                let mut members = Map::new();
                for _ in 0..self.below(4) {
                    members.insert(self.text(), self.value(depth - 1));
                }
                Value::Object(members)
            }
            _ => {
                json!({"cpus": self.number(), "memory_mb": self.number(), "cpu_kind": *self.one_of(&["shared", "performance", "x"])})
            }
        }
    }
}
