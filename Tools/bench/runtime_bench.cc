// What the runtime costs, apart from running Python code: `make bench-runtime`.
//
//   post        a call posted to an idle interpreter, and to one that runs, by one thread (nanoseconds each)
//   latency     from posting a call to an interpreter in a tight loop to the call (percentiles)
//   enter       leaving one interpreter, entering another, and coming back
//   parallel    two interpreters on two threads against two forked processes, the same work: ratio of the times (above 1: the
//               interpreters are faster); once for arithmetic, once for code that mentions what all interpreters share
//
// Figures are medians of several rounds; the two sides of a ratio run in turn.
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "Python.h"

namespace {

int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1000000000 + t.tv_nsec;
}

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "runtime_bench: %s\n", what);
  if (_PyThreadState_UncheckedGet() != nullptr && PyErr_Occurred()) PyErr_Print();
  std::exit(1);
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

PyThreadState* create() {
  PyThreadState* state = nullptr;
  PyInterpreterConfig config = _PyInterpreterConfig_INIT;
  if (PyStatus_Exception(Py_NewInterpreterFromConfig(&state, &config))) fail("no interpreter");
  return state;
}

void run(const char* text) {
  if (PyRun_SimpleString(text) != 0) fail("Python code failed");
}

// ---- posting -----------------------------------------------------------------------------------------------------

std::atomic<int64_t> g_calls;
int count(void*) {
  g_calls.fetch_add(1, std::memory_order_relaxed);
  return 0;
}

void bench_post(PyThreadState* main) {
  PyThreadState* other = create();
  PyThreadState_Swap(main);
  constexpr int kCalls = 60;  // below what makes an idle interpreter wake
  std::vector<double> allocated, embedded;
  for (int round = 0; round < 400; ++round) {
    static PyPendingCall nodes[kCalls];
    for (auto& n : nodes) n = PyPendingCall_INIT(count, nullptr);
    int64_t begin = now_ns();
    for (int i = 0; i < kCalls; ++i) PyInterpreterState_AddPendingCall(other->interp, count, nullptr);
    allocated.push_back(static_cast<double>(now_ns() - begin) / kCalls);
    PyThreadState_Swap(other);
    Py_MakePendingCalls();
    PyThreadState_Swap(main);
    begin = now_ns();
    for (auto& n : nodes) PyInterpreterState_PostPendingCall(other->interp, &n);
    embedded.push_back(static_cast<double>(now_ns() - begin) / kCalls);
    PyThreadState_Swap(other);
    Py_MakePendingCalls();
    PyThreadState_Swap(main);
  }
  std::printf("post to an idle interpreter      %7.1f ns, with a node of the caller's %7.1f ns\n", median(allocated), median(embedded));
  allocated.clear();
  embedded.clear();
  for (int round = 0; round < 400; ++round) {  // to the own one, which runs
    static PyPendingCall nodes[kCalls];
    for (auto& n : nodes) n = PyPendingCall_INIT(count, nullptr);
    int64_t begin = now_ns();
    for (int i = 0; i < kCalls; ++i) PyInterpreterState_AddPendingCall(main->interp, count, nullptr);
    allocated.push_back(static_cast<double>(now_ns() - begin) / kCalls);
    Py_MakePendingCalls();
    begin = now_ns();
    for (auto& n : nodes) PyInterpreterState_PostPendingCall(main->interp, &n);
    embedded.push_back(static_cast<double>(now_ns() - begin) / kCalls);
    Py_MakePendingCalls();
  }
  std::printf("post to a running interpreter    %7.1f ns, with a node of the caller's %7.1f ns\n", median(allocated), median(embedded));
  PyThreadState_Swap(other);
  Py_EndInterpreter(other);
  PyEval_RestoreThread(main);
}

std::atomic<int64_t> g_called_at;
int stamp(void*) {
  g_called_at.store(now_ns(), std::memory_order_release);
  return 0;
}
std::atomic<bool> g_running;
int set_running(void*) {
  g_running.store(true);
  return 0;
}
void* tight_loop(void* p) {
  auto* state = static_cast<PyThreadState*>(p);
  PyEval_RestoreThread(state);
  PyInterpreterState_AddPendingCall(state->interp, set_running, nullptr);
  PyObject* d = PyModule_GetDict(PyImport_AddModule("__main__"));
  PyObject* r = PyRun_String("while True: pass", Py_file_input, d, d);  // until it is interrupted
  if (r == nullptr) PyErr_Clear();
  Py_XDECREF(r);
  Py_EndInterpreter(state);
  return nullptr;
}

