-- SPDX-License-Identifier: Apache-2.0
--
-- The C ABI of <spanring/spanring.h> for LuaJIT's FFI, as far as the modules here use it, and the library that has it. A test
-- compares sizes and offsets with those that a C compiler sees. Strings are `const char *` throughout, also where the header
-- writes through the pointer: a Lua string can be stored then, and nothing here lets the library write into one.
local ffi = require "ffi"

local M = {}

-- A second copy of the module in one VM (package.loaded was emptied) finds the types there.
if not pcall(ffi.typeof, "spr_span_token") then
    ffi.cdef [[
typedef struct spr_provider spr_provider;
typedef struct spr_tracer spr_tracer;

typedef struct spr_context {
    uint8_t trace_id[16];
    uint8_t span_id[8];
    uint8_t trace_flags;
    uint8_t is_remote;
    uint8_t sampling[6];
} spr_context;

typedef struct spr_span {
    uint64_t handle;
    spr_context context;
} spr_span;

typedef struct spr_token {
    spr_context context;
    struct spr_token *previous;
    uint64_t reserved;
    uint64_t record[4];
} spr_token;

typedef struct spr_span_token {
    spr_token token;
    spr_span span;
} spr_span_token;

typedef struct spr_text {
    const char *data;
    size_t size;
    size_t capacity;
} spr_text;

typedef struct spr_propagated {
    uint32_t struct_size;
    uint32_t flags;
    spr_context context;
    spr_text trace_state;
    spr_text baggage;
} spr_propagated;

typedef struct spr_value spr_value;
typedef struct spr_attribute spr_attribute;

typedef union spr_any {
    struct { const char *data; size_t size; } string;
    uint64_t boolean;
    int64_t int64;
    double float64;
    struct { const void *data; size_t size; } bytes;
    struct { const spr_value *values; size_t count; } array;
    struct { const spr_attribute *pairs; size_t count; } key_values;
} spr_any;

struct spr_value {
    uint32_t type;
    uint32_t reserved;
    spr_any value;
};

struct spr_attribute {
    const char *key;
    size_t key_size;
    uint32_t type;
    uint32_t reserved;
    spr_any value;
};

typedef struct spr_provider_options {
    uint32_t struct_size;
    uint32_t full_policy;
    const char *service_name;
    size_t service_name_size;
    const spr_attribute *resource_attributes;
    size_t resource_attribute_count;
    uint64_t memory_limit;
    uint64_t full_wait_ns;
    uint32_t attribute_count_limit;
    uint32_t attribute_value_length_limit;
    uint32_t event_count_limit;
    uint32_t link_count_limit;
    uint32_t event_attribute_count_limit;
    uint32_t link_attribute_count_limit;
    const char *resource_schema_url;
    size_t resource_schema_url_size;
    uint32_t memory;
    uint32_t reserved;
} spr_provider_options;

typedef struct spr_link {
    spr_context context;
    const spr_attribute *attributes;
    size_t attribute_count;
    const char *trace_state;
    size_t trace_state_size;
    uint32_t dropped_attributes;
    uint32_t reserved;
} spr_link;

typedef struct spr_event {
    const char *name;
    size_t name_size;
    uint64_t time_ns;
    const spr_attribute *attributes;
    size_t attribute_count;
    uint32_t dropped_attributes;
    uint32_t reserved;
} spr_event;

typedef struct spr_start_options {
    uint32_t struct_size;
    uint8_t kind;
    uint8_t parent_mode;
    uint16_t reserved;
    uint64_t start_time_ns;
    const spr_context *parent;
    const spr_attribute *attributes;
    size_t attribute_count;
    const spr_link *links;
    size_t link_count;
    const char *trace_state;
    size_t trace_state_size;
    const spr_context *context;
    uint32_t sampling;
    uint32_t reserved_word;
} spr_start_options;

typedef struct spr_end_options {
    uint32_t struct_size;
    uint8_t status;
    uint8_t reserved[3];
    uint64_t end_time_ns;
    const char *name;
    size_t name_size;
    const char *status_message;
    size_t status_message_size;
    const spr_attribute *attributes;
    size_t attribute_count;
    const spr_event *events;
    size_t event_count;
} spr_end_options;

typedef struct spr_exception {
    uint32_t struct_size;
    uint32_t reserved;
    const char *type;
    size_t type_size;
    const char *message;
    size_t message_size;
    const char *stacktrace;
    size_t stacktrace_size;
    uint64_t time_ns;
    const spr_attribute *attributes;
    size_t attribute_count;
} spr_exception;

typedef struct spr_carrier {
    uint32_t struct_size;
    uint32_t reserved;
    void *user;
    void *get;
    void *set;
    void *remove;
} spr_carrier;

typedef struct spr_environment {
    uint32_t struct_size;
    uint32_t reserved;
    const char **variables;
    size_t capacity;
    spr_text memory;
} spr_environment;

typedef struct spr_statistics {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t started;
    uint64_t ended;
    uint64_t unsampled;
    uint64_t not_started_slot;
    uint64_t not_started_nested;
    uint64_t dropped_full;
    uint64_t dropped_too_big;
    uint64_t dropped_nested;
    uint64_t dropped_overwritten;
    uint64_t refused_data;
    uint64_t acknowledged;
    uint64_t cut_texts;
    uint64_t misread_variables;
    uint64_t given_back_bytes;
} spr_statistics;

int spr_provider_open(const spr_provider_options *options, spr_provider **ret_provider);
int spr_provider_state(const spr_provider *provider);
int spr_provider_flush(spr_provider *provider, uint64_t timeout_ns);
int spr_provider_shutdown(spr_provider *provider, uint64_t timeout_ns);
int spr_provider_statistics(const spr_provider *provider, spr_statistics *statistics);
int spr_tracer_get(spr_provider *provider, const char *name, size_t name_size, const char *version, size_t version_size,
                   const char *schema_url, size_t schema_url_size, spr_tracer **ret_tracer);
int spr_tracer_enabled(const spr_tracer *tracer);
int spr_span_start(spr_tracer *tracer, const char *name, size_t name_size, spr_span *ret_span);
int spr_span_start_with(spr_tracer *tracer, const char *name, size_t name_size, const spr_start_options *options,
                        spr_span *ret_span);
int spr_span_set_string(const spr_span *span, const char *key, size_t key_size, const char *value, size_t value_size);
int spr_span_set_bool(const spr_span *span, const char *key, size_t key_size, int value);
int spr_span_set_int64(const spr_span *span, const char *key, size_t key_size, int64_t value);
int spr_span_set_double(const spr_span *span, const char *key, size_t key_size, double value);
int spr_span_set_attributes(const spr_span *span, const spr_attribute *attributes, size_t attribute_count);
int spr_span_add_event(const spr_span *span, const spr_event *event);
int spr_span_add_link(const spr_span *span, const spr_link *link);
int spr_span_record_exception(const spr_span *span, const spr_exception *exception);
int spr_span_set_status(const spr_span *span, int code, const char *message, size_t message_size);
int spr_span_set_name(const spr_span *span, const char *name, size_t name_size);
int spr_span_set_kind(const spr_span *span, int kind);
int spr_span_is_recording(const spr_span *span);
int spr_span_end(const spr_span *span);
int spr_span_end_with(const spr_span *span, const spr_end_options *options);
int spr_span_trace_state(const spr_span *span, spr_text *ret_trace_state);
int spr_trace_id_hex(const spr_context *context, char *ret_hex);
int spr_span_id_hex(const spr_context *context, char *ret_hex);
int spr_extract(const spr_carrier *carrier, spr_propagated *propagated);
int spr_inject_with(const spr_propagated *propagated, const spr_carrier *carrier);
int spr_propagators_set(const char *names, size_t names_size);
const char *spr_propagation_field(size_t index);
int spr_environment_carrier(spr_environment *environment, spr_carrier *ret_carrier);
int spr_baggage_get(const char *baggage, size_t baggage_size, const char *key, size_t key_size, spr_text *ret_value);
int spr_baggage_set(spr_text *baggage, const char *key, size_t key_size, const char *value, size_t value_size,
                    const char *properties, size_t properties_size);
const char *spr_strerror(int error);
const char *spr_version(void);
]]
end

local ENOSYS = -38

-- What there is without the library: every call does nothing and says -ENOSYS.
local nothing = setmetatable({
    spr_strerror = function() return "libspanring is not there" end,
    spr_version = function() return "" end,
    spr_propagation_field = function() return nil end,
}, {
    __index = function(functions, name)
        local function refuse() return ENOSYS end
        rawset(functions, name, refuse)
        return refuse
    end,
})

-- The functions, and why they do nothing, where they do.
function M.load(path)
    local why
    for _, name in ipairs(path and { path } or { "libspanring.so.0", "spanring" }) do
        local loaded, library = pcall(ffi.load, name)
        if loaded then
            local there, missing = pcall(function() return library.spr_span_trace_state end)
            if there then return library end
            library = missing
        end
        why = why or tostring(library)
    end
    return nothing, why
end

return M
