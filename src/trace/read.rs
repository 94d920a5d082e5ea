//! Reads a trace, strictly.

use super::decided::Decided;
use super::{HEAD, write};
use crate::id::SandboxId;
use crate::instance::Instance;
use crate::persist;
use crate::policy::Policy;
use crate::step::Input;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A line that is none of a trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected {expected}, got {got}")]
pub struct Malformed {
    /// Which line, counted from 1.
    pub line: usize,
    /// What would have been accepted.
    pub expected: String,
    /// What is there, cut to 200 characters.
    pub got: String,
}

/// What happened to one or more instances under one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    policy: Policy,
    lines: Vec<Line>,
}

/// An entry and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Counted from 1.
    pub number: usize,
    /// What it says.
    pub entry: Entry,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// What is stored at this point.
    Record {
        /// Of which instance.
        sandbox: SandboxId,
        /// The record; `None` when nothing is stored.
        instance: Option<Box<Instance>>,
    },
    /// An input was given. The next entry is what was decided.
    In {
        /// To which instance.
        sandbox: SandboxId,
        /// By which process.
        host: u8,
        /// When, by the clock of the host.
        at: Timestamp,
        /// The input.
        input: Box<Input>,
    },
    /// What was decided on the input before.
    Out {
        /// By which instance.
        sandbox: SandboxId,
        /// In which process.
        host: u8,
        /// The decision.
        decided: Decided,
    },
    /// The last step of this instance in this process was not committed.
    Lost {
        /// Which instance.
        sandbox: SandboxId,
        /// Which process.
        host: u8,
    },
    /// A process died.
    Crash {
        /// Which.
        host: u8,
    },
    /// Something was done to a simulated world.
    Act {
        /// When, by the clock of the world.
        at: Timestamp,
        /// What.
        act: Value,
    },
}

impl Trace {
    /// Reads a trace.
    ///
    /// # Errors
    /// [`Malformed`], with the first line that is not as it should be.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let lines = text.lines().enumerate().map(|(at, text)| Fields { line: at.saturating_add(1), rest: text.trim() });
        let mut lines = lines.filter(|fields| !fields.rest.is_empty() && !fields.rest.starts_with('#'));
        let end = Fields { line: text.lines().count().saturating_add(1), rest: "" };
        let first = lines.next().unwrap_or(end);
        if first.rest != HEAD {
            return Err(first.wrong(format!("`{HEAD}`"), first.rest));
        }
        let mut second = lines.next().unwrap_or(end);
        second.tag("policy")?;
        let policy = second.json("the knobs of a policy that works")?;
        let mut order = Order::default();
        let mut read = Vec::new();
        for fields in lines {
            let entry = fields.entry()?;
            order.check(fields, &entry)?;
            read.push(Line { number: fields.line, entry });
        }
        match order.open {
            Some((sandbox, host)) => Err(end.wrong(format!("`out {sandbox} {host}` and the decision"), "")),
            None => Ok(Self { policy, lines: read }),
        }
    }

    /// The policy of all steps.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The entries in order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

/// The text of a trace; comments and blank lines are not kept.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write::head(&self.policy))?;
        self.lines.iter().try_for_each(|line| write!(f, "{}", line.entry))
    }
}

/// Its line, with the line break.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Self::Record { sandbox, instance } => write::record(sandbox, instance.as_deref()),
            Self::In { sandbox, host, at, input } => write::given(sandbox, *host, *at, input),
            Self::Out { sandbox, host, decided } => write::taken(sandbox, *host, decided),
            Self::Lost { sandbox, host } => write::lost(sandbox, *host),
            Self::Crash { host } => write::crash(*host),
            Self::Act { at, act } => write::act(*at, act),
        })
    }
}

/// Which entry may follow which.
#[derive(Default)]
struct Order {
    /// An input whose decision has to come next.
    open: Option<(SandboxId, u8)>,
    /// Whose last step can still be said to be lost.
    steps: BTreeSet<(SandboxId, u8)>,
}

