//! Things by their id, which can also be found by what they say of themselves, so that no question costs more in a large world than in a
//! small one.
//!
//! *Guarantees*: what is found comes in the order of ids, as if all had been looked through; two shelves with the same things are equal.
//!
//! *Assumes* that whatever a thing is filed by is changed through [`Shelf::change`].

use super::catalogue::Catalogue;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

/// What a thing is filed by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// Its name.
    Name(String),
    /// A volume that it mounts.
    Mounts(String),
    /// One of its labels.
    Label(String, String),
    /// The volume that it reads from.
    Reads(String),
    /// The machine that is said to hold it.
    Claimed(String),
}

pub(super) trait Marked {
    fn marks(&self) -> Vec<Mark>;
}

#[derive(Clone, Debug)]
pub(super) struct Shelf<T> {
    things: Catalogue<T>,
    /// Follows from the things. Most changes leave it as it is, so clones share it until one does not.
    filed: Arc<BTreeSet<(Mark, String)>>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { things: Catalogue::new(), filed: Arc::default() }
    }
}

impl<T: PartialEq> PartialEq for Shelf<T> {
    fn eq(&self, other: &Self) -> bool {
        self.things == other.things
    }
}

impl<T: Eq> Eq for Shelf<T> {}

impl<T: Hash> Hash for Shelf<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.things.hash(state);
    }
}

/// To be looked at, and changed only as it says itself.
impl<T> Deref for Shelf<T> {
    type Target = Catalogue<T>;

    fn deref(&self) -> &Catalogue<T> {
        &self.things
    }
}

impl<T: Clone + Marked> Shelf<T> {
    /// Puts a thing there, in place of one with the same id.
    pub(super) fn insert(&mut self, id: String, thing: T) {
        let (before, after) = (self.things.get(&id).map(T::marks).unwrap_or_default(), thing.marks());
        self.things.insert(id.clone(), thing);
        self.refile(&id, before, after);
    }

    /// Changes anything of a thing.
    pub(super) fn change<R>(&mut self, id: &str, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let thing = self.things.get_mut(id)?;
        let before = thing.marks();
        let result = change(thing);
        let after = thing.marks();
        self.refile(id, before, after);
        Some(result)
    }

    /// For changes of what a thing is not filed by.
    pub(super) fn touch(&mut self, id: &str) -> Option<&mut T> {
        self.things.get_mut(id)
    }

    /// The same for all of them.
    pub(super) fn touch_all(&mut self) -> impl Iterator<Item = &mut T> {
        self.things.values_mut()
    }

    pub(super) fn retain(&mut self, mut stays: impl FnMut(&String, &T) -> bool) {
        let leaves: Vec<String> =
            self.things.iter().filter(|(id, thing)| !stays(id, thing)).map(|(id, _)| id.clone()).collect();
        for id in leaves {
            let before = self.things.remove(&id).map(|thing| thing.marks()).unwrap_or_default();
            self.refile(&id, before, Vec::new());
        }
    }

    fn refile(&mut self, id: &str, before: Vec<Mark>, after: Vec<Mark>) {
        if before == after {
            return;
        }
        let filed = Arc::make_mut(&mut self.filed);
        for mark in before {
            filed.remove(&(mark, id.to_string()));
        }
        filed.extend(after.into_iter().map(|mark| (mark, id.to_string())));
    }

    /// What is filed by this mark.
    pub(super) fn find(&self, mark: Mark) -> impl Iterator<Item = (&String, &T)> {
        let found = self.filed.range((mark.clone(), String::new())..).take_while(move |(filed, _)| *filed == mark);
        found.filter_map(|(_, id)| self.things.get_key_value(id))
    }

