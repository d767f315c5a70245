/**
 * The edge between JavaScript and the kernel: arguments are converted and checked on the way in, errors and numbers on the
 * way out. Nothing here throws a C++ exception; a failed conversion leaves a JavaScript error pending and `Failed()` true.
 */
#pragma once

#include <napi.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

namespace postern {

/** Leaves a JavaScript error with `code`, `errno` (negative, as Node's own are) and `syscall` pending. Returns an empty value. */
Napi::Value SystemError(Napi::Env env, const char* syscall, int error = errno);

/** Leaves an error with a `code` of ours pending, for failures that are not a system call's. */
Napi::Value CodedError(Napi::Env env, const char* code, const std::string& message);

/** `EPERM` and so on; the number itself for what the C library does not know. */
std::string ErrorName(int error);

/** A view on the bytes of a Uint8Array; valid until JavaScript runs again. */
struct Bytes {
  uint8_t* data = nullptr;
  size_t length = 0;
};

/** A descriptor that is closed unless it was released: for the error paths of calls that open several. */
class Owned {
 public:
  explicit Owned(int fd = -1) : fd_(fd) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned();
  int fd() const { return fd_; }
  /** Owns another one from here on, and closes the one before. */
  void Take(int fd);
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

class Fields;

/** Takes values one after the other from somewhere; the first wrong one throws a TypeError, and all that follow are passed over. */
class Source {
 public:
  /** a file descriptor: an integer from 0 on */
  int Descriptor(const char* name);
  /** a file descriptor or null, which is -1 */
  int DescriptorOrNull(const char* name);
  /** at most `limit` descriptors */
  std::vector<int> Descriptors(const char* name, size_t limit);
  uint32_t Unsigned32(const char* name);
  /** a safe integer from 0 on, or a BigInt */
  uint64_t Unsigned64(const char* name);
  bool Flag(const char* name);
  /** without NUL, which would end the string early for the kernel */
  std::string Text(const char* name);
  std::vector<std::string> Texts(const char* name);
  Bytes View(const char* name);
  Napi::Function Callback(const char* name);
  Napi::Array List(const char* name);
  Fields Object(const char* name);
  /** the value that the last `View` came from, to keep it alive */
  Napi::Value Last() const { return last_; }
  bool Failed() const { return *failed_; }

 protected:
  Source(Napi::Env env, bool* failed) : env_(env), failed_(failed) {}
  ~Source() = default;
  virtual Napi::Value Take(const char* name) = 0;

  Napi::Env env_;
  bool* failed_;

 private:
  Napi::Value Next(const char* name);
  void Refuse(const char* name, const char* wanted);
  Napi::Value last_;
};

/** The arguments of a call, by position. */
class Arguments final : public Source {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : Source(info.Env(), &own_failed_), info_(info) {}

 protected:
  Napi::Value Take(const char*) override { return info_[next_++]; }

 private:
  const Napi::CallbackInfo& info_;
  size_t next_ = 0;
  bool own_failed_ = false;
};

/** The properties of an object, by name; shares the failure of the call it belongs to. */
class Fields final : public Source {
 public:
  Fields(Napi::Env env, bool* failed, Napi::Object object) : Source(env, failed), object_(object) {}

 protected:
  Napi::Value Take(const char* name) override { return object_.Get(name); }

 private:
  Napi::Object object_;
};

/** The elements of an array, in order; shares the failure of the call it belongs to. */
class Elements final : public Source {
 public:
  Elements(Napi::Env env, bool* failed, Napi::Array array) : Source(env, failed), array_(array) {}

 protected:
  Napi::Value Take(const char*) override { return array_.Get(next_++); }

 private:
  Napi::Array array_;
  uint32_t next_ = 0;
};

/** A Uint8Array with a copy of these bytes. */
Napi::Value CopyOf(Napi::Env env, const uint8_t* data, size_t length);

/** An array of descriptors; JavaScript owns them from here on. */
Napi::Array DescriptorList(Napi::Env env, const int* fds, size_t count);

// Each area adds its functions to the addon's table.
void AddDescriptors(Napi::Env env, Napi::Object exports);
void AddSockets(Napi::Env env, Napi::Object exports);
void AddMessages(Napi::Env env, Napi::Object exports);
void AddPoll(Napi::Env env, Napi::Object exports);
void AddNamespaces(Napi::Env env, Napi::Object exports);
void AddMounts(Napi::Env env, Napi::Object exports);
void AddGrowth(Napi::Env env, Napi::Object exports);
void AddDirectories(Napi::Env env, Napi::Object exports);
void AddLoops(Napi::Env env, Napi::Object exports);
void AddDeviceMapper(Napi::Env env, Napi::Object exports);
void AddSeals(Napi::Env env, Napi::Object exports);
void AddKeyring(Napi::Env env, Napi::Object exports);
void AddHelper(Napi::Env env, Napi::Object exports);
void AddHash(Napi::Env env, Napi::Object exports);
void AddPkcs7(Napi::Env env, Napi::Object exports);
void AddSeccomp(Napi::Env env, Napi::Object exports);
void AddBpf(Napi::Env env, Napi::Object exports);
void AddProcess(Napi::Env env, Napi::Object exports);

}  // namespace postern
