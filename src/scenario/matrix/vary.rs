//! `--vary KEY=V1,V2,…` and `--vary KEY=A..B[:STEP]`: parameters as they are typed.

use super::{Axis, refusal};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::node::{Node, Span};
use crate::scenario::overlay::shift;
use crate::scenario::source::Sources;
use crate::scenario::units::DURATION_UNITS;
use crate::scenario::yaml;

/// As many values as one range may have.
const MAX_VALUES: u64 = 10_000;

/// Reads `--vary KEY=V1,V2,…` and `--vary KEY=A..B[:STEP]`; each becomes a source of its own.
pub fn vary(texts: &[String], sources: &mut Sources, found: &mut Vec<Diagnostic>) -> Vec<Axis> {
    let mut axes: Vec<Axis> = Vec::new();
    for text in texts {
        let source = sources.add("--vary", text);
        let span = |start: usize, end: usize| Span {
            source,
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
        };
        let Some((key, list)) = text.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            let finding = refusal(span(0, text.len()), format!("`{text}` varies nothing"));
            found.push(finding.help("write KEY=V1,V2,… or KEY=A..B:STEP"));
            continue;
        };
        let mut axis = Axis {
            key: key.to_owned(),
            key_span: span(0, key.len()),
            values: Vec::new(),
        };
        let place = span(key.len() + 1, text.len());
        match range(list) {
            Some(Ok(values)) => {
                let scalar = |value: &String| Node::scalar(value, false, place);
                axis.values = values.iter().map(scalar).collect();
            }
            Some(Err(message)) => {
                let help = "write A..B or A..B:STEP, such as 3..12:3 or 10s..60s:10s";
                found.push(refusal(place, message).help(help));
                continue;
            }
            None => {
                let mut start = key.len() + 1;
                for piece in pieces(list) {
                    if piece.trim().is_empty() {
                        let finding = refusal(place, format!("`{key}` is given an empty value"));
                        found.push(finding.help(
                            "write `null` for what holds without it, and no comma at the end",
                        ));
                        start += piece.len() + 1;
                        continue;
                    }
                    match yaml::parse(piece, source) {
                        Ok(mut node) => {
                            shift(&mut node, u32::try_from(start).unwrap_or(u32::MAX));
                            axis.values.push(node);
                        }
                        Err(error) => {
                            found.push(refusal(span(start, start + piece.len()), error.message));
                        }
                    }
                    start += piece.len() + 1;
                }
            }
        }
        if let Some(twin) = axes.iter().find(|other| other.key == axis.key) {
            let finding = refusal(axis.key_span, format!("`{key}` is varied twice"));
            found.push(finding.related(twin.key_span, "here before"));
        } else if axis.is_legal(found) {
            axes.push(axis);
        }
    }
    axes
}

/// `text` at the commas that stand in no bracket and no quotes.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut depth, mut quote, mut start) = (0_u32, None, 0);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                pieces.push(&text[start..at]);
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    pieces.push(&text[start..]);
    pieces
}

/// The values of `A..B[:STEP]`, whole numbers with one unit or none, or spans; `None` when it is no range.
fn range(text: &str) -> Option<Result<Vec<String>, String>> {
    let (from, rest) = text.split_once("..")?;
    let (to, step) = rest.split_once(':').unwrap_or((rest, ""));
    let number = |text: &str| {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (digits, unit) = text.split_at(digits);
        let is_unit = unit
            .chars()
            .all(|c| c.is_ascii_alphabetic() || "%/".contains(c));
        let number = digits.parse::<u64>().ok().filter(|_| is_unit)?;
        Some((number, unit.to_owned()))
    };
    let (from, unit) = number(from)?;
    let Some((to, last_unit)) = number(to) else {
        return Some(Err(format!("`{to}` is no whole number")));
    };
    let (step, step_unit) = match step {
        "" => (1, unit.clone()),
        step => match number(step) {
            Some(step) => step,
            None => return Some(Err(format!("`{step}` is no whole number"))),
        },
    };
    let ([from, to, step], unit) =
        match in_one_unit([(from, unit), (to, last_unit), (step, step_unit)]) {
            Some(known) => known,
            None => return Some(Err(format!("the numbers of `{text}` differ in unit"))),
        };
    if step == 0 || from > to {
        return Some(Err(format!("`{text}` is empty or never ends")));
    }
    if (to - from) / step >= MAX_VALUES {
        return Some(Err(format!("`{text}` has more than {MAX_VALUES} values")));
    }
    let values = (0..=(to - from) / step).map(|index| format!("{}{unit}", from + index * step));
    Some(Ok(values.collect()))
}

/// The numbers in one unit: their own, or of spans of several the smallest of them; `None` where they are different things.
fn in_one_unit(numbers: [(u64, String); 3]) -> Option<([u64; 3], String)> {
    let unit = &numbers[0].1;
    if numbers.iter().all(|(_, own)| own == unit) {
        let unit = unit.clone();
        return Some((numbers.map(|(number, _)| number), unit));
    }
    let mut spans = [0; 3];
    for (place, (_, unit)) in spans.iter_mut().zip(&numbers) {
        let known = DURATION_UNITS.iter().find(|(name, _)| name == unit);
        *place = u64::try_from(known?.1).ok()?;
    }
    let least = *spans.iter().min()?;
    let (finest, _) = numbers.iter().zip(spans).find(|(_, span)| *span == least)?;
    let mut whole = [0; 3];
    for ((place, (number, _)), span) in whole.iter_mut().zip(&numbers).zip(spans) {
        *place = number.checked_mul(span / least)?;
    }
    Some((whole, finest.1.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_count_in_steps_and_in_one_unit() {
        let values = |text| range(text).map(|range| range.map(|values| values.join(" ")));
        assert_eq!(values("1..4"), Some(Ok("1 2 3 4".to_owned())));
        assert_eq!(values("10s..35s:10s"), Some(Ok("10s 20s 30s".to_owned())));
        let of_seconds_and_less = values("60s..61s:250ms");
        let wanted = "60000ms 60250ms 60500ms 60750ms 61000ms";
        assert_eq!(of_seconds_and_less, Some(Ok(wanted.to_owned())));
        assert_eq!(values("30s..1m:15s"), Some(Ok("30s 45s 60s".to_owned())));
        assert_eq!(values("eager"), None);
        for bad in [
            "4..1",
            "1..4:0",
            "1s..4",
            "1s..4%:1s",
            "1..x",
            "0..99999999",
        ] {
            assert!(values(bad).is_some_and(|range| range.is_err()), "{bad}");
        }
    }

    #[test]
    fn lists_may_hold_commas_in_brackets() {
        assert_eq!(pieces("[a,b],c,'d,e'"), ["[a,b]", "c", "'d,e'"]);
    }
}
