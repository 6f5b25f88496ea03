// From C++ functions to C entry points: methods, slots, getters.
//
// A method is written as a plain C++ function and described by its Python signature:
//
//   Ref<> str_zfill(ThreadState& ts, PyUnicodeObject* self, Py_ssize_t width);
//   constexpr MethodSpec kMethods[] = {
//       ATOLL_METHOD(str_zfill, "zfill", "($self, width, /)", "Pad with zeros on the left."),
//       ...
//       ATOLL_METHOD_END};
//
// The signature is parsed at compile time; the entry point made from it unpacks and converts the arguments with the
// messages of 3.11, and converts the result. Parameter types: PyObject* (borrowed; NULL when an optional argument is
// missing), Py_ssize_t, int, bool, double, and whatever else has an ArgTraits<T>. Optional arguments of the other
// types take their default from the signature text (an integer, True, False), so it must stand there as a literal.
// Results: Ref<T>, Status (None), Tri (bool). Class and static methods: ATOLL_CLASSMETHOD (self is the type),
// ATOLL_STATICMETHOD (self is NULL). Functions with *args or unusual argument rules use ATOLL_METHOD_RAW with a C
// function of the vectorcall form.
//
// ATOLL_SLOT(f) makes the C slot function from a C++ function whose first parameter is ThreadState&: object
// pointers become PyObject*, Ref<T> PyObject*, Status and Tri int.
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "Objects/errors.h"
#include "Python/runtime/interpreter.h"

namespace atl {

// Same layout as PyMethodDef, but a constant expression whatever the entry point's type is.
struct MethodSpec {
  using Fast = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);
  using FastKeywords = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);
  using Keywords = PyObject* (*)(PyObject*, PyObject*, PyObject*);
  union Entry {
    PyCFunction plain;
    Fast fast;
    FastKeywords fast_keywords;
    Keywords keywords;
    constexpr Entry(PyCFunction f) : plain(f) {}
    constexpr Entry(Fast f) : fast(f) {}
    constexpr Entry(FastKeywords f) : fast_keywords(f) {}
    constexpr Entry(Keywords f) : keywords(f) {}
  };
  const char* name = nullptr;
  Entry entry = Entry(PyCFunction{nullptr});
  int flags = 0;
  const char* doc = nullptr;

  const PyMethodDef* c() const { return reinterpret_cast<const PyMethodDef*>(this); }
};
static_assert(sizeof(MethodSpec) == sizeof(PyMethodDef));

struct MethodText {
  const char* name;
  const char* signature;
  const char* doc;
};

enum class ParamKind : uint8_t { kPositionalOnly, kPositionalOrKeyword, kKeywordOnly };

struct ParamText {
  const char* name;  // not terminated
  uint16_t name_size;
  uint16_t default_size;
  const char* default_text;  // NULL: required
  ParamKind kind;
};

// A parsed signature as the run-time binder sees it.
struct SignatureView {
  const char* function;
  const ParamText* params;
  uint16_t count;
  uint16_t positional_only;
  uint16_t positional;  // positional-only and positional-or-keyword
  uint16_t required_positional;
  uint16_t required_keyword_only;
};

// Fills out[0..count-1] (borrowed; NULL where an optional argument is missing). False with TypeError set.
bool bind_arguments(ThreadState& ts, const SignatureView& sig, PyObject* const* args, Py_ssize_t n, PyObject* kwnames,
                    PyObject** out);
// The same for tp_new / tp_init style calls.
bool bind_tuple_and_dict(ThreadState& ts, const SignatureView& sig, PyObject* args, PyObject* kwargs, PyObject** out);

// Where a converter stands, for its message: "f() argument 2 must be str, not int".
struct ArgPlace {
  const SignatureView* sig;
  unsigned index;
};
// "<function>() argument [N|'name'] must be <expected>, not <type>"
Raised raise_bad_argument(ThreadState& ts, const ArgPlace& place, const char* expected, PyObject* given);

// Converts one argument. Specialise for further types: `static bool convert(ThreadState&, PyObject*, const ArgPlace&, T*)`.
template <class T>
struct ArgTraits;

