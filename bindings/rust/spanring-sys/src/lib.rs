// SPDX-License-Identifier: Apache-2.0
//! The C functions of libspanring, word for word: `include/spanring/spanring.h` says what they do and which rules hold
//! for threads, `fork()` and signal handlers. The crate `spanring` is the safe form.
//!
//! Written by hand. `tests/header.rs` compares every size, offset, constant and signature with the C header.
#![allow(non_camel_case_types)]
#![warn(missing_docs)]

mod constants;
mod functions;
mod options;
mod types;

pub use constants::*;
pub use functions::*;
pub use options::*;
pub use types::*;
