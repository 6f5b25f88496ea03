// _csv: dialects, the reader and the writer of comma-separated values.
//
// The reader goes over each line that its iterator gives with a cursor; what it was in the middle of at the line's end (a
// quoted field, an escape) is its `place` and goes on in the next line. A record is done when a line ends anywhere else.
#include <climits>
#include <cstdlib>
#include <cstring>

#include "Include/structmember.h"
#include "Modules/module_def.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"

namespace atl {

namespace {

enum Quoting { kMinimal, kAll, kNonNumeric, kNone };
constexpr uint32_t kNoChar = UINT32_MAX;

struct State {
  PyObject* error;
  PyObject* dialects;  // dict: name to Dialect
  PyTypeObject *dialect, *reader, *writer;
  long field_limit;
};
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }
State* state_for(PyObject* o) { return static_cast<State*>(PyType_GetModuleState(o->ob_type)); }

struct Dialect {
  PyObject ob_base;
  bool doublequote, skipinitialspace, strict;
  int quoting;
  uint32_t delimiter, quotechar, escapechar;
  PyObject* lineterminator;
};
Dialect* as_dialect(PyObject* o) { return reinterpret_cast<Dialect*>(o); }

// Characters of a field or a record that grows; grow() false without memory.
struct Chars {
  uint32_t* data;
  Py_ssize_t size, room;

  bool reserve(Py_ssize_t more) {
    if (size + more <= room) return true;
    Py_ssize_t wanted = (size + more) * 3 / 2 + 64;
    if (wanted > PY_SSIZE_T_MAX / 4) return false;
    auto* p = static_cast<uint32_t*>(std::realloc(data, static_cast<size_t>(wanted) * sizeof(uint32_t)));
    if (p == nullptr) return false;
    data = p;
    room = wanted;
    return true;
  }
  bool push(uint32_t c) {
    if (!reserve(1)) return false;
    data[size++] = c;
    return true;
  }
  Ref<> text() const { return Ref<>::steal(PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, data != nullptr ? data : &kEmpty, size)); }
  static constexpr uint32_t kEmpty = 0;
};

// ---- dialects ----------------------------------------------------------------------------------------------------

constexpr const char* kParameters[] = {"delimiter", "doublequote", "escapechar", "lineterminator", "quotechar", "quoting", "skipinitialspace", "strict"};
enum Parameter { kDelimiter, kDoublequote, kEscapechar, kLineterminator, kQuotechar, kQuotingP, kSkipinitialspace, kStrict, kParameterCount };

bool take_bool(ThreadState& ts, PyObject* v, bool fallback, bool* out) {
  *out = fallback;
  if (v == nullptr) return true;
  Tri t = object_is_true(ts, v);
  *out = t == Tri::kTrue;
  return !failed(t);
}
bool take_char(ThreadState& ts, const char* name, PyObject* v, uint32_t fallback, bool may_be_none, uint32_t* out) {
  *out = fallback;
  if (v == nullptr) return true;
  if (v == Py_None && may_be_none) {
    *out = kNoChar;
    return true;
  }
  if (!is_str(v)) {
    (void)raise(ts, PyExc_TypeError, may_be_none ? "\"%s\" must be string or None, not %.200s" : "\"%s\" must be string, not %.200s", name, v->ob_type->tp_name);
    return false;
  }
  if (str_length(v) != 1) {
    (void)raise(ts, PyExc_TypeError, "\"%s\" must be a 1-character string", name);
    return false;
  }
  *out = str_at(v, 0);
  return true;
}

Ref<> unknown_dialect(ThreadState& ts, State* s) { return raise(ts, s->error, "unknown dialect"); }

Ref<> registered(ThreadState& ts, State* s, PyObject* name) {
  Ref<> d;
  if (s->dialects == nullptr || failed(dict_lookup(ts, s->dialects, name, &d))) return {};
  if (!d) return unknown_dialect(ts, s);
  return d;
}

