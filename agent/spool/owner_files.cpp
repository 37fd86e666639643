// SPDX-License-Identifier: Apache-2.0
#include "spool/owner_files.hpp"

#include <algorithm>
#include <utility>

namespace spanring::agent::spool {

SpoolFile* OwnerFiles::find(uint64_t number) {
    const auto file = files_.find(number);
    return file == files_.end() ? nullptr : &file->second;
}

SpoolFile& OwnerFiles::add(SpoolFile file) {
    const uint64_t number = file.number();
    bytes_ += file.size();
    return files_.try_emplace(number, std::move(file)).first->second;
}

SpoolFile* OwnerFiles::writing(uint64_t size, uint64_t most_in_a_file) {
    if (writing_ != nullptr && writing_->size() != 0 && writing_->size() + size > most_in_a_file) {
        writing_->close();  // until it is read
        writing_ = nullptr;
    }
    return writing_;
}

bool OwnerFiles::waiting() const {
    return std::any_of(files_.begin(), files_.end(), [](const auto& file) { return file.second.waiting() != 0; });
}

SpoolFile& OwnerFiles::first_waiting() {
    return std::find_if(files_.begin(), files_.end(), [](auto& file) { return file.second.waiting() != 0; })->second;
}

void OwnerFiles::drop_oldest(const std::function<void(std::span<const Share>)>& lost) {
    SpoolFile& oldest = files_.begin()->second;
    for (size_t i = 0; i < oldest.places().size(); ++i) {
        if (oldest.places()[i].state == State::kWaiting) lost(oldest.shares(i));
    }
    remove(oldest.number());
}

void OwnerFiles::remove(uint64_t number) {
    const auto file = files_.find(number);
    if (writing_ == &file->second) writing_ = nullptr;
    bytes_ -= file->second.size();
    file->second.unlink();
    files_.erase(file);
}

}  // namespace spanring::agent::spool
