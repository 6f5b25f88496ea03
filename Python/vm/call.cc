// Calls: binding arguments to parameters in place, pushing frames, entering the loop from C.
#include "Objects/upcalls.h"
#include "Python/vm/internal.h"

#include <alloca.h>

namespace atl {

namespace {

void release_slots(Slot* from, Py_ssize_t n) {
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (PyObject* o = std::exchange(from[i].o, nullptr)) decref(o);
  }
}

PyObject* local_name(CodeObject* code, uint32_t i) { return code->image->local_names[i]; }

// "'a' and 'b'", "'a', 'b', and 'c'"
Ref<> quoted_list(ThreadState& ts, PyObject* const* names, size_t n) {
  StrWriter w(ts);
  for (size_t i = 0; i < n; ++i) {
    if (i != 0) {
      if (n > 2 && failed(w.write_ascii(","))) return {};
      if (failed(w.write_ascii(i + 1 == n ? " and " : " "))) return {};
    }
    if (failed(w.write_repr(names[i]))) return {};
  }
  return w.finish();
}

void raise_missing(ThreadState& ts, PyFunctionObject* f, PyObject** names, size_t n, const char* kind) {
  Ref<> list = quoted_list(ts, names, n);
  if (!list) return;
  (void)raise(ts, PyExc_TypeError, "%U() missing %zu required %s argument%s: %U", f->func_qualname, n, kind, n == 1 ? "" : "s",
              list.get());
}

void raise_too_many(ThreadState& ts, PyFunctionObject* f, CodeObject* code, Py_ssize_t given, Slot* locals) {
  PyCodeObject* c = &code->head;
  Py_ssize_t defaults = f->func_defaults ? tuple_size(f->func_defaults) : 0;
  Py_ssize_t kwonly_given = 0;
  for (int i = c->co_argcount; i < c->co_argcount + c->co_kwonlyargcount; ++i) kwonly_given += locals[i].o != nullptr;
  Ref<> takes;
  bool plural;
  if (defaults != 0) {
    plural = true;
    takes = str_format(ts, "from %zd to %d", static_cast<Py_ssize_t>(c->co_argcount) - defaults, c->co_argcount);
  } else {
    plural = c->co_argcount != 1;
    takes = str_format(ts, "%d", c->co_argcount);
  }
  if (!takes) return;
  Ref<> also;
  if (kwonly_given != 0) {
    also = str_format(ts, " positional argument%s (and %zd keyword-only argument%s)", given != 1 ? "s" : "", kwonly_given,
                      kwonly_given != 1 ? "s" : "");
  } else {
    also = dup(empty_str());
  }
  if (!also) return;
  (void)raise(ts, PyExc_TypeError, "%U() takes %U positional argument%s but %zd%U %s given", f->func_qualname, takes.get(),
              plural ? "s" : "", given, also.get(), given == 1 && kwonly_given == 0 ? "was" : "were");
}

// Positional-only parameters that were given by keyword: names them and raises; false when there are none.
bool raise_positional_only(ThreadState& ts, PyFunctionObject* f, CodeObject* code, PyObject* kwnames) {
  Ref<> wrong = list_new(ts, 0);
  if (!wrong) return true;
  for (int i = 0; i < code->head.co_posonlyargcount; ++i) {
    for (Py_ssize_t k = 0; k < tuple_size(kwnames); ++k) {
      Tri same = object_equal(ts, local_name(code, i), tuple_peek(kwnames, k));
      if (failed(same)) return true;
      if (same == Tri::kTrue && failed(list_append(ts, wrong.get(), dup(tuple_peek(kwnames, k))))) return true;
    }
  }
  if (list_size(wrong.get()) == 0) return false;
  Ref<> comma = str_from_ascii(ts, ", ");
  if (!comma) return true;
  Ref<> text = str_join(ts, comma.get(), list_items(wrong.get()), list_size(wrong.get()));
  if (!text) return true;
  (void)raise(ts, PyExc_TypeError, "%U() got some positional-only arguments passed as keyword arguments: '%U'",
              f->func_qualname, text.get());
  return true;
}

// Distributes keyword arguments; each value is moved. False with an exception set.
bool bind_keywords(ThreadState& ts, PyFunctionObject* f, CodeObject* code, Slot* locals, PyObject* kwnames, Slot* values,
                   PyObject* kwdict) {
  PyCodeObject* c = &code->head;
  int total = c->co_argcount + c->co_kwonlyargcount;
  Py_ssize_t n = tuple_size(kwnames);
  for (Py_ssize_t k = 0; k < n; ++k) {
    PyObject* name = tuple_peek(kwnames, k);
    if (!is_str(name)) {
      (void)raise(ts, PyExc_TypeError, "%U() keywords must be strings", f->func_qualname);
      return false;
    }
    int found = -1;
    for (int i = c->co_posonlyargcount; i < total; ++i) {
      if (local_name(code, i) == name) {
        found = i;
        break;
      }
    }
    if (found < 0) {
      for (int i = c->co_posonlyargcount; i < total && found < 0; ++i) {
        Tri same = object_equal(ts, name, local_name(code, i));
        if (failed(same)) return false;
        if (same == Tri::kTrue) found = i;
      }
    }
    if (found >= 0) {
      if (locals[found].o != nullptr) {
        (void)raise(ts, PyExc_TypeError, "%U() got multiple values for argument '%S'", f->func_qualname, name);
        return false;
      }
      locals[found].o = std::exchange(values[k].o, nullptr);
      continue;
    }
    if (kwdict != nullptr) {
      if (failed(dict_set(ts, kwdict, name, values[k].o))) return false;
      continue;
    }
    if (c->co_posonlyargcount != 0 && raise_positional_only(ts, f, code, kwnames)) return false;
    (void)raise(ts, PyExc_TypeError, "%U() got an unexpected keyword argument '%S'", f->func_qualname, name);
    return false;
  }
  return true;
}

bool fill_defaults(ThreadState& ts, PyFunctionObject* f, CodeObject* code, Slot* locals, Py_ssize_t given) {
  PyCodeObject* c = &code->head;
  if (given < c->co_argcount) {
    Py_ssize_t defaults = f->func_defaults ? tuple_size(f->func_defaults) : 0;
    Py_ssize_t required = c->co_argcount - defaults;
    size_t missing = 0;
    auto** names = static_cast<PyObject**>(alloca(sizeof(PyObject*) * static_cast<size_t>(c->co_argcount)));
    for (Py_ssize_t i = given; i < required; ++i) {
      if (locals[i].o == nullptr) names[missing++] = local_name(code, static_cast<uint32_t>(i));
    }
    if (missing != 0) {
      raise_missing(ts, f, names, missing, "positional");
      return false;
    }
    for (Py_ssize_t i = given > required ? given : required; i < c->co_argcount; ++i) {
      if (locals[i].o == nullptr) locals[i].o = new_ref(tuple_peek(f->func_defaults, i - required));
    }
  }
  if (c->co_kwonlyargcount != 0) {
    size_t missing = 0;
    auto** names = static_cast<PyObject**>(alloca(sizeof(PyObject*) * static_cast<size_t>(c->co_kwonlyargcount)));
    for (int i = c->co_argcount; i < c->co_argcount + c->co_kwonlyargcount; ++i) {
      if (locals[i].o != nullptr) continue;
      if (f->func_kwdefaults != nullptr) {
        PyObject* v = dict_peek(ts, f->func_kwdefaults, local_name(code, static_cast<uint32_t>(i)));
        if (v != nullptr) {
          locals[i].o = new_ref(v);
          continue;
        }
        if (error_set(ts)) return false;
      }
      names[missing++] = local_name(code, static_cast<uint32_t>(i));
    }
    if (missing != 0) {
      raise_missing(ts, f, names, missing, "keyword-only");
      return false;
    }
  }
  return true;
}

}  // namespace

