//! Writes a simulated run down.
use crate::id::SandboxId;
use crate::instance::Instance;
use crate::policy::Policy;
use crate::step::{Effect, Input, Verdict};
use crate::time::Timestamp;
use alloc::string::String;
use serde_json::Value;

/// Writes a simulated run down.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    text: String,
}

#[allow(missing_docs, unused_variables, clippy::too_many_arguments, reason = "stand-in")]
impl Recorder {
    pub fn new(policy: &Policy) -> Self {
        Self::default()
    }
    pub fn act(&mut self, at: Timestamp, act: &Value) {
        self.text.push_str(&alloc::format!("{} {at} {act}\n", at.as_millis()));
    }
    pub fn decided(
        &mut self,
        sandbox: &SandboxId,
        host: u8,
        now: Timestamp,
        input: &Input,
        verdict: &Verdict,
        next: Option<&Instance>,
        effects: &[Effect],
        commit: bool,
    ) {
    }
    pub fn lost(&mut self, sandbox: &SandboxId, host: u8) { self.text.push_str("      LOST\n"); }
    pub fn crash(&mut self, host: u8) {}
    pub fn note(&mut self, text: &str) { self.text.push_str(&alloc::format!("# {text}\n")); }
    pub fn text(&self) -> &str {
        &self.text
    }
}
