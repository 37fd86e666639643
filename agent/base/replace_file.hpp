// SPDX-License-Identifier: Apache-2.0
//
// New content for a file in one step: whoever opens it, and whoever comes after a crash of this process or of the host,
// finds the old content or the new one, whole. A crash may leave a file beside it whose name has six more letters.
#pragma once

#include <string>
#include <string_view>

namespace spanring::agent {

// For its owner alone (0600), who is the directory's owner where root writes. Throws std::runtime_error with the name.
void replace_file(const std::string& file, std::string_view content);

}  // namespace spanring::agent