// v: the base (or NULL), then the parameters in the order of the table, NULL where not given.
Ref<> make_dialect(ThreadState& ts, State* s, PyObject* base, PyObject** v) {
  Ref<> hold_base;
  if (base != nullptr && is_str(base)) {
    hold_base = registered(ts, s, base);
    if (!hold_base) return {};
    base = hold_base.get();
  }
  Ref<> found[kParameterCount];
  bool all_default = true;
  for (int i = 0; i < kParameterCount; ++i) all_default = all_default && v[i] == nullptr;
  if (base != nullptr && base->ob_type == s->dialect && all_default) return dup(base);
  for (int i = 0; i < kParameterCount; ++i) {
    if (v[i] != nullptr || base == nullptr) continue;
    Ref<> name = str_interned(ts, kParameters[i]);
    if (!name || failed(object_lookup_attr(ts, base, name.get(), &found[i]))) return {};
    v[i] = found[i].get();
  }
  Ref<> made = Ref<>::steal(s->dialect->tp_alloc(s->dialect, 0));
  if (!made) return {};
  Dialect* d = as_dialect(made.get());
  d->lineterminator = nullptr;
  if (!take_char(ts, "delimiter", v[kDelimiter], ',', false, &d->delimiter) || !take_bool(ts, v[kDoublequote], true, &d->doublequote) ||
      !take_char(ts, "escapechar", v[kEscapechar], kNoChar, true, &d->escapechar)) {
    return {};
  }
  PyObject* end = v[kLineterminator];
  if (end == nullptr) {
    d->lineterminator = str_from_ascii(ts, "\r\n").release();
    if (d->lineterminator == nullptr) return {};
  } else if (is_str(end)) {
    d->lineterminator = new_ref(end);
  } else if (end != Py_None) {
    return raise(ts, PyExc_TypeError, "\"lineterminator\" must be a string");
  }
  if (!take_char(ts, "quotechar", v[kQuotechar], '"', true, &d->quotechar)) return {};
  d->quoting = kMinimal;
  if (v[kQuotingP] != nullptr) {
    if (!is_exact(v[kQuotingP], &PyLong_Type)) return raise(ts, PyExc_TypeError, "\"quoting\" must be an integer");
    int overflow;
    int64_t n = int_as_i64_overflow(v[kQuotingP], &overflow);
    if (overflow != 0 || n > INT_MAX || n < INT_MIN) return raise(ts, PyExc_OverflowError, "Python int too large to convert to C int");
    if (n < kMinimal || n > kNone) return raise(ts, PyExc_TypeError, "bad \"quoting\" value");
    d->quoting = static_cast<int>(n);
  }
  if (!take_bool(ts, v[kSkipinitialspace], false, &d->skipinitialspace) || !take_bool(ts, v[kStrict], false, &d->strict)) return {};
  // Without a quote character nothing is quoted, unless somebody insists.
  if (v[kQuotechar] == Py_None && v[kQuotingP] == nullptr) d->quoting = kNone;
  if (d->quoting != kNone && d->quotechar == kNoChar) return raise(ts, PyExc_TypeError, "quotechar must be set if quoting enabled");
  if (d->lineterminator == nullptr) return raise(ts, PyExc_TypeError, "lineterminator must be set");
  return made;
}

// Keyword parameters, `dialect` (the base) among them; positional ones too for Dialect itself.
bool bind_parameters(ThreadState& ts, PyObject* const* positional, Py_ssize_t n, PyObject* kwargs, PyObject** base, PyObject** v) {
  for (int i = 0; i < kParameterCount; ++i) v[i] = i < n ? positional[i] : nullptr;
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (kwargs != nullptr && dict_next(kwargs, &pos, &key, &value)) {
    if (str_equals_ascii(key, "dialect")) {
      if (*base != nullptr) {
        (void)raise(ts, PyExc_TypeError, "argument for function given by name ('dialect') and position (1)");
        return false;
      }
      *base = value;
      continue;
    }
    int i = 0;
    while (i < kParameterCount && !str_equals_ascii(key, kParameters[i])) ++i;
    if (i == kParameterCount) {
      (void)raise(ts, PyExc_TypeError, "'%U' is an invalid keyword argument for this function", key);
      return false;
    }
    if (v[i] != nullptr) {
      (void)raise(ts, PyExc_TypeError, "argument for function given by name ('%U') and position (%d)", key, i + 2);
      return false;
    }
    v[i] = value;
  }
  return true;
}

