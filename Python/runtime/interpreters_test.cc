// Interpreters as the runtime sees them: entering, pending calls and who makes them, guards, limits, interrupts.
#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "Python.h"
#include "Python/lifecycle/lifecycle.h"
#include "Python/runtime/guard.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/scope.h"

namespace atl {
namespace {

using namespace std::chrono_literals;

bool wait_until(const std::function<bool()>& f, std::chrono::milliseconds limit = 10s) {
  auto end = std::chrono::steady_clock::now() + limit;
  while (!f()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(500us);
  }
  return true;
}

struct Interpreters : ::testing::Test {
  static void SetUpTestSuite() {
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.site_import = 0;
    PyStatus status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    ASSERT_FALSE(PyStatus_Exception(status));
  }
  static void TearDownTestSuite() { EXPECT_EQ(Py_FinalizeEx(), 0); }

  // An idle interpreter, and its number.
  int64_t create(bool own_gil = true) {
    ThreadState* main = current_thread_or_null();
    InterpreterOptions options;
    options.own_gil = own_gil;
    ThreadState* ts = interpreter_new(options, false);
    EXPECT_NE(ts, nullptr);
    Interpreter& interp = ts->interpreter();
    detach(ts);
    {
      std::lock_guard hold(runtime().interpreters_lock);
      interp.home = ts;
      interp.ready = true;
    }
    attach(main);
    return interp.id;
  }
  static Interpreter* of(int64_t id) {
    std::lock_guard hold(runtime().interpreters_lock);
    return find_interpreter_locked(runtime(), id);
  }
  static void close(int64_t id) { EXPECT_EQ(PyInterpreter_Close(id), 0) << id; }
};

// Runs Python text in an interpreter on a thread of its own.
class Runner {
 public:
  Runner(int64_t id, std::string text) {
    thread_ = std::thread([this, id, text = std::move(text)] {
      PyInterpreterScope scope;
      ASSERT_EQ(PyInterpreterScope_Enter(&scope, id), 0);
      PyObject* d = PyDict_New();
      PyDict_SetItemString(d, "__builtins__", PyEval_GetBuiltins());
      started = true;
      PyObject* r = PyRun_String(text.c_str(), Py_file_input, d, d);
      if (r == nullptr) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        raised = reinterpret_cast<PyTypeObject*>(type)->tp_name;
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
      }
      Py_XDECREF(r);
      Py_DECREF(d);
      PyInterpreterScope_Leave(&scope);
    });
  }
  ~Runner() { join(); }
  void join() {
    if (!thread_.joinable()) return;
    PyThreadState* saved = current_thread_or_null() != nullptr ? PyEval_SaveThread() : nullptr;
    thread_.join();
    if (saved != nullptr) PyEval_RestoreThread(saved);
  }
  std::atomic<bool> started{false};
  std::string raised;

