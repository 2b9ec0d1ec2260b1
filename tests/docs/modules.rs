//! The map in `src/lib.rs` is true: each module uses only what stands above it, and no files use each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::sources::{code, files, read};

type Module = Vec<String>;

/// The library's files by their modules; tests are left out.
struct Library {
    modules: BTreeMap<Module, File>,
}

struct File {
    path: String,
    code: String,
    /// What `use` brings in: name -> path, and whether it is passed on (`pub use`).
    imports: BTreeMap<String, (Module, bool)>,
}

impl Library {
    fn read() -> Self {
        let mut modules = BTreeMap::new();
        for path in files("src", "rs") {
            let text = path.to_str().unwrap();
            let place = text.strip_prefix("src/").unwrap().strip_suffix(".rs").unwrap();
            let mut module: Module = place.split('/').map(str::to_owned).collect();
            let is_test = module.iter().any(|part| part == "tests");
            if is_test || module[0] == "bin" || module[0] == "lib" {
                continue;
            }
            if module.last().unwrap() == "mod" {
                module.pop();
            }
            let (code, imports) = split_imports(&code(&read(&path)));
            modules.insert(module, File { path: text.to_owned(), code, imports });
        }
        Self { modules }
    }

    fn is_module(&self, module: &[String]) -> bool {
        self.modules.contains_key(module)
    }

    /// The file that defines what `path` names, as seen from `from`; `None` for what is not this library's.
    fn resolve(&self, from: &[String], path: &[String], depth: usize) -> Option<Module> {
        let (first, mut rest) = path.split_first()?;
        let mut at = from.to_vec();
        match first.as_str() {
            _ if depth > 8 => return None,
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                at.pop();
                while rest.first().is_some_and(|part| part == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            name if self.is_module(&[from, &[name.to_owned()]].concat()) => rest = path,
            name => {
                let (imported, _) = self.modules.get(from)?.imports.get(name).filter(|_| depth > 0)?;
                return self.resolve(from, &[imported, rest].concat(), depth + 1);
            }
        }
        while let Some((name, behind)) = rest.split_first() {
            let import = self.modules.get(&at).and_then(|file| file.imports.get(name));
            let child = [&at[..], std::slice::from_ref(name)].concat();
            if self.is_module(&child) && (import.is_none() || !behind.is_empty()) {
                at = child;
                rest = behind;
            } else if let Some((imported, _)) = import {
                return self.resolve(&at, &[imported, behind].concat(), depth + 1);
            } else {
                break;
            }
        }
        self.is_module(&at).then_some(at)
    }

    /// What a file uses of others, by file. Passing on with `pub use` is no use, and a file may use what its parents
    /// define: a room's `mod.rs` holds the type, the files below it hold its steps.
    fn uses(&self, module: &[String]) -> BTreeSet<Module> {
        let file = &self.modules[module];
        let imported =
            file.imports.values().filter(|(_, passed_on)| !passed_on).map(|(path, _)| path.clone());
        imported
            .chain(inline_paths(&file.code))
            .filter_map(|path| self.resolve(module, &path, 0))
            .filter(|used| !module.starts_with(used))
            .collect()
    }
}

/// `use` statements apart from the rest.
fn split_imports(code: &str) -> (String, BTreeMap<String, (Module, bool)>) {
    let mut imports = BTreeMap::new();
    let mut rest = String::new();
    let mut statement = String::new();
    for line in code.lines() {
        let begins = line.trim_start();
        let after_pub = begins.strip_prefix("pub").map_or(begins, |rest| {
            rest.strip_prefix('(')
                .and_then(|rest| rest.split_once(')'))
                .map_or(rest, |(_, rest)| rest)
                .trim_start()
        });
        if statement.is_empty() && !after_pub.starts_with("use ") {
            rest.push_str(line);
            rest.push('\n');
            continue;
        }
        statement.push_str(begins);
        if statement.ends_with(';') {
            let passed_on = statement.starts_with("pub");
            let tree = statement.split_once("use ").unwrap().1.trim_end_matches(';');
            for (name, path) in leaves(tree) {
                imports.insert(name, (path, passed_on));
            }
            statement.clear();
        }
    }
    (rest, imports)
}

/// The names of a `use` tree, each with its path.
fn leaves(tree: &str) -> Vec<(String, Module)> {
    let Some((before, group)) = tree.split_once('{') else {
        let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias)));
        let mut path: Module = path.split("::").map(|part| part.trim().to_owned()).collect();
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        return match path.last() {
            Some(last) => vec![(alias.unwrap_or(last).trim().to_owned(), path)],
            None => Vec::new(),
        };
    };
    let group = group.trim_end().strip_suffix('}').unwrap();
    let mut depth = 0;
    let parts = group.split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    parts
        .filter(|part| !part.trim().is_empty())
        .flat_map(|part| leaves(&format!("{before}{}", part.trim())))
        .collect()
}

