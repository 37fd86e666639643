// SPDX-License-Identifier: Apache-2.0
//
// The module's functions, called as Envoy calls them, by a program that is none: what needs no real proxy. The module
// is told by its variable that this program's ABI is its own.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tracer_abi.hpp"

using spanring::envoy::LogLevel;
using spanring::envoy::Text;
using spanring::envoy::TraceReason;

namespace {

std::atomic<bool> counting{false};
std::atomic<unsigned> allocations{0};

void count() {
    if (counting.load(std::memory_order_relaxed))
        allocations.fetch_add(1, std::memory_order_relaxed);  // relaxed: a number
}

}  // namespace

// Of the whole program, the module included.
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* malloc(size_t size) { return count(), __libc_malloc(size); }
void* calloc(size_t number, size_t size) { return count(), __libc_calloc(number, size); }
void* realloc(void* memory, size_t size) { return count(), __libc_realloc(memory, size); }
}

namespace {

std::string logged;

std::string_view view(Text text) { return {text.data, text.size}; }
Text text_of(std::string_view text) { return {text.data(), text.size()}; }

// The headers of a request, without an allocation.
struct Request {
    static constexpr size_t kMost = 16;
    struct Header {
        char key[32];
        char value[600];
        size_t value_size;
        bool there;
    };
    Header headers[kMost] = {};

    Header* find(std::string_view key) {
        for (Header& header : headers)
            if (header.there && key == header.key) return &header;
        return nullptr;
    }
    void set(std::string_view key, std::string_view value) {
        Header* to = find(key);
        for (Header& header : headers)
            if (to == nullptr && !header.there) to = &header;
        if (to == nullptr || key.size() >= sizeof to->key || value.size() > sizeof to->value) abort();
        memcpy(to->key, key.data(), key.size());
        to->key[key.size()] = '\0';
        memcpy(to->value, value.data(), value.size());
        to->value_size = value.size();
        to->there = true;
    }
    std::string get(std::string_view key) {
        const Header* const header = find(key);
        return header == nullptr ? "(none)" : std::string(header->value, header->value_size);
    }
};

bool get_fixed(Text* ret, std::string_view value) {
    *ret = text_of(value);
    return true;
}

}  // namespace

#define OFFERED extern "C" [[gnu::visibility("default"), gnu::used]]

OFFERED void envoy_dynamic_module_callback_log(LogLevel, Text message) { logged += std::string(view(message)) + "\n"; }
OFFERED bool envoy_dynamic_module_callback_tracer_get_trace_context_value(void* request, Text key, Text* ret_value) {
    const Request::Header* const header = static_cast<Request*>(request)->find(view(key));
    *ret_value = {nullptr, 0};
    if (header != nullptr) *ret_value = {header->value, header->value_size};
    return header != nullptr;
}
OFFERED void envoy_dynamic_module_callback_tracer_set_trace_context_value(void* request, Text key, Text value) {
    static_cast<Request*>(request)->set(view(key), view(value));
}
OFFERED void envoy_dynamic_module_callback_tracer_remove_trace_context_value(void* request, Text key) {
    if (Request::Header* const header = static_cast<Request*>(request)->find(view(key))) header->there = false;
}
OFFERED bool envoy_dynamic_module_callback_tracer_get_trace_context_host(void*, Text* ret) {
    return get_fixed(ret, "host.example");
}
OFFERED bool envoy_dynamic_module_callback_tracer_get_trace_context_path(void*, Text* ret) {
    return get_fixed(ret, "/path?q=1");
}
OFFERED bool envoy_dynamic_module_callback_tracer_get_trace_context_method(void*, Text* ret) {
    return get_fixed(ret, "GET");
}

namespace {

// Where the segments go.
class Directory : public testing::Environment {
public:
    void SetUp() override {
        ASSERT_NE(mkdtemp(path_), nullptr);
        setenv("SPANRING_DIR", path_, 1);
        setenv("SPANRING_ENVOY_ABI", "1.40", 1);
    }
    void TearDown() override { std::filesystem::remove_all(path_); }

private:
    char path_[64] = "/dev/shm/spanring-test-XXXXXX";
};
[[maybe_unused]] const testing::Environment* const directory = testing::AddGlobalTestEnvironment(new Directory);

constexpr char kTrace[] = "0af7651916cd43dd8448eb211c80319c";
constexpr char kParent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class Module {
public:
    explicit Module(const char* path) : handle_(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
        if (handle_ == nullptr) ADD_FAILURE() << dlerror();
    }
    ~Module() { EXPECT_EQ(dlclose(handle_), 0); }

    template <typename Function>
    Function* function(const char* name) const {
        void* const found = dlsym(handle_, (std::string("envoy_dynamic_module_on_") + name).c_str());
        EXPECT_NE(found, nullptr) << name;
        return reinterpret_cast<Function*>(found);
    }

private:
    void* handle_;
};

#define HOOK(name) module_.function<decltype(envoy_dynamic_module_on_##name)>(#name)

class Hooks : public testing::Test {
protected:
    void SetUp() override {
        logged.clear();
        ASSERT_STREQ(HOOK(program_init)(), spanring::envoy::kAbiVersion) << logged;
    }
    void TearDown() override {
        if (config_ != nullptr) HOOK(tracer_config_destroy)(config_);
    }

