// SPDX-License-Identifier: Apache-2.0
//
// What tests tell a ledger.
#pragma once

#include "ledger/ledger.hpp"

namespace spanring::agent::test {

inline InstanceId instance(uint8_t number) {
    InstanceId id{};
    id.fill(number);
    return id;
}

inline ProcessRow process(uint8_t number) {
    ProcessRow record;
    record.instance = instance(number);
    record.pid = 1000u + number;
    record.uid = 0xfffffffe;
    record.program = "prog";
    record.service = "cart";
    record.attached_unix_nano = 100u * number;
    record.updated_unix_nano = 200;
    record.quarantine = "";
    for (size_t i = 0; i < record.writer.size(); ++i) record.writer[i] = 10 * (i + 1);
    record.agent.acknowledged = 5;
    record.agent.unfinished = 6;
    record.agent.exporters[2] = {exporter_hash("otlp_grpc"), 1, 2, 3, 4, 5, 7, 8, 9, 0};
    return record;
}

}  // namespace spanring::agent::test
