// The type str: slots, construction, subclasses, and the table of methods.
#include <cstring>

#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/slice.h"
#include "Objects/str/codecs.h"
#include "Objects/str/layout.h"
#include "Objects/str/methods.h"
#include "Objects/str/str_state.h"
#include "Objects/str/text.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "Objects/type/static_types_decl.h"

extern "C" {
ATOLL_SEALED PyTypeObject PyUnicode_Type = {};
ATOLL_SEALED PyTypeObject PyUnicodeIter_Type = {};
ATOLL_SEALED PyTypeObject _PyUnicodeASCIIIter_Type = {};
}

namespace atl {

// ---- construction --------------------------------------------------------------------------------------------------

Ref<> str_new_subtype(ThreadState& ts, PyTypeObject* type, PyObject* s) {
  Ref<> self = steal(type->tp_alloc(type, 0));
  if (!self) return {};
  auto* o = reinterpret_cast<PyUnicodeObject*>(self.get());
  PyASCIIObject* head = str_head(self.get());
  unsigned kind = str_kind(s);
  Py_ssize_t n = str_length(s);
  // Complete enough to be let go of from here on.
  head->state = {};
  head->state.kind = kind & 7;
  head->state.ascii = str_is_ascii(s);
  head->state.ready = 1;
  head->hash = str_head(s)->hash;
  head->wstr = nullptr;
  o->_base.utf8 = nullptr;
  o->_base.utf8_length = 0;
  o->_base.wstr_length = 0;
  o->data.any = nullptr;
  head->length = 0;
  size_t bytes = (static_cast<size_t>(n) + 1) * kind;
  void* data = object_alloc(ts, bytes);
  if (data == nullptr) return {};
  std::memcpy(data, str_data(s), bytes - kind);
  str_put(kind, data, n, 0);
  o->data.any = data;
  head->length = n;
  if (head->state.ascii) {
    o->_base.utf8 = static_cast<char*>(data);
    o->_base.utf8_length = n;
  }
  return self;
}

namespace {

Ref<> make_text(ThreadState& ts, PyObject* object, PyObject* encoding, PyObject* errors) {
  if (object == nullptr) return dup(empty_str());
  if (encoding == nullptr && errors == nullptr) return object_str(ts, object);
  auto c_text = [&](PyObject* o, const char** out) -> Status {
    *out = nullptr;
    if (o == nullptr) return Status::kOk;
    *out = str_utf8(ts, o);
    return *out == nullptr ? Status::kError : Status::kOk;
  };
  const char *e, *r;
  if (failed(c_text(encoding, &e)) || failed(c_text(errors, &r))) return {};
  return str_decode_object(ts, object, e, r);
}

Ref<> str_make(ThreadState& ts, PyTypeObject* type, PyObject* object, PyUnicodeObject* encoding, PyUnicodeObject* errors) {
  Ref<> text = make_text(ts, object, encoding ? obj(encoding) : nullptr, errors ? obj(errors) : nullptr);
  if (!text || type == &PyUnicode_Type) return text;
  return str_new_subtype(ts, type, text.get());
}

// str(x): the general call goes through tp_new.
PyObject* str_type_vectorcall(PyObject* type, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  if (ATOLL_LIKELY(kwnames == nullptr && n <= 1)) {
    return (n == 0 ? dup(empty_str()) : object_str(ts, args[0])).release();
  }
  Ref<> positional = tuple_from(ts, args, n);
  Ref<> kwargs;
  if (!positional) return nullptr;
  if (kwnames != nullptr) {
    kwargs = dict_new(ts);
    if (!kwargs) return nullptr;
    for (Py_ssize_t i = 0; i < tuple_size(kwnames); ++i) {
      if (failed(dict_set(ts, kwargs.get(), tuple_peek(kwnames, i), args[n + i]))) return nullptr;
    }
  }
  auto* t = reinterpret_cast<PyTypeObject*>(type);
  return t->tp_new(t, positional.get(), kwargs.get());
}

void str_dealloc(ThreadState& ts, PyObject* o) {
  PyASCIIObject* head = str_head(o);
  if (head->state.interned == SSTATE_INTERNED_MORTAL) intern_forget(ts, o);
  if (ATOLL_UNLIKELY(head->wstr != nullptr)) {
    if (head->state.ready && head->wstr == str_data(o)) {
      // shared with the characters
    } else {
      object_free(ts, head->wstr);
    }
  }
  if (head->state.compact) {
    if (!head->state.ascii) {
      char* utf8 = reinterpret_cast<PyCompactUnicodeObject*>(o)->utf8;
      if (utf8 != nullptr) object_free(ts, utf8);
    }
  } else {
    auto* whole = reinterpret_cast<PyUnicodeObject*>(o);
    if (whole->_base.utf8 != nullptr && whole->_base.utf8 != whole->data.any) object_free(ts, whole->_base.utf8);
    if (whole->data.any != nullptr) object_free(ts, whole->data.any);
  }
  if (ATOLL_LIKELY(is_exact_str(o))) {
    object_free(ts, o);
  } else {
    o->ob_type->tp_free(o);
  }
}

// ---- slots ---------------------------------------------------------------------------------------------------------

Ref<> str_self(ThreadState& ts, PyObject* s) { return str_exact(ts, s); }

Py_hash_t str_hash_slot(ThreadState&, PyObject* s) { return str_hash(s); }

Py_ssize_t str_len_slot(ThreadState&, PyObject* s) { return str_length(s); }

Ref<> str_concat_slot(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_str(b)) return raise(ts, PyExc_TypeError, "can only concatenate str (not \"%.200T\") to str", b);
  return str_concat(ts, a, b);
}

Ref<> str_item(ThreadState& ts, PyObject* s, Py_ssize_t i) {
  if (i < 0 || i >= str_length(s)) return raise(ts, PyExc_IndexError, "string index out of range");
  return str_from_char(ts, str_at(s, i));
}

Tri str_contains_slot(ThreadState& ts, PyObject* s, PyObject* item) {
  if (!is_str(item)) {
    return raise(ts, PyExc_TypeError, "'in <string>' requires string as left operand, not %.100T", item);
  }
  return tri(str_find(s, item, 0, PY_SSIZE_T_MAX, 1) >= 0);
}

Ref<> str_mod(ThreadState& ts, PyObject* a, PyObject* b) {
  if (!is_str(a)) return not_implemented();
  return str_percent(ts, a, b);
}

}  // namespace

