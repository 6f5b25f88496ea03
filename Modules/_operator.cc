// _operator: the operators as functions, itemgetter, attrgetter, methodcaller.
#include "Modules/module_def.h"
#include "Objects/int/int.h"
#include "Objects/iter/support.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/type/static_types_decl.h"
#include "Objects/type/spec.h"
#include "Objects/type/type.h"

namespace atl {

namespace {

// ---- the operators -----------------------------------------------------------------------------------------------

template <BinaryOp kOp>
Ref<> binary(ThreadState& ts, PyObject*, PyObject* a, PyObject* b) {
  return number_binary(ts, kOp, a, b);
}
template <BinaryOp kOp>
Ref<> inplace(ThreadState& ts, PyObject*, PyObject* a, PyObject* b) {
  return number_inplace(ts, kOp, a, b);
}
template <int kOp>
Ref<> compare(ThreadState& ts, PyObject*, PyObject* a, PyObject* b) {
  return object_richcompare(ts, a, b, kOp);
}
template <Ref<> (*kFn)(ThreadState&, PyObject*)>
Ref<> unary(ThreadState& ts, PyObject*, PyObject* a) {
  return kFn(ts, a);
}
Ref<> m_pow(ThreadState& ts, PyObject*, PyObject* a, PyObject* b) { return number_power(ts, a, b, Py_None); }
Ref<> m_ipow(ThreadState&, PyObject*, PyObject* a, PyObject* b) {
  return Ref<>::steal(PyNumber_InPlacePower(a, b, Py_None));
}
Tri m_truth(ThreadState& ts, PyObject*, PyObject* a) { return object_is_true(ts, a); }
Tri m_not(ThreadState& ts, PyObject*, PyObject* a) {
  Tri t = object_is_true(ts, a);
  return failed(t) ? t : tri(t == Tri::kFalse);
}
Tri m_is(ThreadState&, PyObject*, PyObject* a, PyObject* b) { return tri(a == b); }
Tri m_is_not(ThreadState&, PyObject*, PyObject* a, PyObject* b) { return tri(a != b); }
Ref<> m_concat(ThreadState&, PyObject*, PyObject* a, PyObject* b) { return Ref<>::steal(PySequence_Concat(a, b)); }
Ref<> m_iconcat(ThreadState&, PyObject*, PyObject* a, PyObject* b) { return Ref<>::steal(PySequence_InPlaceConcat(a, b)); }
Tri m_contains(ThreadState& ts, PyObject*, PyObject* a, PyObject* b) { return object_contains(ts, a, b); }
Ref<> m_index_of(ThreadState& ts, PyObject*, PyObject* a, PyObject* b) {
  Py_ssize_t i = PySequence_Index(a, b);
  return i == -1 && error_set(ts) ? Ref<>() : int_from_ssize(ts, i);
}
Ref<> m_count_of(ThreadState& ts, PyObject*, PyObject* a, PyObject* b) {
  Py_ssize_t n = PySequence_Count(a, b);
  return n < 0 ? Ref<>() : int_from_ssize(ts, n);
}
Ref<> m_getitem(ThreadState& ts, PyObject*, PyObject* a, PyObject* b) { return object_getitem(ts, a, b); }
Status m_setitem(ThreadState& ts, PyObject*, PyObject* a, PyObject* b, PyObject* c) { return object_setitem(ts, a, b, c); }
Status m_delitem(ThreadState& ts, PyObject*, PyObject* a, PyObject* b) { return object_delitem(ts, a, b); }
Ref<> m_length_hint(ThreadState& ts, PyObject*, PyObject* o, Py_ssize_t fallback) {
  Py_ssize_t n;
  return failed(object_length_hint(ts, o, fallback, &n)) ? Ref<>() : int_from_ssize(ts, n);
}
PyObject* m_call(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (!check_count(ts, "call", n, 1, PY_SSIZE_T_MAX)) return nullptr;
  return object_vectorcall(ts, args[0], args + 1, static_cast<size_t>(n - 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, kwnames).release();
}

// Looks at every byte of b whatever a is, so that the time tells nothing about where they differ.
bool digests_equal(const uint8_t* a, Py_ssize_t na, const uint8_t* b, Py_ssize_t nb) {
  const volatile uint8_t* left = na == nb ? a : b;
  const volatile uint8_t* right = b;
  volatile uint8_t difference = na == nb ? 0 : 1;
  for (Py_ssize_t i = 0; i < nb; ++i) difference = static_cast<uint8_t>(difference | (left[i] ^ right[i]));
  return difference == 0;
}
Tri m_compare_digest(ThreadState& ts, PyObject*, PyObject* a, PyObject* b) {
  if (is_str(a) && is_str(b)) {
    if (!str_is_ascii(a) || !str_is_ascii(b)) {
      return raise(ts, PyExc_TypeError, "comparing strings with non-ASCII characters is not supported");
    }
    return tri(digests_equal(static_cast<uint8_t*>(str_data(a)), str_length(a), static_cast<uint8_t*>(str_data(b)), str_length(b)));
  }
  if (!PyObject_CheckBuffer(a) && !PyObject_CheckBuffer(b)) {
    return raise(ts, PyExc_TypeError, "unsupported operand types(s) or combination of types: '%.100s' and '%.100s'",
                 a->ob_type->tp_name, b->ob_type->tp_name);
  }
  BufferArg x, y;
  for (auto [o, arg] : {std::pair{a, &x}, std::pair{b, &y}}) {
    if (PyObject_GetBuffer(o, &arg->view, PyBUF_SIMPLE) < 0) return Tri::kError;
    if (arg->view.ndim > 1) return raise(ts, PyExc_BufferError, "Buffer must be single dimension");
  }
  return tri(digests_equal(x.data(), x.size(), y.data(), y.size()));
}

// ---- itemgetter and attrgetter -----------------------------------------------------------------------------------

struct Getter {
  PyObject ob_base;
  PyObject* given;  // tuple of the arguments
  PyObject* path;   // attrgetter: tuple of tuples of interned names
  vectorcallfunc vectorcall;
};
Getter* as_getter(PyObject* o) { return reinterpret_cast<Getter*>(o); }
using GetterFields = OwnedFields<Getter, &Getter::given, &Getter::path>;

// get(i): the result for argument number i.
template <class F>
Ref<> one_or_tuple(ThreadState& ts, Py_ssize_t n, F get) {
  if (n == 1) return get(0);
  Ref<> t = tuple_new(ts, n);
  if (!t) return {};
  for (Py_ssize_t i = 0; i < n; ++i) {
    Ref<> v = get(i);
    if (!v) return {};
    tuple_items(t.get())[i] = v.release();
  }
  return t;
}
bool one_object(ThreadState& ts, const char* name, size_t nargsf, PyObject* kwnames) {
  return no_keyword_names(ts, name, kwnames) && check_count(ts, name, PyVectorcall_NARGS(nargsf), 1, 1);
}

PyObject* itemgetter_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (!one_object(ts, "itemgetter", nargsf, kwnames)) return nullptr;
  PyObject* o = args[0];
  PyObject* keys = as_getter(self)->given;
  return one_or_tuple(ts, tuple_size(keys), [&](Py_ssize_t i) -> Ref<> {
    PyObject* key = tuple_peek(keys, i);
    if (is_exact_tuple(o) && is_exact_int(key) && int_is_compact(key)) {
      Py_ssize_t at = int_compact_value(key);
      if (at >= 0 && at < tuple_size(o)) return dup(tuple_peek(o, at));
    }
    return object_getitem(ts, o, key);
  }).release();
}

// A getter takes one argument at least, and says so as if it took exactly one.
bool some_argument(ThreadState& ts, const char* name, Py_ssize_t n) {
  if (n >= 1) return true;
  (void)raise(ts, PyExc_TypeError, "%s expected 1 argument, got 0", name);
  return false;
}

PyObject* itemgetter_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (!no_keywords(ts, "itemgetter", type, &atoll_itemgetter_type, kwargs)) return nullptr;
  if (!some_argument(ts, "itemgetter", tuple_size(args))) return nullptr;
  auto g = new_instance<Getter>(ts, type, &atoll_itemgetter_type);
  if (!g) return nullptr;
  g->given = new_ref(args);
  g->vectorcall = itemgetter_vectorcall;
  return obj(g.release());
}

PyObject* attrgetter_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ThreadState& ts = current_thread();
  if (!one_object(ts, "attrgetter", nargsf, kwnames)) return nullptr;
  PyObject* path = as_getter(self)->path;
  return one_or_tuple(ts, tuple_size(path), [&](Py_ssize_t i) -> Ref<> {
    PyObject* names = tuple_peek(path, i);
    Ref<> o = dup(args[0]);
    for (Py_ssize_t k = 0; o && k < tuple_size(names); ++k) o = object_getattr(ts, o.get(), tuple_peek(names, k));
    return o;
  }).release();
}

