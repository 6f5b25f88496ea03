// The iterators that iter() makes: over a sequence by its __getitem__, and over calls until a sentinel.
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/type/spec.h"

namespace atl {

namespace {

struct SeqIter {
  PyObject ob_base;
  Py_ssize_t index;
  PyObject* sequence;  // NULL at the end
};
static_assert(sizeof(SeqIter) == 32);
SeqIter* as_seq_iter(PyObject* o) { return reinterpret_cast<SeqIter*>(o); }

Ref<> seq_iter_new(ThreadState& ts, PyObject* sequence) {
  auto it = new_object<SeqIter>(ts, &PySeqIter_Type);
  if (!it) return {};
  it->index = 0;
  it->sequence = new_ref(sequence);
  track(ts, it.get());
  return it;
}
void seq_iter_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  clear_field(as_seq_iter(o)->sequence);
  free_object(ts, o);
}
int seq_iter_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_seq_iter(o)->sequence);
  return 0;
}
Ref<> seq_iter_next(ThreadState& ts, PyObject* o) {
  SeqIter* it = as_seq_iter(o);
  if (it->sequence == nullptr) return {};
  if (it->index == PY_SSIZE_T_MAX) return raise(ts, PyExc_OverflowError, "iter index too large");
  Ref<> hold = dup(it->sequence);
  Ref<> item = Ref<>::steal(PySequence_GetItem(it->sequence, it->index));
  if (item) {
    ++it->index;
    return item;
  }
  if (error_matches(ts, PyExc_IndexError) || error_matches(ts, PyExc_StopIteration)) {
    error_clear(ts);
    clear_field(it->sequence);
  }
  return {};
}
Ref<> seq_iter_hint(ThreadState& ts, SeqIter* it) {
  if (it->sequence == nullptr) return dup(small_int(0));
  PyTypeObject* t = it->sequence->ob_type;
  bool has_len = (t->tp_as_sequence != nullptr && t->tp_as_sequence->sq_length != nullptr) ||
                 (t->tp_as_mapping != nullptr && t->tp_as_mapping->mp_length != nullptr);
  if (!has_len) return not_implemented();
  Py_ssize_t n;
  if (failed(object_len(ts, it->sequence, &n))) return {};
  return int_from_ssize(ts, n > it->index ? n - it->index : 0);
}
Ref<> seq_iter_reduce(ThreadState& ts, SeqIter* it) {
  if (it->sequence == nullptr) return reduce_exhausted(ts);
  Ref<> iter = builtin_named(ts, "iter");
  // Looking the name up may have run anything.
  if (!iter || it->sequence == nullptr) return iter ? reduce_exhausted(ts) : Ref<>();
  Ref<> args = tuple_of(ts, it->sequence);
  Ref<> at = int_from_ssize(ts, it->index);
  return args && at ? tuple_of(ts, iter.get(), args.get(), at.get()) : Ref<>();
}
Ref<> seq_iter_setstate(ThreadState& ts, SeqIter* it, PyObject* state) {
  Py_ssize_t index = PyLong_AsSsize_t(state);
  if (index == -1 && error_set(ts)) return {};
  if (it->sequence != nullptr) it->index = index < 0 ? 0 : index;
  return new_none();
}
constexpr MethodSpec kSeqIterMethods[] = {
    ATOLL_METHOD_PLAIN(seq_iter_hint, "__length_hint__", "($self, /)", "An estimate of what is left."),
    ATOLL_METHOD_PLAIN(seq_iter_reduce, "__reduce__", "($self, /)", "Helper for pickle."),
    ATOLL_METHOD_PLAIN(seq_iter_setstate, "__setstate__", "($self, state, /)", "Set the position."), ATOLL_METHOD_END};

// ---- calls until a sentinel --------------------------------------------------------------------------------------

struct CallIter {
  PyObject ob_base;
  PyObject* callable;  // both NULL at the end
  PyObject* sentinel;
};
static_assert(sizeof(CallIter) == 32);
CallIter* as_call_iter(PyObject* o) { return reinterpret_cast<CallIter*>(o); }

Ref<> call_iter_new(ThreadState& ts, PyObject* callable, PyObject* sentinel) {
  auto it = new_object<CallIter>(ts, &PyCallIter_Type);
  if (!it) return {};
  it->callable = new_ref(callable);
  it->sentinel = new_ref(sentinel);
  track(ts, it.get());
  return it;
}
void call_iter_end(CallIter* it) {
  clear_field(it->callable);
  clear_field(it->sentinel);
}
void call_iter_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  call_iter_end(as_call_iter(o));
  free_object(ts, o);
}
int call_iter_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_call_iter(o)->callable);
  Py_VISIT(as_call_iter(o)->sentinel);
  return 0;
}
Ref<> call_iter_next(ThreadState& ts, PyObject* o) {
  CallIter* it = as_call_iter(o);
  if (it->callable == nullptr) return {};
  Ref<> callable = dup(it->callable);
  Ref<> result = call(ts, callable.get());
  if (!result) {
    if (error_clear_if(ts, PyExc_StopIteration)) call_iter_end(it);
    return {};
  }
  // The call may have ended this iterator.
  if (it->sentinel == nullptr) return {};
  Ref<> sentinel = dup(it->sentinel);
  Tri same = object_richcompare_bool(ts, sentinel.get(), result.get(), Py_EQ);
  if (same == Tri::kFalse) return result;
  if (same == Tri::kTrue) call_iter_end(it);
  return {};
}
Ref<> call_iter_reduce(ThreadState& ts, CallIter* it) {
  if (it->callable == nullptr || it->sentinel == nullptr) return reduce_exhausted(ts);
  Ref<> args = tuple_of(ts, it->callable, it->sentinel);
  Ref<> iter = builtin_named(ts, "iter");
  return args && iter ? tuple_of(ts, iter.get(), args.get()) : Ref<>();
}
constexpr MethodSpec kCallIterMethods[] = {
    ATOLL_METHOD_PLAIN(call_iter_reduce, "__reduce__", "($self, /)", "Helper for pickle."), ATOLL_METHOD_END};

}  // namespace

constinit const TypeSpec seq_iter_spec{
    .name = "iterator",
    .basicsize = sizeof(SeqIter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(seq_iter_dealloc),
    .traverse = seq_iter_traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(seq_iter_next),
    .methods = kSeqIterMethods,
};
constinit const TypeSpec call_iter_spec{
    .name = "callable_iterator",
    .basicsize = sizeof(CallIter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(call_iter_dealloc),
    .traverse = call_iter_traverse,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(call_iter_next),
    .methods = kCallIterMethods,
};

}  // namespace atl

using namespace atl;

ATOLL_SEALED PyTypeObject PySeqIter_Type = {};
ATOLL_SEALED PyTypeObject PyCallIter_Type = {};

PyObject* PySeqIter_New(PyObject* sequence) {
  ThreadState& ts = current_thread();
  if (!PySequence_Check(sequence)) return raise_bad_internal_call(ts, __FILE__, __LINE__);
  return seq_iter_new(ts, sequence).release();
}
PyObject* PyCallIter_New(PyObject* callable, PyObject* sentinel) {
  return call_iter_new(current_thread(), callable, sentinel).release();
}
