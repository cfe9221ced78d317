//! The cases' format: what is refused and why, and how results are written.

use rebsim::assignor::{AssignorKind, ServerAssignorKind};
use rebsim::import::assignor_cases::{AssignorCase, CaseAssignor, parse_line};
use rebsim::report::assignment::{Balance, json_line, runs, table};

fn parse(text: &str) -> AssignorCase {
    parse_line(1, text.as_bytes())
        .unwrap_or_else(|error| panic!("{error}"))
        .expect("the line is not blank")
}

const GOOD: &str = r#"{"assignor":"cooperative-sticky","step":1,
 "topics":[{"name":"or-ders","id":"Vo6aOuWXHgjt_hgM0WTJ5A","partitions":6}],
 "members":[{"id":"a","topics":["or-ders"],"owned":["or-ders-0","or-ders-1","or-ders-2","or-ders-3","or-ders-4","or-ders-5"],"generation":1},
            {"id":"b","instance":"pod-b","rack":"r","topics":["or-ders","missing"],"owned":[],"generation":-1}]}"#;

#[test]
fn a_good_case_is_read_whole() {
    let case = parse(GOOD);
    assert_eq!(
        case.assignor,
        CaseAssignor::Client(AssignorKind::CooperativeSticky)
    );
    let [orders, missing] = &case.input.topics[..] else {
        panic!("two topics");
    };
    assert_eq!((orders.partitions, missing.partitions), (6, 0));
    let [a, b] = &case.input.members[..] else {
        panic!("two members");
    };
    assert_eq!(
        (a.generation, a.subscription_generation, a.owned.len()),
        (1, 1, 6)
    );
    assert_eq!(
        (b.instance.as_deref(), b.rack.as_deref()),
        (Some("pod-b"), Some("r"))
    );
    assert_eq!(parse_line(7, b"  \r\n"), Ok(None));
    let sticky = parse(&GOOD.replace("cooperative-", ""));
    assert_eq!(sticky.input.members[0].generation, 1);
    assert_eq!(sticky.input.members[0].subscription_generation, -1);
}

/// One change to the good case, and what the error must say.
#[test]
fn bad_lines_name_line_and_reason() {
    let second = r#"{"name":"or-ders","partitions":1}]"#;
    for (from, to, reason) in [
        (
            "cooperative-sticky",
            "fair",
            "unknown assignor `fair` (known: range, roundrobin, sticky, cooperative-sticky, uniform, server-range, x-lag-aware, x-weighted)",
        ),
        (
            "\"partitions\":6",
            "\"partitions\":-6",
            "topic `or-ders`: -6 partitions",
        ),
        (
            "\"partitions\":6",
            "\"partitions\":99999999",
            "topic `or-ders`: more than 10000000 partitions in one case",
        ),
        (
            "\"partitions\":6",
            "\"partitions\":5",
            "member `a`: owns `or-ders-5`, but `or-ders` has 5 partitions",
        ),
        (
            "\"partitions\":6",
            "\"partitions\":6,\"racks\":[[\"r\"]]",
            "topic `or-ders`: `racks` of 1 partition, but it has 6",
        ),
        (
            "WTJ5A",
            "WTJ5",
            "topic `or-ders`: id `Vo6aOuWXHgjt_hgM0WTJ5`: a topic id has 22 characters",
        ),
        (
            "\"id\":\"b\"",
            "\"id\":\"a\"",
            "two members have the id `a`",
        ),
        ("\"id\":\"b\"", "\"id\":\"\"", "a member has an empty id"),
        (
            "\"or-ders-3\"",
            "\"paymen-ts-3\"",
            "member `a`: owns `paymen-ts-3`, but there is no topic `paymen-ts`",
        ),
        (
            "\"or-ders-3\"",
            "\"orders\"",
            "member `a`: owns `orders`, which is not `topic-partition`",
        ),
        (
            "\"or-ders-3\"",
            "\"or-ders-\"",
            "member `a`: owns `or-ders-`, which is not `topic-partition`",
        ),
        (
            "\"or-ders-3\"",
            "\"or-ders-+3\"",
            "member `a`: owns `or-ders-+3`, which is not `topic-partition`",
        ),
        (
            "\"or-ders-3\"",
            "\"or-ders-03\"",
            "member `a`: owns `or-ders-03`, which is not `topic-partition`",
        ),
        (
            "\"generation\":1",
            "\"generation\":-2",
            "member `a`: generation -2 (-1 stands for none)",
        ),
        (
            "}],\n \"members\"",
            &format!("}},{second},\"members\""),
            "topic `or-ders`: listed twice",
        ),
        ("\"members\"", "\"people\"", "missing field `members`"),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let error = parse_line(12, text.as_bytes()).expect_err(reason);
        assert_eq!(error.line, 12);
        assert!(
            error.to_string().starts_with(&format!("line 12: {reason}")),
            "{error}"
        );
    }
}

