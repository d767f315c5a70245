/**
 * The edge between JavaScript and libbpf, an addon of its own so that only the lsm service links it. It converts and calls; which programs a
 * kernel gets, and what is in the maps, is decided in services/lsm.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "../src/edge.h"

namespace postern {

namespace {

/** What libbpf said last, for the message of an error. A service has one thread that calls it. */
std::string said;
constexpr size_t kMaxSaid = 16384;

int Listen(libbpf_print_level level, const char* format, va_list values) {
  if (level != LIBBPF_WARN) return 0;
  char* line = nullptr;
  const int length = vasprintf(&line, format, values);
  if (length < 0) return length;
  said += line;
  free(line);
  // a verifier's log is long; its end has the reason
  if (said.size() > kMaxSaid) said.erase(0, said.size() - kMaxSaid);
  return length;
}

Napi::Value BpfError(Napi::Env env, const char* call, int error) {
  SystemError(env, call, error < 0 ? -error : error);
  Napi::Error thrown = env.GetAndClearPendingException();
  thrown.Set("detail", Napi::String::New(env, said));
  said.clear();
  thrown.ThrowAsJavaScriptException();
  return Napi::Value();
}

struct CloseObject {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, CloseObject>;

/** Which of these functions the running kernel has, as far as its BTF tells. */
Napi::Value KernelFunctions(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::vector<std::string> names = arguments.Texts("names");
  if (arguments.Failed()) return {};
  btf* kernel = btf__load_vmlinux_btf();
  if (kernel == nullptr) return BpfError(info.Env(), "btf", errno);
  Napi::Array found = Napi::Array::New(info.Env(), names.size());
  for (uint32_t i = 0; i < names.size(); i++) {
    found[i] = Napi::Boolean::New(info.Env(), btf__find_by_name_kind(kernel, names[i].c_str(), BTF_KIND_FUNC) > 0);
  }
  btf__free(kernel);
  return found;
}

/** The bytes of read-only data that the object's pools are set by. */
bool SetConfig(bpf_object* object, Bytes config) {
  bpf_map* map;
  bpf_object__for_each_map(map, object) {
    const char* name = bpf_map__name(map);
    if (strstr(name, ".rodata") == nullptr) continue;
    size_t size = 0;
    const void* now = bpf_map__initial_value(map, &size);
    if (now == nullptr || size < config.length) return false;
    std::vector<uint8_t> next(static_cast<const uint8_t*>(now), static_cast<const uint8_t*>(now) + size);
    memcpy(next.data(), config.data, config.length);
    return bpf_map__set_initial_value(map, next.data(), size) == 0;
  }
  return false;
}

/** load(path, config, mapFolder, programs): loads just these programs; maps are taken from the folder where they are pinned already, else pinned there. */
Napi::Value Load(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const std::string path = arguments.Text("path");
  const Bytes config = arguments.View("config");
  const std::string folder = arguments.Text("mapFolder");
  const std::vector<std::string> wanted = arguments.Texts("programs");
  if (arguments.Failed()) return {};
  said.clear();
  Object object(bpf_object__open_file(path.c_str(), nullptr));
  if (!object) return BpfError(env, "bpf_object__open", errno);
  if (!SetConfig(object.get(), config)) return BpfError(env, "bpf_map__set_initial_value", EINVAL);
  bpf_map* map;
  bpf_object__for_each_map(map, object.get()) {
    const std::string name = bpf_map__name(map);
    // a program's own data belong to that program
    if (name.find('.') != std::string::npos) continue;
    const int set = bpf_map__set_pin_path(map, (folder + "/" + name).c_str());
    if (set < 0) return BpfError(env, "bpf_map__set_pin_path", set);
  }
  bpf_program* program;
  bpf_object__for_each_program(program, object.get()) {
    bool load = false;
    for (const std::string& name : wanted) load = load || name == bpf_program__name(program);
    bpf_program__set_autoload(program, load);
  }
  const int loaded = bpf_object__load(object.get());
  if (loaded < 0) return BpfError(env, "bpf_object__load", loaded);
  return Napi::External<bpf_object>::New(env, object.release(), [](Napi::Env, bpf_object* gone) { bpf_object__close(gone); });
}

bpf_program* Program(const Napi::CallbackInfo& info, Arguments& arguments, std::string* pin) {
  const std::string name = arguments.Text("program");
  *pin = arguments.Text("pin");
  if (arguments.Failed()) return nullptr;
  if (!info[2].IsExternal()) {
    CodedError(info.Env(), "ERR_INVALID_ARG_TYPE", "object must be what load returned");
    return nullptr;
  }
  bpf_program* program = bpf_object__find_program_by_name(info[2].As<Napi::External<bpf_object>>().Data(), name.c_str());
  if (program == nullptr) BpfError(info.Env(), "bpf_object__find_program_by_name", ENOENT);
  return program;
}

/** attach(program, pin, object): from here on the program runs, and goes on for as long as its pin is there. */
Napi::Value Attach(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  std::string pin;
  bpf_program* program = Program(info, arguments, &pin);
  if (program == nullptr) return {};
  bpf_link* link = bpf_program__attach(program);
  if (link == nullptr) return BpfError(info.Env(), "bpf_program__attach", errno);
  const int pinned = bpf_link__pin(link, pin.c_str());
  bpf_link__destroy(link);
  return pinned < 0 ? BpfError(info.Env(), "bpf_link__pin", pinned) : info.Env().Undefined();
}

/** pinProgram(program, pin, object): for a program that is not attached but read. */
Napi::Value PinProgram(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  std::string pin;
  bpf_program* program = Program(info, arguments, &pin);
  if (program == nullptr) return {};
  const int pinned = bpf_program__pin(program, pin.c_str());
  return pinned < 0 ? BpfError(info.Env(), "bpf_program__pin", pinned) : info.Env().Undefined();
}

Napi::Value OpenMap(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string path = arguments.Text("path");
  if (arguments.Failed()) return {};
  const int fd = bpf_obj_get(path.c_str());
  return fd < 0 ? SystemError(info.Env(), "bpf", -fd) : Napi::Number::New(info.Env(), fd);
}

Napi::Value Update(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("map");
  const Bytes key = arguments.View("key");
  const Bytes value = arguments.View("value");
  if (arguments.Failed()) return {};
  const int error = bpf_map_update_elem(fd, key.data, value.data, BPF_ANY);
  return error < 0 ? SystemError(info.Env(), "bpf", -error) : info.Env().Undefined();
}

/** lookup(map, key, valueBytes): the value, or null */
Napi::Value Lookup(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("map");
  const Bytes key = arguments.View("key");
  std::vector<uint8_t> value(arguments.Unsigned32("valueBytes"));
  if (arguments.Failed()) return {};
  const int error = bpf_map_lookup_elem(fd, key.data, value.data());
  if (error == -ENOENT) return info.Env().Null();
  return error < 0 ? SystemError(info.Env(), "bpf", -error) : CopyOf(info.Env(), value.data(), value.size());
}

/** remove(map, key): false when it was not there */
Napi::Value Remove(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("map");
  const Bytes key = arguments.View("key");
  if (arguments.Failed()) return {};
  const int error = bpf_map_delete_elem(fd, key.data);
  if (error < 0 && error != -ENOENT) return SystemError(info.Env(), "bpf", -error);
  return Napi::Boolean::New(info.Env(), error == 0);
}

/** keys(map, keyBytes): every key; one that comes or goes meanwhile may be missing or be there twice */
Napi::Value Keys(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("map");
  std::vector<uint8_t> key(arguments.Unsigned32("keyBytes"));
  const uint32_t limit = arguments.Unsigned32("limit");
  if (arguments.Failed()) return {};
  Napi::Array keys = Napi::Array::New(info.Env());
  const void* from = nullptr;
  // a key that was deleted under the walk restarts it: the limit ends that
  for (uint32_t i = 0; i < limit && bpf_map_get_next_key(fd, from, key.data()) == 0; i++) {
    keys[i] = CopyOf(info.Env(), key.data(), key.size());
    from = key.data();
  }
  return keys;
}

/** readIterator(pin): all that a pinned iterator over the calling thread's files writes */
Napi::Value ReadIterator(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string pin = arguments.Text("pin");
  if (arguments.Failed()) return {};
  const Owned program(bpf_obj_get(pin.c_str()));
  if (program.fd() < 0) return SystemError(info.Env(), "bpf");
  bpf_iter_link_info which = {};
  which.task.tid = static_cast<uint32_t>(gettid());
  DECLARE_LIBBPF_OPTS(bpf_link_create_opts, options, .iter_info = &which, .iter_info_len = sizeof which);
  const Owned link(bpf_link_create(program.fd(), 0, BPF_TRACE_ITER, &options));
  if (link.fd() < 0) return SystemError(info.Env(), "bpf");
  const Owned iterator(bpf_iter_create(link.fd()));
  if (iterator.fd() < 0) return SystemError(info.Env(), "bpf");
  std::vector<uint8_t> all;
  uint8_t part[4096];
  for (;;) {
    const ssize_t got = read(iterator.fd(), part, sizeof part);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return SystemError(info.Env(), "read");
    if (got == 0) return CopyOf(info.Env(), all.data(), all.size());
    all.insert(all.end(), part, part + got);
  }
}

/** The consumer's end of a ring buffer. */
struct Ring {
  ring_buffer* buffer = nullptr;
  std::vector<std::vector<uint8_t>> news;
  ~Ring() { ring_buffer__free(buffer); }
};

int Collect(void* to, void* data, size_t length) {
  const uint8_t* bytes = static_cast<const uint8_t*>(data);
  static_cast<Ring*>(to)->news.emplace_back(bytes, bytes + length);
  return 0;
}

Napi::Value OpenRing(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int map = arguments.Descriptor("map");
  if (arguments.Failed()) return {};
  auto ring = std::make_unique<Ring>();
  ring->buffer = ring_buffer__new(map, Collect, ring.get(), nullptr);
  if (ring->buffer == nullptr) return BpfError(info.Env(), "ring_buffer__new", errno);
  return Napi::External<Ring>::New(info.Env(), ring.release(), [](Napi::Env, Ring* gone) { delete gone; });
}

/** ringDescriptor(ring): readable when there are news; belongs to the ring */
Napi::Value RingDescriptor(const Napi::CallbackInfo& info) {
  if (!info[0].IsExternal()) return CodedError(info.Env(), "ERR_INVALID_ARG_TYPE", "ring must be what openRing returned");
  return Napi::Number::New(info.Env(), ring_buffer__epoll_fd(info[0].As<Napi::External<Ring>>().Data()->buffer));
}

Napi::Value DrainRing(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!info[0].IsExternal()) return CodedError(env, "ERR_INVALID_ARG_TYPE", "ring must be what openRing returned");
  Ring* ring = info[0].As<Napi::External<Ring>>().Data();
  const int error = ring_buffer__consume(ring->buffer);
  if (error < 0) return BpfError(env, "ring_buffer__consume", error);
  Napi::Array news = Napi::Array::New(env, ring->news.size());
  for (uint32_t i = 0; i < ring->news.size(); i++) news[i] = CopyOf(env, ring->news[i].data(), ring->news[i].size());
  ring->news.clear();
  return news;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
  libbpf_set_print(Listen);
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("kernelFunctions", KernelFunctions);
  add("load", Load);
  add("attach", Attach);
  add("pinProgram", PinProgram);
  add("openMap", OpenMap);
  add("update", Update);
  add("lookup", Lookup);
  add("remove", Remove);
  add("keys", Keys);
  add("readIterator", ReadIterator);
  add("openRing", OpenRing);
  add("ringDescriptor", RingDescriptor);
  add("drainRing", DrainRing);
  return exports;
}

}  // namespace

}  // namespace postern

static Napi::Object InitAll(Napi::Env env, Napi::Object exports) { return postern::Init(env, exports); }

NODE_API_MODULE(postern_lsm, InitAll)
