//! The matrix case × backend, written down as the tests run.

use std::{
    collections::BTreeMap,
    fmt,
    fmt::Write,
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
};

use crate::{CASES, Case, Excuse, Host};

/// How many cells are excused, one `BACKEND COUNT` a line.
const EXCUSED: &str = include_str!("../EXCUSED");

/// One cell of the matrix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cell {
    Passed,
    Failed,
    Excused(Excuse),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed => f.write_str("FAILED"),
            Self::Excused(Excuse::Lacks(capability)) => {
                write!(f, "excused\tno {}", capability.name())
            }
            Self::Excused(Excuse::Front(what)) => write!(f, "excused\t{what}"),
            Self::Excused(Excuse::Has(capability)) => write!(f, "excused\t{}", capability.name()),
        }
    }
}

type Column = BTreeMap<(&'static str, &'static str), Cell>;

static CELLS: Mutex<BTreeMap<&'static str, Column>> = Mutex::new(BTreeMap::new());

/// Enters the outcome of `case` and writes the column of `backend` to `directory`, as lines
/// `MATRIX<tab>BACKEND<tab>CASE<tab>OUTCOME`; a case that has not run says so.
pub(crate) fn enter(backend: &'static str, case: &Case, cell: Cell, directory: &str) {
    let mut cells = CELLS.lock().unwrap_or_else(PoisonError::into_inner);
    let column = cells.entry(backend).or_default();
    column.insert((case.group, case.name), cell);
    let text = render(backend, column);
    let path = Path::new(directory).join(format!("{backend}.tsv"));
    let written = fs::create_dir_all(directory).and_then(|()| fs::write(&path, text));
    written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn render(backend: &str, column: &Column) -> String {
    let mut text = String::new();
    for case in CASES {
        let cell = column.get(&(case.group, case.name));
        let outcome = cell.map_or_else(|| "not run".to_owned(), Cell::to_string);
        writeln!(text, "MATRIX\t{backend}\t{case:?}\t{outcome}").expect("memory");
    }
    text
}

/// Fails unless exactly as many cases are excused on `host` as the file `EXCUSED` says.
pub fn hold_to_the_excused(host: &dyn Host) {
    let capabilities = host.open("127.0.0.1:0").capabilities;
    let excused = CASES.iter().filter(|case| case.excuse_of(host, capabilities).is_some()).count();
    let mut committed = EXCUSED.lines().filter_map(|line| line.split_once(' '));
    let committed = committed.find(|(name, _)| *name == host.name());
    let committed = committed.and_then(|(_, count)| count.parse().ok());
    assert_eq!(
        Some(excused),
        committed,
        "cases excused on {} and the number in tests/conformance/EXCUSED: raise it only with a \
         reason, lower it with joy",
        host.name(),
    );
}

#[cfg(test)]
mod tests {
    use narthex_core::Capability;

    use super::*;

    #[test]
    fn a_column_lists_every_case() {
        let mut column = Column::new();
        let first = (CASES[0].group, CASES[0].name);
        column.insert(first, Cell::Excused(Excuse::Lacks(Capability::Framing)));
        let text = render("door", &column);
        assert_eq!(text.lines().count(), CASES.len());
        let line = text.lines().next().unwrap();
        assert_eq!(line, format!("MATRIX\tdoor\t{:?}\texcused\tno framing", CASES[0]));
        assert!(text.lines().nth(1).unwrap().ends_with("\tnot run"));
    }
}
