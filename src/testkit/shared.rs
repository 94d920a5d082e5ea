//! Values that many states of a model share, each with its fingerprint.
//!
//! *Guarantees*: a copy costs a count; the value is copied only when it changes while somebody else has it; its fingerprint is taken once
//! for as long as it does not change. Equal values have equal fingerprints, in every process.
//!
//! To be hashed is to hash the fingerprint of 64 bits: whoever tells states apart by their hash does not need to see each value again.

use alloc::sync::Arc;
use core::fmt;
use core::hash::{BuildHasher, Hash, Hasher};
use core::ops::Deref;
use foldhash::quality::FixedState;
use std::sync::OnceLock;

/// A value and its fingerprint, once somebody has asked for that.
#[derive(Clone, Default)]
struct Inner<T> {
    value: T,
    print: OnceLock<u64>,
}

/// A shared value.
#[derive(Clone, Default)]
pub(crate) struct Shared<T>(Arc<Inner<T>>);

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Inner { value, print: OnceLock::new() }))
    }
}

impl<T: Clone> Shared<T> {
    /// The value, to be changed for this one holder.
    pub(crate) fn make_mut(&mut self) -> &mut T {
        let inner = Arc::make_mut(&mut self.0);
        inner.print = OnceLock::new();
        &mut inner.value
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: Hash> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, to: &mut H) {
        to.write_u64(*self.0.print.get_or_init(|| fingerprint(&self.0.value)));
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.value == other.0.value
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}

/// The same for equal values, and as good as never for others.
pub(crate) fn fingerprint(value: &impl Hash) -> u64 {
    FixedState::default().hash_one(value)
}

#[cfg(test)]
mod tests {
    use super::{Shared, fingerprint};
    use alloc::vec;

    #[test]
    fn a_change_is_seen_by_its_holder_alone_and_in_its_fingerprint() {
        let one = Shared::new(vec![1]);
        let before = fingerprint(&one);
        let mut other = one.clone();
        assert_eq!((fingerprint(&other), &other), (before, &one));
        other.make_mut().push(2);
        assert_eq!((&*one, &*other), (&vec![1], &vec![1, 2]));
        assert_eq!((fingerprint(&one), fingerprint(&other)), (before, fingerprint(&Shared::new(vec![1, 2]))));
        assert_ne!(fingerprint(&other), before);
        // Its only holder changes it in place.
        let changed = fingerprint(&other);
        other.make_mut().push(3);
        assert_ne!(fingerprint(&other), changed);
    }
}
