//! How long clients wait before they try again (`ExponentialBackoffTest`).

use rebsim::kernel::SimDuration;
use rebsim::protocol::backoff::{Backoff, Jitter};
use rebsim::protocol::config::ConsumerConfig;
use rebsim::scenario::profile::{Profile, Version};

fn config(first: u64, most: u64) -> ConsumerConfig {
    let version = Version::parse("4.4").expect("a version");
    ConsumerConfig {
        retry_backoff: SimDuration::from_millis(first),
        retry_backoff_max: SimDuration::from_millis(most),
        ..Profile::of(version).expect("a known version").consumer()
    }
}

fn waits(config: &ConsumerConfig, mut jitter: Jitter) -> Vec<u64> {
    let mut backoff = Backoff::default();
    let wait = |_| backoff.fail(config, &mut jitter).as_micros() / 1_000;
    (0..6).map(wait).collect()
}

#[test]
fn it_doubles_up_to_the_maximum_and_begins_anew_after_success() {
    let config = config(100, 1_000);
    let steady = Jitter::default();
    assert_eq!(waits(&config, steady), [100, 200, 400, 800, 1_000, 1_000]);
    let (mut backoff, mut jitter) = (Backoff::default(), Jitter::default());
    backoff.fail(&config, &mut jitter);
    backoff.fail(&config, &mut jitter);
    backoff.succeed();
    assert_eq!(
        backoff.fail(&config, &mut jitter),
        SimDuration::from_millis(100)
    );
}

#[test]
fn chance_makes_a_fifth_more_or_less_and_never_more_than_the_maximum() {
    let config = config(100, 1_000);
    let jitter = Jitter::of([0, 399_999, 200_000, 100_000, 0, 399_999]);
    assert_eq!(waits(&config, jitter), [80, 239, 400, 720, 800, 1_000]);
}

#[test]
fn a_maximum_below_the_first_wait_is_the_only_wait() {
    let jitter = Jitter::of([0, 399_999]);
    assert_eq!(waits(&config(100, 50), jitter), [50; 6]);
}
