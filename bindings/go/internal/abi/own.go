// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux && !spanring_installed && !spanring_pkgconfig

package abi

import _ "spanring.example/go/spanring/internal/libspanring" // linked into the program
