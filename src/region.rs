//! Lists of regions: how they are read, ordered and narrowed down (rules G1 and G2).

use crate::id::{Invalid, Region};
use crate::random::Random;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

impl Region {
    /// Whether this is `eu` or `us`, which stand for many regions, in any case.
    pub fn is_meta(&self) -> bool {
        ["eu", "us"].iter().any(|meta| self.as_str().eq_ignore_ascii_case(meta))
    }

    /// Reads region lists: every entry may itself be a list with commas; blanks around and empty entries are dropped.
    ///
    /// # Errors
    /// [`Invalid`] for an entry that could not be a region.
    pub fn parse_list<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Vec<Self>, Invalid> {
        entries
            .into_iter()
            .flat_map(|entry| entry.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(Self::new)
            .collect()
    }
}

/// The order in which to try `regions`: a list that names any specific region is shuffled, duplicates being weights; a purely
/// meta list keeps its order (G1).
pub(crate) fn order(regions: &[Region], random: &mut Random) -> Vec<Region> {
    let mut ordered = regions.to_vec();
    if !regions.iter().all(Region::is_meta) {
        random.shuffle(&mut ordered);
    }
    ordered
}

/// Moves a region that just failed out of the way (G2): removed from three or more distinct regions, last of two, and
/// untouched where it is the only one or not in the list.
pub(crate) fn deprioritise(regions: Vec<Region>, failed: Option<&Region>) -> Vec<Region> {
    let Some(failed) = failed else { return regions };
    let distinct = regions.iter().collect::<BTreeSet<_>>().len();
    let (last, mut first): (Vec<_>, Vec<_>) = regions.into_iter().partition(|region| region == failed);
    if distinct <= 2 {
        first.extend(last);
    }
    first
}

/// Each region once, in order of first appearance: asking a full region again at once is pointless.
pub(crate) fn distinct(regions: Vec<Region>) -> Vec<Region> {
    let mut seen = BTreeSet::new();
    regions.into_iter().filter(|region| seen.insert(region.clone())).collect()
}
