// SPDX-License-Identifier: Apache-2.0
#include "metrics/health.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/quantity.hpp"
#include "base/standing_trouble.hpp"
#include "base/stuck_threads.hpp"
#include "base/wall_clock.hpp"
#include "otlp/signal.hpp"

namespace spanring::agent {
namespace {

// The longest piece of work that is none the less progress: a disk that is slow, a pass over a thousand full rings.
constexpr std::chrono::seconds kStuck{30};

bool nearly_full(const ExporterStatus& status) {
    return status.spool_limit != 0 && status.spool_bytes >= status.spool_limit - status.spool_limit / 10;
}

std::string whole_seconds(uint64_t nanoseconds) {
    return format_duration(std::chrono::duration_cast<std::chrono::seconds>(std::chrono::nanoseconds(nanoseconds)));
}

void look_at(const Exporter& exporter, uint64_t now, HealthReport& health) {
    const ExporterStatus status = exporter.status();
    const std::string name = "exporter " + exporter.name();
    const auto find = [&](const char* reason, const std::string& text, bool wrong, uint64_t since = 0) {
        health.findings.push_back({name, reason, name + ": " + text, wrong, since});
    };
    if (status.paused) find("paused", "is paused, what comes is kept for it", false);
    if (!status.healthy && !status.paused) {
        const uint64_t since = std::min(status.unhealthy_since_unix_nano, now);
        find("away",
             items_of(exporter) + std::string(" have not been taken for ") + whole_seconds(now - since) +
                 "; the log says why",
             exporter.required(), status.unhealthy_since_unix_nano);
    }
    if (nearly_full(status)) {
        find("spool_nearly_full",
             "the spool holds " + format_size(status.spool_bytes) + " of " + format_size(status.spool_limit),
             exporter.required());
    }
}

}  // namespace

// Those of logs and metrics are called after their signal.
const char* items_of(const Exporter& exporter) {
    for (const Signal signal : {Signal::kLogs, Signal::kMetrics})
        if (exporter.name().starts_with(names_of(signal).name + std::string("/"))) return names_of(signal).items;
    return names_of(Signal::kTraces).items;
}

bool HealthReport::good() const {
    return std::none_of(findings.begin(), findings.end(), [](const HealthFinding& finding) { return finding.wrong; });
}

std::vector<std::string> HealthReport::problems() const {
    std::vector<std::string> texts;
    for (const HealthFinding& finding : findings)
        if (finding.wrong) texts.push_back(finding.text);
    return texts;
}

std::string HealthReport::text() const {
    std::string lines = good() ? "ok\n" : "";
    for (const bool wrong : {true, false}) {
        for (const HealthFinding& finding : findings)
            if (finding.wrong == wrong) lines += finding.text + "\n";
    }
    return lines;
}

std::string HealthReport::json() const {
    nlohmann::ordered_json document;
    document["ok"] = good();
    document["findings"] = nlohmann::ordered_json::array();
    for (const HealthFinding& finding : findings) {
        nlohmann::ordered_json row = {{"component", finding.component},
                                      {"reason", finding.reason},
                                      {"wrong", finding.wrong},
                                      {"text", finding.text}};
        if (finding.since_unix_nano != 0) row["since_unix_nano"] = finding.since_unix_nano;
        document["findings"].push_back(std::move(row));
    }
    return document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

HealthReport liveness() {
    HealthReport health;
    for (const StuckThread& thread : stuck_threads(kStuck)) {
        health.findings.push_back({"thread " + thread.name, "stuck", "thread " + describe(thread), true,
                                   unix_nano() - static_cast<uint64_t>(thread.since.count())});
    }
    return health;
}

HealthReport readiness(const VisitExporters& exporters) {
    HealthReport health = liveness();
    for (const ToldTrouble& told : standing_troubles())
        health.findings.push_back(
            {told.component, told.reason, told.component + ": " + told.what, true, told.since_unix_nano});
    const uint64_t now = unix_nano();
    exporters([&](const Exporter& exporter) { look_at(exporter, now, health); });
    return health;
}

}  // namespace spanring::agent
