// SPDX-License-Identifier: Apache-2.0

//go:build tool

// Package tool keeps staticcheck among the requirements of this module.
package tool

import _ "honnef.co/go/tools/cmd/staticcheck"
