// SPDX-License-Identifier: Apache-2.0
#include "config/reference.hpp"

#include <algorithm>
#include <array>

#include "base/option.hpp"
#include "base/text.hpp"
#include "config/config.hpp"

namespace spanring::agent {
namespace {

using Rows = std::vector<ReferenceRow>;

std::string code(const std::string& text) { return "`" + (text.empty() ? "\"\"" : text) + "`"; }

void add_rows(const std::string& prefix, const std::vector<Option>& options, Rows& rows);

struct RowMaker {
    const std::string& path;
    const Option& option;
    Rows& rows;

    void add(const std::string& values, const std::string& value) const {
        rows.push_back({path, values, option.otherwise.empty() ? code(value) : option.otherwise, option.help});
    }
    void operator()(const Scalar& scalar) const { add(scalar.values, scalar.text()); }
    void operator()(const TextList& list) const { add(list.values, "[" + join(list.value) + "]"); }
    void operator()(const Secrets&) const { add("strings by name", "{}"); }
    void operator()(const Group& group) const { add_rows(path + ".", group.options, rows); }
    void operator()(const GroupList& list) const {
        if (list.like != nullptr) return add(list.like, list.single ? "{}" : "[]");
        add_rows(path + "[].", list.add(), rows);
    }
};

void add_rows(const std::string& prefix, const std::vector<Option>& options, Rows& rows) {
    for (const Option& option : options) std::visit(RowMaker{prefix + option.key, option, rows}, option.value);
}

ReferenceTable table_of(const std::vector<Option>& file, const std::string& component) {
    ReferenceTable table{component, {}};
    add_rows("", find_group(file, component), table.rows);
    return table;
}

// Takes what is the same in both out of them.
ReferenceTable common(ReferenceTable& one, ReferenceTable& other) {
    ReferenceTable both{one.title + ", " + other.title, {}};
    for (const ReferenceRow& row : one.rows) {
        if (std::find(other.rows.begin(), other.rows.end(), row) != other.rows.end()) both.rows.push_back(row);
    }
    for (const ReferenceRow& row : both.rows) {
        std::erase(one.rows, row);
        std::erase(other.rows, row);
    }
    return both;
}

// Characters, not bytes.
size_t width(const std::string& text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

using Cells = std::array<std::string, 4>;

void print_table(const Rows& rows, std::string& out) {
    std::vector<Cells> lines = {{"key", "values", "default", "meaning"}};
    for (const ReferenceRow& row : rows) lines.push_back({code(row.key), row.values, row.otherwise, row.help});
    std::array<size_t, 4> widths{};
    for (const Cells& cells : lines) {
        for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], width(cells[i]));
    }
    const auto print = [&](const Cells& cells) {
        for (size_t i = 0; i < cells.size(); ++i) {
            out += "| " + cells[i] + std::string(widths[i] - width(cells[i]) + 1, ' ');
        }
        out += "|\n";
    };
    print(lines.front());
    for (const size_t each : widths) out += "|" + std::string(each + 2, '-');
    out += "|\n";
    std::for_each(lines.begin() + 1, lines.end(), print);
}

}  // namespace

std::vector<ReferenceTable> reference() {
    Config config;
    for (const auto type :
         {ExporterType::kOtlpGrpc, ExporterType::kOtlpHttp, ExporterType::kKafka, ExporterType::kUnix,
          ExporterType::kExec, ExporterType::kTap, ExporterType::kFile, ExporterType::kDebug, ExporterType::kStore}) {
        ExporterConfig& exporter = config.exporters.emplace_back();
        exporter.id = type_name(exporter.type = type);
    }
    for (const std::string& name : processor_type_names()) {
        ProcessorOptions& processor = config.processors.emplace_back();
        processor.id = name;
        processor.type = processor_type(name).value();
    }
    for (const std::string& name : auth_type_names()) {
        AuthOptions& auth = config.authenticators.emplace_back();
        auth.id = name;
        auth.type = auth_type(name).value();
    }
    config.health_check.emplace();
    const std::vector<Option> file = describe(config);
    ReferenceTable grpc = table_of(file, "exporters.otlp_grpc");
    ReferenceTable http = table_of(file, "exporters.otlp_http");
    ReferenceTable both = common(grpc, http);
    return {table_of(file, "receivers.spanring"),
            table_of(file, "receivers.otlp"),
            table_of(file, "processors.batch"),
            table_of(file, "processors.tail_sampling"),
            table_of(file, "processors.attributes"),
            table_of(file, "processors.resource"),
            table_of(file, "processors.filter"),
            table_of(file, "processors.redaction"),
            table_of(file, "processors.transform"),
            table_of(file, "processors.limits"),
            table_of(file, "processors.probabilistic_sampler"),
            std::move(grpc),
            std::move(http),
            std::move(both),
            table_of(file, "exporters.kafka"),
            table_of(file, "exporters.unix"),
            table_of(file, "exporters.exec"),
            table_of(file, "exporters.iceoryx"),
            table_of(file, "exporters.file"),
            table_of(file, "exporters.debug"),
            table_of(file, "exporters.store"),
            table_of(file, "connectors.spanmetrics"),
            table_of(file, "connectors.servicegraph"),
            table_of(file, "extensions.bearertokenauth"),
            table_of(file, "extensions.basicauth"),
            table_of(file, "extensions.oauth2client"),
            table_of(file, "extensions.health_check"),
            table_of(file, "service")};
}

std::string print_reference(const std::vector<ReferenceTable>& tables) {
    std::string out;
    for (const ReferenceTable& table : tables) {
        std::string title = code(table.title);
        if (const size_t comma = title.find(", "); comma != std::string::npos) title.replace(comma, 2, "`, `");
        out += (out.empty() ? "#### " : "\n#### ") + title + "\n\n";
        print_table(table.rows, out);
    }
    return out;
}

}  // namespace spanring::agent
