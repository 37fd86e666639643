// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux && !spanring_installed && !spanring_pkgconfig

// Package libspanring is the client library itself, compiled into the program: whoever imports it links it. Its two files
// are made by tools/amalgamate from lib/ and include/, and committed, because a Go module is what lies in the repository at
// a commit: there is no step between in which it could be packed. tools/lint holds that they are current, and writes them
// with --fix.
package libspanring

// A file of C++ makes the C++ compiler the linker of the program, and that names its own library. Nothing needs it:
// --as-needed leaves it out. The code is optimised also where the program is not: its spans cost no more for that.

/*
#cgo CXXFLAGS: -std=c++17 -O2 -fno-exceptions -fno-rtti
#cgo LDFLAGS: -Wl,--as-needed -pthread
*/
import "C"
