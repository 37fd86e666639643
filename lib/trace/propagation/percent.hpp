// SPDX-License-Identifier: Apache-2.0
//
// Percent-encoding of baggage values (RFC 3986, section 2.1; W3C Baggage, section 3.3.1).
#pragma once

#include "trace/propagation/header_text.hpp"

namespace spanring::trace {

// W3C Baggage: baggage-octet. The percent sign is one of them, but never stands for itself.
inline bool is_baggage_octet(char c) { return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\'; }

size_t percent_encoded_size(std::string_view text);
char* percent_encode(char* to, std::string_view text);  // returns the end

// The decoded text, each byte sequence that is not UTF-8 replaced by U+FFFD; a percent sign without two digits stands
// for itself. Of baggage octets no more bytes than there were; a stray byte, which takes three, is not one. False: more
// than room.
bool percent_decode(std::string_view encoded, char* to, size_t room, size_t& ret_size);

}  // namespace spanring::trace