Ref<> str_getitem(ThreadState& ts, PyObject* s, PyObject* index) {
  Py_ssize_t length = str_length(s);
  if (is_exact_int(index) && int_is_compact(index)) {
    Py_ssize_t i = int_compact_value(index);
    if (i < 0) i += length;
    return str_item(ts, s, i);
  }
  if (PyIndex_Check(index)) {
    Py_ssize_t i;
    if (failed(index_as_ssize(ts, index, &i, PyExc_IndexError))) return {};
    if (i < 0) i += length;
    return str_item(ts, s, i);
  }
  if (!PySlice_Check(index)) {
    return raise(ts, PyExc_TypeError, "string indices must be integers, not '%.200T'", index);
  }
  Py_ssize_t start, stop, step;
  if (failed(slice_unpack(ts, index, &start, &stop, &step))) return {};
  Py_ssize_t n = slice_adjust(length, &start, &stop, step);
  if (n <= 0) return dup(empty_str());
  if (step == 1) return str_substring(ts, s, start, stop);
  if (n == 1) return str_from_char(ts, str_at(s, start));
  TextView text = str_view(s);
  uint32_t max_class = 0x7F;
  if (!str_is_ascii(s)) {
    uint32_t bits = 0;
    for (Py_ssize_t k = 0, i = start; k < n; ++k, i += step) bits |= text_read(text.kind, text.data, i);
    max_class = bits < 0x80 ? 0x7F : bits < 0x100 ? 0xFF : bits < 0x10000 ? 0xFFFF : 0x10FFFF;
  }
  void* data;
  PyObject* r = str_allocate(ts, n, max_class, &data);
  if (r == nullptr) return {};
  TextKind kind = text_kind_for(max_class);
  if (step == -1 && start == length - 1 && n == length && kind == text.kind) {
    text_reverse_copy(text, data);
  } else {
    for (Py_ssize_t k = 0, i = start; k < n; ++k, i += step) text_write(kind, data, k, text_read(text.kind, text.data, i));
  }
  return steal(r);
}

Ref<> str_richcompare(ThreadState&, PyObject* a, PyObject* b, int op) {
  if (!is_str(a) || !is_str(b)) return not_implemented();
  if (op == Py_EQ) return new_bool(str_equal(a, b));
  if (op == Py_NE) return new_bool(!str_equal(a, b));
  int order = str_compare(a, b);
  switch (op) {
    case Py_LT: return new_bool(order < 0);
    case Py_LE: return new_bool(order <= 0);
    case Py_GT: return new_bool(order > 0);
    default: return new_bool(order >= 0);
  }
}

// ---- iterator ------------------------------------------------------------------------------------------------------

namespace {

struct StrIterObject {
  PyObject ob_base;
  Py_ssize_t index;
  PyObject* text;  // NULL at the end
};

void str_iter_dealloc(ThreadState& ts, StrIterObject* it) {
  untrack(it);
  xdecref(it->text);
  free_object(ts, obj(it));
}

int str_iter_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<StrIterObject*>(o)->text);
  return 0;
}