bool convert_ssize(ThreadState& ts, PyObject* o, const ArgPlace& place, Py_ssize_t* out);
bool convert_int(ThreadState& ts, PyObject* o, const ArgPlace& place, int* out);
bool convert_bool(ThreadState& ts, PyObject* o, const ArgPlace& place, bool* out);
bool convert_double(ThreadState& ts, PyObject* o, const ArgPlace& place, double* out);
bool convert_str(ThreadState& ts, PyObject* o, const ArgPlace& place, PyUnicodeObject** out);

template <>
struct ArgTraits<Py_ssize_t> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, Py_ssize_t* out) { return convert_ssize(ts, o, p, out); }
};
template <>
struct ArgTraits<int> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, int* out) { return convert_int(ts, o, p, out); }
};
template <>
struct ArgTraits<bool> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, bool* out) { return convert_bool(ts, o, p, out); }
};
template <>
struct ArgTraits<double> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, double* out) { return convert_double(ts, o, p, out); }
};
// A str argument ("must be str, not int"); NULL when optional and missing.
template <>
struct ArgTraits<PyUnicodeObject*> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, PyUnicodeObject** out) { return convert_str(ts, o, p, out); }
};

// A bytes-like argument: a contiguous buffer, released at the end of the call.
struct BufferArg {
  Py_buffer view{};
  BufferArg() = default;
  BufferArg(const BufferArg&) = delete;
  BufferArg& operator=(const BufferArg&) = delete;
  ~BufferArg() {
    if (view.obj != nullptr) PyBuffer_Release(&view);
  }
  const uint8_t* data() const { return static_cast<const uint8_t*>(view.buf); }
  Py_ssize_t size() const { return view.len; }
};
bool convert_buffer(ThreadState& ts, PyObject* o, const ArgPlace& place, BufferArg* out);
template <>
struct ArgTraits<BufferArg> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, BufferArg* out) { return convert_buffer(ts, o, p, out); }
};

namespace bind_detail {

constexpr bool is_space(char c) { return c == ' ' || c == '\n'; }

// Number of parameters in "($self, a, /, b=1, *, c)", without the $ one.
constexpr size_t count_params(const char* s) {
  size_t n = 0;
  int depth = 0;
  bool word = false, dollar = false;
  char quote = 0;
  for (; *s; ++s) {
    char c = *s;
    if (quote) {
      if (c == quote) quote = 0;
      continue;
    }
    if (c == '\'' || c == '"') quote = c;
    if (c == '(' || c == '[' || c == '{') {
      if (++depth == 1) continue;
    }
    bool end = (c == ',' && depth == 1);
    if (c == ')' || c == ']' || c == '}') {
      if (--depth == 0) end = true;
    }
    if (end) {
      if (word && !dollar) ++n;
      word = dollar = false;
      continue;
    }
    if (c == '$') dollar = true;
    if (!is_space(c) && c != '/' && c != '*') word = true;
  }
  return n;
}

template <size_t N>
struct Parsed {
  std::array<ParamText, N == 0 ? 1 : N> params{};
  uint16_t positional_only = 0, positional = 0, required_positional = 0, required_keyword_only = 0;
};

template <size_t N>
constexpr Parsed<N> parse_signature(const char* s) {
  Parsed<N> r;
  size_t n = 0;
  int depth = 0;
  char quote = 0;
  bool keyword_only = false;
  const char* start = nullptr;
  const char* equal = nullptr;
  for (;; ++s) {
    char c = *s;
    if (c == 0) break;
    bool end = false;
    if (quote) {
      if (c == quote) quote = 0;
    } else {
      if (c == '\'' || c == '"') quote = c;
      if (c == '(' || c == '[' || c == '{') {
        if (++depth == 1) {
          start = s + 1;
          continue;
        }
      }
      end = (c == ',' && depth == 1);
      if (c == ')' || c == ']' || c == '}') {
        if (--depth == 0) end = true;
      }
      if (c == '=' && depth == 1 && equal == nullptr) equal = s;
    }
    if (!end) continue;
    while (start < s && is_space(*start)) ++start;
    const char* stop = s;
    while (stop > start && is_space(stop[-1])) --stop;
    if (stop > start) {
      if (*start == '$') {
      } else if (*start == '/') {
        r.positional_only = static_cast<uint16_t>(n);
        for (size_t i = 0; i < n; ++i) r.params[i].kind = ParamKind::kPositionalOnly;
      } else if (*start == '*') {
        keyword_only = true;
      } else {
        ParamText& p = r.params[n++];
        const char* name_end = equal ? equal : stop;
        while (name_end > start && is_space(name_end[-1])) --name_end;
        p.name = start;
        p.name_size = static_cast<uint16_t>(name_end - start);
        if (equal) {
          const char* d = equal + 1;
          while (d < stop && is_space(*d)) ++d;
          p.default_text = d;
          p.default_size = static_cast<uint16_t>(stop - d);
        }
        p.kind = keyword_only ? ParamKind::kKeywordOnly : ParamKind::kPositionalOrKeyword;
        if (keyword_only) {
          if (!equal) ++r.required_keyword_only;
        } else {
          ++r.positional;
          if (!equal) ++r.required_positional;
        }
      }
    }
    start = s + 1;
    equal = nullptr;
    if (depth == 0) break;
  }
  return r;
}

template <class T>
constexpr T default_value(const ParamText& p) {
  if constexpr (std::is_pointer_v<T>) {
    return nullptr;
  } else if constexpr (std::is_same_v<T, bool>) {
    return p.default_text[0] == 'T';
  } else if constexpr (std::is_arithmetic_v<T>) {
    std::string_view text(p.default_text, p.default_size);
    if (text == "sys.maxsize") return static_cast<T>(PY_SSIZE_T_MAX);
    bool negative = false;
    size_t i = 0;
    if (text[0] == '-') {
      negative = true;
      i = 1;
    }
    T value = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) value = value * 10 + (text[i] - '0');
    return negative ? -value : value;
  } else {
    return T{};
  }
}

