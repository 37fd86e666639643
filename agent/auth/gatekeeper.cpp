// SPDX-License-Identifier: Apache-2.0
#include "auth/gatekeeper.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <new>
#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>

#include "auth/allowed_senders.hpp"
#include "base/text.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kLongestHeader = 8 << 10;
constexpr std::string_view kBasic = "basic ";
constexpr int kApart = 4;  // times as long as a check took, until the next one; and of one peer, of these

// Nothing where it is not base64 of USER:PASSWORD.
std::string decoded(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0) return {};
    std::string bytes(text.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<uint8_t*>(bytes.data()),
                                     reinterpret_cast<const uint8_t*>(text.data()), static_cast<int>(text.size()));
    const int padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    if (size < padding) return {};
    bytes.resize(static_cast<size_t>(size - padding));
    return bytes.find(':') != std::string::npos ? bytes : std::string();
}

std::string challenge_of(const AuthOptions& options) {
    if (options.type == AuthType::kBasic) return "Basic realm=\"otlp\", charset=\"UTF-8\"";
    return options.scheme.empty() ? "" : options.scheme + " realm=\"otlp\"";
}

}  // namespace

Gatekeeper::Gatekeeper(const AuthOptions& options, std::string whose)
    : options_(options),
      whose_(std::move(whose)),
      file_(options.type == AuthType::kBasic ? options.htpasswd.file : options.token.file),
      header_(options.type == AuthType::kBasic ? "authorization" : lower(options.header)),
      challenge_(challenge_of(options)),
      read_(FileStamp::of(file_)) {
    std::string fault;
    allowed_ = read(fault);
    if (!fault.empty()) throw std::runtime_error(whose_ + ": extensions." + options_.id + "." + fault);
}

Gatekeeper::Digest Gatekeeper::digest_of(std::string_view text) {
    Digest digest{};
    ::SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), digest.data());
    return digest;
}

Gatekeeper::Allowed Gatekeeper::read(std::string& ret_fault) const {
    AllowedSenders senders = read_allowed_senders(options_, ret_fault);
    Allowed allowed{{}, std::make_shared<const PasswordList>(std::move(senders.passwords))};
    const std::string before = options_.scheme.empty() ? "" : options_.scheme + " ";
    for (const std::string& token : senders.tokens) allowed.headers.push_back(digest_of(before + token));
    return allowed;
}

void Gatekeeper::look(Time now) {
    if (file_.empty() || now < next_look_) return;
    next_look_ = now + kPause;
    const FileStamp seen = FileStamp::of(file_);
    if (seen == read_) return;
    std::string fault;
    Allowed allowed = read(fault);
    if (!fault.empty()) {
        if (const auto more = log_.due()) spdlog::warn("{}: {}; what was read before is used{}", whose_, fault, *more);
        return;
    }
    read_ = seen;
    allowed_ = std::move(allowed);
    known_.clear();
}

Gatekeeper::Verdict Gatekeeper::judge(std::string_view value, const std::string& peer, Time now) {
    Verdict verdict = Verdict::kUnknown;
    const std::unique_ptr<Question> question = ask(value, peer, now, verdict);
    if (question == nullptr) return verdict;
    question->compute();
    return answer(*question);
}

std::unique_ptr<Gatekeeper::Question> Gatekeeper::ask(std::string_view value, const std::string& peer, Time now,
                                                      Verdict& ret_verdict) {
    look(now);
    ret_verdict = Verdict::kUnknown;
    if (value.empty() || value.size() > kLongestHeader) return nullptr;
    const Digest digest = digest_of(value);
    if (options_.type == AuthType::kBasic) return ask_password(value, digest, peer, now, ret_verdict);
    bool found = false;  // all are looked at, in the same time
    for (const Digest& each : allowed_.headers) found |= CRYPTO_memcmp(each.data(), digest.data(), digest.size()) == 0;
    if (found) ret_verdict = Verdict::kLetIn;
    return nullptr;
}

// Who is not told so any more has waited.
bool Gatekeeper::may_try(const std::string& peer, Time now) {
    if (asking_ || now < next_check_) return false;
    const auto waits = next_of_peer_.find(peer);
    if (waits != next_of_peer_.end()) return now >= waits->second;
    if (next_of_peer_.size() >= kMostPeers)
        std::erase_if(next_of_peer_, [&](const auto& each) { return now >= each.second; });
    return next_of_peer_.size() < kMostPeers;
}

std::unique_ptr<Gatekeeper::Question> Gatekeeper::ask_password(std::string_view value, const Digest& digest,
                                                               const std::string& peer, Time now,
                                                               Verdict& ret_verdict) {
    if (const auto seen = known_.find(digest); seen != known_.end()) {
        if (seen->second) ret_verdict = Verdict::kLetIn;
        return nullptr;
    }
    if (lower(std::string(value.substr(0, kBasic.size()))) != kBasic) return nullptr;
    const std::string pair = decoded(value.substr(kBasic.size()));
    if (pair.empty()) return nullptr;
    if (!may_try(peer, now)) {
        ret_verdict = Verdict::kLater;
        return nullptr;
    }
    const size_t colon = pair.find(':');
    auto question = std::make_unique<Question>();
    question->passwords_ = allowed_.passwords;
    question->user_ = pair.substr(0, colon);
    question->password_ = pair.substr(colon + 1);
    question->peer_ = peer;
    question->digest_ = digest;
    question->asked_ = now;
    asking_ = true;
    asked_ = digest;
    return question;
}

void Gatekeeper::Question::compute() noexcept {
    try {
        result_ = passwords_->matches(user_, password_) ? Result::kRight : Result::kWrong;
    } catch (const std::bad_alloc&) {  // not known
    }
    took_ = std::chrono::steady_clock::now() - made_;
}

Gatekeeper::Verdict Gatekeeper::answer(const Question& question) {
    asking_ = false;
    next_check_ = question.asked_ + kApart * question.took_;
    next_of_peer_[question.peer_] = question.asked_ + kApart * kApart * question.took_;
    if (question.passwords_ != allowed_.passwords) return Verdict::kLater;  // there are others by now
    if (question.result_ == Question::Result::kNone) return Verdict::kLater;
    const bool right = question.result_ == Question::Result::kRight;
    // Those that were let in are few; who tries many keeps them all the same, for they are asked for only once.
    if (known_.size() >= kMostKnown) std::erase_if(known_, [](const auto& each) { return !each.second; });
    if (known_.size() >= kMostKnown) known_.clear();
    known_.emplace(question.digest_, right);
    return right ? Verdict::kLetIn : Verdict::kUnknown;
}

}  // namespace spanring::agent
