// SPDX-License-Identifier: Apache-2.0
//
// In place of exporter.cpp and with_library.cpp where librdkafka is missing.
#include <stdexcept>

#include "batch/exporter.hpp"
#include "export/kafka/exporter.hpp"
#include "export/kafka/library.hpp"

namespace spanring::agent {

namespace {

constexpr char kMissing[] = "this agent was built without librdkafka";

}  // namespace

bool has_kafka() { return false; }

std::unique_ptr<Exporter> make_kafka_exporter(std::string, uint32_t, bool, const KafkaOptions&, Ledger*) {
    throw std::runtime_error(kMissing);
}

std::string look_at_kafka(const KafkaOptions&, std::chrono::milliseconds) { return kMissing; }

}  // namespace spanring::agent
