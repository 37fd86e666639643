// SPDX-License-Identifier: Apache-2.0
#include "tracer.hpp"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <atomic>
#include <new>

#include "log.hpp"

// The library asks the environment where its segments go, once for a process. Envoy's environment is not changed for
// that: its other threads may be reading it. The linker sends the library's question here instead (--wrap).
extern "C" char* __real_secure_getenv(const char* name);
extern "C" char* __wrap_secure_getenv(const char* name);

namespace spanring::envoy {
namespace {

constexpr size_t kPathSize = 4'096;
char directory_memory[kPathSize];           // written in the main thread alone, once
std::atomic<char*> own_directory{nullptr};  // nullptr: the environment says it
bool environment_said = false;              // and was asked: a provider is open, or was. In the main thread alone

bool is_the_environments(std::string_view directory) {
    const char* const said = secure_getenv("SPANRING_DIR");
    return said != nullptr && directory == said;
}

bool use_directory(std::string_view directory) {
    if (directory.empty()) return true;
    if (directory.size() >= kPathSize) {
        log(LogLevel::kError, "tracer_config: directory: longer than %zu bytes", kPathSize - 1);
        return false;
    }
    // relaxed: only this thread writes it.
    const char* const before = own_directory.load(std::memory_order_relaxed);
    if (before != nullptr) {
        if (directory == before) return true;
        log(LogLevel::kError, "tracer_config: directory: this process has %s already, and no second one", before);
        return false;
    }
    if (environment_said) {
        if (is_the_environments(directory)) return true;
        log(LogLevel::kError,
            "tracer_config: directory: this process has that of its environment already, of a tracer without "
            "`directory`, and no second one");
        return false;
    }
    memcpy(directory_memory, directory.data(), directory.size());
    // release: publishes the text. Pairs with the acquire in __wrap_secure_getenv(), which a worker may be in;
    // without it that could read a part of a path.
    own_directory.store(directory_memory, std::memory_order_release);
    return true;
}

}  // namespace

Tracer* Tracer::open(Text name, Text configuration) {
    void* const memory = malloc(sizeof(Tracer));
    char* const text = static_cast<char*>(malloc(configuration.size + 1));
    if (memory == nullptr || text == nullptr) {
        free(memory);
        free(text);
        log(LogLevel::kError, "no memory");
        return nullptr;
    }
    Tracer* const tracer = new (memory) Tracer;
    tracer->text_ = text;
    if (configuration.size != 0) memcpy(text, configuration.data, configuration.size);
    if (tracer->configuration_.read(text, configuration.size) && tracer->open_provider(name)) return tracer;
    tracer->close();
    return nullptr;
}

bool Tracer::open_provider(Text name) {
    const Configuration& said = configuration_;
    if (!use_directory(said.directory)) return false;
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    if (!said.service_name.empty()) {
        options.service_name = said.service_name.data();
        options.service_name_size = said.service_name.size();
    }
    options.resource_attributes = said.attributes;
    options.resource_attribute_count = said.attribute_count;
    options.memory_limit = said.memory_limit;
    options.full_policy = said.full_policy;
    const int opened = spr_provider_open(&options, &provider_);
    // relaxed: only this thread writes it.
    if (opened >= 0 && own_directory.load(std::memory_order_relaxed) == nullptr) environment_said = true;
    if (opened == -EMFILE) {
        log(LogLevel::kError, "8 tracing configurations that differ are in use in this process, and there is no ninth");
        return false;
    }
    if (opened < 0) {
        log(LogLevel::kError, "tracer_config: resource_attributes, service_name: %s", spr_strerror(opened));
        return false;
    }
    const bool named = name.size != 0;
    const int got =
        spr_tracer_get(provider_, named ? name.data : "envoy", named ? name.size : 5, nullptr, 0, nullptr, 0, &tracer_);
    if (got < 0) {
        log(LogLevel::kError, "tracer_name: %s", spr_strerror(got));
        return false;
    }
    const int state = spr_provider_state(provider_);
    // Not an error of the configuration: an Envoy does not fail to start because it cannot be watched.
    if (state < 0) log(LogLevel::kWarn, "nothing is traced: %s", spr_strerror(state));
    return true;
}

void Tracer::close() {
    if (provider_ != nullptr) spr_provider_shutdown(provider_, 0);
    free(text_);
    this->~Tracer();
    free(this);
}

}  // namespace spanring::envoy

char* __wrap_secure_getenv(const char* name) {
    // acquire: sees the path that use_directory() released.
    char* const directory = spanring::envoy::own_directory.load(std::memory_order_acquire);
    if (directory != nullptr && strcmp(name, "SPANRING_DIR") == 0) return directory;
    return __real_secure_getenv(name);
}
