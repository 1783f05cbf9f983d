//! Tables of text, column by column.

/// A table as a reader sees it: all values are text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub header: Vec<String>,
    /// `[n_rows][n_columns]`
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a table with quotes as RFC 4180 has them. Every row must be as long as the header.
    pub fn parse(text: &str, separator: char) -> Self {
        let mut rows = records(text, separator);
        let header = rows.remove(0);
        for (at, row) in rows.iter().enumerate() {
            assert_eq!(row.len(), header.len(), "row {} of {header:?}: {row:?}", at + 1);
        }
        Self { header, rows }
    }

    pub fn names(&self) -> Vec<&str> {
        self.header.iter().map(String::as_str).collect()
    }

    pub fn column(&self, name: &str) -> Vec<&str> {
        let at = self.header.iter().position(|have| have == name);
        let at = at.unwrap_or_else(|| panic!("no column {name} in {:?}", self.header));
        self.rows.iter().map(|row| &row[at][..]).collect()
    }

    pub fn numbers(&self, name: &str) -> Vec<f64> {
        let parse = |text: &str| text.parse().unwrap_or_else(|_| panic!("{name}: '{text}' is no number"));
        self.column(name).into_iter().map(parse).collect()
    }
}

fn records(text: &str, separator: char) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => quoted = !quoted,
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            letter if letter == separator && !quoted => row.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    assert!(row.is_empty() && field.is_empty(), "the last line must end");
    rows
}
