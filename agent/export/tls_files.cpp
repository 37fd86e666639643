// SPDX-License-Identifier: Apache-2.0
#include "export/tls_files.hpp"

#include <stdexcept>

#include "base/file_beginning.hpp"

namespace spanring::agent {

namespace {

constexpr size_t kMost = size_t{16} << 20;  // the authorities of all the world are some hundred KiB

// Its bytes; `ret_fault` where it cannot be read.
std::string read_file(const std::string& path, std::string& ret_fault) {
    if (path.empty()) return {};
    std::string bytes = read_beginning(path, kMost + 1, ret_fault);
    if (bytes.size() > kMost) ret_fault = "cannot read " + path + ": it has more than 16 MiB";
    return bytes;
}

std::string read_named(const std::string& path, const char* key) {
    std::string fault;
    std::string text = read_file(path, fault);
    if (!fault.empty()) throw std::runtime_error(std::string(key) + ": " + fault);
    return text;
}

}  // namespace

std::vector<OptionFault> tls_faults(const OtlpOptions& options) {
    std::vector<OptionFault> faults;
    const auto look = [&](const std::string& path, const char* key) {
        std::string fault;
        read_file(path, fault);
        if (!fault.empty()) faults.push_back({key, fault});
    };
    look(options.ca_file, "tls.ca_file");
    look(options.cert_file, "tls.cert_file");
    look(options.key_file, "tls.key_file");
    return faults;
}

TlsFiles read_tls_files(const OtlpOptions& options) {
    if (options.cert_file.empty() != options.key_file.empty()) {
        throw std::invalid_argument("cert_file and key_file: one is set without the other");
    }
    return {read_named(options.ca_file, "ca_file"), read_named(options.cert_file, "cert_file"),
            read_named(options.key_file, "key_file")};
}

}  // namespace spanring::agent
