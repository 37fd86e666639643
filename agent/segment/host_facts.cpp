// SPDX-License-Identifier: Apache-2.0
#include "segment/host_facts.hpp"

#include <sys/utsname.h>

#include <cstdlib>
#include <fstream>
#include <string_view>

#include "otlp/utf8.hpp"

namespace spanring::agent {

namespace {

constexpr size_t kLongestValue = 256;

// The names of the semantic conventions for what uname(2) says.
std::string_view architecture(std::string_view machine) {
    if (machine == "x86_64") return "amd64";
    if (machine == "aarch64") return "arm64";
    if (machine.size() == 4 && machine[0] == 'i' && machine.substr(2) == "86") return "x86";
    if (machine == "ppc64le" || machine == "ppc64") return "ppc64";
    if (machine.starts_with("arm")) return "arm32";
    return machine;
}

// The lines of a file that is short or cut.
std::vector<std::string> lines_of(const std::string& path) {
    std::vector<std::string> lines;
    std::ifstream file(path);
    std::string line;
    while (lines.size() < 64 && std::getline(file, line)) lines.push_back(line.substr(0, 1024));
    return lines;
}

// os-release(5): NAME=value, the value perhaps in quotes.
std::string value_of(const std::string& line, std::string_view name) {
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != '=') return {};
    std::string value = line.substr(name.size() + 1);
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
        value = value.substr(1, value.size() - 2);
    return value;
}

}  // namespace

HostFacts find_host_facts(const std::string& root) {
    HostFacts facts;
    const auto add = [&](const char* key, std::string_view value) {
        if (value.empty() || value.size() > kLongestValue) return;
        std::string text(value);
        repair_utf8({reinterpret_cast<uint8_t*>(text.data()), text.size()});
        facts.emplace_back(key, std::move(text));
    };
    utsname kernel{};
    uname(&kernel);
    const char* const node = std::getenv("K8S_NODE_NAME");
    const bool has_node = node != nullptr && *node != 0;
    add("host.name", has_node ? node : kernel.nodename);
    if (has_node) add("k8s.node.name", node);
    const std::vector<std::string> machine_id = lines_of(root + "/etc/machine-id");
    if (!machine_id.empty() && machine_id[0] != "uninitialized") add("host.id", machine_id[0]);
    add("host.arch", architecture(kernel.machine));
    add("os.type", "linux");
    for (const std::string& line : lines_of(root + "/etc/os-release")) {
        add("os.name", value_of(line, "NAME"));
        add("os.version", value_of(line, "VERSION_ID"));
        add("os.description", value_of(line, "PRETTY_NAME"));
    }
    return facts;
}

}  // namespace spanring::agent
