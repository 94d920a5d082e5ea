//! The driver brings no runtime, and fits those that move futures between threads and those that do not.

use crate::bench::{Bench, Host, block_on, provision, sandbox, start};
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use kiloclaw_lifecycle::driver::Held;
use kiloclaw_lifecycle::step::{Input, Verdict};
use kiloclaw_lifecycle::testkit::store::MemoryStore;
use std::rc::Rc;
use std::sync::Arc;

fn send<T: Send>(value: T) -> T {
    value
}

#[test]
fn futures_can_move_to_another_thread() {
    let bench = Bench::new();
    let host: Arc<Host<MemoryStore>> = Arc::new(bench.host());
    let worker = Arc::clone(&host);
    let run = send(async move {
        for input in [provision(), start()] {
            let handled = worker.handle(&sandbox(), input).await.unwrap();
            assert_eq!((handled.verdict, handled.interrupted), (Verdict::Applied, None));
        }
    });
    std::thread::spawn(move || block_on(run)).join().unwrap();
    assert_eq!(bench.instance().unwrap().status().as_str(), "running");

    let of = sandbox();
    let held: Option<Held> = None;
    let decided = send(host.decide(&of, held.clone(), Input::Alarm));
    let decision = send(block_on(decided).unwrap());
    let applied = send(block_on(send(host.commit(decision))).unwrap());
    let operation = applied.pending.unwrap().operation;
    drop(send(host.execute(&operation)));
    drop(send(host.apply(&of, held, Input::Resume)));
    drop(send(host.deliver(&of)));
}

#[test]
fn a_single_thread_drives_many_instances_at_once() {
    let benches: Vec<Bench> = (0..3).map(|_| Bench::new()).collect();
    let mut pool = LocalPool::new();
    for bench in &benches {
        // Not `Send`, as in a worker on wasm32.
        let host = Rc::new(bench.host());
        let work = async move {
            for input in [provision(), start()] {
                let handled = host.handle(&sandbox(), input).await.unwrap();
                assert_eq!((handled.verdict, handled.interrupted), (Verdict::Applied, None));
            }
        };
        pool.spawner().spawn_local(work).unwrap();
    }
    pool.run();
    for bench in &benches {
        assert_eq!(bench.instance().unwrap().status().as_str(), "running");
    }
}
