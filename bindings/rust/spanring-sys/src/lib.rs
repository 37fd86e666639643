// SPDX-License-Identifier: Apache-2.0
//! The C functions of libspanring, word for word: `include/spanring/spanring.h` says what they do and which rules hold
//! for threads, `fork()` and signal handlers. The crate `spanring` is the safe form.
//!
//! With the feature `test-kit` those of the test kit as well (`include/spanring/test_kit.h`).
//!
//! Written by hand. `tests/header.rs` compares every size, offset, constant and signature with the C header.
#![allow(non_camel_case_types)]
#![warn(missing_docs)]

mod constants;
mod functions;
mod options;
#[cfg(feature = "test-kit")]
mod test_kit;
mod types;

pub use constants::*;
pub use functions::*;
pub use options::*;
#[cfg(feature = "test-kit")]
pub use test_kit::*;
pub use types::*;
