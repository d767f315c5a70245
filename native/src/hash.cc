/** Digests of salted blocks, as a verity hash tree is made of, on libuv's pool. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "edge.h"

namespace postern {

namespace {

/**
 * The plain SHA-2 functions of OpenSSL rather than EVP: a state that has taken in the salt is copied by one assignment, where EVP
 * allocates for each copy. Measured over 4 KiB blocks, see test/native and the comment at the head of native/index.ts's hashBlocks.
 */
struct Sha256 {
  using State = SHA256_CTX;
  static constexpr size_t kDigestBytes = SHA256_DIGEST_LENGTH;
  static void Init(State* state) { SHA256_Init(state); }
  static void Update(State* state, const uint8_t* data, size_t length) { SHA256_Update(state, data, length); }
  static void Final(uint8_t* digest, State* state) { SHA256_Final(digest, state); }
};

struct Sha512 {
  using State = SHA512_CTX;
  static constexpr size_t kDigestBytes = SHA512_DIGEST_LENGTH;
  static void Init(State* state) { SHA512_Init(state); }
  static void Update(State* state, const uint8_t* data, size_t length) { SHA512_Update(state, data, length); }
  static void Final(uint8_t* digest, State* state) { SHA512_Final(digest, state); }
};

template <typename Sha>
void HashAll(const Bytes& data, const std::vector<uint8_t>& salt, size_t block_size, uint8_t* digests) {
  typename Sha::State salted;
  Sha::Init(&salted);
  Sha::Update(&salted, salt.data(), salt.size());
  for (size_t at = 0; at < data.length; at += block_size, digests += Sha::kDigestBytes) {
    typename Sha::State state = salted;
    Sha::Update(&state, data.data + at, block_size);
    Sha::Final(digests, &state);
  }
}

class HashWork final : public Napi::AsyncWorker {
 public:
  HashWork(Napi::Env env, Napi::Value owner, Bytes data, std::vector<uint8_t> salt, size_t block_size, bool is_sha512)
      : Napi::AsyncWorker(env, "POSTERN_HASH"),
        deferred_(env),
        owner_(Napi::Persistent(owner.As<Napi::Object>())),
        data_(data),
        salt_(std::move(salt)),
        block_size_(block_size),
        is_sha512_(is_sha512),
        digests_(data.length / block_size * (is_sha512 ? Sha512::kDigestBytes : Sha256::kDigestBytes)) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    if (is_sha512_) HashAll<Sha512>(data_, salt_, block_size_, digests_.data());
    else HashAll<Sha256>(data_, salt_, block_size_, digests_.data());
  }
  void OnOK() override { deferred_.Resolve(CopyOf(Env(), digests_.data(), digests_.size())); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  Napi::ObjectReference owner_;  // keeps the bytes alive while the pool reads them
  Bytes data_;
  std::vector<uint8_t> salt_;
  size_t block_size_;
  bool is_sha512_;
  std::vector<uint8_t> digests_;
};

Napi::Value HashBlocks(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const Bytes data = arguments.View("data");
  const Napi::Value owner = arguments.Last();
  Fields parameters = arguments.Object("parameters");
  const std::string algorithm = parameters.Text("algorithm");
  const Bytes salt = parameters.View("salt");
  const uint32_t block_size = parameters.Unsigned32("blockSize");
  if (arguments.Failed()) return {};
  const bool is_sha512 = algorithm == "sha512";
  if (!is_sha512 && algorithm != "sha256") return CodedError(env, "ERR_INVALID_ARG_VALUE", "algorithm must be sha256 or sha512");
  if (block_size == 0 || data.length % block_size != 0) {
    return CodedError(env, "ERR_INVALID_ARG_VALUE", "data must be a whole number of blocks");
  }
  HashWork* work = new HashWork(env, owner, data, {salt.data, salt.data + salt.length}, block_size, is_sha512);
  const Napi::Promise promise = work->Promise();
  work->Queue();  // deletes itself when done
  return promise;
}

}  // namespace

void AddHash(Napi::Env env, Napi::Object exports) {
  exports.Set("hashBlocks", Napi::Function::New(env, HashBlocks, "hashBlocks"));
}

}  // namespace postern
