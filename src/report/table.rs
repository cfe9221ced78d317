//! One small table: columns and rows of text, rendered for terminals, as Markdown and as CSV.

/// How a column stands in its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    head: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(head: &[(&str, Align)]) -> Self {
        Self {
            head: head
                .iter()
                .map(|(title, align)| ((*title).to_owned(), *align))
                .collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells stay empty, cells beyond the head are dropped.
    pub fn row(&mut self, cells: Vec<String>) {
        let mut cells = cells;
        cells.resize(self.head.len(), String::new());
        self.rows.push(cells);
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// For a terminal: columns two blanks apart, no trailing blanks, indented by `indent`.
    #[must_use]
    pub fn text(&self, indent: usize) -> String {
        let widths: Vec<usize> = (0..self.head.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| width(&row[column]));
                cells
                    .chain([width(&self.head[column].0)])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut lines = String::new();
        let titles: Vec<String> = self.head.iter().map(|(title, _)| title.clone()).collect();
        let titled = titles.iter().any(|title| !title.is_empty());
        for row in titled.then_some(&titles).into_iter().chain(&self.rows) {
            let mut line = " ".repeat(indent);
            for (column, cell) in row.iter().enumerate() {
                let blanks = " ".repeat(widths[column] - width(cell));
                match self.head[column].1 {
                    Align::Left => line.push_str(&format!("{cell}{blanks}")),
                    Align::Right => line.push_str(&format!("{blanks}{cell}")),
                }
                line.push_str("  ");
            }
            lines.push_str(line.trim_end());
            lines.push('\n');
        }
        lines
    }

    /// As GitHub-flavoured Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let line = |cells: &mut dyn Iterator<Item = String>| {
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        let mut text = line(&mut self.head.iter().map(|(title, _)| escape(title)));
        text.push_str(&line(&mut self.head.iter().map(|(_, align)| match align {
            Align::Left => "---".to_owned(),
            Align::Right => "---:".to_owned(),
        })));
        for row in &self.rows {
            text.push_str(&line(&mut row.iter().map(|cell| escape(cell))));
        }
        text
    }

    /// As CSV (RFC 4180 with LF): a head line, a cell quoted only where it must be.
    #[must_use]
    pub fn csv(&self) -> String {
        let titles: Vec<String> = self.head.iter().map(|(title, _)| title.clone()).collect();
        let mut text = String::new();
        for row in std::iter::once(&titles).chain(&self.rows) {
            for (column, cell) in row.iter().enumerate() {
                if column > 0 {
                    text.push(',');
                }
                quote_into(&mut text, cell);
            }
            text.push('\n');
        }
        text
    }
}

/// Characters, each one cell wide: what is printed here has no wide ones except in users' names.
fn width(text: &str) -> usize {
    text.chars().count()
}

fn escape(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', " ")
}

/// Adds a cell of a CSV to `text`, quoted only where it must be.
pub(super) fn quote_into(text: &mut String, cell: &str) {
    if cell.contains([',', '"', '\n', '\r']) {
        text.push('"');
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[("name", Align::Left), ("count", Align::Right)]);
        table.row(vec!["a|b".into(), "1".into()]);
        table.row(vec!["x,\"y\"".into(), "1 000".into()]);
        table.row(vec!["short".into()]);
        table
    }

    #[test]
    fn text_aligns_and_ends_without_blanks() {
        assert_eq!(
            table().text(2),
            "  name   count\n  a|b        1\n  x,\"y\"  1 000\n  short\n"
        );
    }

    #[test]
    fn markdown_escapes_bars() {
        assert_eq!(
            table().markdown(),
            "| name | count |\n| --- | ---: |\n| a\\|b | 1 |\n| x,\"y\" | 1 000 |\n| short |  |\n"
        );
    }

    #[test]
    fn csv_quotes_only_what_must_be() {
        assert_eq!(
            table().csv(),
            "name,count\na|b,1\n\"x,\"\"y\"\"\",1 000\nshort,\n"
        );
    }
}
