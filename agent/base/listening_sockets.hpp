// SPDX-License-Identifier: Apache-2.0
//
// The sockets on which this process listens. They stay open while the servers on them come and go, so whoever connects
// meanwhile waits to be accepted, and is not refused; another process may have got them (unix(7), SCM_RIGHTS), or
// have handed these over. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/descriptor.hpp"

namespace spanring::agent {

class ListeningSockets {
public:
    struct Handed {
        std::string address;  // as it was asked for: the ports that the kernel chose are found by it
        Descriptor socket;
    };

    ListeningSockets() = default;
    ~ListeningSockets() { close(); }
    ListeningSockets(const ListeningSockets&) = delete;
    ListeningSockets& operator=(const ListeningSockets&) = delete;

    // Of another process. Those are used that are wanted, and stay open until close_unused().
    void adopt(std::vector<Handed> sockets);

    // A descriptor of the caller's own for a socket that listens there: one that is here and that nobody has, or a new
    // one. Throw std::runtime_error with why not.
    Descriptor tcp(const std::string& host, uint16_t port);
    Descriptor unix_socket(const std::string& path);
    // Of another kind, by a name of its own; `open` makes it, where there is none.
    Descriptor named(const std::string& name, const std::function<Descriptor()>& open);

    void all_unused();    // but named ones: the servers that had them have ended, and others are to come
    void close_unused();  // of files too: nobody listens there any more
    void close();         // all of them

    // They are another process's: what is here is only let go, and files stay.
    void let_go();

    struct Open {
        std::string address;
        int socket = -1;
    };
    std::vector<Open> all() const;

private:
    struct Socket {
        std::string address;
        Descriptor socket;
        bool used = false;
        bool lasting = false;
    };

    Descriptor use(Socket& socket);
    Descriptor keep(std::string address, Descriptor socket);

    std::vector<Socket> sockets_;
};

}  // namespace spanring::agent