 private:
  std::thread thread_;
};

struct Seen {
  std::atomic<int> calls{0};
  std::vector<int> order;
  std::thread::id thread;
  int64_t interpreter = -1;
};
struct One {
  Seen* seen;
  int number;
};
int note(void* p) {
  auto* one = static_cast<One*>(p);
  one->seen->order.push_back(one->number);
  one->seen->thread = std::this_thread::get_id();
  one->seen->interpreter = current_thread().interpreter().id;
  ++one->seen->calls;
  return 0;
}

#define DETACHED(expr)                            \
  [&] {                                           \
    PyThreadState* saved_ = PyEval_SaveThread();  \
    auto result_ = (expr);                        \
    PyEval_RestoreThread(saved_);                 \
    return result_;                               \
  }()

// ---- entering ----------------------------------------------------------------------------------------------------

TEST_F(Interpreters, ScopesNestAndComeBack) {
  int64_t a = create(), b = create();
  ThreadState* main = current_thread_or_null();
  PyInterpreterScope one, two, three;
  ASSERT_EQ(PyInterpreterScope_Enter(&one, a), 0);
  EXPECT_EQ(current_thread().interpreter().id, a);
  EXPECT_EQ(main->interpreter().attached.load(), nullptr) << "no two locks";
  ASSERT_EQ(PyInterpreterScope_Enter(&two, b), 0);
  ASSERT_EQ(PyInterpreterScope_Enter(&three, a), 0);
  EXPECT_EQ(current_thread().interpreter().id, a);
  PyInterpreterScope_Leave(&three);
  EXPECT_EQ(current_thread().interpreter().id, b);
  EXPECT_EQ(PyInterpreterScope_Enter(&three, 1 << 30), -1);
  EXPECT_NE(PyErr_Occurred(), nullptr);
  PyErr_Clear();
  PyInterpreterScope_Leave(&two);
  PyInterpreterScope_Leave(&one);
  EXPECT_EQ(current_thread_or_null(), main);
  close(a);
  close(b);
}

TEST_F(Interpreters, AnyThreadEntersAndCloses) {
  std::vector<int64_t> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(create(i % 2 == 0));
  PyThreadState* saved = PyEval_SaveThread();
  std::vector<std::thread> threads;
  std::atomic<int> closed{0};
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 20; ++round) {
        for (int64_t id : ids) {
          PyInterpreterScope scope;
          ASSERT_EQ(PyInterpreterScope_Enter(&scope, id), 0);
          PyObject* list = PyList_New(10);
          Py_DECREF(list);
          PyInterpreterScope_Leave(&scope);
        }
      }
      (void)t;
    });
  }
  for (auto& t : threads) t.join();
  threads.clear();
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int64_t id : ids) closed += PyInterpreter_Close(id) == 0;
    });
  }
  for (auto& t : threads) t.join();
  PyEval_RestoreThread(saved);
  EXPECT_EQ(closed.load(), 6) << "each exactly once";
}

TEST_F(Interpreters, Configurations) {
  PyThreadState* main = PyThreadState_Get();
  PyThreadState* made = nullptr;
  PyInterpreterConfig config = _PyInterpreterConfig_INIT;
  config.gil = 7;
  EXPECT_TRUE(PyStatus_IsError(Py_NewInterpreterFromConfig(&made, &config)));
  config = _PyInterpreterConfig_INIT;
  config.use_main_obmalloc = 1;
  EXPECT_TRUE(PyStatus_IsError(Py_NewInterpreterFromConfig(&made, &config)));
  config = _PyInterpreterConfig_LEGACY_INIT;
  config.use_main_obmalloc = 0;
  EXPECT_TRUE(PyStatus_IsError(Py_NewInterpreterFromConfig(&made, &config)));
  config = _PyInterpreterConfig_INIT;
  config.allow_threads = 0;
  config.allow_daemon_threads = 1;
  EXPECT_TRUE(PyStatus_IsError(Py_NewInterpreterFromConfig(&made, &config)));
  EXPECT_EQ(made, nullptr);
  EXPECT_EQ(PyThreadState_Get(), main);
  EXPECT_EQ(PyErr_Occurred(), nullptr);

  config = _PyInterpreterConfig_INIT;
  ASSERT_FALSE(PyStatus_Exception(Py_NewInterpreterFromConfig(&made, &config)));
  EXPECT_EQ(PyThreadState_Get(), made);
  EXPECT_NE(as_interp(made->interp).gil, runtime().main->gil);
  Py_EndInterpreter(made);
  EXPECT_EQ(current_thread_or_null(), nullptr);
  PyThreadState_Swap(main);

  made = Py_NewInterpreter();
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(as_interp(made->interp).gil, runtime().main->gil);
  PyThreadState* second = PyThreadState_New(made->interp);
  PyThreadState_Swap(second);
  EXPECT_EQ(PyThreadState_Get(), second);
  PyThreadState_Clear(second);
  PyThreadState_DeleteCurrent();
  PyEval_RestoreThread(made);
  Py_EndInterpreter(made);
  PyThreadState_Swap(main);
}

// ---- pending calls -----------------------------------------------------------------------------------------------

