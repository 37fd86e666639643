// SPDX-License-Identifier: Apache-2.0
#include "sampling/sampling_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"
#include "base/private_directory.hpp"
#include "base/replace_file.hpp"

namespace spanring::agent {

namespace {

constexpr off_t kMostBytes = 1 << 20;

// Empty where there is no such file.
std::string content(const std::string& file) {
    const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!opened) {
        if (errno == ENOENT) return {};
        throw std::runtime_error(file + ": cannot open: " + error_text(errno));
    }
    struct stat status {};
    std::string text;
    int error = ::fstat(opened.get(), &status) != 0 ? errno : 0;
    const bool sound = error == 0 && S_ISREG(status.st_mode) && status.st_size <= kMostBytes;
    if (sound) {
        text.resize(static_cast<size_t>(status.st_size));
        const ssize_t size = ::pread(opened.get(), text.data(), text.size(), 0);
        error = size < 0 ? errno : 0;
        text.resize(size < 0 ? 0 : static_cast<size_t>(size));
    }
    if (error != 0) throw std::runtime_error(file + ": cannot read: " + error_text(error));
    if (!sound) throw std::runtime_error(file + ": is not a regular file of at most 1 MiB");
    return text;
}

}  // namespace

SamplingRules SamplingFile::read() const {
    const std::string file = path();
    SamplingRules rules;
    const std::string text = content(file);
    if (text.empty()) return rules;
    nlohmann::json document;
    try {
        document = nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception& error) {
        throw std::runtime_error(file + ": " + error.what());  // line and column
    }
    if (!document.is_object()) throw std::runtime_error(file + ": is not an object of services and rules");
    for (const auto& [service, rule] : document.items()) {
        try {
            if (!rule.is_string()) throw std::invalid_argument("its rule is not a string");
            rules.emplace(service, SamplingRule::parse(rule.get<std::string>()));
        } catch (const std::invalid_argument& error) {
            throw std::runtime_error(file + ": service " + nlohmann::json(service).dump() + ": " + error.what());
        }
    }
    return rules;
}

void SamplingFile::write(const SamplingRules& rules) const {
    prepare_private_directory(directory_);
    nlohmann::json document = nlohmann::json::object();
    for (const auto& [service, rule] : rules) document[service] = rule.text();
    replace_file(path(), document.dump(4) + "\n");
}

}  // namespace spanring::agent
