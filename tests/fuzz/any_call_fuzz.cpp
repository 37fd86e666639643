// SPDX-License-Identifier: Apache-2.0
//
// Calls of every function of the C ABI with any argument: any numbers, handles that are spent, invented or another
// thread's, structs of any size, text of any bytes, NULL. Memory alone is as it is said to be, each piece of it by
// itself, so that AddressSanitizer sees a look beyond its end. Two threads share the spans, which the contract forbids:
// it may spoil these, and nothing else.
//
// The input is where the random numbers begin: -runs=20000 are 20 million calls.
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "demand.hpp"
#include "spanring/spanring.h"
#include "support/private_directory.hpp"

using namespace spanring;

namespace {

constexpr int kCalls = 500;  // of each of two threads
constexpr size_t kShared = 16;

spr_provider* g_providers[2];  // a flight recorder, and one whose ring is soon full
spr_tracer* g_tracers[2];
std::mutex g_mutex;
spr_span g_spans[kShared];

// One thread's calls. What the structs point to is kept until all of them are over.
class AnyCalls {
public:
    explicit AnyCalls(uint64_t seed) : random_(seed) {}

    void run() {
        for (int i = 0; i < kCalls; ++i) {
            if (i % 50 == 0) memory_.clear();
            call();
        }
        for (spr_token& token : tokens_) spr_context_detach(&token);
        for (spr_span_token& token : span_tokens_) spr_context_detach(&token.token);
    }

private:
    uint64_t number() {
        switch (below(4)) {
            case 0: return below(16);
            case 1: return ~uint64_t{0} - below(4);
            case 2: return uint64_t{1} << below(64);
            default: return random_();
        }
    }
    uint64_t below(uint64_t bound) { return random_() % bound; }
    bool once_in(uint64_t times) { return below(times) == 0; }

