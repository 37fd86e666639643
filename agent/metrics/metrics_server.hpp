// SPDX-License-Identifier: Apache-2.0
//
// The agent's metrics over HTTP/1.1: GET /metrics, and nothing else. One thread of its own, which makes the pages too;
// the drain and the exporters never wait for whoever asks. Connections are bounded in number, time and bytes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "metrics/exposition_format.hpp"
#include "metrics/metrics_address.hpp"

namespace spanring::agent {

class MetricsServer {
public:
    using Page =
        std::function<std::string(ExpositionFormat)>;  // called on the server's thread; may throw std::exception

    // Listens at once, so that nobody else gets the port. Throws std::runtime_error that says where and why not.
    explicit MetricsServer(const MetricsAddress& address);
    ~MetricsServer();  // as stop()
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;

    void serve(Page page);  // once; connections that came before are answered now
    void stop();            // nothing of `page` is used any more when it returns

    std::string url() const;  // with the port that the kernel chose

private:
    class Listener;
    std::unique_ptr<Listener> listener_;
};

}  // namespace spanring::agent
