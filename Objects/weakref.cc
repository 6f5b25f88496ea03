// Weak references and proxies.
//
// The references to one object form a list, whose head stands in the object; for types and for objects that all
// interpreters share it stands in the interpreter. A plain reference without callback comes first, then a plain proxy
// without callback (both are handed out again and again), then the others.
#include "Objects/weakref.h"

#include "Objects/dict/dict.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/type.h"
#include "Objects/type/type.h"
#include "Python/runtime/collector.h"
#include "Python/runtime/runtime.h"
#include "Python/runtime/upcalls.h"
#include "structmember.h"

namespace atl {

// ---- lists -------------------------------------------------------------------------------------------------------

// Heads for shared objects, by address. The nodes don't move: heads are handed out as pointers.
struct SharedWeakrefs {
  struct Node {
    PyObject* object;
    PyObject* head;
    Node* next;
  };
  Node* buckets[64];
};

namespace {

PyWeakReference* as_ref(PyObject* o) { return reinterpret_cast<PyWeakReference*>(o); }

PyObject** shared_list(ThreadState& ts, PyObject* o, bool make) {
  Interpreter& interp = ts.interpreter();
  if (interp.shared_weakrefs == nullptr) {
    if (!make) return nullptr;
    interp.shared_weakrefs = static_cast<SharedWeakrefs*>(std::calloc(1, sizeof(SharedWeakrefs)));
    if (interp.shared_weakrefs == nullptr) return raise_memory(ts);
  }
  SharedWeakrefs::Node** at = &interp.shared_weakrefs->buckets[(reinterpret_cast<uintptr_t>(o) >> 4) % 64];
  for (SharedWeakrefs::Node* n = *at; n != nullptr; n = n->next) {
    if (n->object == o) return &n->head;
  }
  if (!make) return nullptr;
  auto* n = static_cast<SharedWeakrefs::Node*>(std::malloc(sizeof(SharedWeakrefs::Node)));
  if (n == nullptr) return raise_memory(ts);
  *n = SharedWeakrefs::Node{o, nullptr, *at};
  *at = n;
  return &n->head;
}

bool allows_weakrefs(PyObject* o) { return o->ob_type->tp_weaklistoffset > 0; }

}  // namespace

PyObject** weakref_list(ThreadState& ts, PyObject* o, bool make) {
  if (PyType_Check(o)) {
    auto* type = reinterpret_cast<PyTypeObject*>(o);
    TypeMutable* m = make ? type_mutable(ts.interpreter(), type) : type_peek_mutable(ts.interpreter(), type);
    return m != nullptr ? &m->weaklist : nullptr;
  }
  if (!allows_weakrefs(o)) return nullptr;
  if (ATOLL_UNLIKELY(is_immortal(o))) return shared_list(ts, o, make);
  return reinterpret_cast<PyObject**>(reinterpret_cast<char*>(o) + o->ob_type->tp_weaklistoffset);
}

void shared_weakrefs_clear(Interpreter& interp) {
  SharedWeakrefs* s = std::exchange(interp.shared_weakrefs, nullptr);
  if (s == nullptr) return;
  for (SharedWeakrefs::Node* n : s->buckets) {
    while (n != nullptr) std::free(std::exchange(n, n->next));
  }
  std::free(s);
}

namespace {

bool is_plain_ref(PyWeakReference* r) { return r != nullptr && r->wr_callback == nullptr && is_exact(obj(r), &_PyWeakref_RefType); }
bool is_plain_proxy(PyWeakReference* r) { return r != nullptr && r->wr_callback == nullptr && PyWeakref_CheckProxy(r); }

struct Plain {
  PyWeakReference* ref = nullptr;
  PyWeakReference* proxy = nullptr;
};
Plain plain_of(PyObject* head) {
  Plain p;
  PyWeakReference* r = as_ref(head);
  if (is_plain_ref(r)) {
    p.ref = r;
    r = r->wr_next;
  }
  if (is_plain_proxy(r)) p.proxy = r;
  return p;
}

void insert_head(PyWeakReference* r, PyObject** list) {
  PyWeakReference* next = as_ref(*list);
  r->wr_prev = nullptr;
  r->wr_next = next;
  if (next != nullptr) next->wr_prev = r;
  *list = obj(r);
}
void insert_after(PyWeakReference* r, PyWeakReference* prev) {
  r->wr_prev = prev;
  r->wr_next = prev->wr_next;
  if (prev->wr_next != nullptr) prev->wr_next->wr_prev = r;
  prev->wr_next = r;
}
void insert(PyWeakReference* r, PyObject** list) {
  Plain p = plain_of(*list);
  PyWeakReference* prev = is_plain_ref(r) ? nullptr : is_plain_proxy(r) ? p.ref : p.proxy != nullptr ? p.proxy : p.ref;
  if (prev == nullptr) {
    insert_head(r, list);
  } else {
    insert_after(r, prev);
  }
}

// Takes the reference out of its object's list; it is dead afterwards. The callback stays.
void detach_ref(ThreadState& ts, PyWeakReference* r) {
  if (r->wr_object == Py_None || r->wr_object == nullptr) return;
  if (r->wr_prev != nullptr) {
    r->wr_prev->wr_next = r->wr_next;
  } else {
    PyObject** list = weakref_list(ts, r->wr_object, false);
    if (list != nullptr && *list == obj(r)) *list = obj(r->wr_next);
  }
  if (r->wr_next != nullptr) r->wr_next->wr_prev = r->wr_prev;
  r->wr_prev = r->wr_next = nullptr;
  r->wr_object = Py_None;
}

void run_callback(ThreadState& ts, PyWeakReference* r, PyObject* callback) {
  if (!call(ts, callback, r)) write_unraisable(ts, callback);
}

PyObject* ref_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames);

void init_ref(PyWeakReference* r, PyObject* o, PyObject* callback) {
  r->hash = -1;
  r->wr_object = o;
  r->wr_prev = r->wr_next = nullptr;
  r->wr_callback = callback;
  xincref(callback);
  r->vectorcall = ref_vectorcall;
}

Raised raise_not_referencable(ThreadState& ts, PyObject* o) {
  return raise(ts, PyExc_TypeError, "cannot create weak reference to '%T' object", o);
}

Ref<> make_ref(ThreadState& ts, PyTypeObject* type, PyObject* o, PyObject* callback) {
  if (!allows_weakrefs(o)) return raise_not_referencable(ts, o);
  if (callback == Py_None) callback = nullptr;
  PyObject** list = weakref_list(ts, o, true);
  if (list == nullptr) return error_set(ts) ? Ref<>() : Ref<>(raise_not_referencable(ts, o));
  if (callback == nullptr && type == &_PyWeakref_RefType) {
    PyWeakReference* r = plain_of(*list).ref;
    if (r != nullptr && obj(r)->ob_refcnt > 0) return dup(obj(r));
  }
  Ref<> made = Ref<>::steal(type->tp_alloc(type, 0));
  if (!made) return {};
  // Making it may have run the collector, and with it code that made the plain one.
  if (callback == nullptr && type == &_PyWeakref_RefType) {
    PyWeakReference* r = plain_of(*list).ref;
    if (r != nullptr && obj(r)->ob_refcnt > 0) {
      as_ref(made.get())->wr_object = Py_None;
      return dup(obj(r));
    }
  }
  init_ref(as_ref(made.get()), o, callback);
  insert(as_ref(made.get()), list);
  return made;
}

Ref<> make_proxy(ThreadState& ts, PyObject* o, PyObject* callback) {
  if (!allows_weakrefs(o)) return raise_not_referencable(ts, o);
  if (callback == Py_None) callback = nullptr;
  PyObject** list = weakref_list(ts, o, true);
  if (list == nullptr) return error_set(ts) ? Ref<>() : Ref<>(raise_not_referencable(ts, o));
  if (callback == nullptr) {
    PyWeakReference* r = plain_of(*list).proxy;
    if (r != nullptr && obj(r)->ob_refcnt > 0) return dup(obj(r));
  }
  PyTypeObject* type = PyCallable_Check(o) ? &_PyWeakref_CallableProxyType : &_PyWeakref_ProxyType;
  auto made = new_object<PyWeakReference>(ts, type);
  if (!made) return {};
  init_ref(made.get(), o, callback);
  insert(made.get(), list);
  track(ts, made.get());
  return made;
}

// ---- weakref.ref -------------------------------------------------------------------------------------------------

bool parse(ThreadState& ts, const char* name, PyObject* args, PyObject** o, PyObject** callback) {
  Py_ssize_t n = tuple_size(args);
  if (n < 1 || n > 2) {
    (void)raise(ts, PyExc_TypeError, n < 1 ? "%s expected at least 1 argument, got %zd" : "%s expected at most 2 arguments, got %zd",
                name, n);
    return false;
  }
  *o = tuple_peek(args, 0);
  *callback = n == 2 ? tuple_peek(args, 1) : nullptr;
  return true;
}

PyObject* ref_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  PyObject *o, *callback;
  if (type == &_PyWeakref_RefType && kwargs != nullptr && dict_size(kwargs) != 0) {
    return raise(ts, PyExc_TypeError, "ref() takes no keyword arguments");
  }
  if (!parse(ts, "__new__", args, &o, &callback)) return nullptr;
  return make_ref(ts, type, o, callback).release();
}

