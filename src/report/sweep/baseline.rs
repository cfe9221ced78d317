//! Sweeps as results that can be compared with stored ones: combination by combination, over all groups unless a name says which.

use super::gate::column;
use super::{Outline, Sweep, columns};
use crate::metrics::{Name, Value};
use crate::report::baseline::{Cell, Content, Results};

impl Outline {
    /// What its results are of, whether they are there or not.
    #[must_use]
    pub fn content(&self) -> Content {
        let cells = self.cells.iter().map(|cell| Cell {
            name: self.words(cell),
            variant: cell.variant.clone(),
            seeds: self.seeds.clone(),
        });
        Content {
            scenario: self.scenario.clone(),
            fidelity: self.fidelity,
            cells: cells.collect(),
        }
    }
}

impl Results for Sweep {
    fn content(&self) -> Content {
        self.outline.content()
    }

    fn values(&self, cell: usize, name: &Name) -> Option<Vec<Value>> {
        let first = self.replications.get(cell * self.outline.seeds.len())?;
        let mut groups = first.iter().map(|row| &*row.group);
        let group = match &name.labels.group {
            Some(wanted) => groups.find(|group| group == wanted),
            None => groups.next(),
        };
        let column = Some(column(name)).filter(|column| columns().contains(column));
        Some(self.values(cell, group?, &column?))
    }
}