    void* bytes(size_t size) {
        auto& piece = memory_.emplace_back(new uint8_t[size == 0 ? 1 : size]);
        return piece.get();
    }
    const char* text(size_t& ret_size) {
        static const char* const kTexts[] = {"a",
                                             "key",
                                             "service.name",
                                             "vendor=1,ot=th:8",
                                             "k=v;p=1,l=w%20x",
                                             "GET /",
                                             "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                             "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-d",
                                             "tracecontext,b3"};
        if (once_in(12)) {
            ret_size = once_in(2) ? SPR_NUL : below(100);
            return nullptr;
        }
        std::string made;
        if (once_in(200))
            made.assign(below(70000), 'x');
        else if (once_in(2))
            made = kTexts[below(std::size(kTexts))];
        else
            for (const size_t size = below(40); made.size() < size;)
                made += static_cast<char>(once_in(3) ? random_() : 'a' + below(4));
        const bool ends = once_in(3);
        if (ends) made = made.c_str();
        char* const copy = static_cast<char*>(bytes(made.size() + (ends ? 1 : 0)));
        memcpy(copy, made.data(), made.size());
        if (ends) copy[made.size()] = 0;
        ret_size = ends ? SPR_NUL : made.size();
        return copy;
    }
    uint32_t value(spr_any& ret, int depth) {
        memset(&ret, 0, sizeof ret);
        const uint32_t type = once_in(10) ? static_cast<uint32_t>(number()) : static_cast<uint32_t>(below(9));
        switch (type) {
            case SPR_TYPE_STRING: ret.string.data = text(ret.string.size); break;
            case SPR_TYPE_BYTES:
                ret.bytes.data = text(ret.bytes.size);
                if (ret.bytes.size == SPR_NUL) ret.bytes.size = 0;
                break;
            case SPR_TYPE_ARRAY: {
                ret.array.count = depth > 60 ? 0 : below(4);
                auto* const list = static_cast<spr_value*>(bytes(ret.array.count * sizeof(spr_value)));
                for (size_t i = 0; i < ret.array.count; ++i) {
                    list[i].reserved = 0;
                    list[i].type = value(list[i].value, depth + 1);
                }
                ret.array.values = once_in(20) ? nullptr : list;
                break;
            }
            case SPR_TYPE_KEY_VALUES: ret.key_values.pairs = attributes(ret.key_values.count, depth + 1); break;
            default: ret.int64 = static_cast<int64_t>(number());
        }
        return type;
    }
    const spr_attribute* attributes(size_t& ret_count, int depth = 0) {
        ret_count = depth > 60 ? 0 : below(4);
        auto* const list = static_cast<spr_attribute*>(bytes(ret_count * sizeof(spr_attribute)));
        for (size_t i = 0; i < ret_count; ++i) {
            list[i].key = text(list[i].key_size);
            list[i].reserved = static_cast<uint32_t>(number());
            list[i].type = value(list[i].value, depth);
        }
        return once_in(20) ? nullptr : list;
    }
    spr_context context() {
        spr_context made;
        if (once_in(3)) {
            const std::lock_guard lock(g_mutex);
            return g_spans[below(kShared)].context;
        }
        for (size_t i = 0; i < sizeof made; ++i) reinterpret_cast<uint8_t*>(&made)[i] = static_cast<uint8_t>(random_());
        if (once_in(4)) memset(&made, 0, sizeof made);
        return made;
    }
    const spr_context* any_context() {
        if (once_in(12)) return nullptr;
        const spr_context made = context();
        return static_cast<spr_context*>(memcpy(bytes(sizeof made), &made, sizeof made));
    }
    spr_event event() {
        spr_event made = {};
        made.name = text(made.name_size);
        made.time_ns = number();
        made.attributes = attributes(made.attribute_count);
        made.dropped_attributes = static_cast<uint32_t>(number());
        return made;
    }
    spr_link link() {
        spr_link made = {};
        made.context = context();
        made.trace_state = text(made.trace_state_size);
        made.attributes = attributes(made.attribute_count);
        made.dropped_attributes = static_cast<uint32_t>(number());
        return made;
    }
    template <class Made>
    const Made* list(size_t& ret_count, Made (AnyCalls::*make)()) {
        ret_count = below(3);
        auto* const made = static_cast<Made*>(bytes(ret_count * sizeof(Made)));
        for (size_t i = 0; i < ret_count; ++i) made[i] = (this->*make)();
        return once_in(20) ? nullptr : made;
    }
    // Of another size than today's now and then: as many bytes as it says, and no more.
    template <class Options>
    Options* sized(Options& options) {
        if (once_in(15)) return nullptr;
        size_t size = sizeof options;
        if (once_in(6)) size = below(sizeof options + 40);
        auto* const copy = static_cast<uint8_t*>(bytes(size < sizeof(uint32_t) ? sizeof(uint32_t) : size));
        for (size_t i = 0; i < size; ++i)
            copy[i] = i < sizeof options ? reinterpret_cast<uint8_t*>(&options)[i] : once_in(50);
        const auto said = static_cast<uint32_t>(size);
        memcpy(copy, &said, sizeof said);
        return reinterpret_cast<Options*>(copy);
    }
    spr_text room() {
        spr_text made = {nullptr, 0, once_in(8) ? 0 : below(600)};
        if (!once_in(12)) made.data = static_cast<char*>(bytes(made.capacity));
        if (made.data != nullptr && made.capacity != 0 && once_in(2)) {
            made.size = below(made.capacity + 1);
            for (size_t i = 0; i < made.size; ++i) made.data[i] = "ab=,; \t%2x\xff"[below(11)];
        }
        return made;
    }

    spr_tracer* tracer() { return once_in(30) ? nullptr : g_tracers[once_in(8)]; }
    const spr_span* span() {
        if (once_in(30)) return nullptr;
        auto* const made = static_cast<spr_span*>(bytes(sizeof(spr_span)));
        {
            const std::lock_guard lock(g_mutex);
            *made = g_spans[below(kShared)];
        }
        if (once_in(15)) made->handle = number();
        if (once_in(30)) made->handle ^= uint64_t{1} << below(64);
        return made;
    }
    void keep(const spr_span& span) {
        const std::lock_guard lock(g_mutex);
        g_spans[below(kShared)] = span;
    }