int ref_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  PyObject *o, *callback;
  if (is_exact(self, &_PyWeakref_RefType) && kwargs != nullptr && dict_size(kwargs) != 0) {
    return raise(ts, PyExc_TypeError, "ref() takes no keyword arguments");
  }
  return parse(ts, "__init__", args, &o, &callback) ? 0 : -1;
}

void ref_dealloc(ThreadState& ts, PyWeakReference* r) {
  untrack(r);
  if (r->wr_object != nullptr) detach_ref(ts, r);
  { Ref<> callback = Ref<>::steal(std::exchange(r->wr_callback, nullptr)); }
  PyTypeObject* type = obj(r)->ob_type;
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
    type->tp_free(r);
  } else {
    free_object(ts, obj(r));
  }
}

int ref_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as_ref(self)->wr_callback);
  return 0;
}
int ref_clear(PyObject* self) {
  detach_ref(current_thread(), as_ref(self));
  clear_field(as_ref(self)->wr_callback);
  return 0;
}

PyObject* ref_vectorcall(PyObject* self, PyObject* const*, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (kwnames != nullptr && tuple_size(kwnames) != 0) return raise(ts, PyExc_TypeError, "weakref() takes no keyword arguments");
  if (PyVectorcall_NARGS(nargsf) != 0) {
    return raise(ts, PyExc_TypeError, "weakref expected 0 arguments, got %zd", PyVectorcall_NARGS(nargsf));
  }
  return weakref_target(self).release();
}

