// SPDX-License-Identifier: Apache-2.0
//
// A mutex of which clang knows what it guards: `tools/lint thread-safety` refuses a member that is touched without its
// mutex. In which order they are taken: docs/architecture.md, "Locks".
//
// Header bill: std::mutex and std::unique_lock.
#pragma once

#include <mutex>

#if defined(__clang__)
#define SPR_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define SPR_THREAD_SAFETY(attribute)
#endif

// Of a member: touched only by who holds the mutex.
#define SPR_GUARDED_BY(mutex) SPR_THREAD_SAFETY(guarded_by(mutex))
// Of a function: the caller holds the mutex; must not hold it.
#define SPR_REQUIRES(mutex) SPR_THREAD_SAFETY(requires_capability(mutex))
#define SPR_EXCLUDES(mutex) SPR_THREAD_SAFETY(locks_excluded(mutex))
// Of a function whose order clang cannot follow; says why.
#define SPR_NO_THREAD_SAFETY_ANALYSIS SPR_THREAD_SAFETY(no_thread_safety_analysis)

namespace spanring::agent {

class SPR_THREAD_SAFETY(capability("mutex")) Mutex {
public:
    Mutex() = default;
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

private:
    friend class MutexLock;
    std::mutex mutex_;
};

// Holds a mutex as long as it lives, but for what is between unlock() and lock().
class SPR_THREAD_SAFETY(scoped_lockable) MutexLock {
public:
    explicit MutexLock(Mutex& mutex) SPR_THREAD_SAFETY(acquire_capability(mutex)) : lock_(mutex.mutex_) {}
    ~MutexLock() SPR_THREAD_SAFETY(release_capability()) {}
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

    void lock() SPR_THREAD_SAFETY(acquire_capability()) { lock_.lock(); }
    void unlock() SPR_THREAD_SAFETY(release_capability()) { lock_.unlock(); }

    // For a condition variable to wait with. It holds the mutex before and after.
    std::unique_lock<std::mutex>& native() { return lock_; }

private:
    std::unique_lock<std::mutex> lock_;
};

}  // namespace spanring::agent
