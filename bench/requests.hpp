// SPDX-License-Identifier: Apache-2.0
//
// What spans say (shop_requests.py draws it and writes the file): read at the start, so that no compiler knows a value,
// and handed out in turn.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "worker.hpp"

namespace bench {

struct Request {
    std::string name, method, path;
    int64_t status;
    std::string server;
    int64_t port;
    std::string protocol, client, short_agent;
    double total;
    std::string route_name, route, long_path, query;
    int64_t peer_port;
    std::string agent, statement, table, operation;
    int64_t rows;
    std::string cache_key;
    std::array<std::string, 20> headers;
};

class Requests {
public:
    explicit Requests(const std::string& file) {
        std::ifstream lines(file);
        for (std::string line; std::getline(lines, line);) requests_.push_back(read(line, file));
        if (requests_.empty() || (requests_.size() & (requests_.size() - 1)) != 0)
            fail(file + " does not have a power of two of requests");
    }
    const Request& operator[](uint64_t number) const { return requests_[number & (requests_.size() - 1)]; }

private:
    // The columns of a line, in their order; they must come out even.
    class Columns {
    public:
        Columns(const std::string& line, const std::string& file) : line_(line), file_(file) {}
        ~Columns() {
            if (at_ != line_.size() + 1) fail(file_ + " has more columns than are read");
        }
        Columns(const Columns&) = delete;
        Columns& operator=(const Columns&) = delete;

        std::string text() {
            if (at_ > line_.size()) fail(file_ + " has fewer columns than are read");
            const size_t end = std::min(line_.find('\t', at_), line_.size());
            const std::string column = line_.substr(at_, end - at_);
            at_ = end + 1;
            return column;
        }
        template <class Number>
        Number number() {
            const std::string column = text();
            Number value{};
            const auto [end, error] = std::from_chars(column.data(), column.data() + column.size(), value);
            if (error != std::errc() || end != column.data() + column.size())
                fail(file_ + " has '" + column + "' for a number");
            return value;
        }

    private:
        const std::string& line_;
        const std::string& file_;
        size_t at_ = 0;
    };

    static Request read(const std::string& line, const std::string& file) {
        Columns columns(line, file);
        Request request;
        for (std::string* text : {&request.name, &request.method, &request.path}) *text = columns.text();
        request.status = columns.number<int64_t>();
        request.server = columns.text();
        request.port = columns.number<int64_t>();
        for (std::string* text : {&request.protocol, &request.client, &request.short_agent}) *text = columns.text();
        request.total = columns.number<double>();
        for (std::string* text : {&request.route_name, &request.route, &request.long_path, &request.query})
            *text = columns.text();
        request.peer_port = columns.number<int64_t>();
        for (std::string* text : {&request.agent, &request.statement, &request.table, &request.operation})
            *text = columns.text();
        request.rows = columns.number<int64_t>();
        request.cache_key = columns.text();
        for (std::string& header : request.headers) header = columns.text();
        return request;
    }

    std::vector<Request> requests_;
};

}  // namespace bench
