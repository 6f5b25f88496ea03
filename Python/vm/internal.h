// What the loop's slow paths and helpers share; private to this room.
#pragma once

#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/frame.h"
#include "Objects/int/int.h"
#include "Objects/iterators.h"
#include "Objects/list.h"
#include "Objects/module.h"
#include "Objects/set.h"
#include "Objects/shape.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"
#include "Python/runtime/collector.h"
#include "Python/vm/frame.h"

namespace atl {

// Cache words behind an instruction.
union CacheWord {
  uint64_t all;
  struct {
    uint32_t version;
    uint16_t shape;
    uint16_t slot;
  };
  struct {
    uint32_t keys_version;
    uint32_t index;
  };
  PyObject* object;
  void* pointer;
};
static_assert(sizeof(CacheWord) == 8);
ATOLL_INLINE CacheWord* cache_of(const uint64_t* pc) {
  return reinterpret_cast<CacheWord*>(const_cast<uint64_t*>(pc) + 1);
}

ATOLL_INLINE Opcode generic_of(uint64_t word) { return generic_opcode(static_cast<Opcode>(word & 0xffff)); }
// The constant that the instruction at pc names in C (the copy may hold its value instead).
ATOLL_INLINE uint16_t image_const_of(CodeObject* code, const uint64_t* pc) {
  return static_cast<uint16_t>(code->image->words[pc - code->words] >> 48);
}
// The exception being handled: the innermost of the thread's and its generators'. Borrowed or NULL.
ATOLL_INLINE PyObject* ts_handled_exception(ThreadState& ts) {
  for (_PyErr_StackItem* item = ts.exc_info; item != nullptr; item = item->previous_item) {
    if (item->exc_value != nullptr && item->exc_value != Py_None) return item->exc_value;
  }
  return nullptr;
}
// The last reference to a function goes while its frame is being left.
ATOLL_COLD void leave_function(Slot* base, PyObject* function);
// A local of a frame that ends has lost its last reference: what runs now does not see the frame any more.
ATOLL_NOINLINE void leave_local(Slot* base, PyObject* local);

// ---- calls (call.cc) -------------------------------------------------------------------------------------------
// Arranges the arguments of a call in the callee's locals. locals[0 .. n) hold n positional arguments, behind them the
// values of kwnames; all are owned and consumed. On success the parameters, *args and **kwargs stand in place and all
// other locals are NULL. On failure everything is released and an exception set.
bool bind_locals(ThreadState& ts, PyFunctionObject* f, CodeObject* code, Slot* locals, Py_ssize_t n, PyObject* kwnames);
// Pushes a frame for f, whose arguments lie at args (see bind_locals); f's reference is consumed too. NULL on failure.
Slot* push_frame(ThreadState& ts, Slot* caller, const uint64_t* return_pc, PyFunctionObject* f, Slot* args, Py_ssize_t n,
                 PyObject* kwnames);
// Room for a frame whose locals begin at args; moves n argument slots when the stack takes a new chunk, and then puts
// a ChunkReturn stub in front. NULL (arguments not touched) with RecursionError or MemoryError.
Slot* frame_room(ThreadState& ts, Slot* args, Py_ssize_t n, CodeObject* code, const uint64_t** return_pc);
// Calls what is in the window with vectorcall and releases the window.
PyObject* call_window(ThreadState& ts, Slot* window, Py_ssize_t n, PyObject* kwnames_owned);
PyObject* call_window_method(ThreadState& ts, Slot* window, Py_ssize_t n, PyObject* kwnames_owned);
// CallEx without a Python function. Consumes the window.
PyObject* call_ex(ThreadState& ts, Slot* window, bool has_kwargs);

// ---- generators (generator.cc) ---------------------------------------------------------------------------------
PyObject* make_generator(ThreadState& ts, Slot* base, const uint64_t* pc);  // moves the frame
// Copies a suspended frame to the stack behind `caller`. sent is consumed and goes to the suspended instruction's
// destination; NULL when an exception is set that is to be raised there. NULL on failure.
Slot* gen_push(ThreadState& ts, GenObject* gen, Slot* at, Slot* caller, const uint64_t* return_pc, const uint64_t** pc);
void gen_deliver(Slot* base, const uint64_t* pc, PyObject* sent_owned);
const uint64_t* after_suspension(const uint64_t* pc);
void gen_save(ThreadState& ts, GenObject* gen, Slot* base, const uint64_t* pc, uint32_t live_end);
void gen_finished(ThreadState& ts, GenObject* gen);
ATOLL_INLINE GenObject* running_generator(Slot* base) { return as_gen(frame_locals(base)[-1].o); }

// ---- errors (unwind.cc) ----------------------------------------------------------------------------------------
struct UnwindResult {
  Slot* base;           // NULL: left to C, exception set
  const uint64_t* pc;
  const uint64_t* raised_at;  // in that frame
};
UnwindResult unwind(ThreadState& ts, Slot* base, const uint64_t* pc, bool reraised);
void release_live(ThreadState& ts, Slot* base, const uint64_t* pc, const LiveRow* except, int except_register);
// Ends the frame at base: releases locals, detaches the frame object; the caller has set ts.base() already.
void end_frame(ThreadState& ts, Slot* base, const uint64_t* pc);

// ---- the eval breaker (poll.cc) --------------------------------------------------------------------------------
enum class Poll { kGoOn, kError, kSwitchLoop };
Poll vm_poll(ThreadState& ts);

// ---- slow paths (slow_*.cc). All borrow their operands unless said otherwise; NULL / kError with an exception set ----
PyObject* slow_binary(ThreadState& ts, Opcode generic, PyObject* a, PyObject* b);
PyObject* slow_append(ThreadState& ts, PyObject* left_owned, PyObject* right);  // left += right for exact strs
PyObject* slow_compare(ThreadState& ts, int op, PyObject* a, PyObject* b);
int slow_compare_bool(ThreadState& ts, int op, PyObject* a, PyObject* b);  // -1, 0, 1
PyObject* slow_get_global(ThreadState& ts, Slot* base, PyObject* name);
PyObject* slow_get_name(ThreadState& ts, Slot* base, PyObject* name);
Status slow_set_name(ThreadState& ts, Slot* base, PyObject* name, PyObject* value);
Status slow_del_name(ThreadState& ts, Slot* base, PyObject* name);
Status slow_del_global(ThreadState& ts, Slot* base, PyObject* name);
PyObject* slow_get_class_free(ThreadState& ts, Slot* base, int index);
Status slow_setup_annotations(ThreadState& ts, Slot* base);
PyObject* slow_load_build_class(ThreadState& ts, Slot* base);
Raised raise_unbound_local(ThreadState& ts, Slot* base, int reg);
Raised raise_unbound_free(ThreadState& ts, Slot* base, int index);
bool slow_get_method(ThreadState& ts, PyObject* o, PyObject* name, PyObject** callable, PyObject** self);
PyObject* slow_make_function(ThreadState& ts, Slot* base, Slot* window, int flags);
PyObject* slow_build_set(ThreadState& ts, Slot* window, int n);
PyObject* slow_build_map(ThreadState& ts, Slot* window, int n);
PyObject* slow_build_const_map(ThreadState& ts, Slot* window, int n);
PyObject* slow_build_string(ThreadState& ts, Slot* window, int n);
PyObject* slow_build_slice(ThreadState& ts, Slot* window, int n);
Status slow_list_extend(ThreadState& ts, PyObject* list, PyObject* iterable);
Status slow_dict_merge(ThreadState& ts, PyObject* dict, PyObject* mapping, PyObject* callable);
Status slow_dict_update(ThreadState& ts, PyObject* dict, PyObject* mapping);
Status slow_unpack(ThreadState& ts, PyObject* iterable, Slot* out, int n);
Status slow_unpack_ex(ThreadState& ts, PyObject* iterable, Slot* out, int before, int after);
PyObject* slow_import_name(ThreadState& ts, Slot* base, PyObject* name, PyObject* level, PyObject* fromlist);
PyObject* slow_import_from(ThreadState& ts, PyObject* module, PyObject* name);
Status slow_import_star(ThreadState& ts, Slot* base, PyObject* module);
void slow_raise(ThreadState& ts, PyObject* exc, PyObject* cause);  // both borrowed, may be NULL; always raises
int slow_exc_match(ThreadState& ts, PyObject* exc, PyObject* type);
Status slow_check_eg_match(ThreadState& ts, PyObject* exc, PyObject* type, PyObject** match, PyObject** rest);
PyObject* slow_prep_reraise_star(ThreadState& ts, PyObject* orig, PyObject* list);
Status slow_with_load(ThreadState& ts, PyObject* manager, bool async, Slot* exit, Slot* enter);
PyObject* slow_get_awaitable(ThreadState& ts, PyObject* o, int kind);
PyObject* slow_get_yield_from_iter(ThreadState& ts, PyObject* o, CodeObject* code);
PyObject* slow_get_aiter(ThreadState& ts, PyObject* o);
PyObject* slow_get_anext(ThreadState& ts, PyObject* o);
PyObject* slow_async_gen_wrap(ThreadState& ts, PyObject* o);
// 1: yielded (*out), 0: finished (*out its result), -1: error
int slow_send(ThreadState& ts, PyObject* receiver, PyObject* value, PyObject** out);
PyObject* slow_match_keys(ThreadState& ts, PyObject* subject, PyObject* keys);
PyObject* slow_match_class(ThreadState& ts, PyObject* subject, PyObject* type, PyObject* names, int npos);
PyObject* slow_copy_dict_without_keys(ThreadState& ts, PyObject* d, PyObject* keys);
Status slow_print_expr(ThreadState& ts, PyObject* value);
PyObject* slow_convert(ThreadState& ts, PyObject* o, int how);

// ---- specialisation (specialise.cc): rewrites the word at pc when it can; true: dispatch it again -----------------
bool specialise_binary(CodeObject* code, const uint64_t* pc, PyObject* a, PyObject* b);
bool specialise_compare(CodeObject* code, const uint64_t* pc, PyObject* a, PyObject* b);
bool specialise_get_global(ThreadState& ts, Slot* base, const uint64_t* pc, PyObject* name);
bool specialise_get_attr(ThreadState& ts, CodeObject* code, const uint64_t* pc, PyObject* o, PyObject* name);
bool specialise_set_attr(ThreadState& ts, CodeObject* code, const uint64_t* pc, PyObject* o, PyObject* name);
bool specialise_get_method(ThreadState& ts, CodeObject* code, const uint64_t* pc, PyObject* o, PyObject* name);
bool specialise_item(CodeObject* code, const uint64_t* pc, PyObject* o, PyObject* key);
bool specialise_iter(CodeObject* code, const uint64_t* pc, PyObject* it);
bool specialise_unpack(CodeObject* code, const uint64_t* pc, PyObject* o);
bool specialise_call(ThreadState& ts, CodeObject* code, const uint64_t* pc, PyObject* callable, Py_ssize_t n);
bool specialise_call_method(ThreadState& ts, CodeObject* code, const uint64_t* pc, PyObject* callable, bool has_self, Py_ssize_t n);
bool specialise_contains(CodeObject* code, const uint64_t* pc, PyObject* container);
// Is a class attribute read from the class the attribute itself?
ATOLL_INLINE bool stands_for_itself(PyObject* v) { return v->ob_type->tp_descr_get == nullptr || is_function(v); }
// A guard failed: back to the generic instruction; a site that does so often stays generic.
void despecialise(CodeObject* code, const uint64_t* pc);
inline constexpr uint8_t kHeatLimit = 8;

// ---- tracing (trace.cc) ----------------------------------------------------------------------------------------
// Hooks of the traced loop. kError: a trace function raised.
Status trace_instruction(ThreadState& ts, Slot** base, const uint64_t** pc, const uint64_t* last);
Status trace_call(ThreadState& ts, Slot* base, const uint64_t* pc);
Status trace_return(ThreadState& ts, Slot* base, const uint64_t* pc, PyObject* value);
void trace_exception(ThreadState& ts, Slot* base, const uint64_t* pc);
// A generator or coroutine gave its result to the instruction at pc. kError: the hook raised.
Status trace_finished(ThreadState& ts, Slot* base, const uint64_t* pc, PyObject* generator, PyObject* result);
// A call of a built-in function or method, seen by a profile function. kNotBuiltin: nothing was done. Else the window is
// consumed and *result is new, or NULL with an exception.
enum class Profiled { kNotBuiltin, kDone };
Profiled profile_call(ThreadState& ts, Slot* base, const uint64_t* pc, PyObject** result);

// ---- jumps (jump.cc) -------------------------------------------------------------------------------------------
// f_pc of a frame object while the frame is on the stack: kNoJump, or while a line event is reported kMayJump, or the word
// that the trace function chose, plus 1.
inline constexpr uint32_t kNoJump = 0, kMayJump = UINT32_MAX;
// Where to go on for a line, from the word `from`. ValueError where that can't be.
Status frame_find_jump(ThreadState& ts, CodeObject* code, uint32_t from, int line, uint32_t* to);
// Lets go what is not alive at `to`. May run any code.
void frame_jump(ThreadState& ts, Slot* base, uint32_t from, uint32_t to);

// Marks for the loops' result: "go on in the other loop at (ts.base(), ts.pc)".
extern PyObject* const kSwitchLoop;
PyObject* loop_fast(ThreadState& ts, Slot* base, const uint64_t* pc, bool raising);
PyObject* loop_traced(ThreadState& ts, Slot* base, const uint64_t* pc, bool raising);
PyObject* vm_run_raising(ThreadState& ts, Slot* base, const uint64_t* pc);  // an exception is set, raised at pc

}  // namespace atl