impl Order {
    fn check(&mut self, fields: Fields<'_>, entry: &Entry) -> Result<(), Malformed> {
        match (self.open.take(), entry) {
            (Some((whose, of)), Entry::Out { sandbox, host, .. }) if whose == *sandbox && of == *host => {
                self.steps.insert((whose, of));
            }
            (Some((sandbox, host)), _) => {
                return Err(fields.wrong(format!("`out {sandbox} {host}` and the decision"), fields.rest));
            }
            (None, Entry::In { sandbox, host, .. }) => self.open = Some((sandbox.clone(), *host)),
            (None, Entry::Out { .. }) => return Err(fields.wrong("the input before its decision", fields.rest)),
            (None, Entry::Lost { sandbox, host }) => {
                if !self.steps.remove(&(sandbox.clone(), *host)) {
                    return Err(fields.wrong("a step of this sandbox and host before it is lost", fields.rest));
                }
            }
            (None, Entry::Record { .. } | Entry::Crash { .. } | Entry::Act { .. }) => {}
        }
        Ok(())
    }
}

/// What has not been read yet of a line.
#[derive(Clone, Copy)]
struct Fields<'a> {
    line: usize,
    rest: &'a str,
}

impl Fields<'_> {
    fn entry(mut self) -> Result<Entry, Malformed> {
        const TAGS: &str = "record, in, out, lost, crash or act";
        let whole = self;
        match self.word() {
            "record" => Ok(Entry::Record { sandbox: self.sandbox()?, instance: self.instance()? }),
            "in" => {
                let (sandbox, host, at) = (self.sandbox()?, self.host()?, self.time()?);
                Ok(Entry::In { sandbox, host, at, input: self.json("an input")? })
            }
            "out" => {
                let (sandbox, host) = (self.sandbox()?, self.host()?);
                Ok(Entry::Out { sandbox, host, decided: self.json("a decision")? })
            }
            "lost" => {
                let (sandbox, host) = (self.sandbox()?, self.host()?);
                self.end(Entry::Lost { sandbox, host })
            }
            "crash" => {
                let host = self.host()?;
                self.end(Entry::Crash { host })
            }
            "act" => {
                let at = self.time()?;
                Ok(Entry::Act { at, act: self.json("JSON")? })
            }
            _ => Err(whole.wrong(TAGS, whole.rest)),
        }
    }

    fn word(&mut self) -> &str {
        let (word, rest) = self.rest.split_once(char::is_whitespace).unwrap_or((self.rest, ""));
        self.rest = rest.trim_start();
        word
    }

    fn tag(&mut self, tag: &str) -> Result<(), Malformed> {
        let whole = *self;
        if self.word() == tag { Ok(()) } else { Err(whole.wrong(format!("`{tag}`"), whole.rest)) }
    }

    fn sandbox(&mut self) -> Result<SandboxId, Malformed> {
        let line = self.line;
        SandboxId::new(self.word())
            .map_err(|bad| Malformed::new(line, format!("a sandbox id: {}", bad.expected), &bad.got))
    }

    fn host(&mut self) -> Result<u8, Malformed> {
        let line = self.line;
        let word = self.word();
        word.parse().map_err(|_| Malformed::new(line, "a host, 0 to 255", word))
    }

    fn time(&mut self) -> Result<Timestamp, Malformed> {
        let line = self.line;
        let word = self.word();
        let ms = word.parse().map_err(|_| Malformed::new(line, "a time in milliseconds", word))?;
        Ok(Timestamp::from_millis(ms))
    }

    fn instance(&self) -> Result<Option<Box<Instance>>, Malformed> {
        if self.rest == "none" {
            return Ok(None);
        }
        match persist::decode(self.rest) {
            Ok(instance) => Ok(Some(instance)),
            Err(error) => Err(self.wrong("a stored record or `none`", &said(&error))),
        }
    }

    fn json<T: DeserializeOwned>(&self, expected: &str) -> Result<T, Malformed> {
        serde_json::from_str(self.rest).map_err(|error| self.wrong(expected, &said(&error)))
    }

    fn end(&self, entry: Entry) -> Result<Entry, Malformed> {
        if self.rest.is_empty() { Ok(entry) } else { Err(self.wrong("the end of the line", self.rest)) }
    }

    fn wrong(&self, expected: impl Into<String>, got: &str) -> Malformed {
        Malformed::new(self.line, expected, got)
    }
}

/// What a reader of JSON says, which counts the one line it gets as the first.
fn said(error: &impl fmt::Display) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

impl Malformed {
    fn new(line: usize, expected: impl Into<String>, got: &str) -> Self {
        let got = if got.is_empty() { "nothing".to_string() } else { got.chars().take(200).collect() };
        Self { line, expected: expected.into(), got }
    }
}
