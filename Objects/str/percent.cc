#include "Objects/str/percent.h"

#include "Objects/float/float.h"
#include "Objects/str/kernel_find.h"
#include "Objects/str/layout.h"
#include "Objects/str/text.h"

namespace atl {

// ---- arguments -----------------------------------------------------------------------------------------------------

PercentArgs::PercentArgs(ThreadState& ts, PyObject* args) : ts_(ts), args_(args) {
  if (is_tuple(args)) {
    count_ = tuple_size(args);
    used_ = 0;
  } else {
    count_ = -1;
    used_ = -2;
    if (PyMapping_Check(args) && !is_str(args)) mapping_ = args;
  }
}

PyObject* PercentArgs::next() {
  if (used_ >= count_) return raise(ts_, PyExc_TypeError, "not enough arguments for format string");
  Py_ssize_t i = used_++;
  return count_ < 0 ? args_ : tuple_peek(args_, i);
}

Status PercentArgs::select(PyObject* key) {
  Ref<> value = object_getitem(ts_, mapping_, key);
  if (!value) return Status::kError;
  selected_ = std::move(value);
  args_ = selected_.get();
  count_ = -1;
  used_ = -2;
  return Status::kOk;
}

Status PercentArgs::finish(const char* what) {
  if (used_ < count_ && mapping_ == nullptr) {
    return raise(ts_, PyExc_TypeError, "not all arguments converted during %s formatting", what);
  }
  return Status::kOk;
}

Raised raise_percent_code(ThreadState& ts, const PercentSpec& spec) {
  bool plain = spec.code >= 31 && spec.code <= 126;
  return raise(ts, PyExc_ValueError, "unsupported format character '%c' (0x%x) at index %zd",
               plain ? static_cast<int>(spec.code) : '?', spec.code, spec.code_index);
}

// ---- numbers -------------------------------------------------------------------------------------------------------

namespace {

Ref<> integer_of(ThreadState& ts, const PercentSpec& spec, PyObject* value) {
  if (is_int(value)) return dup(value);
  bool base = spec.code == 'x' || spec.code == 'X' || spec.code == 'o';
  if (PyNumber_Check(value)) {
    Ref<> number = base ? number_index(ts, value) : number_long(ts, value);
    if (number || !error_matches(ts, PyExc_TypeError)) return number;
    error_clear(ts);
  }
  return raise(ts, PyExc_TypeError,
               base ? "%%%c format: an integer is required, not %.200T" : "%%%c format: a real number is required, not %.200T",
               static_cast<int>(spec.code), value);
}

}  // namespace

Ref<> percent_integer(ThreadState& ts, const PercentSpec& spec, PyObject* value) {
  Ref<> number = integer_of(ts, spec, value);
  if (!number) return {};
  int base = spec.code == 'x' || spec.code == 'X' ? 16 : spec.code == 'o' ? 8 : 10;
  Ref<> text = int_to_text(ts, number.get(), base, spec.alternate && base != 10);
  if (!text) return {};
  bool upper = spec.code == 'X';
  bool negative = str_length(text.get()) > 0 && str_at(text.get(), 0) == '-';
  char sign = negative ? '-' : spec.plus ? '+' : spec.space ? ' ' : 0;
  Py_ssize_t head = negative, prefix = spec.alternate && base != 10 ? 2 : 0;
  Py_ssize_t digits = str_length(text.get()) - head - prefix;
  if (!upper && spec.precision <= digits && (negative || sign == 0)) return text;
  Py_ssize_t zeros = spec.precision > digits ? spec.precision - digits : 0;
  auto* from = static_cast<const char*>(str_data(text.get()));
  StrWriter w(ts);
  if (sign != 0 && failed(w.put(static_cast<uint8_t>(sign)))) return {};
  from += head;
  auto put = [&](Py_ssize_t n) -> Status {
    for (Py_ssize_t i = 0; i < n; ++i, ++from) {
      char c = upper && *from >= 'a' ? static_cast<char>(*from - 32) : *from;
      if (failed(w.put(static_cast<uint8_t>(c)))) return Status::kError;
    }
    return Status::kOk;
  };
  if (failed(w.prepare_exact(prefix + zeros + digits, 0x7F)) || failed(put(prefix)) || failed(w.fill('0', zeros)) ||
      failed(put(digits))) {
    return {};
  }
  return w.finish();
}

Ref<> percent_float(ThreadState& ts, const PercentSpec& spec, PyObject* value) {
  double x;
  if (failed(float_as_double(ts, value, &x))) return {};
  Ref<> text = float_to_text(ts, x, static_cast<char>(spec.code), spec.precision < 0 ? 6 : spec.precision,
                             spec.alternate ? Py_DTSF_ALT : 0);
  if (!text || !(spec.plus || spec.space) || str_at(text.get(), 0) == '-') return text;
  Ref<> sign = dup(latin1_char(spec.plus ? '+' : ' '));
  return str_concat(ts, sign.get(), text.get());
}

PercentPadding percent_padding(const PercentSpec& spec, std::string_view text) {
  PercentPadding p;
  Py_ssize_t missing = spec.width - static_cast<Py_ssize_t>(text.size());
  if (missing <= 0) return p;
  if (spec.left) {
    p.after = missing;
  } else if (spec.zero) {
    p.zeros = missing;
    if (!text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ')) p.head = 1;
    if (spec.alternate && (spec.code == 'x' || spec.code == 'X' || spec.code == 'o')) p.head += 2;
  } else {
    p.before = missing;
  }
  return p;
}

// ---- str -----------------------------------------------------------------------------------------------------------

namespace {

struct FormatText {
  ThreadState& ts;
  PyObject* format;
  TextView view;
  Py_ssize_t length;
  uint32_t at(Py_ssize_t i) const { return text_read(view.kind, view.data, i); }
  Ref<> key(Py_ssize_t start, Py_ssize_t end) const { return str_substring(ts, format, start, end); }
};

Status write_number(StrWriter& w, const PercentSpec& spec, PyObject* text) {
  std::string_view t(static_cast<const char*>(str_data(text)), static_cast<size_t>(str_length(text)));
  PercentPadding p = percent_padding(spec, t);
  auto head = static_cast<size_t>(p.head);
  if (failed(w.fill(' ', p.before)) || failed(w.write_ascii(t.substr(0, head))) || failed(w.fill('0', p.zeros)) ||
      failed(w.write_ascii(t.substr(head)))) {
    return Status::kError;
  }
  return w.fill(' ', p.after);
}

Ref<> character_of(ThreadState& ts, PyObject* value) {
  if (is_str(value)) {
    if (str_length(value) == 1) return str_exact(ts, value);
    return raise(ts, PyExc_TypeError, "%%c requires int or char");
  }
  Ref<> number;
  if (!is_int(value)) {
    number = number_index(ts, value);
    if (!number) {
      if (error_matches(ts, PyExc_TypeError)) {
        error_clear(ts);
        return raise(ts, PyExc_TypeError, "%%c requires int or char");
      }
      return {};
    }
    value = number.get();
  }
  int overflow;
  int64_t c = int_as_i64_overflow(value, &overflow);
  if (overflow != 0 || c < 0 || c > 0x10FFFF) return raise(ts, PyExc_OverflowError, "%%c arg not in range(0x110000)");
  return str_from_char(ts, static_cast<uint32_t>(c));
}

Status write_text(StrWriter& w, const PercentSpec& spec, PyObject* text) {
  Py_ssize_t n = str_length(text);
  if (spec.precision >= 0 && spec.precision < n) n = spec.precision;
  Py_ssize_t missing = spec.width - n;
  if (!spec.left && failed(w.fill(' ', missing))) return Status::kError;
  if (failed(w.write(text, 0, n))) return Status::kError;
  return spec.left ? w.fill(' ', missing) : Status::kOk;
}

Status write_directive(ThreadState& ts, StrWriter& w, PercentSpec& spec, PercentArgs& args) {
  PyObject* value = args.next();
  if (value == nullptr) return Status::kError;
  Ref<> text;
  switch (spec.code) {
    case 's':
      if (spec.width < 0 && spec.precision < 0) return w.write_str(value);
      text = object_str(ts, value);
      break;
    case 'r': text = object_repr(ts, value); break;
    case 'a': text = object_ascii(ts, value); break;
    case 'c':
      text = character_of(ts, value);
      spec.precision = -1;
      break;
    default: {
      bool integer = percent_is_integer(spec.code);
      if (!integer && !percent_is_float(spec.code)) return raise_percent_code(ts, spec);
      text = integer ? percent_integer(ts, spec, value) : percent_float(ts, spec, value);
      return text ? write_number(w, spec, text.get()) : Status::kError;
    }
  }
  return text ? write_text(w, spec, text.get()) : Status::kError;
}

}  // namespace

Ref<> str_percent(ThreadState& ts, PyObject* format, PyObject* operand) {
  TextView view = str_view(format);
  FormatText text{ts, format, view, view.length};
  PercentArgs args(ts, operand);
  StrWriter w(ts);
  for (Py_ssize_t pos = 0;;) {
    Py_ssize_t found = text_find_char(text_slice(view, pos, view.length), '%');
    Py_ssize_t stop = found < 0 ? view.length : pos + found;
    if (failed(w.write(format, pos, stop))) return {};
    if (found < 0) break;
    pos = stop + 1;
    if (pos < view.length && text.at(pos) == '%') {
      if (failed(w.put('%'))) return {};
      ++pos;
      continue;
    }
    PercentSpec spec;
    if (failed(percent_read(ts, text, &pos, args, &spec))) return {};
    if (failed(write_directive(ts, w, spec, args))) return {};
  }
  if (failed(args.finish("string"))) return {};
  return w.finish();
}

}  // namespace atl
