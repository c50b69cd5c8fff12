//! Which files import each other in a circle. In: files. Out: the circles that their `use` lines
//! make. Groups are expanded, paths from `crate`, `self`, `super` and children are followed, and a
//! re-export leads to the file that it takes the name from. Paths elsewhere in the code are not
//! looked at.

use super::source::{self, File, Finding};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Files by the path of their module, such as `decode::mdns`; that of `src/lib.rs` is empty.
type Modules<'f> = BTreeMap<String, Module<'f>>;

struct Module<'f> {
    file: &'f File,
    imports: Vec<Import>,
}

/// One name that a `use` line brings into a file.
#[derive(Debug, PartialEq, Eq)]
struct Import {
    line: usize,
    /// As it is written.
    path: String,
    /// What it is called from then on.
    name: String,
    /// Whether others can import it from here.
    is_exported: bool,
}

/// Circles of imports: the shortest through each file, each circle once.
pub fn circles(files: &[File]) -> Vec<Finding> {
    let module = |file| (module_path(file), Module { file, imports: imports(&file.code) });
    let modules: Modules<'_> = files.iter().map(module).collect();
    let graph: BTreeMap<&str, BTreeMap<&str, usize>> =
        modules.keys().map(|path| (path.as_str(), imported(&modules, path))).collect();
    let mut found = BTreeSet::new();
    let mut findings = Vec::new();
    for start in graph.keys() {
        let Some(circle) = circle(&graph, start) else { continue };
        if found.insert(circle.iter().copied().collect::<BTreeSet<_>>()) {
            let paths: Vec<&str> =
                circle.iter().map(|path| modules[*path].file.path.as_str()).collect();
            let line = graph[start][circle[1]];
            let what = format!("imports in a circle: {}", paths.join(" -> "));
            findings.push(modules[*start].file.finding(line, &what));
        }
    }
    findings
}

/// The shortest way from `start` back to it, with both ends.
fn circle<'m>(
    graph: &BTreeMap<&'m str, BTreeMap<&'m str, usize>>,
    start: &'m str,
) -> Option<Vec<&'m str>> {
    let mut ways = VecDeque::from([vec![start]]);
    let mut reached = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let last = way.last()?;
        for &next in graph[last].keys() {
            let further = [&way[..], &[next]].concat();
            if next == start {
                return Some(further);
            }
            if reached.insert(next) {
                ways.push_back(further);
            }
        }
    }
    None
}

/// The other modules that a module imports from, with the line where it first does.
fn imported<'m>(modules: &'m Modules<'_>, from: &str) -> BTreeMap<&'m str, usize> {
    let mut imported = BTreeMap::new();
    for import in &modules[from].imports {
        let target = absolute(modules, from, &import.path);
        let target = target.and_then(|path| defining(modules, &path));
        if let Some(target) = target.filter(|target| *target != from) {
            imported.entry(target).or_insert(import.line);
        }
    }
    imported
}

fn module_path(file: &File) -> String {
    let path = file.path.strip_prefix("src/").unwrap_or(&file.path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { String::new() } else { path.replace('/', "::") }
}

/// What the `use` lines of code import.
fn imports(code: &str) -> Vec<Import> {
    let mut imports = Vec::new();
    for (start, keyword) in code.match_indices("use ") {
        let before = code[..start].lines().next_back().unwrap_or_default().trim();
        let is_item = code[..start].ends_with(['\n', ' ']) || start == 0;
        let Some((tree, _)) = code[start + keyword.len()..].split_once(';') else { continue };
        if !is_item {
            continue;
        }
        let line = code[..start].matches('\n').count() + 1;
        let is_exported = before.starts_with("pub");
        imports.extend(leaves(tree).into_iter().map(|leaf| {
            let (path, alias) = leaf.split_once(" as ").unwrap_or((&leaf, ""));
            let path = path.strip_suffix("::self").unwrap_or(path).to_owned();
            let last = path.rsplit("::").next().unwrap_or(&path);
            let name = if alias.is_empty() { last } else { alias }.to_owned();
            Import { line, path, name, is_exported }
        }));
    }
    imports
}

/// The paths of a `use` line, its groups expanded.
fn leaves(tree: &str) -> Vec<String> {
    let Some((prefix, group)) = tree.split_once('{') else {
        return vec![tree.trim().to_owned()];
    };
    let members = source::top_level(group).into_iter().filter(|member| !member.is_empty());
    members.flat_map(leaves).map(|leaf| format!("{}{leaf}", prefix.trim())).collect()
}

/// A path as seen from the crate; `None` of one that leads out of it.
fn absolute(modules: &Modules<'_>, from: &str, written: &str) -> Option<String> {
    let (first, rest) = written.split_once("::").unwrap_or((written, ""));
    match first {
        "crate" => Some(rest.to_owned()),
        "self" => Some(join(from, rest)),
        "super" if rest == "super" || rest.starts_with("super::") => {
            absolute(modules, parent(from), rest)
        }
        "super" => Some(join(parent(from), rest)),
        child => modules.contains_key(&join(from, child)).then(|| join(from, written)),
    }
}

/// The module whose file has what is at `path`, re-exports followed.
fn defining<'m>(modules: &'m Modules<'_>, path: &str) -> Option<&'m str> {
    let mut module = path;
    while !modules.contains_key(module) {
        if module.is_empty() {
            return None;
        }
        module = parent(module);
    }
    let (found, Module { imports, .. }) = modules.get_key_value(module)?;
    let rest = path[module.len()..].trim_start_matches("::");
    let (name, behind) = rest.split_once("::").unwrap_or((rest, ""));
    let export = imports.iter().find(|import| import.is_exported && import.name == name);
    let target = export.and_then(|export| absolute(modules, module, &export.path));
    target.map_or(Some(found), |target| defining(modules, &join(&target, behind)))
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}

fn join(module: &str, path: &str) -> String {
    if module.is_empty() || path.is_empty() {
        format!("{module}{path}")
    } else {
        format!("{module}::{path}")
    }
}
