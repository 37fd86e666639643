// SPDX-License-Identifier: Apache-2.0
//
// The agent's metrics over HTTP/1.1, GET /metrics, and whether it is well: /healthz and /readyz. One thread of its own,
// which makes the pages too; the drain and the exporters never wait for whoever asks. Connections are bounded in
// number, time and bytes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "metrics/exposition_format.hpp"
#include "metrics/metrics_address.hpp"

namespace spanring::agent {

class MetricsServer {
public:
    // What is wrong, in sentences: 503. Nothing: 200.
    using Report = std::function<std::vector<std::string>()>;
    struct Pages {  // called on the server's thread; may throw std::exception
        std::function<std::string(ExpositionFormat)> metrics;
        Report alive;
        Report ready;
    };

    // Listens at once, so that nobody else gets the port. Throws std::runtime_error that says where and why not.
    explicit MetricsServer(const MetricsAddress& address);
    ~MetricsServer();  // as stop()
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;

    void serve(Pages pages);  // once; connections that came before are answered now
    void stop();              // nothing of `pages` is used any more when it returns

    std::string url() const;  // with the port that the kernel chose

private:
    class Listener;
    std::unique_ptr<Listener> listener_;
};

}  // namespace spanring::agent
