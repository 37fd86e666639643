// SPDX-License-Identifier: Apache-2.0
#include "segment/scope_reader.hpp"

#include <cstring>

#include "otlp/span_validator.hpp"
#include "otlp/utf8.hpp"
#include "otlp/wire.hpp"
#include "ring/atomics.hpp"

namespace spanring::agent {

namespace {

// The one field that `bytes` must be, to the end. An empty one is allowed.
bool body_of(std::string& bytes, uint8_t tag, std::span<uint8_t>& ret_body) {
    ret_body = {};
    if (bytes.empty()) return true;
    if (static_cast<uint8_t>(bytes[0]) != tag) return false;
    auto* const data = reinterpret_cast<uint8_t*>(bytes.data());
    wire::MutableCursor cursor(data + 1, data + bytes.size());
    size_t length = 0;
    if (wire::read_length(cursor, length) != wire::Fault::kNone || length != cursor.left()) return false;
    ret_body = {cursor.at, length};
    return true;
}

}  // namespace

std::shared_ptr<const Scope> ScopeReader::find(uint32_t scope) {
    if (scope > ring::kScopeEntries) return nullptr;
    if (scope >= scopes_.size()) scopes_.resize(scope + 1);
    if (scopes_[scope] == nullptr) scopes_[scope] = scope == 0 ? std::make_shared<const Scope>() : read(scope - 1);
    return scopes_[scope];
}

std::shared_ptr<const Scope> ScopeReader::read(uint32_t index) const {
    const ring::ScopeEntry& entry = segment_.scope(index);
    // acquire: the entry and its bytes. Pairs with the release of `ready` in the library's TracerTable. Without it a
    // scope could be read half-written.
    if (ring::StdAtomics::load(entry.ready, std::memory_order_acquire) != 1) return nullptr;
    const uint64_t offset = entry.offset, scope_size = entry.scope_size, schema_size = entry.schema_size;  // once each
    if (!ring::is_scope_place(offset, scope_size + schema_size)) return nullptr;
    auto scope = std::make_shared<Scope>();
    const auto* bytes = reinterpret_cast<const char*>(segment_.scope_bytes(static_cast<uint32_t>(offset)));
    scope->scope.assign(bytes, scope_size);
    scope->schema_url.assign(bytes + scope_size, schema_size);

    std::span<uint8_t> body;
    if (!body_of(scope->scope, 0x0a, body) || validate_scope(body).defect != SpanDefect::kNone) return nullptr;
    if (!body_of(scope->schema_url, 0x1a, body)) return nullptr;
    repair_utf8(body);
    return scope;
}

}  // namespace spanring::agent
