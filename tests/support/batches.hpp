// SPDX-License-Identifier: Apache-2.0
//
// Batches as the drain makes them.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "batch/acknowledgements.hpp"
#include "batch/batch.hpp"
#include "support/otlp_bytes.hpp"

namespace spanring::agent::test {

inline std::shared_ptr<const Producer> producer(uint8_t n, std::string service, uint32_t uid = 0) {
    auto producer = std::make_shared<Producer>();
    producer->instance[0] = n;
    producer->uid = uid;
    producer->pid = n;
    producer->service = service;
    producer->resource = bytes(1, bytes(1, key_value("service.name", text_value(service))));
    return producer;
}

inline std::shared_ptr<const Scope> scope(std::string name, std::string schema_url = {}) {
    auto scope = std::make_shared<Scope>();
    if (!name.empty()) scope->scope = bytes(1, bytes(1, name));
    if (!schema_url.empty()) scope->schema_url = bytes(3, schema_url);
    return scope;
}

inline void add_run(Batch& batch, std::shared_ptr<const Producer> producer, std::shared_ptr<const Scope> scope,
                    const std::string& bytes, uint32_t spans) {
    auto buffer = std::make_unique<uint8_t[]>(bytes.size());
    std::memcpy(buffer.get(), bytes.data(), bytes.size());
    batch.runs.push_back({std::move(producer), std::move(scope), {buffer.get(), bytes.size()}, spans});
    batch.buffers.push_back(std::move(buffer));
    batch.spans += spans;
    batch.bytes += bytes.size();
}

// Spans first .. first + count - 1; `open` as large as resolutions are to be counted.
inline std::shared_ptr<Batch> batch_of(uint64_t first, uint32_t count, Acknowledgements* acknowledgements = nullptr,
                                       std::shared_ptr<const Producer> by = producer(1, "shop")) {
    auto batch = std::make_shared<Batch>();
    std::string run;
    for (uint64_t n = first; n < first + count; ++n) run += bytes(2, typical_span(n));
    add_run(*batch, std::move(by), scope("test"), run, count);
    batch->acknowledgements = acknowledgements;
    batch->open = 1;
    return batch;
}

}  // namespace spanring::agent::test
