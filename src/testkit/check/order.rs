//! I4: no call that changes the world leaves before the commit that knows of it.

use super::{Held, demand};
use crate::call::Operation;
use crate::instance::Instance;
use alloc::format;

pub(super) fn i4_commit_first(operation: &Operation, stored: Option<&Instance>) -> Held {
    if !operation.id.kind.mutates() {
        return Ok(());
    }
    let known = stored.and_then(Instance::in_flight);
    demand(known == Some(operation.id), || format!("{} leaves before the commit that knows of it", operation.id))
}
