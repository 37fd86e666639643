// SPDX-License-Identifier: Apache-2.0
#include "command/flare/tar_file.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <utility>

namespace spanring::agent {
namespace {

constexpr size_t kBlock = 512;

// A field of so many octal digits, and a zero.
void put(std::string& header, size_t at, int digits, uint64_t value) {
    char text[24];
    std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(value));
    header.replace(at, static_cast<size_t>(digits), text);
}

}  // namespace

void TarFile::add(std::string_view name, std::string_view content) {
    std::string header(kBlock, '\0');
    name = name.substr(0, 100);
    header.replace(0, name.size(), name);
    put(header, 100, 7, 0600);
    put(header, 108, 7, 0);  // user and group: whoever unpacks it
    put(header, 116, 7, 0);
    put(header, 124, 11, content.size());
    put(header, 136, 11, time_);
    header.replace(148, 8, 8, ' ');  // what the sum is made with
    header[156] = '0';
    header.replace(257, 5, "ustar");
    header.replace(263, 2, "00");
    const unsigned sum = std::accumulate(header.begin(), header.end(), 0u,
                                         [](unsigned all, char c) { return all + static_cast<unsigned char>(c); });
    put(header, 148, 6, sum);
    header[154] = '\0';
    text_ += header;
    text_ += content;
    text_.append((kBlock - content.size() % kBlock) % kBlock, '\0');
}

std::string TarFile::finish() && {
    text_.append(2 * kBlock, '\0');
    return std::move(text_);
}

}  // namespace spanring::agent
