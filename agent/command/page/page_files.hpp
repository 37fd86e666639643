// SPDX-License-Identifier: Apache-2.0
//
// The page's own files, which are in this program: embed.py makes them a table when it is built.
#pragma once

#include <span>
#include <string_view>

namespace spanring::agent {

struct PageFile {
    std::string_view name;  // as in ui/
    std::string_view type;  // of its content
    std::string_view content;
};

std::span<const PageFile> page_files();

}  // namespace spanring::agent
