// Images that interpreters share: complete copies whose objects are immortal and sealed.
//
// The copy is made in private, from an image of the current interpreter; whoever makes it publishes it, under a lock of its
// own that also orders the additions to the process-wide identifiers. What a shared image holds is never freed.
#include <cstring>

#include "Objects/bytes.h"
#include "Objects/code/image.h"
#include "Objects/object.h"
#include "Objects/set.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {

PyObject* seal(ThreadState& ts, PyObject* o);

// Zeroed memory that stays. In a process that checks, images lie with the sealed objects.
void* image_alloc(size_t size) { return runtime().sealed.checking ? sealed_alloc(size) : std::calloc(1, size); }

// A zeroed object of so many bytes with a filled head.
PyObject* sealed_head(PyTypeObject* type, size_t size) {
  size_t pre = pre_header_size(type);
  auto* block = static_cast<char*>(sealed_alloc(pre + size));
  if (block == nullptr) return nullptr;
  auto* o = reinterpret_cast<PyObject*>(block + pre);
  o->ob_refcnt = kImmortalRefcnt;
  o->ob_type = type;
  return o;
}

// For types whose instances hold no references.
PyObject* seal_flat(PyObject* o, size_t size) {
  PyObject* copy = sealed_head(o->ob_type, size);
  if (copy != nullptr) std::memcpy(copy + 1, o + 1, size - sizeof(PyObject));
  return copy;
}

PyObject* seal_text(PyObject* s) {
  return str_is_interned(s) ? str_shared_name(s) : str_sealed_copy(s, Sealing::kPlain);
}

PyObject* seal_tuple(ThreadState& ts, PyObject* const* items, Py_ssize_t n) {
  if (n == 0) return empty_tuple();
  PyObject* t = sealed_head(&PyTuple_Type, offsetof(PyTupleObject, ob_item) + static_cast<size_t>(n) * sizeof(PyObject*));
  if (t == nullptr) return nullptr;
  reinterpret_cast<PyVarObject*>(t)->ob_size = n;
  for (Py_ssize_t i = 0; i < n; ++i) {
    if ((tuple_items(t)[i] = seal(ts, items[i])) == nullptr) return nullptr;
  }
  return t;
}

PyObject* seal_frozenset(ThreadState& ts, PyObject* o) {
  auto* from = reinterpret_cast<PySetObject*>(o);
  PyObject* copy = sealed_head(&PyFrozenSet_Type, sizeof(PySetObject));
  if (copy == nullptr) return nullptr;
  std::memcpy(copy + 1, o + 1, sizeof(PySetObject) - sizeof(PyObject));
  auto* to = reinterpret_cast<PySetObject*>(copy);
  to->weakreflist = nullptr;
  size_t n = static_cast<size_t>(from->mask) + 1;
  to->table = to->smalltable;
  if (from->table != from->smalltable) {
    to->table = static_cast<setentry*>(sealed_alloc(n * sizeof(setentry)));
    if (to->table == nullptr) return nullptr;
    std::memcpy(to->table, from->table, n * sizeof(setentry));
  }
  for (size_t i = 0; i < n; ++i) {
    if (to->table[i].key != nullptr && (to->table[i].key = seal(ts, to->table[i].key)) == nullptr) return nullptr;
  }
  return copy;
}

// An immortal equal of a constant; NULL, without an exception, when there is none.
PyObject* seal(ThreadState& ts, PyObject* o) {
  if (is_immortal(o)) return o;
  Py_hash_t hash;  // fills what is cached
  if (failed(object_hash(ts, o, &hash))) {
    error_clear(ts);
    return nullptr;
  }
  if (is_exact(o, &PyUnicode_Type)) return seal_text(o);
  if (is_exact(o, &PyTuple_Type)) return seal_tuple(ts, tuple_items(o), tuple_size(o));
  if (is_exact(o, &PyFrozenSet_Type)) return seal_frozenset(ts, o);
  if (is_exact(o, &PyBytes_Type)) return seal_flat(o, offsetof(PyBytesObject, ob_sval) + static_cast<size_t>(bytes_size(o)) + 1);
  if (is_exact(o, &PyFloat_Type)) return seal_flat(o, sizeof(PyFloatObject));
  if (is_exact(o, &PyComplex_Type)) return seal_flat(o, sizeof(PyComplexObject));
  if (is_exact(o, &PyLong_Type)) {
    Py_ssize_t n = reinterpret_cast<PyVarObject*>(o)->ob_size;
    return seal_flat(o, offsetof(PyLongObject, ob_digit) + static_cast<size_t>(n < 0 ? -n : n) * sizeof(digit));
  }
  return nullptr;
}