// "a.b" as the interned names a and b.
Ref<> dotted_names(ThreadState& ts, PyObject* text) {
  Ref<> parts = list_new(ts, 0);
  if (!parts) return {};
  Py_ssize_t start = 0, n = str_length(text);
  for (Py_ssize_t i = 0; i <= n; ++i) {
    if (i < n && str_at(text, i) != '.') continue;
    Ref<> part = str_substring(ts, text, start, i);
    if (!part) return {};
    str_intern(ts, &part);
    if (failed(list_append(ts, parts.get(), std::move(part)))) return {};
    start = i + 1;
  }
  return list_as_tuple(ts, parts.get());
}

PyObject* attrgetter_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (!no_keywords(ts, "attrgetter", type, &atoll_attrgetter_type, kwargs)) return nullptr;
  Py_ssize_t n = tuple_size(args);
  if (!some_argument(ts, "attrgetter", n)) return nullptr;
  Ref<> path = tuple_new(ts, n);
  if (!path) return nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (!is_str(tuple_peek(args, i))) return raise(ts, PyExc_TypeError, "attribute name must be a string");
    Ref<> names = dotted_names(ts, tuple_peek(args, i));
    if (!names) return nullptr;
    tuple_items(path.get())[i] = names.release();
  }
  auto g = new_instance<Getter>(ts, type, &atoll_attrgetter_type);
  if (!g) return nullptr;
  g->given = new_ref(args);
  g->path = path.release();
  g->vectorcall = attrgetter_vectorcall;
  return obj(g.release());
}