bool bind_locals(ThreadState& ts, PyFunctionObject* f, CodeObject* code, Slot* locals, Py_ssize_t n, PyObject* kwnames) {
  PyCodeObject* c = &code->head;
  bool has_varargs = (c->co_flags & CO_VARARGS) != 0;
  bool has_varkw = (c->co_flags & CO_VARKEYWORDS) != 0;
  Py_ssize_t nkw = kwnames ? tuple_size(kwnames) : 0;
  Py_ssize_t excess = n > c->co_argcount ? n - c->co_argcount : 0;

  // Names that are no plain strings run code when they are compared, and so do values that are let go of: the slots
  // stand where that code's frames would.
  Slot* former_base = std::exchange(ts.reserved_base, ts.base());
  Slot* end = locals + (n + nkw > static_cast<Py_ssize_t>(code->nlocals) ? n + nkw : static_cast<Py_ssize_t>(code->nlocals));
  Slot* former_end = ts.reserved_end;
  if (former_base != ts.base() || end > former_end) ts.reserved_end = end;
  ScopeGuard restore([&] {
    ts.reserved_base = former_base;
    ts.reserved_end = former_end;
  });

  // What does not stay in its slot moves aside first, because parameters and arguments overlap.
  Py_ssize_t aside_count = excess + nkw;
  Slot small[24];
  Slot* aside = aside_count <= 24 ? small : static_cast<Slot*>(std::malloc(sizeof(Slot) * static_cast<size_t>(aside_count)));
  if (aside == nullptr) {
    release_slots(locals, n + nkw);
    raise_no_memory(ts);
    return false;
  }
  Py_ssize_t kept = n - excess;
  for (Py_ssize_t i = 0; i < aside_count; ++i) aside[i] = locals[kept + i];
  for (Slot* s = locals + kept; s < locals + code->nlocals; ++s) s->o = nullptr;

  Slot* excess_values = aside;
  Slot* kw_values = aside + excess;
  int after = c->co_argcount + c->co_kwonlyargcount;
  bool ok = true;
  PyObject* kwdict = nullptr;
  if (has_varkw) {
    kwdict = dict_new(ts).release();
    ok = kwdict != nullptr;
    locals[after + (has_varargs ? 1 : 0)].o = kwdict;
  }
  if (ok && has_varargs) {
    PyObject* rest = tuple_from(ts, &excess_values->o, excess).release();
    ok = rest != nullptr;
    locals[after].o = rest;
  }
  if (ok && nkw != 0) ok = bind_keywords(ts, f, code, locals, kwnames, kw_values, kwdict);
  if (ok && excess != 0 && !has_varargs) {
    raise_too_many(ts, f, code, n, locals);
    ok = false;
  }
  if (ok) ok = fill_defaults(ts, f, code, locals, kept);
  for (Py_ssize_t i = 0; i < aside_count; ++i) {
    if (aside[i].o != nullptr) decref(aside[i].o);
  }
  if (aside != small) std::free(aside);
  if (!ok) release_slots(locals, code->nlocals);
  return ok;
}