PyObject* dialect_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  auto* s = static_cast<State*>(PyType_GetModuleState(type));
  if (s == nullptr) {
    // A subclass: the state is the base's.
    error_clear(ts);
    PyObject* mro = type->tp_mro;
    for (Py_ssize_t i = 0; s == nullptr && i < tuple_size(mro); ++i) {
      auto* t = reinterpret_cast<PyTypeObject*>(tuple_peek(mro, i));
      if (t->tp_new != dialect_new || !(t->tp_flags & Py_TPFLAGS_HEAPTYPE)) continue;
      s = static_cast<State*>(PyType_GetModuleState(t));
      if (s == nullptr) error_clear(ts);
    }
    if (s == nullptr) return raise(ts, PyExc_SystemError, "_csv.Dialect without its module");
  }
  Py_ssize_t n = tuple_size(args);
  if (n > kParameterCount + 1) return raise(ts, PyExc_TypeError, "function takes at most %d arguments (%zd given)", kParameterCount + 1, n);
  PyObject* base = n > 0 ? tuple_peek(args, 0) : nullptr;
  PyObject* v[kParameterCount];
  if (!bind_parameters(ts, n > 1 ? tuple_items(args) + 1 : nullptr, n > 1 ? n - 1 : 0, kwargs, &base, v)) return nullptr;
  return make_dialect(ts, s, base, v).release();
}
// What reader(), writer() and register_dialect() are given.
Ref<> dialect_from_call(ThreadState& ts, State* s, PyObject* base, PyObject* kwargs) {
  PyObject* v[kParameterCount];
  if (!bind_parameters(ts, nullptr, 0, kwargs, &base, v)) return {};
  return make_dialect(ts, s, base, v);
}

void dialect_dealloc(PyObject* o) {
  PyTypeObject* type = o->ob_type;
  PyObject_GC_UnTrack(o);
  clear_field(as_dialect(o)->lineterminator);
  type->tp_free(o);
  decref(obj(type));
}
int dialect_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(o->ob_type);
  Py_VISIT(as_dialect(o)->lineterminator);
  return 0;
}
PyObject* dialect_reduce(PyObject* o, PyObject*) {
  return raise(current_thread(), PyExc_TypeError, "cannot pickle '%.100s' instances", o->ob_type->tp_name);
}
Ref<> char_or_none(ThreadState& ts, uint32_t c) {
  (void)ts;
  return c == kNoChar ? new_none() : Ref<>::steal(PyUnicode_FromOrdinal(static_cast<int>(c)));
}
Ref<> get_delimiter(ThreadState& ts, Dialect* d) { return char_or_none(ts, d->delimiter); }
Ref<> get_escapechar(ThreadState& ts, Dialect* d) { return char_or_none(ts, d->escapechar); }
Ref<> get_quotechar(ThreadState& ts, Dialect* d) { return char_or_none(ts, d->quotechar); }
Ref<> get_lineterminator(ThreadState&, Dialect* d) { return dup(d->lineterminator); }
Ref<> get_quoting(ThreadState& ts, Dialect* d) { return int_from_i64(ts, d->quoting); }
constexpr PyGetSetDef kDialectGetSet[] = {{"delimiter", ATOLL_GETTER(get_delimiter), nullptr, nullptr, nullptr},
                                          {"escapechar", ATOLL_GETTER(get_escapechar), nullptr, nullptr, nullptr},
                                          {"lineterminator", ATOLL_GETTER(get_lineterminator), nullptr, nullptr, nullptr},
                                          {"quotechar", ATOLL_GETTER(get_quotechar), nullptr, nullptr, nullptr},
                                          {"quoting", ATOLL_GETTER(get_quoting), nullptr, nullptr, nullptr},
                                          ATOLL_GETSET_END};
constexpr PyMemberDef kDialectMembers[] = {{"skipinitialspace", T_BOOL, offsetof(Dialect, skipinitialspace), READONLY, nullptr},
                                           {"doublequote", T_BOOL, offsetof(Dialect, doublequote), READONLY, nullptr},
                                           {"strict", T_BOOL, offsetof(Dialect, strict), READONLY, nullptr},
                                           {nullptr, 0, 0, 0, nullptr}};
constexpr MethodSpec kDialectMethods[] = {{"__reduce__", dialect_reduce, METH_NOARGS, "Dialects can't be pickled."},
                                          {"__reduce_ex__", dialect_reduce, METH_O, "Dialects can't be pickled."},
                                          ATOLL_METHOD_END};

// ---- reader ------------------------------------------------------------------------------------------------------

enum class Place : uint8_t {
  kRecord,          // nothing of the record has been seen
  kField,           // a field begins here
  kPlain,           // in a field, or in what follows a quoted part
  kPlainEscape,     // behind an escape character there
  kEscapedNewline,  // behind an escaped line end: the field may go on in the next line
  kQuoted,
  kQuotedEscape,
  kQuoteSeen,       // behind a quote character in a quoted field: its end, or one of two
  kEnd,             // behind a line end
};

struct Reader {
  PyObject ob_base;
  PyObject* input;
  Dialect* dialect;
  PyObject* fields;  // list, while a record is being read
  Chars field;
  Place place;
  bool numeric;  // the field was not quoted where that means a number
  unsigned long line_number;
};
Reader* as_reader(PyObject* o) { return reinterpret_cast<Reader*>(o); }

