//! What only an emulator can be told.

use super::fields::{Fields, body};
use super::hostile::Hostile;
use super::http::{Answer, Asked};
use super::weather::Weather;
use super::{Emulator, Ordered};
use crate::id::SnapshotId;
use crate::observe::{Exit, MachineState, SnapshotStatus};
use crate::testkit::world::{SimSnapshot, Strike, WorldChange};
use crate::time::Timestamp;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Why something was not done.
enum No {
    /// What was sent cannot be read.
    Unreadable(String),
    /// It names what is not there, or what cannot be.
    Impossible(&'static str),
}

impl From<String> for No {
    fn from(why: String) -> Self {
        Self::Unreadable(why)
    }
}

impl Emulator {
    pub(super) fn control(&mut self, now: Timestamp, place: &str, asked: &Asked) -> Answer {
        let parts: Vec<&str> = place.split('/').collect();
        match (asked.method.as_str(), parts.as_slice()) {
            ("GET", ["world"]) => Answer::json(200, &self.truth(now)),
            ("GET", ["calls"]) => match asked.asks("after").map_or(Ok(0), |after| after.parse()) {
                Ok(after) => Answer::json(200, &self.calls.json(after)),
                Err(_) => Answer::error(400, "after: expected a whole number"),
            },
            ("POST", parts) => {
                match body(&asked.body).map_err(No::from).and_then(|sent| self.told(now, parts, &sent)) {
                    Ok(()) => Answer::json(200, &json!({ "ok": true })),
                    Err(No::Unreadable(why)) => Answer::error(400, why),
                    Err(No::Impossible("")) => Answer::no_page(),
                    Err(No::Impossible(why)) => Answer::error(409, why),
                }
            }
            _ => Answer::no_page(),
        }
    }

    fn told(&mut self, now: Timestamp, parts: &[&str], sent: &Value) -> Result<(), No> {
        match parts {
            ["machines", id, "stop"] => self.stop(id, sent),
            ["change"] => self.change(sent),
            ["weather"] => {
                let weather =
                    word(&Fields::of(sent)?.only(&["weather"])?, "weather", &Weather::ALL.map(|w| (w.as_str(), w)))?;
                self.forecast(weather);
                Ok(())
            }
            ["capacity"] => {
                let fields = Fields::of(sent)?.only(&["region", "creates"])?;
                let region = fields.need("region", "text", fields.text("region")?)?.to_string();
                self.happens(&WorldChange::Capacity { region, creates: fields.whole("creates")? })
            }
            ["snapshots"] => self.snapshots(sent),
            ["write"] => {
                let fields = Fields::of(sent)?.only(&["volume"])?;
                let volume = fields.need("volume", "text", fields.text("volume")?)?;
                self.world.write_to(volume).then_some(()).ok_or(No::Impossible("volume: there is none to write to"))
            }
            ["strike"] => self.strike(sent),
            ["hostile"] => {
                let fields = Fields::of(sent)?.only(&["mode"])?;
                let words = Hostile::ALL.map(|mode| (mode.as_str(), mode));
                self.hostile = fields.get("mode").map(|_| word(&fields, "mode", &words)).transpose()?;
                Ok(())
            }
            ["rate_limit"] => {
                let fields = Fields::of(sent)?.only(&["on"])?;
                self.settings.rate_limit = fields.need("on", "true or false", fields.yes_or_no("on")?)?;
                Ok(())
            }
            ["pause"] => {
                let fields = Fields::of(sent)?.only(&["ms"])?;
                self.paused_until = now.plus(fields.need("ms", "a whole number", fields.whole("ms")?)?);
                Ok(())
            }
            _ => Err(No::Impossible("")),
        }
    }

    fn happens(&mut self, change: &WorldChange) -> Result<(), No> {
        let done = self.world.change(change);
        done.then_some(()).ok_or(No::Impossible("change: it names what is not there, or cannot be what happens to it"))
    }

    fn stop(&mut self, id: &str, sent: &Value) -> Result<(), No> {
        let fields = Fields::of(sent)?.only(&["code", "oom_killed", "requested_stop"])?;
        let code = fields.whole_u32("code")?.and_then(|code| i32::try_from(code).ok());
        let exit = Exit {
            code,
            oom_killed: fields.yes_or_no("oom_killed")?.unwrap_or_default(),
            requested_stop: fields.yes_or_no("requested_stop")?.unwrap_or_default(),
        };
        self.happens(&WorldChange::Machine { id: id.to_string(), state: MachineState::Stopped, exit: Some(exit) })
    }

    fn change(&mut self, sent: &Value) -> Result<(), No> {
        // The only member says what happens; what is wrong is inside of it.
        let name = sent.as_object().and_then(|members| members.keys().next()).map_or("change", String::as_str);
        let change: WorldChange = decoded(name, sent)?;
        self.happens(&change)
    }

    fn strike(&mut self, sent: &Value) -> Result<(), No> {
        let fields = Fields::of(sent)?.only(&["strike", "times"])?;
        let strike = fields.get("strike").map(|strike| decoded::<Strike>("strike", strike)).transpose()?;
        let times = fields.whole("times")?;
        if times == Some(0) {
            return Err(No::from("times: expected 1 at least, got 0".to_string()));
        }
        self.ordered = strike.map(|strike| Ordered { strike, times });
        Ok(())
    }

    /// They hold what the volume holds, unless it is said what.
    fn snapshots(&mut self, sent: &Value) -> Result<(), No> {
        let fields = Fields::of(sent)?.only(&["volume", "snapshots"])?;
        let volume = fields.need("volume", "text", fields.text("volume")?)?;
        let listed = fields.need("snapshots", "a list", fields.objects("snapshots")?)?;
        let known = self.world.volume(volume).ok_or(No::Impossible("volume: there is none of this id"))?;
        let (size_gb, generation) = (known.size_gb, known.generation);
        let read = |item: Fields<'_>| {
            let item = item.only(&["id", "status", "size_gb", "generation"])?;
            let id = item.parsed("id", SnapshotId::new)?;
            Ok::<_, String>(SimSnapshot {
                id: item.need("id", "the id of a snapshot", id)?.to_string(),
                status: item.text("status")?.map_or(SnapshotStatus::Created, SnapshotStatus::from),
                size_gb: Some(item.whole_u32("size_gb")?.unwrap_or(size_gb)),
                generation: item.whole("generation")?.unwrap_or(generation),
            })
        };
        let snapshots = listed.into_iter().map(read).collect::<Result<_, _>>()?;
        self.world.put_snapshots(volume, snapshots);
        Ok(())
    }
}

fn decoded<T: DeserializeOwned>(name: &str, value: &Value) -> Result<T, No> {
    T::deserialize(value).map_err(|error| No::Unreadable(format!("{name}: {error}")))
}

fn word<T: Copy>(fields: &Fields<'_>, name: &str, words: &[(&str, T)]) -> Result<T, String> {
    let known = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    let given = fields.need(name, &known(), fields.text(name)?)?;
    let found = words.iter().find(|(word, _)| *word == given).map(|(_, value)| *value);
    found.ok_or_else(|| format!("{name}: expected one of {}, got {given:?}", known()))
}
