// SPDX-License-Identifier: Apache-2.0
//
// The OTLP/HTTP exporter and a backend that can do everything a backend can do.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "export/http/exporter.hpp"
#include "export/http/options.hpp"
#include "support/exporter_test.hpp"
#include "support/http_backend.hpp"

namespace spanring::agent::test {

using namespace std::chrono_literals;
using testing::HasSubstr;

class OtlpHttpExporterTest : public ExporterTest {
protected:
    OtlpHttpExporterTest() {
        options_.timeout = 20s;  // longer than anything a sound backend needs here
        options_.retry.initial_interval = 5ms;
        options_.retry.max_interval = 20ms;
        options_.spool.directory = directory_.file("spool");
    }

    void make() {
        exporter_.reset();  // the spool is one exporter's at a time
        exporter_ = std::make_unique<OtlpHttpExporter>("otlp", 1, true, options_, &ledger_);
    }
    void start_and_make() {
        options_.endpoint = "http://" + backend_.start();
        make();
    }

    void expect_delivered_once(uint64_t first, uint64_t end) { expect_once(backend_.received(), first, end); }

    static HttpBackend::Answer always(HttpReply reply) {
        return [=](const HttpReceived&) { return reply; };
    }
    // Then with 200.
    static HttpBackend::Answer first_with(HttpReply reply) {
        return [=, first = std::make_shared<std::atomic<bool>>(true)](const HttpReceived&) {
            return first->exchange(false) ? reply : HttpReply{};
        };
    }
    static HttpReply code(int code) { return {.code = code}; }

    HttpBackend backend_;
    OtlpHttpOptions options_;
};

}  // namespace spanring::agent::test
