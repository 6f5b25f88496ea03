// The type complex.
#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>

#include "structmember.h"

#include "Objects/float/float.h"
#include "Objects/float/kernel_text.h"
#include "Objects/int/int.h"
#include "Objects/str/format_spec.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"

namespace atl {
namespace {

bool is_complex(const PyObject* o) { return is_instance_nocall(o, &PyComplex_Type); }
Py_complex complex_value(const PyObject* o) { return reinterpret_cast<const PyComplexObject*>(o)->cval; }
Ref<> from_value(ThreadState& ts, Py_complex v) { return new_complex(ts, v.real, v.imag); }

Py_complex product(Py_complex a, Py_complex b) {
  return {a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real};
}

// Smith's division, which keeps the intermediate results in range. False if b is zero.
bool quotient(Py_complex a, Py_complex b, Py_complex* out) {
  const double real = std::fabs(b.real), imag = std::fabs(b.imag);
  if (real >= imag) {
    if (real == 0.0) {
      *out = {0.0, 0.0};
      return false;
    }
    double ratio = b.imag / b.real, scale = b.real + b.imag * ratio;
    *out = {(a.real + a.imag * ratio) / scale, (a.imag - a.real * ratio) / scale};
  } else if (imag >= real) {
    double ratio = b.real / b.imag, scale = b.real * ratio + b.imag;
    *out = {(a.real * ratio + a.imag) / scale, (a.imag * ratio - a.real) / scale};
  } else {
    *out = {NAN, NAN};
  }
  return true;
}

// In polar form. False for zero to a negative or complex power, and where there is no angle.
bool polar_power(Py_complex a, Py_complex b, Py_complex* out) {
  if (b.real == 0.0 && b.imag == 0.0) {
    *out = {1.0, 0.0};
    return true;
  }
  if (a.real == 0.0 && a.imag == 0.0) {
    *out = {0.0, 0.0};
    return b.imag == 0.0 && b.real >= 0.0;
  }
  const double size = std::hypot(a.real, a.imag), angle = std::atan2(a.imag, a.real);
  double length = std::pow(size, b.real), phase = angle * b.real;
  if (b.imag != 0.0) {
    length /= std::exp(angle * b.imag);
    phase += b.imag * std::log(size);
  }
  *out = {length * std::cos(phase), length * std::sin(phase)};
  // Where the angle is infinite Python reports the same error as for zero.
  return !std::isinf(phase);
}

Py_complex whole_power(Py_complex a, unsigned n) {
  Py_complex result{1.0, 0.0};
  for (; n > 0; n >>= 1) {
    if (n & 1) result = product(result, a);
    a = product(a, a);
  }
  return result;
}

// kTrue and the value; kFalse if `o` is no number that arithmetic with complex takes.
Tri operand(ThreadState& ts, PyObject* o, Py_complex* out) {
  out->imag = 0.0;
  if (is_complex(o)) {
    *out = complex_value(o);
    return Tri::kTrue;
  }
  if (is_float(o)) {
    out->real = float_value(o);
    return Tri::kTrue;
  }
  if (is_int(o)) return failed(int_as_double(ts, o, &out->real)) ? Tri::kError : Tri::kTrue;
  return Tri::kFalse;
}

template <Ref<> (*Op)(ThreadState&, Py_complex, Py_complex)>
Ref<> binary(ThreadState& ts, PyObject* a, PyObject* b) {
  Py_complex x, y;
  Tri good = operand(ts, a, &x);
  if (good == Tri::kTrue) good = operand(ts, b, &y);
  if (good != Tri::kTrue) return failed(good) ? Ref<>() : not_implemented();
  return Op(ts, x, y);
}

Ref<> add(ThreadState& ts, Py_complex a, Py_complex b) {
  return new_complex(ts, a.real + b.real, a.imag + b.imag);
}
Ref<> subtract(ThreadState& ts, Py_complex a, Py_complex b) {
  return new_complex(ts, a.real - b.real, a.imag - b.imag);
}
Ref<> multiply(ThreadState& ts, Py_complex a, Py_complex b) { return from_value(ts, product(a, b)); }
Ref<> divide(ThreadState& ts, Py_complex a, Py_complex b) {
  Py_complex value;
  if (!quotient(a, b, &value)) return raise(ts, PyExc_ZeroDivisionError, "complex division by zero");
  return from_value(ts, value);
}

Ref<> pow_slot(ThreadState& ts, PyObject* a, PyObject* b, PyObject* modulus) {
  Py_complex x, y;
  Tri good = operand(ts, a, &x);
  if (good == Tri::kTrue) good = operand(ts, b, &y);
  if (good != Tri::kTrue) return failed(good) ? Ref<>() : not_implemented();
  if (modulus != Py_None) return raise(ts, PyExc_ValueError, "complex modulo");
  return complex_pow(ts, x, y);
}

Ref<> exact_complex(ThreadState& ts, PyObject* o) {
  return is_exact(o, &PyComplex_Type) ? dup(o) : from_value(ts, complex_value(o));
}
Ref<> negative(ThreadState& ts, PyObject* o) {
  Py_complex v = complex_value(o);
  return new_complex(ts, -v.real, -v.imag);
}
Ref<> absolute(ThreadState& ts, PyObject* o) {
  Py_complex v = complex_value(o);
  double size = std::hypot(v.real, v.imag);
  if (std::isinf(size) && std::isfinite(v.real) && std::isfinite(v.imag)) {
    return raise(ts, PyExc_OverflowError, "absolute value too large");
  }
  return new_float(ts, size);
}
int complex_bool(PyObject* o) {
  Py_complex v = complex_value(o);
  return v.real != 0.0 || v.imag != 0.0;
}

constexpr PyNumberMethods kNumber = {
    .nb_add = ATOLL_SLOT(binary<add>),
    .nb_subtract = ATOLL_SLOT(binary<subtract>),
    .nb_multiply = ATOLL_SLOT(binary<multiply>),
    .nb_power = ATOLL_SLOT(pow_slot),
    .nb_negative = ATOLL_SLOT(negative),
    .nb_positive = ATOLL_SLOT(exact_complex),
    .nb_absolute = ATOLL_SLOT(absolute),
    .nb_bool = complex_bool,
    .nb_true_divide = ATOLL_SLOT(binary<divide>),
};

Ref<> complex_repr(ThreadState& ts, PyObject* o) {
  const Py_complex v = complex_value(o);
  char text[2 * kFloatReprSize + 4];
  size_t n = 0;
  // A real part of plain zero is left out, and the brackets with it.
  if (v.real == 0.0 && !std::signbit(v.real)) {
    n = float_format(v.imag, 'r', 0, 0, text);
    text[n++] = 'j';
  } else {
    text[n++] = '(';
    n += float_format(v.real, 'r', 0, 0, text + n);
    n += float_format(v.imag, 'r', 0, kFloatSign, text + n);
    text[n++] = 'j';
    text[n++] = ')';
  }
  return str_from_ascii(ts, {text, n});
}

Py_hash_t complex_hash(PyObject* o) {
  const Py_complex v = complex_value(o);
  const size_t real = static_cast<size_t>(float_hash(o, v.real)),
               imag = static_cast<size_t>(float_hash(o, v.imag));
  const Py_hash_t hash = static_cast<Py_hash_t>(real + 1000003 * imag);
  return hash == -1 ? -2 : hash;
}

Ref<> complex_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if (op != Py_EQ && op != Py_NE) return not_implemented();
  const Py_complex x = complex_value(a);
  bool equal;
  if (is_complex(b)) {
    const Py_complex y = complex_value(b);
    equal = x.real == y.real && x.imag == y.imag;
  } else if (is_float(b)) {
    equal = x.real == float_value(b) && x.imag == 0.0;
  } else if (is_int(b)) {
    // Exactly, as floats compare with ints.
    if (x.imag == 0.0) {
      Ref<> real = new_float(ts, x.real);
      return real ? float_richcompare(ts, real.get(), b, op) : Ref<>();
    }
    equal = false;
  } else {
    return not_implemented();
  }
  return new_bool(equal == (op == Py_EQ));
}

// --- construction ---

// The whole text: [(] [real] [imaginary j] [)].
Status from_ascii(ThreadState& ts, const char* text, size_t size, Py_complex* out, PyObject* shown) {
  auto malformed = [&]() -> Status {
    return raise(ts, PyExc_ValueError, "complex() arg is a malformed string");
  };
  auto is_c_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  // Underscores are checked and taken out first, for all numbers in the text together.
  std::unique_ptr<char, void (*)(void*)> clean(nullptr, std::free);
  if (std::memchr(text, '_', size)) {
    clean.reset(static_cast<char*>(std::malloc(size)));
    if (!clean) return raise_memory(ts);
    size_t n = 0;
    auto is_digit = [&](size_t i) { return i < size && text[i] >= '0' && text[i] <= '9'; };
    for (size_t i = 0; i < size; i++) {
      if (text[i] != '_') {
        clean.get()[n++] = text[i];
      } else if (i == 0 || !is_digit(i - 1) || !is_digit(i + 1)) {
        return raise(ts, PyExc_ValueError, "could not convert string to complex: %R", shown);
      }
    }
    text = clean.get();
    size = n;
  }
  const char* p = text;
  const char* end = text + size;
  auto skip_space = [&]() {
    while (p < end && is_c_space(*p)) p++;
  };
  auto number = [&](double* value) {
    size_t used;
    FloatParse status = float_parse_prefix(p, static_cast<size_t>(end - p), value, &used);
    p += used;
    return status != FloatParse::kInvalid;
  };
  auto is_j = [&]() { return p < end && (*p == 'j' || *p == 'J'); };
  auto unit = [&](double* value) {  // a sign, or nothing, before a lone j
    *value = 1.0;
    if (p < end && (*p == '+' || *p == '-')) *value = *p++ == '-' ? -1.0 : 1.0;
    return is_j();
  };
  skip_space();
  const bool brackets = p < end && *p == '(';
  if (brackets) {
    p++;
    skip_space();
  }
  *out = {0.0, 0.0};
  double first;
  if (number(&first)) {
    if (is_j()) {
      p++;
      out->imag = first;
    } else {
      out->real = first;
      if (p < end && (*p == '+' || *p == '-')) {
        if (!number(&out->imag) && !unit(&out->imag)) return malformed();
        if (!is_j()) return malformed();
        p++;
      }
    }
  } else {
    if (!unit(&out->imag)) return malformed();
    p++;
  }
  skip_space();
  if (brackets) {
    if (p == end || *p != ')') return malformed();
    p++;
    skip_space();
  }
  return p == end ? Status::kOk : malformed();
}

Ref<> make_of_type(ThreadState& ts, PyTypeObject* type, Py_complex value) {
  if (type == &PyComplex_Type) return from_value(ts, value);
  Ref<> made = Ref<>::steal(type->tp_alloc(type, 0));
  if (!made) return {};
  reinterpret_cast<PyComplexObject*>(made.get())->cval = value;
  return made;
}

Ref<> make_from_text(ThreadState& ts, PyTypeObject* type, PyObject* text) {
  Py_complex value;
  if (str_is_ascii(text)) {
    const char* data = static_cast<const char*>(str_data(text));
    if (failed(from_ascii(ts, data, static_cast<size_t>(str_length(text)), &value, text))) return {};
    return make_of_type(ts, type, value);
  }
  char* ascii;
  Py_ssize_t size;
  if (!number_text_to_ascii(ts, text, &ascii, &size)) return {};
  std::unique_ptr<char, void (*)(void*)> owner(ascii, [](void* p) { std::free(p); });
  if (failed(from_ascii(ts, ascii, static_cast<size_t>(size), &value, text))) return {};
  return make_of_type(ts, type, value);
}

// What o.__complex__() gives; kOk with *out empty if it has none.
Status try_dunder_complex(ThreadState& ts, PyObject* o, Ref<>* out) {
  if (is_exact(o, &PyComplex_Type)) {
    *out = dup(o);
    return Status::kOk;
  }
  Ref<> method;
  if (failed(object_lookup_special(ts, o, ID(__complex__), &method))) return Status::kError;
  if (!method) return Status::kOk;
  Ref<> value = call(ts, method.get());
  if (!value) return Status::kError;
  if (!is_exact(value.get(), &PyComplex_Type)) {
    if (!is_complex(value.get())) {
      return raise(ts, PyExc_TypeError, "__complex__ returned non-complex (type %.200s)",
                   value->ob_type->tp_name);
    }
    if (failed(warn(
            ts, PyExc_DeprecationWarning, 1,
            "__complex__ returned non-complex (type %.200s).  The ability to return an instance of a strict "
            "subclass of complex is deprecated, and may be removed in a future version of Python.",
            value->ob_type->tp_name))) {
      return Status::kError;
    }
  }
  *out = std::move(value);
  return Status::kOk;
}

bool is_real_number(PyObject* o) {
  const PyNumberMethods* number = type_of(o)->tp_as_number;
  return number != nullptr && (number->nb_float != nullptr || number->nb_index != nullptr);
}

// One argument as a complex number; `*complex` tells whether it was one.
Status part(ThreadState& ts, PyObject* o, Py_complex* out, bool* complex) {
  *complex = is_complex(o);
  if (*complex) {
    *out = complex_value(o);
    return Status::kOk;
  }
  Ref<> real = number_float(ts, o);
  if (!real) return Status::kError;
  *out = {float_value(real.get()), 0.0};
  return Status::kOk;
}

Ref<> complex_make(ThreadState& ts, PyTypeObject* type, PyObject* real, PyObject* imag) {
  if (real == nullptr) real = small_int(0);
  if (imag == nullptr && type == &PyComplex_Type && is_exact(real, &PyComplex_Type)) return dup(real);
  if (is_str(real)) {
    if (imag != nullptr)
      return raise(ts, PyExc_TypeError, "complex() can't take second arg if first is a string");
    return make_from_text(ts, type, real);
  }
  if (imag != nullptr && is_str(imag))
    return raise(ts, PyExc_TypeError, "complex() second arg can't be a string");
  Ref<> own;
  if (failed(try_dunder_complex(ts, real, &own))) return {};
  if (own) real = own.get();
  if (!is_complex(real) && !is_real_number(real)) {
    return raise(ts, PyExc_TypeError, "complex() first argument must be a string or a number, not '%.200s'",
                 real->ob_type->tp_name);
  }
  if (imag != nullptr && !is_complex(imag) && !is_real_number(imag)) {
    return raise(ts, PyExc_TypeError, "complex() second argument must be a number, not '%.200s'",
                 imag->ob_type->tp_name);
  }
  Py_complex first, second{0.0, 0.0};
  bool first_complex, second_complex = false;
  if (failed(part(ts, real, &first, &first_complex))) return {};
  if (imag == nullptr) return make_of_type(ts, type, first);
  if (failed(part(ts, imag, &second, &second_complex))) return {};
  // first + second * 1j; parts that were not there are not added, to keep the signs of zeros.
  if (second_complex) first.real -= second.imag;
  double imaginary = second.real;
  if (first_complex) imaginary += first.imag;
  return make_of_type(ts, type, {first.real, imaginary});
}

void complex_dealloc(ThreadState& ts, PyObject* o) { free_object_and_type(ts, o); }

// --- methods ---

Ref<> complex_conjugate(ThreadState& ts, PyObject* self) {
  Py_complex v = complex_value(self);
  return new_complex(ts, v.real, -v.imag);
}
Ref<> complex_dunder_complex(ThreadState& ts, PyObject* self) { return exact_complex(ts, self); }
Ref<> complex_getnewargs(ThreadState& ts, PyObject* self) {
  Py_complex v = complex_value(self);
  Ref<> real = new_float(ts, v.real);
  Ref<> imag = new_float(ts, v.imag);
  if (!real || !imag) return {};
  return tuple_of(ts, real.get(), imag.get());
}
Ref<> complex_format_method(ThreadState& ts, PyObject* self, PyUnicodeObject* format_spec) {
  return format_complex(ts, self, obj(format_spec));
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(complex_conjugate, "conjugate", "($self, /)",
                 "Return the complex conjugate, (1-2j) for (1+2j)."),
    ATOLL_METHOD(complex_dunder_complex, "__complex__", "($self, /)",
                 "Return the number as an exact complex."),
    ATOLL_METHOD(complex_getnewargs, "__getnewargs__", "($self, /)", "Arguments that make an equal object."),
    ATOLL_METHOD(complex_format_method, "__format__", "($self, format_spec, /)",
                 "Format by a format specification."),
    ATOLL_METHOD_END,
};

constexpr PyMemberDef kMembers[] = {
    {"real", T_DOUBLE, offsetof(PyComplexObject, cval.real), READONLY, "the real part of a complex number"},
    {"imag", T_DOUBLE, offsetof(PyComplexObject, cval.imag), READONLY, "the imaginary part of a complex number"},
    {nullptr, 0, 0, 0, nullptr},
};

}  // namespace

