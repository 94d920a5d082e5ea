//! The driver against mocks of its ports and against a store in memory.

mod bench;

mod answers;
mod commits;
mod cost;
mod executors;
mod outbox;
mod races;
mod records;
mod routes;
mod traces;
