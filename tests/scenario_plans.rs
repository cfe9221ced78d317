//! Good scenarios, part by part: what each part of the language comes to in the plan.

mod common;

use rebsim::assignor::{AssignorKind, ConsumerId, GroupId, ServerAssignorKind, TopicId};
use rebsim::kernel::{SimDuration, SimTime};
use rebsim::protocol::config::{GroupProtocol, MigrationPolicy, OffsetReset};
use rebsim::scenario::Overrides;
use rebsim::scenario::plan::{
    CommitMode, CommitStyle, Ending, ResetTo, Sequencing, StartAt, Target, Verb,
};
use rebsim::workload::arrivals::{LoadTerm, Rate, Skew};
use rebsim::workload::distribution::Distribution;

use common::{accepted, at, good, only, secs};

const fn rate(records: u64, per_micros: u64) -> Rate {
    Rate {
        records,
        per_micros,
    }
}

#[test]
fn a_minimal_scenario_has_the_defaults_of_the_real_system() {
    let plan = only("minimal.yaml");
    assert_eq!(
        (plan.scenario.as_str(), plan.variant.as_str()),
        ("minimal", "base")
    );
    assert_eq!(plan.measure, (SimTime::ZERO, at(60)));
    assert_eq!(plan.brokers.count, 3);
    assert_eq!(
        plan.brokers.latency,
        Distribution::Constant(SimDuration::from_micros(500))
    );
    assert_eq!(
        plan.brokers.append,
        Distribution::Constant(SimDuration::from_millis(2))
    );
    assert_eq!(plan.brokers.assignor_cost, None);
    assert_eq!(plan.brokers.config.initial_rebalance_delay, secs(3));
    assert_eq!(plan.brokers.config.min_session_timeout, secs(6));
    assert_eq!(plan.brokers.config.max_session_timeout, secs(1_800));
    let consumer = &plan.consumers[0];
    assert_eq!(consumer.name, "checkout-0");
    assert!(!plan.groups[0].cold);
    assert_eq!(consumer.config.session_timeout, secs(45));
    assert_eq!(consumer.config.heartbeat_interval, secs(3));
    assert_eq!(consumer.config.max_poll_interval, secs(300));
    assert_eq!(consumer.config.max_poll_records, 500);
    assert_eq!(
        *consumer.config.assignors,
        [AssignorKind::Range, AssignorKind::CooperativeSticky]
    );
    assert_eq!(consumer.config.auto_offset_reset, OffsetReset::Latest);
    assert_eq!(consumer.config.retry_backoff_max, secs(1));
    assert_eq!(
        (consumer.commit, consumer.start_at),
        (CommitMode::Auto, StartAt::Reset)
    );
    assert_eq!(
        consumer.processing.poll_timeout,
        SimDuration::from_millis(100)
    );
    assert_eq!(plan.topics[0].backlog, [0]);
}

#[test]
fn loads_become_terms() {
    let plan = only("loads.yaml");
    let [even, heavy, hot, waves] = &plan.topics[..] else {
        panic!("four topics")
    };
    let half = rate(1, 2_000_000);
    assert_eq!(
        (&even.load[..], even.per_partition),
        (&[LoadTerm::Constant(half)][..], true)
    );
    assert_eq!(
        (even.record_size, &even.backlog[..], even.replicas),
        (65_536, &[6, 5][..], 3)
    );
    assert_eq!(waves.load.len(), 8);
    let poisson = rate(3, 2_000_000);
    assert_eq!(waves.load[1], LoadTerm::Poisson(poisson));
    assert_eq!(
        waves.load[6],
        LoadTerm::Spike {
            at: at(1_200),
            length: secs(90),
            factor_thousandths: 2_500
        }
    );
    let steps = vec![(at(0), rate(1, 100_000)), (at(600), rate(1, 50_000))];
    assert_eq!(waves.load[7], LoadTerm::Trace(steps));
    assert_eq!(
        waves.skew,
        Skew::Zipf {
            keys: 1_000,
            exponent: 1.1
        }
    );
    assert_eq!(waves.backlog, [7, 7, 7, 7]);
    assert_eq!(
        (&heavy.skew, &heavy.backlog[..]),
        (&Skew::Weights(vec![1.0, 0.5, 0.0]), &[1, 2, 3][..])
    );
    assert_eq!(
        hot.skew,
        Skew::Hot {
            partitions: vec![2],
            share: 0.4
        }
    );
}

