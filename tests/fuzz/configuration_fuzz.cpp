// SPDX-License-Identifier: Apache-2.0
//
// Flags, environment and file of any content. Loading ends, with a configuration or with what is wrong; and a
// configuration that is accepted, printed and read again prints the same. An input is lines: the flags, one a line, up
// to an empty line; NAME=value up to the next; then the file.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "config/config.hpp"

using namespace spanring::agent;

namespace {

void demand(bool holds, const std::string& what) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", what.c_str());
    std::abort();
}

std::vector<std::string> take_lines(std::string_view& text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) break;
        lines.emplace_back(line.substr(0, line.find('\0')));  // as exec() and the environment cut it
    }
    return lines;
}

// A file of its own, that a path leads to.
class File {
public:
    File() : fd_(memfd_create("configuration", MFD_CLOEXEC)) {}
    std::string write(std::string_view content) {
        const bool cut = ftruncate(fd_, 0) == 0;
        const ssize_t put = pwrite(fd_, content.data(), content.size(), 0);
        demand(cut && put == static_cast<ssize_t>(content.size()), "the file can be written");
        return "/proc/self/fd/" + std::to_string(fd_);
    }

private:
    int fd_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static File file, again;
    std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::vector<std::string> arguments = take_lines(input);
    std::map<std::string, std::string> variables;
    for (const std::string& line : take_lines(input)) {
        const size_t equals = std::min(line.find('='), line.size());
        variables[line.substr(0, equals)] = line.substr(std::min(equals + 1, line.size()));
    }
    const auto look = [&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end() || found->second.empty()) return std::nullopt;
        return found->second;
    };
    const auto names = [&] {
        std::vector<std::string> all;
        for (const auto& [name, value] : variables) all.push_back(name);
        return all;
    };
    const Environment environment(look, names);

    std::vector<const char*> argv = {"spanring-agent"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    Flags flags = parse_flags(static_cast<int>(argv.size()), argv.data());
    flags.config_files = {file.write(input)};
    const LoadedConfig loaded = load_config(flags, environment);
    for (const std::string& problem : loaded.problems) demand(!problem.empty(), "a problem says what it is");
    if (!loaded.problems.empty()) return 0;

    demand(!print_config_with_origins(loaded).empty(), "it can be printed with its origins");
    const std::string printed = print_config(loaded.config);
    Flags only_file;
    only_file.config_files = {again.write(printed)};
    const LoadedConfig reread = load_config(only_file, Environment([](const std::string&) { return std::nullopt; }));
    const std::string problem = reread.problems.empty() ? "" : reread.problems[0];
    demand(problem.empty(), "what is printed is accepted: " + problem + "\n" + printed);
    const std::string twice = print_config(reread.config);
    demand(twice == printed, "what is printed says the same:\n" + printed + "\n" + twice);
    return 0;
}
