//! Rust sources, read as far as imports go: tokens, modules, `use` trees and
//! inline paths. What only tests compile is left out.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// Path below `src/` -> text.
pub(crate) type Sources = BTreeMap<String, String>;

/// Where a path that is written in a file leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// A file of ours: the one that defines the name, not one that re-exports it.
    File(String),
    /// Another crate, by the path's first two names.
    Foreign(String, String),
    /// Nobody could say.
    Unknown(String),
}

/// A file, as far as the rules ask.
#[derive(Debug, Default)]
pub(crate) struct File {
    /// Target -> the path as it is written.
    pub(crate) imports: BTreeMap<Target, String>,
    /// Compiled for tests alone.
    pub(crate) test: bool,
    pub(crate) says_unsafe: bool,
    /// It takes in text from elsewhere, which is not read here.
    pub(crate) includes: bool,
    pub(crate) lines: usize,
}

/// Reads a crate from its root file: `lib.rs`, or a program's `main.rs`. The
/// library's own name leads to `library`, which a program imports.
pub(crate) fn read(sources: &Sources, root: &str, library: Option<&Crate>) -> Crate {
    let mut krate = Crate::default();
    krate.read_file(sources, root, Vec::new(), false);
    let paths: Vec<_> =
        krate.modules.iter().flat_map(|(at, m)| m.paths.iter().map(move |p| (at, &m.file, p))).collect();
    let mut found = Vec::new();
    for (at, file, path) in paths {
        if let Some(target) = krate.resolve(at, path, library, 0) {
            found.push((file.clone(), target, path.join("::")));
        }
    }
    for (file, target, path) in found {
        if target != Target::File(file.clone()) {
            krate.files.entry(file).or_default().imports.entry(target).or_insert(path);
        }
    }
    krate
}

/// One file's tokens, and what they say by themselves.
struct Text {
    says_unsafe: bool,
    includes: bool,
    /// All but what only tests compile.
    kept: Vec<String>,
    test_modules: Vec<String>,
}

impl Text {
    /// Most files are read again and again, with another one altered.
    fn of(text: &str) -> Rc<Self> {
        thread_local! {
            static KNOWN: RefCell<HashMap<String, Rc<Text>>> = RefCell::default();
        }
        let known = KNOWN.with_borrow(|known| known.get(text).cloned());
        known.unwrap_or_else(|| {
            let read = Rc::new(Self::read(text));
            KNOWN.with_borrow_mut(|known| known.insert(text.to_owned(), read.clone()));
            read
        })
    }

    fn read(text: &str) -> Self {
        let tokens = tokens(text);
        let says_unsafe = tokens.iter().any(|token| token == "unsafe");
        let includes = tokens.windows(2).any(|w| w[0] == "include" && w[1] == "!")
            || tokens.windows(3).any(|w| w[0] == "#" && w[1] == "[" && w[2] == "path");
        let (kept, test_modules) = without_tests(tokens);
        Self { says_unsafe, includes, kept, test_modules }
    }
}

/// All that was found under one root.
#[derive(Default)]
pub(crate) struct Crate {
    pub(crate) files: BTreeMap<String, File>,
    modules: BTreeMap<Vec<String>, Module>,
}

#[derive(Default)]
struct Module {
    file: String,
    children: BTreeSet<String>,
    /// Items whose definition stands here.
    defined: BTreeSet<String>,
    /// Names in the body of a macro call: it may define them.
    perhaps: BTreeSet<String>,
    /// Name -> the path that a `use` binds it to.
    bound: BTreeMap<String, Vec<String>>,
    /// Paths before a `*`.
    globs: Vec<Vec<String>>,
    /// Each path that is written here, of `use` or inline.
    paths: BTreeSet<Vec<String>>,
}

const ITEMS: [&str; 9] = ["struct", "enum", "union", "trait", "fn", "const", "static", "type", "macro_rules"];