Ref<> getter_repr(ThreadState& ts, PyObject* o) {
  int seen = repr_enter(ts, o);
  if (seen != 0) return seen > 0 ? str_format(ts, "%s(...)", o->ob_type->tp_name) : Ref<>();
  ScopeGuard leave([&] { repr_leave(ts, o); });
  PyObject* given = as_getter(o)->given;
  if (tuple_size(given) == 1) return str_format(ts, "%s(%R)", o->ob_type->tp_name, tuple_peek(given, 0));
  return str_format(ts, "%s%R", o->ob_type->tp_name, given);
}
Ref<> getter_reduce(ThreadState& ts, Getter* g) { return tuple_of(ts, g->ob_base.ob_type, g->given); }
constexpr MethodSpec kGetterMethods[] = {
    ATOLL_METHOD_PLAIN(getter_reduce, "__reduce__", "($self, /)", "Helper for pickle."), ATOLL_METHOD_END};

// ---- methodcaller ------------------------------------------------------------------------------------------------

struct MethodCaller {
  PyObject ob_base;
  PyObject* name;
  PyObject* args;    // tuple
  PyObject* kwargs;  // dict, or NULL
};
MethodCaller* as_caller(PyObject* o) { return reinterpret_cast<MethodCaller*>(o); }
using CallerFields = OwnedFields<MethodCaller, &MethodCaller::name, &MethodCaller::args, &MethodCaller::kwargs>;

