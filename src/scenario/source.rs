//! The texts that a scenario was made of, and where in them a byte is.

use super::node::Span;

/// One text: a file, or what an option of the command line said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Path as given, or the option.
    pub name: String,
    /// Content.
    pub text: String,
    /// Where its lines end, so that the place of each of many variants is found at once.
    ends: Vec<usize>,
}

/// All texts, in the order in which they were met; [`Span::source`] is the position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The texts.
    pub all: Vec<Source>,
}

/// A place for people: lines and columns count from 1, columns count characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The source's name.
    pub file: String,
    /// Line.
    pub line: u32,
    /// Column of the first character.
    pub column: u32,
    /// Column one past the last character on that line.
    pub end_column: u32,
}

impl Sources {
    /// Adds a text and gives its number.
    pub fn add(&mut self, name: &str, text: &str) -> u32 {
        self.all.push(Source {
            name: name.to_owned(),
            text: text.to_owned(),
            ends: text.match_indices('\n').map(|(at, _)| at).collect(),
        });
        count(self.all.len() - 1)
    }

    /// The text that `span` covers.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.all
            .get(span.source as usize)
            .and_then(|source| source.text.get(span.start as usize..span.end as usize))
            .unwrap_or("")
    }

    /// Where `span` begins, and where it ends on that line.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        let (file, text, ends) = self
            .all
            .get(span.source as usize)
            .map_or(("", "", &[][..]), |source| {
                (&*source.name, &*source.text, &source.ends[..])
            });
        let before = text.get(..span.start as usize).unwrap_or(text);
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let column = count(before[begin..].chars().count()) + 1;
        let covered = self.text(span).lines().next().unwrap_or("");
        Place {
            file: file.to_owned(),
            line: count(ends.partition_point(|end| *end < before.len())) + 1,
            column,
            end_column: column + count(covered.chars().count()),
        }
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