Status ref_hash_value(ThreadState& ts, PyWeakReference* r, Py_hash_t* out) {
  if (r->hash == -1) {
    Ref<> o = weakref_target(obj(r));
    if (o.get() == Py_None) return raise(ts, PyExc_TypeError, "weak object has gone away");
    if (failed(object_hash(ts, o.get(), &r->hash))) return Status::kError;
  }
  *out = r->hash;
  return Status::kOk;
}
Py_hash_t ref_hash(ThreadState& ts, PyWeakReference* r) {
  Py_hash_t h;
  return failed(ref_hash_value(ts, r, &h)) ? -1 : h;
}

Ref<> ref_repr(ThreadState& ts, PyWeakReference* r) {
  Ref<> o = weakref_target(obj(r));
  if (o.get() == Py_None) return str_format(ts, "<weakref at %p; dead>", static_cast<void*>(r));
  Ref<> name;
  if (failed(object_lookup_attr(ts, o.get(), ID(__name__), &name))) return {};
  if (name && is_str(name.get())) {
    return str_format(ts, "<weakref at %p; to '%T' at %p (%U)>", static_cast<void*>(r), o.get(), static_cast<void*>(o.get()),
                      name.get());
  }
  return str_format(ts, "<weakref at %p; to '%T' at %p>", static_cast<void*>(r), o.get(), static_cast<void*>(o.get()));
}