bool is_line_end(uint32_t c) { return c == '\n' || c == '\r'; }

bool field_done(ThreadState& ts, Reader* r) {
  Ref<> text = r->field.text();
  if (!text) return false;
  r->field.size = 0;
  if (r->numeric) {
    r->numeric = false;
    text = Ref<>::steal(PyNumber_Float(text.get()));
    if (!text) return false;
  }
  return !failed(list_append(ts, r->fields, std::move(text)));
}
bool field_char(ThreadState& ts, State* s, Reader* r, uint32_t c) {
  if (r->field.size >= s->field_limit) {
    (void)raise(ts, s->error, "field larger than field limit (%ld)", s->field_limit);
    return false;
  }
  if (r->field.push(c)) return true;
  (void)raise_memory(ts);
  return false;
}

// The next character of a record.
bool next_char(ThreadState& ts, State* s, Reader* r, uint32_t c) {
  const Dialect& d = *r->dialect;
  const bool quote = d.quoting != kNone && c == d.quotechar;
  switch (r->place) {
    case Place::kRecord:
      if (is_line_end(c)) {
        r->place = Place::kEnd;
        return true;
      }
      [[fallthrough]];
    case Place::kField:
      if (is_line_end(c)) {
        r->place = Place::kEnd;
        return field_done(ts, r);
      }
      if (quote) {
        r->place = Place::kQuoted;
        return true;
      }
      if (c == d.escapechar) {
        r->place = Place::kPlainEscape;
        return true;
      }
      r->place = Place::kField;
      if (c == ' ' && d.skipinitialspace) return true;
      if (c == d.delimiter) return field_done(ts, r);
      r->numeric = d.quoting == kNonNumeric;
      r->place = Place::kPlain;
      return field_char(ts, s, r, c);
    case Place::kPlainEscape:
      r->place = is_line_end(c) ? Place::kEscapedNewline : Place::kPlain;
      return field_char(ts, s, r, c);
    case Place::kEscapedNewline:
    case Place::kPlain:
      if (is_line_end(c)) {
        r->place = Place::kEnd;
        return field_done(ts, r);
      }
      if (c == d.escapechar) {
        r->place = Place::kPlainEscape;
        return true;
      }
      if (c == d.delimiter) {
        r->place = Place::kField;
        return field_done(ts, r);
      }
      return field_char(ts, s, r, c);  // behind an escaped line end it stays so until the field is over
    case Place::kQuoted:
      if (c == d.escapechar) {
        r->place = Place::kQuotedEscape;
        return true;
      }
      if (quote) {
        r->place = d.doublequote ? Place::kQuoteSeen : Place::kPlain;
        return true;
      }
      return field_char(ts, s, r, c);
    case Place::kQuotedEscape:
      r->place = Place::kQuoted;
      return field_char(ts, s, r, c);
    case Place::kQuoteSeen:
      if (quote) {
        r->place = Place::kQuoted;
        return field_char(ts, s, r, c);
      }
      if (c == d.delimiter) {
        r->place = Place::kField;
        return field_done(ts, r);
      }
      if (is_line_end(c)) {
        r->place = Place::kEnd;
        return field_done(ts, r);
      }
      if (d.strict) {
        (void)raise(ts, s->error, "'%c' expected after '%c'", static_cast<int>(d.delimiter), static_cast<int>(d.quotechar));
        return false;
      }
      r->place = Place::kPlain;
      return field_char(ts, s, r, c);
    case Place::kEnd:
      if (is_line_end(c)) return true;
      (void)raise(ts, s->error, "new-line character seen in unquoted field - do you need to open the file in universal-newline mode?");
      return false;
  }
  return true;
}

// The line is over; the record goes on in the next one only out of quotes and escapes.
bool end_of_line(ThreadState& ts, State* s, Reader* r) {
  switch (r->place) {
    case Place::kField:
    case Place::kPlain:
    case Place::kQuoteSeen:
      r->place = Place::kRecord;
      return field_done(ts, r);
    case Place::kPlainEscape:
      r->place = Place::kPlain;
      return field_char(ts, s, r, '\n');
    case Place::kQuotedEscape:
      r->place = Place::kQuoted;
      return field_char(ts, s, r, '\n');
    case Place::kEnd:
      r->place = Place::kRecord;
      return true;
    case Place::kRecord:
    case Place::kEscapedNewline:
    case Place::kQuoted:
      return true;
  }
  return true;
}