PyObject* methodcaller_tp_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (tuple_size(args) < 1) return raise(ts, PyExc_TypeError, "methodcaller needs at least one argument, the method name");
  PyObject* given = tuple_peek(args, 0);
  if (!is_str(given)) return raise(ts, PyExc_TypeError, "method name must be a string");
  Ref<> name = dup(given);
  if (is_exact_str(given)) str_intern(ts, &name);
  Ref<> rest = tuple_slice(ts, args, 1, tuple_size(args));
  if (!rest) return nullptr;
  auto c = new_instance<MethodCaller>(ts, type, &atoll_methodcaller_type);
  if (!c) return nullptr;
  c->name = name.release();
  c->args = rest.release();
  c->kwargs = kwargs != nullptr && dict_size(kwargs) != 0 ? new_ref(kwargs) : nullptr;
  return obj(c.release());
}
PyObject* methodcaller_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  if (kwargs != nullptr && dict_size(kwargs) != 0) return raise(ts, PyExc_TypeError, "methodcaller() takes no keyword arguments");
  if (!check_count(ts, "methodcaller", tuple_size(args), 1, 1)) return nullptr;
  MethodCaller* c = as_caller(self);
  Ref<> method = object_getattr(ts, tuple_peek(args, 0), c->name);
  return method ? object_call(ts, method.get(), c->args, c->kwargs).release() : nullptr;
}
Ref<> methodcaller_repr(ThreadState& ts, PyObject* o) {
  int seen = repr_enter(ts, o);
  const char* type = o->ob_type->tp_name;
  if (seen != 0) return seen > 0 ? str_format(ts, "%s(...)", type) : Ref<>();
  ScopeGuard leave([&] { repr_leave(ts, o); });
  MethodCaller* c = as_caller(o);
  StrWriter w(ts);
  Ref<> head = str_format(ts, "%s(%R", type, c->name);
  if (!head || failed(w.write(head.get()))) return {};
  for (Py_ssize_t i = 0; i < tuple_size(c->args); ++i) {
    if (failed(w.write_ascii(", ")) || failed(w.write_repr(tuple_peek(c->args, i)))) return {};
  }
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (c->kwargs != nullptr && dict_next(c->kwargs, &pos, &key, &value)) {
    Ref<> k = dup(key), v = dup(value);
    if (failed(w.write_ascii(", ")) || failed(w.write_str(k.get())) || failed(w.put('=')) || failed(w.write_repr(v.get()))) return {};
  }
  if (failed(w.put(')'))) return {};
  return w.finish();
}
Ref<> methodcaller_reduce(ThreadState& ts, MethodCaller* c) {
  PyObject* type = obj(c->ob_base.ob_type);
  if (c->kwargs == nullptr) {
    Py_ssize_t n = tuple_size(c->args);
    Ref<> args = tuple_new(ts, n + 1);
    if (!args) return {};
    tuple_items(args.get())[0] = new_ref(c->name);
    for (Py_ssize_t i = 0; i < n; ++i) tuple_items(args.get())[i + 1] = new_ref(tuple_peek(c->args, i));
    return tuple_of(ts, type, args.get());
  }
  // Keywords travel in a partial.
  Ref<> partial_args = tuple_of(ts, type, c->name);
  Ref<> partial = partial_args ? object_call(ts, obj(&atoll_partial_type), partial_args.get(), c->kwargs) : Ref<>();
  return partial ? tuple_of(ts, partial.get(), c->args) : Ref<>();
}
constexpr MethodSpec kCallerMethods[] = {
    ATOLL_METHOD_PLAIN(methodcaller_reduce, "__reduce__", "($self, /)", "Helper for pickle."), ATOLL_METHOD_END};

// ---- the module --------------------------------------------------------------------------------------------------

#define ATOLL_OP2(fn, name, doc) ATOLL_METHOD(fn, name, "($module, a, b, /)", doc)
#define ATOLL_OP1(fn, name, doc) ATOLL_METHOD(fn, name, "($module, a, /)", doc)

