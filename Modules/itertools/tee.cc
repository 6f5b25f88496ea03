// itertools.tee: several iterators over what one iterator gives. The items lie in a chain of blocks, filled as the
// foremost of them reads; each iterator holds the block that it stands in, so that a block goes when the last has left it.
#include "Modules/itertools/common.h"
#include "Modules/itertools/tee.h"

namespace atl {

namespace {

constexpr int kBlockItems = 57;

struct TeeBlock {
  PyObject ob_base;
  PyObject* iterator;
  int filled;
  int reading;     // the iterator is being asked: it may not ask us
  PyObject* next;  // the following block, or NULL
  PyObject* values[kBlockItems];
};
static_assert(sizeof(TeeBlock) == 496);
TeeBlock* as_block(PyObject* o) { return reinterpret_cast<TeeBlock*>(o); }

struct Tee {
  PyObject ob_base;
  PyObject* block;
  int index;
  PyObject* weaklist;
};
static_assert(sizeof(Tee) == 40);
Tee* as_tee(PyObject* o) { return reinterpret_cast<Tee*>(o); }

// ---- blocks ------------------------------------------------------------------------------------------------------

Ref<> block_new(ThreadState& ts, PyObject* iterator) {
  auto b = new_object<TeeBlock>(ts, &atoll_tee_data_type);
  if (!b) return {};
  b->iterator = new_ref(iterator);
  b->filled = 0;
  b->reading = 0;
  b->next = nullptr;
  track(ts, b.get());
  return b;
}

// The block behind b, made when there is none.
Ref<> block_next(ThreadState& ts, TeeBlock* b) {
  if (b->next == nullptr) b->next = block_new(ts, b->iterator).release();
  return Ref<>::dup_of(b->next);
}

Ref<> block_item(ThreadState& ts, TeeBlock* b, int i) {
  if (i < b->filled) return dup(b->values[i]);
  if (b->reading) return raise(ts, PyExc_RuntimeError, "cannot re-enter the tee iterator");
  b->reading = 1;
  Ref<> item = raw_next(b->iterator);
  b->reading = 0;
  if (!item) return {};
  b->values[b->filled++] = new_ref(item.get());
  return item;
}

void block_drop(PyObject* o) {
  TeeBlock* b = as_block(o);
  clear_field(b->iterator);
  while (b->filled > 0) decref(b->values[--b->filled]);
  // A long chain of blocks that nobody else holds goes one by one, not by recursion.
  Ref<> next = Ref<>::steal(std::exchange(b->next, nullptr));
  while (next && is_exact(next.get(), &atoll_tee_data_type) && next.get()->ob_refcnt == 1) {
    next = Ref<>::steal(std::exchange(as_block(next.get())->next, nullptr));
  }
}
void block_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  block_drop(o);
  free_object(ts, o);
}
int block_traverse(PyObject* o, visitproc visit, void* arg) {
  TeeBlock* b = as_block(o);
  Py_VISIT(b->iterator);
  for (int i = 0; i < b->filled; ++i) Py_VISIT(b->values[i]);
  Py_VISIT(b->next);
  return 0;
}
int block_clear(PyObject* o) {
  block_drop(o);
  return 0;
}

Ref<> tee_data_make(ThreadState& ts, PyTypeObject*, PyObject* const* args, Py_ssize_t) {
  PyObject *iterator = args[0], *values = args[1], *next = args[2];
  if (!is_list(values)) {
    return raise(ts, PyExc_TypeError, "teedataobject() argument 2 must be list, not %.50s", values->ob_type->tp_name);
  }
  Py_ssize_t n = list_size(values);
  bool good = n <= kBlockItems && (next == Py_None || n == kBlockItems);
  if (good && next != Py_None) good = is_exact(next, &atoll_tee_data_type);
  if (!good) return raise(ts, PyExc_ValueError, "Invalid arguments");
  Ref<> b = block_new(ts, iterator);
  if (!b) return {};
  for (Py_ssize_t i = 0; i < n; ++i) as_block(b.get())->values[i] = new_ref(list_items(values)[i]);
  as_block(b.get())->filled = static_cast<int>(n);
  if (next != Py_None) as_block(b.get())->next = new_ref(next);
  return b;
}
ATOLL_POSITIONAL_ENTRIES(tee_data, "teedataobject", 3, 3, atoll_tee_data_type)

Ref<> block_reduce(ThreadState& ts, TeeBlock* b) {
  Ref<> values = list_from(ts, b->values, b->filled);
  return values ? reduce_to(ts, obj(b), b->iterator, values.get(), b->next != nullptr ? b->next : Py_None) : Ref<>();
}
constexpr MethodSpec kBlockMethods[] = {ATOLL_ITERTOOLS_REDUCE(block_reduce), ATOLL_METHOD_END};

// ---- iterators ---------------------------------------------------------------------------------------------------

Ref<> tee_at(ThreadState& ts, Ref<> block, int index) {
  if (!block) return {};
  auto t = new_object<Tee>(ts, &atoll_tee_type);
  if (!t) return {};
  t->block = block.release();
  t->index = index;
  t->weaklist = nullptr;
  track(ts, t.get());
  return t;
}
Ref<> tee_copy(ThreadState& ts, Tee* t) { return tee_at(ts, dup(t->block), t->index); }

Ref<> tee_over(ThreadState& ts, PyObject* iterable) {
  Ref<> it = object_iter(ts, iterable);
  if (!it) return {};
  if (is_exact(it.get(), &atoll_tee_type)) return tee_copy(ts, as_tee(it.get()));
  return tee_at(ts, block_new(ts, it.get()), 0);
}
Ref<> tee_make(ThreadState& ts, PyTypeObject*, PyObject* const* args, Py_ssize_t) { return tee_over(ts, args[0]); }
ATOLL_POSITIONAL_ENTRIES(tee, "_tee", 1, 1, atoll_tee_type)

void tee_dealloc(ThreadState& ts, PyObject* o) {
  untrack(o);
  if (as_tee(o)->weaklist != nullptr) PyObject_ClearWeakRefs(o);
  clear_field(as_tee(o)->block);
  free_object(ts, o);
}
int tee_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_tee(o)->block);
  return 0;
}
int tee_clear(PyObject* o) {
  clear_field(as_tee(o)->block);
  return 0;
}
Ref<> tee_next(ThreadState& ts, PyObject* o) {
  Tee* t = as_tee(o);
  if (t->block == nullptr) return {};
  if (t->index >= kBlockItems) {
    Ref<> next = block_next(ts, as_block(t->block));
    if (!next) return {};
    set_field(t->block, std::move(next));
    t->index = 0;
  }
  Ref<> hold = dup(t->block);
  Ref<> item = block_item(ts, as_block(hold.get()), t->index);
  if (item) ++t->index;
  return item;
}
Ref<> tee_reduce(ThreadState& ts, Tee* t) {
  Ref<> args = tuple_of(ts, empty_tuple());
  Ref<> state = tuple_of(ts, t->block, small_int(t->index));
  return args && state ? tuple_of(ts, t->ob_base.ob_type, args.get(), state.get()) : Ref<>();
}
Status tee_setstate(ThreadState& ts, Tee* t, PyObject* state) {
  if (failed(check_state(ts, state, 2))) return Status::kError;
  PyObject* block = tuple_peek(state, 0);
  if (!is_exact(block, &atoll_tee_data_type)) {
    return raise(ts, PyExc_TypeError, "argument 1 must be itertools._tee_dataobject, not %.50s", block->ob_type->tp_name);
  }
  Py_ssize_t index;
  if (failed(index_as_ssize(ts, tuple_peek(state, 1), &index))) return Status::kError;
  if (index < 0 || index > kBlockItems) return raise(ts, PyExc_ValueError, "Index out of range");
  set_field(t->block, dup(block));
  t->index = static_cast<int>(index);
  return Status::kOk;
}
constexpr MethodSpec kTeeMethods[] = {
    ATOLL_METHOD_PLAIN(tee_copy, "__copy__", "($self, /)", "An independent iterator that stands at the same place."),
    ATOLL_ITERTOOLS_REDUCE(tee_reduce), ATOLL_ITERTOOLS_SETSTATE(tee_setstate), ATOLL_METHOD_END};

}  // namespace