Ref<> ref_compare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !PyWeakref_CheckRef(a) || !PyWeakref_CheckRef(b)) return not_implemented();
  Ref<> x = weakref_target(a);
  Ref<> y = weakref_target(b);
  if (x.get() == Py_None || y.get() == Py_None) return new_bool((a == b) == (op == Py_EQ));
  return object_richcompare(ts, x.get(), y.get(), op);
}

constexpr PyMemberDef kRefMembers[] = {{"__callback__", T_OBJECT, offsetof(PyWeakReference, wr_callback), READONLY, nullptr},
                                       {nullptr, 0, 0, 0, nullptr}};
constexpr MethodSpec kRefMethods[] = {ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"),
                                      ATOLL_METHOD_END};

// ---- proxies -----------------------------------------------------------------------------------------------------

// What stands behind a proxy; other objects stand for themselves. Empty with ReferenceError when it is gone.
Ref<> behind(ThreadState& ts, PyObject* o) {
  if (!PyWeakref_CheckProxy(o)) return dup(o);
  Ref<> target = weakref_target(o);
  if (target.get() == Py_None) return raise(ts, PyExc_ReferenceError, "weakly-referenced object no longer exists");
  return target;
}

template <auto f>
PyObject* proxy_unary(PyObject* self) {
  ThreadState& ts = current_thread();
  Ref<> a = behind(ts, self);
  return a ? f(ts, a.get()).release() : nullptr;
}
template <BinaryOp op>
PyObject* proxy_binary(PyObject* x, PyObject* y) {
  ThreadState& ts = current_thread();
  Ref<> a = behind(ts, x);
  Ref<> b = a ? behind(ts, y) : Ref<>();
  return b ? number_binary(ts, op, a.get(), b.get()).release() : nullptr;
}
template <BinaryOp op>
PyObject* proxy_inplace(PyObject* x, PyObject* y) {
  ThreadState& ts = current_thread();
  Ref<> a = behind(ts, x);
  Ref<> b = a ? behind(ts, y) : Ref<>();
  return b ? number_inplace(ts, op, a.get(), b.get()).release() : nullptr;
}
PyObject* proxy_divmod(PyObject* x, PyObject* y) {
  ThreadState& ts = current_thread();
  Ref<> a = behind(ts, x);
  Ref<> b = a ? behind(ts, y) : Ref<>();
  return b ? number_divmod(ts, a.get(), b.get()).release() : nullptr;
}
template <auto f>
PyObject* proxy_ternary(PyObject* x, PyObject* y, PyObject* z) {
  ThreadState& ts = current_thread();
  Ref<> a = behind(ts, x);
  Ref<> b = a ? behind(ts, y) : Ref<>();
  Ref<> c = b && z != nullptr ? behind(ts, z) : Ref<>();
  if (!b || (z != nullptr && !c)) return nullptr;
  return f(a.get(), b.get(), c.get());
}

