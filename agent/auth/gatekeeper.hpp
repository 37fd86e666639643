// SPDX-License-Identifier: Apache-2.0
//
// Who may send to a receiver: the other side of `bearertokenauth` and `basicauth`. One thread.
//
// What a password costs is spent once: who was let in, or not, is known by the digest of the header. And on passwords
// that were not seen before goes one quarter of the thread's time at most, and a quarter of that on those of one peer,
// so that who tries many stops nobody else.
//
// Header bill: the list of passwords and what was found out; servers include it, and what computes for one of them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/auth_options.hpp"
#include "auth/password_list.hpp"
#include "base/file_stamp.hpp"
#include "base/log_pace.hpp"

namespace spanring::agent {

class Gatekeeper {
public:
    using Time = std::chrono::steady_clock::time_point;
    enum class Verdict : uint8_t {
        kLetIn,
        kUnknown,  // no header, or not the right one
        kLater,    // too many are asking: to be asked again
    };
    static constexpr std::chrono::milliseconds kPause{500};  // between two looks at a file
    static constexpr size_t kMostKnown = 1024;               // headers that were looked at
    static constexpr size_t kMostPeers = 1024;               // that have to wait

    // Throws std::runtime_error that names the file and what is wrong with it.
    Gatekeeper(const AuthOptions& options, std::string whose);

    const std::string& header() const { return header_; }        // in lower case
    const std::string& challenge() const { return challenge_; }  // of WWW-Authenticate

    // The value of its header; empty: there is none. `peer`: where it comes from.
    Verdict judge(std::string_view value, const std::string& peer, Time now);

    // The same for a thread that must not wait. Null: ret_verdict is the verdict. Else the question is computed once,
    // by any thread, and then answered here; until then no other password is looked at.
    class Question;
    std::unique_ptr<Question> ask(std::string_view value, const std::string& peer, Time now, Verdict& ret_verdict);
    Verdict answer(const Question& question);
    // Whether the question that is not answered yet is whether to let this one in.
    bool is_asked(std::string_view value) const { return asking_ && digest_of(value) == asked_; }

private:
    using Digest = std::array<uint8_t, 32>;
    using Passwords = std::shared_ptr<const PasswordList>;
    struct Allowed {
        std::vector<Digest> headers;  // as a whole
        Passwords passwords;
    };

    static Digest digest_of(std::string_view text);
    Allowed read(std::string& ret_fault) const;
    void look(Time now);
    std::unique_ptr<Question> ask_password(std::string_view value, const Digest& digest, const std::string& peer,
                                           Time now, Verdict& ret_verdict);
    bool may_try(const std::string& peer, Time now);

    const AuthOptions options_;
    const std::string whose_, file_, header_, challenge_;
    FileStamp read_;  // of what allowed_ is of
    Allowed allowed_;
    Time next_look_{};
    std::map<Digest, bool> known_;
    bool asking_ = false;  // a question is to be answered
    Digest asked_{};
    Time next_check_{};
    std::map<std::string, Time> next_of_peer_;
    LogPace log_;
};

// Whether a password that was not seen before is the user's.
class Gatekeeper::Question {
public:
    // Takes as long as the hash is made for. Without memory for it the answer is "later".
    void compute() noexcept;

private:
    friend class Gatekeeper;
    Passwords passwords_;
    std::string user_, password_, peer_;
    Digest digest_{};
    Time asked_{};
    const Time made_ =
        std::chrono::steady_clock::now();  // what it takes to start a thread for it is part of what it took
    Time::duration took_{};
    enum class Result : uint8_t { kNone, kRight, kWrong } result_ = Result::kNone;
};

}  // namespace spanring::agent
