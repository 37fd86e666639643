// SPDX-License-Identifier: Apache-2.0
//! Waiting for SIGTERM and SIGINT with sigwait(3): no handler, so nothing here runs in the middle of anything.
//! The standard library has no word for signals, and five functions of libc are not worth a crate.

use std::io;
use std::os::raw::c_int;

const SIGINT: c_int = 2;
const SIGTERM: c_int = 15;
const SIG_BLOCK: c_int = 0;

/// At least as large and as aligned as the sigset_t of any libc for Linux (glibc, musl: 128 bytes).
#[repr(C)]
struct SignalSet([u64; 16]);

extern "C" {
    fn sigemptyset(set: *mut SignalSet) -> c_int;
    fn sigaddset(set: *mut SignalSet, signal: c_int) -> c_int;
    fn pthread_sigmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
    fn sigwait(set: *const SignalSet, signal: *mut c_int) -> c_int;
}

pub struct StopSignal(SignalSet);

/// Blocks both in this thread and in those that it starts.
pub fn block() -> io::Result<StopSignal> {
    let mut set = SignalSet([0; 16]);
    // SAFETY: the set is large enough for every libc, and outlives the calls.
    let result = unsafe {
        sigemptyset(&mut set);
        sigaddset(&mut set, SIGINT);
        sigaddset(&mut set, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &set, std::ptr::null_mut())
    };
    match result {
        0 => Ok(StopSignal(set)),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

impl StopSignal {
    pub fn wait(&self) -> io::Result<()> {
        let mut signal = 0;
        // SAFETY: as above.
        match unsafe { sigwait(&self.0, &mut signal) } {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }
}
