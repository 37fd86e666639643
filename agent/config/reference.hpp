// SPDX-License-Identifier: Apache-2.0
//
// Every key of the file, with its values, its default and its meaning: the tables of docs/agent.md.
#pragma once

#include <string>
#include <vector>

namespace spanring::agent {

struct ReferenceRow {
    std::string key;  // by its path in the component: "spool.max_bytes"
    std::string values;
    std::string otherwise;  // what is so without it
    std::string help;

    bool operator==(const ReferenceRow&) const = default;
};

struct ReferenceTable {
    std::string title;  // "exporters.store"; of what two have in common "exporters.otlp_grpc, exporters.otlp_http"
    std::vector<ReferenceRow> rows;

    bool operator==(const ReferenceTable&) const = default;
};

std::vector<ReferenceTable> reference();

// In Markdown.
std::string print_reference(const std::vector<ReferenceTable>& tables);

}  // namespace spanring::agent