#[test]
fn member_entries_lie_over_their_group() {
    let plan = only("members.yaml");
    assert_eq!(plan.measure, (at(300), at(1_500)));
    assert_eq!(plan.brokers.racks, ["a", "b", "c"]);
    let names: Vec<&str> = plan
        .consumers
        .iter()
        .map(|consumer| &*consumer.name)
        .collect();
    assert_eq!(
        names,
        [
            "checkout-0",
            "checkout-1",
            "slow",
            "late",
            "choosy",
            "trail-0"
        ]
    );
    let ids: Vec<Option<&str>> = plan
        .consumers
        .iter()
        .map(|consumer| consumer.config.group_instance_id.as_deref())
        .collect();
    assert_eq!(
        ids,
        [
            Some("checkout-0"),
            Some("checkout-1"),
            Some("slow-one"),
            Some("checkout-3"),
            Some("checkout-4"),
            None
        ]
    );
    let [first, _, slow, late, choosy, trail] = &plan.consumers[..] else {
        panic!("six members")
    };
    assert_eq!(
        (first.host.as_deref(), first.config.client_rack.as_deref()),
        (Some("h1"), Some("a"))
    );
    // Processing lies over the group's key by key.
    let ms = |millis| Distribution::Constant(SimDuration::from_millis(millis));
    assert_eq!(
        (&slow.processing.per_record, &slow.processing.per_poll),
        (&ms(20), &ms(1))
    );
    assert_eq!(
        (slow.config.max_poll_records, first.config.max_poll_records),
        (10, 100)
    );
    assert_eq!(
        (late.start, &late.topics[..]),
        (Some(at(600)), &[TopicId(0)][..])
    );
    assert_eq!(late.listener.on_assigned.duration, ms(1_000));
    assert_eq!(late.listener.on_revoked, first.listener.on_revoked);
    assert_eq!(choosy.processing.refuses, [TopicId(1)]);
    let after = CommitMode::After {
        records: 100,
        time: secs(5),
        style: CommitStyle::Async,
    };
    assert_eq!(
        (first.commit, first.start_at),
        (after, StartAt::Committed(5))
    );
    assert!(!first.config.enable_auto_commit);
    assert!(plan.groups[0].cold && !plan.groups[1].cold);
    // The group's client is newer than its brokers: 4.1 against the profile of 3.0.
    assert_eq!(first.config.retry_backoff_max, secs(1));
    assert_eq!(
        trail.config.retry_backoff_max,
        SimDuration::from_millis(100)
    );
    assert_eq!(
        trail.commit,
        CommitMode::BeforeProcessing(CommitStyle::Sync)
    );
    assert_eq!(trail.start_at, StartAt::TimestampBefore(secs(3_600)));
}

