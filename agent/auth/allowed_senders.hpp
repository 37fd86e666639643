// SPDX-License-Identifier: Apache-2.0
//
// Whom the options of `bearertokenauth` and `basicauth` let send to a receiver.
#pragma once

#include <string>
#include <vector>

#include "auth/auth_options.hpp"
#include "auth/password_list.hpp"

namespace spanring::agent {

struct AllowedSenders {
    std::vector<std::string> tokens;  // of a file each of its lines
    PasswordList passwords;           // of both the file and the text, which goes before it
};

// `ret_fault`: what is wrong with them, beginning with the key; without secrets. Never waits for a writer.
AllowedSenders read_allowed_senders(const AuthOptions& options, std::string& ret_fault);

// Whether the options say who may send; of files whether they can be read is asked only with `files`.
std::vector<AuthFault> gate_faults_of(const AuthOptions& options, bool files);

}  // namespace spanring::agent
