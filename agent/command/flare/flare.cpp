// SPDX-License-Identifier: Apache-2.0
//
// `spanring flare`: a bundle for whoever helps, of what the commands say of an agent and its host. No span is in it,
// and no secret; each part is bounded, and what it lacks is said.
#include <cerrno>
#include <chrono>
#include <ctime>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <curl/curl.h>
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"
#include "base/foreign_text.hpp"
#include "base/quantity.hpp"
#include "base/version.hpp"
#include "base/wall_clock.hpp"
#include "command/commands.hpp"
#include "command/doctor/agent_configuration.hpp"
#include "command/flare/agent_secrets.hpp"
#include "command/flare/program_output.hpp"
#include "command/flare/tar_file.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMostOfAPart = 2 << 20;       // bytes
constexpr std::chrono::seconds kPatience{60};  // for a part
constexpr const char* kLinesOfLog = "2000";

struct Options {
    std::string output;
};

// UTC.
std::string stamp(uint64_t unix_seconds, const char* form) {
    const auto seconds = static_cast<std::time_t>(unix_seconds);
    std::tm time{};
    ::gmtime_r(&seconds, &time);
    char text[32];
    return {text, std::strftime(text, sizeof text, form, &time)};
}

class Flare {
public:
    Flare(const CommandContext& context, uint64_t now)
        : context_(context),
          site_(context.sites.only()),
          folder_("spanring-flare-" + stamp(now, "%Y%m%dT%H%M%SZ")),
          tar_(now) {
        add_variables(site_, words_);
        AgentConfiguration configuration = configuration_of(site_, "");
        if (configuration.loaded) {
            loaded_ = std::move(configuration.loaded);
            add_secrets(*loaded_, words_);
        } else {
            remarks_ += "The agent's configuration may not be seen, so only what looks like a secret is hidden.\n";
        }
    }

    const std::string& folder() const { return folder_; }
    const std::string& remarks() const { return remarks_; }

    void gather() {
        add("versions.txt", versions());
        ask("status.json", {"status", "--json"});
        ask("configuration.yaml", {"status", "--configuration"});
        ask("doctor.json", {"doctor", "--json"});
        ask("ps.json", {"ps", "--all", "--json"});
        ask("audit.json", {"audit", "--json"});
        add_metrics();
        add_log();
    }

    std::string archive() && {
        std::string readme = "A bundle of `spanring flare`, " + version() + ".\n\nThere are no spans in it. " +
                             std::to_string(words_.known()) + " forms of secrets were known and are " +
                             SecretWords::kHidden +
                             ", as is what looks like one. Look at it before you give it away.\n";
        if (!remarks_.empty()) readme += "\nWhat it lacks:\n\n" + remarks_;
        add("README.txt", readme);
        return std::move(tar_).finish();
    }

private:
    // Without secrets, inert, bounded.
    void add(const std::string& name, const std::string& text) {
        std::string shown;
        const std::string safe = words_.without(text);
        for (size_t begin = 0; begin < safe.size();) {
            const size_t end = std::min(safe.find('\n', begin), safe.size());
            shown += visible_line(std::string_view(safe).substr(begin, end - begin), kMostOfAPart) + "\n";
            begin = end + 1;
        }
        if (shown.size() > kMostOfAPart) {
            shown.resize(kMostOfAPart);
            lacks(name, "what is beyond " + format_size(kMostOfAPart));
        }
        tar_.add(folder_ + "/" + name, shown);
    }
    void lacks(const std::string& name, const std::string& why) {
        remarks_ += name + ": " + visible_line(words_.without(why), kMostForeign) + "\n";
    }

    void ask(const std::string& name, const std::vector<std::string>& command) {
        std::vector<std::string> words = {"/proc/self/exe", "--ascii",     "--colour",
                                          "never",          "--state-dir", site_.state_directory};
        for (const std::string& directory : site_.directories) {
            words.emplace_back("--directory");
            words.push_back(directory);
        }
        words.insert(words.end(), command.begin(), command.end());
        const ProgramOutput said = output_of(words, kMostOfAPart, kPatience);
        if (!said.problem.empty()) lacks(name, said.problem);
        if (!said.err.empty()) lacks(name, said.err);
        if (!said.out.empty()) add(name, said.out);
    }

