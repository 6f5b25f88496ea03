// str.format and str.format_map.
#include "Objects/dict/dict.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/str/format_spec.h"
#include "Objects/str/layout.h"
#include "Objects/str/markup.h"
#include "Objects/str/methods.h"
#include "Objects/tuple.h"

namespace atl {
namespace {

enum class Numbering : uint8_t { kUnknown, kAutomatic, kManual };

struct Formatter {
  ThreadState& ts;
  PyObject* args;    // tuple, or NULL for format_map
  PyObject* kwargs;  // mapping, or NULL
  Numbering numbering = Numbering::kUnknown;
  Py_ssize_t next_index = 0;

  Status numbering_is(Numbering kind) {
    if (numbering == Numbering::kUnknown) numbering = kind;
    if (numbering == kind) return Status::kOk;
    if (kind == Numbering::kManual) {
      return raise(ts, PyExc_ValueError, "cannot switch from automatic field numbering to manual field specification");
    }
    return raise(ts, PyExc_ValueError, "cannot switch from manual field specification to automatic field numbering");
  }

  Ref<> positional(Py_ssize_t index) {
    if (args == nullptr) return raise(ts, PyExc_ValueError, "Format string contains positional fields");
    if (index >= tuple_size(args)) {
      return raise(ts, PyExc_IndexError, "Replacement index %zd out of range for positional args tuple", index);
    }
    return dup(tuple_peek(args, index));
  }

  Ref<> named(PyObject* name) {
    if (kwargs == nullptr) return raise_key_error(ts, name);
    if (is_exact_dict(kwargs)) {
      Ref<> found;
      if (failed(dict_lookup(ts, kwargs, name, &found))) return {};
      return found ? std::move(found) : Ref<>(raise_key_error(ts, name));
    }
    return object_getitem(ts, kwargs, name);
  }

  Ref<> value_of(PyObject* format, MarkupSpan span) {
    FieldNameReader reader(format, span);
    Py_ssize_t index;
    MarkupSpan name;
    if (failed(reader.first(ts, &index, &name))) return {};
    Ref<> value;
    if (index < 0 && name.empty()) {
      if (failed(numbering_is(Numbering::kAutomatic))) return {};
      value = positional(next_index++);
    } else if (index >= 0) {
      if (failed(numbering_is(Numbering::kManual))) return {};
      value = positional(index);
    } else {
      Ref<> key = str_substring(ts, format, name.start, name.end);
      if (!key) return {};
      value = named(key.get());
    }
    bool is_attribute;
    while (value) {
      Tri more = reader.step(ts, &is_attribute, &index, &name);
      if (more == Tri::kError) return {};
      if (more == Tri::kFalse) break;
      if (index >= 0) {
        if (PySequence_Check(value.get())) {
          value = steal(PySequence_GetItem(value.get(), index));
        } else {
          Ref<> key = int_from_ssize(ts, index);
          if (!key) return {};
          value = object_getitem(ts, value.get(), key.get());
        }
        continue;
      }
      Ref<> key = str_substring(ts, format, name.start, name.end);
      if (!key) return {};
      value = is_attribute ? object_getattr(ts, value.get(), key.get()) : object_getitem(ts, value.get(), key.get());
    }
    return value;
  }

  Ref<> converted(Ref<> value, uint32_t conversion) {
    switch (conversion) {
      case 0: return value;
      case 'r': return object_repr(ts, value.get());
      case 's': return object_str(ts, value.get());
      case 'a': return object_ascii(ts, value.get());
      default: break;
    }
    if (conversion > 32 && conversion < 127) {
      return raise(ts, PyExc_ValueError, "Unknown conversion specifier %c", static_cast<int>(conversion));
    }
    return raise(ts, PyExc_ValueError, "Unknown conversion specifier \\x%x", conversion);
  }

  Status write_value(StrWriter& w, PyObject* value, PyObject* spec) {
    if (str_length(spec) == 0 && is_exact_str(value)) return w.write(value);
    Ref<> text = object_format(ts, value, spec);
    if (!text) return Status::kError;
    return w.write(text.get());
  }

  Status write(StrWriter& w, PyObject* format, int depth) {
    if (depth < 0) return raise(ts, PyExc_ValueError, "Max string recursion exceeded");
    TextView text = str_view(format);
    MarkupReader reader(text);
    MarkupPiece piece;
    for (;;) {
      Tri more = reader.next(ts, &piece);
      if (more != Tri::kTrue) return more == Tri::kError ? Status::kError : Status::kOk;
      if (failed(w.write(format, piece.literal.start, piece.literal.end))) return Status::kError;
      if (!piece.has_field) continue;
      Ref<> value = value_of(format, piece.name);
      if (value) value = converted(std::move(value), piece.conversion);
      if (!value) return Status::kError;
      Ref<> spec = str_substring(ts, format, piece.spec.start, piece.spec.end);
      if (spec && piece.nested) {
        StrWriter inner(ts);
        if (failed(write(inner, spec.get(), depth - 1))) return Status::kError;
        spec = inner.finish();
      }
      if (!spec || failed(write_value(w, value.get(), spec.get()))) return Status::kError;
    }
  }
};

Ref<> do_format(ThreadState& ts, PyObject* self, PyObject* args, PyObject* kwargs) {
  Formatter f{ts, args, kwargs};
  StrWriter w(ts);
  if (failed(f.write(w, self, 1))) return {};
  return w.finish();
}

}  // namespace

PyObject* str_format_method(PyObject* self, PyObject* args, PyObject* kwargs) {
  return do_format(current_thread(), self, args, kwargs).release();
}

Ref<> str_format_map(ThreadState& ts, PyObject* self, PyObject* mapping) { return do_format(ts, self, nullptr, mapping); }

}  // namespace atl