template <class F>
struct FunctionTraits;
template <class R, class S, class... A>
struct FunctionTraits<R (*)(ThreadState&, S*, A...)> {
  using Result = R;
  using Self = S;
  static constexpr size_t kArity = sizeof...(A);
  template <size_t I>
  using Arg = std::tuple_element_t<I, std::tuple<std::remove_cvref_t<A>...>>;
};

template <class T>
ATOLL_INLINE PyObject* to_python(Ref<T>&& r) {
  return obj(r.release());
}
ATOLL_INLINE PyObject* to_python(Status s) { return failed(s) ? nullptr : new_ref(Py_None); }
ATOLL_INLINE PyObject* to_python(Tri t) {
  if (failed(t)) return nullptr;
  return new_ref(t == Tri::kTrue ? Py_True : Py_False);
}

template <class T>
ATOLL_INLINE bool convert_one(ThreadState& ts, PyObject* given, const ArgPlace& place, T* out) {
  if constexpr (std::is_same_v<T, PyObject*>) {
    *out = given;
    return true;
  } else {
    if (given == nullptr) {
      if constexpr (std::is_copy_assignable_v<T>) *out = default_value<T>(place.sig->params[place.index]);
      return true;
    }
    return ArgTraits<T>::convert(ts, given, place, out);
  }
}

template <auto Fn, class Text>
struct Entry {
  using Traits = FunctionTraits<decltype(Fn)>;
  using Self = typename Traits::Self;
  static constexpr MethodText kText = Text{}();
  static constexpr size_t kCount = count_params(kText.signature);
  static_assert(kCount == Traits::kArity, "the signature and the function have different numbers of parameters");
  static constexpr Parsed<kCount> kParsed = parse_signature<kCount>(kText.signature);
  static constexpr SignatureView kView{kText.name,
                                       kParsed.params.data(),
                                       static_cast<uint16_t>(kCount),
                                       kParsed.positional_only,
                                       kParsed.positional,
                                       kParsed.required_positional,
                                       kParsed.required_keyword_only};
  static constexpr bool kAllPositionalOnly = kParsed.positional_only == kCount;
  static constexpr bool kOneArgument = kCount == 1 && kAllPositionalOnly && kParsed.required_positional == 1;
  static constexpr int kFlags = kCount == 0          ? METH_NOARGS
                                : kOneArgument       ? METH_O
                                : kAllPositionalOnly ? METH_FASTCALL
                                                     : METH_FASTCALL | METH_KEYWORDS;

