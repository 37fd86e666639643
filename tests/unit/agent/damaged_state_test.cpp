// SPDX-License-Identifier: Apache-2.0
//
// State directories that are damaged by chance, by seed, in every way that a disk, an editor or another program can
// damage them. Everything that the agent keeps there must open, and do its work, each time.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "base/state_lock.hpp"
#include "crash/crash_journal.hpp"
#include "ledger/ledger.hpp"
#include "spool/spool.hpp"
#include "store/store_exporter.hpp"
#include "store/store_reader.hpp"
#include "support/otlp_bytes.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_spans.hpp"

namespace spanring::agent {
namespace {

namespace fs = std::filesystem;
using test::watchdog;

constexpr int kCases = 700;
constexpr uid_t kNobody = 65534;

ProcessRow process(uint8_t number) {
    ProcessRow row;
    row.instance.fill(number);
    row.service = "cart";
    row.agent.exporters[0] = {exporter_hash("otlp_grpc"), 1, 0, 30, 0, 0, 0, 0, 0, 0};
    return row;
}

class State {
public:
    explicit State(fs::path folder) : folder_(std::move(folder)) {}

    const fs::path& folder() const { return folder_; }
    std::string file(const std::string& name) const { return folder_ / name; }

    // What an agent does with its state. Every line of it must work.
    void use() {
        const StateLock lock(folder_, file("agent.lock"));
        const auto ledger = Ledger::open(file("ledger.db"));
        EXPECT_TRUE(ledger->update(process(1)));
        ledger->book_spool(process(1).instance, "otlp_grpc", {1, 0, 0});
        EXPECT_FALSE(Ledger::open_read_only(file("ledger.db"))->processes().empty());
        EXPECT_GE(ledger->spool(process(1).instance, "otlp_grpc").exported, 1u);
        CrashJournal(file("crashes")).forget();
        use_spool();
        use_store();
    }

private:
    void use_spool() {
        SpoolOptions options;
        options.directory = file("spool");
        Spool spool(options, [](std::span<const Spool::Share>) {});
        for (int n = 0; n < 3; ++n) {
            const Spool::Share share{process(1).instance, 10};
            const std::string request(1000, 'r');
            const std::span<const uint8_t> slice = test::readable(request);
            EXPECT_TRUE(spool.append(::geteuid(), {&share, 1}, {&slice, 1})) << spool.error();
        }
        int taken = 0;
        while (const auto entry = spool.take()) {
            if (taken % 2 == 0) spool.finish(entry->ticket);
            ++taken;
        }
        EXPECT_GE(taken, 3);
    }

    void use_store() {
        Acknowledgements acknowledgements;
        StoreOptions options;
        options.path = file("spans.db");
        StoreExporter exporter("store", 0, true, options);
        const auto batch = test::make_batch({{"cart", {{.trace = 1}}}}, acknowledgements);
        exporter.submit(batch);
        EXPECT_TRUE(exporter.flush(watchdog()));
        EXPECT_EQ(batch->resolutions[0].outcome, Outcome::kExported) << exporter.status().last_error;
        EXPECT_GE(StoreReader(options.path).stored_spans(), 1u);
    }