TEST_F(Interpreters, BusyTargetMakesTheCallItself) {
  int64_t id = create();
  Interpreter* target = of(id);
  static std::atomic<bool> stop;
  stop = false;
  Runner runner(id, "import time\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass\n");
  ASSERT_TRUE(wait_until([&] { return runner.started.load(); }));
  std::this_thread::sleep_for(20ms);
  Seen seen;
  std::vector<One> many;
  for (int i = 0; i < 200; ++i) many.push_back({&seen, i});
  for (auto& one : many) ASSERT_EQ(PyInterpreterState_AddPendingCall(target->as_c(), note, &one), 0);
  EXPECT_TRUE(DETACHED(wait_until([&] { return seen.calls == 200; })));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(seen.order[static_cast<size_t>(i)], i);
  EXPECT_EQ(seen.interpreter, id);
  EXPECT_NE(seen.thread, std::this_thread::get_id());
  EXPECT_EQ(PyInterpreter_Interrupt(id), 1);
  runner.join();
  EXPECT_EQ(runner.raised, "KeyboardInterrupt");
  EXPECT_EQ(PyInterpreter_Interrupt(id), 0) << "nobody is there";
  close(id);
}

TEST_F(Interpreters, NextEntryDrains) {
  int64_t id = create();
  Seen seen;
  One one{&seen, 1};
  ASSERT_EQ(pending_post_call(of(id), note, &one), PostAnswer::kQueued);
  EXPECT_EQ(seen.calls, 0) << "never in place";
  PyInterpreterScope scope;
  ASSERT_EQ(PyInterpreterScope_Enter(&scope, id), 0);
  EXPECT_EQ(seen.calls, 1);
  PyInterpreterScope_Leave(&scope);
  close(id);
}

TEST_F(Interpreters, ManyNodesAreThePostersBusinessAtItsNextPoll) {
  int64_t id = create();
  Seen seen;
  std::vector<One> many;
  for (int i = 0; i < 70; ++i) many.push_back({&seen, i});
  for (auto& one : many) ASSERT_EQ(pending_post_call(of(id), note, &one), PostAnswer::kQueued);
  EXPECT_EQ(seen.calls, 0) << "never in place";
  EXPECT_EQ(Py_MakePendingCalls(), 0);
  EXPECT_EQ(seen.calls, 70);
  EXPECT_EQ(seen.thread, std::this_thread::get_id());
  EXPECT_EQ(seen.interpreter, id);
  close(id);
}

TEST_F(Interpreters, PinnedMemoryCountsToo) {
  int64_t id = create();
  Seen seen;
  One one{&seen, 1};
  ASSERT_EQ(pending_post_call(of(id), note, &one, (1 << 20) + 1), PostAnswer::kQueued);
  EXPECT_EQ(seen.calls, 0);
  EXPECT_EQ(Py_MakePendingCalls(), 0);
  EXPECT_EQ(seen.calls, 1);
  close(id);
}

TEST_F(Interpreters, AgeIsThePostersBusinessToo) {
  int64_t id = create();
  Seen seen;
  One one{&seen, 1};
  ASSERT_EQ(pending_post_call(of(id), note, &one), PostAnswer::kQueued);
  auto end = std::chrono::steady_clock::now() + 5s;
  while (seen.calls == 0 && std::chrono::steady_clock::now() < end) EXPECT_EQ(PyRun_SimpleString("for i in range(1000): pass"), 0);
  EXPECT_EQ(seen.calls, 1);
  close(id);
}

TEST_F(Interpreters, WithoutAnInterpreterTheHelperDoesIt) {
  int64_t id = create();
  Interpreter* target = of(id);
  Seen seen;
  std::vector<One> many;
  for (int i = 0; i < 100; ++i) many.push_back({&seen, i});
  PyThreadState* saved = PyEval_SaveThread();
  std::thread foreign([&] {
    for (auto& one : many) ASSERT_EQ(PyInterpreterState_AddPendingCall(target->as_c(), note, &one), 0);
  });
  foreign.join();
  EXPECT_TRUE(wait_until([&] { return seen.calls == 100; }));
  PyEval_RestoreThread(saved);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen.order[static_cast<size_t>(i)], i);
  close(id);
}

