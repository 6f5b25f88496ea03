// The % operator of str and bytes: %[(key)][flags][width][.precision][length]code. What both share: reading a directive,
// taking arguments, and the text of numbers. The text of everything else is the caller's.
#pragma once

#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"

namespace atl {

struct PercentSpec {
  bool left = false, plus = false, space = false, alternate = false, zero = false;
  Py_ssize_t width = -1;
  int precision = -1;
  uint32_t code = 0;
  Py_ssize_t code_index = 0;  // where the code stands in the format
};

// The right operand: a tuple of arguments, one mapping, or one argument.
class PercentArgs {
 public:
  PercentArgs(ThreadState& ts, PyObject* args);
  // The next argument (borrowed from what this object holds); NULL with TypeError.
  PyObject* next();
  // "%(key)": the arguments are now the mapping's value.
  Status select(PyObject* key);
  // The operand is one argument, though it has items.
  void no_mapping() { mapping_ = nullptr; }
  bool has_mapping() const { return mapping_ != nullptr; }
  // Complains about arguments that were not used; `what` is "string" or "bytes".
  Status finish(const char* what);

 private:
  ThreadState& ts_;
  PyObject* args_;
  PyObject* mapping_ = nullptr;
  Py_ssize_t count_, used_;  // count_ -1: a single argument
  Ref<> selected_;
};

// The text of a number with sign, base prefix and precision, not yet padded (an ASCII str).
Ref<> percent_integer(ThreadState& ts, const PercentSpec& spec, PyObject* value);
Ref<> percent_float(ThreadState& ts, const PercentSpec& spec, PyObject* value);
constexpr bool percent_is_integer(uint32_t code) {
  return code == 'd' || code == 'i' || code == 'u' || code == 'o' || code == 'x' || code == 'X';
}
constexpr bool percent_is_float(uint32_t code) {
  return code == 'e' || code == 'E' || code == 'f' || code == 'F' || code == 'g' || code == 'G';
}
// How a number of that text is padded: `head` characters (sign and base prefix) stand in front of `zeros`.
struct PercentPadding {
  Py_ssize_t before = 0, head = 0, zeros = 0, after = 0;
};
PercentPadding percent_padding(const PercentSpec& spec, std::string_view text);

// Reads one directive; *pos stands behind its '%' and afterwards behind its code. Text::at(i), Text::length and
// Text::key(start, end) (a new object) describe the format.
template <class Text>
Status percent_read(ThreadState& ts, const Text& text, Py_ssize_t* pos, PercentArgs& args, PercentSpec* spec) {
  Py_ssize_t i = *pos, n = text.length;
  *spec = PercentSpec{};
  auto incomplete = [&] { return raise(ts, PyExc_ValueError, "incomplete format"); };
  if (i < n && text.at(i) == '(') {
    if (!args.has_mapping()) return raise(ts, PyExc_TypeError, "format requires a mapping");
    Py_ssize_t start = ++i;
    int depth = 1;
    for (; i < n; ++i) {
      if (text.at(i) == '(') ++depth;
      if (text.at(i) == ')' && --depth == 0) break;
    }
    if (i >= n) return raise(ts, PyExc_ValueError, "incomplete format key");
    Ref<> key = text.key(start, i);
    if (!key || failed(args.select(key.get()))) return Status::kError;
    ++i;
  }
  for (bool flag = true; flag && i < n;) {
    switch (text.at(i)) {
      case '-': spec->left = true; break;
      case '+': spec->plus = true; break;
      case ' ': spec->space = true; break;
      case '#': spec->alternate = true; break;
      case '0': spec->zero = true; break;
      default: flag = false; break;
    }
    if (flag) ++i;
  }
  auto is_digit = [&] { return i < n && text.at(i) >= '0' && text.at(i) <= '9'; };
  auto star = [&]() -> PyObject* {
    PyObject* v = args.next();
    if (v == nullptr || is_int(v)) return v;
    return raise(ts, PyExc_TypeError, "* wants int");
  };
  if (i < n && text.at(i) == '*') {
    PyObject* v = star();
    if (v == nullptr) return Status::kError;
    spec->width = PyLong_AsSsize_t(v);
    if (spec->width == -1 && error_set(ts)) return Status::kError;
    if (spec->width < 0) {
      spec->left = true;
      spec->width = spec->width == PY_SSIZE_T_MIN ? PY_SSIZE_T_MAX : -spec->width;
    }
    ++i;
  } else if (is_digit()) {
    Py_ssize_t width = 0;
    for (; is_digit(); ++i) {
      auto d = static_cast<Py_ssize_t>(text.at(i) - '0');
      if (width > (PY_SSIZE_T_MAX - d) / 10) return raise(ts, PyExc_ValueError, "width too big");
      width = width * 10 + d;
    }
    spec->width = width;
  }
  if (i < n && text.at(i) == '.') {
    spec->precision = 0;
    ++i;
    if (i < n && text.at(i) == '*') {
      PyObject* v = star();
      if (v == nullptr) return Status::kError;
      spec->precision = _PyLong_AsInt(v);
      if (spec->precision == -1 && error_set(ts)) return Status::kError;
      if (spec->precision < 0) spec->precision = 0;
      ++i;
    } else {
      for (; is_digit(); ++i) {
        int d = static_cast<int>(text.at(i) - '0');
        if (spec->precision > (INT32_MAX - d) / 10) return raise(ts, PyExc_ValueError, "precision too big");
        spec->precision = spec->precision * 10 + d;
      }
    }
  }
  if (i < n && (text.at(i) == 'h' || text.at(i) == 'l' || text.at(i) == 'L')) ++i;
  if (i >= n) return incomplete();
  spec->code = text.at(i);
  spec->code_index = i;
  *pos = i + 1;
  return Status::kOk;
}

ATOLL_COLD Raised raise_percent_code(ThreadState& ts, const PercentSpec& spec);

}  // namespace atl
