// SPDX-License-Identifier: Apache-2.0
//
// An exporter that takes everything, sends nothing, and says of itself what a test wants.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "batch/exporter.hpp"

namespace spanring::agent::test {

class SayingExporter final : public Exporter {
public:
    using Exporter::Exporter;
    void submit(std::shared_ptr<Batch>) override {}
    bool flush(std::chrono::steady_clock::time_point) override { return true; }
    void shutdown(std::chrono::steady_clock::time_point) override {}
    ExporterStatus status() const override { return status_; }
    std::optional<ExportMeasures> measures() const override { return measures_; }

    ExporterStatus status_;
    std::optional<ExportMeasures> measures_;
};

}  // namespace spanring::agent::test
