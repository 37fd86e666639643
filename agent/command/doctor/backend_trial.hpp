// SPDX-License-Identifier: Apache-2.0
//
// An empty request to a backend, by the transport that the agent would use: TLS, credentials, path and protocol are
// tried as they are, and no span is sent (OTLP allows a request without one).
//
// Header bill: config.hpp, of which it takes an exporter.
#pragma once

#include <chrono>
#include <string>

#include "config/config.hpp"

namespace spanring::agent {

// Empty: it was taken. Else the backend's reason, or that there was no answer in this time.
std::string try_backend(const ExporterConfig& exporter, std::chrono::milliseconds patience);

// Of brokers, which are asked for the topic. Empty, or why it cannot be written to.
std::string try_kafka(const KafkaOptions& options, std::chrono::milliseconds patience);

}  // namespace spanring::agent