constexpr MethodSpec kFunctions[] = {
    ATOLL_OP1(m_truth, "truth", "True if a is true, False otherwise."),
    ATOLL_OP2(m_contains, "contains", "Same as b in a (note reversed operands)."),
    ATOLL_OP2(m_index_of, "indexOf", "The first index of b in a."),
    ATOLL_OP2(m_count_of, "countOf", "How often b occurs in a."),
    ATOLL_OP2(m_is, "is_", "Same as a is b."),
    ATOLL_OP2(m_is_not, "is_not", "Same as a is not b."),
    ATOLL_OP2(binary<BinaryOp::kAdd>, "add", "Same as a + b."),
    ATOLL_OP2(binary<BinaryOp::kSub>, "sub", "Same as a - b."),
    ATOLL_OP2(binary<BinaryOp::kMul>, "mul", "Same as a * b."),
    ATOLL_OP2(binary<BinaryOp::kMatMul>, "matmul", "Same as a @ b."),
    ATOLL_OP2(binary<BinaryOp::kFloorDiv>, "floordiv", "Same as a // b."),
    ATOLL_OP2(binary<BinaryOp::kTrueDiv>, "truediv", "Same as a / b."),
    ATOLL_OP2(binary<BinaryOp::kMod>, "mod", "Same as a % b."),
    ATOLL_OP1(unary<number_negative>, "neg", "Same as -a."),
    ATOLL_OP1(unary<number_positive>, "pos", "Same as +a."),
    ATOLL_OP1(unary<number_absolute>, "abs", "Same as abs(a)."),
    ATOLL_OP1(unary<number_invert>, "inv", "Same as ~a."),
    ATOLL_OP1(unary<number_invert>, "invert", "Same as ~a."),
    ATOLL_OP1(unary<number_index>, "index", "Same as a.__index__()"),
    ATOLL_OP1(m_not, "not_", "Same as not a."),
    ATOLL_OP2(binary<BinaryOp::kAnd>, "and_", "Same as a & b."),
    ATOLL_OP2(binary<BinaryOp::kXor>, "xor", "Same as a ^ b."),
    ATOLL_OP2(binary<BinaryOp::kOr>, "or_", "Same as a | b."),
    ATOLL_OP2(binary<BinaryOp::kLShift>, "lshift", "Same as a << b."),
    ATOLL_OP2(binary<BinaryOp::kRShift>, "rshift", "Same as a >> b."),
    ATOLL_OP2(m_pow, "pow", "Same as a ** b."),
    ATOLL_OP2(inplace<BinaryOp::kAdd>, "iadd", "Same as a += b."),
    ATOLL_OP2(inplace<BinaryOp::kSub>, "isub", "Same as a -= b."),
    ATOLL_OP2(inplace<BinaryOp::kMul>, "imul", "Same as a *= b."),
    ATOLL_OP2(inplace<BinaryOp::kMatMul>, "imatmul", "Same as a @= b."),
    ATOLL_OP2(inplace<BinaryOp::kFloorDiv>, "ifloordiv", "Same as a //= b."),
    ATOLL_OP2(inplace<BinaryOp::kTrueDiv>, "itruediv", "Same as a /= b."),
    ATOLL_OP2(inplace<BinaryOp::kMod>, "imod", "Same as a %= b."),
    ATOLL_OP2(inplace<BinaryOp::kLShift>, "ilshift", "Same as a <<= b."),
    ATOLL_OP2(inplace<BinaryOp::kRShift>, "irshift", "Same as a >>= b."),
    ATOLL_OP2(inplace<BinaryOp::kAnd>, "iand", "Same as a &= b."),
    ATOLL_OP2(inplace<BinaryOp::kXor>, "ixor", "Same as a ^= b."),
    ATOLL_OP2(inplace<BinaryOp::kOr>, "ior", "Same as a |= b."),
    ATOLL_OP2(m_ipow, "ipow", "Same as a **= b."),
    ATOLL_OP2(m_concat, "concat", "Same as a + b, for a and b sequences."),
    ATOLL_OP2(m_iconcat, "iconcat", "Same as a += b, for a and b sequences."),
    ATOLL_OP2(m_getitem, "getitem", "Same as a[b]."),
    ATOLL_METHOD(m_setitem, "setitem", "($module, a, b, c, /)", "Same as a[b] = c."),
    ATOLL_OP2(m_delitem, "delitem", "Same as del a[b]."),
    ATOLL_OP2(compare<Py_EQ>, "eq", "Same as a == b."),
    ATOLL_OP2(compare<Py_NE>, "ne", "Same as a != b."),
    ATOLL_OP2(compare<Py_LT>, "lt", "Same as a < b."),
    ATOLL_OP2(compare<Py_LE>, "le", "Same as a <= b."),
    ATOLL_OP2(compare<Py_GT>, "gt", "Same as a > b."),
    ATOLL_OP2(compare<Py_GE>, "ge", "Same as a >= b."),
    ATOLL_OP2(m_compare_digest, "_compare_digest",
              "Return 'a == b', in a time that does not depend on where they differ.\n\n"
              "Both are bytes-like objects, or strings of ASCII characters."),
    ATOLL_METHOD(m_length_hint, "length_hint", "($module, obj, default=0, /)",
                 "An estimate of the number of items in obj: its length, or what __length_hint__ says."),
    ATOLL_METHOD_RAW(m_call, "call", METH_FASTCALL | METH_KEYWORDS,
                     "call($module, obj, /, *args, **kwargs)\n--\n\nSame as obj(*args, **kwargs)."),
    ATOLL_METHOD_END};

