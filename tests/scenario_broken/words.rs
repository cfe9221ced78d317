//! What findings say, and what helps.

use rebsim::scenario::diagnostic::Diagnostic;
use rebsim::scenario::{NoFiles, Overrides, load};

/// A text that is accepted, and its notes; else what is wrong with it, with its help.
fn read(text: &str) -> Result<Vec<String>, Vec<String>> {
    let told = |findings: &[Diagnostic]| -> Vec<String> {
        let whole = findings.iter().map(|finding| {
            let help = finding.help.clone().unwrap_or_default();
            format!("{} {}", finding.message, help)
        });
        whole.map(|line| line.trim_end().to_owned()).collect()
    };
    match load("x.yaml", text, &mut NoFiles, &Overrides::default()) {
        Ok(scenario) => Ok(told(&scenario.notes)),
        Err(rejected) => Err(told(&rejected.diagnostics)),
    }
}

/// Leaders move where there are other replicas: an only broker cannot be rolled, and one replica is told.
#[test]
fn brokers_roll_where_leaders_can_move() {
    let rolled = |brokers: &str, topic: &str, down: &str| {
        read(&format!(
            "version: 1\nname: x\nduration: 10m\nbrokers: {{ {brokers} }}\ntopics: {{ t: {{ partitions: 2, rate: 1/s, {topic} }} }}\n\
             groups: {{ g: {{ topics: [t], members: 2 }} }}\nevents: [ {{ at: 1m, broker: roll{down} }} ]\n"
        ))
    };
    for down in ["", ", down: 60s"] {
        let [only] = &rolled("count: 1", "", down).expect_err("nobody else has the data")[..]
        else {
            panic!("one finding")
        };
        assert!(only.contains("`coordinator: restart`"), "{only}");
    }
    assert!(rolled("", "replicas: 3", ", down: 60s").is_err());
    assert_eq!(rolled("", "replicas: 3", ""), Ok(Vec::new()));
    let notes = rolled("", "", "").expect("it is played");
    assert!(
        notes.len() == 1
            && notes[0].contains("the leaders of `t` move at once takes `replicas: 2`"),
        "{notes:?}"
    );
}

/// What a finding says helps: the side of a bound, the key to take away, the names that there are.
#[test]
fn findings_name_what_was_meant() {
    let refused = |topic: &str, group: &str, rest: &str| {
        let text = format!(
            "version: 1\nname: x\nduration: 10m\ntopics: {{ t: {{ partitions: 2, {topic} }} }}\n\
             groups: {{ g: {{ topics: [t], {group} }} }}\n{rest}\n"
        );
        read(&text).expect_err("it is wrong").join("\n")
    };
    let low = refused(
        "rate: 1/s",
        "members: 1, config: { session.timeout.ms: 5000 }",
        "",
    );
    assert!(
        low.contains("5000 is below the brokers' group.min.session.timeout.ms, 6000"),
        "{low}"
    );
    let both = refused(
        "rate: 1/s",
        "members: 1",
        "variants: { a: { topics: { t: { load: [ { constant: 2/s } ] } } } }",
    );
    assert!(both.contains("`rate: null`"), "{both}");
    let who = refused(
        "rate: 1/s",
        "members: [ { name: x, count: 1 }, { name: y } ]",
        "events: [ { at: 1m, crash: g/x } ]",
    );
    assert!(who.contains("a name (x-0, y)"), "{who}");
    let metric = refused("rate: 1/s", "members: 1", "expect: { downtime: \"< 1s\" }");
    assert!(metric.contains("`downtime_partition_s`"), "{metric}");
}

/// What the parser objects to is told in words of the language.
#[test]
fn an_alias_is_told_what_it_cannot_stand_for() {
    let told = |topics: &str| {
        let text = format!("version: 1\nname: x\nduration: 1m\ntopics: {topics}\n");
        read(&text).expect_err("no topic is to be had").concat()
    };
    for circle in ["&all { orders: *all }", "&all [ *all ]"] {
        let told = told(circle);
        assert!(
            told.contains("an alias cannot stand within what it repeats"),
            "{told}"
        );
    }
    let told = told("*all");
    assert!(
        told.contains("no anchor of this name stands before"),
        "{told}"
    );
}
