// SPDX-License-Identifier: Apache-2.0

package spanring

import (
	"errors"
	"syscall"

	"spanring.example/go/spanring/internal/abi"
)

// An Error is why the library refused: a negative errno of the C header, which has Linux's numbers.
// errors.Is(err, syscall.ETIMEDOUT) and the like work; where the library does not run, errors.ErrUnsupported.
type Error int

// Error is what the library says of it, in English.
func (e Error) Error() string { return "spanring: " + abi.ErrorText(int(e)) }

// Is compares with a syscall.Errno, and with errors.ErrUnsupported.
func (e Error) Is(target error) bool {
	errno, ok := target.(syscall.Errno)
	return ok && int(errno) == -int(e) || e == abi.Unsupported && target == errors.ErrUnsupported
}

func check(result int) error {
	if result < 0 {
		return Error(result)
	}
	return nil
}

// Version is the version of the library that is linked, which may be newer than the header; empty where it does not run.
func Version() string { return abi.Version() }
