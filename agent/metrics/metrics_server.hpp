// SPDX-License-Identifier: Apache-2.0
//
// The agent's metrics over HTTP/1.1, in TLS where there is a certificate, GET /metrics, and whether it is well:
// /healthz and /readyz, or that alone. One thread of its own, which makes the pages too; the drain and the exporters
// never wait for whoever asks. Connections are bounded in number, time and bytes.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "metrics/exposition_format.hpp"
#include "metrics/health.hpp"
#include "metrics/metrics_address.hpp"

namespace spanring::agent {

class ListeningSockets;
struct EntranceOptions;

inline constexpr char kMetrics[] = "metrics";

class MetricsServer {
public:
    using Report = std::function<HealthReport()>;
    struct Pages {  // called on the server's thread; may throw std::exception
        std::function<std::string(ExpositionFormat)> metrics;  // empty: there are none here
        Report alive;
        Report ready;
        std::string path{};  // one more that answers as /healthz does; empty: none
    };

    // Listens at once, so that nobody else gets the port; on one of `sockets`, which outlive it (null: on its own).
    // Throws std::runtime_error that says where and why not. `whose` names the thread, and begins what is thrown.
    // `entrance`: TLS, and who may ask; where its files cannot be used it throws as well.
    explicit MetricsServer(const MetricsAddress& address, const char* whose = kMetrics,
                           ListeningSockets* sockets = nullptr);
    MetricsServer(const MetricsAddress& address, const char* whose, ListeningSockets* sockets,
                  const EntranceOptions& entrance);
    ~MetricsServer();  // as stop()
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;

    void serve(Pages pages);  // once; connections that came before are answered now
    // Nothing of `pages` is used any more when it returns. `farewell`: so long at most it waits for those whose
    // connections it has, and who have not asked yet. Anybody can be such a one: only where somebody else listens on.
    void stop(std::chrono::milliseconds farewell = {});

    std::string url() const;  // of the first page, with the port that the kernel chose; once it serves

private:
    class Listener;
    std::unique_ptr<Listener> listener_;
};

}  // namespace spanring::agent
