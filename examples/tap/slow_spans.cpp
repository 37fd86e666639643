// SPDX-License-Identifier: Apache-2.0
//
// Shows spans that took longer than a bound as they end, from the live stream of spanring-agent's exporter `iceoryx`:
//
//     slow-spans [--instance NAME] [--event NAME] MILLISECONDS
//
// What it reads is where the agent's program has put it, in shared memory: it copies nothing but what it shows. Where
// the agent's configuration has a subscription with the same bound, name its event, and only such spans come at all.
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <unistd.h>

#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>

#include <spanring/tap.h>

namespace {

std::atomic<bool> ended{false};

// ---- OTLP: as much of protobuf as it takes
// ----------------------------------------------------------------------------

struct Field {
    uint32_t number = 0;
    uint64_t value = 0;      // of a number
    std::string_view bytes;  // of what has a length
};

bool take_varint(std::string_view& from, uint64_t& ret_value) {
    ret_value = 0;
    for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
        const auto byte = static_cast<uint8_t>(from.front());
        from.remove_prefix(1);
        ret_value |= static_cast<uint64_t>(byte & 0x7F) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

// False: the message is over, or is none.
bool take(std::string_view& from, Field& ret_field) {
    uint64_t tag = 0, size = 0;
    if (from.empty() || !take_varint(from, tag)) return false;
    ret_field = {static_cast<uint32_t>(tag >> 3), 0, {}};
    if ((tag & 7) == 0) return take_varint(from, ret_field.value);
    size = (tag & 7) == 1 ? 8 : 4;
    if ((tag & 7) == 2 && !take_varint(from, size)) return false;
    if (((tag & 7) != 1 && (tag & 7) != 2 && (tag & 7) != 5) || size > from.size()) return false;
    ret_field.bytes = from.substr(0, size);
    from.remove_prefix(size);
    if ((tag & 7) != 2) std::memcpy(&ret_field.value, ret_field.bytes.data(), size);
    return true;
}

std::string_view inside(std::string_view message, uint32_t number) {
    for (Field field; take(message, field);)
        if (field.number == number) return field.bytes;
    return {};
}

std::string_view service_of(std::string_view resource) {
    for (Field field; take(resource, field);)
        if (field.number == 1 && inside(field.bytes, 1) == "service.name") return inside(inside(field.bytes, 2), 1);
    return "-";
}

// ---- What is shown
// ------------------------------------------------------------------------------------------------------

// Whoever names a span must not steer the terminal.
std::string shown(std::string_view text) {
    std::string plain(text);
    for (char& c : plain)
        if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) c = '?';
    return plain;
}

void show(std::string_view span, std::string_view service, uint64_t bound) {
    uint64_t start = 0, end = 0;
    std::string_view name, trace;
    for (Field field; take(span, field);) {
        switch (field.number) {
            case 1: trace = field.bytes; break;
            case 5: name = field.bytes; break;
            case 7: start = field.value; break;
            case 8: end = field.value; break;
            default: break;
        }
    }
    if (end <= start || end - start < bound) return;
    std::printf("%10.3f ms  %s  %s  ", static_cast<double>(end - start) / 1e6, shown(service).c_str(),
                shown(name).c_str());
    for (const char c : trace) std::printf("%02x", static_cast<unsigned>(static_cast<uint8_t>(c)));
    std::printf("\n");
}

void show_all(std::string_view message, uint64_t bound) {
    for (Field resource; take(message, resource);) {
        if (resource.number != 1) continue;
        const std::string_view service = service_of(inside(resource.bytes, 1));
        for (Field scope; take(resource.bytes, scope);) {
            if (scope.number != 2) continue;
            for (Field span; take(scope.bytes, span);)
                if (span.number == 2) show(span.bytes, service, bound);
        }
    }
}

// What this program was too slow for, by the numbers of the chunks that it gets.
class Missed {
public:
    void look(const spr_tap_header& header) {
        const bool same = known_ && header.stream == stream_;
        const uint64_t expected = same ? expected_ : header.spans_before;  // what was before it came is not its own
        if (header.spans_before > expected) {
            spans_ += header.spans_before - expected;
            std::printf("-- missed %" PRIu64 " spans\n", header.spans_before - expected);
        }
        known_ = true;
        stream_ = header.stream;
        expected_ = header.spans_before + header.spans;
    }
    uint64_t spans() const { return spans_; }

private:
    bool known_ = false;
    uint64_t stream_ = 0, expected_ = 0, spans_ = 0;
};

[[noreturn]] void explain(const char* program) {
    std::fprintf(stderr, "%s [--instance NAME] [--event NAME] MILLISECONDS\n", program);
    std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
    std::string instance = std::to_string(::geteuid()), event = "spans";
    int at = 1;
    for (; at + 1 < argc && std::strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (std::strcmp(argv[at], "--instance") == 0)
            instance = argv[at + 1];
        else if (std::strcmp(argv[at], "--event") == 0)
            event = argv[at + 1];
        else
            explain(argv[0]);
    }
    char* rest = nullptr;
    const double bound = at + 1 == argc ? std::strtod(argv[at], &rest) : -1;
    if (bound < 0 || rest == argv[at] || *rest != '\0') explain(argv[0]);

    // RouDi ends programs by SIGTERM when it ends itself.
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { ended = true; });
    const std::string name = "slow-spans-" + std::to_string(::getpid());
    iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name.c_str()));
    using iox::capro::IdString_t;
    iox::popo::UntypedSubscriber subscriber({IdString_t(iox::cxx::TruncateToCapacity, SPR_TAP_SERVICE),
                                             IdString_t(iox::cxx::TruncateToCapacity, instance.c_str()),
                                             IdString_t(iox::cxx::TruncateToCapacity, event.c_str())});
    iox::popo::WaitSet<> waits;
    waits.attachState(subscriber, iox::popo::SubscriberState::HAS_DATA).or_else([](auto) { std::abort(); });

    Missed missed;
    while (!ended) {
        waits.timedWait(iox::units::Duration::fromMilliseconds(200));
        for (;;) {
            const auto chunk = subscriber.take();
            if (chunk.has_error()) break;
            const auto& header = *static_cast<const spr_tap_header*>(chunk.value());
            if (header.magic == SPR_TAP_MAGIC) {
                missed.look(header);
                const char* const message = static_cast<const char*>(chunk.value()) + header.header_bytes;
                show_all({message, header.message_bytes}, static_cast<uint64_t>(bound * 1e6));
            }
            subscriber.release(chunk.value());
        }
        std::fflush(stdout);
    }
    if (missed.spans() != 0) std::printf("-- missed %" PRIu64 " spans in all\n", missed.spans());
}
