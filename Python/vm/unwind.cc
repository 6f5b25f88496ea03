// Unwinding: from a raising instruction to its handler, through as many frames as it takes.
#include "Objects/traceback.h"
#include "Python/vm/internal.h"

namespace atl {

namespace {

const HandlerRow* find_handler(const CodeImage* image, uint32_t pc) {
  for (uint32_t i = 0; i < image->handler_count; ++i) {
    const HandlerRow& row = image->handlers[i];
    if (row.start <= pc && pc < row.end) return &row;
  }
  return nullptr;
}

bool contains(const CodeImage* image, const LiveRow* row, int reg) {
  if (row == nullptr) return false;
  for (uint32_t i = 0; i < row->count; ++i) {
    if (image->live_pool[row->first + i] == reg) return true;
  }
  return false;
}

// Leaving a generator with StopIteration would end the loop that resumes it: PEP 479.
void stop_iteration_escapes(ThreadState& ts, CodeObject* code, Ref<>* exc) {
  int flags = code->head.co_flags;
  const char* message = nullptr;
  PyObject* o = exc->get();
  if (is_instance_nocall(o, reinterpret_cast<PyTypeObject*>(PyExc_StopIteration))) {
    message = (flags & CO_ASYNC_GENERATOR) ? "async generator raised StopIteration"
              : (flags & CO_COROUTINE)     ? "coroutine raised StopIteration"
                                           : "generator raised StopIteration";
  } else if ((flags & CO_ASYNC_GENERATOR) &&
             is_instance_nocall(o, reinterpret_cast<PyTypeObject*>(PyExc_StopAsyncIteration))) {
    message = "async generator raised StopAsyncIteration";
  }
  if (message == nullptr) return;
  error_restore(ts, std::move(*exc));
  (void)raise_from_current(ts, PyExc_RuntimeError, "%s", message);
  *exc = error_take(ts);
}

// Where a frame stands that an exception leaves: for ReRaise that cleans up, where the exception arose in it.
const uint64_t* place_left(Slot* base, const uint64_t* pc, PyObject* exc) {
  if (generic_of(*pc) != Opcode::kReRaise || static_cast<int16_t>(*pc >> 32) == 0) return pc;
  auto* tb = reinterpret_cast<PyTracebackObject*>(reinterpret_cast<PyBaseExceptionObject*>(exc)->traceback);
  if (tb == nullptr || obj(tb->tb_frame) != base[kFrameObject].o) return pc;
  return frame_code(base)->words + static_cast<uint32_t>(tb->tb_lasti) / 2;
}

}  // namespace

void release_live(ThreadState&, Slot* base, const uint64_t* pc, const LiveRow* keep, int keep_register) {
  CodeObject* code = frame_code(base);
  const CodeImage* image = code->image;
  const LiveRow* live = image_live(image, code_pc(code, pc));
  if (live == nullptr) return;
  for (uint32_t i = 0; i < live->count; ++i) {
    int reg = image->live_pool[live->first + i];
    if (reg == keep_register || contains(image, keep, reg)) continue;
    PyObject* o = base[reg].o;
    base[reg].o = nullptr;
    if (o != nullptr) decref(o);
  }
}

UnwindResult unwind(ThreadState& ts, Slot* base, const uint64_t* pc, bool reraised) {
  Ref<> exc = error_take(ts);
  ATOLL_ENSURE(exc);
  for (;;) {
    CodeObject* code = frame_code(base);
    ts.pc = pc;
    if (!reraised) {
      traceback_add(ts, exc.get(), base, code_pc(code, pc));
      if (ts.hooks != 0) {
        error_restore(ts, std::move(exc));
        trace_exception(ts, base, pc);
        exc = error_take(ts);
      }
    }
    reraised = false;
    const HandlerRow* handler = find_handler(code->image, code_pc(code, pc));
    if (handler != nullptr) {
      const LiveRow* keep = image_live(code->image, handler->handler);
      if (keep != nullptr && keep->pc > handler->handler) keep = nullptr;
      release_live(ts, base, pc, keep, -1);
      base[handler->exc_register].o = exc.release();
      return {base, code->words + handler->handler, pc};
    }
    release_live(ts, base, pc, nullptr, -1);
    pc = place_left(base, pc, exc.get());
    if (ts.hooks != 0) {
      error_restore(ts, std::move(exc));
      // A return event with no value; the hook may replace the exception.
      (void)trace_return(ts, base, pc, nullptr);
      exc = error_take(ts);
    }
    // Before it is made a generator (its first instruction failed, or was not reached) the frame is its function's, and what
    // stands below it somebody else's. A running generator's exception state is the thread's.
    if (code->is_generator && ts.exc_info == &running_generator(base)->gi_exc_state) {
      stop_iteration_escapes(ts, code, &exc);
      gen_finished(ts, running_generator(base));
    }
    ++ts.recursion_remaining;
    end_frame(ts, base, pc);
    pc = base[kReturnPc].pc;
    base = base[kPrev].base;
    ts.set_base(base);
    while (opcode_at(pc) >= kFirstStub) {
      switch (opcode_at(pc)) {
        case Opcode::kExit:
          error_restore(ts, std::move(exc));
          return {nullptr, nullptr, nullptr};
        case Opcode::kInitReturn: {
          PyObject* instance = reinterpret_cast<const Slot*>(pc)[1].o;
          pc = reinterpret_cast<const Slot*>(pc)[-1].pc;
          decref(instance);
          break;
        }
        case Opcode::kChunkReturn:
          pc = reinterpret_cast<const Slot*>(pc)[-1].pc;
          stack_leave_chunk(ts);
          break;
        default:
          pc = reinterpret_cast<const Slot*>(pc)[-1].pc;
          break;
      }
    }
    // A loop or await over the generator that failed: its iterator is consumed by the instruction.
    if (generic_of(*pc) == Opcode::kForIter || generic_of(*pc) == Opcode::kSend) {
      PyObject* receiver = base[static_cast<int16_t>(*pc >> 32)].o;
      ts.pc = pc;
      decref(receiver);
    }
  }
}

}  // namespace atl
