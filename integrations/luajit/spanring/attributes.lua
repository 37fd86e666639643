-- SPDX-License-Identifier: Apache-2.0
--
-- Attributes for one call of the library: Lua values as spr_attribute, in memory of this module. What has no type there (a
-- function, a list in a list, nil) is left out.
local ffi = require "ffi"
require "spanring.abi" -- declares the types

local type, pairs, floor = type, pairs, math.floor
local istype = ffi.istype
local int64_type, uint64_type = ffi.typeof("int64_t"), ffi.typeof("uint64_t")

local STRING, BOOL, INT64, DOUBLE, ARRAY = 1, 2, 3, 4, 5
local MOST_INTEGER = 2 ^ 53 -- a Lua number is a double: integers beyond that are not whole ones any more

local ATTRIBUTES, VALUES = 256, 256 -- in one call; the default limit of a span is 128
local M = {}

local attributes = ffi.new("spr_attribute[?]", ATTRIBUTES)
local values = ffi.new("spr_value[?]", VALUES)
M.list = attributes

-- Type and value into `any`; the type, or nil where it is none. `used`: how many places of `values` lists have taken.
local function put(any, value, used)
    local kind = type(value)
    if kind == "string" then
        any.string.data, any.string.size = value, #value
        return STRING, used
    elseif kind == "number" then
        if M.is_integer(value) then
            any.int64 = value
            return INT64, used
        end
        any.float64 = value
        return DOUBLE, used
    elseif kind == "boolean" then
        any.boolean = value and 1 or 0
        return BOOL, used
    elseif kind == "cdata" and (istype(int64_type, value) or istype(uint64_type, value)) then
        any.int64 = value
        return INT64, used
    elseif kind == "table" then
        local count = #value
        if used + count > VALUES then return nil, used end
        local first = values + used
        used = used + count
        for i = 1, count do
            local one = first[i - 1]
            local item
            if type(value[i]) == "table" then return nil, used end
            item, used = put(one.value, value[i], used)
            if not item then return nil, used end
            one.type, one.reserved = item, 0
        end
        any.array.values, any.array.count = first, count
        return ARRAY, used
    end
    return nil, used
end

local count, used = 0, 0 -- of the list that M.put() is at

-- One more, behind those that M.put() filled in. Returns how many there are.
local function add(key, value)
    if type(key) ~= "string" or count == ATTRIBUTES then return count end
    local attribute = attributes[count]
    local kind
    kind, used = put(attribute.value, value, used)
    if not kind then return count end
    attribute.key, attribute.key_size, attribute.type, attribute.reserved = key, #key, kind, 0
    count = count + 1
    return count
end
M.add = add

-- {key = value, ...}, or {"key", value, "key", value, ...}, which keeps its order. Returns how many.
function M.put(list)
    count, used = 0, 0
    if type(list) ~= "table" then return 0 end
    if list[1] ~= nil then
        for i = 1, #list - 1, 2 do add(list[i], list[i + 1]) end
    else
        for key, value in pairs(list) do add(key, value) end
    end
    return count
end

-- One attribute alone. False: its value has no type.
function M.put_one(key, value)
    local kind = put(attributes[0].value, value, 0)
    if not kind then return false end
    attributes[0].key, attributes[0].key_size, attributes[0].type, attributes[0].reserved = key, #key, kind, 0
    return true
end

-- Whether the number is an integer that the library is told as one.
function M.is_integer(number) return floor(number) == number and number <= MOST_INTEGER and number >= -MOST_INTEGER end

return M
