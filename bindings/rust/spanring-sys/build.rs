// SPDX-License-Identifier: Apache-2.0
//! Says where libspanring is: SPANRING_LIB_DIR, else pkg-config, else the linker's own path.
//! SPANRING_STATIC=1 links libspanring.a, which needs nothing but libc.

use std::env;
use std::process::Command;

fn main() {
    for name in ["SPANRING_LIB_DIR", "SPANRING_STATIC", "PKG_CONFIG", "PKG_CONFIG_PATH"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let directory = env::var("SPANRING_LIB_DIR").ok().or_else(pkg_config_directory);
    if let Some(directory) = &directory {
        println!("cargo:rustc-link-search=native={directory}");
        // For build scripts of dependents: DEP_SPANRING_LIB_DIR.
        println!("cargo:lib_dir={directory}");
    }
    let kind = match env::var("SPANRING_STATIC").as_deref() {
        Ok("1") => "static",
        _ => "dylib",
    };
    println!("cargo:rustc-link-lib={kind}=spanring");
}

fn pkg_config_directory() -> Option<String> {
    let program = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".into());
    let output = Command::new(program).args(["--variable=libdir", "spanring"]).output().ok()?;
    let directory = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !directory.is_empty()).then_some(directory)
}
