//! Events reach the sink at least once, in order, under the same keys.

use crate::bench::{Bench, block_on, provision, sandbox, start};
use kiloclaw_lifecycle::driver::Undelivered;
use kiloclaw_lifecycle::port::{SinkError, Store, StoreError};
use kiloclaw_lifecycle::step::{Input, Verdict};
use kiloclaw_lifecycle::testkit::store::{FailingStore, Failure};
use std::collections::BTreeSet;

fn waiting(bench: &Bench) -> Vec<String> {
    block_on(bench.store.outbox(&sandbox())).unwrap().into_iter().map(|event| event.key).collect()
}

#[test]
fn what_a_broken_sink_does_not_take_stays_and_is_delivered_later() {
    let bench = Bench::new();
    bench.world().sink_is_broken = true;
    let host = bench.host();
    for input in [provision(), start()] {
        let handled = block_on(host.handle(&sandbox(), input)).unwrap();
        assert_eq!((handled.verdict, handled.interrupted), (Verdict::Applied, None), "no error of the step");
    }
    let kept = waiting(&bench);
    assert!(kept.len() >= 2, "{kept:?}");
    assert_eq!(bench.delivered(), Vec::<String>::new());
    assert_eq!(bench.store.undelivered(), [sandbox()]);
    let error = block_on(host.deliver(&sandbox())).unwrap_err();
    assert_eq!(error, Undelivered::Sink(SinkError("closed".to_string())));

    bench.world().sink_is_broken = false;
    assert_eq!(block_on(host.deliver(&sandbox())), Ok(kept.len()));
    assert_eq!(bench.delivered(), kept, "all of them, in order, under their keys");
    assert_eq!((waiting(&bench), bench.store.undelivered()), (vec![], vec![]));
    assert_eq!(block_on(host.deliver(&sandbox())), Ok(0));
    assert_eq!(bench.delivered().iter().collect::<BTreeSet<_>>().len(), kept.len(), "each key once");
}

#[test]
fn a_resume_and_an_alarm_deliver_what_is_left() {
    for input in [Input::Resume, Input::Alarm] {
        let bench = Bench::new();
        bench.world().sink_is_broken = true;
        let host = bench.host();
        block_on(host.handle(&sandbox(), provision())).unwrap();
        let kept = waiting(&bench);
        assert_eq!(kept.len(), 1);
        bench.world().sink_is_broken = false;
        block_on(host.apply(&sandbox(), None, input)).unwrap();
        assert_eq!((bench.delivered(), waiting(&bench)), (kept, vec![]));
    }
}

#[test]
fn what_was_delivered_and_not_acknowledged_is_delivered_again_under_the_same_key() {
    let bench = Bench::new();
    let store = FailingStore::new(bench.store.clone());
    let host = bench.host_on(store.clone());
    store.fail(Failure::Acknowledge);
    let handled = block_on(host.handle(&sandbox(), provision())).unwrap();
    assert_eq!((handled.verdict, handled.interrupted), (Verdict::Applied, None));
    let kept = waiting(&bench);
    assert_eq!(bench.delivered(), kept);
    assert_eq!(block_on(host.deliver(&sandbox())), Ok(1));
    assert_eq!(bench.delivered(), [kept.clone(), kept].concat());
    assert_eq!(waiting(&bench), Vec::<String>::new());
}

#[test]
fn an_outbox_that_cannot_be_read_is_no_error_of_the_step() {
    let bench = Bench::new();
    let store = FailingStore::new(bench.store.clone());
    let host = bench.host_on(store.clone());
    store.fail(Failure::Outbox);
    assert_eq!(block_on(host.handle(&sandbox(), provision())).unwrap().verdict, Verdict::Applied);
    assert_eq!(waiting(&bench).len(), 1);
    store.fail(Failure::Outbox);
    let error = block_on(host.deliver(&sandbox())).unwrap_err();
    assert_eq!(error, Undelivered::Store(StoreError::Unavailable("outbox".to_string())));
}
