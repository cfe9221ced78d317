//! What is worse is told, with what is tolerated and where the scenario was changed.

use super::*;
use crate::report::figures::Style;

fn stored(figures: &str) -> Stored {
    let text = format!(
        r#"{{ "schema": "rebsim/summary/1", "scenario": "half", "variants": [
            {{ "name": "eager", "seeds": [ {{ "seed": 7, "metrics": {{ {figures} }} }} ] }} ] }}"#
    );
    Stored::parse(&text).expect("a test's summary can be read")
}

#[test]
fn numbers_come_back_to_the_last_digit() {
    let stored =
        stored(r#""a": 0.000001, "b": 132.18865, "c": 12972, "d": "not drained", "e": 1e-6"#);
    let metrics = &stored.measured[0][0];
    let shown = |name: &str| metrics[name].to_string();
    let all = ["a", "b", "c", "d", "e"].map(shown);
    assert_eq!(
        all,
        ["0.000001", "132.18865", "12972", "not drained", "0.000001"]
    );
}

#[test]
fn tolerances_are_shares_or_amounts_of_metrics_that_there_are() {
    let parse = |texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Tolerances::parse(&texts)
    };
    let usual = parse(&[]).expect("nothing is wrong").compared();
    assert!(
        usual
            .iter()
            .all(|(name, _)| name.metric.better != Better::Neither)
    );
    let named = parse(&["10%", "lag_s=500ms", "rebalances=0"]).expect("nothing is wrong");
    let of = |base: &str| {
        let all = named.compared();
        let one = all.into_iter().find(|(name, _)| name.metric.base == base);
        one.map(|(name, tolerance)| tolerance.words(name.metric.unit))
    };
    assert_eq!(of("lag_s").as_deref(), Some("0.5s"));
    assert_eq!(of("rebalances").as_deref(), Some("0"));
    assert_eq!(of("longest_downtime_s").as_deref(), Some("10 %"));
    let labelled = parse(&["lag_records{group=g}=10%"]).expect("nothing is wrong");
    let mut labelled = labelled.compared().into_iter();
    assert!(labelled.any(|(name, _)| name.to_string() == "lag_records{group=g}"));
    for bad in [
        "lag_records{group=g}",
        "no_such=5%",
        "lag_s=5 records",
        "5",
        "lag_s=-1s",
        "assignor=5%",
        "-5%",
    ] {
        assert!(parse(&[bad]).is_err(), "{bad}");
    }
}

#[test]
fn worse_is_more_of_what_should_be_less_or_a_word_where_a_number_was() {
    let number = |whole: u64| Value::count(whole);
    let tenth = Tolerance::Share(Decimal::from_millionths(100_000));
    let judge = |was, is, better| outcome(was, is, tenth, better);
    assert_eq!(
        judge(number(100), number(110), Better::Lower),
        Outcome::Same
    );
    assert_eq!(
        judge(number(100), number(111), Better::Lower),
        Outcome::Worse
    );
    assert_eq!(
        judge(number(100), number(89), Better::Lower),
        Outcome::Better
    );
    assert_eq!(
        judge(number(100), number(89), Better::Higher),
        Outcome::Worse
    );
    assert_eq!(
        judge(number(100), number(111), Better::Neither),
        Outcome::Worse
    );
    assert_eq!(judge(number(0), number(1), Better::Lower), Outcome::Worse);
    let undrained = Value::Word(NOT_DRAINED);
    assert_eq!(judge(number(3), undrained, Better::Lower), Outcome::Worse);
    assert_eq!(judge(undrained, number(3), Better::Lower), Outcome::Better);
    assert_eq!(judge(undrained, undrained, Better::Lower), Outcome::Same);
}

#[test]
fn the_page_says_which_metric_by_how_much_and_where() {
    let edit = |pointer: &str, line| Edit {
        pointer: pointer.to_owned(),
        was: Some("6000".to_owned()),
        is: Some("45000".to_owned()),
        place: Some(("half.yaml".to_owned(), line)),
    };
    let against = Against {
        name: "baseline".to_owned(),
        changes: vec![Change {
            cell: "eager".to_owned(),
            variant: "eager".to_owned(),
            name: Name::parse("longest_downtime_s").expect("it is a metric"),
            was: Value::seconds(10_000_000),
            is: Value::seconds(45_000_000),
            tolerance: Tolerance::Share(USUAL),
            outcome: Outcome::Worse,
        }],
        edits: vec![
            edit("/variants/static/groups", 3),
            edit("/groups/g/config/session.timeout.ms", 8),
        ],
        new: Vec::new(),
    };
    let page = text(&against, Style { ascii: true });
    for part in [
        "against baseline: 1 worse, 0 better, 0 the same",
        "FAIL  eager    longest_downtime_s  10.000 s  45.000 s  worse by 35.000 s (350.0 %)  5 %",
        "half.yaml:8 /groups/g/config/session.timeout.ms: 6000 -> 45000",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    let line = annotations(&against);
    assert!(
        line.starts_with("::error file=half.yaml,line=8,title=eager.longest_downtime_s"),
        "{line}"
    );
}
