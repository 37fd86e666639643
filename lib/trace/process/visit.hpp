// SPDX-License-Identifier: Apache-2.0
//
// A cold call that looks at a provider, or at its life without a state in it: both stay until it is over.
#pragma once

#include "trace/process/provider.hpp"

namespace spanring::trace {

class Visit {
public:
    explicit Visit(Provider& provider) : provider_(provider.gate_.enter() ? &provider : nullptr) {}
    // Of the provider that the handle was given for. False: it was shut down.
    explicit Visit(const spr_provider* handle) {
        Provider* const provider = Provider::of(handle);
        if (provider == nullptr || !provider->gate_.enter()) return;
        provider_ = provider;
        if (Provider::of(handle) == provider) return;
        leave();  // it was opened anew in between
        provider_ = nullptr;
    }
    ~Visit() {
        if (provider_ != nullptr) leave();
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    explicit operator bool() const { return provider_ != nullptr; }
    Provider* operator->() const { return provider_; }

    // It is no signal handler, and system calls are allowed: what ends with it may be unmapped.
    void may_unmap() { may_unmap_ = true; }

private:
    void leave() {
        // A handler in the middle of the call forked: in the child nobody is inside.
        if (generation_ == process.fork_generation && provider_->gate_.leave()) provider_->clear_up(may_unmap_);
    }

    Provider* provider_ = nullptr;
    const uint32_t generation_ = process.fork_generation;
    bool may_unmap_ = false;
};

}  // namespace spanring::trace