    const fs::path folder_;
};

// The damages.

using Chance = std::mt19937_64;

uint64_t below(Chance& chance, uint64_t end) { return std::uniform_int_distribution<uint64_t>(0, end - 1)(chance); }

std::string content(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
void replace(const fs::path& file, const std::string& content) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
}

void truncate(const fs::path& file, Chance& chance) { fs::resize_file(file, below(chance, fs::file_size(file) + 1)); }
void flip(const fs::path& file, Chance& chance) {
    std::string text = content(file);
    if (text.empty()) return;
    for (uint64_t left = 1 + below(chance, 64); left != 0; --left) {
        char& byte = text[below(chance, text.size())];
        byte = static_cast<char>(byte ^ (1 << below(chance, 8)));
    }
    replace(file, text);
}
void flip_at_the_front(const fs::path& file, Chance& chance) {
    std::string text = content(file);
    if (text.empty()) return;
    char& byte = text[below(chance, std::min<size_t>(text.size(), 100))];
    byte = static_cast<char>(byte ^ (1 << below(chance, 8)));
    replace(file, text);
}
void zero(const fs::path& file, Chance& chance) {
    std::string text = content(file);
    const size_t from = chance() % 2 == 0 ? 0 : below(chance, text.size() + 1);
    std::fill(text.begin() + static_cast<ptrdiff_t>(from), text.end(), '\0');
    replace(file, text);
}
void fill(const fs::path& file, Chance& chance) {
    std::string text(1 + below(chance, 100'000), '\0');
    for (char& byte : text) byte = static_cast<char>(chance());
    replace(file, text);
}
void make_huge(const fs::path& file, Chance& chance) {
    if (chance() % 2 == 0) replace(file, "");
    fs::resize_file(file, uint64_t{1} << 40);
}
void make_fifo(const fs::path& file, Chance&) {
    fs::remove_all(file);
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
}
void make_folder(const fs::path& file, Chance& chance) {
    fs::remove_all(file);
    fs::create_directory(file);
    if (chance() % 2 == 0) replace(file / "inside", "x");
}
void make_link(const fs::path& file, Chance& chance) {
    fs::remove_all(file);
    static const char* const kTargets[] = {"/dev/zero", "/nonexistent/place", "/etc/passwd", "."};
    fs::create_symlink(kTargets[chance() % 4], file);
}
void close_to_all(const fs::path& file, Chance&) { ::chmod(file.c_str(), 0); }
void open_to_all(const fs::path& file, Chance&) { ::chmod(file.c_str(), 0666); }
void give_away(const fs::path& file, Chance&) {
    if (::lchown(file.c_str(), kNobody, kNobody) != 0) ::chmod(file.c_str(), 0);  // only root can
}
void swap(const fs::path& file, Chance&) {  // a file of the agent's, but another one
    fs::copy_file(file.parent_path().filename() == "spool" ? file.parent_path().parent_path() / "ledger.db"
                                                           : file.parent_path() / "spool/0000000000000001.spool",
                  file, fs::copy_options::overwrite_existing);
}

struct Damage {
    const char* name;
    void (*work)(const fs::path& file, Chance& chance);
};
constexpr Damage kDamages[] = {{"truncated", truncate},
                               {"bits flipped", flip},
                               {"a bit at the front flipped", flip_at_the_front},
                               {"zeros", zero},
                               {"garbage", fill},
                               {"huge", make_huge},
                               {"a FIFO", make_fifo},
                               {"a folder", make_folder},
                               {"a link", make_link},
                               {"closed to all", close_to_all},
                               {"open to all", open_to_all},
                               {"another user's", give_away},
                               {"another file", swap}};
constexpr const char* kFiles[] = {"ledger.db",
                                  "ledger.db-wal",
                                  "ledger.db-shm",
                                  "spans.db",
                                  "spans.db-wal",
                                  "crashes",
                                  "agent.lock",
                                  "spool/0000000000000001.spool",
                                  "spool/0000000000000002.spool",
                                  "spool/lock",
                                  "spool"};

class DamagedStateTest : public testing::Test {
protected:
    // As an agent leaves it that was killed: with logs beside the databases.
    DamagedStateTest() : sound_(directory_.file("sound")) {
        fs::create_directory(sound_.folder());
        ::chmod(sound_.folder().c_str(), 0700);
        const fs::path killed = directory_.file("killed");
        fs::create_directory(killed);
        ::chmod(killed.c_str(), 0700);
        State first(killed);
        first.use();
        std::ofstream(first.file("crashes")) << "11 1000 /dev/shm/spanring-1000/x.spr\n";
        // While connections are open the logs are there.
        const auto ledger = Ledger::open(first.file("ledger.db"));
        for (uint8_t n = 1; n < 20; ++n) ledger->update(process(n));
        Database store = Database::open(first.file("spans.db"), kStoreSchema);
        store.execute("INSERT INTO totals VALUES ('evicted_spans', 7)");
        fs::copy(killed, sound_.folder(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
        fs::copy_file(sound_.file("spool/0000000000000001.spool"), sound_.file("spool/0000000000000002.spool"));
        fs::permissions(sound_.file("spool"), fs::perms::owner_all);
    }

    spanring::test::TemporaryDirectory directory_;
    State sound_;
};

TEST_F(DamagedStateTest, IsServedEachTime) {
    for (int seed = 0; seed < kCases && !HasFailure(); ++seed) {
        Chance chance(static_cast<uint64_t>(seed));
        const char* const name = kFiles[below(chance, std::size(kFiles))];
        const bool folder = std::string(name) == "spool";
        const size_t first = folder ? 6 : 0;  // what is done to a folder
        const Damage& damage = kDamages[first + below(chance, std::size(kDamages) - first - (folder ? 1 : 0))];
        SCOPED_TRACE(std::string("seed ") + std::to_string(seed) + ": " + name + " is " + damage.name);
        State state(directory_.file("state"));
        fs::copy(sound_.folder(), state.folder(), fs::copy_options::recursive);
        ::chmod(state.folder().c_str(), 0700);
        damage.work(state.folder() / name, chance);
        try {
            state.use();
            state.use();
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
        fs::remove_all(state.folder());
    }
}

}  // namespace
}  // namespace spanring::agent
