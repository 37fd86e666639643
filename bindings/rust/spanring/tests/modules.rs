// SPDX-License-Identifier: Apache-2.0
//! The modules of the crate use each other downwards only: as src/lib.rs groups them, from those that use none to those
//! that nobody uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The group of each module, counted from the first.
fn groups(lib: &str) -> BTreeMap<String, usize> {
    let mut group = 0;
    let mut modules = BTreeMap::new();
    for line in lib.lines().skip_while(|line| !line.starts_with("mod ")) {
        match line.strip_prefix("mod ") {
            Some(name) => drop(modules.insert(name.trim_end_matches(';').to_owned(), group)),
            None if line.is_empty() => group += 1,
            None if line.starts_with("#[cfg") => {}
            None => break,
        }
    }
    modules
}

/// The modules that a source names in code; what its documentation links to binds nobody.
fn used(source: &str) -> BTreeSet<String> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let name_of = |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").to_owned();
    code.flat_map(|line| line.split("crate::").skip(1).map(name_of)).collect()
}

fn upward(modules: &BTreeMap<String, usize>, user: &str, source: &str) -> Vec<String> {
    used(source)
        .iter()
        .filter(|name| !matches!(modules.get(*name), Some(group) if *group < modules[user]))
        .map(|name| format!("{user} uses {name}"))
        .collect()
}

#[test]
fn modules_use_each_other_downwards_only() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let modules = groups(&fs::read_to_string(folder.join("lib.rs")).expect("lib.rs"));
    assert!(modules.len() >= 5, "{modules:?}");
    let wrong: Vec<String> = modules
        .keys()
        .flat_map(|name| {
            upward(&modules, name, &fs::read_to_string(folder.join(format!("{name}.rs"))).expect("a module"))
        })
        .collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn a_use_upwards_is_found() {
    let modules = groups("//! crate\n\nmod low;\nmod lower;\n\nmod high;\n\npub use high::High;\n");
    assert_eq!(upward(&modules, "high", "use crate::low::{self, Low};\n/// [`crate::high::High`]\n"), [""; 0]);
    assert_eq!(upward(&modules, "low", "    let one = crate::high::one();"), ["low uses high"]);
    assert_eq!(upward(&modules, "low", "use crate::lower::Lower;"), ["low uses lower"]);
}
