// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux && (spanring_installed || spanring_pkgconfig)

package abi

/*
#cgo CFLAGS: -DSPANRING_GO_INSTALLED
#cgo !spanring_pkgconfig LDFLAGS: -lspanring
#cgo spanring_pkgconfig pkg-config: spanring
*/
import "C"
