// SPDX-License-Identifier: Apache-2.0
//! Modules use each other downwards only, here too.

#[path = "../../spanring/tests/modules.rs"]
mod of_spanring;