Ref<> itertools_tee(ThreadState& ts, PyObject*, PyObject* iterable, Py_ssize_t n) {
  if (n < 0) return raise(ts, PyExc_ValueError, "n must be >= 0");
  Ref<> result = tuple_new(ts, n);
  if (!result || n == 0) return result;
  Ref<> it = object_iter(ts, iterable);
  if (!it) return {};
  // An iterator that can be copied needs no blocks.
  Ref<> copy;
  if (failed(object_lookup_attr(ts, it.get(), ID(__copy__), &copy))) return {};
  if (!copy) {
    it = tee_over(ts, it.get());
    if (!it) return {};
    copy = object_getattr(ts, it.get(), ID(__copy__));
    if (!copy) return {};
  }
  tuple_items(result.get())[0] = it.release();
  for (Py_ssize_t i = 1; i < n; ++i) {
    Ref<> another = call(ts, copy.get());
    if (!another) return {};
    tuple_items(result.get())[i] = another.release();
  }
  return result;
}

constinit const TypeSpec itertools_tee_spec{
    .name = "itertools._tee",
    .doc = "_tee(iterable, /)\n--\n\nAn iterator over an iterable that can be copied.",
    .basicsize = sizeof(Tee),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(tee_dealloc),
    .traverse = tee_traverse,
    .clear = tee_clear,
    .getattro = PyObject_GenericGetAttr,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(tee_next),
    .new_ = tee_tp_new,
    .vectorcall = tee_vectorcall,
    .weaklist_offset = offsetof(Tee, weaklist),
    .methods = kTeeMethods,
};
constinit const TypeSpec itertools_tee_data_spec{
    .name = "itertools._tee_dataobject",
    .doc = "teedataobject(iterable, values, next, /)\n--\n\nItems that tee has read and still needs.",
    .basicsize = sizeof(TeeBlock),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(block_dealloc),
    .traverse = block_traverse,
    .clear = block_clear,
    .getattro = PyObject_GenericGetAttr,
    .new_ = tee_data_tp_new,
    .vectorcall = tee_data_vectorcall,
    .methods = kBlockMethods,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_tee_type = {};
ATOLL_SEALED PyTypeObject atoll_tee_data_type = {};
