//! The import direction that docs/architecture.md prints, read from there and held against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[test]
fn every_folder_imports_only_what_its_row_lists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("../../docs/architecture.md")).expect("docs/architecture.md");
    let allowed = table(&page);
    let mut breaches = Vec::new();
    for file in rust_files(&root.join("src")) {
        let folder = folder_of(&root.join("src"), &file);
        // `tests.rs` is a module of unit tests that grew too long for the end of its file.
        if folder == "lib" || folder == "commands" || file.ends_with("tests.rs") {
            continue;
        }
        let row = allowed.get(&folder).unwrap_or_else(|| panic!("docs/architecture.md has no row for `{folder}`"));
        let text = std::fs::read_to_string(&file).expect("a source file");
        for import in imports(&text) {
            if import != folder && !row.contains(&import) {
                breaches.push(format!("{} imports {import}", file.strip_prefix(root).unwrap_or(&file).display()));
            }
        }
    }
    assert!(breaches.is_empty(), "against docs/architecture.md:\n{}", breaches.join("\n"));
}

/// A file that no module names is compiled by nobody: what is thrown away must be gone.
#[test]
fn every_file_is_a_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut orphans = Vec::new();
    for source in ["kernels", "video", "skipgan", "cli"].map(|name| root.join("..").join(name).join("src")) {
        let files = rust_files(&source);
        let texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).expect("a source file")).collect();
        for file in &files {
            let stem = file.file_stem().expect("a name").to_string_lossy();
            let name = if stem == "mod" { file.parent().and_then(Path::file_name).expect("a folder").to_string_lossy() } else { stem };
            let declared = format!("mod {name};");
            let root_of_crate = matches!(&*name, "lib" | "main");
            if !root_of_crate && !texts.iter().any(|text| text.contains(&declared)) {
                orphans.push(file.strip_prefix(root).unwrap_or(file).display().to_string());
            }
        }
    }
    assert!(orphans.is_empty(), "no module names them:\n{}", orphans.join("\n"));
}

#[test]
fn the_reader_of_imports_sees_uses_and_paths_but_neither_comments_nor_tests() {
    let text = "use crate::data::clip;\n// crate::train\nfn f() { crate::score::g(kernels::pool()) }\n#[cfg(test)]\nmod tests { use crate::report; }\n";
    assert_eq!(imports(text), BTreeSet::from(["data".to_string(), "score".to_string(), "kernels".to_string()]));
}

/// Folder → what it may import, from the rows between the two markers.
fn table(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let rows = page.split("<!-- imports:begin -->").nth(1).and_then(|rest| rest.split("<!-- imports:end -->").next()).expect("the markers");
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_string).collect::<BTreeSet<_>>();
    let mut allowed = BTreeMap::new();
    for row in rows.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').collect();
        for folder in names(cells[1]) {
            allowed.insert(folder, names(cells[3]));
        }
    }
    assert!(allowed.len() >= 15, "the table has {} rows", allowed.len());
    allowed
}

/// Names after `crate::`, and our two other crates, outside comments and before the unit tests.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or("");
    let mut found = BTreeSet::new();
    for line in code.lines().map(|line| line.split("//").next().unwrap_or("")) {
        for after in line.split("crate::").skip(1) {
            found.insert(identifier(after));
        }
        for ours in ["kernels", "video"] {
            let mentions = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if line.match_indices(&format!("{ours}::")).any(|(at, _)| mentions(at)) {
                found.insert(ours.to_string());
            }
        }
    }
    found.remove("");
    found
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn folder_of(source: &Path, file: &Path) -> String {
    let first = file.strip_prefix(source).expect("below src").components().next().expect("a name");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_string()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
