// SPDX-License-Identifier: Apache-2.0
#include "directory/served_folders.hpp"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include <spdlog/spdlog.h>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"
#include "directory/runtime_folder.hpp"
#include "ring/runtime_directory.hpp"

namespace spanring::agent {

namespace {

constexpr auto kKinds = static_cast<uint32_t>(ring::RuntimeDirectory::kCount);

std::string refusal(int error) {
    switch (error) {
        case -EPERM: return "it belongs to another user";
        case -EACCES: return "it is closed to this user, or its mode lets others in (it must be 0700)";
        case -EBUSY: return "another agent drains it";
        case -EMEDIUMTYPE: return "it is not on tmpfs";
        case -ENOTDIR:
        case -ELOOP: return "it is not a directory, or is a symbolic link";
        case -EINVAL: return "it is not an absolute path";
        case -EXDEV: return "a file system is mounted there";
        default: return error_text(-error);
    }
}

// The directory that the library chose and could not use: the first that is refused for this error.
std::string refused_choice(int error) {
    char path[ring::kRuntimePathSize] = "the runtime directory";
    for (uint32_t kind = 0; kind < kKinds; ++kind) {
        const auto directory = static_cast<ring::RuntimeDirectory>(kind);
        if (ring::runtime_directory_path(directory, path, sizeof path) != 0) continue;
        char opened[ring::kRuntimePathSize];
        int fd = -1;
        const int result = ring::open_runtime_directory_kind(directory, false, opened, sizeof opened, &fd);
        if (result == error) break;
        if (result == 0) Descriptor(fd).reset();
    }
    return path;
}

}  // namespace

ServedFolders::ServedFolders(const std::vector<std::string>& paths, FolderSource* users, DirectoryWatch& watch)
    : users_(users), watch_(watch) {
    if (users_ != nullptr) {
        names_.push_back(users_->parent() + "/*");
        watch_.watch_users(users_->parent());
        add_appeared();
    } else if (paths.empty()) {
        add_own();
    } else {
        for (const std::string& path : paths) add(path, true, true);
    }
}

// The one that the library chooses is made; segments may lie in the others too, written with another environment.
void ServedFolders::add_own() {
    char chosen[ring::kRuntimePathSize];
    int fd = -1;
    if (const int error = ring::open_runtime_directory(chosen, sizeof chosen, &fd); error != 0)
        throw std::runtime_error(refused_choice(error) + " cannot be used: " + refusal(error));
    Descriptor(fd).reset();
    for (uint32_t kind = 0; kind < kKinds; ++kind) {
        const auto directory = static_cast<ring::RuntimeDirectory>(kind);
        char path[ring::kRuntimePathSize];
        if (ring::runtime_directory_path(directory, path, sizeof path) != 0) continue;
        add(path, directory == ring::RuntimeDirectory::kExplicit, strcmp(path, chosen) == 0);
    }
}

void ServedFolders::add(const std::string& path, bool any_file_system, bool must) {
    if (path.empty() || path[0] != '/')
        throw std::runtime_error("runtime directory " + path + ": not an absolute path");
    const size_t number = folders_.size();
    Folder& folder = *folders_.emplace_back(std::make_unique<RuntimeFolder>(path, any_file_system));
    const int error = folder.open(must);
    if (error != 0 && must) throw std::runtime_error("runtime directory " + path + ": " + refusal(error));
    if (error != 0 && error != -ENOENT) spdlog::warn("{}: left alone, {}", path, refusal(error));
    if (error != 0) told_[number] = error;
    names_.push_back(path);
    folder.watch(watch_, number);
}

void ServedFolders::add_appeared() {
    for (std::unique_ptr<Folder>& folder : users_->appeared()) folders_.push_back(std::move(folder));
}

void ServedFolders::refresh() {
    if (users_ != nullptr) add_appeared();
    for (size_t number = 0; number < folders_.size(); ++number) {
        Folder& folder = *folders_[number];
        if (folder.is_open() && folder.gone()) {
            spdlog::warn("{}: was removed; its processes go on unseen until they make a new segment", folder.path());
            folder.close();
        }
        if (!folder.is_open())
            reopen(number);
        else if (watch_.is_to_renew(number, std::chrono::steady_clock::now()))
            folder.watch(watch_, number);
    }
}

void ServedFolders::reopen(size_t number) {
    Folder& folder = *folders_[number];
    try {
        if (const int error = folder.open(false); error != 0) {
            int& told = told_[number];
            if (std::exchange(told, error) != error && error != -ENOENT)
                spdlog::warn("{}: left alone, {}", folder.path(), refusal(error));
            return;
        }
        told_.erase(number);
        spdlog::info("{}: draining it from now on", folder.path());
        folder.watch(watch_, number);
    } catch (const AgentBusy& busy) {
        spdlog::debug("{}", busy.what());
    }
}

}  // namespace spanring::agent
