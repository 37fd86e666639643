// SPDX-License-Identifier: Apache-2.0
//
// A plugin that carries the library is closed: by the static library its code goes, and nothing may be left behind that
// would call it or hold memory, keys or files of the application. With the shared one the library stays, and it is the
// shutdown that leaves nothing.
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/child_process.hpp"
#include "support/private_directory.hpp"

namespace spanring::test {
namespace {

class Plugin {
public:
    Plugin() : handle_(dlopen(getenv("SPANRING_TEST_PLUGIN"), RTLD_NOW | RTLD_LOCAL)) {
        if (handle_ == nullptr) {
            ADD_FAILURE() << dlerror();
            _exit(1);
        }
    }
    ~Plugin() { close(); }
    Plugin(const Plugin&) = delete;
    Plugin& operator=(const Plugin&) = delete;

    int open() const { return call("plugin_open"); }
    int span() const { return call("plugin_span"); }
    int shut_down() const { return call("plugin_shut_down"); }
    int work() const { return call("plugin_work"); }
    void close() {
        if (handle_ == nullptr) return;
        EXPECT_EQ(dlclose(handle_), 0);
        handle_ = nullptr;
    }

private:
    int call(const char* name) const { return reinterpret_cast<int (*)()>(dlsym(handle_, name))(); }

    void* handle_;
};

int mappings() {
    std::ifstream maps("/proc/self/maps");
    int count = 0;
    for (std::string line; std::getline(maps, line);) ++count;
    return count;
}

// Keys that the application may still make; each is given back.
size_t free_keys() {
    std::vector<pthread_key_t> keys;
    for (pthread_key_t key; pthread_key_create(&key, nullptr) == 0;) keys.push_back(key);
    for (const pthread_key_t key : keys) pthread_key_delete(key);
    return keys.size();
}

void empty(const PrivateDirectory& directory) {
    for (const std::string& file : directory.files()) unlink((directory.path() + "/" + file).c_str());
}

// A thread of the application that calls into plugins when it is told to, and outlives them.
class Caller {
public:
    Caller() : thread_([this] { run(); }) {}
    ~Caller() {
        tell(kEnd);
        thread_.join();
    }
    void span(const Plugin& plugin) {
        plugin_ = &plugin;
        tell(kSpan);
        while (order_.load() != kNone) sched_yield();
        EXPECT_EQ(result_, 0);
    }

private:
    enum Order { kNone, kSpan, kEnd };
    void tell(Order order) { order_.store(order); }
    void run() {
        for (;;) {
            const Order order = order_.load();
            if (order == kEnd) return;
            if (order == kSpan) {
                result_ = plugin_->span();
                order_.store(kNone);
            } else {
                sched_yield();
            }
        }
    }

    std::atomic<Order> order_{kNone};
    const Plugin* plugin_ = nullptr;
    int result_ = 0;
    std::thread thread_;
};

TEST_IN_PROCESS(UnloadTest, LetsThreadsEndThatTraced) {
    PrivateDirectory directory;
    Plugin plugin;
    ASSERT_EQ(plugin.open(), 0);
    {
        Caller first, second;
        first.span(plugin);
        second.span(plugin);
        plugin.close();
    }
    EXPECT_EQ(directory.files().size(), 1u) << "what was written stays for the agent";
}

TEST_IN_PROCESS(UnloadTest, LeavesNothingBehindInTwoThousandReopenings) {
    PrivateDirectory directory;
    Caller first, second;
    const auto round = [&] {
        Plugin plugin;
        ASSERT_EQ(plugin.open(), 0);
        ASSERT_EQ(plugin.span(), 0);
        first.span(plugin);
        second.span(plugin);
        EXPECT_EQ(plugin.shut_down(), -ETIMEDOUT);
        plugin.close();
        empty(directory);
    };
    for (int i = 0; i < 8; ++i) round();  // what the C library itself makes once, and what threads keep for a while
    const int before = mappings();
    const size_t keys = free_keys();
    for (int i = 0; i < 2'000 && !testing::Test::HasFailure(); ++i) round();
    EXPECT_LE(mappings(), before + 20) << "of 2,000 rounds";
    EXPECT_EQ(free_keys(), keys);
}

TEST_IN_PROCESS(UnloadTest, LetsTheApplicationFork) {
    PrivateDirectory directory;
    {
        Plugin plugin;
        ASSERT_EQ(plugin.open(), 0);
        ASSERT_EQ(plugin.span(), 0);
    }
    EXPECT_EQ(status_of_child([] { return 0; }), 0);
}

TEST_IN_PROCESS(UnloadTest, IsForChildrenAsWell) {
    PrivateDirectory directory;
    Plugin plugin;
    ASSERT_EQ(plugin.open(), 0);
    ASSERT_EQ(plugin.span(), 0);
    for (const bool traces : {false, true}) {
        in_child([&] {
            EXPECT_EQ(traces ? plugin.span() : 0, 0);
            plugin.close();
            std::thread([] {}).join();
            Plugin again;
            EXPECT_EQ(again.open(), 0);
            EXPECT_EQ(again.span(), 0);
        });
    }
    EXPECT_EQ(plugin.span(), 0);
}

// What the plugin does in exit handlers of its own, which run before: its worker traces until it is joined there.
TEST_IN_PROCESS(UnloadTest, ComesAfterThePluginsOwnEnd) {
    PrivateDirectory directory;
    for (int i = 0; i < 20; ++i) {
        Plugin plugin;
        ASSERT_EQ(plugin.open(), 0);
        ASSERT_EQ(plugin.span(), 0);
        ASSERT_EQ(plugin.work(), 0);
        plugin.close();
        empty(directory);
    }
}

// What an exit handler finds that was registered before the plugin was loaded, and so runs after the plugin's.
struct AtExit {
    Plugin plugin;
    Caller caller;
};
AtExit* at_exit;

int status_of_exit(void (*handler)()) {
    return status_of_child([&] {
        atexit(handler);
        at_exit = new AtExit;
        EXPECT_EQ(at_exit->plugin.open(), 0);
        at_exit->caller.span(at_exit->plugin);
        exit(testing::Test::HasFailure() ? 1 : 3);
        return 0;
    });
}

// exit() unloads nothing: threads trace until the process ends.
TEST_IN_PROCESS(UnloadTest, IsNotAtExit) {
    PrivateDirectory directory;
    const int status = status_of_exit([] {
        at_exit->caller.span(at_exit->plugin);
        if (at_exit->plugin.span() != 0 || testing::Test::HasFailure()) _exit(1);
    });
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 3) << describe_status(status);
}

TEST_IN_PROCESS(UnloadTest, MayBeAtExit) {
    PrivateDirectory directory;
    const int status = status_of_exit([] {
        at_exit->plugin.close();
        delete at_exit;  // the thread ends
    });
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 3) << describe_status(status);
}

}  // namespace
}  // namespace spanring::test
