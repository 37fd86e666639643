// SPDX-License-Identifier: Apache-2.0
#include "base/database.hpp"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "base/error_text.hpp"
#include "base/set_aside.hpp"
#include "base/state_file.hpp"

namespace spanring::agent {
namespace {

constexpr int kBusyMilliseconds = 5000;

// SQLite's own files beside it.
constexpr const char* kBeside[] = {"-wal", "-shm", "-journal"};

// SQLite would create the file with the umask's mode, follow any link, and wait at a FIFO.
void prepare_files(const std::string& file) {
    try {
        open_state_file(file);
        for (const char* const end : kBeside) prepare_state_file(file + end);
    } catch (const std::system_error& error) {
        throw DatabaseError(error.what());
    }
}

bool is_damage(int code) {
    switch (code & 0xff) {
        case SQLITE_NOTADB:
        case SQLITE_CORRUPT:
        case SQLITE_FORMAT:
        case SQLITE_MISMATCH:
        case SQLITE_ERROR: return true;  // a table that is not as it was made
        case SQLITE_CONSTRAINT: return code != SQLITE_CONSTRAINT_TRIGGER;
        case SQLITE_IOERR: return code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_CORRUPTFS;
        default: return false;
    }
}

sqlite3* connect(const std::string& file, int flags) {
    sqlite3* handle = nullptr;
    const int result = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
    if (result != SQLITE_OK) {
        const std::string message = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(result);
        sqlite3_close(handle);
        throw DatabaseError(file + ": cannot open: " + message, is_damage(result));
    }
    sqlite3_busy_timeout(handle, kBusyMilliseconds);
    sqlite3_extended_result_codes(handle, 1);
    return handle;
}

void check_schema(Database& database, const DatabaseSchema& schema) {
    const int64_t application = database.number("PRAGMA application_id");
    if (application != schema.application_id) {
        throw DatabaseError(database.file() + ": is a database, but not a spanring " + schema.what, true);
    }
    const int64_t version = database.number("PRAGMA user_version");
    if (version != schema.version) {
        throw DatabaseError(database.file() + ": is version " + std::to_string(version) + " of the " + schema.what +
                                ", this program knows version " + std::to_string(schema.version),
                            true);
    }
}

// Upgrades a file of the version before, in one transaction.
void upgrade(Database& database, const DatabaseSchema& schema) {
    const auto is_older = [&] {
        return database.number("PRAGMA application_id") == schema.application_id &&
               database.number("PRAGMA user_version") == schema.version - 1;
    };
    if (schema.upgrade == nullptr || !is_older()) return;
    Transaction transaction(database);
    if (is_older()) {  // else another agent was faster
        database.execute(schema.upgrade);
        database.execute(("PRAGMA user_version = " + std::to_string(schema.version)).c_str());
    }
    transaction.commit();
}

}  // namespace

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), file_(std::move(other.file_)) {}

Database& Database::operator=(Database&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(file_, other.file_);
    return *this;
}

Database::~Database() { sqlite3_close_v2(handle_); }

Database Database::open(const std::string& file, const DatabaseSchema& schema) {
    prepare_files(file);
    Database database(connect(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX), file);
    database.execute("PRAGMA synchronous = NORMAL");
    if (database.number("PRAGMA page_count") == 0) {
        // Only before the first table: larger pages for large blobs.
        database.execute("PRAGMA page_size = 8192");
        database.execute("PRAGMA journal_mode = WAL");
        Transaction transaction(database);
        if (database.number("PRAGMA user_version") == 0) {  // else another agent was faster
            database.execute(schema.create);
            database.execute(("PRAGMA application_id = " + std::to_string(schema.application_id)).c_str());
            database.execute(("PRAGMA user_version = " + std::to_string(schema.version)).c_str());
        }
        transaction.commit();
    }
    upgrade(database, schema);
    check_schema(database, schema);
    database.execute("PRAGMA journal_mode = WAL");
    return database;
}