int proxy_bool(ThreadState& ts, PyObject* self) {
  Ref<> a = behind(ts, self);
  return a ? static_cast<int>(object_is_true(ts, a.get())) : -1;
}
Ref<> proxy_repr(ThreadState& ts, PyWeakReference* r) {
  Ref<> o = weakref_target(obj(r));
  return str_format(ts, "<weakproxy at %p to %T at %p>", static_cast<void*>(r), o.get(), static_cast<void*>(o.get()));
}
Ref<> proxy_str(ThreadState& ts, PyObject* self) {
  Ref<> a = behind(ts, self);
  return a ? object_str(ts, a.get()) : Ref<>();
}
Ref<> proxy_getattr(ThreadState& ts, PyObject* self, PyObject* name) {
  Ref<> a = behind(ts, self);
  return a ? object_getattr(ts, a.get(), name) : Ref<>();
}
Status proxy_setattr(ThreadState& ts, PyObject* self, PyObject* name, PyObject* value) {
  Ref<> a = behind(ts, self);
  return a ? object_setattr(ts, a.get(), name, value) : Status::kError;
}
Ref<> proxy_compare(ThreadState& ts, PyObject* x, PyObject* y, int op) {
  Ref<> a = behind(ts, x);
  Ref<> b = a ? behind(ts, y) : Ref<>();
  return b ? object_richcompare(ts, a.get(), b.get(), op) : Ref<>();
}
Py_ssize_t proxy_len(ThreadState& ts, PyObject* self) {
  Ref<> a = behind(ts, self);
  return a ? PyObject_Size(a.get()) : -1;
}
int proxy_contains(ThreadState& ts, PyObject* self, PyObject* item) {
  Ref<> a = behind(ts, self);
  return a ? static_cast<int>(object_contains(ts, a.get(), item)) : -1;
}
Ref<> proxy_getitem(ThreadState& ts, PyObject* self, PyObject* key) {
  Ref<> a = behind(ts, self);
  return a ? object_getitem(ts, a.get(), key) : Ref<>();
}
Status proxy_setitem(ThreadState& ts, PyObject* self, PyObject* key, PyObject* value) {
  Ref<> a = behind(ts, self);
  if (!a) return Status::kError;
  return value != nullptr ? object_setitem(ts, a.get(), key, value) : object_delitem(ts, a.get(), key);
}
Ref<> proxy_iter(ThreadState& ts, PyObject* self) {
  Ref<> a = behind(ts, self);
  return a ? object_iter(ts, a.get()) : Ref<>();
}
Ref<> proxy_next(ThreadState& ts, PyObject* self) {
  Ref<> a = behind(ts, self);
  if (!a) return {};
  if (!is_iterator(a.get())) {
    return raise(ts, PyExc_TypeError, "Weakref proxy referenced a non-iterator '%.200T' object", a.get());
  }
  return Ref<>::steal(a->ob_type->tp_iternext(a.get()));
}
Ref<> proxy_call(ThreadState& ts, PyObject* self, PyObject* args, PyObject* kwargs) {
  Ref<> a = behind(ts, self);
  return a ? object_call(ts, a.get(), args, kwargs) : Ref<>();
}
Ref<> proxy_bytes(ThreadState& ts, PyObject* self) {
  Ref<> a = behind(ts, self);
  return a ? call_method(ts, a.get(), ID(__bytes__)) : Ref<>();
}
Ref<> proxy_reversed(ThreadState& ts, PyObject* self) {
  Ref<> a = behind(ts, self);
  return a ? call_method(ts, a.get(), ID(__reversed__)) : Ref<>();
}

void proxy_dealloc(ThreadState& ts, PyWeakReference* r) {
  untrack(r);
  detach_ref(ts, r);
  { Ref<> callback = Ref<>::steal(std::exchange(r->wr_callback, nullptr)); }
  free_object(ts, obj(r));
}

constexpr MethodSpec kProxyMethods[] = {
    MethodSpec{"__bytes__", ATOLL_METHOD(proxy_bytes, "__bytes__", "($self, /)", "").entry, METH_NOARGS, nullptr},
    MethodSpec{"__reversed__", ATOLL_METHOD(proxy_reversed, "__reversed__", "($self, /)", "").entry, METH_NOARGS, nullptr},
    ATOLL_METHOD_END};