#[test]
fn server_assignors_need_topic_ids() {
    let text = r#"{"assignor":"uniform","topics":[{"name":"t","partitions":1}],"members":[]}"#;
    let error = parse_line(3, text.as_bytes()).expect_err("no id");
    assert_eq!(
        error.to_string(),
        "line 3: topic `t`: no `id`, and server assignors need it"
    );
    let id = r#""id":"Vo6aOuWXHgjt_hgM0WTJ5A","#;
    let text = text.replace(r#"{"name"#, &format!(r#"{{{id}"name"#));
    let case = parse(&text);
    assert_eq!(
        case.assignor,
        CaseAssignor::Server(ServerAssignorKind::Uniform)
    );
    assert_eq!(json_line(&case.input, &case.run()), r#"{"assignment":{}}"#);
    let twice = text.replace(
        "}],",
        &format!("}},{{{id}\"name\":\"u\",\"partitions\":1}}],"),
    );
    let error = parse_line(1, twice.as_bytes()).expect_err("the same id twice");
    assert_eq!(error.reason, "topic `u`: has the id of `t`");
}

#[test]
fn junk_is_an_error_and_nothing_else() {
    let deep = "[".repeat(100_000);
    for junk in [
        "{",
        "null",
        "[]",
        "42",
        "\"range\"",
        "{\"assignor\":\"range\"}",
        "\u{0}",
        deep.as_str(),
    ] {
        assert!(parse_line(1, junk.as_bytes()).is_err(), "{junk:.20}");
    }
    assert!(parse_line(1, &[0xff, 0xfe, 0x80]).is_err());
    let bytes = GOOD.as_bytes();
    for end in 1..bytes.len() {
        assert!(parse_line(1, &bytes[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn every_assignor_has_its_name() {
    for assignor in CaseAssignor::ALL {
        let text = format!(
            r#"{{"assignor":"{}","topics":[],"members":[]}}"#,
            assignor.name()
        );
        let case = parse(&text);
        assert_eq!(case.assignor, assignor);
        assert!(case.run().is_empty());
    }
}

#[test]
fn members_without_a_topic_that_exists_get_nothing() {
    for assignor in CaseAssignor::ALL {
        let text = format!(
            r#"{{"assignor":"{}","topics":[],"members":[{{"id":"a","topics":["t"]}},{{"id":"b","topics":[]}}]}}"#,
            assignor.name()
        );
        let case = parse(&text);
        assert_eq!(
            json_line(&case.input, &case.run()),
            r#"{"assignment":{"a":[],"b":[]}}"#
        );
    }
}

#[test]
fn json_keeps_the_order_of_members_and_partitions() {
    let text = GOOD
        .replace("cooperative-sticky", "sticky")
        .replace(r#","missing""#, "");
    let case = parse(&text);
    assert_eq!(
        json_line(&case.input, &case.run()),
        r#"{"assignment":{"a":["or-ders-0","or-ders-1","or-ders-2"],"b":["or-ders-3","or-ders-4","or-ders-5"]}}"#
    );
}

#[test]
fn a_table_for_people() {
    let case = parse(&GOOD.replace(r#","missing""#, ""));
    let lists = case.run();
    assert_eq!(
        table("cooperative-sticky", &case.input, &lists),
        "\
cooperative-sticky: 2 members, 6 partitions of 1 topic

member     count  gained  lost  partitions
a              3       0     3  or-ders-0..2
b (pod-b)      0       0     0  -

moved: 0 of 6
held by nobody: or-ders-3..5
balance: min 0, max 3, imbalance 3
"
    );
    let next = case.input.members[0].owned[3..].to_vec();
    let lists = vec![lists[0].clone(), next];
    assert_eq!(
        table("sticky", &case.input, &lists),
        "\
sticky: 2 members, 6 partitions of 1 topic

member     count  gained  lost  partitions
a              3       0     3  or-ders-0..2
b (pod-b)      3       3     0  or-ders-3..5

moved: 3 of 6
  or-ders-3..5: a -> b
balance: min 3, max 3, imbalance 0
"
    );
    assert_eq!(Balance::of(&lists).imbalance(), 0);
}

#[test]
fn runs_are_compressed() {
    let case = parse(GOOD);
    let mut held = case.input.members[0].owned.clone();
    held.remove(2);
    assert_eq!(runs(&case.input, &held), "or-ders-0..1 or-ders-3..5");
    assert_eq!(runs(&case.input, &held[..1]), "or-ders-0");
    assert_eq!(runs(&case.input, &[]), "-");
}

/// Kafka 4.1.1 never returns from this call (a partition and its substitute change places for ever); here it ends.
#[test]
fn a_case_on_which_kafka_loops_for_ever() {
    let case = parse(include_str!("../golden/sticky-endless.json"));
    let lists = case.run();
    let held: usize = lists.iter().map(Vec::len).sum();
    assert_eq!(held, 53 + 17);
}