TEST_F(Interpreters, ATargetThatWaitsIsIdle) {
  int64_t id = create();
  Runner runner(id, "import time\ntime.sleep(20)\n");
  ASSERT_TRUE(DETACHED(wait_until([&] { return runner.started.load() && of(id)->attached.load() == nullptr; })));
  Seen seen;
  One one{&seen, 1};
  ASSERT_EQ(pending_post_call(of(id), note, &one), PostAnswer::kQueued);
  EXPECT_TRUE(DETACHED(wait_until([&] { return seen.calls == 1; }, 5s)));
  EXPECT_EQ(seen.interpreter, id);
  EXPECT_EQ(PyInterpreter_Interrupt(id), 1);
  runner.join();
  EXPECT_EQ(runner.raised, "KeyboardInterrupt");
  close(id);
}

TEST_F(Interpreters, SharedLockTargets) {
  int64_t id = create(false);
  Seen seen;
  std::vector<One> many;
  for (int i = 0; i < 70; ++i) many.push_back({&seen, i});
  for (auto& one : many) ASSERT_EQ(pending_post_call(of(id), note, &one), PostAnswer::kQueued);
  EXPECT_EQ(Py_MakePendingCalls(), 0);
  EXPECT_TRUE(DETACHED(wait_until([&] { return seen.calls == 70; }, 5s)));
  close(id);
}

int fail_with_exception(void* p) {
  ++*static_cast<std::atomic<int>*>(p);
  PyErr_SetString(PyExc_ValueError, "from a pending call");
  return -1;
}

TEST_F(Interpreters, AnExceptionStopsNothingElse) {
  int64_t id = create();
  Seen seen;
  One before{&seen, 1}, after{&seen, 2};
  std::atomic<int> failures{0};
  PyInterpreterScope scope;
  ASSERT_EQ(PyInterpreterScope_Enter(&scope, id), 0);
  ASSERT_EQ(PyRun_SimpleString("import sys\nseen = []\nsys.unraisablehook = lambda u: seen.append(type(u.exc_value).__name__)"), 0);
  Interpreter* self = &current_thread().interpreter();
  ASSERT_EQ(pending_post_call(self, note, &before), PostAnswer::kQueued);
  ASSERT_EQ(pending_post_call(self, fail_with_exception, &failures), PostAnswer::kQueued);
  ASSERT_EQ(pending_post_call(self, note, &after), PostAnswer::kQueued);
  EXPECT_EQ(Py_MakePendingCalls(), 0);
  EXPECT_EQ(PyErr_Occurred(), nullptr);
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(seen.order, (std::vector<int>{1, 2}));
  EXPECT_EQ(PyRun_SimpleString("assert seen == ['ValueError'], seen"), 0);
  PyInterpreterScope_Leave(&scope);
  close(id);
}

struct Again {
  PyPendingCall call;
  PyInterpreterState* interp;
  int left;
  int posted_while_queued;
};
int post_again(void* p) {
  auto* a = static_cast<Again*>(p);
  if (--a->left > 0) {
    EXPECT_EQ(PyInterpreterState_PostPendingCall(a->interp, &a->call), 0);
    a->posted_while_queued += PyInterpreterState_PostPendingCall(a->interp, &a->call);
  }
  return 0;
}

TEST_F(Interpreters, ACallPostsItselfAgain) {
  Interpreter* self = &current_thread().interpreter();
  Again again{{post_again, nullptr, {}}, self->as_c(), 5, 0};
  again.call.arg = &again;
  EXPECT_EQ(PyInterpreterState_PostPendingCall(self->as_c(), &again.call), 0);
  EXPECT_EQ(PyInterpreterState_PostPendingCall(self->as_c(), &again.call), 1);
  EXPECT_EQ(Py_MakePendingCalls(), 0);
  EXPECT_EQ(again.left, 4) << "once for each poll";
  while (again.left > 0) EXPECT_EQ(Py_MakePendingCalls(), 0);
  EXPECT_EQ(again.posted_while_queued, 4);
}

int close_own(void* p) {
  int64_t id = current_thread().interpreter().id;
  *static_cast<int*>(p) = PyInterpreter_Close(id);
  EXPECT_NE(PyErr_Occurred(), nullptr);
  PyErr_Clear();
  return 0;
}
int end_own(void*) {
  Py_EndInterpreter(PyThreadState_Get());
  return 0;
}

