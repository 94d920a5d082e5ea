//! Machines or volumes by their id. Copies share what does not change, and its fingerprints.

use crate::testkit::shared::Shared;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;

/// Things by their id.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Catalogue<T>(Shared<BTreeMap<String, Shared<T>>>);

impl<T> Catalogue<T> {
    pub(super) fn new() -> Self {
        Self(Shared::new(BTreeMap::new()))
    }

    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.0.get(id).map(|thing| &**thing)
    }

    pub(super) fn get_key_value(&self, id: &str) -> Option<(&String, &T)> {
        self.0.get_key_value(id).map(|(id, thing)| (id, &**thing))
    }

    pub(super) fn contains_key(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &T)> {
        self.0.iter().map(|(id, thing)| (id, &**thing))
    }
}

impl<T: Clone> Catalogue<T> {
    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        // One that is not there is no reason to copy the others.
        if !self.contains_key(id) {
            return None;
        }
        self.0.make_mut().get_mut(id).map(Shared::make_mut)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.make_mut().values_mut().map(Shared::make_mut)
    }

    /// In place of the one with the same id.
    pub(super) fn insert(&mut self, id: String, thing: T) {
        self.0.make_mut().insert(id, Shared::new(thing));
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<T> {
        self.0.make_mut().remove(id).map(|thing| T::clone(&thing))
    }
}

impl<T: fmt::Debug> fmt::Debug for Catalogue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
