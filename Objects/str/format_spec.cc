#include "Objects/str/format_spec.h"

#include <climits>
#include <clocale>
#include <cstring>
#include <cwchar>
#include <locale.h>

#include "Objects/str/layout.h"
#include "Objects/str/text.h"
#include "Objects/str/unicode_tables.h"

namespace atl {

// ---- parsing -------------------------------------------------------------------------------------------------------

namespace {

bool is_align(uint32_t c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

struct SpecReader {
  ThreadState& ts;
  TextView text;
  Py_ssize_t pos = 0;

  uint32_t peek(Py_ssize_t ahead = 0) const {
    return pos + ahead < text.length ? text_read(text.kind, text.data, pos + ahead) : UINT32_MAX;
  }
  bool take(uint32_t c) {
    if (peek() != c) return false;
    ++pos;
    return true;
  }
  // Decimal digits of any script; *digits says how many there were.
  Status number(Py_ssize_t* out, Py_ssize_t* digits) {
    Py_ssize_t value = 0, start = pos;
    for (; pos < text.length; ++pos) {
      int d = uc_to_decimal(peek());
      if (d < 0) break;
      if (value > (PY_SSIZE_T_MAX - d) / 10) return raise(ts, PyExc_ValueError, "Too many decimal digits in format string");
      value = value * 10 + d;
    }
    *digits = pos - start;
    if (*digits != 0) *out = value;
    return Status::kOk;
  }
};

Status check_grouping(ThreadState& ts, FormatSpec* spec) {
  char mark = spec->grouping == Grouping::kComma ? ',' : '_';
  switch (spec->type) {
    case 'd': case 'e': case 'f': case 'g': case 'E': case 'G': case '%': case 'F': case 0:
      return Status::kOk;
    case 'b': case 'o': case 'x': case 'X':
      if (mark == '_') {
        spec->grouping = Grouping::kUnderscoreBy4;
        return Status::kOk;
      }
      break;
    default:
      break;
  }
  if (spec->type > 32 && spec->type < 128) {
    return raise(ts, PyExc_ValueError, "Cannot specify '%c' with '%c'.", mark, static_cast<int>(spec->type));
  }
  return raise(ts, PyExc_ValueError, "Cannot specify '%c' with '\\x%x'.", mark, spec->type);
}

}  // namespace

Raised raise_unknown_format(ThreadState& ts, uint32_t type, PyObject* value) {
  if (type > 32 && type < 128) {
    return raise(ts, PyExc_ValueError, "Unknown format code '%c' for object of type '%.200T'", static_cast<int>(type), value);
  }
  return raise(ts, PyExc_ValueError, "Unknown format code '\\x%x' for object of type '%.200T'", type, value);
}

Status format_spec_parse(ThreadState& ts, PyObject* value, PyObject* spec_text, char default_type, char default_align,
                         FormatSpec* spec) {
  SpecReader in{ts, str_view(spec_text)};
  *spec = FormatSpec{};
  spec->align = default_align;
  spec->type = static_cast<unsigned char>(default_type);
  if (is_align(in.peek(1)) && in.peek(1) != UINT32_MAX) {
    spec->fill = in.peek();
    spec->align = static_cast<char>(in.peek(1));
    spec->fill_given = spec->align_given = true;
    in.pos += 2;
  } else if (is_align(in.peek())) {
    spec->align = static_cast<char>(in.peek());
    spec->align_given = true;
    ++in.pos;
  }
  uint32_t c = in.peek();
  if (c == '+' || c == '-' || c == ' ') {
    spec->sign = static_cast<char>(c);
    ++in.pos;
  }
  if (in.take('z')) spec->no_negative_zero = true;
  if (in.take('#')) spec->alternate = true;
  if (!spec->fill_given && in.peek() == '0') {
    spec->fill = '0';
    spec->fill_given = true;
    if (!spec->align_given && default_align == '>') spec->align = '=';
    ++in.pos;
  }
  Py_ssize_t digits;
  if (failed(in.number(&spec->width, &digits))) return Status::kError;
  if (in.take(',')) spec->grouping = Grouping::kComma;
  if (in.peek() == '_') {
    if (spec->grouping != Grouping::kNone) return raise(ts, PyExc_ValueError, "Cannot specify both ',' and '_'.");
    spec->grouping = Grouping::kUnderscore;
    ++in.pos;
  }
  if (in.peek() == ',' && spec->grouping == Grouping::kUnderscore) {
    return raise(ts, PyExc_ValueError, "Cannot specify both ',' and '_'.");
  }
  if (in.take('.')) {
    if (failed(in.number(&spec->precision, &digits))) return Status::kError;
    if (digits == 0) return raise(ts, PyExc_ValueError, "Format specifier missing precision");
  }
  Py_ssize_t left = in.text.length - in.pos;
  if (left > 1) {
    return raise(ts, PyExc_ValueError, "Invalid format specifier '%U' for object of type '%.200T'", spec_text, value);
  }
  if (left == 1) spec->type = in.peek();
  return spec->grouping == Grouping::kNone ? Status::kOk : check_grouping(ts, spec);
}

// ---- locale --------------------------------------------------------------------------------------------------------

namespace {

// Text of the C library in the encoding of LC_NUMERIC's locale.
Ref<> decode_numeric(ThreadState& ts, const char* text) {
  size_t size = std::strlen(text);
  if (bytes_are_ascii(reinterpret_cast<const uint8_t*>(text), size)) return str_from_ascii(ts, {text, size});
  const char* name = setlocale(LC_NUMERIC, nullptr);
  locale_t numeric = name != nullptr ? newlocale(LC_CTYPE_MASK, name, nullptr) : nullptr;
  locale_t before = numeric != nullptr ? uselocale(numeric) : nullptr;
  wchar_t wide[16];
  size_t n = std::mbstowcs(wide, text, std::size(wide));
  if (numeric != nullptr) {
    uselocale(before);
    freelocale(numeric);
  }
  if (n == static_cast<size_t>(-1)) return steal(PyUnicode_DecodeLocale(text, "surrogateescape"));
  return str_from_kind(ts, 4, wide, static_cast<Py_ssize_t>(n < std::size(wide) ? n : std::size(wide)));
}

}  // namespace

Status number_locale(ThreadState& ts, const FormatSpec& spec, NumberLocale* out) {
  std::memset(out->grouping, 0, sizeof out->grouping);
  if (spec.type == 'n') {
    const lconv* c = localeconv();
    out->decimal_point = decode_numeric(ts, c->decimal_point);
    if (!out->decimal_point) return Status::kError;
    out->thousands_sep = decode_numeric(ts, c->thousands_sep);
    if (!out->thousands_sep) return Status::kError;
    std::strncpy(out->grouping, c->grouping, sizeof out->grouping - 1);
    return Status::kOk;
  }
  out->decimal_point = dup(latin1_char('.'));
  switch (spec.grouping) {
    case Grouping::kNone:
      out->thousands_sep = dup(empty_str());
      out->grouping[0] = CHAR_MAX;
      break;
    case Grouping::kComma:
      out->thousands_sep = dup(latin1_char(','));
      out->grouping[0] = 3;
      break;
    case Grouping::kUnderscore:
    case Grouping::kUnderscoreBy4:
      out->thousands_sep = dup(latin1_char('_'));
      out->grouping[0] = spec.grouping == Grouping::kUnderscore ? 3 : 4;
      break;
  }
  return Status::kOk;
}

// ---- layout --------------------------------------------------------------------------------------------------------

namespace {

// How digits fall into groups, from the right: `tail` groups of sizes that the locale's string lists, and what is left
// in front of them. Zeros are put in front until the whole is min_width wide, separators counted; a separator never
// stands first, so the result may be one wider.
struct GroupPlan {
  Py_ssize_t zeros = 0;
  Py_ssize_t separators = 0;
  Py_ssize_t total = 0;  // characters in all
};

// Walks groups from the right; calls f(group size) for each.
template <class F>
void each_group(const char* grouping, Py_ssize_t digits, Py_ssize_t min_width, Py_ssize_t sep, F f) {
  Py_ssize_t left = digits, wanted = min_width, last = 0;
  const char* g = grouping;
  for (bool first = true;; first = false) {
    if (!first) wanted -= sep;
    Py_ssize_t size = last;
    bool endless = false;
    if (*g == CHAR_MAX || (*g == 0 && last == 0)) {
      endless = true;
    } else if (*g != 0) {
      size = last = *g++;
    }
    Py_ssize_t need = left > wanted ? left : wanted;
    if (need < 1) need = 1;
    if (endless || size > need) size = need;
    f(size);
    left = left > size ? left - size : 0;
    wanted -= size;
    if (left <= 0 && wanted <= 0) return;
  }
}

GroupPlan plan_groups(const char* grouping, Py_ssize_t digits, Py_ssize_t min_width, Py_ssize_t sep) {
  GroupPlan plan;
  Py_ssize_t groups = 0, chars = 0;
  each_group(grouping, digits, min_width, sep, [&](Py_ssize_t size) {
    ++groups;
    chars += size;
  });
  plan.zeros = chars > digits ? chars - digits : 0;
  plan.separators = groups - 1;
  plan.total = chars + plan.separators * sep;
  return plan;
}

// Writes into `out`, whose room for plan.total characters of its kind ends at `end`.
void put_groups(TextKind kind, char* out, Py_ssize_t end, TextView digits, const char* grouping, Py_ssize_t min_width,
                TextView sep) {
  Py_ssize_t at = end, left = digits.length;
  bool first = true;
  each_group(grouping, digits.length, min_width, sep.length, [&](Py_ssize_t size) {
    if (!first) {
      at -= sep.length;
      for (Py_ssize_t i = 0; i < sep.length; ++i) text_write(kind, out, at + i, text_read(sep.kind, sep.data, i));
    }
    first = false;
    for (Py_ssize_t i = 0; i < size; ++i) {
      uint32_t c = left > 0 ? text_read(digits.kind, digits.data, --left) : '0';
      text_write(kind, out, --at, c);
    }
  });
}

char sign_of(const FormatSpec& spec, const NumberText& n) {
  if (n.negative) return '-';
  return spec.sign == '+' ? '+' : spec.sign == ' ' ? ' ' : 0;
}

Status write_number(StrWriter& w, const FormatSpec& spec, const NumberText& n, const NumberLocale& locale, Py_ssize_t width) {
  char sign = sign_of(spec, n);
  Py_ssize_t around = (sign != 0) + static_cast<Py_ssize_t>(n.prefix.size()) +
                      (n.point ? str_length(locale.decimal_point.get()) : 0) + static_cast<Py_ssize_t>(n.remainder.size());
  static constexpr char kNoGroups[2] = {CHAR_MAX, 0};
  const char* grouping = n.group ? locale.grouping : kNoGroups;
  TextView sep = str_view(locale.thousands_sep.get());
  auto digits = static_cast<Py_ssize_t>(n.digits.size());
  // Only zeros in front of the number join the grouping.
  Py_ssize_t min_width = spec.fill == '0' && spec.align == '=' ? width - around : 0;
  GroupPlan plan;
  if (digits != 0) plan = plan_groups(grouping, digits, min_width, sep.length);
  Py_ssize_t pad = width - around - plan.total, before = 0, middle = 0, after = 0;
  if (pad > 0) {
    switch (spec.align) {
      case '<': after = pad; break;
      case '^': before = pad / 2; after = pad - before; break;
      case '=': middle = pad; break;
      default: before = pad; break;
    }
  }
  if (failed(w.fill(spec.fill, before))) return Status::kError;
  if (sign != 0 && failed(w.put(static_cast<uint8_t>(sign)))) return Status::kError;
  if (failed(w.write_ascii(n.prefix)) || failed(w.fill(spec.fill, middle))) return Status::kError;
  if (plan.total != 0) {
    uint32_t widest = plan.separators != 0 ? str_max_class(locale.thousands_sep.get()) : 0x7F;
    if (failed(w.prepare_exact(plan.total, widest))) return Status::kError;
    put_groups(w.kind(), static_cast<char*>(w.tail()), plan.total, {n.digits.data(), digits, TextKind::k1}, grouping,
               min_width, sep);
    w.advance(plan.total);
  }
  if (n.point && failed(w.write_view(str_view(locale.decimal_point.get())))) return Status::kError;
  return failed(w.write_ascii(n.remainder)) ? Status::kError : w.fill(spec.fill, after);
}

}  // namespace

Status format_number(ThreadState&, StrWriter& w, const FormatSpec& spec, const NumberText& number,
                     const NumberLocale& locale) {
  return write_number(w, spec, number, locale, spec.width);
}

Status format_number_bare(ThreadState&, StrWriter& w, const FormatSpec& spec, const NumberText& number,
                          const NumberLocale& locale) {
  return write_number(w, spec, number, locale, -1);
}

Status format_padded(StrWriter& w, const FormatSpec& spec, PyObject* text) {
  Py_ssize_t pad = spec.width - str_length(text);
  Py_ssize_t before = pad <= 0 ? 0 : spec.align == '<' ? 0 : spec.align == '^' ? pad / 2 : pad;
  if (failed(w.fill(spec.fill, before)) || failed(w.write(text))) return Status::kError;
  return pad > 0 ? w.fill(spec.fill, pad - before) : Status::kOk;
}

// ---- str -----------------------------------------------------------------------------------------------------------

Ref<> format_str(ThreadState& ts, PyObject* value, PyObject* spec_text) {
  if (str_length(spec_text) == 0) return is_exact_str(value) ? dup(value) : object_str(ts, value);
  FormatSpec spec;
  if (failed(format_spec_parse(ts, value, spec_text, 's', '<', &spec))) return {};
  if (spec.type != 's') return raise_unknown_format(ts, spec.type, value);
  if (spec.sign == ' ') return raise(ts, PyExc_ValueError, "Space not allowed in string format specifier");
  if (spec.sign != 0) return raise(ts, PyExc_ValueError, "Sign not allowed in string format specifier");
  if (spec.no_negative_zero) {
    return raise(ts, PyExc_ValueError, "Negative zero coercion (z) not allowed in string format specifier");
  }
  if (spec.alternate) return raise(ts, PyExc_ValueError, "Alternate form (#) not allowed in string format specifier");
  if (spec.align == '=') return raise(ts, PyExc_ValueError, "'=' alignment not allowed in string format specifier");
  Py_ssize_t length = str_length(value);
  bool cut = spec.precision >= 0 && spec.precision < length;
  if (!cut && spec.width <= length) return str_exact(ts, value);
  Ref<> text = cut ? str_substring(ts, value, 0, spec.precision) : dup(value);
  if (!text) return {};
  StrWriter w(ts);
  if (failed(format_padded(w, spec, text.get()))) return {};
  return w.finish();
}

}  // namespace atl

// ---- C API -----------------------------------------------------------------------------------------------------------

extern "C" Py_ssize_t _PyUnicode_InsertThousandsGrouping(_PyUnicodeWriter* writer, Py_ssize_t room, PyObject* digits,
                                                         Py_ssize_t start, Py_ssize_t count, Py_ssize_t min_width,
                                                         const char* grouping, PyObject* separator, Py_UCS4* max_char) {
  using namespace atl;
  if (min_width < 0) min_width = 0;
  GroupPlan plan = plan_groups(grouping, count, min_width, str_length(separator));
  if (writer == nullptr) {
    *max_char = 0x7F;
    if (plan.separators != 0 && str_max_class(separator) > *max_char) *max_char = str_max_class(separator);
    return plan.total;
  }
  (void)room;
  auto kind = static_cast<TextKind>(writer->kind);
  char* out = static_cast<char*>(writer->data) + writer->pos * static_cast<Py_ssize_t>(writer->kind);
  TextView none{"", 0, TextKind::k1};
  put_groups(kind, out, plan.total, digits != nullptr ? text_slice(str_view(digits), start, start + count) : none, grouping,
             min_width, str_view(separator));
  return plan.total;
}
