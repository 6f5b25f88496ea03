// The instruction loop, included twice: by loop.cc as loop_fast and by loop_traced.cc as loop_traced, which has a hook
// before each instruction. Handlers stand in ops_*.inc by family; only fast paths are here, slow paths are functions.
//
// Registers of the loop: pc (the current word), w (its value), base, K (constants), ts.
// Handlers that may call anything store the pc first (SYNC); so does the cold half of every DECREF.

#define OP_A (static_cast<int16_t>(w >> 16))
#define OP_B (static_cast<int16_t>(w >> 32))
#define OP_C (static_cast<int16_t>(static_cast<int64_t>(w) >> 48))
#define R(i) (base[i].o)
#define NAME(i) (frame_code(base)->names[i])
#define SYNC() (ts.pc = pc)

#if ATOLL_TRACED
#define DISPATCH() goto next_traced
#else
#define DISPATCH()               \
  do {                           \
    w = *pc;                     \
    goto* kLabels[w & 0xffff];   \
  } while (0)
#endif
#define NEXT(n)  \
  do {           \
    pc += (n);   \
    DISPATCH();  \
  } while (0)

#define DECREF(x)                                           \
  do {                                                      \
    PyObject* dead_ = (x);                                  \
    if (!is_immortal(dead_) && --dead_->ob_refcnt == 0) {   \
      SYNC();                                               \
      vm_dealloc(dead_);                                    \
    }                                                       \
  } while (0)
#define CONSUME(i, x)        \
  do {                       \
    if ((i) >= 0) DECREF(x); \
  } while (0)
// Takes over v.
#define STORE(i, v)                                   \
  do {                                                \
    Slot* dst_ = &base[i];                            \
    PyObject* new_ = (v);                             \
    if ((i) < 0) {                                    \
      PyObject* old_ = dst_->o;                       \
      dst_->o = new_;                                 \
      if (old_ != nullptr) DECREF(old_);              \
    } else {                                          \
      dst_->o = new_;                                 \
    }                                                 \
  } while (0)
#define ERROR() goto error
#define ERROR_IF(cond)                       \
  do {                                       \
    if (ATOLL_UNLIKELY(cond)) goto error;    \
  } while (0)
// A guard failed: the generic instruction takes over.
#define DEOPT()                            \
  do {                                     \
    despecialise(frame_code(base), pc);    \
    goto redispatch;                       \
  } while (0)
#define DEOPT_IF(cond)                         \
  do {                                         \
    if (ATOLL_UNLIKELY(cond)) goto deopt;      \
  } while (0)
#define BREAKER() (ATOLL_UNLIKELY(ts.interpreter().breaker.any()))
// The instruction at pc is complete; control goes on n words further.
#define NEXT_POLL(dst, n)             \
  do {                                \
    if (BREAKER()) {                  \
      poll_dst = (dst);               \
      poll_step = (n);                \
      goto poll;                      \
    }                                 \
    NEXT(n);                          \
  } while (0)
#define JUMP(n, offset)                      \
  do {                                       \
    int step_ = (n) + (offset);              \
    if (step_ <= 0 && BREAKER()) {           \
      poll_dst = 0;                          \
      poll_step = step_;                     \
      goto poll;                             \
    }                                        \
    NEXT(step_);                             \
  } while (0)
#define ENTER_FRAME(new_base)            \
  do {                                   \
    base = (new_base);                   \
    ts.set_base(base);                   \
    K = frame_code(base)->consts;        \
    pc = frame_code(base)->words;        \
  } while (0)

ATOLL_NOINLINE static void vm_dealloc(PyObject* o) { _Py_Dealloc(o); }

PyObject* ATOLL_LOOP_NAME(ThreadState& ts, Slot* base, const uint64_t* pc, bool raising) {
  static const void* const kLabels[] = {
#define ATOLL_OP(name, a, b, c, cache, flags) &&op_##name,
#include "Objects/code/opcodes.def"
#undef ATOLL_OP
#define ATOLL_SPEC(name, from) &&op_##name,
#include "Objects/code/specialised.def"
#undef ATOLL_SPEC
  };
  uint64_t w;
  PyObject** K = frame_code(base)->consts;
  PyObject* value;
  int poll_dst = 0;
  int poll_step = 0;
  bool reraised = false;
#if ATOLL_TRACED
  const uint64_t* last = nullptr;
#endif
  if (raising) goto error_again;
  DISPATCH();

redispatch:
  w = *pc;
  goto* kLabels[w & 0xffff];

deopt:
  despecialise(frame_code(base), pc);
  goto redispatch;

#if ATOLL_TRACED
next_traced:
  SYNC();
  if (ts.hooks == 0) {
    ts.pc = pc;
    return kSwitchLoop;
  }
  {
    Slot* now = base;
    if (failed(trace_instruction(ts, &now, &pc, last))) {
      last = pc;
      reraised = false;
      goto error;
    }
  }
  last = pc;
  w = *pc;
  goto* kLabels[w & 0xffff];
#endif

#include "Python/vm/ops_arith.inc"
#include "Python/vm/ops_attr.inc"
#include "Python/vm/ops_build.inc"
#include "Python/vm/ops_calls.inc"
#include "Python/vm/ops_control.inc"
#include "Python/vm/ops_gen.inc"
#include "Python/vm/ops_moves.inc"

poll:
  SYNC();
  switch (vm_poll(ts)) {
    case Poll::kError:
      if (poll_dst >= kFrameHeader) DECREF(R(poll_dst));
      goto error;
    case Poll::kSwitchLoop:
      if ((ts.hooks != 0) != ATOLL_TRACED) {
        ts.pc = pc + poll_step;
        return kSwitchLoop;
      }
      break;
    case Poll::kGoOn:
      break;
  }
  NEXT(poll_step);

error:
  reraised = false;
error_again : {
  UnwindResult to = unwind(ts, base, pc, reraised);
  reraised = false;
  if (to.base == nullptr) return nullptr;
  base = to.base;
  pc = to.pc;
  K = frame_code(base)->consts;
#if ATOLL_TRACED
  last = nullptr;
#endif
  DISPATCH();
}
}
