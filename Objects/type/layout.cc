// Layouts: which base a class's memory comes from, and which classes can stand in for each other.
#include "Objects/shape.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/internal.h"

namespace atl {

namespace {

constexpr Py_ssize_t kWord = sizeof(PyObject*);

// Does the type add C fields or slots of its own to its base's memory? A list of weak references does not count.
bool adds_fields(PyTypeObject* type, PyTypeObject* base) {
  Py_ssize_t size = type->tp_basicsize;
  if (type->tp_itemsize != 0 || base->tp_itemsize != 0) {
    return size != base->tp_basicsize || type->tp_itemsize != base->tp_itemsize;
  }
  if (type->tp_weaklistoffset != 0 && base->tp_weaklistoffset == 0 && type->tp_weaklistoffset + kWord == size &&
      (type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
    size -= kWord;
  }
  return size != base->tp_basicsize;
}

// May the type's instances be seen as its base's without harm? (It adds nothing at all.)
bool compatible_with_base(PyTypeObject* type) {
  PyTypeObject* base = type->tp_base;
  return base != nullptr && type->tp_basicsize == base->tp_basicsize && type->tp_itemsize == base->tp_itemsize &&
         type->tp_dictoffset == base->tp_dictoffset && type->tp_weaklistoffset == base->tp_weaklistoffset &&
         pre_header_size(type) == pre_header_size(base) &&
         (type->tp_clear == base->tp_clear || type->tp_clear == subtype_clear || !(type->tp_flags & Py_TPFLAGS_HAVE_GC));
}

}  // namespace

PyTypeObject* solid_base(PyTypeObject* type) {
  PyTypeObject* base = type->tp_base != nullptr ? solid_base(type->tp_base) : &PyBaseObject_Type;
  return adds_fields(type, base) ? type : base;
}

PyTypeObject* best_base(ThreadState& ts, PyObject* bases) {
  PyTypeObject* best = nullptr;
  PyTypeObject* winner = nullptr;
  for (Py_ssize_t i = 0; i < tuple_size(bases); ++i) {
    PyObject* o = tuple_peek(bases, i);
    if (!PyType_Check(o)) return raise(ts, PyExc_TypeError, "bases must be types");
    auto* base = reinterpret_cast<PyTypeObject*>(o);
    if (base->tp_flags & Py_TPFLAGS_READYING) {
      return raise(ts, PyExc_TypeError, "Cannot extend an incomplete type '%.100N'", base);
    }
    if (!(base->tp_flags & Py_TPFLAGS_READY) && failed(type_ready(ts, base))) return nullptr;
    if (!(base->tp_flags & Py_TPFLAGS_BASETYPE)) {
      return raise(ts, PyExc_TypeError, "type '%.100s' is not an acceptable base type", base->tp_name);
    }
    PyTypeObject* candidate = solid_base(base);
    if (winner == nullptr || (winner != candidate && is_subtype(candidate, winner) && !is_subtype(winner, candidate))) {
      winner = candidate;
      best = base;
    } else if (!is_subtype(winner, candidate)) {
      return raise(ts, PyExc_TypeError, "multiple bases have instance lay-out conflict");
    }
  }
  return best;
}

bool same_slots_added(PyTypeObject* a, PyTypeObject* b) {
  PyTypeObject* base = a->tp_base;
  if (base != b->tp_base) return false;
  if (is_shaped(a) != is_shaped(b) || pre_header_size(a) != pre_header_size(b)) return false;
  Py_ssize_t size = base->tp_basicsize;
  if (a->tp_dictoffset == size && b->tp_dictoffset == size) size += kWord;
  if ((a->tp_flags & b->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0) {
    PyObject* sa = as_heap_type(a)->ht_slots;
    PyObject* sb = as_heap_type(b)->ht_slots;
    if (sa != nullptr && sb != nullptr) {
      if (tuple_size(sa) != tuple_size(sb)) return false;
      for (Py_ssize_t i = 0; i < tuple_size(sa); ++i) {
        if (!str_equal(tuple_peek(sa, i), tuple_peek(sb, i))) return false;
      }
      size += kWord * tuple_size(sa);
    }
  }
  if (a->tp_weaklistoffset == size && b->tp_weaklistoffset == size) size += kWord;
  return size == a->tp_basicsize && size == b->tp_basicsize;
}

bool compatible_for_assignment(ThreadState& ts, PyTypeObject* from, PyTypeObject* to, const char* attribute) {
  if (to->tp_free != from->tp_free) {
    (void)raise(ts, PyExc_TypeError, "%s assignment: '%s' deallocator differs from '%s'", attribute, to->tp_name, from->tp_name);
    return false;
  }
  // What adds nothing is looked through on both sides; then the two must add the same to the same base.
  PyTypeObject* new_base = to;
  PyTypeObject* old_base = from;
  while (compatible_with_base(new_base)) new_base = new_base->tp_base;
  while (compatible_with_base(old_base)) old_base = old_base->tp_base;
  if (new_base != old_base && (new_base->tp_base != old_base->tp_base || !same_slots_added(new_base, old_base))) {
    (void)raise(ts, PyExc_TypeError, "%s assignment: '%s' object layout differs from '%s'", attribute, to->tp_name, from->tp_name);
    return false;
  }
  return true;
}

}  // namespace atl
