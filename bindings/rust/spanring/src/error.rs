// SPDX-License-Identifier: Apache-2.0

use spanring_sys as sys;
use std::ffi::CStr;
use std::fmt;
use std::os::raw::c_int;

/// Why the library refused: a negative errno of the C header.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Error(c_int);

impl Error {
    pub(crate) fn new(code: c_int) -> Error {
        Error(code)
    }

    /// The negative errno.
    pub fn code(self) -> i32 {
        self.0
    }
}

/// The value that a C function returned, or its error.
pub(crate) fn check(result: c_int) -> Result<c_int, Error> {
    if result < 0 {
        Err(Error(result))
    } else {
        Ok(result)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: spr_strerror() returns static text, never NULL, for any value.
        let text = unsafe { CStr::from_ptr(sys::spr_strerror(self.0)) };
        formatter.write_str(&text.to_string_lossy())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Error({}: {self})", self.0)
    }
}

impl std::error::Error for Error {}
