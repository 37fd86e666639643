// SPDX-License-Identifier: Apache-2.0
#include "export/kafka/exporter.hpp"

#include <utility>

#include "export/kafka/transport.hpp"
#include "export/otlp_exporter.hpp"

namespace spanring::agent {

namespace {

class KafkaExporter final : public OtlpExporter {
public:
    KafkaExporter(const std::string& name, uint32_t index, bool required, const KafkaOptions& options, Ledger* ledger,
                  std::shared_ptr<KafkaFigures> figures)
        : OtlpExporter(name, index, required, options,
                       [options, name, figures] {
                           return std::make_unique<KafkaTransport>(options, "exporter " + name, figures);
                       },
                       ledger, {}),
          figures_(options.topic_from_attribute.empty() ? nullptr : std::move(figures)) {}

    ExporterStatus status() const override {
        ExporterStatus status = OtlpExporter::status();
        // relaxed: figures, of which each stands for itself.
        if (figures_ != nullptr)
            status.topics.emplace(TopicsStatus{figures_->topics.load(std::memory_order_relaxed),
                                               figures_->diverted.load(std::memory_order_relaxed)});
        return status;
    }

private:
    const std::shared_ptr<KafkaFigures> figures_;  // null: there is one topic
};

}  // namespace

std::unique_ptr<Exporter> make_kafka_exporter(std::string name, uint32_t index, bool required,
                                              const KafkaOptions& options, Ledger* ledger) {
    return std::make_unique<KafkaExporter>(name, index, required, options, ledger, std::make_shared<KafkaFigures>());
}

std::string look_at_kafka(const KafkaOptions& options, std::chrono::milliseconds patience) {
    return KafkaTransport(options).look(patience);
}

}  // namespace spanring::agent