Ref<> new_complex(ThreadState& ts, double real, double imag) {
  auto r = new_object<PyComplexObject>(ts, &PyComplex_Type);
  if (!r) return {};
  r->cval = {real, imag};
  return r;
}

Ref<> complex_pow(ThreadState& ts, Py_complex a, Py_complex b) {
  Py_complex value;
  bool defined = true;
  if (b.imag == 0.0 && b.real == std::floor(b.real) && std::fabs(b.real) <= 100.0) {
    // Small whole exponents by multiplication, which is exact where it can be.
    if (b.real > 0.0) {
      value = whole_power(a, static_cast<unsigned>(b.real));
    } else {
      defined = quotient({1.0, 0.0}, whole_power(a, static_cast<unsigned>(-b.real)), &value);
    }
  } else {
    defined = polar_power(a, b, &value);
  }
  if (!defined) return raise(ts, PyExc_ZeroDivisionError, "0.0 to a negative or complex power");
  if (std::isinf(value.real) || std::isinf(value.imag)) {
    return raise(ts, PyExc_OverflowError, "complex exponentiation");
  }
  return from_value(ts, value);
}

constinit const TypeSpec complex_spec{
    .name = "complex",
    .doc = "complex(real=0, imag=0)\n--\n\nA complex number, from two numbers or from text such as '1+2j'.",
    .basicsize = sizeof(PyComplexObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .dealloc = ATOLL_SLOT(complex_dealloc),
    .repr = ATOLL_SLOT(complex_repr),
    .hash = complex_hash,
    .richcompare = ATOLL_SLOT(complex_richcompare),
    .getattro = PyObject_GenericGetAttr,
    .new_ = ATOLL_NEW(complex_make, "complex", "($type, /, real=0, imag=0)"),
    .number = &kNumber,
    .methods = kMethods,
    .members = kMembers,
};

}  // namespace atl