Slot* frame_room(ThreadState& ts, Slot* args, Py_ssize_t n, CodeObject* code, const uint64_t** return_pc) {
  if (ATOLL_UNLIKELY(ts.recursion_remaining <= 0)) {
    if (!recursion_error(ts, "")) return nullptr;
  }
  size_t more = n > static_cast<Py_ssize_t>(code->nlocals) ? static_cast<size_t>(n) : code->nlocals;
  size_t need = more + code->ntemps + 4;
  if (ATOLL_LIKELY(stack_has_room(ts, args + need))) return args;
  bool fresh;
  Slot* at = stack_reserve(ts, args, need + 4, &fresh);
  if (at == nullptr) return nullptr;
  if (!fresh) return at;
  at[0].pc = *return_pc;
  at[1].w = encode_word(Opcode::kChunkReturn);
  *return_pc = reinterpret_cast<const uint64_t*>(&at[1]);
  for (Py_ssize_t i = 0; i < n; ++i) at[2 + i] = args[i];
  return at + 2;
}

Slot* push_frame(ThreadState& ts, Slot* caller, const uint64_t* return_pc, PyFunctionObject* f, Slot* args, Py_ssize_t n,
                 PyObject* kwnames) {
  Ref<PyFunctionObject> function = Ref<PyFunctionObject>::steal(f);
  Ref<> names = Ref<>::steal(kwnames);
  CodeObject* code = function_code(f);
  Py_ssize_t given = n + (kwnames ? tuple_size(kwnames) : 0);
  const uint64_t* before = return_pc;
  if (ATOLL_UNLIKELY(code->words == nullptr) && failed(code_make_words(ts, code))) {
    release_slots(args, given);
    return nullptr;
  }
  Slot* locals = frame_room(ts, args, given, code, &return_pc);
  if (locals == nullptr) {
    release_slots(args, given);
    return nullptr;
  }
  if (code->simple && kwnames == nullptr && n == static_cast<Py_ssize_t>(code->argcount)) {
    for (Slot* s = locals + n; s < locals + code->nlocals; ++s) s->o = nullptr;
  } else if (!bind_locals(ts, f, code, locals, n, kwnames)) {
    if (return_pc != before) stack_leave_chunk(ts);
    return nullptr;
  }
  Slot* base = locals + code->nlocals;
  base[kPrev].base = caller;
  base[kReturnPc].pc = return_pc;
  base[kFunction].o = obj(function.release());
  base[kCode].o = obj(code);
  base[kFrameObject].o = nullptr;
  --ts.recursion_remaining;
  return base;
}

