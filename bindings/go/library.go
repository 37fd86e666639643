// SPDX-License-Identifier: Apache-2.0

package spanring

/*
#cgo CFLAGS: -std=c99
#cgo !spanring_pkgconfig LDFLAGS: -lspanring
#cgo spanring_pkgconfig pkg-config: spanring
#include <spanring/spanring.h>
*/
import "C"

import "syscall"

// An Error is why the library refused: a negative errno of the C header.
// errors.Is(err, syscall.ETIMEDOUT) and the like work.
type Error int

// Error is what the library says of it, in English.
func (e Error) Error() string { return "spanring: " + C.GoString(C.spr_strerror(C.int(e))) }

// Is compares with a syscall.Errno.
func (e Error) Is(target error) bool {
	errno, ok := target.(syscall.Errno)
	return ok && int(errno) == -int(e)
}

func check(result C.int) error {
	if result < 0 {
		return Error(result)
	}
	return nil
}

// Version is the version of the library that is loaded, which may be newer than the header.
func Version() string { return C.GoString(C.spr_version()) }