    /// What has a name that begins like this.
    pub(super) fn named_like(&self, start: &str) -> BTreeMap<&String, &T> {
        let is_one = |mark: &Mark| matches!(mark, Mark::Name(name) if name.starts_with(start));
        let found = self.filed.range((Mark::Name(start.to_string()), String::new())..);
        found.take_while(|(mark, _)| is_one(mark)).filter_map(|(_, id)| self.things.get_key_value(id)).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
mod filed;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
mod tests {
    use super::{Mark, Marked, Shelf};
    use alloc::string::{String, ToString};
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Thing {
        name: String,
        mounts: Vec<String>,
        weight: u32,
    }

    impl Marked for Thing {
        fn marks(&self) -> Vec<Mark> {
            let mounts = self.mounts.iter().cloned().map(Mark::Mounts);
            [Mark::Name(self.name.clone())].into_iter().chain(mounts).collect()
        }
    }

    fn thing(name: &str, mounts: &[&str]) -> Thing {
        Thing { name: name.to_string(), mounts: mounts.iter().map(ToString::to_string).collect(), weight: 1 }
    }

    fn shelf() -> Shelf<Thing> {
        let mut shelf = Shelf::default();
        shelf.insert("c".to_string(), thing("disk", &["v1"]));
        shelf.insert("a".to_string(), thing("disk", &["v1", "v2"]));
        shelf.insert("b".to_string(), thing("diskette", &[]));
        shelf
    }

    fn named(shelf: &Shelf<Thing>, name: &str) -> Vec<String> {
        shelf.find(Mark::Name(name.to_string())).map(|(id, _)| id.clone()).collect()
    }

    fn mounting(shelf: &Shelf<Thing>, volume: &str) -> Vec<String> {
        shelf.find(Mark::Mounts(volume.to_string())).map(|(id, _)| id.clone()).collect()
    }

    fn like(shelf: &Shelf<Thing>, start: &str) -> Vec<String> {
        shelf.named_like(start).keys().map(ToString::to_string).collect()
    }

    #[test]
    fn things_are_found_in_the_order_of_their_ids() {
        let shelf = shelf();
        assert_eq!((named(&shelf, "disk"), named(&shelf, "dis")), (["a", "c"].map(String::from).into(), Vec::new()));
        assert_eq!(
            (mounting(&shelf, "v1"), mounting(&shelf, "v2")),
            (["a", "c"].map(String::from).into(), Vec::from(["a".to_string()]))
        );
        assert_eq!(like(&shelf, "dis"), ["a", "b", "c"]);
        assert_eq!(like(&shelf, "diskette"), ["b"]);
        assert_eq!(like(&shelf, "x"), Vec::<String>::new());
    }

    #[test]
    fn what_changes_is_found_by_what_it_is_now() {
        let mut shelf = shelf();
        assert_eq!(
            shelf.change("a", |thing| core::mem::replace(&mut thing.name, "drum".to_string())),
            Some("disk".to_string())
        );
        assert_eq!(shelf.change("nothing", |thing| thing.weight), None);
        shelf.insert("c".to_string(), thing("disk", &[]));
        assert_eq!(
            (named(&shelf, "disk"), named(&shelf, "drum")),
            (Vec::from(["c".to_string()]), Vec::from(["a".to_string()]))
        );
        assert_eq!(mounting(&shelf, "v1"), ["a"]);
        shelf.retain(|id, thing| id != "a" && thing.weight == 1);
        assert_eq!((mounting(&shelf, "v1"), shelf.iter().count(), shelf.filed.len()), (Vec::new(), 2, 2));
    }

    #[test]
    fn clones_share_what_is_filed_until_it_changes_and_equal_things_are_equal() {
        let first = shelf();
        let mut second = first.clone();
        second.touch("a").unwrap().weight = 7;
        assert!(Arc::ptr_eq(&first.filed, &second.filed));
        assert_ne!(first, second);
        second.touch_all().for_each(|thing| thing.weight = 1);
        assert_eq!(first, second);
        second.change("a", |thing| thing.mounts.clear());
        assert_eq!((mounting(&first, "v2"), mounting(&second, "v2")), (Vec::from(["a".to_string()]), Vec::new()));
    }
}
