//! Findings as text for people, as data, and as annotations of a CI service.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::diagnostic::{Diagnostic, Severity};
use super::node::Span;
use super::source::Sources;
use crate::kernel::words::counted;

/// Longest line that is shown whole; of a longer one a window around the place is shown.
const WIDE: usize = 160;

/// The findings with the text around them, each followed by an empty line, and a tally.
#[must_use]
pub fn text(findings: &[Diagnostic], sources: &Sources, colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut out = String::new();
    for finding in findings {
        out.push_str(&renderer.render(&groups(finding, sources)));
        out.push_str("\n\n");
    }
    out.push_str(&tally(findings, sources));
    out.push('\n');
    out
}

/// `2 errors, 1 note in 1 file`
#[must_use]
pub fn tally(findings: &[Diagnostic], sources: &Sources) -> String {
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let mut files: Vec<&str> = findings
        .iter()
        .filter_map(|finding| sources.all.get(finding.span.source as usize))
        .map(|source| &*source.name)
        .collect();
    files.sort_unstable();
    files.dedup();
    format!(
        "{}, {} in {}",
        counted(count(Severity::Error), "error"),
        counted(count(Severity::Note), "note"),
        counted(files.len().max(1), "file")
    )
}

fn groups<'s>(finding: &'s Diagnostic, sources: &'s Sources) -> Vec<Group<'s>> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Note => Level::NOTE,
    };
    let title = level
        .primary_title(&*finding.message)
        .id(finding.code.name());
    let mut group = Group::with_title(title);
    if let Some(window) = Window::around(finding.span, sources) {
        if window.start > 0 {
            // The renderer would count columns from the begin of the window.
            let place = sources.place(finding.span);
            let origin = Origin::path(window.name)
                .line(place.line as usize)
                .char_column(place.column as usize);
            group = group.element(origin);
        }
        let mut snippet = window.snippet().annotation(
            AnnotationKind::Primary
                .span(window.range(finding.span))
                .label((!finding.label.is_empty()).then_some(&*finding.label)),
        );
        for related in &finding.related {
            if window.holds(related.span) {
                snippet = snippet.annotation(
                    AnnotationKind::Context
                        .span(window.range(related.span))
                        .label(&*related.label),
                );
            }
        }
        group = group.element(snippet);
        for related in finding.related.iter().filter(|r| !window.holds(r.span)) {
            if let Some(other) = Window::around(related.span, sources) {
                let mark = AnnotationKind::Context
                    .span(other.range(related.span))
                    .label(&*related.label);
                group = group.element(other.snippet().annotation(mark));
            }
        }
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(&**help));
    }
    let explain = format!("rebsim explain {}", finding.code);
    vec![group.element(Level::NOTE.message(explain))]
}

/// The part of a source that is handed to the renderer: all of it, or a piece of one very long line.
struct Window<'s> {
    source: u32,
    name: &'s str,
    text: &'s str,
    /// Bytes of the source before `text`.
    start: usize,
    /// Number of the first line of `text`.
    line: usize,
}

impl<'s> Window<'s> {
    fn around(span: Span, sources: &'s Sources) -> Option<Self> {
        let source = sources.all.get(span.source as usize)?;
        let (text, at) = (source.text.as_str(), span.start as usize);
        let before = text.get(..at)?;
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let end = text[at..]
            .find('\n')
            .map_or(text.len(), |length| at + length);
        let whole = Self {
            source: span.source,
            name: &source.name,
            text,
            start: 0,
            line: 1,
        };
        if end - begin <= WIDE {
            return Some(whole);
        }
        let floor = |at: usize| {
            (0..=at)
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(0)
        };
        let from = floor(at.saturating_sub(WIDE / 2).max(begin));
        let to = floor(
            (at + WIDE / 2)
                .max(span.end as usize)
                .min(at + WIDE)
                .min(end),
        );
        Some(Self {
            text: &text[from..to],
            start: from,
            line: before.matches('\n').count() + 1,
            ..whole
        })
    }

    fn snippet(&self) -> Snippet<'s, annotate_snippets::Annotation<'s>> {
        Snippet::source(self.text)
            .line_start(self.line)
            .path((self.start == 0).then_some(self.name))
            .fold(true)
    }

    fn holds(&self, span: Span) -> bool {
        let (start, end) = (span.start as usize, span.end as usize);
        span.source == self.source && start >= self.start && end <= self.start + self.text.len()
    }

    fn range(&self, span: Span) -> std::ops::Range<usize> {
        let clamp = |at: u32| {
            (at as usize)
                .saturating_sub(self.start)
                .min(self.text.len())
        };
        clamp(span.start)..clamp(span.end)
    }
}

/// The findings as data: one object each.
#[must_use]
pub fn json(findings: &[Diagnostic], sources: &Sources) -> Vec<Value> {
    let object = |finding: &Diagnostic| {
        let place = sources.place(finding.span);
        let related = finding.related.iter().map(|related| {
            let at = sources.place(related.span);
            json!({
                "file": at.file, "line": at.line, "column": at.column,
                "end_column": at.end_column, "label": related.label,
            })
        });
        json!({
            "code": finding.code.name(),
            "severity": severity(finding),
            "file": place.file,
            "line": place.line,
            "column": place.column,
            "end_column": place.end_column,
            "message": finding.message,
            "label": finding.label,
            "help": finding.help,
            "related": related.collect::<Vec<_>>(),
        })
    };
    findings.iter().map(object).collect()
}

/// The findings as workflow commands of GitHub, a line each.
#[must_use]
pub fn github(findings: &[Diagnostic], sources: &Sources) -> String {
    let mut out = String::new();
    for finding in findings {
        let place = sources.place(finding.span);
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Note => "notice",
        };
        let help = finding
            .help
            .as_ref()
            .map_or(String::new(), |help| format!("\nhelp: {help}"));
        out.push_str(&format!(
            "::{level} file={},line={},col={},endColumn={},title={}::{}\n",
            escape(&place.file, true),
            place.line,
            place.column,
            place.end_column,
            escape(&format!("{} {}", finding.code, finding.code.title()), true),
            escape(&format!("{}{help}", finding.message), false),
        ));
    }
    out
}

fn severity(finding: &Diagnostic) -> &'static str {
    match finding.severity {
        Severity::Error => "error",
        Severity::Note => "note",
    }
}

/// As workflow commands want it: `%`, line ends, and in properties `:` and `,`.
pub fn escape(text: &str, property: bool) -> String {
    let text = text
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A");
    if property {
        text.replace(':', "%3A").replace(',', "%2C")
    } else {
        text
    }
}
