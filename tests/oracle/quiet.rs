//! Quiet groups: even loads, constant times, few events. Nearly all of their polls are played in closed form, many at once, and every one
//! of them has to be the one that a client takes which makes each step by itself.

use std::cell::Cell;
use std::fmt::Write as _;

use rebsim::cluster::{Calibration, Options};
use rebsim::kernel::{Draw, Seed, Stream};

use crate::groups::{Case, Dice, plan_of};
use crate::steps::{difference, for_all_of, options, play};

/// The quiet group of this number, of the classic protocol.
fn classic(number: u64) -> Case {
    case(number, false)
}

/// The same of the consumer protocol.
fn modern(number: u64) -> Case {
    case(number, true)
}

fn case(number: u64, is_modern: bool) -> Case {
    let mut dice = Dice(Draw::new(Seed(number), Stream::new("oracle", "quiet")));
    let seconds = dice.between(30, 90);
    let mut text = format!("version: 1\nname: quiet-{number}\nduration: {seconds}s\n");
    if dice.one_in(3) {
        let (from, to) = (dice.up_to(12), seconds - dice.up_to(12));
        let _ = writeln!(text, "measure: {{ from: {from}s, to: {to}s }}");
    }
    let (brokers, latency) = (
        dice.of(&[1, 1, 2, 3]),
        dice.of(&["0s", "500us", "2ms", "7ms"]),
    );
    let racks = match dice.up_to(6) {
        0 => ", racks: [a, b], cross_rack_latency: 3ms",
        _ => "",
    };
    let heartbeat = if is_modern {
        let interval = dice.of(&[1_000, 5_000, 5_000]);
        format!(
            ", config: {{ group.consumer.min.heartbeat.interval.ms: 1000, group.consumer.heartbeat.interval.ms: {interval} }}"
        )
    } else {
        String::new()
    };
    let _ = writeln!(
        text,
        "brokers: {{ count: {brokers}, latency: {latency}{racks}{heartbeat} }}"
    );
    let rate = dice.of(&[
        "1/s", "4/s", "10/s", "40/s", "53/s", "100/s", "100/s", "125/s", "130/s", "200/s", "1000/s",
    ]);
    let partitions = dice.between(1, 6);
    let backlog = match dice.up_to(5) {
        0 | 1 => format!(", backlog: {}", dice.up_to(3_000)),
        _ => String::new(),
    };
    let _ = writeln!(
        text,
        "topics:\n  t0: {{ partitions: {partitions}, rate_per_partition: {rate}, record_size: {}{backlog} }}",
        dice.of(&["100B", "1KiB"])
    );
    let topics = if dice.one_in(8) {
        text.push_str("  t1: { partitions: 2, rate_per_partition: 20/s }\n");
        "t0, t1"
    } else {
        "t0"
    };
    let members = dice.between(1, 4);
    group(&mut dice, is_modern, topics, members, &mut text);
    events(&mut dice, seconds, members, &mut text);
    let calibration = match dice.up_to(12) {
        0 => Calibration::ideal(),
        1 => Calibration::loopback(),
        _ => Calibration::of_scenario(),
    };
    let plan = plan_of(&text);
    Case {
        number,
        text,
        plan,
        calibration,
        commit: "auto",
        overloaded: false,
    }
}

