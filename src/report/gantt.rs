//! Who owned what, as a picture of characters: partitions are rows, time runs to the right.
//!
//! A letter is the member that served most of that stretch of time; it is small when the partition was down for a part of it. A
//! stretch without any service is a gap.

use super::figures::{self, Style};
use crate::assignor::{ConsumerId, GroupId, TopicPartition};
use crate::kernel::SimTime;
use crate::metrics::{RunMetrics, Span};

/// Rows of a picture; more partitions are counted below it.
const ROWS: usize = 50;

/// The picture of one group, `width` characters of time wide, from `from` to `to`.
#[must_use]
pub fn picture(
    metrics: &RunMetrics,
    group: GroupId,
    (from, to): (SimTime, SimTime),
    width: usize,
    style: Style,
) -> String {
    let spans = &metrics.availability.spans;
    let all = spans.partitions_of(group).count();
    if all == 0 || from >= to || width == 0 {
        return String::new();
    }
    let shown: Vec<TopicPartition> = spans.partitions_of(group).take(ROWS).collect();
    let members: Vec<ConsumerId> = (0..)
        .map(ConsumerId)
        .zip(&metrics.cast.consumers)
        .filter(|(_, facts)| facts.group == group)
        .map(|(consumer, _)| consumer)
        .collect();
    let names: Vec<String> = shown
        .iter()
        .map(|partition| metrics.partition_name(*partition))
        .collect();
    let indent = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (name, partition) in names.iter().zip(shown) {
        let spans: Vec<Span> = spans.of((group, partition)).collect();
        let blanks = " ".repeat(indent - name.chars().count());
        let cells: String = (0..width)
            .map(|column| {
                cell(
                    &spans,
                    edge(from, to, column, width),
                    edge(from, to, column + 1, width),
                    &members,
                    style,
                )
            })
            .collect();
        text.push_str(&format!("{name}{blanks}  {cells}\n"));
    }
    text.push_str(&axis(from, to, indent, width));
    if all > ROWS {
        text.push_str(&format!("and {} more partitions\n", all - ROWS));
    }
    text.push_str(&legend(metrics, &members, style));
    text
}

/// Where column `column` of `width` begins.
fn edge(from: SimTime, to: SimTime, column: usize, width: usize) -> SimTime {
    let length = u128::from(to.since(from).as_micros());
    let offset = length * column as u128 / width as u128;
    SimTime::from_micros(from.as_micros() + u64::try_from(offset).unwrap_or(u64::MAX))
}

/// What to draw for `from..to`.
fn cell(spans: &[Span], from: SimTime, to: SimTime, members: &[ConsumerId], style: Style) -> char {
    let first = spans.partition_point(|span| span.to <= from);
    let mut served = vec![0_u64; members.len()];
    let mut down = 0;
    for span in spans[first..].iter().take_while(|span| span.from < to) {
        let micros = span.to.min(to).since(span.from.max(from)).as_micros();
        match span
            .member
            .and_then(|member| members.iter().position(|known| *known == member))
        {
            Some(index) => served[index] += micros,
            None => down += micros,
        }
    }
    let most = served.iter().max().copied().unwrap_or(0);
    if most == 0 {
        return match (down > 0, style.ascii) {
            (false, _) => ' ',
            (true, false) => '·',
            (true, true) => '.',
        };
    }
    let index = served
        .iter()
        .position(|micros| *micros == most)
        .unwrap_or(0);
    let letter = letter(index);
    if down > 0 {
        letter.to_ascii_lowercase()
    } else {
        letter
    }
}

/// Members in turn are A to Z; after that the letters begin anew.
fn letter(index: usize) -> char {
    char::from(b'A' + u8::try_from(index % 26).unwrap_or(0))
}

fn axis(from: SimTime, to: SimTime, indent: usize, width: usize) -> String {
    let (left, right) = (figures::clock(from), figures::clock(to));
    let blanks = width.saturating_sub(left.len() + right.len()).max(1);
    format!(
        "{}  {left}{}{right}\n",
        " ".repeat(indent),
        " ".repeat(blanks)
    )
}

fn legend(metrics: &RunMetrics, members: &[ConsumerId], style: Style) -> String {
    let named: Vec<String> = members
        .iter()
        .enumerate()
        .take(26)
        .map(|(index, member)| {
            format!(
                "{} {}",
                letter(index),
                metrics.cast.consumers[member.index()].name
            )
        })
        .collect();
    let again = if members.len() > 26 {
        ", then the letters begin anew"
    } else {
        ""
    };
    let gap = if style.ascii { '.' } else { '·' };
    let lines = format!(
        "{}{again}; small: down for a part; {gap} nobody",
        named.join(", ")
    );
    format!("{}\n", figures::wrapped(&lines, 96))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::evaluate;
    use crate::metrics::testing::{GROUP, Play};
    use crate::timeline::{GroupState::Stable, RebalanceReason, RemovalReason};

    #[test]
    fn gaps_and_owners_are_drawn() {
        let mut play = Play::steady(&[&[0], &[1]], 10_000);
        play.at(3_500).crash(1, &[1]);
        play.at(6_000)
            .remove(1, RemovalReason::SessionExpired)
            .prepare(Stable, RebalanceReason::SessionExpired, 1);
        play.at(7_200).rejoin(0).finish(2, &[&[0, 1]]).take(0, &[1]);
        let metrics = evaluate(&play.timeline);
        let whole = (SimTime::ZERO, SimTime::from_millis(10_000));
        assert_eq!(
            picture(&metrics, GROUP, whole, 10, Style { ascii: true }),
            "orders-0  AAAAAAAAAA\n\
             orders-1  BBBb...aAA\n\
             \u{20}         0.000s 10.000s\n\
             A g/0, B g/1; small: down for a part; . nobody\n"
        );
    }

    #[test]
    fn a_partition_of_a_consumer_group_moves_alone() {
        let mut play = Play::steady_consumer_group(&[&[0, 1], &[]], 10_000);
        play.at(2_000)
            .bump(2, RebalanceReason::SubscriptionChange, 1)
            .target(2, &[&[0], &[1]]);
        play.at(4_000).revoked(0, &[1]);
        play.at(6_000).take(1, &[1]);
        let metrics = evaluate(&play.timeline);
        let whole = (SimTime::ZERO, SimTime::from_millis(10_000));
        assert_eq!(
            picture(&metrics, GROUP, whole, 10, Style { ascii: true }),
            "orders-0  AAAAAAAAAA\n\
             orders-1  AAAA..BBBB\n\
             \u{20}         0.000s 10.000s\n\
             A g/0, B g/1; small: down for a part; . nobody\n"
        );
    }
}
