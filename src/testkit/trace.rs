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
        let says: alloc::vec::Vec<String> = effects.iter().map(|e| match e { Effect::Call(o) => alloc::format!("CALL {} {:?}", o.id, o.call), Effect::ScheduleAlarm(a) => alloc::format!("ring {} {:?}", a.at, a.why), Effect::EmitEvent(e) => alloc::format!("* {} {:?} {:?} {:?}", e.event, e.label, e.error, e.details), o => alloc::format!("{o:?}") }).collect();
        let inp: String = alloc::format!("{input:?}").chars().take(600).collect();
        self.text.push_str(&alloc::format!("    {sandbox} h{host} {inp}
      -> {verdict:?} {:?} commit={commit} machine={:?} volume={:?} list={:?}
         {}
", next.map(|n| n.status()), next.and_then(|n| n.machine.clone().map(|m| m.id)), next.and_then(|n| n.volume.clone()), next.map(|n| n.holdings.entries.iter().map(|e| alloc::format!("{:?} {:?} {}", e.thing, e.cause, e.due)).collect::<alloc::vec::Vec<_>>()), says.join("
         ")));
    }
    pub fn lost(&mut self, sandbox: &SandboxId, host: u8) { self.text.push_str("      LOST\n"); }
    pub fn crash(&mut self, host: u8) {}
    pub fn note(&mut self, text: &str) { self.text.push_str(&alloc::format!("# {text}\n")); }
    pub fn text(&self) -> &str {
        &self.text
    }
}