void bench_latency(PyThreadState* main) {
  PyThreadState* other = create();
  const int64_t id = PyInterpreterState_GetID(other->interp);
  PyThreadState_Swap(main);
  pthread_t thread;
  g_running = false;
  if (pthread_create(&thread, nullptr, tight_loop, other) != 0) fail("no thread");
  PyThreadState* saved = PyEval_SaveThread();
  while (!g_running) usleep(100);
  std::vector<double> us;
  for (int i = 0; i < 5000; ++i) {
    g_called_at = 0;
    int64_t begin = now_ns();
    PyInterpreterState_AddPendingCall(other->interp, stamp, nullptr);
    int64_t at;
    while ((at = g_called_at.load(std::memory_order_acquire)) == 0) {
      if (now_ns() - begin > 50000) usleep(20);
    }
    us.push_back(static_cast<double>(at - begin) * 1e-3);
    usleep(100);
  }
  std::sort(us.begin(), us.end());
  std::printf("latency in a tight loop          median %.1f us, 99%% %.1f us, 99.9%% %.1f us, worst %.1f us\n", us[us.size() / 2],
              us[us.size() * 99 / 100], us[us.size() * 999 / 1000], us.back());
  PyInterpreter_Interrupt(id);
  pthread_join(thread, nullptr);
  PyEval_RestoreThread(saved);
}

void bench_enter(PyThreadState* main) {
  PyThreadState* other = create();
  const int64_t id = PyInterpreterState_GetID(other->interp);
  PyThreadState_Swap(main);
  constexpr int kTimes = 2000;
  std::vector<double> swap, scope, detach;
  for (int round = 0; round < 50; ++round) {
    int64_t begin = now_ns();
    for (int i = 0; i < kTimes; ++i) {
      PyThreadState_Swap(other);
      PyThreadState_Swap(main);
    }
    swap.push_back(static_cast<double>(now_ns() - begin) / kTimes);
    begin = now_ns();
    for (int i = 0; i < kTimes; ++i) {
      PyInterpreterScope s;
      PyInterpreterScope_Enter(&s, id);
      PyInterpreterScope_Leave(&s);
    }
    scope.push_back(static_cast<double>(now_ns() - begin) / kTimes);
    begin = now_ns();
    for (int i = 0; i < kTimes; ++i) PyEval_RestoreThread(PyEval_SaveThread());
    detach.push_back(static_cast<double>(now_ns() - begin) / kTimes);
  }
  std::printf("there and back                   swap %.0f ns, scope %.0f ns, detach and attach %.0f ns\n", median(swap), median(scope), median(detach));
  PyThreadState_Swap(other);
  Py_EndInterpreter(other);
  PyEval_RestoreThread(main);
}

// ---- two at once -------------------------------------------------------------------------------------------------

constexpr const char* kArithmetic =
    "def work(n):\n"
    "    a = 0\n"
    "    for i in range(n):\n"
    "        a = (a * 31 + i) & 0xffffff\n"
    "    return a\n";
constexpr const char* kShared =
    "def work(n):\n"
    "    found = 0\n"
    "    for i in range(n):\n"
    "        d = dict(a=None, b=True)\n"
    "        x = d['a']\n"
    "        if x is None and d['b'] is True and isinstance(i, int) and isinstance(d, dict):\n"
    "            found += int(1)\n"
    "            y = (None, True, False, 5, 7, x)\n"
    "    return found\n";

struct Side {
  PyThreadState* state;
  const char* program;
  long n;
  pthread_barrier_t* barrier;
};

void call_work(long n) {
  PyObject* d = PyModule_GetDict(PyImport_AddModule("__main__"));
  PyObject* r = PyObject_CallFunction(PyDict_GetItemString(d, "work"), "l", n);
  if (r == nullptr) fail("the work failed");
  Py_DECREF(r);
}