    static std::string versions() {
        utsname host{};
        ::uname(&host);
        return "spanring " + version() + "\n" + host.sysname + " " + host.release + " " + host.version + " " +
               host.machine + "\nprocessors " + std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)) + "\n";
    }

    void add_metrics() {
        if (!site_.agent) return lacks("metrics.txt", "no agent runs there");
        if (!loaded_ || !loaded_->config.metrics) return lacks("metrics.txt", "the agent serves none");
        const auto& address = *loaded_->config.metrics;
        if (address.port == 0) return lacks("metrics.txt", "the kernel chose the port");
        const EntranceOptions& entrance = loaded_->config.metrics_entrance;
        if (entrance.tls.enabled() || entrance.auth)
            return lacks("metrics.txt", "the agent asks who comes, or has TLS");
        std::string page;
        const CURLcode code = fetch("http://" + address.text() + "/metrics", page);
        if (code != CURLE_OK) return lacks("metrics.txt", ::curl_easy_strerror(code));
        add("metrics.txt", page);
    }

    static size_t take(char* data, size_t, size_t size, void* page) {
        auto& text = *static_cast<std::string*>(page);
        if (text.size() + size > kMostOfAPart) return 0;
        text.append(data, size);
        return size;
    }

    static CURLcode fetch(const std::string& url, std::string& page) {
        const std::unique_ptr<CURL, void (*)(CURL*)> curl(::curl_easy_init(), ::curl_easy_cleanup);
        if (curl == nullptr) return CURLE_FAILED_INIT;
        ::curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
        ::curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");  // it is this host
        ::curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http");
        ::curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 30L);
        ::curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
        ::curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
        ::curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &take);
        ::curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &page);
        return ::curl_easy_perform(curl.get());
    }

    // Of systemd's journal, where that has it: the agent keeps none itself.
    void add_log() {
        if (!site_.agent || site_.agent->pid == 0) return lacks("log.txt", "no agent runs there");
        const ProgramOutput said = output_of({"journalctl", "--quiet", "--no-pager", "--output=short-iso", "--lines",
                                              kLinesOfLog, "_PID=" + std::to_string(site_.agent->pid)},
                                             kMostOfAPart, kPatience);
        if (said.out.empty())
            return lacks("log.txt", "the journal has none of it" + (said.problem.empty() ? "" : ": " + said.problem));
        add("log.txt", said.out);
    }

    const CommandContext& context_;
    const Site& site_;
    const std::string folder_;
    TarFile tar_;
    SecretWords words_;
    std::optional<LoadedConfig> loaded_;
    std::string remarks_;
};

// For this user alone, over no other file. Empty, or why not.
std::string write_new(const std::string& path, const std::string& content) {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return error_text(errno);
    for (size_t at = 0; at < content.size();) {
        const ssize_t written = ::write(file.get(), content.data() + at, content.size() - at);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            const int error = errno;
            ::unlink(path.c_str());
            return error_text(error);
        }
        at += static_cast<size_t>(written);
    }
    return {};
}

int run(const Options& options, const CommandContext& context) {
    Flare flare(context, unix_nano() / 1'000'000'000);
    flare.gather();
    const std::string path = options.output.empty() ? flare.folder() + ".tar" : options.output;
    const std::string remarks = flare.remarks();
    const std::string problem = write_new(path, std::move(flare).archive());
    if (!problem.empty()) {
        std::cerr << "spanring: " << printable(path) << ": " << problem << "\n";
        return kExitBroken;
    }
    std::cout << printable(path) << "\n";
    for (size_t begin = 0; begin < remarks.size();) {
        const size_t end = remarks.find('\n', begin);
        std::cerr << "spanring: " << printable(remarks.substr(begin, end - begin)) << "\n";
        begin = end + 1;
    }
    return 0;
}

}  // namespace

void add_flare(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand(
        "flare", "A bundle for whoever helps: what is known of the agent, without spans and secrets");
    command->add_option("--output,-o", options->output, "the archive; by default a new one here")->type_name("FILE");
    command->callback(
        [=, &selection] { selection.run = [=](const CommandContext& context) { return run(*options, context); }; });
    command->footer(
        "A tar archive of at most 20 MiB: status, configuration, doctor, ps, audit, metrics, versions and, of "
        "systemd's journal, the log. As the agent's user or root.");
}

}  // namespace spanring::agent
