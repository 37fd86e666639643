// SPDX-License-Identifier: Apache-2.0
#include "export/stream/exec_options.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error_text.hpp"
#include "base/option.hpp"

namespace spanring::agent {
namespace {

using namespace option;

bool has_zero(const std::string& text) { return text.find('\0') != std::string::npos; }

std::string fault_of_command(const std::vector<std::string>& command) {
    if (command.empty()) return "the list is empty";
    if (!command.front().starts_with('/')) return "'" + command.front() + "' is not the absolute path of a program";
    for (const std::string& each : command)
        if (has_zero(each)) return "there is a zero byte in it";
    return {};
}

}  // namespace

std::vector<Option> describe(ExecOptions& options) {
    std::vector<Option> all = {
        {"command", TextList{options.command, "list of strings", fault_of_command},
         "the absolute path of a program, and its arguments; no shell sees them", "must be given"},
        {"environment", Secrets{options.environment},
         "of the program, beside PATH, HOME, LANG and TZ of the agent's; values are never printed"},
        {"working_directory", text(options.directory, "absolute directory"), "where it is started"},
        {"timeout", duration(options.timeout, milliseconds(1)), "time limit of one attempt"},
    };
    append(all, describe_waiting(options));
    return all;
}

std::vector<OptionFault> faults_of(const ExecOptions& options) {
    std::vector<OptionFault> faults;
    if (options.command.empty()) faults.push_back({"command", "must be given"});
    if (!options.directory.starts_with('/') || has_zero(options.directory))
        faults.push_back({"working_directory", "'" + options.directory + "' is not an absolute path"});
    for (const auto& [name, value] : options.environment) {
        if (name.empty() || name.find('=') != std::string::npos || has_zero(name) || has_zero(value))
            faults.push_back({"environment", "a name is empty or has '=', or there is a zero byte"});
    }
    return faults;
}

std::vector<OptionFault> file_faults_of(const ExecOptions& options) {
    std::vector<OptionFault> faults;
    struct stat status {};
    if (!options.command.empty()) {
        const std::string& file = options.command.front();
        if (::stat(file.c_str(), &status) != 0 || ::access(file.c_str(), X_OK) != 0)
            faults.push_back({"command", file + ": " + error_text(errno)});
        else if (!S_ISREG(status.st_mode))
            faults.push_back({"command", file + ": is not a file"});
    }
    if (::stat(options.directory.c_str(), &status) != 0)
        faults.push_back({"working_directory", options.directory + ": " + error_text(errno)});
    else if (!S_ISDIR(status.st_mode))
        faults.push_back({"working_directory", options.directory + ": is not a directory"});
    return faults;
}

}  // namespace spanring::agent