void* work_in_thread(void* p) {
  auto* side = static_cast<Side*>(p);
  PyEval_RestoreThread(side->state);
  call_work(side->n / 20);  // warm
  PyThreadState* saved = PyEval_SaveThread();
  pthread_barrier_wait(side->barrier);
  PyEval_RestoreThread(saved);
  call_work(side->n);
  PyEval_SaveThread();
  pthread_barrier_wait(side->barrier);
  return nullptr;
}

double in_interpreters(PyThreadState* (&states)[2], const char* program, long n, PyThreadState* main) {
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, nullptr, 3);
  Side sides[2];
  pthread_t threads[2];
  for (int i = 0; i < 2; ++i) {
    PyThreadState_Swap(states[i]);
    run(program);
    sides[i] = {states[i], program, n, &barrier};
  }
  PyThreadState_Swap(main);
  PyThreadState* saved = PyEval_SaveThread();
  for (int i = 0; i < 2; ++i) pthread_create(&threads[i], nullptr, work_in_thread, &sides[i]);
  pthread_barrier_wait(&barrier);
  int64_t begin = now_ns();
  pthread_barrier_wait(&barrier);
  double t = static_cast<double>(now_ns() - begin) * 1e-9;
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  PyEval_RestoreThread(saved);
  pthread_barrier_destroy(&barrier);
  return t;
}

double in_processes(const char* program, long n) {
  run(program);
  int ready[2], go[2], done[2];
  if (pipe(ready) != 0 || pipe(go) != 0 || pipe(done) != 0) fail("no pipe");
  char byte = 0;
  for (int i = 0; i < 2; ++i) {
    PyOS_BeforeFork();
    pid_t pid = fork();
    if (pid == 0) {
      PyOS_AfterFork_Child();
      call_work(n / 20);
      if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1) _exit(1);
      call_work(n);
      if (write(done[1], &byte, 1) != 1) _exit(1);
      _exit(0);
    }
    PyOS_AfterFork_Parent();
    if (pid < 0) fail("no process");
  }
  char two[2];
  for (int i = 0; i < 2; ++i) {
    if (read(ready[0], &byte, 1) != 1) fail("a process has gone");
  }
  int64_t begin = now_ns();
  if (write(go[1], two, 2) != 2) fail("a pipe is closed");
  for (int i = 0; i < 2; ++i) {
    if (read(done[0], &byte, 1) != 1) fail("a process has gone");
  }
  double t = static_cast<double>(now_ns() - begin) * 1e-9;
  while (wait(nullptr) > 0) {
  }
  for (int fd : {ready[0], ready[1], go[0], go[1], done[0], done[1]}) close(fd);
  return t;
}

void bench_parallel(PyThreadState* main, const char* name, const char* program, long n, int rounds) {
  PyThreadState* states[2];
  for (auto& s : states) {
    s = create();
    PyThreadState_Swap(main);
  }
  std::vector<double> ratios, threads, processes;
  for (int i = 0; i < rounds; ++i) {
    double t = in_interpreters(states, program, n, main);
    double p = in_processes(program, n);
    threads.push_back(t);
    processes.push_back(p);
    ratios.push_back(p / t);
  }
  for (auto& s : states) {
    PyThreadState_Swap(s);
    Py_EndInterpreter(s);
    PyEval_RestoreThread(main);
  }
  std::printf("two at once, %-12s        interpreters %.3f s, processes %.3f s, ratio %.3f (", name, median(threads), median(processes), median(ratios));
  for (double r : ratios) std::printf(" %.3f", r);
  std::printf(" )\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const char* only = argc > 1 ? argv[1] : "";
  auto wanted = [&](const char* name) { return *only == 0 || std::strcmp(only, name) == 0; };
  PyConfig config;
  PyConfig_InitIsolatedConfig(&config);
  config.site_import = 0;
  if (PyStatus_Exception(Py_InitializeFromConfig(&config))) fail("no runtime");
  PyConfig_Clear(&config);
  PyThreadState* main = PyThreadState_Get();
  if (wanted("post")) bench_post(main);
  if (wanted("latency")) bench_latency(main);
  if (wanted("enter")) bench_enter(main);
  if (wanted("parallel")) {
    bench_parallel(main, "arithmetic", kArithmetic, 8000000, 5);
    bench_parallel(main, "shared names", kShared, 1500000, 5);
  }
  return Py_FinalizeEx();
}