// ---- C API
// -------------------------------------------------------------------------------------------------------

using namespace atl;

ATOLL_SEALED PyTypeObject PyComplex_Type = {};

PyObject* PyComplex_FromCComplex(Py_complex v) { return from_value(current_thread(), v).release(); }
PyObject* PyComplex_FromDoubles(double real, double imag) {
  return new_complex(current_thread(), real, imag).release();
}

double PyComplex_RealAsDouble(PyObject* o) {
  return is_complex(o) ? complex_value(o).real : PyFloat_AsDouble(o);
}
double PyComplex_ImagAsDouble(PyObject* o) { return is_complex(o) ? complex_value(o).imag : 0.0; }

Py_complex PyComplex_AsCComplex(PyObject* o) {
  ThreadState& ts = current_thread();
  if (is_complex(o)) return complex_value(o);
  Ref<> value;
  if (failed(try_dunder_complex(ts, o, &value))) return {-1.0, 0.0};
  if (value) return complex_value(value.get());
  return {PyFloat_AsDouble(o), 0.0};
}

Py_complex _Py_c_sum(Py_complex a, Py_complex b) { return {a.real + b.real, a.imag + b.imag}; }
Py_complex _Py_c_diff(Py_complex a, Py_complex b) { return {a.real - b.real, a.imag - b.imag}; }
Py_complex _Py_c_neg(Py_complex a) { return {-a.real, -a.imag}; }
Py_complex _Py_c_prod(Py_complex a, Py_complex b) { return product(a, b); }

Py_complex _Py_c_quot(Py_complex a, Py_complex b) {
  Py_complex value;
  if (!quotient(a, b, &value)) errno = EDOM;
  return value;
}

Py_complex _Py_c_pow(Py_complex a, Py_complex b) {
  Py_complex value;
  if (!polar_power(a, b, &value)) errno = EDOM;
  return value;
}

double _Py_c_abs(Py_complex a) {
  errno = 0;
  double size = std::hypot(a.real, a.imag);
  errno = std::isinf(size) && std::isfinite(a.real) && std::isfinite(a.imag) ? ERANGE : 0;
  return size;
}
