// The replacement fields of str.format: one parser for the method and for string.Formatter.
#pragma once

#include "Objects/str/str.h"

namespace atl {

// A piece of text [start, end) of the format string.
struct MarkupSpan {
  Py_ssize_t start = 0, end = 0;
  bool empty() const { return start >= end; }
};

struct MarkupPiece {
  MarkupSpan literal;      // text before the field; an escaped brace ends it (and is part of it)
  bool has_field = false;
  MarkupSpan name, spec;
  uint32_t conversion = 0;  // 0: none
  bool nested = false;      // the spec has fields of its own
};

class MarkupReader {
 public:
  explicit MarkupReader(TextView text, Py_ssize_t start = 0, Py_ssize_t end = PY_SSIZE_T_MAX)
      : text_(text), pos_(start), end_(end < text.length ? end : text.length) {}
  // kTrue: *piece is the next one; kFalse: at the end.
  Tri next(ThreadState& ts, MarkupPiece* piece);

 private:
  uint32_t at(Py_ssize_t i) const { return text_read(text_.kind, text_.data, i); }
  Status field(ThreadState& ts, MarkupPiece* piece);

  TextView text_;
  Py_ssize_t pos_, end_;
};

// "name.attr[item]": the first part, then one step after the other.
class FieldNameReader {
 public:
  FieldNameReader(PyObject* s, MarkupSpan span) : s_(s), pos_(span.start), end_(span.end) {}
  // The first part: *index >= 0 if it is a number, else -1 and *name (maybe empty).
  Status first(ThreadState& ts, Py_ssize_t* index, MarkupSpan* name);
  // kTrue: a step; *is_attribute, and *index >= 0 if it is an item with a number, else *name.
  Tri step(ThreadState& ts, bool* is_attribute, Py_ssize_t* index, MarkupSpan* name);

 private:
  Status number(ThreadState& ts, MarkupSpan span, Py_ssize_t* out) const;

  PyObject* s_;
  Py_ssize_t pos_, end_;
};

// What _string offers to string.Formatter.
Ref<> markup_parser(ThreadState& ts, PyObject* text);            // iterator of (literal, name, spec, conversion)
Ref<> markup_field_name_split(ThreadState& ts, PyObject* text);  // (first, iterator of (is_attribute, name))

}  // namespace atl