Ref<> reader_next(ThreadState& ts, PyObject* self) {
  Reader* r = as_reader(self);
  State* s = state_for(self);
  if (r->input == nullptr || r->dialect == nullptr) return raise(ts, PyExc_ValueError, "reader without input");
  Ref<> hold_dialect = dup(obj(r->dialect));
  Ref<> fields = list_new(ts, 0);
  if (!fields) return {};
  set_field(r->fields, std::move(fields));
  r->field.size = 0;
  r->place = Place::kRecord;
  r->numeric = false;
  do {
    Ref<> input = dup(r->input);
    Ref<> line = Ref<>::steal(PyIter_Next(input.get()));
    // The iterator may have used this very reader.
    if (r->fields == nullptr) return error_set(ts) ? Ref<>() : raise(ts, s->error, "the reader was used by its own iterator");
    if (!line) {
      if (!error_set(ts) && (r->field.size != 0 || r->place == Place::kQuoted)) {
        if (r->dialect->strict) return raise(ts, s->error, "unexpected end of data");
        if (!field_done(ts, r)) return {};
        break;
      }
      return {};
    }
    if (!is_str(line.get())) {
      return raise(ts, s->error, "iterator should return strings, not %.200s (the file should be opened in text mode)", line.get()->ob_type->tp_name);
    }
    ++r->line_number;
    const int kind = str_kind(line.get());
    const void* data = str_data(line.get());
    const Py_ssize_t n = str_length(line.get());
    for (Py_ssize_t i = 0; i < n; ++i) {
      if (!next_char(ts, s, r, str_read(kind, data, i))) return {};
    }
    if (!end_of_line(ts, s, r)) return {};
  } while (r->place != Place::kRecord);
  return Ref<>::steal(std::exchange(r->fields, nullptr));
}

void reader_dealloc(PyObject* o) {
  PyTypeObject* type = o->ob_type;
  PyObject_GC_UnTrack(o);
  Reader* r = as_reader(o);
  clear_field(r->input);
  clear_field(reinterpret_cast<PyObject*&>(r->dialect));
  clear_field(r->fields);
  std::free(r->field.data);
  type->tp_free(o);
  decref(obj(type));
}
int reader_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(o->ob_type);
  Py_VISIT(as_reader(o)->input);
  Py_VISIT(as_reader(o)->dialect);
  Py_VISIT(as_reader(o)->fields);
  return 0;
}
int reader_clear(PyObject* o) {
  clear_field(as_reader(o)->input);
  clear_field(reinterpret_cast<PyObject*&>(as_reader(o)->dialect));
  clear_field(as_reader(o)->fields);
  return 0;
}
constexpr PyMemberDef kReaderMembers[] = {{"dialect", T_OBJECT, offsetof(Reader, dialect), READONLY, nullptr},
                                          {"line_num", T_ULONG, offsetof(Reader, line_number), READONLY, nullptr},
                                          {nullptr, 0, 0, 0, nullptr}};

bool one_or_two(ThreadState& ts, PyObject* args, const char* what, PyObject** first, PyObject** second) {
  Py_ssize_t n = tuple_size(args);
  if (n < 1 || n > 2) {
    (void)raise(ts, PyExc_TypeError, n < 1 ? "%s expected at least %d argument%s, got %zd" : "%s expected at most %d argument%s, got %zd", what,
                n < 1 ? 1 : 2, n < 1 ? "" : "s", n);
    return false;
  }
  *first = tuple_peek(args, 0);
  *second = n == 2 ? tuple_peek(args, 1) : nullptr;
  return true;
}

PyObject* m_reader(PyObject* module, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  State* s = state_of(module);
  PyObject *iterable, *base;
  if (!one_or_two(ts, args, "", &iterable, &base)) return nullptr;
  Ref<> input = object_iter(ts, iterable);
  Ref<> dialect = input ? dialect_from_call(ts, s, base, kwargs) : Ref<>();
  if (!dialect) return nullptr;
  PyObject* o = s->reader->tp_alloc(s->reader, 0);
  if (o == nullptr) return nullptr;
  as_reader(o)->input = input.release();
  as_reader(o)->dialect = as_dialect(dialect.release());
  return o;
}

// ---- writer ------------------------------------------------------------------------------------------------------

struct Writer {
  PyObject ob_base;
  PyObject* write;
  Dialect* dialect;
};
Writer* as_writer(PyObject* o) { return reinterpret_cast<Writer*>(o); }