    static int get(void* user, const char*, size_t, size_t index, const char** ret_value, size_t* ret_size) {
        auto& self = *static_cast<AnyCalls*>(user);
        if (self.once_in(20)) return -static_cast<int>(self.below(100));
        *ret_value = self.text(*ret_size);
        return index < 2;
    }
    static int set(void* user, const char*, size_t, const char*, size_t) {
        return static_cast<AnyCalls*>(user)->once_in(20) ? -EIO : 0;
    }
    static int remove(void* user, const char*, size_t) { return static_cast<AnyCalls*>(user)->once_in(20) ? -EIO : 0; }
    spr_carrier* carrier() {
        spr_carrier made = SPR_CARRIER_INIT;
        made.user = this;
        if (!once_in(10)) made.get = get;
        if (!once_in(10)) made.set = set;
        if (!once_in(10)) made.remove = remove;
        return sized(made);
    }

    void call() {
        switch (below(4)) {
            case 0: start_or_end(); break;
            case 1: add(); break;
            case 2: propagate(); break;
            default: once_in(10) ? process() : add(); break;
        }
    }

    void start_or_end() {
        size_t size;
        const char* const name = text(size);
        spr_span made = {};
        switch (below(6)) {
            case 0: spr_span_start(tracer(), name, size, &made); break;
            case 1:
            case 2: {
                spr_start_options options = SPR_START_OPTIONS_INIT;
                options.kind = static_cast<uint8_t>(once_in(10) ? number() : below(6));
                options.parent_mode = static_cast<uint8_t>(once_in(10) ? number() : below(3));
                options.start_time_ns = number();
                options.parent = any_context();
                options.attributes = attributes(options.attribute_count);
                options.links = list(options.link_count, &AnyCalls::link);
                options.trace_state = text(options.trace_state_size);
                options.context = any_context();
                options.sampling = static_cast<uint32_t>(once_in(10) ? number() : below(3));
                spr_span_start_with(tracer(), name, size, sized(options), once_in(30) ? nullptr : &made);
                break;
            }
            case 3: {
                spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
                whole.kind = static_cast<uint8_t>(below(7));
                whole.status = static_cast<uint8_t>(below(4));
                whole.context = any_context();
                whole.parent = any_context();
                whole.name = name;
                whole.name_size = size;
                whole.start_time_ns = number();
                whole.end_time_ns = number();
                whole.status_message = text(whole.status_message_size);
                whole.trace_state = text(whole.trace_state_size);
                whole.attributes = attributes(whole.attribute_count);
                whole.events = list(whole.event_count, &AnyCalls::event);
                whole.links = list(whole.link_count, &AnyCalls::link);
                whole.dropped_events = static_cast<uint32_t>(number());
                spr_span_record(tracer(), sized(whole), once_in(2) ? nullptr : &made.context);
                return;
            }
            case 4: {
                spr_end_options options = SPR_END_OPTIONS_INIT;
                options.status = static_cast<uint8_t>(below(4));
                options.end_time_ns = number();
                options.name = name;
                options.name_size = size;
                options.status_message = text(options.status_message_size);
                options.attributes = attributes(options.attribute_count);
                options.events = list(options.event_count, &AnyCalls::event);
                spr_span_end_with(span(), sized(options));
                return;
            }
            default: spr_span_end(span()); return;
        }
        keep(made);
    }

