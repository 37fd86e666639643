// SPDX-License-Identifier: Apache-2.0
#include "receive/tls_context.hpp"

#include <cstdint>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/file_beginning.hpp"
#include "receive/receiver_options.hpp"

namespace spanring::agent {
namespace {

namespace ssl = boost::asio::ssl;

constexpr size_t kMostFile = size_t{16} << 20;
constexpr char kSession[] = "spanring";

std::string read_file(const std::string& path, std::string& ret_fault) {
    std::string bytes = read_beginning(path, kMostFile + 1, ret_fault);
    if (bytes.size() > kMostFile) ret_fault = path + " has more than 16 MiB";
    return bytes;
}

// Who names the protocols that it speaks must name ours: another one's bytes make no sense here.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                    void* wanted) {
    const std::string& protocol = *static_cast<const std::string*>(wanted);
    const std::string_view offered(reinterpret_cast<const char*>(in), in_size);
    for (size_t at = 0; at < offered.size();) {
        const auto size = static_cast<uint8_t>(offered[at]);
        const std::string_view name = offered.substr(at + 1, size);
        if (name == protocol) {
            *out = in + at + 1;
            *out_size = size;
            return SSL_TLSEXT_ERR_OK;
        }
        at += size + size_t{1};
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Clients with several certificates choose by these names.
void name_authorities(SSL_CTX* context, const std::string& pem) {
    BIO* const source = ::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    while (X509* const authority = ::PEM_read_bio_X509(source, nullptr, nullptr, nullptr)) {
        ::SSL_CTX_add_client_CA(context, authority);
        ::X509_free(authority);
    }
    ::ERR_clear_error();  // the end of the text is one
    ::BIO_free(source);
}

}  // namespace

TlsContext make_tls_context(const ServerTlsOptions& options, const std::string& protocol, TlsFault& ret_fault) {
    std::string cert, key, authorities;
    const auto read = [&](const char* name, const std::string& path, std::string& ret_text) {
        if (!ret_fault.what.empty() || path.empty()) return;
        std::string fault;
        ret_text = read_file(path, fault);
        if (!fault.empty()) ret_fault = {name, fault};
    };
    read("cert_file", options.cert_file, cert);
    read("key_file", options.key_file, key);
    read("client_ca_file", options.client_ca_file, authorities);
    if (!ret_fault.what.empty()) return nullptr;

    const auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    SSL_CTX* const native = context->native_handle();
    ::SSL_CTX_set_min_proto_version(native, options.min_minor == 3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    ::SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
    ::SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    // Clients have their sessions in tickets; 20,000 of them here, each with a sender's certificate, would be memory.
    ::SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    ::SSL_CTX_set_alpn_select_cb(native, choose_protocol, const_cast<std::string*>(&protocol));
    ::SSL_CTX_set_session_id_context(native, reinterpret_cast<const unsigned char*>(kSession), sizeof kSession - 1);
    boost::system::error_code error;
    // A key that asks for one would ask at a terminal.
    context->set_password_callback([](size_t, ssl::context::password_purpose) { return std::string(); }, error);
    const auto set = [&](const char* name, const std::string& path, auto use) {
        if (error || path.empty() || !ret_fault.what.empty()) return;
        use();
        if (error) ret_fault = {name, path + ": " + error.message()};
    };
    set("cert_file", options.cert_file, [&] { context->use_certificate_chain(boost::asio::buffer(cert), error); });
    set("key_file", options.key_file,
        [&] { context->use_private_key(boost::asio::buffer(key), ssl::context::pem, error); });
    set("client_ca_file", options.client_ca_file, [&] {
        context->add_certificate_authority(boost::asio::buffer(authorities), error);
        context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
        // One that another authority signed is believed as well: it is what the file names.
        ::X509_VERIFY_PARAM_set_flags(::SSL_CTX_get0_param(native), X509_V_FLAG_PARTIAL_CHAIN);
        name_authorities(native, authorities);
    });
    return ret_fault.what.empty() ? context : nullptr;
}

std::vector<TlsFault> faults_of(const ServerTlsOptions& options) {
    static const std::string kAny = "h2";
    TlsFault fault;
    make_tls_context(options, kAny, fault);
    return fault.what.empty() ? std::vector<TlsFault>() : std::vector<TlsFault>{std::move(fault)};
}

}  // namespace spanring::agent
