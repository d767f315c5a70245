/** The callers' side of the namespace helper (native/helper). Each call brings the socket that takes its answer. */
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "edge.h"
#include "../helper/wire.h"

namespace postern {

namespace {

/** How long a call waits for its answer. A request takes well under a millisecond; what takes this long never comes. */
constexpr time_t kReplyTimeoutSeconds = 5;

Napi::Value SpawnHelper(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const std::string path = arguments.Text("path");
  if (arguments.Failed()) return {};
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return SystemError(env, "socketpair");
  Owned ours(pair[0]);
  Owned theirs(pair[1]);
  // A full queue or a helper that hangs ends the call, not the caller's thread.
  const timeval patience = {kReplyTimeoutSeconds, 0};
  if (setsockopt(ours.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0) return SystemError(env, "setsockopt");

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // A descriptor that is put on its own number loses its close-on-exec flag, which Node sets on the standard streams too.
  posix_spawn_file_actions_adddup2(&actions, theirs.fd(), HELPER_SOCKET);
  if (fcntl(STDERR_FILENO, F_GETFD) >= 0) posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, HELPER_SOCKET + 1);
  std::string name = path;
  char* argv[] = {name.data(), nullptr};
  char* environment[] = {nullptr};
  pid_t pid = 0;
  const int error = posix_spawn(&pid, path.c_str(), &actions, nullptr, argv, environment);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return SystemError(env, "posix_spawn", error);

  Napi::Object helper = Napi::Object::New(env);
  helper.Set("socket", ours.Release());
  helper.Set("pid", static_cast<double>(pid));
  return helper;
}

/** What a call sends: a request, and descriptors of which the first is put in by `Ask`. */
struct Question {
  helper_request request = {};
  int fds[HELPER_MAX_DESCRIPTORS] = {};
  size_t count = 1;
};

/** What comes back. The descriptors are the caller's. */
struct Answer {
  helper_reply reply = {};
  int fds[HELPER_MAX_MOUNTS] = {};
  size_t count = 0;
};

void CloseAll(const int* fds, size_t count) {
  for (size_t i = 0; i < count; i++) close(fds[i]);
}

bool SendQuestion(int helper, Question* question) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof question->fds)] = {};
  iovec part = {&question->request, sizeof question->request};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(question->count * sizeof(int));
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(question->count * sizeof(int));
  memcpy(CMSG_DATA(header), question->fds, question->count * sizeof(int));
  return sendmsg(helper, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof question->request);
}

/** False with errno set. Descriptors of a reply that is refused are closed. */
bool ReceiveAnswer(int socket, Answer* answer) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof answer->fds)];
  iovec part = {&answer->reply, sizeof answer->reply};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t received;
  do {
    received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) {
    if (errno == EAGAIN) errno = ETIMEDOUT;
    return false;
  }
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    answer->count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(answer->fds, CMSG_DATA(header), answer->count * sizeof(int));
  }
  const bool sound = received == sizeof answer->reply && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  if (sound) return true;
  CloseAll(answer->fds, answer->count);
  errno = received == 0 ? EPIPE : EBADMSG;  // the end of the file: the helper is gone
  return false;
}

/** Asks and waits. False with a JavaScript error pending; the descriptors of an answer that failed are closed. */
bool Ask(Napi::Env env, int helper, Question* question, Answer* answer) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    SystemError(env, "socketpair");
    return false;
  }
  Owned ours(pair[0]);
  {
    Owned theirs(pair[1]);  // closed before we wait, so that the helper's end is the end of the file
    const timeval patience = {kReplyTimeoutSeconds, 0};
    setsockopt(ours.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    question->fds[0] = theirs.fd();
    if (!SendQuestion(helper, question)) {
      SystemError(env, "sendmsg", errno == EAGAIN ? ETIMEDOUT : errno);
      return false;
    }
  }
  if (!ReceiveAnswer(ours.fd(), answer)) {
    SystemError(env, "recvmsg");
    return false;
  }
  if (answer->reply.error == 0) return true;
  CloseAll(answer->fds, answer->count);
  answer->reply.step[sizeof answer->reply.step - 1] = '\0';
  SystemError(env, answer->reply.step, answer->reply.error);
  return false;
}

/** Reads map lines into a request's room; a wrong or too long list is a TypeError. */
uint32_t TakeLines(Napi::Env env, bool* failed, Napi::Array list, helper_line* lines) {
  if (*failed) return 0;
  if (list.Length() == 0 || list.Length() > HELPER_MAX_WRITTEN_LINES) {
    *failed = true;
    CodedError(env, "ERR_INVALID_ARG_VALUE", "a map has 1 to " + std::to_string(HELPER_MAX_WRITTEN_LINES) + " lines");
    return 0;
  }
  Elements elements(env, failed, list);
  for (uint32_t i = 0; i < list.Length(); i++) {
    Fields line = elements.Object("line");
    lines[i] = {line.Unsigned32("inside"), line.Unsigned32("outside"), line.Unsigned32("length")};
  }
  return list.Length();
}