template <class P, class T>
bool copy_array(P*& to, T* from, size_t n) {
  auto* memory = static_cast<std::remove_const_t<T>*>(image_alloc(n * sizeof(T) + 1));
  if (memory == nullptr) return false;
  if (n != 0) std::memcpy(static_cast<void*>(memory), from, n * sizeof(T));
  to = memory;
  return true;
}

bool seal_objects(ThreadState& ts, PyObject**& to, PyObject* const* from, uint32_t n) {
  to = static_cast<PyObject**>(image_alloc((n + 1) * sizeof(PyObject*)));
  if (to == nullptr) return false;
  for (uint32_t i = 0; i < n; ++i) {
    if (from[i] != nullptr && (to[i] = seal(ts, from[i])) == nullptr) return false;
  }
  return true;
}

bool fill(ThreadState& ts, CodeImage* to, const CodeImage* from) {
  to->flags = from->flags;
  to->argcount = from->argcount;
  to->posonlyargcount = from->posonlyargcount;
  to->kwonlyargcount = from->kwonlyargcount;
  to->nlocals = from->nlocals;
  to->ntemps = from->ntemps;
  to->firstlineno = from->firstlineno;
  to->word_count = from->word_count;
  to->const_count = from->const_count;
  to->name_count = from->name_count;
  to->local_name_count = from->local_name_count;
  to->free_count = from->free_count;
  to->cell_count = from->cell_count;
  to->handler_count = from->handler_count;
  to->live_count = from->live_count;
  to->live_pool_count = from->live_pool_count;
  to->position_count = from->position_count;
  if (!copy_array(to->words, from->words, from->word_count) || !copy_array(to->local_kinds, from->local_kinds, from->local_name_count) ||
      !copy_array(to->handlers, from->handlers, from->handler_count) || !copy_array(to->live, from->live, from->live_count) ||
      !copy_array(to->live_pool, from->live_pool, from->live_pool_count) || !copy_array(to->positions, from->positions, from->position_count)) {
    return false;
  }
  if ((to->name = seal(ts, from->name)) == nullptr || (to->qualname = seal(ts, from->qualname)) == nullptr ||
      (to->filename = seal(ts, from->filename)) == nullptr || !seal_objects(ts, to->consts, from->consts, from->const_count) ||
      !seal_objects(ts, to->names, from->names, from->name_count) ||
      !seal_objects(ts, to->local_names, from->local_names, from->local_name_count)) {
    return false;
  }
  bool has_children = false;
  if (from->children != nullptr) {
    to->children = static_cast<CodeImage**>(image_alloc((from->const_count + 1) * sizeof(CodeImage*)));
    if (to->children == nullptr) return false;
    for (uint32_t i = 0; i < from->const_count; ++i) {
      if (from->children[i] == nullptr) continue;
      has_children = true;
      if ((to->children[i] = image_seal(ts, from->children[i])) == nullptr) return false;
    }
  }
  // What every code object of the image would otherwise make for itself.
  PyObject* kinds = sealed_head(&PyBytes_Type, offsetof(PyBytesObject, ob_sval) + from->local_name_count + 1);
  if (kinds == nullptr) return false;
  reinterpret_cast<PyVarObject*>(kinds)->ob_size = from->local_name_count;
  std::memcpy(bytes_data(kinds), from->local_kinds, from->local_name_count);
  Py_hash_t hash;
  reinterpret_cast<PyBytesObject*>(kinds)->ob_shash = -1;
  if (failed(object_hash(ts, kinds, &hash))) return false;
  to->kinds_bytes = kinds;
  if ((to->names_tuple = seal_tuple(ts, to->names, to->name_count)) == nullptr) return false;
  auto** slots = static_cast<PyObject**>(std::calloc(to->local_name_count + 1, sizeof(PyObject*)));
  if (slots == nullptr) return false;
  for (uint32_t i = 0; i < to->local_name_count; ++i) slots[i] = to->local_names[i] != nullptr ? to->local_names[i] : empty_str();
  to->slots_tuple = seal_tuple(ts, slots, to->local_name_count);
  std::free(slots);
  if (to->slots_tuple == nullptr) return false;
  if (!has_children && (to->consts_tuple = seal_tuple(ts, to->consts, to->const_count)) == nullptr) return false;
  return true;
}

}  // namespace

CodeImage* image_seal(ThreadState& ts, const CodeImage* from) {
  if (from->shared) return const_cast<CodeImage*>(from);
  void* memory = image_alloc(sizeof(CodeImage));
  if (memory == nullptr) return nullptr;
  auto* to = new (memory) CodeImage();
  to->shared = true;
  // What a failed copy leaves behind stays: the arena gives nothing back.
  return fill(ts, to, from) ? to : nullptr;
}

}  // namespace atl
