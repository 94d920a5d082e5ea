//! Simulated runs, written down as [traces](crate::trace).

use crate::id::SandboxId;
use crate::instance::Instance;
use crate::policy::Policy;
use crate::step::{Effect, Input, Step, Verdict};
use crate::time::Timestamp;
use crate::trace;
use alloc::string::String;

/// Writes a simulated run down.
#[derive(Clone, Debug)]
pub struct Recorder {
    text: String,
}

impl Recorder {
    /// Begins the trace of a run under `policy`.
    pub fn new(policy: &Policy) -> Self {
        Self { text: trace::head(policy) }
    }

    /// Something was done to the simulated world.
    pub fn act(&mut self, at: Timestamp, act: &serde_json::Value) {
        self.text.push_str(&trace::act(at, act));
    }

    /// What is stored at this point.
    pub fn record(&mut self, sandbox: &SandboxId, instance: Option<&Instance>) {
        self.text.push_str(&trace::record(sandbox, instance));
    }

    /// A step.
    pub fn step(&mut self, sandbox: &SandboxId, host: u8, now: Timestamp, input: &Input, step: &Step) {
        self.text.push_str(&trace::step(sandbox, host, now, input, step));
    }

    /// A step that was taken apart.
    #[allow(
        clippy::too_many_arguments,
        reason = "a step has four parts, and each of the others is a field of the entry"
    )]
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
        self.text.push_str(&trace::decided(sandbox, host, now, input, verdict, next, effects, commit));
    }

    /// The last step of this host was not committed.
    pub fn lost(&mut self, sandbox: &SandboxId, host: u8) {
        self.text.push_str(&trace::lost(sandbox, host));
    }

    /// A process died.
    pub fn crash(&mut self, host: u8) {
        self.text.push_str(&trace::crash(host));
    }

    /// A remark, which no replay reads.
    pub fn note(&mut self, text: &str) {
        for line in text.lines() {
            self.text.push_str("# ");
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// What was written down so far.
    pub fn text(&self) -> &str {
        &self.text
    }
}