  template <size_t... I>
  ATOLL_INLINE static PyObject* run(ThreadState& ts, PyObject* self, PyObject* const* v, std::index_sequence<I...>) {
    std::tuple<typename Traits::template Arg<I>...> values;
    if (!(convert_one(ts, v[I], ArgPlace{&kView, static_cast<unsigned>(I)}, &std::get<I>(values)) && ...)) return nullptr;
    return to_python(Fn(ts, reinterpret_cast<Self*>(self), std::get<I>(values)...));
  }
  // The common case of a call without names: false if it needs bind_arguments.
  ATOLL_INLINE static bool fill(PyObject* const* args, Py_ssize_t n, PyObject** v) {
    if (n < kParsed.required_positional || n > kParsed.positional || kParsed.required_keyword_only != 0) return false;
    for (Py_ssize_t i = 0; i < static_cast<Py_ssize_t>(kCount); ++i) v[i] = i < n ? args[i] : nullptr;
    return true;
  }
  static PyObject* no_args(PyObject* self, PyObject*) {
    ThreadState& ts = current_thread();
    if constexpr (kCount == 0) {
      return to_python(Fn(ts, reinterpret_cast<Self*>(self)));
    } else {
      return nullptr;
    }
  }
  static PyObject* one(PyObject* self, PyObject* arg) {
    ThreadState& ts = current_thread();
    PyObject* v[1] = {arg};
    if constexpr (kCount == 1) {
      return run(ts, self, v, std::make_index_sequence<1>{});
    } else {
      return nullptr;
    }
  }
  static PyObject* fast(PyObject* self, PyObject* const* args, Py_ssize_t n) {
    ThreadState& ts = current_thread();
    if (n == static_cast<Py_ssize_t>(kCount)) return run(ts, self, args, std::make_index_sequence<kCount>{});
    PyObject* v[kCount + 1];
    if (fill(args, n, v)) return run(ts, self, v, std::make_index_sequence<kCount>{});
    if (!bind_arguments(ts, kView, args, n, nullptr, v)) return nullptr;
    return run(ts, self, v, std::make_index_sequence<kCount>{});
  }
  static PyObject* fast_keywords(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
    ThreadState& ts = current_thread();
    PyObject* v[kCount + 1];
    if (kwnames == nullptr && fill(args, n, v)) return run(ts, self, v, std::make_index_sequence<kCount>{});
    if (!bind_arguments(ts, kView, args, n, kwnames, v)) return nullptr;
    return run(ts, self, v, std::make_index_sequence<kCount>{});
  }
  static constexpr MethodSpec::Entry entry() {
    if constexpr (kCount == 0) {
      return &no_args;
    } else if constexpr (kOneArgument) {
      return &one;
    } else if constexpr (kAllPositionalOnly) {
      return &fast;
    } else {
      return &fast_keywords;
    }
  }
};

template <auto Fn, class Text>
constexpr MethodSpec method_def(Text, int more_flags) {
  using E = Entry<Fn, Text>;
  return MethodSpec{E::kText.name, E::entry(), E::kFlags | more_flags, E::kText.doc};
}

// tp_new / tp_init style entry from a C++ function with a signature.
template <auto Fn, class Text>
struct TupleEntry {
  using E = Entry<Fn, Text>;
  static PyObject* make(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    ThreadState& ts = current_thread();
    PyObject* v[E::kCount + 1];
    if (!bind_tuple_and_dict(ts, E::kView, args, kwargs, v)) return nullptr;
    return E::run(ts, obj(type), v, std::make_index_sequence<E::kCount>{});
  }
  static int init(PyObject* self, PyObject* args, PyObject* kwargs) {
    ThreadState& ts = current_thread();
    PyObject* v[E::kCount + 1];
    if (!bind_tuple_and_dict(ts, E::kView, args, kwargs, v)) return -1;
    PyObject* r = E::run(ts, self, v, std::make_index_sequence<E::kCount>{});
    if (r == nullptr) return -1;
    decref(r);
    return 0;
  }
};

// ---- slots -----------------------------------------------------------------------------------------------------

template <class T>
struct SlotParam {
  using C = T;
  static T from(C c) { return c; }
};
template <class T>
  requires ObjectStruct<T>
struct SlotParam<T*> {
  using C = std::conditional_t<std::is_same_v<T, PyTypeObject>, PyTypeObject*, PyObject*>;
  static T* from(C c) { return reinterpret_cast<T*>(c); }
};
template <class R>
struct SlotResult;
template <class T>
struct SlotResult<Ref<T>> {
  using C = PyObject*;
  static C to(Ref<T>&& r) { return obj(r.release()); }
};
template <>
struct SlotResult<Status> {
  using C = int;
  static C to(Status s) { return static_cast<int>(s); }
};
template <>
struct SlotResult<Tri> {
  using C = int;
  static C to(Tri s) { return static_cast<int>(s); }
};
template <>
struct SlotResult<void> {
  using C = void;
};
template <>
struct SlotResult<Py_ssize_t> {  // lengths and hashes: -1 with an exception set is the error
  using C = Py_ssize_t;
  static C to(Py_ssize_t s) { return s; }
};
template <>
struct SlotResult<int> {
  using C = int;
  static C to(int s) { return s; }
};

