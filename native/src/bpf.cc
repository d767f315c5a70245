/** Whether the kernel takes BPF-LSM programs, found out by handing it one. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "edge.h"

namespace postern {

namespace {

/** The hook that the probe is made for. It is on every kernel with BPF-LSM. */
constexpr char kHook[] = "bpf_lsm_file_open";

/** Kernels' own type information is 4 to 8 MiB. */
constexpr off_t kMaxBtfBytes = 64 << 20;

/** The bytes of the kernel's type information; empty with errno set. */
std::vector<uint8_t> ReadBtf() {
  Owned file(open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC));
  struct stat st;
  if (file.fd() < 0 || fstat(file.fd(), &st) < 0) return {};
  if (st.st_size <= 0 || st.st_size > kMaxBtfBytes) {
    errno = EFBIG;
    return {};
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(st.st_size));
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t got = read(file.fd(), bytes.data() + done, bytes.size() - done);
    if (got > 0) {
      done += static_cast<size_t>(got);
    } else {
      if (got == 0) errno = EIO;
      return {};
    }
  }
  return bytes;
}

/** How many bytes follow a type's own 12. */
size_t BytesBehind(const btf_type& type) {
  const size_t count = BTF_INFO_VLEN(type.info);
  switch (BTF_INFO_KIND(type.info)) {
    case BTF_KIND_INT: return sizeof(uint32_t);
    case BTF_KIND_ARRAY: return sizeof(btf_array);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION: return count * sizeof(btf_member);
    case BTF_KIND_ENUM: return count * sizeof(btf_enum);
    case BTF_KIND_ENUM64: return count * 3 * sizeof(uint32_t);
    case BTF_KIND_FUNC_PROTO: return count * sizeof(btf_param);
    case BTF_KIND_VAR: return sizeof(btf_var);
    case BTF_KIND_DATASEC: return count * sizeof(btf_var_secinfo);
    case BTF_KIND_DECL_TAG: return sizeof(btf_decl_tag);
    default: return 0;
  }
}

/** The id of the function type with this name; 0 when there is none. */
uint32_t FindFunction(const std::vector<uint8_t>& btf, const char* name) {
  btf_header header;
  if (btf.size() < sizeof header) return 0;
  memcpy(&header, btf.data(), sizeof header);
  const uint64_t types = uint64_t{header.hdr_len} + header.type_off;
  const uint64_t names = uint64_t{header.hdr_len} + header.str_off;
  if (header.magic != BTF_MAGIC || types + header.type_len > btf.size() || names + header.str_len > btf.size()) return 0;
  const size_t name_bytes = strlen(name) + 1;
  uint64_t at = types;
  for (uint32_t id = 1; at + sizeof(btf_type) <= types + header.type_len; id++) {
    btf_type type;
    memcpy(&type, btf.data() + at, sizeof type);
    const bool is_named = uint64_t{type.name_off} + name_bytes <= header.str_len;
    if (is_named && BTF_INFO_KIND(type.info) == BTF_KIND_FUNC && memcmp(btf.data() + names + type.name_off, name, name_bytes) == 0) {
      return id;
    }
    at += sizeof type + BytesBehind(type);
  }
  return 0;
}

Napi::Value TryBpfLsm(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::vector<uint8_t> btf = ReadBtf();
  if (btf.empty()) return Napi::String::New(env, ErrorName(errno));
  const uint32_t hook = FindFunction(btf, kHook);
  if (hook == 0) return Napi::String::New(env, ErrorName(ENOENT));

  // r0 = 0; exit: "allow", for a hook that it is never attached to.
  bpf_insn program[2] = {};
  program[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
  program[1].code = BPF_JMP | BPF_EXIT;
  static constexpr char kLicense[] = "GPL";
  bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_LSM;
  attributes.expected_attach_type = BPF_LSM_MAC;
  attributes.insns = reinterpret_cast<uint64_t>(program);
  attributes.insn_cnt = 2;
  attributes.license = reinterpret_cast<uint64_t>(kLicense);
  attributes.attach_btf_id = hook;
  strcpy(attributes.prog_name, "postern_probe");
  const Owned loaded(static_cast<int>(syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes)));
  return loaded.fd() < 0 ? Napi::Value(Napi::String::New(env, ErrorName(errno))) : env.Null();
}

}  // namespace

void AddBpf(Napi::Env env, Napi::Object exports) {
  exports.Set("tryBpfLsm", Napi::Function::New(env, TryBpfLsm, "tryBpfLsm"));
}

}  // namespace postern