constexpr PyNumberMethods kProxyNumber{
    .nb_add = proxy_binary<BinaryOp::kAdd>,
    .nb_subtract = proxy_binary<BinaryOp::kSub>,
    .nb_multiply = proxy_binary<BinaryOp::kMul>,
    .nb_remainder = proxy_binary<BinaryOp::kMod>,
    .nb_divmod = proxy_divmod,
    .nb_power = proxy_ternary<PyNumber_Power>,
    .nb_negative = proxy_unary<number_negative>,
    .nb_positive = proxy_unary<number_positive>,
    .nb_absolute = proxy_unary<number_absolute>,
    .nb_bool = ATOLL_SLOT(proxy_bool),
    .nb_invert = proxy_unary<number_invert>,
    .nb_lshift = proxy_binary<BinaryOp::kLShift>,
    .nb_rshift = proxy_binary<BinaryOp::kRShift>,
    .nb_and = proxy_binary<BinaryOp::kAnd>,
    .nb_xor = proxy_binary<BinaryOp::kXor>,
    .nb_or = proxy_binary<BinaryOp::kOr>,
    .nb_int = proxy_unary<number_long>,
    .nb_float = proxy_unary<number_float>,
    .nb_inplace_add = proxy_inplace<BinaryOp::kAdd>,
    .nb_inplace_subtract = proxy_inplace<BinaryOp::kSub>,
    .nb_inplace_multiply = proxy_inplace<BinaryOp::kMul>,
    .nb_inplace_remainder = proxy_inplace<BinaryOp::kMod>,
    .nb_inplace_power = proxy_ternary<PyNumber_InPlacePower>,
    .nb_inplace_lshift = proxy_inplace<BinaryOp::kLShift>,
    .nb_inplace_rshift = proxy_inplace<BinaryOp::kRShift>,
    .nb_inplace_and = proxy_inplace<BinaryOp::kAnd>,
    .nb_inplace_xor = proxy_inplace<BinaryOp::kXor>,
    .nb_inplace_or = proxy_inplace<BinaryOp::kOr>,
    .nb_floor_divide = proxy_binary<BinaryOp::kFloorDiv>,
    .nb_true_divide = proxy_binary<BinaryOp::kTrueDiv>,
    .nb_inplace_floor_divide = proxy_inplace<BinaryOp::kFloorDiv>,
    .nb_inplace_true_divide = proxy_inplace<BinaryOp::kTrueDiv>,
    .nb_index = proxy_unary<number_index>,
    .nb_matrix_multiply = proxy_binary<BinaryOp::kMatMul>,
    .nb_inplace_matrix_multiply = proxy_inplace<BinaryOp::kMatMul>,
};
constexpr PySequenceMethods kProxySequence{.sq_length = ATOLL_SLOT(proxy_len), .sq_contains = ATOLL_SLOT(proxy_contains)};
constexpr PyMappingMethods kProxyMapping{.mp_length = ATOLL_SLOT(proxy_len),
                                         .mp_subscript = ATOLL_SLOT(proxy_getitem),
                                         .mp_ass_subscript = ATOLL_SLOT(proxy_setitem)};

}  // namespace

// ---- for the core ------------------------------------------------------------------------------------------------

Ref<> weakref_new(ThreadState& ts, PyObject* o, PyObject* callback) { return make_ref(ts, &_PyWeakref_RefType, o, callback); }

Ref<> weakref_target(PyObject* ref) {
  PyObject* o = as_ref(ref)->wr_object;
  // An object whose deallocator runs can't be had any more.
  return dup(o->ob_refcnt > 0 ? o : Py_None);
}

