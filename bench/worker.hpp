// SPDX-License-Identifier: Apache-2.0
//
// A worker of the benchmark: a program that says "ready ..." once, then answers each line that it reads with one line,
// and ends with its input. A line is a command and numbers ("burst 10 5000"); an answer is name=value pairs. The runner
// (bench/runner) so keeps everything that is compared alive at once and takes turns with it, round by round. What goes
// wrong is said on stderr, and ends the worker.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace bench {

[[noreturn]] inline void fail(const std::string& what) {
    std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, what.c_str());
    std::exit(1);
}

class Answer {
public:
    Answer& add(const char* name, double value) {
        char text[64];
        std::snprintf(text, sizeof text, "%.6f", value);
        line_ += (line_.empty() ? "" : " ") + std::string(name) + "=" + text;
        return *this;
    }
    const std::string& line() const { return line_; }

private:
    std::string line_;
};

using Numbers = std::vector<uint64_t>;
using Commands = std::map<std::string, std::function<Answer(const Numbers&)>>;

// Serves until the input ends. Each command is called with at least `kNumbers` numbers, 0 where the line has none.
inline void serve(const Commands& commands, const std::string& ready = "") {
    constexpr size_t kNumbers = 4;
    std::cout << "ready " << ready << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string name;
        words >> name;
        Numbers numbers;
        for (uint64_t number; words >> number;) numbers.push_back(number);
        numbers.resize(std::max(numbers.size(), kNumbers));
        const auto command = commands.find(name);
        if (command == commands.end()) fail("no command is called '" + name + "'");
        std::cout << command->second(numbers).line() << std::endl;
    }
}

inline double median(std::vector<double> values) {
    if (values.empty()) fail("a median of nothing");
    std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
    return values[values.size() / 2];
}

}  // namespace bench
