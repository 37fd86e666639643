// SPDX-License-Identifier: Apache-2.0
#include "auth/password_list.hpp"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace spanring::agent {
namespace {

constexpr char kApache[] = "$apr1$";
constexpr char kSha[] = "{SHA}", kSaltedSha[] = "{SSHA}";
constexpr size_t kShaBytes = 20, kMd5Bytes = 16;

// Those of crypt(3) that are not broken beyond use, as their settings begin.
constexpr std::array<std::string_view, 7> kOfTheSystem = {"$2a$", "$2b$", "$2y$", "$5$", "$6$", "$1$", "$y$"};

using Bytes = std::vector<uint8_t>;

bool equal(std::string_view one, std::string_view other) {
    return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

class Digest {
public:
    explicit Digest(const EVP_MD* kind) { EVP_DigestInit_ex(context_.get(), kind, nullptr); }
    Digest& add(std::string_view text) {
        EVP_DigestUpdate(context_.get(), text.data(), text.size());
        return *this;
    }
    Digest& add(const Bytes& bytes, size_t most = SIZE_MAX) {
        EVP_DigestUpdate(context_.get(), bytes.data(), std::min(bytes.size(), most));
        return *this;
    }
    Bytes end() {
        Bytes result(EVP_MAX_MD_SIZE);
        unsigned size = 0;
        EVP_DigestFinal_ex(context_.get(), result.data(), &size);
        result.resize(size);
        return result;
    }

private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_{EVP_MD_CTX_new()};
};

// Nothing where it is not base64.
Bytes from_base64(std::string_view text) {
    Bytes bytes(text.size() / 4 * 3 + 3);
    const int size =
        EVP_DecodeBlock(bytes.data(), reinterpret_cast<const uint8_t*>(text.data()), static_cast<int>(text.size()));
    const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    if (size < 0 || static_cast<size_t>(size) < padding) return {};
    bytes.resize(static_cast<size_t>(size) - padding);
    return bytes;
}

// Apache's MD5 (support/htpasswd, apr_md5_encode): a thousand rounds, and base64 with digits of its own.
std::string apache_md5(std::string_view password, std::string_view salt) {
    salt = salt.substr(0, std::min<size_t>({salt.find('$'), salt.size(), 8}));
    Bytes sum = Digest(EVP_md5()).add(password).add(salt).add(password).end();
    Digest first(EVP_md5());
    first.add(password).add(kApache).add(salt);
    for (size_t left = password.size(); left > 0; left -= std::min(left, kMd5Bytes)) first.add(sum, left);
    const std::string_view zero("\0", 1);
    for (size_t bits = password.size(); bits != 0; bits >>= 1) first.add(bits & 1 ? zero : password.substr(0, 1));
    sum = first.end();
    for (int round = 0; round < 1000; ++round) {
        Digest next(EVP_md5());
        round % 2 != 0 ? next.add(password) : next.add(sum);
        if (round % 3 != 0) next.add(salt);
        if (round % 7 != 0) next.add(password);
        round % 2 != 0 ? next.add(sum) : next.add(password);
        sum = next.end();
    }
    constexpr char kDigits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    std::string text = kApache + std::string(salt) + "$";
    const auto put = [&](uint32_t value, int digits) {
        for (; digits > 0; --digits, value >>= 6) text += kDigits[value & 0x3f];
    };
    constexpr std::array<std::array<size_t, 3>, 5> kOrder = {
        {{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}}};
    for (const auto& [high, middle, low] : kOrder)
        put(uint32_t{sum[high]} << 16 | uint32_t{sum[middle]} << 8 | sum[low], 4);
    put(sum[11], 2);
    return text;
}

bool matches_sha(std::string_view hash, std::string_view password) {
    const bool salted = hash.starts_with(kSaltedSha);
    const Bytes wanted = from_base64(hash.substr(salted ? sizeof kSaltedSha - 1 : sizeof kSha - 1));
    if (wanted.size() < kShaBytes) return false;
    const Bytes salt(wanted.begin() + kShaBytes, wanted.end());
    const Bytes sum = Digest(EVP_sha1()).add(password).add(salt).end();
    return CRYPTO_memcmp(sum.data(), wanted.data(), kShaBytes) == 0;
}

bool matches_hash(const std::string& hash, const std::string& password) {
    if (hash.starts_with(kApache)) return equal(hash, apache_md5(password, hash.substr(sizeof kApache - 1)));
    if (hash.starts_with(kSha) || hash.starts_with(kSaltedSha)) return matches_sha(hash, password);
    if (!hash.starts_with("$")) return equal(hash, password);
    const auto room = std::make_unique<crypt_data>();  // 32 KiB
    const char* const made = ::crypt_r(password.c_str(), hash.c_str(), room.get());
    return made != nullptr && made[0] != '*' && equal(hash, made);
}

constexpr int kMostBcrypt = 12;       // of cost: 2^12 rounds, a quarter of a second
constexpr int kMostRounds = 200'000;  // of SHA-256 and SHA-512, as long
constexpr char kMostYescrypt = 'B';   // of the digit of N: 2^14 blocks of 128 * 32 bytes

std::optional<int> number_at(std::string_view text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() ? std::optional(number) : std::nullopt;
}

bool takes_long(std::string_view hash) {
    if (hash.starts_with("$2"))
        return number_at(hash.substr(std::min<size_t>(4, hash.size()))).value_or(0) > kMostBcrypt;
    constexpr std::string_view kRounds = "rounds=";
    if (hash.substr(std::min<size_t>(3, hash.size())).starts_with(kRounds))  // out of range: more than any
        return number_at(hash.substr(3 + kRounds.size())).value_or(kMostRounds + 1) > kMostRounds;
    if (!hash.starts_with("$y$")) return false;
    // Flavor, N and r, a digit each: what needs more digits is larger.
    const std::string_view parameters = hash.substr(3, hash.find('$', 3) - 3);
    const auto value = [](char digit) {
        return std::string_view("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz").find(digit);
    };
    return parameters.size() != 3 || value(parameters[1]) > value(kMostYescrypt) || value(parameters[2]) > value('T');
}

// What is wrong with it; null: nothing.
const char* fault_of(std::string_view hash) {
    if (hash.empty()) return "has no password";
    if (hash.starts_with(kSha) || hash.starts_with(kSaltedSha)) {
        const size_t size = from_base64(hash.substr(hash.find('}') + 1)).size();
        return size < kShaBytes || (size != kShaBytes && hash.starts_with(kSha)) ? "has a broken hash" : nullptr;
    }
    if (!hash.starts_with("$") || hash.starts_with(kApache)) return nullptr;
    const bool known = std::any_of(kOfTheSystem.begin(), kOfTheSystem.end(),
                                   [&](std::string_view beginning) { return hash.starts_with(beginning); });
    if (!known) return "has a hash that is not known here";
    return takes_long(hash) ? "has a hash that takes too long: bcrypt's cost is at most 12" : nullptr;
}

}  // namespace

void PasswordList::add(std::string_view text, std::string& ret_fault) {
    for (size_t number = 1; !text.empty(); ++number) {
        const size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
            line.remove_suffix(1);
        while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
        if (line.empty() || line.front() == '#') continue;
        const size_t colon = line.find(':');
        const char* fault = colon == 0 || colon == std::string_view::npos ? "is not USER:PASSWORD" : nullptr;
        if (fault == nullptr) fault = fault_of(line.substr(colon + 1));
        if (fault != nullptr) {
            if (ret_fault.empty()) ret_fault = "line " + std::to_string(number) + " " + fault;
            continue;
        }
        users_[std::string(line.substr(0, colon))] = line.substr(colon + 1);
    }
}

bool PasswordList::matches(const std::string& user, const std::string& password) const {
    if (users_.empty() || password.find('\0') != std::string::npos) return false;
    const auto found = users_.find(user);
    const bool known = found != users_.end();
    return matches_hash((known ? found : users_.begin())->second, password) && known;
}

}  // namespace spanring::agent
