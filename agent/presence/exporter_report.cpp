// SPDX-License-Identifier: Apache-2.0
#include "presence/exporter_report.hpp"

#include <cerrno>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"
#include "base/foreign_file.hpp"
#include "presence/running_agent.hpp"

namespace spanring::agent {

std::string ExporterReports::text() const {
    nlohmann::ordered_json document;
    document["pid"] = pid;
    document["exporters"] = nlohmann::ordered_json::array();
    for (const ExporterReport& one : all) {
        document["exporters"].push_back({{"name", one.name},
                                         {"state", one.state},
                                         {"since_unix_nano", one.since_unix_nano},
                                         {"last_error", one.last_error.substr(0, kMostError)},
                                         {"last_error_unix_nano", one.last_error_unix_nano},
                                         {"queued_spans", one.queued_spans},
                                         {"queued_bytes", one.queued_bytes},
                                         {"queue_limit", one.queue_limit},
                                         {"spool_bytes", one.spool_bytes},
                                         {"spool_limit", one.spool_limit}});
    }
    return document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::optional<ExporterReports> ExporterReports::parse(std::string_view text) {
    ExporterReports reports;
    try {
        const auto document = nlohmann::json::parse(text);
        reports.pid = document.at("pid").get<pid_t>();
        for (const auto& one : document.at("exporters")) {
            ExporterReport report;
            report.name = one.at("name").get<std::string>();
            report.state = one.at("state").get<std::string>();
            report.since_unix_nano = one.at("since_unix_nano").get<uint64_t>();
            report.last_error = one.at("last_error").get<std::string>();
            report.last_error_unix_nano = one.at("last_error_unix_nano").get<uint64_t>();
            report.queued_spans = one.at("queued_spans").get<uint64_t>();
            report.queued_bytes = one.at("queued_bytes").get<uint64_t>();
            report.queue_limit = one.at("queue_limit").get<uint64_t>();
            report.spool_bytes = one.at("spool_bytes").get<uint64_t>();
            report.spool_limit = one.at("spool_limit").get<uint64_t>();
            reports.all.push_back(std::move(report));
        }
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
    return reports;
}

std::string ExporterReports::write_in(const std::string& state_directory) const {
    const Descriptor directory(::open(state_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::string made = std::string(kName) + ".new";
    if (!directory) return error_text(errno);
    ::unlinkat(directory.get(), made.c_str(), 0);  // an agent was killed just here
    const Descriptor file(
        ::openat(directory.get(), made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    const std::string content = text();
    const ssize_t written = file ? ::write(file.get(), content.data(), content.size()) : -1;
    int error = written < 0 ? errno : static_cast<size_t>(written) != content.size() ? ENOSPC : 0;
    if (error == 0 && ::renameat(directory.get(), made.c_str(), directory.get(), kName) != 0) error = errno;
    if (error == 0) return {};
    // What was true before, or of another agent, is not to be taken for what is.
    for (const char* name : {made.c_str(), kName}) ::unlinkat(directory.get(), name, 0);
    return error_text(error);
}

std::vector<ExporterReport> exporter_reports_of(const RunningAgent& agent) {
    const Descriptor directory(::open(agent.state_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return {};
    const Descriptor file = open_foreign(directory.get(), ExporterReports::kName, O_RDONLY);
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != agent.user)
        return {};
    std::string text(ExporterReports::kMostBytes + 1, '\0');
    const ssize_t size = ::pread(file.get(), text.data(), text.size(), 0);
    if (size < 0 || static_cast<size_t>(size) > ExporterReports::kMostBytes) return {};
    text.resize(static_cast<size_t>(size));
    std::optional<ExporterReports> reports = ExporterReports::parse(text);
    return reports ? std::move(reports->all) : std::vector<ExporterReport>();
}

}  // namespace spanring::agent
