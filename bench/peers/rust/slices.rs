// SPDX-License-Identifier: Apache-2.0
//! Spans that are timed together, in turns with those of others.

pub const SPANS: usize = 1000;

/// Nanoseconds of CPU time that the calling thread has taken.
fn thread_time() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the address is valid for the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Nanoseconds of CPU time a span, of a slice; the function gets its number.
pub fn slice(make: impl FnMut(usize)) -> f64 {
    let begin = thread_time();
    (0..SPANS).for_each(make);
    (thread_time() - begin) as f64 / SPANS as f64
}

/// The median of the lower half: other programs only ever make a slice slower.
pub fn figure(mut slices: Vec<f64>) -> f64 {
    slices.sort_by(f64::total_cmp);
    slices[slices.len() / 4]
}
