//! What was written is read back, and damage is told.

use super::*;
use crate::metrics::condition::Condition;
use crate::report::figures::Style;

/// Two variants, one parameter of two values, `seeds` seeds; the downtime of cell c under the k-th seed is 10 c + k seconds.
fn sweep(seeds: u64) -> Sweep {
    let key = |variant: &str, value: &str| CellKey {
        variant: variant.to_owned(),
        values: vec![value.to_owned()],
    };
    let outline = Outline {
        fidelity: crate::timeline::Fidelity::Exact,
        scenario: "half".to_owned(),
        parameters: vec!["session.timeout.ms".to_owned()],
        cells: vec![
            key("a", "6000"),
            key("a", "9000"),
            key("b", "6000"),
            key("b", "9000"),
        ],
        seeds: (1..=seeds).collect(),
        refused: Vec::new(),
    };
    let names = columns();
    let row = |figure: String| Row {
        group: "g".to_owned(),
        figures: names
            .iter()
            .map(|name| match &*name.to_string() {
                "downtime_partition_s" => figure.clone(),
                _ => String::new(),
            })
            .collect(),
    };
    let replications = (0..4 * seeds).map(|index| {
        let number = 10 * (index / seeds) + index % seeds;
        vec![row(format!("{number}.000000"))]
    });
    Sweep {
        outline,
        replications: replications.collect(),
    }
}

fn name() -> Name {
    Name::parse("downtime_partition_s").expect("it is a metric")
}

#[test]
fn cells_that_are_alike_are_not_ranked_and_no_ratio_is_told_as_one() {
    let said = |figures: [&str; 4]| {
        let mut sweep = sweep(1);
        let at = columns().iter().position(|known| *known == name());
        let at = at.expect("it is a column");
        for (rows, figure) in sweep.replications.iter_mut().zip(figures) {
            rows[0].figures[at] = figure.to_owned();
        }
        let page = pivot::text(&sweep, &[name()], &[], Style { ascii: true });
        let sentence = page.rsplit("\n\n").next().unwrap_or_default();
        sentence.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(said(["7"; 4]), "the same in every cell: 7.000 partition-s");
    assert_eq!(
        said(["7", "7", "7", "7.0001"]),
        "practically the same in every cell: 7.000 partition-s"
    );
    assert_eq!(
        said(["7", "7", "7", "7.1"]),
        "best: a, session.timeout.ms 6000 (7.000 partition-s); worst: b, session.timeout.ms 9000 (7.100 partition-s)"
    );
    let twice = said(["7", "7", "7", "14"]);
    assert!(twice.ends_with(", 2.0 times as much"), "{twice}");
}

#[test]
fn grid_and_cells_come_back_as_they_were() {
    let sweep = sweep(3);
    let grid = files::grid(&sweep.outline);
    assert_eq!(read::outline(&grid), Ok(sweep.outline.clone()));
    let indices: Vec<usize> = (0..12).filter(|index| index % 5 == 1).collect();
    let rows = |index: usize| (index, &*sweep.replications[index]);
    let text = files::cells(&sweep.outline, indices.iter().map(|index| rows(*index)));
    let back = read::cells(&text, &sweep.outline, &indices).expect("it is whole");
    let there: Vec<Vec<Row>> = indices
        .iter()
        .map(|index| sweep.replications[*index].clone())
        .collect();
    assert_eq!(back, there);
}

#[test]
fn rows_too_few_too_many_or_of_others_are_told() {
    let sweep = sweep(3);
    let rows = |index: &usize| (*index, &*sweep.replications[*index]);
    let text = files::cells(&sweep.outline, [0, 2, 4].iter().map(rows));
    let of = |indices: &[usize]| read::cells(&text, &sweep.outline, indices).err();
    assert_eq!(of(&[0, 2, 4]), None);
    assert_eq!(
        of(&[0, 1, 2, 4]).as_deref(),
        Some("no row of a, session.timeout.ms 6000, seed 2")
    );
    assert_eq!(
        of(&[0, 2]).as_deref(),
        Some("line 4: not the row that belongs here")
    );
    assert!(read::cells("variant,seed\n", &sweep.outline, &[]).is_err());
    assert!(read::outline("{}").is_err());
}

#[test]
fn a_cell_shows_the_median_with_its_interval_and_says_which_it_is() {
    let few = pivot::text(&sweep(3), &[name()], &[], Style { ascii: true });
    assert!(
        few.contains("median of 3 seeds (smallest to largest)"),
        "{few}"
    );
    assert!(few.contains("1.000 (0.000 - 2.000)"), "{few}");
    let several = pivot::text(&sweep(9), &[name()], &[], Style { ascii: true });
    assert!(
        several.contains("median of 9 seeds (95 % interval)"),
        "{several}"
    );
    assert!(several.contains("4.000 (1.000 - 7.000)"), "{several}");
    let best = "best: a, session.timeout.ms 6000 (4.000 partition-s)";
    assert!(several.contains(best), "{several}");
}

#[test]
fn a_requirement_is_judged_in_every_cell_against_its_twin() {
    let sweep = sweep(3);
    let judged = |text: &str| {
        let condition = Condition::parse_whole(text).expect("it is a condition");
        gate::check(&condition)?;
        let judged = gate::judge(&sweep, &[condition])?;
        Ok::<_, String>(judged.iter().map(|one| one.verdict.met).collect::<Vec<_>>())
    };
    assert_eq!(
        judged("downtime_partition_s < 12"),
        Ok(vec![true, false, false, false])
    );
    assert_eq!(
        judged("median a.downtime_partition_s < b"),
        Ok(vec![true, true])
    );
    assert_eq!(judged("a.downtime_partition_s > b"), Ok(vec![false, false]));
    assert!(
        judged("c.downtime_partition_s < 1").is_err(),
        "there is no such variant"
    );
    assert!(
        judged("lag_records{topic=orders} < 1").is_err(),
        "not by topic"
    );
    assert!(judged("assignor == range").is_err(), "no words");
}

#[test]
fn medians_leave_out_what_is_no_number() {
    let text = files::medians(&sweep(9));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert_eq!(
        lines[0],
        "variant,seed,group,session.timeout.ms,metric,seeds,median,low,high"
    );
    let row = "b,,g,9000,downtime_partition_s,9,34.000000,31.000000,37.000000";
    assert_eq!(lines[4], row);
}