TEST_F(Interpreters, ACallCannotEndItsOwnInterpreter) {
  int64_t id = create();
  int closed = 0;
  ASSERT_EQ(pending_post_call(of(id), close_own, &closed), PostAnswer::kQueued);
  PyInterpreterScope scope;
  ASSERT_EQ(PyInterpreterScope_Enter(&scope, id), 0);
  EXPECT_EQ(closed, -1);
  EXPECT_EQ(PyRun_SimpleString("import sys\nseen = []\nsys.unraisablehook = lambda u: seen.append(str(u.exc_value))"), 0);
  ASSERT_EQ(pending_post_call(of(id), end_own, nullptr), PostAnswer::kQueued);
  EXPECT_EQ(Py_MakePendingCalls(), 0);
  EXPECT_EQ(PyRun_SimpleString("assert len(seen) == 1 and 'pending call' in seen[0], seen"), 0);
  PyInterpreterScope_Leave(&scope);
  close(id);
}

TEST_F(Interpreters, TheEndDrainsAndThenRefuses) {
  int64_t id = create();
  Interpreter* target = of(id);
  PyInterpreterView* view = PyInterpreterView_FromID(id);
  Seen seen;
  One one{&seen, 1};
  ASSERT_EQ(pending_post_call(target, note, &one), PostAnswer::kQueued);
  close(id);
  EXPECT_EQ(seen.calls, 1);
  EXPECT_EQ(PyInterpreterState_AddPendingCall(target->as_c(), note, &one), -1) << "its memory waits for the next interpreter";
  EXPECT_NE(PyErr_Occurred(), nullptr);
  PyErr_Clear();
  EXPECT_EQ(PyInterpreterView_AddPendingCall(view, note, &one), -1);
  EXPECT_NE(PyErr_Occurred(), nullptr);
  PyErr_Clear();
  EXPECT_EQ(PyInterpreterGuard_FromView(view), nullptr);
  PyErr_Clear();
  PyInterpreterView_Close(view);
  EXPECT_EQ(seen.calls, 1);
}

// Posters of all kinds while interpreters come and go: every call that was accepted is made, exactly once.
TEST_F(Interpreters, PostersAndEnds) {
  std::atomic<bool> stop{false};
  static std::atomic<int64_t> accepted, made;
  accepted = made = 0;
  std::atomic<int64_t> current{-1};
  PyThreadState* saved = PyEval_SaveThread();
  std::vector<std::thread> posters;
  for (int t = 0; t < 2; ++t) {
    posters.emplace_back([&] {
      while (!stop) {
        int64_t id = current.load();
        if (Interpreter* interp = interpreter_guard(id)) {
          PostAnswer answer = pending_post_call(interp, [](void*) { ++made; return 0; }, nullptr);
          interpreter_unguard(interp);
          if (answer == PostAnswer::kQueued) ++accepted;
        }
      }
    });
  }
  PyEval_RestoreThread(saved);
  for (int i = 0; i < 15; ++i) {
    int64_t id = create();
    current = id;
    DETACHED((std::this_thread::sleep_for(3ms), 0));
    close(id);
  }
  stop = true;
  saved = PyEval_SaveThread();
  for (auto& t : posters) t.join();
  PyEval_RestoreThread(saved);
  EXPECT_GT(accepted.load(), 0);
  EXPECT_EQ(accepted.load(), made.load());
}

TEST_F(Interpreters, OldPendingCalls) {
  static std::atomic<int> calls;
  calls = 0;
  PyThreadState* saved = PyEval_SaveThread();
  std::thread foreign([] {
    for (int i = 0; i < 100; ++i) EXPECT_EQ(Py_AddPendingCall([](void*) { return ++calls, 0; }, nullptr), 0);
  });
  foreign.join();
  PyEval_RestoreThread(saved);
  EXPECT_EQ(PyRun_SimpleString("for i in range(100): pass"), 0);
  EXPECT_EQ(calls, 100);
  EXPECT_EQ(Py_AddPendingCall([](void*) { PyErr_SetString(PyExc_KeyError, "x"); return -1; }, nullptr), 0);
  EXPECT_EQ(Py_MakePendingCalls(), -1) << "as 3.11: it is raised in the main thread";
  EXPECT_TRUE(PyErr_ExceptionMatches(PyExc_KeyError));
  PyErr_Clear();
}

// ---- guards ------------------------------------------------------------------------------------------------------