PyObject* call_window(ThreadState& ts, Slot* window, Py_ssize_t n, PyObject* kwnames_owned) {
  PyObject* callable = window[0].o;
  Py_ssize_t total = n + (kwnames_owned ? tuple_size(kwnames_owned) : 0);
  PyObject* result =
      object_vectorcall(ts, callable, &window[2].o, static_cast<size_t>(n) | PY_VECTORCALL_ARGUMENTS_OFFSET, kwnames_owned)
          .release();
  for (Py_ssize_t i = 0; i < total; ++i) decref(window[2 + i].o);
  decref(callable);
  xdecref(kwnames_owned);
  return result;
}

PyObject* call_window_method(ThreadState& ts, Slot* window, Py_ssize_t n, PyObject* kwnames_owned) {
  // No room in front of self: no offset flag.
  PyObject* callable = window[0].o;
  Py_ssize_t total = n + 1 + (kwnames_owned ? tuple_size(kwnames_owned) : 0);
  PyObject* result = object_vectorcall(ts, callable, &window[1].o, static_cast<size_t>(n + 1), kwnames_owned).release();
  for (Py_ssize_t i = 0; i < total; ++i) decref(window[1 + i].o);
  decref(callable);
  xdecref(kwnames_owned);
  return result;
}

PyObject* call_ex(ThreadState& ts, Slot* window, bool has_kwargs) {
  Ref<> callable = Ref<>::steal(window[0].o);
  Ref<> args = Ref<>::steal(window[2].o);
  Ref<> kwargs = has_kwargs ? Ref<>::steal(window[3].o) : Ref<>();
  if (!is_exact_tuple(args.get())) {
    PyObject* given = args.get();
    if (given->ob_type->tp_iter == nullptr && !PySequence_Check(given)) {
      Ref<> name = Ref<>::steal(_PyObject_FunctionStr(callable.get()));
      if (name) {
        (void)raise(ts, PyExc_TypeError, "%U argument after * must be an iterable, not %T", name.get(), given);
      }
      return nullptr;
    }
    args = tuple_from_iterable(ts, given);
    if (!args) return nullptr;
  }
  if (kwargs && !is_exact_dict(kwargs.get())) {
    Ref<> d = dict_new(ts);
    if (!d || failed(slow_dict_merge(ts, d.get(), kwargs.get(), callable.get()))) return nullptr;
    kwargs = std::move(d);
  }
  return object_call(ts, callable.get(), args.get(), kwargs.get()).release();
}

// ---- from C ------------------------------------------------------------------------------------------------------

namespace {

// [saved pc][Exit][room for arguments …]; the arguments are new references. NULL with an exception.
Slot* entry_window(ThreadState& ts, PyObject* const* args, Py_ssize_t n, const uint64_t** return_pc, bool* new_chunk) {
  Slot* at = frame_free_slot(ts);
  at = stack_reserve(ts, at, static_cast<size_t>(n) + 8, new_chunk);
  if (at == nullptr) return nullptr;
  at[0].pc = ts.pc;
  at[1].w = encode_word(Opcode::kExit);
  *return_pc = reinterpret_cast<const uint64_t*>(&at[1]);
  for (Py_ssize_t i = 0; i < n; ++i) at[2 + i].o = new_ref(args[i]);
  return at + 2;
}

class EntryChunk {
 public:
  explicit EntryChunk(ThreadState& ts) : ts_(ts) {}
  ~EntryChunk() {
    // The very first chunk of a C stack stays.
    if (fresh && ts_.datastack_chunk->previous != nullptr) stack_leave_chunk(ts_);
  }
  bool fresh = false;

