//! Rules about what a call is said to have come to when it did not bring what it was made for.

use super::control::Control;
use super::trial::{Held, Trial, demand, eventually, expects, refused};
use crate::call::VolumeFilter;
use crate::fault::{Fault, FaultKind};
use crate::port::Provider;
use crate::testkit::world::{Landing, Said, WorldChange};
use alloc::format;
use alloc::string::ToString;

fn is_no_capacity(fault: &Fault) -> bool {
    fault.capacity().is_some()
}

pub(super) async fn region_full<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let new = t.empty()?;
    let region = t.ground.region.to_string();
    t.happens(WorldChange::Capacity { region: region.clone(), creates: Some(0) }).await?;
    let answer = t.provider.create_volume(t.of(), &new).await;
    t.happens(WorldChange::Capacity { region, creates: None }).await?;
    let fault = refused("A volume where there is no room", answer)?;
    demand!(is_no_capacity(&fault), "The fault is {:?}: {fault}.", fault.kind);
    let listed = t.named(&new.name).await?;
    demand!(listed.is_empty(), "It was made nevertheless: {listed:?}.");
    Ok(())
}

pub(super) async fn host_full<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let volume = t.volume().await?;
    let new = t.new_machine(&volume)?;
    t.happens(WorldChange::HostFull { volume: volume.as_str().into(), full: true }).await?;
    let answer = t.provider.create_machine(t.of(), &new).await;
    t.happens(WorldChange::HostFull { volume: volume.as_str().into(), full: false }).await?;
    let fault = refused("A machine where there is no room", answer)?;
    demand!(is_no_capacity(&fault), "The fault is {:?}: {fault}.", fault.kind);
    Ok(())
}

/// A create that this befalls is unknown, and has made so many.
async fn unknown<P: Provider + ?Sized, C: Control + ?Sized>(
    t: &Trial<'_, P, C>,
    said: Said,
    landing: Landing,
    made: usize,
) -> Held {
    let new = t.empty()?;
    t.strike(said, landing).await?;
    let answer = t.provider.create_volume(t.of(), &new).await;
    t.calm().await;
    expects("A create", answer, &[FaultKind::Unknown])?;
    let arrived = eventually!(t, t.named(&new.name).await?.len() >= made);
    demand!(arrived, "It was done, and is not listed.");
    // What else has been done is listed by then.
    t.control.pause(t.ground.step_ms.saturating_mul(5)).await;
    let listed = t.named(&new.name).await?;
    demand!(listed.len() == made, "It was asked for once, and there are {}: {listed:?}.", listed.len());
    Ok(())
}

pub(super) async fn lost_answer<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    unknown(t, Said::Nothing, Landing::Now, 1).await
}

pub(super) async fn lost_request<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    unknown(t, Said::Nothing, Landing::Never, 0).await
}

pub(super) async fn server_error<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let page = "<html><body>Bad Gateway</body></html>";
    for (status, body) in
        [(500, ""), (502, page), (503, "{}"), (504, ""), (408, r#"{"error":"deadline_exceeded: slow"}"#)]
    {
        unknown(t, Said::Status(status, body.to_string()), Landing::Now, 1).await?;
    }
    Ok(())
}

pub(super) async fn empty_success<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    unknown(t, Said::Status(200, "".to_string()), Landing::Never, 0).await?;
    let new = t.new_machine(&t.volume().await?)?;
    t.answered_by(200, "").await?;
    let answer = t.provider.create_machine(t.of(), &new).await;
    t.calm().await;
    expects("A create of a machine", answer, &[FaultKind::Unknown])
}

pub(super) async fn not_gone<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (machine, volume) = t.machine().await?;
    let answers = [
        (404, "404 page not found"),
        (404, r#"{"error":"app not found"}"#),
        (404, "<html><body>Not Found</body></html>"),
        (403, r#"{"error":"forbidden"}"#),
        (500, r#"{"error":"internal: machine not found in cache"}"#),
        (503, ""),
    ];
    for (status, body) in answers {
        t.answered_by(status, body).await?;
        let looks = [
            t.provider.get_machine(t.of(), &machine).await.map(|_| ()),
            t.provider.get_volume(t.of(), &volume).await.map(|_| ()),
            t.provider.destroy_machine(t.of(), &machine).await,
            t.provider.delete_volume(t.of(), &volume).await,
        ];
        t.calm().await;
        for look in looks {
            let fault = refused(&format!("{status} {body}"), look)?;
            demand!(!fault.is_absent(), "{status} {body}: absent: {fault}.");
        }
    }
    Ok(())
}

pub(super) async fn failed_list<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (_, volume) = t.machine().await?;
    let filter = VolumeFilter::Named(t.name()?);
    t.answered_by(503, "").await?;
    let machines = t.provider.list_machines(t.of(), &t.labels()).await;
    let volumes = t.provider.list_volumes(t.of(), &filter).await;
    let snapshots = t.provider.list_snapshots(t.of(), &volume).await;
    t.calm().await;
    expects("Machines", machines, &[FaultKind::Unknown])?;
    expects("Volumes", volumes, &[FaultKind::Unknown])?;
    expects("Snapshots", snapshots, &[FaultKind::Unknown])
}

pub(super) async fn unauthorized<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (machine, _) = t.machine().await?;
    let new = t.empty()?;
    for (status, body) in
        [(401, r#"{"error":"Authenticate: token validation error"}"#), (403, r#"{"error":"forbidden"}"#)]
    {
        t.answered_by(status, body).await?;
        let look = t.provider.get_machine(t.of(), &machine).await;
        let create = t.provider.create_volume(t.of(), &new).await;
        t.calm().await;
        expects("A look", look, &[FaultKind::Unauthorized])?;
        expects("A create", create, &[FaultKind::Unauthorized])?;
    }
    Ok(())
}

pub(super) async fn rate_limited<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let new = t.empty()?;
    t.answered_by(429, r#"{"error":"rate limit exceeded"}"#).await?;
    let create = t.provider.create_volume(t.of(), &new).await;
    t.calm().await;
    expects("A create", create, &[FaultKind::RateLimited])?;
    let listed = t.named(&new.name).await?;
    demand!(listed.is_empty(), "It was made nevertheless: {listed:?}.");
    Ok(())
}

pub(super) async fn refused_for_ever<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let text = "invalid_argument: region \"nowhere\" does not exist";
    let new = t.empty()?;
    t.answered_by(400, &serde_json::json!({ "error": text }).to_string()).await?;
    let create = t.provider.create_volume(t.of(), &new).await;
    t.calm().await;
    let fault = refused("A create", create)?;
    let as_said = fault.kind == FaultKind::Refused && fault.status == Some(400) && fault.message.contains(text);
    demand!(as_said, "400 {text}: {fault:?}.");
    Ok(())
}

pub(super) async fn not_now<P: Provider + ?Sized, C: Control + ?Sized>(t: &Trial<'_, P, C>) -> Held {
    let (machine, _) = t.machine().await?;
    let text = "failed_precondition: unable to start machine from current state: 'replacing'";
    t.answered_by(412, &serde_json::json!({ "error": text }).to_string()).await?;
    let start = t.provider.start_machine(t.of(), &machine).await;
    t.calm().await;
    expects("A start", start, &[FaultKind::Busy])
}
