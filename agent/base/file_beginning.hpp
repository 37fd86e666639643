// SPDX-License-Identifier: Apache-2.0
//
// What a file begins with, read while spans flow: what nobody writes into and what never ends must not keep the thread
// that asks.
#pragma once

#include <cstddef>
#include <string>

namespace spanring::agent {

// At most `most` bytes. `ret_fault`, with the file's name, where it is not a regular file, cannot be read or is empty;
// then the result is empty.
std::string read_beginning(const std::string& path, size_t most, std::string& ret_fault);

}  // namespace spanring::agent