TEST_F(Interpreters, AGuardHoldsOffTheEnd) {
  int64_t id = create();
  PyInterpreterGuard* guard = PyInterpreterGuard_FromID(id);
  ASSERT_NE(guard, nullptr);
  PyInterpreterView* view = PyInterpreterView_FromID(id);
  std::atomic<bool> ended{false};
  PyThreadState* saved = PyEval_SaveThread();
  std::thread closer([&] {
    EXPECT_EQ(PyInterpreter_Close(id), 0);
    ended = true;
  });
  std::this_thread::sleep_for(30ms);
  EXPECT_FALSE(ended);
  EXPECT_EQ(PyInterpreterGuard_FromView(view), nullptr) << "its end has begun";
  // A thread that Python has never seen can still come in.
  PyThreadStateToken* token = PyThreadState_Ensure(guard);
  ASSERT_NE(token, nullptr);
  EXPECT_EQ(current_thread().interpreter().id, id);
  PyObject* list = PyList_New(3);
  Py_DECREF(list);
  PyThreadState_Release(token);
  EXPECT_FALSE(ended);
  PyInterpreterGuard_Close(guard);
  closer.join();
  EXPECT_TRUE(ended);
  PyEval_RestoreThread(saved);
  PyInterpreterView_Close(view);
}

TEST_F(Interpreters, TheEndWaitsForVisitors) {
  PyThreadState* main = PyThreadState_Get();
  PyThreadState* made = Py_NewInterpreter();
  ASSERT_NE(made, nullptr);
  int64_t id = PyInterpreterState_GetID(made->interp);
  {
    Runner visitor(id, "import time\ntime.sleep(0.3)\nx = [object() for i in range(100)]\n");
    ASSERT_TRUE(DETACHED(wait_until([&] { return visitor.started.load(); })));
    Py_EndInterpreter(made);
    EXPECT_EQ(visitor.raised, "");
    EXPECT_EQ(current_thread_or_null(), nullptr);
    PyEval_RestoreThread(main);
    visitor.join();
  }
  EXPECT_EQ(PyInterpreter_Close(id), -1);
  PyErr_Clear();
}

TEST_F(Interpreters, EnsureNestsAndGivesBackTheSameState) {
  int64_t id = create();
  PyInterpreterGuard* guard = PyInterpreterGuard_FromID(id);
  ThreadState* main = current_thread_or_null();
  PyThreadStateToken* first = PyThreadState_Ensure(guard);
  ThreadState* inside = current_thread_or_null();
  EXPECT_EQ(inside->interpreter().id, id);
  PyThreadStateToken* second = PyThreadState_Ensure(guard);
  EXPECT_EQ(current_thread_or_null(), inside);
  PyThreadState_Release(second);
  EXPECT_EQ(current_thread_or_null(), inside);
  PyThreadState* saved = PyEval_SaveThread();
  second = PyThreadState_Ensure(guard);
  EXPECT_EQ(current_thread_or_null(), inside) << "a detached state of this thread";
  PyThreadState_Release(second);
  EXPECT_EQ(current_thread_or_null(), nullptr);
  PyGILState_STATE state = PyGILState_Ensure();
  EXPECT_EQ(current_thread_or_null(), inside);
  PyGILState_Release(state);
  PyEval_RestoreThread(saved);
  PyThreadState_Release(first);
  EXPECT_EQ(current_thread_or_null(), main);
  PyInterpreterGuard_Close(guard);
  close(id);
}

TEST_F(Interpreters, GILStateOfForeignThreads) {
  PyThreadState* saved = PyEval_SaveThread();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 200; ++i) {
        EXPECT_EQ(PyGILState_Check(), 0);
        PyGILState_STATE one = PyGILState_Ensure();
        PyGILState_STATE two = PyGILState_Ensure();
        EXPECT_EQ(two, PyGILState_LOCKED);
        EXPECT_TRUE(current_thread().interpreter().is_main);
        Py_BEGIN_ALLOW_THREADS
        PyGILState_STATE three = PyGILState_Ensure();
        EXPECT_EQ(three, PyGILState_UNLOCKED);
        PyGILState_Release(three);
        Py_END_ALLOW_THREADS
        PyGILState_Release(two);
        EXPECT_EQ(PyGILState_Check(), 1);
        PyGILState_Release(one);
        EXPECT_EQ(PyGILState_GetThisThreadState(), nullptr);
      }
    });
  }
  for (auto& t : threads) t.join();
  PyEval_RestoreThread(saved);
}

