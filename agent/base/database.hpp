// SPDX-License-Identifier: Apache-2.0
//
// A thin RAII layer over SQLite: open with checked rights and schema, prepared statements, transactions.
//
// Invariants: a file that is written is 0600, in a directory that nobody else can write; one writer (the agent), any
// number of readers (the command) beside it, by WAL. A Database and its Statements belong to one thread at a time, and
// a Database stays where it is while it has Statements. Errors are DatabaseError: the file and what was being done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace spanring::agent {

class DatabaseError : public std::runtime_error {
public:
    explicit DatabaseError(const std::string& what, bool damaged = false)
        : std::runtime_error(what), damaged_(damaged) {}

    // The content of the file is to blame, not the disk or its rights: a new one would do.
    bool damaged() const { return damaged_; }

private:
    bool damaged_;
};

// What a file must be. `create` makes version `version` of it out of an empty file, `upgrade` out of the version
// before.
struct DatabaseSchema {
    const char* what;  // in messages: "ledger", "span store"
    int32_t application_id;
    int version;
    const char* create;
    const char* upgrade = nullptr;  // null: older versions are refused
};

class Database {
public:
    Database() = default;
    Database(Database&& other) noexcept;
    Database& operator=(Database&& other) noexcept;
    ~Database();

    // Creates the file (0600) where it is missing; upgrades the version before. What is no file of this user's is set
    // aside.
    static Database open(const std::string& file, const DatabaseSchema& schema);
    // Never creates, upgrades or changes anything but SQLite's own index of the log.
    static Database open_read_only(const std::string& file, const DatabaseSchema& schema);

    // Of all databases of this process: caches, statements, what SQLite has set up.
    static size_t memory_used();

    // After an error that says damaged(): the file and its log get other names, and none is open any more.
    static void set_aside(const std::string& file, const std::string& why);

    void check_content();  // reads all of it; throws what it finds
    void execute(const char* sql);
    int64_t number(const char* sql);  // first column of the first row; 0 if there is none
    int64_t last_row() const;
    int64_t changes() const;

    sqlite3* handle() const { return handle_; }
    const std::string& file() const { return file_; }
    [[noreturn]] void fail(std::string_view doing) const;

private:
    Database(sqlite3* handle, std::string file) : handle_(handle), file_(std::move(file)) {}

    sqlite3* handle_ = nullptr;
    std::string file_;
};

class Statement {
public:
    Statement() = default;
    Statement(const Database& database, std::string_view sql);
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&& other) noexcept;
    ~Statement();

    // Parameters count from 1. Text and blobs must live until the next reset().
    Statement& bind(int parameter, int64_t value);
    Statement& bind(int parameter, uint64_t value) { return bind(parameter, static_cast<int64_t>(value)); }
    Statement& bind(int parameter, uint32_t value) { return bind(parameter, int64_t{value}); }
    Statement& bind(int parameter, std::string_view text);
    Statement& bind(int parameter, std::span<const uint8_t> blob);
    Statement& bind_null(int parameter);

    bool step();  // true: a row
    void run();   // to the end, then reset
    void reset();

    // Columns count from 0. The views live until the next step() or reset().
    int64_t integer(int column) const;
    uint64_t unsigned_integer(int column) const { return static_cast<uint64_t>(integer(column)); }
    std::string_view text(int column) const;
    std::span<const uint8_t> blob(int column) const;
    bool is_null(int column) const;

private:
    void check(int result, const char* doing);

    const Database* database_ = nullptr;
    sqlite3_stmt* handle_ = nullptr;
};

// Rolls back unless committed.
class Transaction {
public:
    explicit Transaction(Database& database) : database_(database) { database_.execute("BEGIN IMMEDIATE"); }
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit();

private:
    Database& database_;
    bool committed_ = false;
};

}  // namespace spanring::agent
