#include "edge.h"

#include <string.h>
#include <unistd.h>

#include <cmath>

namespace postern {

namespace {

/** The largest integer that a JavaScript number holds exactly. */
constexpr double kMaxSafeInteger = 9007199254740991.0;

}  // namespace

void Owned::Take(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

Owned::~Owned() {
  if (fd_ >= 0) close(fd_);
}

std::string ErrorName(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? name : std::to_string(error);
}

Napi::Value SystemError(Napi::Env env, const char* syscall, int error) {
  const char* words = strerrordesc_np(error);
  const std::string code = ErrorName(error);
  Napi::Error thrown = Napi::Error::New(env, code + ": " + (words != nullptr ? words : "unknown error") + ", " + syscall);
  thrown.Set("code", Napi::String::New(env, code));
  thrown.Set("errno", Napi::Number::New(env, -error));
  thrown.Set("syscall", Napi::String::New(env, syscall));
  thrown.ThrowAsJavaScriptException();
  return Napi::Value();
}

Napi::Value CodedError(Napi::Env env, const char* code, const std::string& message) {
  Napi::Error thrown = Napi::Error::New(env, message);
  thrown.Set("code", Napi::String::New(env, code));
  thrown.ThrowAsJavaScriptException();
  return Napi::Value();
}

void Source::Refuse(const char* name, const char* wanted) {
  if (*failed_) return;
  *failed_ = true;
  if (env_.IsExceptionPending()) return;
  Napi::TypeError thrown = Napi::TypeError::New(env_, std::string(name) + " must be " + wanted);
  thrown.Set("code", Napi::String::New(env_, "ERR_INVALID_ARG_TYPE"));
  thrown.ThrowAsJavaScriptException();
}

Napi::Value Source::Next(const char* name) {
  if (*failed_) return env_.Undefined();
  Napi::Value value = Take(name);
  if (env_.IsExceptionPending()) *failed_ = true;  // a getter of the caller's threw
  last_ = *failed_ ? env_.Undefined() : value;
  return last_;
}

uint64_t Source::Unsigned64(const char* name) {
  const Napi::Value value = Next(name);
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (number >= 0 && number <= kMaxSafeInteger && number == std::floor(number)) return static_cast<uint64_t>(number);
  } else if (value.IsBigInt()) {
    bool lossless = false;
    const uint64_t number = value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (lossless) return number;
  }
  Refuse(name, "an integer from 0 on");
  return 0;
}

uint32_t Source::Unsigned32(const char* name) {
  const Napi::Value value = Next(name);
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (number >= 0 && number <= UINT32_MAX && number == std::floor(number)) return static_cast<uint32_t>(number);
  }
  Refuse(name, "an integer from 0 to 4294967295");
  return 0;
}

int Source::Descriptor(const char* name) {
  const Napi::Value value = Next(name);
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (number >= 0 && number <= INT32_MAX && number == std::floor(number)) return static_cast<int>(number);
  }
  Refuse(name, "a file descriptor");
  return -1;
}

int Source::DescriptorOrNull(const char* name) {
  const Napi::Value value = Next(name);
  if (value.IsNull()) return -1;
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (number >= 0 && number <= INT32_MAX && number == std::floor(number)) return static_cast<int>(number);
  }
  Refuse(name, "a file descriptor or null");
  return -1;
}

bool Source::Flag(const char* name) {
  const Napi::Value value = Next(name);
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  Refuse(name, "a boolean");
  return false;
}

std::string Source::Text(const char* name) {
  const Napi::Value value = Next(name);
  if (value.IsString()) {
    std::string text = value.As<Napi::String>().Utf8Value();
    if (text.find('\0') == std::string::npos) return text;
  }
  Refuse(name, "a string without NUL");
  return {};
}

Bytes Source::View(const char* name) {
  const Napi::Value value = Next(name);
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    Napi::Uint8Array array = value.As<Napi::Uint8Array>();
    return {array.Data(), array.ByteLength()};
  }
  Refuse(name, "a Uint8Array");
  return {};
}

Napi::Function Source::Callback(const char* name) {
  const Napi::Value value = Next(name);
  if (value.IsFunction()) return value.As<Napi::Function>();
  Refuse(name, "a function");
  return {};
}

Napi::Array Source::List(const char* name) {
  const Napi::Value value = Next(name);
  if (value.IsArray()) return value.As<Napi::Array>();
  Refuse(name, "an array");
  return Napi::Array::New(env_);
}

Fields Source::Object(const char* name) {
  const Napi::Value value = Next(name);
  if (value.IsObject() && !value.IsFunction()) return Fields(env_, failed_, value.As<Napi::Object>());
  Refuse(name, "an object");
  return Fields(env_, failed_, Napi::Object::New(env_));
}

std::vector<int> Source::Descriptors(const char* name, size_t limit) {
  const Napi::Array list = List(name);
  if (*failed_) return {};
  if (list.Length() > limit) {
    Refuse(name, ("at most " + std::to_string(limit) + " descriptors").c_str());
    return {};
  }
  std::vector<int> fds;
  Elements elements(env_, failed_, list);
  for (uint32_t i = 0; i < list.Length(); i++) fds.push_back(elements.Descriptor(name));
  return fds;
}

std::vector<std::string> Source::Texts(const char* name) {
  const Napi::Array list = List(name);
  std::vector<std::string> texts;
  Elements elements(env_, failed_, list);
  for (uint32_t i = 0; !*failed_ && i < list.Length(); i++) texts.push_back(elements.Text(name));
  return texts;
}

Napi::Value CopyOf(Napi::Env env, const uint8_t* data, size_t length) {
  Napi::Uint8Array copy = Napi::Uint8Array::New(env, length);
  if (copy.IsEmpty() || copy.Data() == nullptr) return copy;  // the environment is ending, and gives nothing out any more
  if (length > 0) memcpy(copy.Data(), data, length);
  return copy;
}

Napi::Array DescriptorList(Napi::Env env, const int* fds, size_t count) {
  Napi::Array list = Napi::Array::New(env, count);
  for (size_t i = 0; i < count; i++) list.Set(static_cast<uint32_t>(i), Napi::Number::New(env, fds[i]));
  return list;
}

}  // namespace postern