void weakrefs_clear(ThreadState& ts, PyObject* o) {
  PyObject** list = weakref_list(ts, o, false);
  if (list == nullptr || *list == nullptr) return;
  ErrorStash stash(ts);
  // All are dead before the first callback runs; callbacks run in the order of the list.
  Ref<> calls;
  while (*list != nullptr) {
    PyWeakReference* r = as_ref(*list);
    bool alive = obj(r)->ob_refcnt > 0;
    detach_ref(ts, r);
    Ref<> callback = Ref<>::steal(std::exchange(r->wr_callback, nullptr));
    if (!callback || !alive) continue;
    if (!calls) {
      calls = list_new(ts, 0);
      if (!calls) break;
    }
    if (failed(list_append(ts, calls.get(), dup(obj(r)))) || failed(list_append(ts, calls.get(), std::move(callback)))) break;
  }
  if (error_set(ts)) write_unraisable(ts, nullptr);
  if (!calls) return;
  for (Py_ssize_t i = 0; i + 1 < list_size(calls.get()); i += 2) {
    run_callback(ts, as_ref(list_items(calls.get())[i]), list_items(calls.get())[i + 1]);
  }
}

void shared_weakrefs_end(ThreadState& ts) {
  constexpr int kRounds = 16;
  Interpreter& interp = ts.interpreter();
  for (int round = 0; round <= kRounds; ++round) {
    bool any = false;
    // After the last round nobody is told any more.
    auto end = [&](PyObject** list) {
      if (*list == nullptr) return;
      any = true;
      PyObject* o = as_ref(*list)->wr_object;
      if (round < kRounds) {
        weakrefs_clear(ts, o);
      } else {
        while (*list != nullptr) detach_ref(ts, as_ref(*list));
      }
    };
    // Callbacks may make pages and nodes, but none goes away.
    for (uint32_t p = 0; p < interp.types.page_count; ++p) {
      for (uint32_t i = 0; interp.types.pages[p] != nullptr && i < kStaticsPerPage; ++i) end(&interp.types.pages[p][i].weaklist);
    }
    for (size_t b = 0; interp.shared_weakrefs != nullptr && b < std::size(interp.shared_weakrefs->buckets); ++b) {
      for (SharedWeakrefs::Node* n = interp.shared_weakrefs->buckets[b]; n != nullptr; n = n->next) end(&n->head);
    }
    if (!any) return;
  }
}

Py_ssize_t weakref_count(ThreadState& ts, PyObject* o) {
  PyObject** list = weakref_list(ts, o, false);
  Py_ssize_t n = 0;
  if (list != nullptr) {
    for (PyWeakReference* r = as_ref(*list); r != nullptr; r = r->wr_next) ++n;
  }
  return n;
}

Ref<> weakrefs_as_list(ThreadState& ts, PyObject* o) {
  Ref<> result = list_new(ts, 0);
  PyObject** list = weakref_list(ts, o, false);
  if (!result || list == nullptr) return result;
  for (PyWeakReference* r = as_ref(*list); r != nullptr; r = r->wr_next) {
    if (failed(list_append(ts, result.get(), dup(obj(r))))) return {};
  }
  return result;
}

// ---- for the collector -------------------------------------------------------------------------------------------

Status upcall_clear_weakrefs_of_garbage(ThreadState& ts, PyObject* o, PyObject* out) {
  PyObject** list = weakref_list(ts, o, false);
  if (list == nullptr) return Status::kOk;
  while (*list != nullptr) {
    PyWeakReference* r = as_ref(*list);
    detach_ref(ts, r);
    if (r->wr_callback == nullptr) continue;
    if (gc_links(r)->prev & kGcCollecting) continue;  // garbage itself: nobody waits for its callback
    if (failed(list_append(ts, out, dup(obj(r))))) return Status::kError;
  }
  return Status::kOk;
}

void upcall_call_weakref_callback(ThreadState& ts, PyObject* ref) {
  Ref<> callback = Ref<>::steal(std::exchange(as_ref(ref)->wr_callback, nullptr));
  if (callback) run_callback(ts, as_ref(ref), callback.get());
}

// ---- types -------------------------------------------------------------------------------------------------------

