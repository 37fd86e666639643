// SPDX-License-Identifier: Apache-2.0
//! Lets the program find a libspanring.so that is not installed: SPANRING_LIB_DIR becomes its run path.

fn main() {
    println!("cargo:rerun-if-env-changed=SPANRING_LIB_DIR");
    if let Ok(directory) = std::env::var("SPANRING_LIB_DIR") {
        println!("cargo:rustc-link-arg-bins=-Wl,-rpath,{directory}");
    }
}
