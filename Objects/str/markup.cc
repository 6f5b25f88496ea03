#include "Objects/str/markup.h"

#include "Objects/int/int.h"
#include "Objects/str/layout.h"
#include "Objects/str/unicode_tables.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "Objects/type/static_types_decl.h"

extern "C" {
ATOLL_SEALED PyTypeObject _PyFormatterIter_Type = {};
ATOLL_SEALED PyTypeObject _PyFieldNameIter_Type = {};
}

namespace atl {

// ---- fields --------------------------------------------------------------------------------------------------------

Tri MarkupReader::next(ThreadState& ts, MarkupPiece* piece) {
  *piece = MarkupPiece{};
  if (pos_ >= end_) return Tri::kFalse;
  piece->literal.start = piece->literal.end = pos_;
  while (pos_ < end_) {
    uint32_t c = at(pos_++);
    if (c != '{' && c != '}') continue;
    bool last = pos_ >= end_;
    if (!last && at(pos_) == c) {  // doubled: one of them belongs to the text
      piece->literal.end = pos_++;
      return Tri::kTrue;
    }
    if (c == '}') {
      static_cast<void>(raise(ts, PyExc_ValueError, "Single '}' encountered in format string"));
      return Tri::kError;
    }
    if (last) return raise(ts, PyExc_ValueError, "Single '{' encountered in format string");
    piece->literal.end = pos_ - 1;
    piece->has_field = true;
    return failed(field(ts, piece)) ? Tri::kError : Tri::kTrue;
  }
  piece->literal.end = pos_;
  return Tri::kTrue;
}

// Behind the opening brace.
Status MarkupReader::field(ThreadState& ts, MarkupPiece* piece) {
  piece->name.start = pos_;
  bool in_brackets = false;
  uint32_t c = 0;
  for (; pos_ < end_; ++pos_) {
    c = at(pos_);
    if (in_brackets) {
      in_brackets = c != ']';
    } else if (c == '[') {
      in_brackets = true;
    } else if (c == '{') {
      return raise(ts, PyExc_ValueError, "unexpected '{' in field name");
    } else if (c == '}' || c == ':' || c == '!') {
      break;
    }
  }
  piece->name.end = pos_;
  if (pos_ >= end_) return raise(ts, PyExc_ValueError, "expected '}' before end of string");
  ++pos_;
  if (c == '}') return Status::kOk;
  if (c == '!') {
    if (pos_ >= end_) return raise(ts, PyExc_ValueError, "end of string while looking for conversion specifier");
    piece->conversion = at(pos_++);
    if (pos_ < end_) {
      c = at(pos_++);
      if (c == '}') return Status::kOk;
      if (c != ':') return raise(ts, PyExc_ValueError, "expected ':' after conversion specifier");
    }
  }
  piece->spec.start = pos_;
  int depth = 1;
  for (; pos_ < end_; ++pos_) {
    c = at(pos_);
    if (c == '{') {
      piece->nested = true;
      ++depth;
    } else if (c == '}' && --depth == 0) {
      piece->spec.end = pos_++;
      return Status::kOk;
    }
  }
  return raise(ts, PyExc_ValueError, "unmatched '{' in format spec");
}

// ---- names ---------------------------------------------------------------------------------------------------------

// *out is -1 where the text is no number.
Status FieldNameReader::number(ThreadState& ts, MarkupSpan span, Py_ssize_t* out) const {
  *out = -1;
  if (span.empty()) return Status::kOk;
  Py_ssize_t value = 0;
  for (Py_ssize_t i = span.start; i < span.end; ++i) {
    int d = uc_to_decimal(str_at(s_, i));
    if (d < 0) return Status::kOk;
    if (value > (PY_SSIZE_T_MAX - d) / 10) return raise(ts, PyExc_ValueError, "Too many decimal digits in format string");
    value = value * 10 + d;
  }
  *out = value;
  return Status::kOk;
}

Status FieldNameReader::first(ThreadState& ts, Py_ssize_t* index, MarkupSpan* name) {
  name->start = pos_;
  while (pos_ < end_) {
    uint32_t c = str_at(s_, pos_);
    if (c == '.' || c == '[') break;
    ++pos_;
  }
  name->end = pos_;
  return number(ts, *name, index);
}

Tri FieldNameReader::step(ThreadState& ts, bool* is_attribute, Py_ssize_t* index, MarkupSpan* name) {
  if (pos_ >= end_) return Tri::kFalse;
  uint32_t c = str_at(s_, pos_++);
  *index = -1;
  name->start = pos_;
  if (c == '.') {
    *is_attribute = true;
    while (pos_ < end_ && str_at(s_, pos_) != '.' && str_at(s_, pos_) != '[') ++pos_;
    name->end = pos_;
  } else if (c == '[') {
    *is_attribute = false;
    while (pos_ < end_ && str_at(s_, pos_) != ']') ++pos_;
    if (pos_ >= end_) return raise(ts, PyExc_ValueError, "Missing ']' in format string");
    name->end = pos_++;
    if (failed(number(ts, *name, index))) return Tri::kError;
  } else {
    return raise(ts, PyExc_ValueError, "Only '.' or '[' may follow ']' in format field specifier");
  }
  if (name->empty()) return raise(ts, PyExc_ValueError, "Empty attribute in format string");
  return Tri::kTrue;
}

// ---- for string.Formatter ------------------------------------------------------------------------------------------

namespace {

struct MarkupIterObject {
  PyObject ob_base;
  PyObject* text;
  MarkupReader reader;
};

struct NameIterObject {
  PyObject ob_base;
  PyObject* text;
  FieldNameReader reader;
};

void markup_iter_dealloc(ThreadState& ts, MarkupIterObject* it) {
  decref(it->text);
  free_object(ts, obj(it));
}
void name_iter_dealloc(ThreadState& ts, NameIterObject* it) {
  decref(it->text);
  free_object(ts, obj(it));
}

Ref<> markup_iter_next(ThreadState& ts, MarkupIterObject* it) {
  MarkupPiece piece;
  if (it->reader.next(ts, &piece) != Tri::kTrue) return {};
  auto cut = [&](MarkupSpan span) { return str_substring(ts, it->text, span.start, span.end); };
  Ref<> literal = cut(piece.literal);
  if (!literal) return {};
  if (!piece.has_field) return tuple_of(ts, literal.get(), Py_None, Py_None, Py_None);
  Ref<> name = cut(piece.name), spec = cut(piece.spec);
  Ref<> conversion = piece.conversion != 0 ? str_from_char(ts, piece.conversion) : new_none();
  if (!name || !spec || !conversion) return {};
  return tuple_of(ts, literal.get(), name.get(), spec.get(), conversion.get());
}

Ref<> name_or_index(ThreadState& ts, PyObject* text, Py_ssize_t index, MarkupSpan name) {
  return index >= 0 ? int_from_ssize(ts, index) : str_substring(ts, text, name.start, name.end);
}

Ref<> name_iter_next(ThreadState& ts, NameIterObject* it) {
  bool is_attribute;
  Py_ssize_t index;
  MarkupSpan name;
  if (it->reader.step(ts, &is_attribute, &index, &name) != Tri::kTrue) return {};
  Ref<> what = name_or_index(ts, it->text, index, name);
  return what ? tuple_of(ts, is_attribute ? Py_True : Py_False, what.get()) : Ref<>();
}

}  // namespace

constinit const TypeSpec formatter_iter_spec{
    .name = "formatteriterator",
    .basicsize = sizeof(MarkupIterObject),
    .dealloc = ATOLL_SLOT(markup_iter_dealloc),
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(markup_iter_next),
};
constinit const TypeSpec field_name_iter_spec{
    .name = "fieldnameiterator",
    .basicsize = sizeof(NameIterObject),
    .dealloc = ATOLL_SLOT(name_iter_dealloc),
    .iter = PyObject_SelfIter,
    .iternext = ATOLL_SLOT(name_iter_next),
};

Ref<> markup_parser(ThreadState& ts, PyObject* text) {
  if (!is_str(text)) return raise(ts, PyExc_TypeError, "expected str, got %T", text);
  auto it = new_object<MarkupIterObject>(ts, &_PyFormatterIter_Type);
  if (!it) return {};
  it->text = new_ref(text);
  it->reader = MarkupReader(str_view(text));
  return it;
}

Ref<> markup_field_name_split(ThreadState& ts, PyObject* text) {
  if (!is_str(text)) return raise(ts, PyExc_TypeError, "expected str, got %T", text);
  FieldNameReader reader(text, {0, str_length(text)});
  Py_ssize_t index;
  MarkupSpan name;
  if (failed(reader.first(ts, &index, &name))) return {};
  Ref<> first = name_or_index(ts, text, index, name);
  auto it = new_object<NameIterObject>(ts, &_PyFieldNameIter_Type);
  if (!it) return {};
  it->text = new_ref(text);
  it->reader = reader;
  return first ? tuple_of(ts, first.get(), it.get()) : Ref<>();
}

}  // namespace atl
