// SPDX-License-Identifier: Apache-2.0

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// This process has an empty directory of its own for segments, and nothing in its environment that switches tracing off.
pub fn own_directory(name: &str) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::DirBuilder::new().mode(0o700).create(&directory).expect("a directory for segments");
    for name in ["SPANRING_DISABLED", "OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER", "OTEL_PROPAGATORS"] {
        std::env::remove_var(name);
    }
    std::env::set_var("SPANRING_DIR", &directory);
}