impl Crate {
    fn read_file(&mut self, sources: &Sources, path: &str, module: Vec<String>, test: bool) {
        let Some(text) = sources.get(path) else { return };
        let read = Text::of(text);
        let file = self.files.entry(path.to_owned()).or_default();
        (file.test, file.lines) = (test, text.lines().count());
        (file.says_unsafe, file.includes) = (read.says_unsafe, read.includes);
        if !test {
            self.scope(&read.kept, path, &module);
        }
        let folder = match path.rsplit_once('/') {
            Some((folder, "mod.rs" | "main.rs")) => format!("{folder}/"),
            None if path == "lib.rs" => String::new(),
            _ => format!("{}/", path.trim_end_matches(".rs")),
        };
        let declared = declared_modules(&read.kept).into_iter().map(|name| (name, test));
        for (name, test) in declared.chain(read.test_modules.iter().cloned().map(|name| (name, true))) {
            let mut module = module.clone();
            module.push(name.clone());
            for path in [format!("{folder}{name}.rs"), format!("{folder}{name}/mod.rs")] {
                self.read_file(sources, &path, module.clone(), test);
            }
        }
    }

    /// Reads the tokens of one module, and the inline modules in it.
    fn scope(&mut self, tokens: &[String], file: &str, at: &[String]) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        let (mut i, mut depth) = (0, 0_usize);
        while let Some(token) = tokens.get(i) {
            let next = tokens.get(i + 1).map_or("", String::as_str);
            match token.as_str() {
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                "mod" if tokens.get(i + 2).is_some_and(|t| t == "{") => {
                    let end = closing(tokens, i + 2);
                    let inner: Vec<_> = at.iter().cloned().chain([next.to_owned()]).collect();
                    self.scope(&tokens[i + 3..end], file, &inner);
                    module.children.insert(next.to_owned());
                    i = end + 1;
                    continue;
                }
                "mod" if depth == 0 => {
                    module.children.insert(next.to_owned());
                }
                // Not `impl Trait + use<'a>`.
                "use" if next != "<" => {
                    let end = i + tokens[i..].iter().position(|t| t == ";").unwrap_or(0);
                    use_tree(&tokens[i + 1..end], &mut Vec::new(), &mut module);
                    i = end.max(i) + 1;
                    continue;
                }
                // macro_rules! name, const fn name, const NAME
                item if depth == 0 && ITEMS.contains(&item) && !ITEMS.contains(&next) => {
                    let name = if next == "!" { tokens.get(i + 2).map_or("", String::as_str) } else { next };
                    module.defined.insert(name.to_owned());
                    if next == "!" {
                        let names = &tokens[i + 3..closing(tokens, i + 3)];
                        module.perhaps.extend(names.iter().filter(|t| is_name(t)).cloned());
                    }
                    i += if next == "!" { 3 } else { 2 };
                    continue;
                }
                "!" if depth == 0 && matches!(next, "{" | "(") => {
                    let names = &tokens[i + 2..closing(tokens, i + 1)];
                    module.perhaps.extend(names.iter().filter(|t| is_name(t)).cloned());
                }
                name if is_name(name) && next == "::" && !continues(tokens, i) => {
                    let mut path = vec![name.to_owned()];
                    while tokens.get(i + 1).is_some_and(|t| t == "::")
                        && tokens.get(i + 2).is_some_and(|t| is_name(t))
                    {
                        path.push(tokens[i + 2].clone());
                        i += 2;
                    }
                    module.paths.insert(path);
                }
                _ => {}
            }
            i += 1;
        }
        self.modules.insert(at.to_vec(), module);
    }

    /// Where a path that is written in the module `at` leads; `None` for paths
    /// of local names, such as an enum's variants.
    fn resolve(
        &self,
        at: &[String],
        path: &[String],
        library: Option<&Crate>,
        depth: usize,
    ) -> Option<Target> {
        let unknown = || Some(Target::Unknown(path.join("::")));
        let module = self.modules.get(at)?;
        let (first, rest) = path.split_first()?;
        if depth > 16 {
            return unknown();
        }
        match first.as_str() {
            "crate" => self.walk(Vec::new(), rest, library, depth),
            "self" => self.walk(at.to_vec(), rest, library, depth),
            "super" => {
                let mut parent = at.to_vec();
                parent.pop();
                let supers = rest.iter().take_while(|name| *name == "super").count();
                parent.truncate(parent.len().saturating_sub(supers));
                self.walk(parent, &rest[supers..], library, depth)
            }
            name if module.children.contains(name) => self.walk(at.to_vec(), path, library, depth),
            name if module.bound.get(name).is_some_and(|bound| bound[0] != name) => {
                let longer: Vec<String> = module.bound[name].iter().chain(rest).cloned().collect();
                self.resolve(at, &longer, library, depth + 1)
            }
            "handfast" if library.is_some() => {
                library.and_then(|library| library.walk(Vec::new(), rest, None, depth))
            }
            // Of this module, of the prelude, or of another crate.
            name if name.starts_with(|c: char| c.is_ascii_lowercase()) => {
                Some(Target::Foreign(name.to_owned(), rest.first().cloned().unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// Follows names from a module down, and through what it re-exports.
    fn walk(
        &self,
        mut at: Vec<String>,
        path: &[String],
        library: Option<&Crate>,
        depth: usize,
    ) -> Option<Target> {
        let mut rest = path;
        loop {
            let Some(module) = self.modules.get(&at) else {
                return Some(Target::Unknown(path.join("::")));
            };
            let Some((name, later)) = rest.split_first() else {
                return Some(Target::File(module.file.clone()));
            };
            if module.children.contains(name) {
                at.push(name.clone());
                rest = later;
                continue;
            }
            if module.defined.contains(name) {
                return Some(Target::File(module.file.clone()));
            }
            if let Some(bound) = module.bound.get(name) {
                let longer: Vec<String> = bound.iter().chain(later).cloned().collect();
                return self.resolve(&at, &longer, library, depth + 1);
            }
            for glob in &module.globs {
                let longer: Vec<String> = glob.iter().chain(rest).cloned().collect();
                match self.resolve(&at, &longer, library, depth + 1) {
                    Some(Target::File(file)) => return Some(Target::File(file)),
                    _ => continue,
                }
            }
            return match module.perhaps.contains(name) {
                true => Some(Target::File(module.file.clone())),
                false => Some(Target::Unknown(path.join("::"))),
            };
        }
    }
}

/// `a::{b, c as d, e::*, self}`: each path, and the names that it binds.
fn use_tree(tokens: &[String], prefix: &mut Vec<String>, module: &mut Module) {
    let kept = prefix.len();
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        match token.as_str() {
            "{" => {
                let end = closing(tokens, i);
                use_tree(&tokens[i + 1..end], prefix, module);
                prefix.truncate(kept);
                i = end;
            }
            "*" => {
                module.globs.push(prefix.clone());
                module.paths.insert(std::mem::take(prefix));
            }
            "," => prefix.truncate(kept),
            "as" => i += 1, // bound below
            name if is_name(name) => {
                if name != "self" || prefix.is_empty() {
                    prefix.push(name.to_owned());
                }
                let next = tokens.get(i + 1).map_or(",", String::as_str);
                if matches!(next, "," | "as") {
                    let alias = if next == "as" { &tokens[i + 2] } else { &prefix[prefix.len() - 1] };
                    module.bound.insert(alias.clone(), prefix.clone());
                    module.paths.insert(prefix.clone());
                }
            }
            _ => {}
        }
        if token == "*" {
            // Only a group's prefix may be wanted again.
            *prefix =
                module.globs.last().map(|glob| glob[..kept.min(glob.len())].to_vec()).unwrap_or_default();
        }
        i += 1;
    }
    prefix.truncate(kept);
}

/// Whether the name at `i` goes on with a path, as in `a::name` or `<T>::name`;
/// in `-> ::name` it begins one.
fn continues(tokens: &[String], i: usize) -> bool {
    let before = |n: usize| i.checked_sub(n).and_then(|i| tokens.get(i)).map_or("", String::as_str);
    before(1) == "::" && (is_name(before(2)) || before(2) == ">" && before(3) != "-")
}

fn declared_modules(tokens: &[String]) -> Vec<String> {
    let windows = tokens.windows(3).filter(|w| w[0] == "mod" && w[2] == ";");
    windows.map(|w| w[1].clone()).collect()
}

/// Drops what stands behind `#[cfg(test)]`, and names the modules among it that
/// have files of their own.
fn without_tests(tokens: Vec<String>) -> (Vec<String>, Vec<String>) {
    let (mut kept, mut modules, mut i) = (Vec::new(), Vec::new(), 0);
    while i < tokens.len() {
        if !is_test_attribute(&tokens[i..]) {
            kept.push(tokens[i].clone());
            i += 1;
            continue;
        }
        while tokens.get(i).is_some_and(|t| t == "#") {
            i = closing(&tokens, i + 1) + 1;
        }
        let end = item_end(&tokens, i);
        modules.extend(declared_modules(&tokens[i..end]));
        i = end;
    }
    (kept, modules)
}

/// `#[test]`, `#[cfg(test)]`, `#[cfg(any(test, fuzzing))]`; not `#[cfg(not(test))]`.
fn is_test_attribute(tokens: &[String]) -> bool {
    if tokens.len() < 4 || tokens[0] != "#" || tokens[1] != "[" {
        return false;
    }
    let inside = &tokens[2..closing(tokens, 1)];
    let says = |word: &str| inside.iter().any(|token| token == word);
    inside[0] == "test" || inside[0] == "cfg" && says("test") && !says("not")
}

/// Behind the item, statement or field that begins at `i`.
fn item_end(tokens: &[String], start: usize) -> usize {
    let mut i = start;
    let mut first = tokens[i].as_str();
    if first == "pub" {
        i += 1;
        if tokens[i] == "(" {
            i = closing(tokens, i) + 1;
        }
        first = tokens[i].as_str();
    }
    let with_block =
        ["fn", "mod", "impl", "trait", "enum", "struct", "if", "match", "for", "while", "macro_rules"];
    let to_semicolon = ["use", "const", "static", "type", "let", "return"];
    // `const fn` ends as a function does.
    let with_block = with_block.contains(&first) || first == "const" && tokens[i + 1] == "fn";
    let to_semicolon = to_semicolon.contains(&first) && !with_block;
    while let Some(token) = tokens.get(i) {
        match token.as_str() {
            ";" => return i + 1,
            "," if !with_block && !to_semicolon => return i + 1,
            "}" => return i, // of what surrounds a last field
            "{" if with_block => return closing(tokens, i) + 1,
            "{" | "(" | "[" => i = closing(tokens, i),
            _ => {}
        }
        i += 1;
    }
    i
}

/// The place of the bracket that closes the one at `open`.
fn closing(tokens: &[String], open: usize) -> usize {
    let mut depth = 0_usize;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return i;
        }
    }
    tokens.len() - 1
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::`, and single characters; without comments, strings, numbers and lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut tokens, mut i) = (Vec::new(), 0);
    while i < chars.len() {
        match at(i) {
            '/' if at(i + 1) == '/' => {
                i += chars[i..].iter().position(|c| *c == '\n').unwrap_or(chars.len() - i)
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 1;
                i += 2;
                while depth > 0 && i < chars.len() {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 1),
                        ('*', '/') => (depth, i) = (depth - 1, i + 1),
                        _ => {}
                    }
                    i += 1;
                }
            }
            '"' => i = string_end(&chars, i),
            // A character, unless it is a lifetime.
            '\'' if at(i + 1) == '\\' => {
                i += 3 + chars[i + 3..].iter().position(|c| *c == '\'').unwrap_or(0) + 1
            }
            '\'' if at(i + 2) == '\'' => i += 3,
            '\'' => {
                i += 1;
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
            }
            c if c.is_alphanumeric() || c == '_' => {
                let start = i;
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
                let word: String = chars[start..i].iter().collect();
                match word.as_str() {
                    "r" | "br" | "cr" if at(i) == '"' || at(i) == '#' && matches!(at(i + 1), '"' | '#') => {
                        i = raw_string_end(&chars, i);
                    }
                    "b" | "c" if at(i) == '"' => i = string_end(&chars, i),
                    _ if is_name(&word) => tokens.push(word),
                    _ => {}
                }
            }
            ':' if at(i + 1) == ':' => {
                tokens.push("::".to_owned());
                i += 2;
            }
            c if c.is_whitespace() => i += 1,
            c => {
                tokens.push(c.to_string());
                i += 1;
            }
        }
    }
    tokens
}

fn string_end(chars: &[char], quote: usize) -> usize {
    let mut i = quote + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

fn raw_string_end(chars: &[char], hashes: usize) -> usize {
    let count = chars[hashes..].iter().take_while(|c| **c == '#').count();
    let mut i = hashes + count + 1;
    while i < chars.len() {
        if chars[i] == '"' && chars[i + 1..].iter().take(count).filter(|c| **c == '#').count() == count {
            return i + 1 + count;
        }
        i += 1;
    }
    i
}
