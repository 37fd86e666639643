// SPDX-License-Identifier: Apache-2.0
//
// The process with the right to open files of others, and nothing else: it opens what is a segment by the rules, in
// PARENT/UID, hands it to the drainer over a socket, and removes what a dead process left. It reads nothing in a
// segment and has no thread, no configuration and no network. Ends with the drainer.
#pragma once

#include <map>
#include <string>

#include "base/descriptor.hpp"
#include "rights/opener_message.hpp"
#include "segment/segment_file.hpp"

namespace spanring::agent {

class Opener {
public:
    // any_file_system: the parent was configured; otherwise it must be tmpfs. Throws std::runtime_error: the
    // parent does not exist, or somebody else could make directories in it.
    Opener(std::string parent, bool any_file_system);

    // Until the other side closes the socket.
    void serve(int socket);

    // One request. `ret_file` goes along with the reply, if it is open.
    OpenerReply answer(const OpenerRequest& request, const Descriptor& file, Descriptor& ret_file);

private:
    static constexpr size_t kMostUsers = 4096;

    struct User {
        Descriptor directory;
        Descriptor lock;  // that of the user's own agent, where it has ever had one
    };

    int open_folder(uid_t user, Descriptor& ret_file);
    int remove_dead(int directory, const char* name, uid_t user, const OpenerRequest& request);

    const bool any_file_system_;
    Descriptor parent_;
    std::map<uid_t, User> users_;
};

}  // namespace spanring::agent
