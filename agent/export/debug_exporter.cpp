// SPDX-License-Identifier: Apache-2.0
#include "export/debug_exporter.hpp"

#include <algorithm>
#include <cinttypes>
#include <ctime>
#include <exception>

#include <spdlog/spdlog.h>

#include "base/foreign_text.hpp"
#include "base/named_thread.hpp"
#include "base/patient_stream.hpp"
#include "crash/alternate_stack.hpp"
#include "crash/crash_scope.hpp"
#include "export/private_runs.hpp"
#include "export/shipment.hpp"
#include "otlp/request.hpp"
#include "otlp/span_decoder.hpp"

namespace spanring::agent {

namespace {

constexpr int kLook = 100;  // milliseconds, between looks at whether the end has come

// RFC 3339 with nanoseconds, UTC.
std::string time_text(uint64_t unix_nano) {
    const auto seconds = static_cast<time_t>(unix_nano / 1'000'000'000);
    tm parts{};
    ::gmtime_r(&seconds, &parts);
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02dT%02d:%02d:%02d.%09" PRIu64 "Z", parts.tm_year + 1900,
                  parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                  unix_nano % 1'000'000'000);
    return buffer;
}

std::string duration_text(uint64_t nanos) {
    char buffer[32];
    if (nanos < 1'000) {
        std::snprintf(buffer, sizeof buffer, "%" PRIu64 "ns", nanos);
    } else if (nanos < 1'000'000) {
        std::snprintf(buffer, sizeof buffer, "%.1fus", static_cast<double>(nanos) / 1e3);
    } else if (nanos < 1'000'000'000) {
        std::snprintf(buffer, sizeof buffer, "%.1fms", static_cast<double>(nanos) / 1e6);
    } else {
        std::snprintf(buffer, sizeof buffer, "%.2fs", static_cast<double>(nanos) / 1e9);
    }
    return buffer;
}

// What a process chose must not steer the terminal.
std::string plain(const std::string& text) { return visible_line(text, std::string::npos); }

uint64_t duration(const DecodedSpan& span) {
    return span.end_unix_nano > span.start_unix_nano ? span.end_unix_nano - span.start_unix_nano : 0;
}

std::string line(const DecodedResource& resource, const DecodedSpan& span) {
    std::string out = plain(resource.service_name.empty() ? "-" : resource.service_name) + "  " + plain(span.name) +
                      "  " + kind_name(span.kind) + "  " + duration_text(duration(span)) +
                      "  trace=" + to_hex(span.trace_id) + " span=" + to_hex(span.span_id);
    if (!span.root()) out += " parent=" + to_hex(span.parent_span_id);
    if (span.status_code != 0) out += std::string(" status=") + status_name(span.status_code);
    if (!span.attributes.empty()) out += " " + to_json(span.attributes);
    return out + '\n';
}

void put_attributes(std::string& out, const char* indent, const char* title, const Attributes& attributes) {
    if (attributes.empty()) return;
    out += std::string(indent) + title + ":\n";
    for (const auto& [key, value] : attributes) {
        static constexpr const char* kTypes[] = {"Empty", "Str", "Bool", "Int", "Double", "Slice", "Map", "Bytes"};
        out += std::string(indent) + "     -> " + plain(key) + ": " + kTypes[static_cast<size_t>(value.type)] + "(" +
               plain(value.text) + ")\n";
    }
}

std::string details(const DecodedSpan& span) {
    std::string out = "Span\n    Trace ID       : " + to_hex(span.trace_id);
    out += "\n    Parent ID      : " + (span.root() ? "" : to_hex(span.parent_span_id));
    out += "\n    ID             : " + to_hex(span.span_id);
    out += "\n    Name           : " + plain(span.name);
    out += std::string("\n    Kind           : ") + kind_name(span.kind);
    out += "\n    Start time     : " + time_text(span.start_unix_nano);
    out += "\n    End time       : " + time_text(span.end_unix_nano) + " (" + duration_text(duration(span)) + ")";
    out += std::string("\n    Status code    : ") + status_name(span.status_code);
    out += "\n    Status message : " + plain(span.status_message);
    if (!span.trace_state.empty()) out += "\n    TraceState     : " + plain(span.trace_state);
    char flags[16];
    std::snprintf(flags, sizeof flags, "0x%" PRIx32, span.flags);
    out += std::string("\n    Flags          : ") + flags + "\n";
    if (span.dropped_attributes + span.dropped_events + span.dropped_links != 0) {
        out += "    Dropped        : " + std::to_string(span.dropped_attributes) + " attributes, " +
               std::to_string(span.dropped_events) + " events, " + std::to_string(span.dropped_links) + " links\n";
    }
    put_attributes(out, "", "Attributes", span.attributes);
    if (!span.events.empty()) out += "Events:\n";
    for (size_t i = 0; i < span.events.size(); ++i) {
        const DecodedEvent& event = span.events[i];
        out += "SpanEvent #" + std::to_string(i) + "\n     -> Name: " + plain(event.name) +
               "\n     -> Timestamp: " + time_text(event.time_unix_nano) + "\n";
        put_attributes(out, "     ", "-> Attributes", event.attributes);
    }
    if (!span.links.empty()) out += "Links:\n";
    for (size_t i = 0; i < span.links.size(); ++i) {
        const DecodedLink& link = span.links[i];
        out += "SpanLink #" + std::to_string(i) + "\n     -> Trace ID: " + to_hex(link.trace_id) +
               "\n     -> ID: " + to_hex(link.span_id) + "\n     -> TraceState: " + plain(link.trace_state) + "\n";
        put_attributes(out, "     ", "-> Attributes", link.attributes);
    }
    return out;
}

}  // namespace

DebugExporter::DebugExporter(std::string name, uint32_t index, bool required, const DebugOptions& options,
                             std::FILE* out)
    : Exporter(std::move(name), index, required),
      options_(options),
      out_(out),
      progress_("print/" + this->name()),
      thread_(named_thread("print/" + this->name(), [this] { run(); })) {}

DebugExporter::~DebugExporter() { shutdown(std::chrono::steady_clock::now()); }

void DebugExporter::submit(std::shared_ptr<Batch> batch) {
    {
        const MutexLock lock(mutex_);
        if (stopping_ || queued_bytes_ + batch->bytes > options_.queue_bytes) {
            if (!batch->partial) status_.dropped += batch->spans;
            if (required()) resolve(batch, {stopping_ ? Outcome::kLeftBehind : Outcome::kDroppedQueue, 0});
            return;
        }
    }
    Item item;
    item.spans = batch->spans;
    item.partial = batch->partial;
    item.processes = shares_of(batch->runs).size();
    if (batch->pin != nullptr) {
        const PrivateRuns own = copy_runs(batch->runs);
        item.request = flatten(assemble(own.runs));
    } else {
        item.request = flatten(assemble(batch->runs));
    }
    if (required()) item.batch = std::move(batch);
    {
        const MutexLock lock(mutex_);
        queue_.push_back(std::move(item));  // first: it may fail
        queued_bytes_ += queue_.back().request.size();
        status_.queued_spans += queue_.back().spans;
        ++submitted_;
    }
    changed_.notify_all();
}

bool DebugExporter::flush(std::chrono::steady_clock::time_point deadline) {
    MutexLock lock(mutex_);
    const uint64_t end = submitted_;
    return changed_.wait_until(lock.native(), deadline, [&]() SPR_REQUIRES(mutex_) { return printed_ >= end; });
}

void DebugExporter::shutdown(std::chrono::steady_clock::time_point deadline) {
    {
        const MutexLock lock(mutex_);
        if (!stopping_ || deadline < stop_at_) stop_at_ = deadline;
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

ExporterStatus DebugExporter::status() const {
    const MutexLock lock(mutex_);
    ExporterStatus status = status_;
    status.queued_bytes = queued_bytes_;
    return status;
}

void DebugExporter::run() {
    const AlternateStack stack;
    const std::string place = kCrashInExporter + name();
    const CrashScope scope(place);
    MutexLock lock(mutex_);
    for (;;) {
        progress_.waiting();
        changed_.wait(lock.native(), [&]() SPR_REQUIRES(mutex_) { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        progress_.working();
        Item item = std::move(queue_.front());
        queue_.pop_front();
        const bool too_late = stopping_ && std::chrono::steady_clock::now() >= stop_at_;
        lock.unlock();
        const Outcome outcome = too_late ? Outcome::kLeftBehind : print(item);
        if (item.batch) resolve(item.batch, {outcome, 0});
        lock.lock();
        queued_bytes_ -= item.request.size();
        status_.queued_spans -= item.spans;
        if (!item.partial)
            (outcome == Outcome::kExported ? status_.exported : status_.dropped) += item.spans;
        else if (outcome == Outcome::kExported)
            status_.partial += item.spans;
        ++printed_;
        changed_.notify_all();
    }
}

// Rather a batch less on the console than the agent's end.
Outcome DebugExporter::print(const Item& item) {
    try {
        const std::string text = render(item);
        return put(text) ? Outcome::kExported : Outcome::kLeftBehind;
    } catch (const std::exception& error) {
        spdlog::error("{}: {} spans are not printed: {}", name(), item.spans, error.what());
        const MutexLock lock(mutex_);
        ++status_.restarts;
        status_.last_error = error.what();
        return Outcome::kDroppedQueue;
    }
}

// False: its reader did not read, and the end came.
bool DebugExporter::put(std::string_view text) {
    std::fflush(out_);
    const int fd = ::fileno(out_);
    if (fd < 0) {  // no file: memory
        std::fwrite(text.data(), 1, text.size(), out_);
        std::fflush(out_);
        return true;
    }
    progress_.waiting();  // whoever reads may take as long as he likes
    while (!(text = write_for(fd, text, kLook)).empty()) {
        const MutexLock lock(mutex_);
        if (stopping_ && std::chrono::steady_clock::now() >= stop_at_) return false;
    }
    return true;
}

std::string DebugExporter::render(const Item& item) const {
    std::string out = "Traces: " + std::to_string(item.spans) + " spans of " + std::to_string(item.processes) +
                      (item.processes == 1 ? " process, " : " processes, ") + std::to_string(item.request.size()) +
                      " bytes\n";
    if (options_.verbosity == DebugOptions::Verbosity::kBasic) return out;
    const DecodedResource* last_resource = nullptr;
    const DecodedScope* last_scope = nullptr;
    const auto body = std::span(reinterpret_cast<const uint8_t*>(item.request.data()), item.request.size());
    visit_spans(body, [&](const DecodedResource& resource, const DecodedScope& scope, std::span<const uint8_t> bytes) {
        DecodedSpan span;
        if (!decode_span(bytes, span)) return;
        if (options_.verbosity == DebugOptions::Verbosity::kNormal) {
            out += line(resource, span);
            return;
        }
        if (&resource != last_resource || &scope != last_scope) {
            put_attributes(out, "", "Resource attributes", resource.attributes);
            out += "InstrumentationScope " + plain(scope.name) + " " + plain(scope.version) + "\n";
            last_resource = &resource;
            last_scope = &scope;
        }
        out += details(span);
    });
    return out;
}

}  // namespace spanring::agent