int exec(PyObject* module) {
  for (PyTypeObject* type : {&atoll_itemgetter_type, &atoll_attrgetter_type, &atoll_methodcaller_type}) {
    if (PyModule_AddType(module, type) < 0) return -1;
  }
  return 0;
}

}  // namespace

constinit const TypeSpec operator_itemgetter_spec{
    .name = "operator.itemgetter",
    .doc = "itemgetter(item, ...) --> itemgetter object\n\n"
           "A callable that fetches the given items: after f = itemgetter(2), f(r) is r[2];\n"
           "after g = itemgetter(2, 5, 3), g(r) is (r[2], r[5], r[3]).",
    .basicsize = sizeof(Getter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .dealloc = GetterFields::dealloc,
    .traverse = GetterFields::traverse,
    .clear = GetterFields::clear,
    .repr = ATOLL_SLOT(getter_repr),
    .call = PyVectorcall_Call,
    .getattro = PyObject_GenericGetAttr,
    .new_ = itemgetter_tp_new,
    .vectorcall_offset = offsetof(Getter, vectorcall),
    .methods = kGetterMethods,
};
constinit const TypeSpec operator_attrgetter_spec{
    .name = "operator.attrgetter",
    .doc = "attrgetter(attr, ...) --> attrgetter object\n\n"
           "A callable that fetches the given attributes: after f = attrgetter('name'), f(r)\n"
           "is r.name; after g = attrgetter('name', 'date.year'), g(r) is\n"
           "(r.name, r.date.year).",
    .basicsize = sizeof(Getter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .dealloc = GetterFields::dealloc,
    .traverse = GetterFields::traverse,
    .clear = GetterFields::clear,
    .repr = ATOLL_SLOT(getter_repr),
    .call = PyVectorcall_Call,
    .getattro = PyObject_GenericGetAttr,
    .new_ = attrgetter_tp_new,
    .vectorcall_offset = offsetof(Getter, vectorcall),
    .methods = kGetterMethods,
};
constinit const TypeSpec operator_methodcaller_spec{
    .name = "operator.methodcaller",
    .doc = "methodcaller(name, ...) --> methodcaller object\n\n"
           "A callable that calls the given method: after f = methodcaller('name', 'x', y=1),\n"
           "f(r) is r.name('x', y=1).",
    .basicsize = sizeof(MethodCaller),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .dealloc = CallerFields::dealloc,
    .traverse = CallerFields::traverse,
    .clear = CallerFields::clear,
    .repr = ATOLL_SLOT(methodcaller_repr),
    .call = methodcaller_call,
    .getattro = PyObject_GenericGetAttr,
    .new_ = methodcaller_tp_new,
    .methods = kCallerMethods,
};

}  // namespace atl

ATOLL_SEALED PyTypeObject atoll_itemgetter_type = {};
ATOLL_SEALED PyTypeObject atoll_attrgetter_type = {};
ATOLL_SEALED PyTypeObject atoll_methodcaller_type = {};

ATOLL_BUILTIN_MODULE(PyInit__operator, "_operator",
                     "Operator interface.\n\n"
                     "Functions for the operators of the language: operator.add(x, y) is x + y.",
                     0, atl::kFunctions, atl::exec)
