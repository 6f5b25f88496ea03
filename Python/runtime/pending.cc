#include "Python/runtime/pending.h"

#include <new>

#include "Python/runtime/guard.h"
#include "Python/runtime/helper.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/scope.h"
#include "Python/runtime/upcalls.h"

namespace atl {

// ---- the queue ---------------------------------------------------------------------------------------------------

bool PendingQueue::post(PendingNode* node) {
  if (node->queued.exchange(true, std::memory_order_acq_rel)) return false;
  // Counted first: empty() may be wrong by saying that there is something, never the other way.
  posted_.fetch_add(1, std::memory_order_relaxed);
  if (node->pinned != 0) pinned_.fetch_add(node->pinned, std::memory_order_relaxed);
  waiting_.fetch_add(1, std::memory_order_seq_cst);
  PendingNode* head = head_.load(std::memory_order_relaxed);
  do {
    node->next.store(head, std::memory_order_relaxed);
  } while (!head_.compare_exchange_weak(head, node, std::memory_order_release, std::memory_order_relaxed));
  return true;
}

PendingNode* PendingQueue::take() {
  if (taken_ == nullptr) {
    PendingNode* newest = head_.exchange(nullptr, std::memory_order_acquire);
    while (newest != nullptr) {  // newest first becomes oldest first
      PendingNode* older = newest->next.load(std::memory_order_relaxed);
      newest->next.store(taken_, std::memory_order_relaxed);
      taken_ = newest;
      newest = older;
    }
  }
  PendingNode* node = taken_;
  if (node == nullptr) return nullptr;
  taken_ = node->next.load(std::memory_order_relaxed);
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  if (node->pinned != 0) pinned_.fetch_sub(node->pinned, std::memory_order_relaxed);
  return node;
}

// ---- posting -----------------------------------------------------------------------------------------------------

PostAnswer pending_post(Interpreter* target, PendingNode* node) {
  PostGate& gate = post_gate(target);
  if (!gate.enter()) return PostAnswer::kEnded;
  PendingInbox& inbox = target->inbox;
  // Read before: what the poster does next may be the call itself, which may free the node.
  const bool queued = inbox.queue.post(node);
  if (queued) {
    target->breaker.set(kBreakPending);
    // Either we see that somebody is attached, or that one sees, as it detaches, that something waits: in the one order of all
    // sequentially consistent operations, the queue's count and `attached` are written before the other is read, on both sides.
    if (target->attached.load(std::memory_order_seq_cst) == nullptr) {
      const bool many = inbox.queue.waiting() > kDrainNodes || inbox.queue.pinned_bytes() > kDrainBytes;
      if (many || !inbox.noted.load(std::memory_order_relaxed)) {
        ThreadState* self = current_thread_or_null();
        helper_note_idle(*target, self != nullptr ? &self->interpreter() : nullptr, many);
      }
    }
  }
  gate.leave();
  return queued ? PostAnswer::kQueued : PostAnswer::kAlreadyQueued;
}

PostAnswer pending_post_call(Interpreter* target, int (*func)(void*), void* arg, size_t pinned) {
  void* memory = std::malloc(sizeof(PendingNode));
  if (memory == nullptr) return PostAnswer::kNoMemory;
  auto* node = new (memory) PendingNode;
  node->func = func;
  node->arg = arg;
  node->owned = true;
  size_t units = (pinned + 63) / 64;
  node->pinned = units < UINT32_MAX ? static_cast<uint32_t>(units) : UINT32_MAX;
  PostAnswer answer = pending_post(target, node);
  if (answer != PostAnswer::kQueued) std::free(memory);
  return answer;
}

void pending_left_behind(Interpreter& interp) {
  if (interp.inbox.closed) return;
  interp.breaker.set(kBreakPending);
  if (!interp.inbox.noted.load(std::memory_order_relaxed)) helper_note_idle(interp, nullptr, false);
}

// ---- running -----------------------------------------------------------------------------------------------------

bool pending_post_main(int (*func)(void*), void* arg) {
  Runtime& rt = runtime();
  Interpreter* main = rt.main;
  if (main == nullptr || !post_gate(main).enter()) return false;
  void* memory = std::malloc(sizeof(PendingNode));
  if (memory != nullptr) {
    auto* node = new (memory) PendingNode;
    node->func = func;
    node->arg = arg;
    node->owned = true;
    main->inbox.main_calls.post(node);
    main->breaker.set(kBreakMainCalls);
  }
  post_gate(main).leave();
  return memory != nullptr;
}

namespace {

struct Call {
  int (*func)(void*);
  void* arg;
};

// The node is the caller's; afterwards nobody's, and may be posted again.
Call open_node(Interpreter& interp, PendingNode* node) {
  Call call{node->func, node->arg};
  if (node->owned) {
    std::free(node);
  } else {
    node->queued.store(false, std::memory_order_release);
  }
  interp.counters.pending_run.add(1);
  return call;
}

// Does anything but this call run there, or wait?
bool is_occupied(ThreadState& ts) {
  if (ts.cframe->current_frame != nullptr) return true;
  Interpreter& interp = ts.interpreter();
  std::lock_guard hold(runtime().interpreters_lock);
  return interp.is_main || interp.running_main || interp.thread_count != 0;
}

void make_call(ThreadState& ts, PendingNode* node) {
  Call call = open_node(ts.interpreter(), node);
  // An exception that the interrupted code has set stays its own.
  PyObject* type = std::exchange(ts.curexc_type, nullptr);
  PyObject* value = std::exchange(ts.curexc_value, nullptr);
  PyObject* traceback = std::exchange(ts.curexc_traceback, nullptr);
  if (call.func(call.arg) != 0 && ts.curexc_type == nullptr) {
    PyErr_SetString(PyExc_SystemError, "a pending call returned an error without setting an exception");
  }
  if (ts.curexc_type != nullptr) {
    const bool interrupted = ts.curexc_type == PyExc_KeyboardInterrupt;
    upcall_write_unraisable(ts, "in a pending call");
    // An interrupt is not for the call alone: it breaks that off, and then what the call has come between. Not before the
    // report has been written, which runs Python and would take it.
    if (interrupted && is_occupied(ts)) {
      ts.interpreter().breaker.set(kBreakInterrupt);
      (void)helper_watch(ts.interpreter().id);
    }
  }
  ts.curexc_type = type;
  ts.curexc_value = value;
  ts.curexc_traceback = traceback;
}

}  // namespace

void pending_poll(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  PendingInbox& inbox = interp.inbox;
  interp.breaker.clear(kBreakPending);
  if (inbox.runner.load(std::memory_order_relaxed) != 0) return;  // that one looks again when it is done
  inbox.runner.store(ts.thread_id, std::memory_order_relaxed);
  for (uint32_t now = inbox.queue.waiting(); now != 0; --now) {
    PendingNode* node = inbox.queue.take();
    if (node == nullptr) break;
    make_call(ts, node);
    // The interpreter's end may have begun in the call, and have made the rest.
    if (inbox.runner.load(std::memory_order_relaxed) != ts.thread_id) return;
  }
  inbox.runner.store(0, std::memory_order_relaxed);
  if (!inbox.queue.empty()) interp.breaker.set(kBreakPending);
}

Status pending_poll_main(ThreadState& ts) {
  PendingInbox& inbox = ts.interpreter().inbox;
  ts.interpreter().breaker.clear(kBreakMainCalls);
  if (inbox.main_runner != nullptr) return Status::kOk;
  inbox.main_runner = &ts;
  Status status = Status::kOk;
  for (uint32_t now = inbox.main_calls.waiting(); now != 0 && !failed(status); --now) {
    PendingNode* node = inbox.main_calls.take();
    if (node == nullptr) break;
    Call call = open_node(ts.interpreter(), node);
    if (call.func(call.arg) != 0) status = Status::kError;
  }
  inbox.main_runner = nullptr;
  if (!inbox.main_calls.empty()) ts.interpreter().breaker.set(kBreakMainCalls);
  return status;
}

void pending_drain(ThreadState& ts) {
  PendingInbox& inbox = ts.interpreter().inbox;
  inbox.runner.store(ts.thread_id, std::memory_order_relaxed);
  while (PendingNode* node = inbox.queue.take()) make_call(ts, node);
  while (ts.is_main_thread && !inbox.main_calls.empty()) {
    if (failed(pending_poll_main(ts))) upcall_write_unraisable(ts, "in a pending call");
  }
  inbox.runner.store(0, std::memory_order_relaxed);
}

void pending_close(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  post_gate(&interp).close();
  interp.inbox.closed = true;
  pending_drain(ts);
}

// ---- other interpreters' calls -----------------------------------------------------------------------------------

bool pending_visit(ThreadState* from, int64_t id) {
  Interpreter* target = interpreter_guard(id);
  if (target == nullptr) return true;  // its end drains it
  PendingInbox& inbox = target->inbox;
  inbox.noted.store(kNotNoted, std::memory_order_seq_cst);
  bool done = true;
  if (!inbox.queue.empty() && target->attached.load(std::memory_order_seq_cst) == nullptr) {
    ScopeRecord record{from};
    if (scope_try_enter(&record, target)) {
      pending_poll(*record.inside);
      scope_leave(&record);
    } else {
      // Its own threads come to a poll. Those of others that share the lock do not.
      done = target->attached.load(std::memory_order_seq_cst) != nullptr;
    }
  }
  interpreter_unguard(target);
  return done;
}

void pending_visit_targets(ThreadState& ts) {
  Interpreter& interp = ts.interpreter();
  interp.breaker.clear(kBreakDrain);
  int64_t target;
  while (helper_take_target(interp.id, &target)) {
    if (!pending_visit(&ts, target)) helper_put_back(target);
  }
}

}  // namespace atl