bool in_text(PyObject* text, uint32_t c) {
  for (Py_ssize_t i = 0; i < str_length(text); ++i) {
    if (str_at(text, i) == c) return true;
  }
  return false;
}

// One field behind the record so far. quoted: whatever is in it; text may be NULL for None.
bool put_field(ThreadState& ts, State* s, const Dialect& d, Chars* record, bool first, PyObject* text, bool quoted) {
  const Py_ssize_t n = text != nullptr ? str_length(text) : 0;
  auto special = [&](uint32_t c) {
    return c == d.delimiter || c == d.escapechar || c == d.quotechar || in_text(d.lineterminator, c);
  };
  // Whether quotes are needed is known only at the end of the field: a first look decides.
  for (Py_ssize_t i = 0; d.quoting != kNone && !quoted && i < n; ++i) {
    uint32_t c = str_at(text, i);
    if (!special(c)) continue;
    if (c == d.quotechar ? d.doublequote : c != d.escapechar) quoted = true;
  }
  auto put = [&](uint32_t c) {
    if (record->push(c)) return true;
    (void)raise_memory(ts);
    return false;
  };
  if (!first && !put(d.delimiter)) return false;
  if (quoted && !put(d.quotechar)) return false;
  for (Py_ssize_t i = 0; i < n; ++i) {
    uint32_t c = str_at(text, i);
    if (special(c)) {
      bool escape = d.quoting == kNone || c == d.escapechar;
      if (!escape && c == d.quotechar) {
        if (!d.doublequote) {
          escape = true;
        } else if (!put(d.quotechar)) {
          return false;
        }
      }
      if (escape) {
        if (d.escapechar == kNoChar) {
          (void)raise(ts, s->error, "need to escape, but no escapechar set");
          return false;
        }
        if (!put(d.escapechar)) return false;
      }
    }
    if (!put(c)) return false;
  }
  return !quoted || put(d.quotechar);
}

Ref<> write_row(ThreadState& ts, PyObject* self, PyObject* row) {
  Writer* w = as_writer(self);
  State* s = state_for(self);
  if (w->write == nullptr || w->dialect == nullptr) return raise(ts, PyExc_ValueError, "writer without output");
  Ref<> hold_dialect = dup(obj(w->dialect)), write = dup(w->write);
  const Dialect& d = *as_dialect(hold_dialect.get());
  Ref<> it = object_iter(ts, row);
  if (!it) {
    if (!error_clear_if(ts, PyExc_TypeError)) return {};
    return raise(ts, s->error, "iterable expected, not %.200s", row->ob_type->tp_name);
  }
  Chars record{};
  ScopeGuard release([&] { std::free(record.data); });
  Py_ssize_t count = 0;
  bool only_null = false;
  while (Ref<> field = Ref<>::steal(PyIter_Next(it.get()))) {
    const bool quoted = d.quoting == kAll || (d.quoting == kNonNumeric && !PyNumber_Check(field.get()));
    only_null = field.get() == Py_None;
    Ref<> text;
    if (!only_null) {
      text = is_str(field.get()) ? field.dup() : object_str(ts, field.get());
      if (!text) return {};
    }
    if (!put_field(ts, s, d, &record, count == 0, text.get(), quoted)) return {};
    ++count;
  }
  if (error_set(ts)) return {};
  if (count > 0 && record.size == 0) {
    // An empty line would read as no field at all.
    if (d.quoting == kNone) return raise(ts, s->error, "single empty field record must be quoted");
    if (!put_field(ts, s, d, &record, true, nullptr, true)) return {};
  }
  for (Py_ssize_t i = 0; i < str_length(d.lineterminator); ++i) {
    if (!record.push(str_at(d.lineterminator, i))) return raise_memory(ts);
  }
  Ref<> line = record.text();
  return line ? call(ts, write.get(), line.get()) : Ref<>();
}
Ref<> m_writerow(ThreadState& ts, PyObject* self, PyObject* row) { return write_row(ts, self, row); }
Ref<> m_writerows(ThreadState& ts, PyObject* self, PyObject* rows) {
  Status status = for_each(ts, rows, [&](PyObject* row) { return write_row(ts, self, row) ? Status::kOk : Status::kError; });
  return failed(status) ? Ref<>() : new_none();
}
void writer_dealloc(PyObject* o) {
  PyTypeObject* type = o->ob_type;
  PyObject_GC_UnTrack(o);
  clear_field(as_writer(o)->write);
  clear_field(reinterpret_cast<PyObject*&>(as_writer(o)->dialect));
  type->tp_free(o);
  decref(obj(type));
}
int writer_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(o->ob_type);
  Py_VISIT(as_writer(o)->write);
  Py_VISIT(as_writer(o)->dialect);
  return 0;
}
int writer_clear(PyObject* o) {
  clear_field(as_writer(o)->write);
  clear_field(reinterpret_cast<PyObject*&>(as_writer(o)->dialect));
  return 0;
}
constexpr PyMemberDef kWriterMembers[] = {{"dialect", T_OBJECT, offsetof(Writer, dialect), READONLY, nullptr}, {nullptr, 0, 0, 0, nullptr}};
constexpr MethodSpec kWriterMethods[] = {
    ATOLL_METHOD_PLAIN_FLAGS(m_writerow, "writerow", "($self, row, /)", "writerow(iterable)\n\nWrite the fields as one record; what the file's write() gives.", 0),
    ATOLL_METHOD_PLAIN_FLAGS(m_writerows, "writerows", "($self, rows, /)", "writerows(iterable of iterables)\n\nWrite several records.", 0),
    ATOLL_METHOD_END};

