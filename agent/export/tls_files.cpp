// SPDX-License-Identifier: Apache-2.0
#include "export/tls_files.hpp"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/error_text.hpp"

namespace spanring::agent {

namespace {

std::string read_file(const std::string& path, const char* key) {
    if (path.empty()) return {};
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (file) text << file.rdbuf();
    if (!file || text.str().empty()) {
        throw std::runtime_error(std::string(key) + ": cannot read " + path +
                                 (errno != 0 ? ": " + error_text(errno) : ", it is empty"));
    }
    return text.str();
}

}  // namespace

TlsFiles read_tls_files(const OtlpOptions& options) {
    if (options.cert_file.empty() != options.key_file.empty()) {
        throw std::invalid_argument("cert_file and key_file: one is set without the other");
    }
    return {read_file(options.ca_file, "ca_file"), read_file(options.cert_file, "cert_file"),
            read_file(options.key_file, "key_file")};
}

}  // namespace spanring::agent