#[test]
fn every_verb_becomes_a_step() {
    let plan = only("events.yaml");
    let verbs: Vec<&Verb> = plan.events.iter().map(|event| &event.verb).collect();
    let ids = |list: &[u32]| Target::Consumers(list.iter().map(|id| ConsumerId(*id)).collect());
    let all = || ids(&[0, 1, 2]);
    assert_eq!(*verbs[0], Verb::Stop(ids(&[0]), Sequencing::Together));
    assert_eq!(*verbs[1], Verb::Start(ids(&[0])));
    assert_eq!(
        *verbs[2],
        Verb::Crash(Target::Random(GroupId(0)), Sequencing::Together)
    );
    assert_eq!(plan.events[2].repeat, (secs(600), 3));
    assert!(plan.events[2].jitter.is_some());
    assert_eq!(
        *verbs[3],
        Verb::Restart {
            target: all(),
            how: Ending::Crash,
            down: Distribution::Exponential { mean: secs(10) },
            sequencing: Sequencing::WhenStable,
        }
    );
    let Verb::Restart {
        sequencing, how, ..
    } = verbs[4]
    else {
        panic!("a restart")
    };
    assert_eq!(
        (*sequencing, *how),
        (Sequencing::Spacing(secs(40)), Ending::Close)
    );
    assert_eq!(
        *verbs[5],
        Verb::Freeze(ids(&[3]), Distribution::Constant(secs(20)))
    );
    assert!(matches!(verbs[6], Verb::Stall(..)));
    assert_eq!(*verbs[7], Verb::Slow(ids(&[1]), 5_000, secs(300)));
    assert_eq!(
        *verbs[8],
        Verb::Disconnect(ids(&[2]), Distribution::Constant(secs(30)))
    );
    assert_eq!(*verbs[9], Verb::Pause(TopicId(0), Some(3), secs(60)));
    assert_eq!(*verbs[10], Verb::Pause(TopicId(0), None, secs(60)));
    assert_eq!(*verbs[11], Verb::Partitions(TopicId(0), 8));
    assert_eq!(*verbs[12], Verb::Load(TopicId(0), 3_000, secs(600)));
    // Without `times` until the end: at 13, 43, 73 and 103 minutes.
    assert_eq!(plan.events[12].repeat, (secs(1_800), 4));
    assert_eq!(
        *verbs[13],
        Verb::Coordinator {
            unavailable: secs(5),
            moved: false
        }
    );
    assert_eq!(
        *verbs[14],
        Verb::Coordinator {
            unavailable: secs(7),
            moved: true
        }
    );
    assert_eq!(
        *verbs[15],
        Verb::BrokerRoll {
            down: secs(20),
            spacing: secs(45)
        }
    );
    let Verb::Configure(GroupId(0), settings) = verbs[16] else {
        panic!("a change of settings")
    };
    assert_eq!(settings.len(), 3);
    assert_eq!(
        (settings[2].0, settings[2].1.session_timeout),
        (ConsumerId(2), secs(20))
    );
    assert_eq!(
        *verbs[18],
        Verb::ResetOffsets(GroupId(1), ResetTo::TimestampBefore(secs(3_600)))
    );
    assert_eq!(
        *verbs[19],
        Verb::ResetOffsets(GroupId(1), ResetTo::Earliest)
    );
    assert_eq!(plan.events[19].pointer, "/events/19");
}

#[test]
fn separate_entries_may_share_an_instance_id() {
    let plan = only("static-twins.yaml");
    let id = |index: usize| plan.consumers[index].config.group_instance_id.as_deref();
    assert_eq!((id(0), id(1)), (Some("twin"), Some("twin")));
    let kinds = [AssignorKind::CooperativeSticky, AssignorKind::Range];
    assert_eq!(*plan.consumers[0].config.assignors, kinds);
}

#[test]
fn a_block_of_a_real_file_can_be_pasted() {
    let scenario = good("pasted.yaml");
    let config = &scenario.plans[0].consumers[0].config;
    assert_eq!(
        *config.assignors,
        [AssignorKind::Range, AssignorKind::CooperativeSticky]
    );
    assert_eq!(config.auto_offset_reset, OffsetReset::Earliest);
    assert_eq!(scenario.plans[0].consumers[0].commit, CommitMode::None);
    assert_eq!(scenario.notes.len(), 5, "what changes nothing is noted");
}

#[test]
fn commit_modes_are_told_apart() {
    let plan = only("commits.yaml");
    let modes: Vec<CommitMode> = plan
        .consumers
        .iter()
        .map(|consumer| consumer.commit)
        .collect();
    assert_eq!(
        modes,
        [
            CommitMode::Auto,
            CommitMode::AfterBatch(CommitStyle::Sync),
            CommitMode::AfterBatch(CommitStyle::Async),
            CommitMode::Every(secs(5), CommitStyle::Sync),
            CommitMode::Every(secs(5), CommitStyle::Async),
            CommitMode::BeforeProcessing(CommitStyle::Async),
            CommitMode::None,
            CommitMode::None,
            CommitMode::Auto,
        ]
    );
    assert_eq!(
        plan.consumers[6].config.auto_offset_reset,
        OffsetReset::Earliest
    );
    let span = SimDuration::from_millis(86_400_000 + 5_400_000 + 2_500);
    assert_eq!(
        plan.consumers[8].config.auto_offset_reset,
        OffsetReset::ByDuration(span)
    );
}

#[test]
fn distributions_are_read_with_their_parameters() {
    let plan = only("distributions.yaml");
    let of = |index: usize| &plan.consumers[index].processing.per_record;
    let ms = SimDuration::from_millis;
    assert_eq!(
        *of(0),
        Distribution::Uniform {
            min: ms(1),
            max: ms(3)
        }
    );
    assert_eq!(of(1).mean(), ms(2));
    let values = [1_500, 2_000, 250].map(SimDuration::from_micros).to_vec();
    assert_eq!(*of(2), Distribution::Trace(values));
    let points = vec![
        (0.0, ms(1)),
        (0.5, ms(2)),
        (0.9, ms(4)),
        (0.999, ms(9)),
        (1.0, ms(10)),
    ];
    assert_eq!(*of(3), Distribution::Quantiles(points));
}