    void add() {
        size_t size, value_size;
        const char* const key = text(size);
        const spr_span* const of = span();
        switch (below(12)) {
            case 0: {
                const char* const value = text(value_size);
                spr_span_set_string(of, key, size, value, value_size);
                break;
            }
            case 1: spr_span_set_bool(of, key, size, static_cast<int>(number())); break;
            case 2: spr_span_set_int64(of, key, size, static_cast<int64_t>(number())); break;
            case 3: spr_span_set_double(of, key, size, static_cast<double>(number())); break;
            case 4: {
                const spr_attribute* const list = attributes(value_size);
                spr_span_set_attributes(of, list, value_size);
                break;
            }
            case 5: {
                const spr_event made = event();
                spr_span_add_event(of, once_in(20) ? nullptr : &made);
                break;
            }
            case 6: {
                const spr_link made = link();
                spr_span_add_link(of, once_in(20) ? nullptr : &made);
                break;
            }
            case 7: {
                spr_exception exception = SPR_EXCEPTION_INIT;
                exception.type = key;
                exception.type_size = size;
                exception.message = text(exception.message_size);
                exception.stacktrace = text(exception.stacktrace_size);
                exception.time_ns = number();
                exception.attributes = attributes(exception.attribute_count);
                spr_span_record_exception(of, sized(exception));
                break;
            }
            case 8: spr_span_set_status(of, static_cast<int>(once_in(5) ? number() : below(3)), key, size); break;
            case 9: spr_span_set_name(of, key, size); break;
            case 10: spr_span_set_kind(of, static_cast<int>(once_in(5) ? number() : below(6))); break;
            default: spr_span_is_recording(of); break;
        }
    }

    void attach() {
        spr_token& token = tokens_[below(std::size(tokens_))];
        spr_span_token& of_span = span_tokens_[below(std::size(span_tokens_))];
        spr_context_detach(&token);
        spr_context_detach(&of_span.token);
        const spr_context* const made = any_context();
        switch (below(3)) {
            case 0: spr_context_attach(made, &token); break;
            case 1: {
                propagated_ = SPR_PROPAGATED_INIT;
                propagated_.context = made != nullptr ? *made : spr_context{};
                propagated_.flags = static_cast<uint32_t>(number());
                spr_context_attach_with(&propagated_, &token);  // kept while it is attached: this object's
                break;
            }
            default: spr_span_attach(span(), &of_span); break;
        }
    }

    void propagate() {
        size_t size, value_size, more_size = 0, cursor = number();
        const char* const first = text(size);
        const char* const second = text(value_size);
        const char* const third = text(more_size);
        char small[64];
        uint32_t flags;
        spr_context context_made;
        spr_span current;
        spr_member member;
        spr_text memory = room();
        spr_propagated propagated = SPR_PROPAGATED_INIT;
        propagated.context = context();
        propagated.flags = static_cast<uint32_t>(number());
        propagated.trace_state = room();
        propagated.baggage = room();
        switch (below(28)) {
            case 0: spr_extract(carrier(), sized(propagated)); break;
            case 1: spr_inject(any_context(), carrier()); break;
            case 2: spr_span_inject(span(), carrier()); break;
            case 3: spr_inject_with(sized(propagated), carrier()); break;
            case 4: spr_propagators_set(first, size); break;
            case 5: spr_propagation_field(number()); break;
            case 6: spr_traceparent_inject(any_context(), small); break;
            case 7: spr_traceparent_extract(first, size, once_in(20) ? nullptr : &context_made); break;
            case 8: spr_tracestate_extract(first, size, &memory); break;
            case 9: spr_tracestate_next(first, size, once_in(2) ? &(cursor = 0) : &cursor, &member); break;
            case 10: {
                const char* value;
                spr_tracestate_get(first, size, second, value_size, &value, &more_size);
                break;
            }
            case 11: spr_tracestate_set(&memory, first, size, second, value_size); break;
            case 12: spr_tracestate_remove(&memory, first, size); break;
            case 13: spr_baggage_extract(first, size, &memory); break;
            case 14: spr_baggage_next(first, size, once_in(2) ? &(cursor = 0) : &cursor, &member); break;
            case 15: spr_baggage_next_property(first, size, once_in(2) ? &(cursor = 0) : &cursor, &member); break;
            case 16: spr_baggage_decode(first, size, &memory); break;
            case 17: spr_baggage_get(first, size, second, value_size, &memory); break;
            case 18: spr_baggage_set(&memory, first, size, second, value_size, third, more_size); break;
            case 19: spr_baggage_remove(&memory, first, size); break;
            case 20: spr_b3_inject(any_context(), static_cast<uint32_t>(number()), small); break;
            case 21: {
                spr_b3_headers headers;
                spr_b3multi_inject(any_context(), static_cast<uint32_t>(number()), &headers);
                break;
            }
            case 22: spr_b3_extract(first, size, &context_made, once_in(2) ? nullptr : &flags); break;
            case 23:
                spr_b3multi_extract(first, size, second, value_size, third, more_size, first, size, &context_made,
                                    &flags);
                break;
            case 24: spr_span_current(&current); break;
            case 25: spr_context_current_with(sized(propagated)); break;
            case 26: spr_span_trace_state(span(), once_in(20) ? nullptr : &memory); break;
            default: attach(); break;
        }
    }