PyObject* m_writer(PyObject* module, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  State* s = state_of(module);
  PyObject *file, *base;
  if (!one_or_two(ts, args, "", &file, &base)) return nullptr;
  Ref<> write;
  if (failed(object_lookup_attr(ts, file, ID(write), &write))) return nullptr;
  if (!write || !PyCallable_Check(write.get())) return raise(ts, PyExc_TypeError, "argument 1 must have a \"write\" method");
  Ref<> dialect = dialect_from_call(ts, s, base, kwargs);
  if (!dialect) return nullptr;
  PyObject* o = s->writer->tp_alloc(s->writer, 0);
  if (o == nullptr) return nullptr;
  as_writer(o)->write = write.release();
  as_writer(o)->dialect = as_dialect(dialect.release());
  return o;
}

// ---- the module --------------------------------------------------------------------------------------------------

PyObject* m_register_dialect(PyObject* module, PyObject* args, PyObject* kwargs) {
  ThreadState& ts = current_thread();
  State* s = state_of(module);
  PyObject *name, *base;
  if (!one_or_two(ts, args, "", &name, &base)) return nullptr;
  if (!is_str(name)) return raise(ts, PyExc_TypeError, "dialect name must be a string");
  Ref<> dialect = dialect_from_call(ts, s, base, kwargs);
  if (!dialect || failed(dict_set(ts, s->dialects, name, dialect.get()))) return nullptr;
  return new_ref(Py_None);
}
Ref<> m_unregister_dialect(ThreadState& ts, PyObject* module, PyObject* name) {
  Ref<> old;
  if (failed(dict_pop(ts, state_of(module)->dialects, name, &old))) return {};
  return old ? new_none() : unknown_dialect(ts, state_of(module));
}
Ref<> m_get_dialect(ThreadState& ts, PyObject* module, PyObject* name) { return registered(ts, state_of(module), name); }
Ref<> m_list_dialects(ThreadState& ts, PyObject* module) { return dict_keys_list(ts, state_of(module)->dialects); }
Ref<> m_field_size_limit(ThreadState& ts, PyObject* module, PyObject* new_limit) {
  State* s = state_of(module);
  const long old = s->field_limit;
  if (new_limit != nullptr) {
    if (!is_exact(new_limit, &PyLong_Type)) return raise(ts, PyExc_TypeError, "limit must be an integer");
    long n = PyLong_AsLong(new_limit);
    if (n == -1 && error_set(ts)) return {};
    s->field_limit = n;
  }
  return int_from_i64(ts, old);
}

constexpr MethodSpec kMethods[] = {
    {"reader", m_reader, METH_VARARGS | METH_KEYWORDS,
     "reader(iterable [, dialect='excel'] [optional keyword args])\n\nAn iterator over the records in the lines of the iterable."},
    {"writer", m_writer, METH_VARARGS | METH_KEYWORDS,
     "writer(fileobj [, dialect='excel'] [optional keyword args])\n\nWrites records to a file."},
    {"register_dialect", m_register_dialect, METH_VARARGS | METH_KEYWORDS,
     "register_dialect(name[, dialect[, **fmtparams]])\n\nGive a dialect a name."},
    ATOLL_METHOD(m_list_dialects, "list_dialects", "($module, /)", "The names of all dialects."),
    ATOLL_METHOD(m_unregister_dialect, "unregister_dialect", "($module, /, name)", "Forget a dialect's name."),
    ATOLL_METHOD(m_get_dialect, "get_dialect", "($module, /, name)", "The dialect of a name."),
    ATOLL_METHOD(m_field_size_limit, "field_size_limit", "($module, /, new_limit=<unrepresentable>)", "The limit of a field's size before; set it, if one is given."),
    ATOLL_METHOD_END};

