// SPDX-License-Identifier: Apache-2.0
//
// `spanring import`: spans from files of OTLP JSON into a store of their own, so that another one's traces can be
// looked at like those of this host. Each span is checked as one that comes to the receiver is.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <system_error>

#include <CLI/CLI.hpp>

#include "base/error_text.hpp"
#include "base/state_file.hpp"
#include "base/text.hpp"
#include "batch/batch.hpp"
#include "command/commands.hpp"
#include "receive/json_request.hpp"
#include "receive/request_reader.hpp"
#include "store/span_store.hpp"

namespace spanring::agent {
namespace {

constexpr char kDatabaseBegin[16] = "SQLite format 3";

struct Options {
    std::vector<std::string> files;
};

// What was imported is kept until somebody removes the file.
StoreOptions options_of(const std::string& path) {
    StoreOptions options;
    options.path = path;
    options.max_bytes = uint64_t{1} << 50;
    options.max_age = std::chrono::hours(24 * 365 * 50);
    return options;
}

struct Counts {
    uint64_t spans = 0, invalid = 0;
};

// A whole document, or one on each line, as the Collector's file exporter and `spanring dump` write them.
class Import {
public:
    explicit Import(SpanStore& store) : store_(store) {}

    // What is wrong; empty: nothing.
    std::string add(std::string_view text) {
        std::string problem = add_document(text);
        if (problem.empty() || text.find('\n') == std::string_view::npos) return problem;
        for (size_t line = 1; !text.empty(); ++line) {
            const std::string_view one = text.substr(0, text.find('\n'));
            text.remove_prefix(std::min(text.size(), one.size() + 1));
            if (one.find_first_not_of(" \t\r") == std::string_view::npos) continue;
            if (std::string of_line = add_document(one); !of_line.empty())
                return line == 1 ? problem : "line " + std::to_string(line) + ": " + of_line;
        }
        return {};
    }

    const Counts& counts() const { return counts_; }

private:
    std::string add_document(std::string_view json) {
        Body request;
        std::string problem = request_of_json({reinterpret_cast<const uint8_t*>(json.data()), json.size()}, request);
        if (!problem.empty()) return problem;
        ReceivedSpans spans;
        problem = reader_.read(request.span(), ::geteuid(), spans);
        if (!problem.empty()) return problem;
        counts_.spans += spans.spans - spans.invalid;
        counts_.invalid += spans.invalid;
        if (spans.runs.empty()) return {};
        const auto batch = std::make_shared<Batch>();
        batch->runs = std::move(spans.runs);
        batch->spans = static_cast<uint32_t>(spans.spans - spans.invalid);
        for (const Run& run : batch->runs) batch->bytes += run.bytes.size();
        batch->buffers.push_back(std::move(request.bytes));
        store_.add({&batch, 1});
        return {};
    }

    SpanStore& store_;
    RequestReader reader_{[](const std::string&, const std::string&) { return ProcessIdentity(); }};
    Counts counts_;
};

// What is wrong; empty: nothing.
std::string read(const std::string& file, std::string& ret_text) {
    try {
        std::ifstream stream(file, std::ios::binary);
        if (!stream) return error_text(errno);
        ret_text.assign(std::istreambuf_iterator<char>(stream), {});
    } catch (const std::ios_base::failure&) {  // a directory, or a disk that does not give it
        return error_text(errno);
    }
    return {};
}

// However it is named.
bool is_of_an_agent(const Sites& sites, const std::string& store) {
    const auto is_it = [&](const std::string& each) {
        std::error_code ignored;
        return each == store || std::filesystem::equivalent(each, store, ignored);
    };
    return std::any_of(sites.all.begin(), sites.all.end(), [&](const Site& site) {
        return site.agent && std::any_of(site.agent->stores.begin(), site.agent->stores.end(), is_it);
    });
}

// What keeps spans from it; empty: nothing. A store that is opened sets aside, or takes as its own, whatever is in its
// place; who names a place by hand may have meant another one.
std::string fault_of(const std::string& store, const Sites& sites) {
    if (store.empty()) return "it is not said into which store";
    if (is_of_an_agent(sites, store)) return "an agent writes this store";
    if (const std::string fault = fault_of_state_file(store); !fault.empty()) return store + " " + fault;
    std::ifstream stream(store, std::ios::binary);
    char begin[sizeof kDatabaseBegin] = {};
    stream.read(begin, sizeof begin);
    const bool is_new = stream.gcount() == 0;
    return is_new || std::equal(std::begin(begin), std::end(begin), kDatabaseBegin) ? "" : store + " is no span store";
}

int run(const Options& options, const CommandContext& context) {
    if (const std::string fault = fault_of(context.store, context.sites); !fault.empty()) {
        std::cerr << "spanring import: " << printable(fault)
                  << ": spanring --store FILE import ..., a file that may not be there yet\n";
        return kExitUsage;
    }
    SpanStore store(options_of(context.store));
    Import import(store);
    for (const std::string& file : options.files) {
        std::string text;
        std::string problem = read(file, text);
        if (problem.empty()) problem = import.add(text);
        if (problem.empty()) continue;
        std::cerr << "spanring import: " << printable(file) << ": " << printable(problem) << "\n";
        return kExitBroken;
    }
    std::cout << import.counts().spans << " spans imported";
    if (import.counts().invalid != 0) std::cout << ", " << import.counts().invalid << " left out: they are not valid";
    std::cout << "; look at them with spanring --store " << printable(context.store) << " traces\n";
    return 0;
}

}  // namespace

void add_import(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("import", "Spans from files of OTLP JSON, into the store that --store names");
    command->add_option("files", options->files, "OTLP JSON: a document, or one a line")->type_name("FILE")->required();
    command->footer(
        "For traces of others: `spanring trace ID --format otlp` writes such a file, as do `spanring dump` and\n"
        "the Collector's file exporter. Every command that reads a store takes --store.");
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