template <auto Fn, class F = decltype(Fn)>
struct SlotEntry;
template <auto Fn, class R, class... A>
struct SlotEntry<Fn, R (*)(ThreadState&, A...)> {
  static typename SlotResult<R>::C entry(typename SlotParam<A>::C... a) {
    if constexpr (std::is_void_v<R>) {
      Fn(current_thread(), SlotParam<A>::from(a)...);
    } else {
      return SlotResult<R>::to(Fn(current_thread(), SlotParam<A>::from(a)...));
    }
  }
};

template <auto Fn, class F = decltype(Fn)>
struct GetterEntry;
template <auto Fn, class R, class S>
struct GetterEntry<Fn, R (*)(ThreadState&, S*)> {
  static PyObject* entry(PyObject* self, void*) { return to_python(Fn(current_thread(), reinterpret_cast<S*>(self))); }
};
template <auto Fn, class F = decltype(Fn)>
struct SetterEntry;
template <auto Fn, class S>
struct SetterEntry<Fn, Status (*)(ThreadState&, S*, PyObject*)> {  // value NULL: delete
  static int entry(PyObject* self, PyObject* value, void*) {
    return static_cast<int>(Fn(current_thread(), reinterpret_cast<S*>(self), value));
  }
};

}  // namespace bind_detail

#define ATOLL_METHOD_FLAGS(fn, name, sig, doc, flags) \
  ::atl::bind_detail::method_def<&fn>([]() constexpr { return ::atl::MethodText{name, sig, name sig "\n--\n\n" doc}; }, flags)
#define ATOLL_METHOD(fn, name, sig, doc) ATOLL_METHOD_FLAGS(fn, name, sig, doc, 0)
// The same without a __text_signature__ (where 3.11 has none).
#define ATOLL_METHOD_PLAIN_FLAGS(fn, name, sig, doc, flags) \
  ::atl::bind_detail::method_def<&fn>([]() constexpr { return ::atl::MethodText{name, sig, doc}; }, flags)
#define ATOLL_METHOD_PLAIN(fn, name, sig, doc) ATOLL_METHOD_PLAIN_FLAGS(fn, name, sig, doc, 0)
#define ATOLL_CLASSMETHOD(fn, name, sig, doc) ATOLL_METHOD_FLAGS(fn, name, sig, doc, METH_CLASS)
#define ATOLL_STATICMETHOD(fn, name, sig, doc) ATOLL_METHOD_FLAGS(fn, name, sig, doc, METH_STATIC)
// cfn: any PyMethodDef entry point, with matching METH_ flags. doc: the whole text, or NULL.
#define ATOLL_METHOD_RAW(cfn, name, flags, doc) \
  ::atl::MethodSpec { name, &cfn, flags, doc }
#define ATOLL_METHOD_END \
  ::atl::MethodSpec {}
#define ATOLL_SLOT(fn) (&::atl::bind_detail::SlotEntry<&fn>::entry)
#define ATOLL_GETTER(fn) (&::atl::bind_detail::GetterEntry<&fn>::entry)
#define ATOLL_SETTER(fn) (&::atl::bind_detail::SetterEntry<&fn>::entry)
#define ATOLL_GETSET_END \
  PyGetSetDef { nullptr, nullptr, nullptr, nullptr, nullptr }
// tp_new from `Ref<> f(ThreadState&, PyTypeObject* type, args...)`; tp_init from `Status f(ThreadState&, Self*, args...)`.
#define ATOLL_NEW(fn, name, sig) \
  (&::atl::bind_detail::TupleEntry<&fn, decltype([]() constexpr { return ::atl::MethodText{name, sig, ""}; })>::make)
#define ATOLL_INIT(fn, name, sig) \
  (&::atl::bind_detail::TupleEntry<&fn, decltype([]() constexpr { return ::atl::MethodText{name, sig, ""}; })>::init)

}  // namespace atl
