// SPDX-License-Identifier: Apache-2.0
//
// Users and their passwords as `htpasswd` writes them, a line USER:PASSWORD each: bcrypt, SHA-256 and SHA-512 of
// crypt(3), MD5 of Apache and of crypt(3), {SHA}, {SSHA}; anything else is the password itself. A hash that takes
// longer than some quarter of a second is refused: whoever asks could keep a receiver busy by it.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace spanring::agent {

class PasswordList {
public:
    // Empty lines and those that begin with # say nothing; of two lines of a user the last one counts. What cannot be
    // read is left out, and `ret_fault` says where it stands, without a password.
    void add(std::string_view text, std::string& ret_fault);

    bool empty() const { return users_.empty(); }
    // Takes as long as the hash is made for, also for a user that is not there.
    bool matches(const std::string& user, const std::string& password) const;

private:
    std::map<std::string, std::string> users_;
};

}  // namespace spanring::agent
