// SPDX-License-Identifier: Apache-2.0
#include "auth/credentials.hpp"

#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/auth_options.hpp"
#include "auth/secret_file.hpp"
#include "auth/token_keeper.hpp"
#include "otlp/span_decoder.hpp"

namespace spanring::agent {

namespace {

// A header of what is given, or of files that somebody rotates.
class KnownCredentials final : public Credentials {
public:
    explicit KnownCredentials(const AuthOptions& options) : options_(options) {
        if (options.type == AuthType::kBasic) {
            secrets_.emplace_back(options.username);
            secrets_.emplace_back(options.password);
        } else {
            const std::vector<std::string> texts = token_texts(options);
            secrets_.emplace_back(Secret{texts.empty() ? std::string() : texts.front(), options.token.file});
        }
        make();
    }

    Look look(Time now) override {
        refresh(now, false);
        Look look{header_, serial_, false, {}};
        for (const WatchedSecret& secret : secrets_) {
            if (!secret.fault().empty()) look.error = secret.fault() + "; what was read before is used";
        }
        return look;
    }

    bool refused(uint64_t serial, Time now) override {
        refresh(now, true);
        return serial != serial_;
    }

private:
    void refresh(Time now, bool at_once) {
        bool changed = false;
        for (WatchedSecret& secret : secrets_) changed = secret.refresh(now, at_once) || changed;
        if (changed) make();
    }

    void make() {
        std::string value = options_.scheme.empty() ? "" : options_.scheme + " ";
        if (options_.type == AuthType::kBasic) {
            const std::string pair = secrets_.front().text() + ":" + secrets_.back().text();
            value = "Basic " + to_base64({reinterpret_cast<const uint8_t*>(pair.data()), pair.size()});
        } else {
            value += secrets_.front().text();
        }
        header_ = std::make_shared<const Header>(Header{options_.header, std::move(value)});
        ++serial_;
    }

    const AuthOptions options_;
    std::vector<WatchedSecret> secrets_;
    std::shared_ptr<const Header> header_;
    uint64_t serial_ = 0;
};

}  // namespace

std::unique_ptr<Credentials> make_credentials(const AuthOptions& options, const std::string& exporter,
                                              std::function<void()> wake) {
    for (const AuthFault& fault : faults_of(options, true))
        throw std::invalid_argument("extensions." + options.id + "." + fault.key + ": " + fault.what);
    if (options.type == AuthType::kOauth2Client)
        return std::make_unique<TokenKeeper>(options, exporter, std::move(wake));
    return std::make_unique<KnownCredentials>(options);
}

}  // namespace spanring::agent
