//! The stores: what every store promises, and what is particular to a file.

mod beside;
mod broken;
mod file;
mod refused;
mod together;

use futures::executor::block_on;
use kiloclaw_lifecycle::adapter::sqlite::SqliteStore;
use kiloclaw_lifecycle::testkit::{MemoryStore, contract};

#[test]
fn the_store_in_memory_keeps_its_promises() {
    assert_eq!(block_on(contract::store::check(async || MemoryStore::new())), []);
}

#[test]
fn the_store_in_a_file_keeps_its_promises() {
    let folder = tempfile::tempdir().unwrap();
    let files = std::cell::Cell::new(0);
    let fresh = async || {
        files.set(files.get() + 1);
        SqliteStore::open(folder.path().join(format!("{}.db", files.get()))).unwrap()
    };
    assert_eq!(block_on(contract::store::check(fresh)), []);
    assert_eq!(files.get(), 16, "one for each rule");
}
