// SPDX-License-Identifier: Apache-2.0
#include "export/kafka/exporter.hpp"

#include <utility>

#include "export/kafka/transport.hpp"
#include "export/otlp_exporter.hpp"

namespace spanring::agent {

namespace {

class KafkaExporter final : public OtlpExporter {
public:
    KafkaExporter(std::string name, uint32_t index, bool required, const KafkaOptions& options, Ledger* ledger)
        : OtlpExporter(std::move(name), index, required, options,
                       [options] { return std::make_unique<KafkaTransport>(options); }, ledger, {}) {}
};

}  // namespace

std::unique_ptr<Exporter> make_kafka_exporter(std::string name, uint32_t index, bool required,
                                              const KafkaOptions& options, Ledger* ledger) {
    return std::make_unique<KafkaExporter>(std::move(name), index, required, options, ledger);
}

std::string look_at_kafka(const KafkaOptions& options, std::chrono::milliseconds patience) {
    return KafkaTransport(options).look(patience);
}

}  // namespace spanring::agent