/// Paths that stand in the code itself: `crate::time::Time`, `super::place`, `child::function`.
fn inline_paths(code: &str) -> Vec<Module> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
        .filter(|word| word.contains("::"))
        .map(|word| word.split("::").map(str::to_owned).collect::<Module>())
        .filter(|path| {
            path.iter().all(|part| !part.is_empty()) && path[0].starts_with(|c: char| c.is_lowercase())
        })
        .collect()
}

/// The table in the head of `src/lib.rs`, from above.
fn table() -> Vec<String> {
    let text = read(Path::new("src/lib.rs"));
    let head = text.lines().map_while(|line| line.strip_prefix("//!"));
    let rows = head.filter_map(|line| line.trim().strip_prefix("| ")).filter(|row| row.contains('`'));
    rows.map(|row| row.split('`').nth(1).unwrap().to_owned()).collect()
}

#[test]
fn the_table_of_modules_names_each_one_once() {
    let declared: BTreeSet<String> = read(Path::new("src/lib.rs"))
        .lines()
        .filter_map(|line| {
            line.trim_start_matches("pub(crate) ").trim_start_matches("pub ").strip_prefix("mod ")
        })
        .filter_map(|name| name.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    let table = table();
    assert_eq!(table.iter().cloned().collect::<BTreeSet<_>>(), declared);
    assert_eq!(table.len(), declared.len(), "one is named twice: {table:?}");
}

#[test]
fn each_module_uses_only_what_stands_above_it_in_the_table() {
    let table = table();
    let place = |name: &str| table.iter().position(|row| row == name);
    let library = Library::read();
    let mut upwards = Vec::new();
    for (module, file) in &library.modules {
        let imports = file.imports.values().map(|(path, _)| path.clone());
        for path in imports.chain(inline_paths(&file.code)) {
            if path[0] == "crate"
                && let Some(used) = path.get(1)
                && place(used) > place(&module[0])
            {
                upwards.push(format!("{} uses {}", file.path, path.join("::")));
            }
        }
    }
    assert!(library.modules.len() > 100, "{} files read", library.modules.len());
    assert!(upwards.is_empty(), "these use what stands below them:\n{}", upwards.join("\n"));
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let library = Library::read();
    let uses: BTreeMap<&Module, BTreeSet<Module>> =
        library.modules.keys().map(|module| (module, library.uses(module))).collect();
    assert!(uses.values().map(BTreeSet::len).sum::<usize>() > 300, "the reader finds the paths");
    // what is used by what a file uses, and so on
    let mut circle = Vec::new();
    for (module, used) in &uses {
        for next in used {
            let mut reached = BTreeSet::from([next.clone()]);
            let mut open = vec![next.clone()];
            while let Some(at) = open.pop() {
                open.extend(uses[&at].iter().filter(|module| reached.insert((*module).clone())).cloned());
            }
            if reached.contains(*module) {
                let path = |module: &Module| library.modules[module].path.clone();
                circle.push(format!("{} uses {}", path(module), path(next)));
            }
        }
    }
    assert!(circle.is_empty(), "these use each other:\n{}", circle.join("\n"));
}

#[test]
fn the_reader_of_paths_knows_the_forms_that_rust_has() {
    let (rest, imports) = split_imports(
        "use super::{a, b::{self, C as D}};\npub(crate) use self::e::F;\nlet x = crate::g::h();\n",
    );
    let path = |name: &str| imports[name].0.join("::");
    assert_eq!(
        (path("a"), path("b"), path("D")),
        ("super::a".into(), "super::b".into(), "super::b::C".into())
    );
    assert_eq!((path("F"), imports["F"].1, imports["a"].1), ("self::e::F".into(), true, false));
    assert_eq!(inline_paths(&rest), [["crate", "g", "h"].map(str::to_owned)]);
}
