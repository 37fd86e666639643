/* SPDX-License-Identifier: Apache-2.0 */
/* Prints size and offsets of each public struct, and each public number, one a line: what abi-*.txt freezes. */
#include <spanring/spanring.h>
#include <stdio.h>

#define STRUCT(type) printf("%s size %zu\n", #type, sizeof(type))
#define MEMBER(type, member) \
    printf("%s.%s %zu+%zu\n", #type, #member, offsetof(type, member), sizeof(((type *)0)->member))
#define NUMBER(name) printf("%s %lld\n", #name, (long long)(name))

int main(void) {
    STRUCT(spr_context);
    MEMBER(spr_context, trace_id);
    MEMBER(spr_context, span_id);
    MEMBER(spr_context, trace_flags);
    MEMBER(spr_context, is_remote);
    MEMBER(spr_context, sampling);
    STRUCT(spr_span);
    MEMBER(spr_span, handle);
    MEMBER(spr_span, context);
    STRUCT(spr_token);
    MEMBER(spr_token, context);
    MEMBER(spr_token, previous);
    MEMBER(spr_token, reserved);
    STRUCT(spr_attribute);
    MEMBER(spr_attribute, key);
    MEMBER(spr_attribute, key_size);
    MEMBER(spr_attribute, type);
    MEMBER(spr_attribute, reserved);
    MEMBER(spr_attribute, value);
    MEMBER(spr_attribute, value.string.data);
    MEMBER(spr_attribute, value.string.size);
    MEMBER(spr_attribute, value.boolean);
    MEMBER(spr_attribute, value.int64);
    MEMBER(spr_attribute, value.float64);
    MEMBER(spr_attribute, value.bytes.data);
    MEMBER(spr_attribute, value.bytes.size);
    MEMBER(spr_attribute, value.array.values);
    MEMBER(spr_attribute, value.array.count);
    MEMBER(spr_attribute, value.key_values.pairs);
    MEMBER(spr_attribute, value.key_values.count);
    STRUCT(spr_value);
    MEMBER(spr_value, type);
    MEMBER(spr_value, reserved);
    MEMBER(spr_value, value);
    STRUCT(spr_provider_options);
    MEMBER(spr_provider_options, struct_size);
    MEMBER(spr_provider_options, full_policy);
    MEMBER(spr_provider_options, service_name);
    MEMBER(spr_provider_options, service_name_size);
    MEMBER(spr_provider_options, resource_attributes);
    MEMBER(spr_provider_options, resource_attribute_count);
    MEMBER(spr_provider_options, memory_limit);
    MEMBER(spr_provider_options, full_wait_ns);
    STRUCT(spr_link);
    MEMBER(spr_link, context);
    MEMBER(spr_link, attributes);
    MEMBER(spr_link, attribute_count);
    STRUCT(spr_event);
    MEMBER(spr_event, name);
    MEMBER(spr_event, name_size);
    MEMBER(spr_event, time_ns);
    MEMBER(spr_event, attributes);
    MEMBER(spr_event, attribute_count);
    STRUCT(spr_start_options);
    MEMBER(spr_start_options, struct_size);
    MEMBER(spr_start_options, kind);
    MEMBER(spr_start_options, parent_mode);
    MEMBER(spr_start_options, reserved);
    MEMBER(spr_start_options, start_time_ns);
    MEMBER(spr_start_options, parent);
    MEMBER(spr_start_options, attributes);
    MEMBER(spr_start_options, attribute_count);
    MEMBER(spr_start_options, links);
    MEMBER(spr_start_options, link_count);
    MEMBER(spr_start_options, trace_state);
    MEMBER(spr_start_options, trace_state_size);
    STRUCT(spr_end_options);
    MEMBER(spr_end_options, struct_size);
    MEMBER(spr_end_options, status);
    MEMBER(spr_end_options, reserved);
    MEMBER(spr_end_options, end_time_ns);
    MEMBER(spr_end_options, name);
    MEMBER(spr_end_options, name_size);
    MEMBER(spr_end_options, status_message);
    MEMBER(spr_end_options, status_message_size);
    MEMBER(spr_end_options, attributes);
    MEMBER(spr_end_options, attribute_count);
    MEMBER(spr_end_options, events);
    MEMBER(spr_end_options, event_count);
    STRUCT(spr_statistics);
    MEMBER(spr_statistics, struct_size);
    MEMBER(spr_statistics, reserved);
    MEMBER(spr_statistics, started);
    MEMBER(spr_statistics, ended);
    MEMBER(spr_statistics, unsampled);
    MEMBER(spr_statistics, not_started_slot);
    MEMBER(spr_statistics, not_started_nested);
    MEMBER(spr_statistics, dropped_full);
    MEMBER(spr_statistics, dropped_too_big);
    MEMBER(spr_statistics, dropped_nested);
    MEMBER(spr_statistics, dropped_overwritten);
    MEMBER(spr_statistics, refused_data);
    MEMBER(spr_statistics, acknowledged);

    NUMBER(SPR_TRACE_FLAG_SAMPLED);
    NUMBER(SPR_TRACE_FLAG_RANDOM);
    NUMBER(SPR_KIND_INTERNAL);
    NUMBER(SPR_KIND_SERVER);
    NUMBER(SPR_KIND_CLIENT);
    NUMBER(SPR_KIND_PRODUCER);
    NUMBER(SPR_KIND_CONSUMER);
    NUMBER(SPR_STATUS_UNSET);
    NUMBER(SPR_STATUS_OK);
    NUMBER(SPR_STATUS_ERROR);
    NUMBER(SPR_TYPE_STRING);
    NUMBER(SPR_TYPE_BOOL);
    NUMBER(SPR_TYPE_INT64);
    NUMBER(SPR_TYPE_DOUBLE);
    NUMBER(SPR_TYPE_ARRAY);
    NUMBER(SPR_TYPE_KEY_VALUES);
    NUMBER(SPR_TYPE_BYTES);
    NUMBER(SPR_TYPE_EMPTY);
    NUMBER(SPR_VALUE_DEPTH);
    NUMBER(SPR_FULL_DROP_NEWEST);
    NUMBER(SPR_FULL_OVERWRITE_OLDEST);
    NUMBER(SPR_FULL_WAIT);
    NUMBER(SPR_PARENT_CURRENT);
    NUMBER(SPR_PARENT_EXPLICIT);
    NUMBER(SPR_PARENT_ROOT);
    NUMBER(SPR_TRACEPARENT_SIZE);
    return 0;
}