    void process() {
        size_t size, version_size, url_size;
        const char* const name = text(size);
        const char* const version = text(version_size);
        const char* const url = text(url_size);
        spr_tracer* got;
        spr_provider* const provider = once_in(30) ? nullptr : g_providers[below(2)];
        switch (below(9)) {
            case 0: spr_provider_state(provider); break;
            case 1: spr_provider_flush(provider, below(1000)); break;
            case 2: {
                spr_statistics statistics = SPR_STATISTICS_INIT;
                spr_provider_statistics(provider, sized(statistics));
                break;
            }
            case 3: spr_tracer_get(provider, name, size, version, version_size, url, url_size, &got); break;
            case 4: {
                spr_tracer_options options = SPR_TRACER_OPTIONS_INIT;
                options.name = name;
                options.name_size = size;
                options.version = version;
                options.version_size = version_size;
                options.attributes = attributes(options.attribute_count);
                spr_tracer_get_with(provider, sized(options), &got);
                break;
            }
            case 5: {
                spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
                options.service_name = name;
                options.service_name_size = size;
                options.full_policy = static_cast<uint32_t>(number());
                options.memory_limit = below(1 << 20);
                options.attribute_count_limit = static_cast<uint32_t>(number());
                options.resource_attributes = attributes(options.resource_attribute_count);
                options.memory = static_cast<uint32_t>(below(3));
                spr_provider* other = nullptr;
                if (spr_provider_open(sized(options), &other) == 0) spr_provider_shutdown(other, below(1000));
                break;
            }
            case 6: spr_tracer_enabled(tracer()); break;
            case 7: spr_strerror(static_cast<int>(number())); break;
            default: {
                spr_environment environment = SPR_ENVIRONMENT_INIT;
                spr_carrier made = SPR_CARRIER_INIT;
                spr_environment* const said = sized(environment);
                if (spr_environment_carrier(said, &made) == 0) spr_inject(any_context(), &made);
                break;
            }
        }
    }

    std::mt19937_64 random_;
    std::deque<std::unique_ptr<uint8_t[]>> memory_;
    spr_token tokens_[4] = {};
    spr_span_token span_tokens_[4] = {};
    spr_propagated propagated_ = SPR_PROPAGATED_INIT;
};

void open_providers() {
    static const test::PrivateDirectory directory;
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.memory_limit = 2 << 20;
    for (int i = 0; i < 2; ++i) {
        options.full_policy = i == 0 ? SPR_FULL_OVERWRITE_OLDEST : SPR_FULL_DROP_NEWEST;
        demand(spr_provider_open(&options, &g_providers[i]) == 0, "the provider opens");
        demand(spr_tracer_get(g_providers[i], "fuzz", SPR_NUL, nullptr, 0, nullptr, 0, &g_tracers[i]) == 0,
               "there is a tracer");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (g_providers[0] == nullptr) open_providers();
    uint64_t seed = size;
    for (size_t i = 0; i < size; ++i) seed = seed * 0x100000001b3 ^ data[i];
    std::thread partner([&] { AnyCalls(seed ^ 0x9e3779b97f4a7c15).run(); });
    AnyCalls(seed).run();
    partner.join();
    for (spr_span& span : g_spans) spr_span_end(&span);
    return 0;
}