#[test]
fn a_group_may_speak_both_protocols_and_has_settings_of_its_own() {
    let plan = only("consumer.yaml");
    let [audit, checkout] = &plan.groups[..] else {
        panic!("two groups")
    };
    let ms = SimDuration::from_millis;
    assert_eq!(audit.config, plan.brokers.config);
    let brokers = &plan.brokers.config.consumer;
    assert_eq!(
        (brokers.session_timeout, brokers.heartbeat_interval),
        (secs(50), secs(5))
    );
    assert_eq!(brokers.assignment_interval, secs(1));
    assert_eq!(brokers.migration_policy, MigrationPolicy::Upgrade);
    assert_eq!((brokers.max_size, brokers.first_epoch), (100, 2));
    let assignors = [ServerAssignorKind::Range, ServerAssignorKind::Uniform];
    assert_eq!(brokers.assignors[..], assignors);
    let own = &checkout.config.consumer;
    assert_eq!(
        (own.session_timeout, own.heartbeat_interval),
        (secs(6), secs(1))
    );
    assert_eq!(own.assignment_interval, ms(0));
    assert_eq!(own.max_size, 100, "the rest is the brokers'");

    let of = |id: usize| &plan.consumers[id].config;
    assert_eq!(of(0).group_protocol, GroupProtocol::Consumer);
    assert_eq!(of(0).group_remote_assignor, Some(ServerAssignorKind::Range));
    assert!(of(0).async_client.polls_asynchronously, "4.3");
    assert_eq!(
        (of(2).group_protocol, of(2).session_timeout),
        (GroupProtocol::Classic, secs(10))
    );
    assert_eq!(of(5).group_protocol, GroupProtocol::Consumer);
    assert!(
        !of(5).async_client.polls_asynchronously,
        "the client is of 4.1"
    );
    let Verb::Configure(_, settings) = &plan.events[0].verb else {
        panic!("a change of settings")
    };
    assert_eq!(settings.len(), 4);
    for (_, config) in settings {
        assert_eq!(config.group_protocol, GroupProtocol::Consumer);
    }
}

/// What `config` events bring, by event: poll records and session timeout of the first member.
fn configured(events: &str) -> Vec<(u32, SimDuration)> {
    let text = format!(
        "version: 1\nname: x\nduration: 10m\ntopics: {{ t: {{ partitions: 2, rate: 1/s }} }}\ngroups:\n  \
         g: {{ topics: [t], members: 2, config: {{ max.poll.records: 100 }} }}\n  \
         h: {{ topics: [t], members: 1 }}\nevents: [ {events} ]\n"
    );
    let plan = accepted("x.yaml", &text, &Overrides::default())
        .plans
        .remove(0);
    let of = |verb: &Verb| match verb {
        Verb::Configure(_, settings) => {
            let config = &settings[0].1;
            (config.max_poll_records, config.session_timeout)
        }
        other => panic!("a change of settings: {other:?}"),
    };
    plan.events.iter().map(|event| of(&event.verb)).collect()
}

#[test]
fn settings_lie_on_top_of_those_that_came_before() {
    // In order of time, whatever the order of the entries; each group has its own.
    let found = configured(
        "{ at: 3m, config: g, set: { session.timeout.ms: 20000 } }, \
         { at: 1m, config: g, set: { max.poll.records: 7, session.timeout.ms: 9000 } }, \
         { at: 2m, config: h, set: { max.poll.records: 5 } }, \
         { at: 2m, config: g, set: { max.poll.records: null } }",
    );
    let expected = [(500, 20), (7, 9), (5, 45), (500, 9)];
    assert_eq!(
        found,
        expected.map(|(records, session)| (records, secs(session)))
    );
    // At one instant the later entry lies on top.
    let found = configured(
        "{ at: 1m, config: g, set: { max.poll.records: 7 } }, \
         { at: 1m, config: g, set: { max.poll.records: 8, session.timeout.ms: 9000 } }",
    );
    assert_eq!(found, [(7, secs(45)), (8, secs(9))]);
}
