// SPDX-License-Identifier: Apache-2.0
#include "handover/process_end.hpp"

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace spanring::agent {

bool is_there(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const size_t name_ends = text.rfind(')');
    if (name_ends == std::string::npos) return false;
    std::istringstream words(text.substr(name_ends + 1));
    std::string state, word;
    words >> state;
    for (int number = 4; number < 20; ++number) words >> word;  // proc(5): the 20th are its threads
    long threads = 0;
    words >> threads;
    const bool dead = state == "Z" || state == "X";
    return !dead || threads > 1;  // the first thread may be dead while others still have the files
}

}  // namespace spanring::agent
