// SPDX-License-Identifier: Apache-2.0
#include "receive/tls_keeper.hpp"

#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>

namespace spanring::agent {

TlsKeeper::TlsKeeper(const ServerTlsOptions& options, std::string protocol, std::string whose)
    : options_(options), protocol_(std::move(protocol)), whose_(std::move(whose)), read_(stamps()) {
    TlsFault fault;
    context_ = make_tls_context(options_, protocol_, fault);
    if (context_ == nullptr) throw std::runtime_error(whose_ + ".tls." + fault.key + ": " + fault.what);
}

TlsKeeper::Stamps TlsKeeper::stamps() const {
    return {FileStamp::of(options_.cert_file), FileStamp::of(options_.key_file),
            FileStamp::of(options_.client_ca_file)};
}

const TlsContext& TlsKeeper::get(Time now) {
    if (options_.reload_interval.count() == 0 || now < next_look_) return context_;
    next_look_ = now + options_.reload_interval;
    const Stamps seen = stamps();
    if (seen == read_) return context_;
    TlsFault fault;
    TlsContext renewed = make_tls_context(options_, protocol_, fault);
    if (renewed == nullptr) {
        // The certificate is there and its key is not yet, or they are broken: it is tried again until they are.
        if (const auto more = log_.due(now))
            spdlog::warn("{}.tls.{}: {}; what was read before is used{}", whose_, fault.key, fault.what, *more);
        return context_;
    }
    read_ = seen;
    context_ = std::move(renewed);
    spdlog::info("{}.tls: the files were read again", whose_);
    return context_;
}

}  // namespace spanring::agent