constinit const TypeSpec weakref_ref_spec{
    .name = "weakref.ReferenceType",
    .basicsize = sizeof(PyWeakReference),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_BASETYPE,
    .dealloc = ATOLL_SLOT(ref_dealloc),
    .traverse = ref_traverse,
    .clear = ref_clear,
    .repr = ATOLL_SLOT(ref_repr),
    .hash = ATOLL_SLOT(ref_hash),
    .richcompare = ATOLL_SLOT(ref_compare),
    .call = PyVectorcall_Call,
    .init = ref_init,
    .new_ = ref_new,
    .alloc = PyType_GenericAlloc,
    .free = PyObject_GC_Del,
    .vectorcall_offset = offsetof(PyWeakReference, vectorcall),
    .methods = kRefMethods,
    .members = kRefMembers,
};

#define PROXY_SPEC(NAME, ...)                                  \
  {                                                            \
    .name = NAME, .basicsize = sizeof(PyWeakReference),        \
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,          \
    .dealloc = ATOLL_SLOT(proxy_dealloc),                      \
    .traverse = ref_traverse, .clear = ref_clear,              \
    .repr = ATOLL_SLOT(proxy_repr), .str = ATOLL_SLOT(proxy_str), \
    .hash = PyObject_HashNotImplemented,                       \
    .richcompare = ATOLL_SLOT(proxy_compare), __VA_ARGS__      \
    .getattro = ATOLL_SLOT(proxy_getattr),                     \
    .setattro = ATOLL_SLOT(proxy_setattr),                     \
    .iter = ATOLL_SLOT(proxy_iter),                            \
    .iternext = ATOLL_SLOT(proxy_next),                        \
    .number = &kProxyNumber, .sequence = &kProxySequence,      \
    .mapping = &kProxyMapping, .methods = kProxyMethods,       \
  }
constinit const TypeSpec weakref_proxy_spec PROXY_SPEC("weakref.ProxyType", );
#define ATOLL_COMMA ,
constinit const TypeSpec weakref_callable_proxy_spec PROXY_SPEC("weakref.CallableProxyType",
                                                                .call = ATOLL_SLOT(proxy_call) ATOLL_COMMA);

}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject _PyWeakref_RefType = {};
ATOLL_SEALED PyTypeObject _PyWeakref_ProxyType = {};
ATOLL_SEALED PyTypeObject _PyWeakref_CallableProxyType = {};
}

// ---- C API -------------------------------------------------------------------------------------------------------

using namespace atl;

PyObject* PyWeakref_NewRef(PyObject* o, PyObject* callback) { return weakref_new(current_thread(), o, callback).release(); }
PyObject* PyWeakref_NewProxy(PyObject* o, PyObject* callback) { return make_proxy(current_thread(), o, callback).release(); }

PyObject* PyWeakref_GetObject(PyObject* ref) {
  if (ref == nullptr || !PyWeakref_Check(ref)) return raise_bad_internal_call(current_thread(), __FILE__, __LINE__);
  return PyWeakref_GET_OBJECT(ref);
}

void _PyWeakref_ClearRef(PyWeakReference* ref) { detach_ref(current_thread(), ref); }

Py_ssize_t _PyWeakref_GetWeakrefCount(PyWeakReference* head) {
  Py_ssize_t n = 0;
  for (; head != nullptr; head = head->wr_next) ++n;
  return n;
}

void PyObject_ClearWeakRefs(PyObject* o) {
  ThreadState& ts = current_thread();
  if (o == nullptr || !allows_weakrefs(o) || o->ob_refcnt != 0) {
    (void)raise_bad_internal_call(ts, __FILE__, __LINE__);
    return;
  }
  weakrefs_clear(ts, o);
}

PyObject** PyObject_GET_WEAKREFS_LISTPTR(PyObject* o) { return weakref_list(current_thread(), o, true); }
int PyType_SUPPORTS_WEAKREFS(PyTypeObject* type) { return type->tp_weaklistoffset > 0; }
