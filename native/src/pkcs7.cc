/** Detached PKCS#7 signatures, with the OpenSSL inside Node. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include <memory>

#include "edge.h"

namespace postern {

namespace {

/** No sound signature comes near: one signer, no content, at most a certificate or two. */
constexpr size_t kMaxSignatureBytes = 64 * 1024;

template <typename T, void (*Free)(T*)>
struct Freed {
  void operator()(T* value) const { Free(value); }
};
void FreeBio(BIO* bio) { BIO_free(bio); }
void FreeStack(STACK_OF(X509) * stack) { sk_X509_free(stack); }

using Bio = std::unique_ptr<BIO, Freed<BIO, FreeBio>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Certificates = std::unique_ptr<STACK_OF(X509), Freed<STACK_OF(X509), FreeStack>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Signature = std::unique_ptr<PKCS7, Freed<PKCS7, PKCS7_free>>;

Bio Reading(const void* data, size_t length) { return Bio(BIO_new_mem_buf(data, static_cast<int>(length))); }

/** Never asks a terminal for a pass phrase, as OpenSSL's own callback would. */
int NoPassPhrase(char*, int, int, void*) { return -1; }

Certificate ReadCertificate(const std::string& pem) {
  const Bio bio = Reading(pem.data(), pem.size());
  return Certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, NoPassPhrase, nullptr) : nullptr);
}

/** What of a digest a signature may rest on. SHA-1 and MD5 can be made to collide. */
bool IsSoundDigest(const PKCS7_SIGNER_INFO* signer) {
  switch (OBJ_obj2nid(signer->digest_alg->algorithm)) {
    case NID_sha256:
    case NID_sha384:
    case NID_sha512: return true;
    default: return false;
  }
}

/** A detached signature by exactly one signer that fills its bytes to the last; null for anything else. */
Signature ReadSignature(const Bytes& der) {
  if (der.length == 0 || der.length > kMaxSignatureBytes) return nullptr;
  const uint8_t* at = der.data;
  Signature signature(d2i_PKCS7(nullptr, &at, static_cast<long>(der.length)));
  if (!signature || at != der.data + der.length) return nullptr;
  if (!PKCS7_type_is_signed(signature.get()) || !PKCS7_is_detached(signature.get())) return nullptr;
  STACK_OF(PKCS7_SIGNER_INFO)* signers = PKCS7_get_signer_info(signature.get());
  if (signers == nullptr || sk_PKCS7_SIGNER_INFO_num(signers) != 1) return nullptr;
  return IsSoundDigest(sk_PKCS7_SIGNER_INFO_value(signers, 0)) ? std::move(signature) : nullptr;
}

/** True when this very certificate made the signature. Its own issuer, dates and purposes are not looked at: it is the trust. */
bool IsBy(PKCS7* signature, const Bytes& content, X509* certificate) {
  const Certificates only(sk_X509_new_null());
  const Bio bio = Reading(content.data, content.length);
  if (!only || !bio || sk_X509_push(only.get(), certificate) == 0) return false;
  return PKCS7_verify(signature, only.get(), nullptr, bio.get(), nullptr, PKCS7_NOVERIFY | PKCS7_NOINTERN | PKCS7_BINARY) == 1;
}

Napi::Value Verify(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Bytes der = arguments.View("signature");
  const Bytes content = arguments.View("content");
  const std::vector<std::string> certificates = arguments.Texts("certificates");
  if (arguments.Failed()) return {};
  int index = -1;
  // An empty content can't be a memory buffer to OpenSSL, and nothing that is signed here is empty.
  const Signature signature = content.length == 0 ? nullptr : ReadSignature(der);
  for (size_t i = 0; signature && index < 0 && i < certificates.size(); i++) {
    const Certificate certificate = ReadCertificate(certificates[i]);
    if (certificate && IsBy(signature.get(), content, certificate.get())) index = static_cast<int>(i);
  }
  ERR_clear_error();  // the queue is Node's too
  return Napi::Number::New(info.Env(), index);
}

/** OpenSSL's own words for what went wrong last; empties its queue. */
Napi::Value CryptoError(Napi::Env env, const char* what) {
  char words[256] = "no reason given";
  const unsigned long error = ERR_peek_last_error();
  if (error != 0) ERR_error_string_n(error, words, sizeof words);
  ERR_clear_error();
  return CodedError(env, "ERR_OSSL", std::string(what) + ": " + words);
}

Napi::Value Sign(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const Bytes content = arguments.View("content");
  const std::string key_pem = arguments.Text("keyPem");
  const std::string certificate_pem = arguments.Text("certificatePem");
  if (arguments.Failed()) return {};

  const Bio key_bio = Reading(key_pem.data(), key_pem.size());
  const Key key(key_bio ? PEM_read_bio_PrivateKey(key_bio.get(), nullptr, NoPassPhrase, nullptr) : nullptr);
  if (!key) return CryptoError(env, "the private key can't be read");
  const Certificate certificate = ReadCertificate(certificate_pem);
  if (!certificate) return CryptoError(env, "the certificate can't be read");

  constexpr int kFlags = PKCS7_DETACHED | PKCS7_BINARY | PKCS7_NOATTR | PKCS7_NOCERTS;
  const Signature signature(PKCS7_sign(nullptr, nullptr, nullptr, nullptr, kFlags | PKCS7_PARTIAL));
  if (!signature || !PKCS7_sign_add_signer(signature.get(), certificate.get(), key.get(), EVP_sha256(), kFlags)) {
    return CryptoError(env, "the key does not fit the certificate");
  }
  const Bio bio = Reading(content.data, content.length);
  if (!bio || PKCS7_final(signature.get(), bio.get(), kFlags) != 1) return CryptoError(env, "the content can't be signed");

  uint8_t* der = nullptr;
  const int length = i2d_PKCS7(signature.get(), &der);
  if (length < 0) return CryptoError(env, "the signature can't be written");
  const Napi::Value result = CopyOf(env, der, static_cast<size_t>(length));
  OPENSSL_free(der);
  return result;
}

}  // namespace

void AddPkcs7(Napi::Env env, Napi::Object exports) {
  exports.Set("pkcs7Verify", Napi::Function::New(env, Verify, "pkcs7Verify"));
  exports.Set("pkcs7Sign", Napi::Function::New(env, Sign, "pkcs7Sign"));
}

}  // namespace postern