template <class F>
void* slot(F f) {
  return reinterpret_cast<void*>(f);
}
template <class T>
void* table(const T* t) {
  return const_cast<T*>(t);
}
PyTypeObject* add_type(PyObject* m, const char* attribute, const char* name, size_t size, unsigned flags, PyType_Slot* slots) {
  PyType_Spec spec{name, static_cast<int>(size), 0, static_cast<unsigned>(Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC) | flags, slots};
  auto* type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(m, &spec, nullptr));
  if (type != nullptr && PyModule_AddObjectRef(m, attribute, obj(type)) < 0) {
    decref(obj(type));
    return nullptr;
  }
  return type;
}

int exec_csv(PyObject* m) {
  ThreadState& ts = current_thread();
  State* s = state_of(m);
  s->field_limit = 128 * 1024;
  PyType_Slot dialect[] = {{Py_tp_doc, const_cast<char*>("CSV dialect\n\nHow records are written and read.")},
                           {Py_tp_new, slot(dialect_new)},
                           {Py_tp_dealloc, slot(dialect_dealloc)},
                           {Py_tp_traverse, slot(dialect_traverse)},
                           {Py_tp_methods, table(kDialectMethods)},
                           {Py_tp_getset, table(kDialectGetSet)},
                           {Py_tp_members, table(kDialectMembers)},
                           {0, nullptr}};
  PyType_Slot reader[] = {{Py_tp_doc, const_cast<char*>("CSV reader\n\nAn iterator over records.")},
                          {Py_tp_dealloc, slot(reader_dealloc)},
                          {Py_tp_traverse, slot(reader_traverse)},
                          {Py_tp_clear, slot(reader_clear)},
                          {Py_tp_iter, slot(PyObject_SelfIter)},
                          {Py_tp_iternext, slot(ATOLL_SLOT(reader_next))},
                          {Py_tp_members, table(kReaderMembers)},
                          {0, nullptr}};
  PyType_Slot writer[] = {{Py_tp_doc, const_cast<char*>("CSV writer\n\nWrites records.")},
                          {Py_tp_dealloc, slot(writer_dealloc)},
                          {Py_tp_traverse, slot(writer_traverse)},
                          {Py_tp_clear, slot(writer_clear)},
                          {Py_tp_methods, table(kWriterMethods)},
                          {Py_tp_members, table(kWriterMembers)},
                          {0, nullptr}};
  s->dialect = add_type(m, "Dialect", "_csv.Dialect", sizeof(Dialect), Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE, dialect);
  s->reader = add_type(m, "Reader", "_csv.reader", sizeof(Reader), Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE, reader);
  s->writer = add_type(m, "Writer", "_csv.writer", sizeof(Writer), Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE, writer);
  s->dialects = dict_new(ts).release();
  s->error = PyErr_NewException("_csv.Error", nullptr, nullptr);
  if (!s->dialect || !s->reader || !s->writer || !s->dialects || !s->error) return -1;
  static constexpr const char* kQuoting[] = {"QUOTE_MINIMAL", "QUOTE_ALL", "QUOTE_NONNUMERIC", "QUOTE_NONE"};
  for (int i = 0; i < 4; ++i) {
    if (PyModule_AddIntConstant(m, kQuoting[i], i) < 0) return -1;
  }
  if (PyModule_AddStringConstant(m, "__version__", "1.0") < 0 || PyModule_AddObjectRef(m, "_dialects", s->dialects) < 0) return -1;
  return PyModule_AddObjectRef(m, "Error", s->error);
}
int csv_traverse(PyObject* m, visitproc visit, void* arg) {
  State* s = state_of(m);
  Py_VISIT(s->error);
  Py_VISIT(s->dialects);
  Py_VISIT(s->dialect);
  Py_VISIT(s->reader);
  Py_VISIT(s->writer);
  return 0;
}
int csv_clear(PyObject* m) {
  State* s = state_of(m);
  Py_CLEAR(s->error);
  Py_CLEAR(s->dialects);
  Py_CLEAR(s->dialect);
  Py_CLEAR(s->reader);
  Py_CLEAR(s->writer);
  return 0;
}

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE_GC(PyInit__csv, "_csv", "Reading and writing of comma-separated values.", sizeof(atl::State), atl::kMethods, atl::exec_csv,
                        atl::csv_traverse, atl::csv_clear, nullptr)
