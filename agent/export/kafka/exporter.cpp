// SPDX-License-Identifier: Apache-2.0
#include "export/kafka/exporter.hpp"

#include <utility>

#include "export/kafka/transport.hpp"
#include "export/otlp_exporter.hpp"

namespace spanring::agent {

namespace {

class KafkaExporter final : public OtlpExporter {
public:
    KafkaExporter(const std::string& name, uint32_t index, bool required, const KafkaOptions& options, Ledger* ledger)
        : OtlpExporter(name, index, required, options,
                       [options, name] { return std::make_unique<KafkaTransport>(options, "exporter " + name); },
                       ledger, {}) {}
};

}  // namespace

std::unique_ptr<Exporter> make_kafka_exporter(std::string name, uint32_t index, bool required,
                                              const KafkaOptions& options, Ledger* ledger) {
    return std::make_unique<KafkaExporter>(name, index, required, options, ledger);
}

std::string look_at_kafka(const KafkaOptions& options, std::chrono::milliseconds patience) {
    return KafkaTransport(options).look(patience);
}

}  // namespace spanring::agent
