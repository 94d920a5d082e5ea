//! How long Fly takes for each kind of call.
//!
//! Measured nowhere here, but taken from what Fly and its users say; where nobody says anything, the figure is marked as assumed. Each call
//! takes between half of it and half as long again.
//!
//! - A request to the API and back takes 20 to 50 ms where all are in one region, and some 300 ms from the other side of the world
//!   (<https://fly.io/blog/fly-machines>). The host sits in one region and its machines in many: 100 ms for a look.
//! - A machine that is there boots in about 300 ms (the same). One that is created gets an image and a root file system first: assumed are 2 s
//!   to the answer, and 3 s more until it is started.
//! - A fork can be mounted as soon as it is answered, and goes on copying behind that
//!   (<https://fly.io/docs/blueprints/volume-forking>): assumed are 3 s to the answer, and 80 s for 10 GiB at 1 Gbit/s.
//! - A machine that was destroyed goes on holding its volume for up to a minute or two, as users of the Terraform provider report.

use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::testkit::World;
use std::time::Duration;

/// Until the answer is there, in milliseconds.
pub(crate) fn usual_ms(kind: CallKind) -> u64 {
    match kind {
        CallKind::GetMachine | CallKind::GetVolume | CallKind::ListSnapshots => 100,
        // Assumed: the longer the list, the longer it takes.
        CallKind::ListMachines | CallKind::ListVolumes => 200,
        CallKind::StartMachine | CallKind::StopMachine => 500,
        CallKind::CreateMachine | CallKind::UpdateMachine => 2_000,
        CallKind::CreateVolume => 3_000,
        // Assumed: accepted, and done later.
        CallKind::DestroyMachine | CallKind::DeleteVolume => 500,
        // Besides the time until the machine is there.
        CallKind::WaitMachine => 100,
        // Through the proxy, to a gateway that has just begun; assumed.
        CallKind::ProbeHealth => 300,
    }
}

/// One call's time. `number` tells calls apart; the same number has the same time.
pub(crate) fn of(kind: CallKind, number: u64) -> Duration {
    let usual = usual_ms(kind);
    // Any constant that mixes the bits well.
    let mixed =
        number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    Duration::from_millis(usual / 2 + (mixed >> 32) % (usual + 1))
}

/// What goes on behind the answers.
pub(crate) fn behind(world: &mut World) {
    (world.boot_ms, world.stop_ms, world.destroy_ms) = (3_000, 2_000, 2_000);
    (world.hydrate_ms, world.unbind_ms) = (80_000, 60_000);
}
