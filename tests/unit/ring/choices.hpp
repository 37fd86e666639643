// SPDX-License-Identifier: Apache-2.0
//
// Everything that an execution leaves open, decided one question at a time: who goes on, what a load sees, who dies and
// when. The first answer is always the tame one: go on, the newest value, live.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace spanring::test {

class Choices {
public:
    virtual ~Choices() = default;
    virtual uint32_t pick(uint32_t options) = 0;
    // Prepares the next execution. False: there is none.
    virtual bool next() = 0;
    virtual std::string name() const = 0;
};

// Each execution once, in lexical order.
class EveryChoice : public Choices {
public:
    uint32_t pick(uint32_t options) override {
        if (depth_ == path_.size()) path_.push_back({0, options});
        return path_[depth_++].taken;
    }
    bool next() override {
        depth_ = 0;
        while (!path_.empty() && path_.back().taken + 1 == path_.back().options) path_.pop_back();
        if (path_.empty()) return false;
        ++path_.back().taken;
        return true;
    }
    std::string name() const override {
        std::ostringstream text;
        text << "choices";
        for (const Step& step : path_) text << ' ' << step.taken;
        return text.str();
    }

private:
    struct Step {
        uint32_t taken;
        uint32_t options;
    };
    std::vector<Step> path_;
    size_t depth_ = 0;
};

class RandomChoice : public Choices {
public:
    RandomChoice(uint64_t seed, uint64_t executions) : seed_(seed), left_(executions), random_(seed) {}
    uint32_t pick(uint32_t options) override { return static_cast<uint32_t>(random_() % options); }
    bool next() override {
        random_.seed(++seed_);
        return --left_ != 0;
    }
    std::string name() const override { return "seed " + std::to_string(seed_); }

private:
    uint64_t seed_;
    uint64_t left_;
    std::mt19937_64 random_;
};

}  // namespace spanring::test