Ref<> str_iter_next(ThreadState& ts, StrIterObject* it) {
  PyObject* s = it->text;
  if (s == nullptr) return {};
  if (it->index < str_length(s)) return str_from_char(ts, str_at(s, it->index++));
  clear_field(it->text);
  return {};
}

Ref<> str_iter_length_hint(ThreadState& ts, StrIterObject* it) {
  return int_from_ssize(ts, it->text != nullptr ? str_length(it->text) - it->index : 0);
}

Ref<> str_iter_reduce(ThreadState& ts, StrIterObject* it) {
  Ref<> iter = steal(_PyEval_GetBuiltin(ID(iter)));
  if (!iter) return {};
  if (it->text != nullptr) {
    Ref<> args = tuple_of(ts, it->text), index = int_from_ssize(ts, it->index);
    if (!args || !index) return {};
    return tuple_of(ts, iter.get(), args.get(), index.get());
  }
  Ref<> args = tuple_of(ts, empty_str());
  return args ? tuple_of(ts, iter.get(), args.get()) : Ref<>();
}

Status str_iter_setstate(ThreadState& ts, StrIterObject* it, PyObject* state) {
  Py_ssize_t index;
  if (failed(index_as_ssize(ts, state, &index))) return Status::kError;
  if (it->text != nullptr) {
    if (index < 0) index = 0;
    if (index > str_length(it->text)) index = str_length(it->text);
    it->index = index;
  }
  return Status::kOk;
}

constexpr MethodSpec kIterMethods[] = {
    ATOLL_METHOD_FLAGS(str_iter_length_hint, "__length_hint__", "($self, /)", "Number of characters left.", 0),
    ATOLL_METHOD_FLAGS(str_iter_reduce, "__reduce__", "($self, /)", "State for pickling.", 0),
    ATOLL_METHOD_FLAGS(str_iter_setstate, "__setstate__", "($self, state, /)", "Go to a position.", 0),
    ATOLL_METHOD_END};

}  // namespace

Ref<> str_iter(ThreadState& ts, PyObject* s) {
  auto it = new_object<StrIterObject>(ts, str_is_ascii(s) ? &_PyUnicodeASCIIIter_Type : &PyUnicodeIter_Type);
  if (!it) return {};
  it->index = 0;
  it->text = new_ref(s);
  track(ts, it.get());
  return it;
}

constinit const TypeSpec str_iter_spec{
    .name = "str_iterator",
    .basicsize = sizeof(StrIterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(str_iter_dealloc),
    .traverse = str_iter_traverse,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(str_iter_next),
    .methods = kIterMethods,
};

constinit const TypeSpec str_ascii_iter_spec{
    .name = "str_ascii_iterator",
    .basicsize = sizeof(StrIterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = ATOLL_SLOT(str_iter_dealloc),
    .traverse = str_iter_traverse,
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(str_iter_next),
    .methods = kIterMethods,
};

// ---- the type ------------------------------------------------------------------------------------------------------

namespace {

constinit const PyNumberMethods kNumber{.nb_remainder = ATOLL_SLOT(str_mod)};
constinit const PySequenceMethods kSequence{.sq_length = ATOLL_SLOT(str_len_slot),
                                            .sq_concat = ATOLL_SLOT(str_concat_slot),
                                            .sq_repeat = ATOLL_SLOT(str_repeat),
                                            .sq_item = ATOLL_SLOT(str_item),
                                            .sq_contains = ATOLL_SLOT(str_contains_slot)};
constinit const PyMappingMethods kMapping{.mp_length = ATOLL_SLOT(str_len_slot), .mp_subscript = ATOLL_SLOT(str_getitem)};

}  // namespace

constinit const TypeSpec str_spec{
    .name = "str",
    .doc = "str(object='') -> str\n"
           "str(bytes_or_buffer[, encoding[, errors]]) -> str\n"
           "\n"
           "The text of an object: what its __str__() says, or else its repr().\n"
           "With encoding or errors, the text that a bytes-like object holds;\n"
           "encoding is sys.getdefaultencoding() and errors 'strict' unless given.",
    .basicsize = sizeof(PyUnicodeObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_UNICODE_SUBCLASS | _Py_TPFLAGS_MATCH_SELF,
    .dealloc = ATOLL_SLOT(str_dealloc),
    .repr = ATOLL_SLOT(str_repr),
    .str = ATOLL_SLOT(str_self),
    .hash = ATOLL_SLOT(str_hash_slot),
    .richcompare = ATOLL_SLOT(str_richcompare),
    .iter = ATOLL_SLOT(str_iter),
    .new_ = ATOLL_NEW(str_make, "str", "(object='', encoding='utf-8', errors='strict')"),
    .vectorcall = str_type_vectorcall,
    .number = &kNumber,
    .sequence = &kSequence,
    .mapping = &kMapping,
    .methods = kStrMethods,
};

}  // namespace atl