Database Database::open_read_only(const std::string& file, const DatabaseSchema& schema) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) throw DatabaseError(file + ": " + error_text(errno));
    Database database(connect(file, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX), file);
    check_schema(database, schema);
    return database;
}

void Database::fail(std::string_view doing) const {
    throw DatabaseError(file_ + ": " + std::string(doing) + ": " + sqlite3_errmsg(handle_),
                        is_damage(sqlite3_extended_errcode(handle_)));
}

size_t Database::memory_used() { return static_cast<size_t>(sqlite3_memory_used()); }

void Database::set_aside(const std::string& file, const std::string& why) {
    try {
        const std::string name = agent::set_aside(file, why);
        for (const char* const end : kBeside) ::rename((file + end).c_str(), (name + end).c_str());
        ::unlink((name + "-shm").c_str());  // an index of the log, made anew from it
    } catch (const std::system_error& error) {
        throw DatabaseError(error.what());
    }
}

void Database::check_content() {
    Statement statement(*this, "PRAGMA quick_check(1)");
    if (!statement.step() || statement.text(0) == "ok") return;
    throw DatabaseError(file_ + ": " + std::string(statement.text(0)), true);
}

void Database::execute(const char* sql) {
    if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
}

int64_t Database::number(const char* sql) {
    Statement statement(*this, sql);
    return statement.step() ? statement.integer(0) : 0;
}

int64_t Database::last_row() const { return sqlite3_last_insert_rowid(handle_); }
int64_t Database::changes() const { return sqlite3_changes(handle_); }

Statement::Statement(const Database& database, std::string_view sql) : database_(&database) {
    const int result = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                          SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
    if (result != SQLITE_OK) database.fail("prepare");
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), handle_(std::exchange(other.handle_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
    std::swap(database_, other.database_);
    std::swap(handle_, other.handle_);
    return *this;
}

Statement::~Statement() { sqlite3_finalize(handle_); }

void Statement::check(int result, const char* doing) {
    if (result != SQLITE_OK) database_->fail(doing);
}

Statement& Statement::bind(int parameter, int64_t value) {
    check(sqlite3_bind_int64(handle_, parameter, value), "bind");
    return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) {
    // A null pointer would bind NULL.
    const char* data = text.data() != nullptr ? text.data() : "";
    check(sqlite3_bind_text64(handle_, parameter, data, text.size(), SQLITE_STATIC, SQLITE_UTF8), "bind");
    return *this;
}

Statement& Statement::bind(int parameter, std::span<const uint8_t> blob) {
    const void* data = blob.data() != nullptr ? static_cast<const void*>(blob.data()) : "";
    check(sqlite3_bind_blob64(handle_, parameter, data, blob.size(), SQLITE_STATIC), "bind");
    return *this;
}

Statement& Statement::bind_null(int parameter) {
    check(sqlite3_bind_null(handle_, parameter), "bind");
    return *this;
}

bool Statement::step() {
    const int result = sqlite3_step(handle_);
    if (result == SQLITE_ROW) return true;
    if (result != SQLITE_DONE) {
        const std::string sql = sqlite3_sql(handle_);
        sqlite3_reset(handle_);
        database_->fail(sql.substr(0, sql.find('\n')));
    }
    return false;
}

void Statement::run() {
    while (step()) {
    }
    reset();
}

void Statement::reset() {
    sqlite3_reset(handle_);
    sqlite3_clear_bindings(handle_);
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }

std::string_view Statement::text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
    return data != nullptr ? std::string_view(data, static_cast<size_t>(sqlite3_column_bytes(handle_, column)))
                           : std::string_view();
}

std::span<const uint8_t> Statement::blob(int column) const {
    const auto* data = static_cast<const uint8_t*>(sqlite3_column_blob(handle_, column));
    return {data, data != nullptr ? static_cast<size_t>(sqlite3_column_bytes(handle_, column)) : 0};
}

bool Statement::is_null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }

Transaction::~Transaction() {
    if (!committed_) sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
    database_.execute("COMMIT");
    committed_ = true;
}

}  // namespace spanring::agent
