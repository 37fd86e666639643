// SPDX-License-Identifier: Apache-2.0
#include "metrics/health_check_options.hpp"

#include <stdexcept>

#include "base/option.hpp"

namespace spanring::agent {
namespace {

void check_path(const std::string& text) {
    if (!text.starts_with('/') || text.find_first_of(" ?#\t\r\n") != std::string::npos)
        throw std::invalid_argument("'" + text + "' is not the path of a URL, such as /health");
}

}  // namespace

std::vector<Option> describe(HealthCheckOptions& options) {
    Scalar endpoint{"an address, such as 127.0.0.1:13133", "HOST:PORT or PORT",
                    [&options](const std::string& text) {
                        try {
                            options.address = parse_metrics_address(text);
                            return std::string();
                        } catch (const std::invalid_argument& error) {
                            return std::string(error.what());
                        }
                    },
                    [&options] { return options.address.text(); }};
    std::vector<Option> all = {
        {"endpoint", std::move(endpoint),
         "where /healthz and /readyz are, without metrics; a port alone is a port of 127.0.0.1"},
        {"path", option::text(options.path, "path", check_path), "one more, which answers as /healthz does"},
    };
    append(all, describe_access(options.entrance, "ask"));
    return all;
}

}  // namespace spanring::agent