/** Takes both maps from the next argument; false with a JavaScript error pending. */
bool TakeMaps(Napi::Env env, Arguments* arguments, helper_request* request) {
  Fields maps = arguments->Object("maps");
  bool failed = arguments->Failed();
  const Napi::Array uid = maps.List("uid");
  const Napi::Array gid = maps.List("gid");
  if (arguments->Failed()) return false;
  request->uid_lines = TakeLines(env, &failed, uid, request->uid);
  request->gid_lines = TakeLines(env, &failed, gid, request->gid);
  return !failed;
}

Napi::Value WriteMaps(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  Question question;
  const int helper = arguments.Descriptor("helper");
  question.fds[1] = arguments.Descriptor("userNamespaceFd");
  question.count = 2;
  question.request.action = HELPER_WRITE_MAPS;
  if (!TakeMaps(env, &arguments, &question.request)) return {};
  question.request.deny_setgroups = arguments.Flag("denySetgroups") ? 1 : 0;
  if (arguments.Failed()) return {};
  Answer answer;
  if (!Ask(env, helper, &question, &answer)) return {};
  CloseAll(answer.fds, answer.count);
  return env.Undefined();
}

/** Asks for what is one descriptor. */
Napi::Value AskForOne(Napi::Env env, int helper, Question* question) {
  Answer answer;
  if (!Ask(env, helper, question, &answer)) return {};
  if (answer.count == 1) return Napi::Number::New(env, answer.fds[0]);
  CloseAll(answer.fds, answer.count);
  return SystemError(env, "recvmsg", EBADMSG);
}

Napi::Value MakeNamespace(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  Question question;
  const int helper = arguments.Descriptor("helper");
  question.request.action = HELPER_MAKE_NAMESPACE;
  if (!TakeMaps(info.Env(), &arguments, &question.request)) return {};
  return AskForOne(info.Env(), helper, &question);
}

Napi::Value CloneDirectory(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  Question question;
  const int helper = arguments.Descriptor("helper");
  question.fds[1] = arguments.Descriptor("directoryFd");
  question.fds[2] = arguments.Descriptor("mountNamespaceFd");
  question.count = 3;
  question.request.action = HELPER_CLONE_DIRECTORY;
  question.request.attributes = arguments.Unsigned32("attributes");
  if (arguments.Failed()) return {};
  return AskForOne(info.Env(), helper, &question);
}

Napi::Value LinesOf(Napi::Env env, const helper_line* lines, uint32_t count) {
  Napi::Array list = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; i++) {
    Napi::Object line = Napi::Object::New(env);
    line.Set("inside", static_cast<double>(lines[i].inside));
    line.Set("outside", static_cast<double>(lines[i].outside));
    line.Set("length", static_cast<double>(lines[i].length));
    list.Set(i, line);
  }
  return list;
}

Napi::Value ReadMaps(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  Question question;
  const int helper = arguments.Descriptor("helper");
  question.fds[1] = arguments.Descriptor("userNamespaceFd");
  question.count = 2;
  question.request.action = HELPER_READ_MAPS;
  if (arguments.Failed()) return {};
  Answer answer;
  if (!Ask(env, helper, &question, &answer)) return {};
  CloseAll(answer.fds, answer.count);
  const helper_reply& reply = answer.reply;
  if (reply.uid_lines > HELPER_MAX_READ_LINES || reply.gid_lines > HELPER_MAX_READ_LINES) return SystemError(env, "recvmsg", EBADMSG);
  Napi::Object maps = Napi::Object::New(env);
  maps.Set("uid", LinesOf(env, reply.uid, reply.uid_lines));
  maps.Set("gid", LinesOf(env, reply.gid, reply.gid_lines));
  return maps;
}

Napi::Value LockMounts(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  Question question;
  const int helper = arguments.Descriptor("helper");
  const std::vector<int> mounts = arguments.Descriptors("mountFds", HELPER_MAX_MOUNTS);
  if (arguments.Failed()) return {};
  if (mounts.empty()) return Napi::Array::New(env);
  question.request.action = HELPER_LOCK_MOUNTS;
  for (const int mount : mounts) question.fds[question.count++] = mount;
  Answer answer;
  if (!Ask(env, helper, &question, &answer)) return {};
  if (answer.count != mounts.size()) {
    CloseAll(answer.fds, answer.count);
    return SystemError(env, "recvmsg", EBADMSG);
  }
  return DescriptorList(env, answer.fds, answer.count);
}

}  // namespace

void AddHelper(Napi::Env env, Napi::Object exports) {
  exports.Set("spawnHelper", Napi::Function::New(env, SpawnHelper, "spawnHelper"));
  exports.Set("helperWriteMaps", Napi::Function::New(env, WriteMaps, "helperWriteMaps"));
  exports.Set("helperReadMaps", Napi::Function::New(env, ReadMaps, "helperReadMaps"));
  exports.Set("helperMakeNamespace", Napi::Function::New(env, MakeNamespace, "helperMakeNamespace"));
  exports.Set("helperCloneDirectory", Napi::Function::New(env, CloneDirectory, "helperCloneDirectory"));
  exports.Set("helperLockMounts", Napi::Function::New(env, LockMounts, "helperLockMounts"));
}

}  // namespace postern
