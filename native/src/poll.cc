/** Level-triggered readiness of a descriptor on the environment's own libuv loop. */
#include <uv.h>

#include "edge.h"

namespace postern {

namespace {

class Poller;

/** What outlives the JavaScript object: libuv owns it until its close callback ran. */
struct Watch {
  uv_poll_t handle = {};
  Poller* owner = nullptr;
  napi_async_cleanup_hook_handle cleanup = nullptr;
  bool closing = false;

  /** No event after this. The environment's end waits for the close callback. */
  void Close() {
    if (closing) return;
    closing = true;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle), [](uv_handle_t* closed) {
      Watch* watch = static_cast<Watch*>(closed->data);
      if (watch->cleanup != nullptr) napi_remove_async_cleanup_hook(watch->cleanup);
      delete watch;
    });
  }
};

class Poller : public Napi::ObjectWrap<Poller> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Poller", {InstanceMethod<&Poller::Watching>("watch"), InstanceMethod<&Poller::Close>("close")});
  }

  explicit Poller(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Poller>(info) {
    Arguments arguments(info);
    const int fd = arguments.Descriptor("fd");
    const Napi::Function ready = arguments.Callback("ready");
    if (arguments.Failed()) return;
    napi_env env = info.Env();
    uv_loop_t* loop = nullptr;
    if (napi_get_uv_event_loop(env, &loop) != napi_ok) {
      CodedError(info.Env(), "ERR_NO_LOOP", "this environment has no event loop");
      return;
    }
    Watch* watch = new Watch;
    const int error = uv_poll_init(loop, &watch->handle, fd);
    if (error < 0) {
      delete watch;
      SystemError(info.Env(), "epoll_ctl", -error);
      return;
    }
    watch->handle.data = watch;
    watch->owner = this;
    watch_ = watch;
    ready_ = Napi::Persistent(ready);
    napi_async_init(env, nullptr, Napi::String::New(env, "POSTERN_POLL"), &context_);
    napi_add_async_cleanup_hook(
        env,
        [](napi_async_cleanup_hook_handle, void* data) {
          Watch* ending = static_cast<Watch*>(data);
          if (ending->owner != nullptr) ending->owner->Detach();
        },
        watch, &watch->cleanup);
    Ref();  // JavaScript may forget the object while it is open
  }

  ~Poller() override { Detach(); }

 private:
  /** True when the watch was still ours. */
  bool Detach() {
    Watch* watch = watch_;
    watch_ = nullptr;
    if (watch == nullptr) return false;
    watch->owner = nullptr;
    watch->Close();
    napi_async_destroy(Env(), context_);
    return true;
  }

  Napi::Value Watching(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const bool readable = arguments.Flag("readable");
    const bool writable = arguments.Flag("writable");
    const bool hang_up = info.Length() > 2 && arguments.Flag("hangUp");
    if (arguments.Failed()) return {};
    if (watch_ == nullptr) return SystemError(info.Env(), "epoll_ctl", EBADF);
    const int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0) | (hang_up ? UV_PRIORITIZED : 0);
    // libuv takes the descriptor out of epoll and puts it back even for what is watched already.
    if (events == watching_) return info.Env().Undefined();
    const int error = events == 0 ? uv_poll_stop(&watch_->handle) : uv_poll_start(&watch_->handle, events, OnEvent);
    watching_ = error < 0 ? 0 : events;
    return error < 0 ? SystemError(info.Env(), "epoll_ctl", -error) : info.Env().Undefined();
  }

  Napi::Value Close(const Napi::CallbackInfo& info) {
    if (Detach()) {
      ready_.Reset();
      Unref();
    }
    return info.Env().Undefined();
  }

  static void OnEvent(uv_poll_t* handle, int status, int events) {
    Poller* self = static_cast<Watch*>(handle->data)->owner;
    if (self == nullptr) return;
    if (status < 0) self->watching_ = 0;  // libuv has stopped the watch
    napi_env env = self->Env();
    Napi::HandleScope scope(env);
    const Napi::Object keep = self->Value();  // the callback may close, and so let go of, this very object
    // An error on the descriptor is for the next read or write to find.
    const bool readable = status < 0 || (events & UV_READABLE) != 0;
    const bool writable = status < 0 || (events & UV_WRITABLE) != 0;
    // libuv has no event for EPOLLHUP alone, and reports it as whichever it was asked for. Nothing else of ours is of priority.
    const bool hung_up = status < 0 || (events & UV_PRIORITIZED) != 0;
    const napi_value arguments[] = {Napi::Boolean::New(env, readable), Napi::Boolean::New(env, writable), Napi::Boolean::New(env, hung_up)};
    // The plain interface: when the environment is ending, its failures are to be passed over, not thrown.
    if (napi_make_callback(env, self->context_, keep, self->ready_.Value(), 3, arguments, nullptr) == napi_ok) return;
    bool pending = false;
    napi_value thrown;
    if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
    if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) napi_fatal_exception(env, thrown);
  }

  Watch* watch_ = nullptr;
  int watching_ = 0;
  Napi::FunctionReference ready_;
  napi_async_context context_ = nullptr;
};

struct PerEnvironment {
  Napi::FunctionReference poller;
};

Napi::Value Poll(const Napi::CallbackInfo& info) {
  const PerEnvironment* own = info.Env().GetInstanceData<PerEnvironment>();
  return own->poller.New({info[0], info[1]});
}

}  // namespace

void AddPoll(Napi::Env env, Napi::Object exports) {
  PerEnvironment* own = new PerEnvironment;
  own->poller = Napi::Persistent(Poller::Define(env));
  env.SetInstanceData(own);
  exports.Set("poll", Napi::Function::New(env, Poll, "poll"));
}

}  // namespace postern