fn group(dice: &mut Dice, is_modern: bool, topics: &str, members: u64, text: &mut String) {
    let per_record = dice.of(&["0s", "1us", "20us", "20us", "150us", "2ms"]);
    let per_poll = dice.of(&["0s", "0s", "1ms", "30ms"]);
    let timeout = dice.of(&["100ms", "100ms", "1s", "37ms", "10ms"]);
    let _ = writeln!(
        text,
        "groups:\n  g:\n    topics: [{topics}]\n    members: {members}\n    processing: {{ per_record: {per_record}, per_poll: {per_poll}, poll_timeout: {timeout} }}\n    commit: {}",
        dice.of(&["auto", "auto", "none"])
    );
    if dice.one_in(4) {
        text.push_str("    start: cold\n");
    }
    let heartbeat = dice.of(&[1_000, 3_000]);
    let commit = dice.of(&[1_000, 5_000, 7_001]);
    let reset = dice.of(&["earliest", "latest"]);
    let membership = if is_modern {
        let release = dice.of(&["4.0", "4.1", "4.3", "4.4", "4.4"]);
        let _ = writeln!(text, "    client_version: \"{release}\"");
        "group.protocol: consumer".to_owned()
    } else {
        format!("session.timeout.ms: 10000, heartbeat.interval.ms: {heartbeat}")
    };
    let _ = write!(
        text,
        "    config: {{ {membership}, auto.commit.interval.ms: {commit}, auto.offset.reset: {reset}"
    );
    if dice.one_in(2) {
        let (bytes, wait) = (
            dice.of(&[1_000_000, 1_000_000, 2_000]),
            dice.of(&[20, 100, 101, 130, 500]),
        );
        let _ = write!(
            text,
            ", fetch.min.bytes: {bytes}, fetch.max.wait.ms: {wait}"
        );
    }
    let late = if is_modern && dice.one_in(2) {
        ", max.poll.interval.ms: 6000"
    } else {
        ", max.poll.interval.ms: 300"
    };
    for (sides, more) in [
        (9, ", max.poll.records: 7"),
        (9, ", fetch.max.bytes: 3000"),
        (9, ", max.partition.fetch.bytes: 2000"),
        (4, ", metadata.max.age.ms: 2000"),
        (9, late),
        (9, ", client.rack: a"),
    ] {
        if dice.one_in(sides) {
            text.push_str(more);
        }
    }
    text.push_str(" }\n");
}

fn events(dice: &mut Dice, seconds: u64, members: u64, text: &mut String) {
    if dice.one_in(3) {
        return;
    }
    text.push_str("events:\n");
    let mut at = dice.between(1, 20_000);
    while at < seconds * 1_000 {
        let who = dice.up_to(members);
        let length = dice.of(&[5, 500, 2_000, 12_000, 35_000]);
        let event = match dice.up_to(10) {
            0 | 1 => format!("crash: g/{who}"),
            2 | 3 => format!("start: g/{who}"),
            4 => format!("restart: g/{who}, down: {length}ms"),
            5 => format!("freeze: g/{who}, for: {length}ms"),
            6 => format!("slow: g/{who}, factor: 3, for: {length}ms"),
            7 => format!("disconnect: g/{who}, for: {length}ms"),
            8 => "load: t0, factor: 3, for: 5s".to_owned(),
            _ => format!("pause: t0-0, for: {length}ms"),
        };
        let _ = writeln!(text, "  - {{ at: {at}ms, {event} }}");
        at += dice.between(1, 30_000);
    }
}

#[test]
fn polls_that_are_played_at_once_are_those_of_the_client_that_takes_each_step() {
    polls_played_at_once_are_those_of_each_step(classic);
}

#[test]
fn those_of_the_consumer_protocol_are_too() {
    polls_played_at_once_are_those_of_each_step(modern);
}

fn polls_played_at_once_are_those_of_each_step(case: fn(u64) -> Case) {
    let [groups, lively, polls, played] = [(); 4].map(|()| Cell::new(0));
    let add = |sum: &Cell<u64>, more: u64| sum.set(sum.get() + more);
    for_all_of(case, |case| {
        let lazy = play(case, &options(case));
        let stepped = Options {
            step_by_step: true,
            ..options(case)
        };
        let steps = play(case, &stepped);
        assert_eq!(steps.polls_played, 0);
        let of_group = lazy.consumers.iter().map(|consumer| consumer.polls);
        add(&polls, of_group.sum());
        add(&played, lazy.polls_played);
        add(&groups, 1);
        add(&lively, u64::from(lazy.polls_played > 100));
        difference(&lazy, &steps, |_| false)
    });
    let [groups, lively, polls, played] = [groups, lively, polls, played].map(|sum| sum.get());
    assert!(
        groups < 100 || (5 * played > 2 * polls && 3 * lively > groups),
        "{played} of {polls} polls were played, more than 100 in {lively} of {groups} groups"
    );
}