    bool configure(std::string_view json) {
        logged.clear();
        config_ = HOOK(tracer_config_new)(nullptr, text_of("envoy"), text_of(json));
        return config_ != nullptr;
    }
    const void* start(bool traced = true, TraceReason reason = TraceReason::kSampling) {
        return HOOK(tracer_start_span)(config_, &request_, text_of("ingress"), traced, reason);
    }
    Request injected(const void* span) {
        Request request = request_;
        HOOK(tracer_span_inject_context)(span, &request);
        return request;
    }
    std::string trace_id(const void* span) {
        Text text;
        return HOOK(tracer_span_get_trace_id)(span, &text) ? std::string(view(text)) : "(none)";
    }
    std::string span_id(const void* span) {
        Text text;
        return HOOK(tracer_span_get_span_id)(span, &text) ? std::string(view(text)) : "(none)";
    }
    std::string baggage(const void* span, std::string_view key) {
        Text text;
        return HOOK(tracer_span_get_baggage)(span, text_of(key), &text) ? std::string(view(text)) : "(none)";
    }
    void end(const void* span) {
        HOOK(tracer_span_finish)(span);
        HOOK(tracer_span_destroy)(span);
    }

    Module module_{getenv("SPANRING_ENVOY_MODULE")};
    const void* config_ = nullptr;
    Request request_;
};

TEST_F(Hooks, ThisProgramIsNoEnvoyAndTheLogSaysThatItIsTakenForOne) {
    EXPECT_NE(logged.find("this Envoy is none that is known"), std::string::npos) << logged;
    unsetenv("SPANRING_ENVOY_ABI");
    logged.clear();
    EXPECT_EQ(HOOK(program_init)(), nullptr);
    EXPECT_NE(logged.find("and this Envoy is not"), std::string::npos) << logged;
    setenv("SPANRING_ENVOY_ABI", "1.40", 1);
}

TEST_F(Hooks, ARequestGoesOnWithItsTraceAndAnIdOfItsOwn) {
    ASSERT_TRUE(configure(""));
    request_.set("traceparent", kParent);
    request_.set("tracestate", "a=1,b=2");
    request_.set("baggage", "k=v%20w;p=1, empty=");
    const void* const span = start();
    EXPECT_EQ(trace_id(span), kTrace);
    EXPECT_EQ(span_id(span).size(), 16u);
    EXPECT_FALSE(HOOK(tracer_span_use_local_decision)(span));
    EXPECT_EQ(injected(span).get("traceparent"), "00-" + std::string(kTrace) + "-" + span_id(span) + "-01");
    EXPECT_EQ(injected(span).get("tracestate"), "a=1,b=2");
    EXPECT_EQ(injected(span).get("baggage"), "k=v%20w;p=1,empty=");
    EXPECT_EQ(baggage(span, "k"), "v w");
    EXPECT_EQ(baggage(span, "empty"), "");
    EXPECT_EQ(baggage(span, "other"), "(none)");
    HOOK(tracer_span_set_baggage)(span, text_of("more"), text_of("ü,x"));
    EXPECT_EQ(baggage(span, "more"), "ü,x");

    const void* const child =
        HOOK(tracer_span_spawn_child)(span, text_of("router upstream egress"), 1'700'000'000'000'000'000);
    EXPECT_EQ(trace_id(child), kTrace);
    EXPECT_NE(span_id(child), span_id(span));
    EXPECT_EQ(injected(child).get("traceparent"), "00-" + std::string(kTrace) + "-" + span_id(child) + "-01");
    EXPECT_EQ(injected(child).get("tracestate"), "a=1,b=2");
    EXPECT_EQ(baggage(child, "more"), "ü,x") << "set before the child was made";
    end(child);
    end(span);
}

TEST_F(Hooks, WithoutABaggageOfItsOwnASpanGetsOneWhenItIsSet) {
    ASSERT_TRUE(configure("{}"));
    const void* const span = start();
    EXPECT_EQ(baggage(span, "k"), "(none)");
    EXPECT_EQ(injected(span).get("baggage"), "(none)");
    HOOK(tracer_span_set_baggage)(span, text_of("k"), text_of("v"));
    EXPECT_EQ(injected(span).get("baggage"), "k=v");
    end(span);
}

TEST_F(Hooks, TheDecisionIsEnvoysWhereNobodyDecidedBefore) {
    ASSERT_TRUE(configure("{}"));
    const void* const no = start(false);
    EXPECT_TRUE(HOOK(tracer_span_use_local_decision)(no));
    EXPECT_TRUE(injected(no).get("traceparent").ends_with("-02"));
    const std::string ids = trace_id(no) + "-" + span_id(no);
    HOOK(tracer_span_set_sampled)(no, true);
    EXPECT_EQ(trace_id(no) + "-" + span_id(no), ids) << "it is the same span, recorded from now on";
    EXPECT_TRUE(injected(no).get("traceparent").ends_with("-03"));
    const void* const yes = start(true);
    EXPECT_TRUE(injected(yes).get("traceparent").ends_with("-03"));
    HOOK(tracer_span_set_sampled)(yes, false);
    EXPECT_TRUE(injected(yes).get("traceparent").ends_with("-02"));
    const void* const child = HOOK(tracer_span_spawn_child)(yes, text_of("router x egress"), 0);
    EXPECT_TRUE(injected(child).get("traceparent").ends_with("-02"));
    for (const void* span : {child, yes, no}) end(span);
}

TEST_F(Hooks, ACallersNoAndEnvoysNoAreBothOne) {
    ASSERT_TRUE(configure("{}"));
    request_.set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
    const void* const caller = start(true, TraceReason::kClientForced);
    EXPECT_FALSE(HOOK(tracer_span_use_local_decision)(caller));
    EXPECT_TRUE(injected(caller).get("traceparent").ends_with("-00"));
    end(caller);
    request_.set("traceparent", kParent);
    const void* const envoy = start(false);
    EXPECT_TRUE(injected(envoy).get("traceparent").ends_with("-00"));
    end(envoy);
}

TEST_F(Hooks, B3InOneHeader) {
    ASSERT_TRUE(configure(R"({"propagators": ["b3"]})"));
    request_.set("b3", std::string(kTrace) + "-b7ad6b7169203331-d");
    request_.set("traceparent", "as it came");
    const void* const span = start(false);
    EXPECT_EQ(trace_id(span), kTrace);
    EXPECT_EQ(injected(span).get("b3"), std::string(kTrace) + "-" + span_id(span) + "-d");
    EXPECT_EQ(injected(span).get("traceparent"), "as it came");
    end(span);

    request_.set("b3", "0");
    const void* const denied = start(true);
    EXPECT_FALSE(HOOK(tracer_span_use_local_decision)(denied));
    EXPECT_TRUE(injected(denied).get("b3").ends_with("-0")) << injected(denied).get("b3");
    end(denied);
}

TEST_F(Hooks, B3InSeveralHeaders) {
    ASSERT_TRUE(configure(R"({"propagators": ["b3multi", "tracecontext"]})"));
    request_.set("x-b3-traceid", kTrace);
    request_.set("x-b3-spanid", "b7ad6b7169203331");
    request_.set("x-b3-parentspanid", "0000000000000007");
    request_.set("x-b3-sampled", "1");
    const void* const span = start();
    EXPECT_EQ(trace_id(span), kTrace);
    Request sent = injected(span);
    EXPECT_EQ(sent.get("x-b3-traceid"), kTrace);
    EXPECT_EQ(sent.get("x-b3-spanid"), span_id(span));
    EXPECT_EQ(sent.get("x-b3-sampled"), "1");
    EXPECT_EQ(sent.get("x-b3-parentspanid"), "(none)");
    EXPECT_EQ(sent.get("traceparent"), "00-" + std::string(kTrace) + "-" + span_id(span) + "-01");
    end(span);
}

TEST_F(Hooks, HostileHeadersMakeANewTrace) {
    ASSERT_TRUE(configure(R"({"propagators": ["tracecontext", "baggage", "b3", "b3multi"]})"));
    for (const char* header : {"traceparent", "b3", "x-b3-traceid", "x-b3-flags", "tracestate", "baggage"})
        request_.set(header, std::string(600, '\xff'));
    const void* const span = start();
    EXPECT_EQ(trace_id(span).size(), 32u);
    EXPECT_NE(trace_id(span), kTrace);
    EXPECT_TRUE(HOOK(tracer_span_use_local_decision)(span));
    end(span);
}

TEST_F(Hooks, WhatIsWrongInTheConfigurationIsNamed) {
    const std::map<std::string, std::string> wrong = {
        {"[]", "keys and values are wanted"},
        {"service_name: x", "keys and values are wanted"},
        {R"({"service_name": "x)", "not JSON, at byte"},
        {R"({"service_name": "x"} y)", "not JSON, at byte"},
        {R"({"service_nam": "x"})", "service_nam: unknown; there are attributes"},
        {R"({"service_name": 7})", "service_name: a text is wanted"},
        {R"({"service_name": ""})", "service_name: must not be empty"},
        {R"({"memory_limit": "64 bananas"})", "memory_limit: \"64 bananas\" is not a number of bytes"},
        {R"({"memory_limit": -1})", "memory_limit: a number of bytes from 1"},
        {R"({"directory": "relative"})", "directory: \"relative\" is not an absolute path"},
        {R"({"propagators": "b3"})", "propagators: a list is wanted"},
        {R"({"propagators": ["b4"]})", "propagators: \"b4\" is not one of tracecontext"},
        {R"({"full_policy": "wait"})", "full_policy: \"wait\" is not drop_newest"},
        {R"({"sampling": "always"})", "sampling: \"always\" is not envoy or sampler"},
        {R"({"attributes": "otel"})", "attributes: \"otel\" is not envoy or semantic_conventions"},
        {R"({"resource_attributes": ["a"]})", "resource_attributes: keys and values are wanted"},
        {R"({"resource_attributes": {"a": ["b"]}})", "resource_attributes: \"a\" is not a key of a text"},
        {R"({"resource_attributes": {"a": "\ud800"}})", "not JSON, at byte"},
        {"{\"\": 1}", "unknown"},
        {std::string(100'000, '['), "keys and values are wanted"},
        {R"({"resource_attributes": )" + std::string(100'000, '{'), "not JSON"},
    };
    for (const auto& [json, said] : wrong) {
        EXPECT_FALSE(configure(json)) << json.substr(0, 100);
        EXPECT_NE(logged.find(said), std::string::npos) << json.substr(0, 100) << " says " << logged;
    }
}

TEST_F(Hooks, WhatIsRightIsTaken) {
    ASSERT_TRUE(configure(
        R"({"service_name": "\u00fcber \ud83d\ude00", "memory_limit": "1MiB", "full_policy": "overwrite_oldest",
        "sampling": "sampler", "attributes": "semantic_conventions", "propagators": [],
        "resource_attributes": {"a": "b", "n": 7, "half": 0.5, "yes": true}})"))
        << logged;
    request_.set("traceparent", kParent);
    const void* const span = start();
    EXPECT_NE(trace_id(span), kTrace) << "without propagators nothing is read";
    EXPECT_EQ(injected(span).get("traceparent"), kParent) << "and nothing written";
    end(span);
}

TEST_F(Hooks, AProcessHasOneDirectory) {
    const std::string here = getenv("SPANRING_DIR");
    ASSERT_TRUE(configure("{\"directory\": \"" + here + "\"}")) << logged;
    const void* const first = config_;
    ASSERT_TRUE(configure("{\"directory\": \"" + here + "\"}")) << logged;
    HOOK(tracer_config_destroy)(config_);
    EXPECT_FALSE(configure(R"({"directory": "/elsewhere"})"));
    EXPECT_NE(logged.find("directory: this process has " + here + " already"), std::string::npos) << logged;
    config_ = first;
}

TEST_F(Hooks, WhereTheEnvironmentHasSaidTheDirectoryNoTracerHasAnother) {
    ASSERT_TRUE(configure("{}")) << logged;
    const void* const first = config_;
    EXPECT_FALSE(configure(R"({"directory": "/elsewhere"})"));
    EXPECT_NE(logged.find("directory: this process has that of its environment already"), std::string::npos) << logged;
    ASSERT_TRUE(configure("{\"directory\": \"" + std::string(getenv("SPANRING_DIR")) + "\"}")) << logged;
    HOOK(tracer_config_destroy)(config_);
    ASSERT_TRUE(configure("{}")) << logged;
    HOOK(tracer_config_destroy)(config_);
    config_ = first;
}

TEST_F(Hooks, AnErrorNamesTheTooManyConfigurations) {
    std::vector<const void*> open;
    while (configure("{}")) open.push_back(config_);
    EXPECT_EQ(open.size(), 8u);
    EXPECT_NE(logged.find("there is no ninth"), std::string::npos) << logged;
    for (const void* one : open) HOOK(tracer_config_destroy)(one);
    EXPECT_TRUE(configure("{}")) << "those that are closed give their places back";
}

// As Envoy calls for a request with a span for its upstream, verbose, with all that may come with a request.
TEST_F(Hooks, ASpanAllocatesNothing) {
    ASSERT_TRUE(configure(R"({"propagators": ["tracecontext", "baggage", "b3", "b3multi"]})"));
    const auto start_span = HOOK(tracer_start_span);
    const auto spawn_child = HOOK(tracer_span_spawn_child);
    const auto set_operation = HOOK(tracer_span_set_operation);
    const auto set_tag = HOOK(tracer_span_set_tag);
    const auto add_log = HOOK(tracer_span_log);
    const auto inject = HOOK(tracer_span_inject_context);
    const auto get_trace_id = HOOK(tracer_span_get_trace_id);
    const auto get_baggage = HOOK(tracer_span_get_baggage);
    const auto set_baggage = HOOK(tracer_span_set_baggage);
    const auto set_sampled = HOOK(tracer_span_set_sampled);
    const auto finish = HOOK(tracer_span_finish);
    const auto destroy = HOOK(tracer_span_destroy);
    request_.set("traceparent", kParent);
    request_.set("tracestate", "a=1");
    request_.set("baggage", "k=v");
    request_.set("x-forwarded-proto", "https");
    const auto request = [&](int number) {
        Request incoming = request_;
        if (number % 3 == 0) incoming.find("traceparent")->there = false;
        const void* const span =
            start_span(config_, &incoming, text_of("ingress"), number % 4 != 0, TraceReason::kSampling);
        const void* const child = spawn_child(span, text_of("router upstream egress"), 0);
        if (number % 12 == 0) set_sampled(span, true);
        set_operation(span, text_of("checkout"));
        Request outgoing = incoming;
        inject(child, &outgoing);
        Text text;
        get_trace_id(span, &text);
        set_baggage(span, text_of("more"), text_of("text"));
        get_baggage(span, text_of("more"), &text);
        for (const void* one : {child, span}) {
            set_tag(one, text_of("http.status_code"), text_of("503"));
            set_tag(one, text_of("error"), text_of("true"));
            add_log(one, 1'700'000'000'000'000'000, text_of("first_upstream_tx_byte_sent"));
            finish(one);
            destroy(one);
        }
    };
    for (int number = 0; number < 100; ++number) request(number);  // the segment, and this thread's part of it
    counting = true;
    for (int number = 0; number < 20'000; ++number) request(number);
    counting = false;
    EXPECT_EQ(allocations.load(), 0u);
    // It is counted at all.
    counting = true;
    free(malloc(1));
    counting = false;
    EXPECT_EQ(allocations.exchange(0), 1u);
}

TEST_F(Hooks, ManyAreOpenAtOnceAndSomeEndInOtherThreads) {
    ASSERT_TRUE(configure("{}"));
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([this] {
            Request mine;
            for (int round = 0; round < 20; ++round) {
                std::vector<const void*> open;
                for (int i = 0; i < 1'000; ++i)
                    open.push_back(HOOK(tracer_start_span)(config_, &mine, text_of("ingress"), i % 2 == 0,
                                                           TraceReason::kSampling));
                std::map<std::string, int> ids;
                for (const void* span : open) ++ids[span_id(span)];
                EXPECT_EQ(ids.size(), open.size()) << "each is a span of its own";
                std::thread([&] {
                    for (const void* span : open) end(span);
                }).join();
            }
        });
    for (std::thread& thread : threads) thread.join();
}

// Envoy closes a module when nothing uses it any more, and may load it again.
TEST(Unloading, LeavesNothingBehind) {
    for (int round = 0; round < 50; ++round) {
        Module module_(getenv("SPANRING_ENVOY_MODULE"));
        ASSERT_NE(HOOK(program_init)(), nullptr);
        const void* const config = HOOK(tracer_config_new)(nullptr, text_of(""), text_of("{}"));
        ASSERT_NE(config, nullptr);
        std::thread([&] {
            Request request;
            const void* const span =
                HOOK(tracer_start_span)(config, &request, text_of("egress x"), true, TraceReason::kSampling);
            HOOK(tracer_span_finish)(span);
            HOOK(tracer_span_destroy)(span);
        }).join();
        HOOK(tracer_config_destroy)(config);
    }
    EXPECT_EQ(dlopen(getenv("SPANRING_ENVOY_MODULE"), RTLD_NOW | RTLD_NOLOAD), nullptr) << "it is not there any more";
}

}  // namespace
