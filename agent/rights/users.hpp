// SPDX-License-Identifier: Apache-2.0
//
// The drainer's side of the opener: the runtime directories of all users, each as a Folder. Drain thread only.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/descriptor.hpp"
#include "directory/folder.hpp"
#include "rights/opener_client.hpp"

namespace spanring::agent {

class Users final : public FolderSource {
public:
    // Starts the opener as a process of its own and drops this one's rights. Before the first thread. Throws
    // std::runtime_error: without the right, as root, or with a parent that is not root's.
    Users(std::string parent, bool any_file_system);
    ~Users() override;
    Users(const Users&) = delete;
    Users& operator=(const Users&) = delete;

    const std::string& parent() const override { return parent_; }
    std::vector<std::unique_ptr<Folder>> appeared() override;
    void begin_anew() { known_.clear(); }  // for another drain: all of them appear once more

    // Ends the agent where the opener has ended: nothing can go on, and everything is where the next one finds it.
    OpenerReply ask(const OpenerRequest& request, int file, Descriptor& ret_file);

private:
    [[noreturn]] void end_with_opener() const;

    const std::string parent_;
    std::optional<OpenerClient> client_;
    pid_t opener_ = -1;
    std::set<uid_t> known_;
};

}  // namespace spanring::agent