 private:
  ThreadState& ts_;
};

}  // namespace

Ref<> vm_call_function(ThreadState& ts, PyFunctionObject* f, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  RecursionGuard guard(ts, " while calling a Python object");
  if (!guard.ok()) return {};
  ++ts.recursion_remaining;  // the frame counts itself
  ScopeGuard restore([&] { --ts.recursion_remaining; });
  const uint64_t* saved_pc = ts.pc;
  EntryChunk chunk(ts);
  const uint64_t* return_pc;
  Py_ssize_t given = n + (kwnames ? tuple_size(kwnames) : 0);
  Slot* window = entry_window(ts, args, given, &return_pc, &chunk.fresh);
  if (window == nullptr) return {};
  Slot* base = push_frame(ts, ts.base(), return_pc, new_ref(f), window, n, kwnames ? new_ref(kwnames) : nullptr);
  if (base == nullptr) return {};
  PyObject* result = vm_run(ts, base, frame_code(base)->words);
  ts.pc = saved_pc;
  return Ref<>::steal(result);
}

PyObject* atoll_function_vectorcall(PyObject* func, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return vm_call_function(current_thread(), as_function(func), args, PyVectorcall_NARGS(nargsf),
                          kwnames != nullptr && tuple_size(kwnames) != 0 ? kwnames : nullptr)
      .release();
}

Ref<> vm_call_with_namespace(ThreadState& ts, PyFunctionObject* f, PyObject* ns) {
  RecursionGuard guard(ts, " while calling a Python object");
  if (!guard.ok()) return {};
  ++ts.recursion_remaining;  // the frame counts itself
  ScopeGuard restore([&] { --ts.recursion_remaining; });
  const uint64_t* saved_pc = ts.pc;
  EntryChunk chunk(ts);
  const uint64_t* return_pc;
  Slot* window = entry_window(ts, nullptr, 0, &return_pc, &chunk.fresh);
  if (window == nullptr) return {};
  Slot* base = push_frame(ts, ts.base(), return_pc, new_ref(f), window, 0, nullptr);
  if (base == nullptr) return {};
  if (frame_code(base)->has_namespace) base[-1].o = new_ref(ns);
  PyObject* result = vm_run(ts, base, frame_code(base)->words);
  ts.pc = saved_pc;
  return Ref<>::steal(result);
}

Ref<> vm_eval_code(ThreadState& ts, PyObject* code, PyObject* globals, PyObject* locals, PyObject* closure) {
  Ref<PyFunctionObject> f = function_new(ts, code, globals);
  if (!f) return {};
  if (closure != nullptr) f->func_closure = new_ref(closure);
  return vm_call_with_namespace(ts, f.get(), locals != nullptr ? locals : globals);
}

PyObject* const kSwitchLoop = reinterpret_cast<PyObject*>(uintptr_t{8});

namespace {
PyObject* run_loops(ThreadState& ts, Slot* base, const uint64_t* pc, bool raise) {
  for (;;) {
    PyObject* result;
    if (ts.hooks != 0) {
      result = loop_traced(ts, base, pc, raise);
    } else {
      result = loop_fast(ts, base, pc, raise);
    }
    if (result != kSwitchLoop) return result;
    base = ts.base();
    pc = ts.pc;
    raise = false;
  }
}
}  // namespace

PyObject* vm_run(ThreadState& ts, Slot* base, const uint64_t* pc) {
  ts.set_base(base);
  if (ts.hooks != 0) {
    ts.pc = pc;
    if (failed(trace_call(ts, base, pc))) return run_loops(ts, base, pc, true);
  }
  return run_loops(ts, base, pc, false);
}

PyObject* vm_run_raising(ThreadState& ts, Slot* base, const uint64_t* pc) {
  ts.set_base(base);
  if (ts.hooks != 0) {
    Ref<> exc = error_take(ts);
    // The hook may raise another exception, which takes the place of the one thrown.
    if (!failed(trace_call(ts, base, after_suspension(pc)))) error_restore(ts, std::move(exc));
  }
  return run_loops(ts, base, pc, true);
}

}  // namespace atl