// ---- figures and limits ------------------------------------------------------------------------------------------

TEST_F(Interpreters, Figures) {
  int64_t id = create();
  PyInterpreterFigures before{}, after{};
  before.size = after.size = sizeof before;
  ASSERT_EQ(PyInterpreter_GetFigures(id, &before), 0);
  EXPECT_EQ(before.id, id);
  EXPECT_GT(before.memory_bytes, 1000u);
  EXPECT_GE(before.memory_reserved, before.memory_bytes);
  EXPECT_EQ(before.threads, 1u);
  EXPECT_EQ(before.running, 0);
  PyInterpreterScope scope;
  ASSERT_EQ(PyInterpreterScope_Enter(&scope, id), 0);
  ASSERT_EQ(PyRun_SimpleString("import gc\nkept = [object() for i in range(100000)]\ngc.collect()"), 0);
  PyInterpreterScope_Leave(&scope);
  ASSERT_EQ(PyInterpreter_GetFigures(id, &after), 0);
  EXPECT_GE(after.memory_blocks, before.memory_blocks + 100000);
  EXPECT_GE(after.memory_bytes, before.memory_bytes + 1600000);
  EXPECT_GT(after.lock_held_ns, before.lock_held_ns + 1000000);
  EXPECT_GT(after.lock_taken, before.lock_taken);
  EXPECT_GT(after.collections[2], before.collections[2]);
  close(id);
  EXPECT_EQ(PyInterpreter_GetFigures(id, &after), -1);
  EXPECT_NE(PyErr_Occurred(), nullptr);
  PyErr_Clear();
}

TEST_F(Interpreters, MemoryLimit) {
  int64_t id = create(), other = create();
  PyInterpreterFigures now{};
  now.size = sizeof now;
  ASSERT_EQ(PyInterpreter_GetFigures(id, &now), 0);
  ASSERT_EQ(PyInterpreter_SetMemoryLimit(id, now.memory_reserved + (8 << 20)), 0);
  {
    Runner greedy(id, "kept = []\nwhile True: kept.append(bytes(100000))\n");
    Runner modest(other, "kept = [bytes(100000) for i in range(400)]\n");
    greedy.join();
    modest.join();
    EXPECT_EQ(greedy.raised, "MemoryError");
    EXPECT_EQ(modest.raised, "");
  }
  ASSERT_EQ(PyInterpreter_SetMemoryLimit(id, 0), 0);
  Runner free(id, "kept = [bytes(100000) for i in range(400)]\n");
  free.join();
  EXPECT_EQ(free.raised, "");
  close(id);
  close(other);
}

TEST_F(Interpreters, ProcessorTimeLimit) {
  int64_t id = create();
  ASSERT_EQ(PyInterpreter_SetProcessorTimeLimit(id, 50'000'000), 0);
  {
    Runner sleeper(id, "import time\ntime.sleep(0.2)\n");
    sleeper.join();
    EXPECT_EQ(sleeper.raised, "") << "sleeping costs none";
  }
  auto begin = std::chrono::steady_clock::now();
  Runner runner(id, "n = 0\nwhile True:\n  try:\n    while True: pass\n  except TimeoutError:\n    n += 1\n    if n == 3: raise\n");
  runner.join();
  EXPECT_EQ(runner.raised, "TimeoutError");
  EXPECT_GT(std::chrono::steady_clock::now() - begin, 40ms);
  PyInterpreterFigures now{};
  now.size = sizeof now;
  ASSERT_EQ(PyInterpreter_GetFigures(id, &now), 0);
  EXPECT_GE(now.cpu_ns, 50'000'000u);
  ASSERT_EQ(PyInterpreter_SetProcessorTimeLimit(id, 0), 0);
  Runner free(id, "for i in range(1000000): pass\n");
  free.join();
  EXPECT_EQ(free.raised, "");
  close(id);
}

}  // namespace
}  // namespace atl
