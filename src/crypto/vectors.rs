//! Reads the files in `test-vectors/`: a `#` begins a comment, `[case]` begins
//! a case, and `name: hex` is one of its figures.

/// One case, with its figures in their order.
pub(crate) struct Case {
    pub(crate) title: String,
    pub(crate) figures: Vec<(String, Vec<u8>)>,
}

impl Case {
    /// The figure of this name.
    pub(crate) fn get(&self, name: &str) -> &[u8] {
        let figure = self.figures.iter().find(|figure| figure.0 == name);
        &figure.unwrap_or_else(|| panic!("[{}] has no {name}", self.title)).1
    }
}

pub(crate) fn read(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(title) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            cases.push(Case { title: title.to_owned(), figures: Vec::new() });
        } else {
            let (name, figure) = line.split_once(':').unwrap();
            let figure = hex::decode(figure.trim()).unwrap();
            cases.last_mut().unwrap().figures.push((name.to_owned(), figure));
        }
    }
    cases
}
