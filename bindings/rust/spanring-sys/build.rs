// SPDX-License-Identifier: Apache-2.0
//! Says where libspanring is. The first that applies:
//!
//! 1. `SPANRING_LIB_DIR` names its folder.
//! 2. pkg-config finds one that is installed, of this version or newer. It comes before a copy of one's own, because all
//!    of a process that link it share their contexts.
//! 3. It is compiled here, from the two files that tools/amalgamate makes, and linked statically.
//!
//! `SPANRING_STATIC=1` takes the archive of 1 or 2. `SPANRING_VENDORED=1`, or the feature `vendored`, leaves out 2;
//! `SPANRING_VENDORED=0` wins over the feature, and forbids 3.
//!
//! For another system than Linux 3 is what there is: the same functions, which record nothing. `SPANRING_ELSEWHERE=1` compiles
//! these for Linux, for tests.
//!
//! With the feature `test-kit` the test kit is compiled and linked beside it, wherever the library is.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const READ: [&str; 8] = [
    "SPANRING_LIB_DIR",
    "SPANRING_STATIC",
    "SPANRING_VENDORED",
    "SPANRING_TLS_MODEL",
    "SPANRING_ELSEWHERE",
    "PKG_CONFIG",
    "PKG_CONFIG_PATH",
    "PKG_CONFIG_ALLOW_CROSS",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for name in READ {
        println!("cargo:rerun-if-env-changed={name}");
    }
    if env::var_os("DOCS_RS").is_some() {
        return; // nothing is linked there
    }
    let said = env::var("SPANRING_VENDORED").unwrap_or_default();
    let vendored = said == "1" || said != "0" && env::var_os("CARGO_FEATURE_VENDORED").is_some();
    let found = env::var("SPANRING_LIB_DIR").ok().or_else(|| if vendored { None } else { installed() });
    match found {
        _ if elsewhere() => compile(),
        Some(directory) => link(&directory),
        None if said == "0" => panic!("SPANRING_VENDORED=0, and no libspanring {} is installed", version()),
        None => compile(),
    }
    if env::var_os("CARGO_FEATURE_TEST_KIT").is_some() {
        let kit = sources("spanring_test_kit", &["--test-kit"]);
        // A folder of its own is searched for it: in OUT_DIR may be the library of an earlier choice.
        let made = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets it")).join("test-kit");
        let code = kit.join("spanring_test_kit.cpp");
        plain_cpp().file(code).out_dir(made).compile("spanring-test-kit");
    }
}

/// Whether the library does not run there: another system, or one that is said to be.
fn elsewhere() -> bool {
    env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") || env::var("SPANRING_ELSEWHERE").as_deref() == Ok("1")
}

fn version() -> String {
    env::var("CARGO_PKG_VERSION").expect("Cargo sets it")
}

fn link(directory: &str) {
    println!("cargo:rustc-link-search=native={directory}");
    // For build scripts of dependents: DEP_SPANRING_LIB_DIR.
    println!("cargo:lib_dir={directory}");
    let kind = if env::var("SPANRING_STATIC").as_deref() == Ok("1") { "static" } else { "dylib" };
    println!("cargo:rustc-link-lib={kind}=spanring");
}

/// The folder of an installed library. Of the machine that builds it says nothing about another one.
fn installed() -> Option<String> {
    let cross = env::var_os("HOST") != env::var_os("TARGET");
    if cross && env::var("PKG_CONFIG_ALLOW_CROSS").as_deref() != Ok("1") {
        return None;
    }
    let program = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".into());
    let new_enough = Command::new(&program).args(["--exists", &format!("spanring >= {}", version())]).status().ok()?;
    if !new_enough.success() {
        return None;
    }
    let output = Command::new(program).args(["--variable=libdir", "spanring"]).output().ok()?;
    let directory = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !directory.is_empty()).then_some(directory)
}

/// As both are written: they use nothing of a C++ runtime.
fn plain_cpp() -> cc::Build {
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .cpp_link_stdlib(None) // it uses nothing of it
        .std("c++17")
        .flag_if_supported("-fno-exceptions")
        .flag_if_supported("-fno-rtti")
        .flag_if_supported("-fno-threadsafe-statics")
        .opt_level(2) // also where the program is not optimised: its spans cost no more for that
        .warnings(false);
    if elsewhere() {
        build.define("SPR_ELSEWHERE", None);
    }
    build
}

fn compile() {
    let sources = sources("spanring", &[]);
    let mut build = plain_cpp();
    build.file(sources.join("spanring.cpp"));
    if let Ok(model) = env::var("SPANRING_TLS_MODEL") {
        build.define("SPR_TLS_MODEL", format!("\"{model}\"").as_str());
    }
    build.compile("spanring");
    // For C of dependents: DEP_SPANRING_INCLUDE.
    println!("cargo:include={}", sources.display());
}

/// The folder of NAME.cpp and NAME.h: part of the package (tools/crates puts them there), or made now by tools/amalgamate,
/// in spanring's own tree.
fn sources(name: &str, options: &[&str]) -> PathBuf {
    let crate_folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("Cargo sets it"));
    let packaged = crate_folder.join("libspanring");
    if packaged.join(name).with_extension("cpp").exists() {
        println!("cargo:rerun-if-changed={}", packaged.display());
        return packaged;
    }
    let tree = crate_folder.join("../../..");
    let tool = tree.join("tools/amalgamate");
    assert!(tool.exists(), "neither {} nor {} exists", packaged.display(), tool.display());
    for part in ["tools/amalgamate", "lib", "include"] {
        println!("cargo:rerun-if-changed={}", tree.join(part).display());
    }
    let made = Path::new(&env::var_os("OUT_DIR").expect("Cargo sets it")).join("libspanring");
    let status = Command::new("python3")
        .arg("-B")
        .arg(&tool)
        .args(options)
        .arg(&made)
        .status()
        .expect("tools/amalgamate needs python3");
    assert!(status.success(), "tools/amalgamate: {status}");
    made
}
