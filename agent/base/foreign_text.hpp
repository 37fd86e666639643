// SPDX-License-Identifier: Apache-2.0
//
// Text that somebody else chose: a process, a backend, whoever made a file. What the log shows of it cannot leave its
// line, move the cursor, turn the direction of writing, hide, or fill a disk.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace spanring::agent {

inline constexpr size_t kMostForeign = 200;  // characters

// Visible characters alone, at most `most` of them, with an ellipsis where more followed. White space is one blank,
// none at the ends; everything else that cannot be seen, and what is not UTF-8, is '?'.
std::string foreign(std::string_view text, size_t most = kMostForeign);

// A whole line that is about to be written, ours and foreign: likewise, but with its blanks.
std::string visible_line(std::string_view line, size_t most);

}  // namespace spanring::agent
