// SPDX-License-Identifier: Apache-2.0
#include "command/doctor/backend_trial.hpp"

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "auth/credentials.hpp"
#include "base/quantity.hpp"
#include "export/grpc/transport.hpp"
#include "export/http/transport.hpp"
#include "export/kafka/exporter.hpp"

namespace spanring::agent {
namespace {

// Whose attempts end after this time.
std::unique_ptr<Transport> make_transport(const ExporterConfig& exporter, std::chrono::milliseconds timeout) {
    ExporterConfig tried = exporter;
    tried.delivery()->timeout = timeout;
    if (exporter.type == ExporterType::kOtlpGrpc) return std::make_unique<GrpcTransport>(tried.otlp);
    return std::make_unique<HttpTransport>(tried.http);
}

// What the exporter's requests say of who sends. Throws std::runtime_error with why they cannot.
RequestHeaders identify(const ExporterConfig& exporter, std::chrono::milliseconds patience) {
    constexpr std::chrono::milliseconds kLook{10};
    const std::optional<AuthOptions>& auth = exporter.delivery()->auth;
    if (!auth) return {};
    const std::unique_ptr<Credentials> credentials = make_credentials(*auth, exporter.id, [] {});
    for (const auto deadline = Transport::Clock::now() + patience;; std::this_thread::sleep_for(kLook)) {
        const auto now = Transport::Clock::now();
        const Credentials::Look look = credentials->look(now);
        if (look.header != nullptr) return {{look.header->name, look.header->value}};
        if (!look.error.empty()) throw std::runtime_error(look.error);
        if (now >= deadline) throw std::runtime_error("no token within " + format_duration(patience));
    }
}

}  // namespace

std::string try_backend(const ExporterConfig& exporter, std::chrono::milliseconds patience) {
    const std::string no_answer = "no answer within " + format_duration(patience);
    try {
        const std::unique_ptr<Transport> transport = make_transport(exporter, patience);
        RequestHeaders headers = identify(exporter, patience);
        const auto deadline = Transport::Clock::now() + patience + std::chrono::seconds(1);  // the attempt ends before
        transport->start(std::make_shared<const Shipment>(), false, std::move(headers));
        std::vector<Transport::Ended> ended;
        while (ended.empty() && Transport::Clock::now() < deadline) ended = transport->wait(deadline);
        if (ended.empty()) {
            transport->abandon();
            return no_answer;
        }
        const Answer& answer = ended.front().answer;
        if (answer.verdict == Verdict::kAccepted) return {};
        return answer.message.empty() ? no_answer : answer.message;
    } catch (const std::exception& error) {
        return error.what();
    }
}

std::string try_kafka(const KafkaOptions& options, std::chrono::milliseconds patience) {
    try {
        return look_at_kafka(options, patience);
    } catch (const std::exception& error) {
        return error.what();
    }
}

}  // namespace spanring::agent
