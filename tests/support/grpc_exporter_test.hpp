// SPDX-License-Identifier: Apache-2.0
//
// An OTLP/gRPC exporter and a backend that can do everything a backend can do, for the tests of what lies between.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "export/grpc/exporter.hpp"
#include "export/grpc/options.hpp"
#include "support/exporter_test.hpp"
#include "support/grpc_backend.hpp"

namespace spanring::agent::test {

class OtlpGrpcExporterTest : public ExporterTest {
protected:
    OtlpGrpcExporterTest() {
        options_.insecure = true;
        options_.timeout = std::chrono::seconds(20);  // longer than anything a sound backend needs here
        options_.retry.initial_interval = std::chrono::milliseconds(5);
        options_.retry.max_interval = std::chrono::milliseconds(20);
        options_.spool.directory = directory_.file("spool");
    }

    void make(OtlpGrpcExporter::OnZeroCopyFailure on_failure = {}) {
        exporter_.reset();  // the spool is one exporter's at a time
        exporter_ = std::make_unique<OtlpGrpcExporter>("otlp", 1, true, options_, &ledger_, std::move(on_failure));
    }

    void expect_delivered_once(uint64_t first, uint64_t end) { expect_once(backend_.received(), first, end); }

    static Backend::Answer answer(grpc::StatusCode code, std::string details = {}) {
        return [=](const Received&) { return Reply{grpc::Status(code, "because of the test", details), {}, false}; };
    }
    static Backend::Answer response(std::string bytes) {
        return [=](const Received&) { return Reply{grpc::Status::OK, bytes, false}; };
    }
    static Backend::Answer silence() {
        return [](const Received&) { return Reply{grpc::Status::OK, {}, true}; };
    }

    Backend backend_;
    OtlpGrpcOptions options_;
};

}  // namespace spanring::agent::test
