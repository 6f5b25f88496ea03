// See construct.h.
#include "Objects/code/construct.h"

#include <cstring>

#include "Objects/bytes.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/bind.h"

namespace atl {

namespace {

constexpr char kLineMark[4] = {'A', 't', 'L', '1'};
constexpr char kHandlerMark[4] = {'A', 't', 'X', '1'};

template <class T>
T* copy_array(const T* from, uint32_t n) {
  auto* to = static_cast<T*>(PyObject_Malloc((n ? n : 1) * sizeof(T)));
  if (to != nullptr && n != 0) std::memcpy(to, from, n * sizeof(T));
  return to;
}

template <class T>
void put_rows(char** to, const T* rows, uint32_t n) {
  if (n != 0) std::memcpy(*to, rows, n * sizeof(T));
  *to += n * sizeof(T);
}

// Reads n rows; NULL when they are not there, or without memory.
template <class T>
T* take_rows(std::string_view* from, uint32_t n) {
  if (from->size() / sizeof(T) < n) return nullptr;
  auto* rows = static_cast<T*>(PyObject_Malloc((n ? n : 1) * sizeof(T)));
  if (rows == nullptr) return nullptr;
  if (n != 0) std::memcpy(rows, from->data(), n * sizeof(T));
  from->remove_prefix(n * sizeof(T));
  return rows;
}

}  // namespace

Ref<> code_linetable(ThreadState& ts, CodeObject* c) {
  const CodeImage* image = c->image;
  if (image->position_count == 0) return bytes_from(ts, {});
  Ref<> b = bytes_from(ts, {});
  if (!b || failed(bytes_resize(ts, &b, static_cast<Py_ssize_t>(4 + image->position_count * sizeof(PositionRow))))) return {};
  char* p = bytes_data(b.get());
  put_rows(&p, kLineMark, 4);
  put_rows(&p, image->positions, image->position_count);
  return b;
}

Ref<> code_exceptiontable(ThreadState& ts, CodeObject* c) {
  const CodeImage* image = c->image;
  if (image->handler_count == 0 && image->live_count == 0) return bytes_from(ts, {});
  uint32_t counts[3] = {image->handler_count, image->live_count, image->live_pool_count};
  size_t size = 4 + sizeof counts + image->handler_count * sizeof(HandlerRow) + image->live_count * sizeof(LiveRow) +
                image->live_pool_count * sizeof(uint16_t);
  Ref<> b = bytes_from(ts, {});
  if (!b || failed(bytes_resize(ts, &b, static_cast<Py_ssize_t>(size)))) return {};
  char* p = bytes_data(b.get());
  put_rows(&p, kHandlerMark, 4);
  put_rows(&p, counts, 3);
  put_rows(&p, image->handlers, image->handler_count);
  put_rows(&p, image->live, image->live_count);
  put_rows(&p, image->live_pool, image->live_pool_count);
  return b;
}

// ---- verification ------------------------------------------------------------------------------------------------

bool code_verify(const CodeImage* image) {
  uint32_t n = image->word_count;
  auto* starts = static_cast<uint8_t*>(PyObject_Calloc(n + 1, 1));
  if (starts == nullptr) return false;
  ScopeGuard drop([&] { PyObject_Free(starts); });
  bool ends = false;
  for (uint32_t i = 0; i < n;) {
    auto op = static_cast<uint16_t>(image->words[i]);
    if (op >= static_cast<uint16_t>(Opcode::kGenericCount) || static_cast<Opcode>(op) >= kFirstStub) return false;
    starts[i] = 1;
    ends = kOpInfo[op].flags & kEnds;
    i += 1u + kOpInfo[op].cache;
    if (i > n) return false;
  }
  if (n == 0 || !ends) return false;
  auto temporaries = static_cast<int64_t>(image->ntemps);
  for (uint32_t i = 0; i < n;) {
    uint64_t w = image->words[i];
    const OpInfo& info = kOpInfo[static_cast<uint16_t>(w)];
    const Operand kinds[3] = {info.a, info.b, info.c};
    int64_t jump = static_cast<int64_t>(i) + 1 + info.cache;
    for (int k = 0; k < 3; ++k) {
      auto v = static_cast<int16_t>(w >> (16 + 16 * k));
      auto u = static_cast<uint16_t>(v);
      auto c = static_cast<int64_t>(static_cast<uint16_t>(w >> 48));
      int64_t wide = 1;
      switch (kinds[k]) {
        case Operand::None: case Operand::Imm: continue;
        case Operand::K:
          if (u >= image->const_count) return false;
          continue;
        case Operand::Name:
          if (u >= image->name_count) return false;
          continue;
        case Operand::Free:
          if (u >= image->free_count) return false;
          continue;
        case Operand::Jump: {
          int64_t to = jump + v;
          if (to < 0 || to >= static_cast<int64_t>(n) || !starts[to]) return false;
          continue;
        }
        case Operand::Dst2: wide = 2; break;
        case Operand::Dst3: wide = 3; break;
        case Operand::DstN: wide = (c & 0xff) + (c >> 8) + 1; break;
        case Operand::Win: wide = c + 3; break;
        default: break;
      }
      // The last slots of a window may be those that calls leave free behind the frame.
      if (v >= 0 ? (v < kFrameHeader || v + wide > temporaries + 4) : v < -static_cast<int64_t>(image->nlocals)) return false;
    }
    if (static_cast<Opcode>(static_cast<uint16_t>(w)) == Opcode::kJumpFar) {
      int64_t to = jump + static_cast<int32_t>(static_cast<uint32_t>(w >> 32));
      if (to < 0 || to >= static_cast<int64_t>(n) || !starts[to]) return false;
    }
    if (static_cast<Opcode>(static_cast<uint16_t>(w)) == Opcode::kLoadKFar && (w >> 32) >= image->const_count) return false;
    i += 1u + info.cache;
  }
  for (uint32_t i = 0; i < image->handler_count; ++i) {
    const HandlerRow& row = image->handlers[i];
    if (row.start > row.end || row.end > n || row.handler >= n || !starts[row.handler]) return false;
    if (row.exc_register < kFrameHeader || row.exc_register >= temporaries) return false;
  }
  for (uint32_t i = 0; i < image->live_count; ++i) {
    const LiveRow& row = image->live[i];
    if (row.first > image->live_pool_count || row.count > image->live_pool_count - row.first) return false;
  }
  for (uint32_t i = 0; i < image->live_pool_count; ++i) {
    if (image->live_pool[i] < kFrameHeader || image->live_pool[i] >= temporaries) return false;
  }
  return true;
}

// ---- putting together --------------------------------------------------------------------------------------------

namespace {

struct Parts {
  int argcount, posonly, kwonly, nlocals, stacksize, flags, firstlineno;
  PyObject *code, *consts, *names, *varnames, *freevars, *cellvars, *filename, *name, *qualname, *linetable, *exceptiontable;
};

bool check_names(ThreadState& ts, PyObject* tuple) {
  for (Py_ssize_t i = 0; i < tuple_size(tuple); ++i) {
    PyObject* name = tuple_peek(tuple, i);
    if (is_str(name)) continue;
    (void)raise(ts, PyExc_TypeError, "name tuples must contain only strings, not '%.500s'", name->ob_type->tp_name);
    return false;
  }
  return true;
}

PyObject** intern_all(PyObject* tuple) {
  auto n = static_cast<uint32_t>(tuple_size(tuple));
  PyObject** items = copy_array(tuple_items(tuple), n);
  if (items == nullptr) return nullptr;
  ThreadState& ts = current_thread();
  for (uint32_t i = 0; i < n; ++i) {
    Ref<> s = dup(items[i]);
    str_intern(ts, &s);
    items[i] = s.release();
  }
  return items;
}

bool contains_name(PyObject* tuple, PyObject* name) {
  for (Py_ssize_t i = 0; i < tuple_size(tuple); ++i) {
    if (str_equal(tuple_peek(tuple, i), name)) return true;
  }
  return false;
}

// Where local variables stand: parameters and plain locals, then the cells that are none of them, then the namespace.
struct Layout {
  uint32_t plain = 0, cells = 0;
  bool has_namespace = false;
  uint32_t slots() const { return plain + cells + has_namespace; }
};

Layout layout_of(const CodeImage* image) {
  Layout l;
  for (uint32_t i = 0; i < image->local_name_count; ++i) {
    uint8_t kind = image->local_kinds[i];
    if (kind & kLocalPlain) {
      ++l.plain;
    } else if (kind & kLocalCell) {
      ++l.cells;
    }
  }
  l.has_namespace = !(image->flags & CO_OPTIMIZED);
  return l;
}

bool is_register(Operand kind) {
  switch (kind) {
    case Operand::Dst: case Operand::Dst2: case Operand::Dst3: case Operand::DstN: case Operand::Src: case Operand::Keep:
    case Operand::InOut: case Operand::Win: case Operand::Local: return true;
    default: return false;
  }
}

// The same instructions for other places of the locals. False: an instruction uses a local that is no more.
bool move_locals(uint64_t* words, uint32_t n, const Layout& from, const Layout& to) {
  for (uint32_t i = 0; i < n;) {
    const OpInfo& info = kOpInfo[static_cast<uint16_t>(words[i])];
    const Operand kinds[3] = {info.a, info.b, info.c};
    for (int k = 0; k < 3; ++k) {
      int shift = 16 + 16 * k;
      auto v = static_cast<int16_t>(words[i] >> shift);
      if (!is_register(kinds[k]) || v >= 0) continue;
      auto slot = static_cast<uint32_t>(v + static_cast<int>(from.slots()));
      uint32_t place;
      if (slot < from.plain) {
        if (slot >= to.plain) return false;
        place = slot;
      } else if (slot < from.plain + from.cells) {
        if (slot - from.plain >= to.cells) return false;
        place = to.plain + (slot - from.plain);
      } else {
        if (!to.has_namespace) return false;
        place = to.slots() - 1;
      }
      auto u = static_cast<uint16_t>(static_cast<int>(place) - static_cast<int>(to.slots()));
      words[i] = (words[i] & ~(uint64_t{0xffff} << shift)) | static_cast<uint64_t>(u) << shift;
    }
    i += 1u + info.cache;
  }
  return true;
}

bool read_linetable(PyObject* table, CodeImage* image) {
  std::string_view text(bytes_data(table), static_cast<size_t>(bytes_size(table)));
  uint32_t n = 0;
  if (text.size() >= 4 && std::memcmp(text.data(), kLineMark, 4) == 0) {
    text.remove_prefix(4);
    n = static_cast<uint32_t>(text.size() / sizeof(PositionRow));
  }
  image->positions = take_rows<PositionRow>(&text, n);
  image->position_count = n;
  return image->positions != nullptr;
}

bool read_exceptiontable(PyObject* table, CodeImage* image) {
  std::string_view text(bytes_data(table), static_cast<size_t>(bytes_size(table)));
  uint32_t counts[3] = {0, 0, 0};
  if (text.size() >= 4 + sizeof counts && std::memcmp(text.data(), kHandlerMark, 4) == 0) {
    std::memcpy(counts, text.data() + 4, sizeof counts);
    text.remove_prefix(4 + sizeof counts);
    uint64_t size = uint64_t{counts[0]} * sizeof(HandlerRow) + uint64_t{counts[1]} * sizeof(LiveRow) + uint64_t{counts[2]} * 2;
    if (size != text.size()) counts[0] = counts[1] = counts[2] = 0;
  }
  image->handlers = take_rows<HandlerRow>(&text, counts[0]);
  image->handler_count = image->handlers ? counts[0] : 0;
  image->live = image->handlers ? take_rows<LiveRow>(&text, counts[1]) : nullptr;
  image->live_count = image->live ? counts[1] : 0;
  image->live_pool = image->live ? take_rows<uint16_t>(&text, counts[2]) : nullptr;
  image->live_pool_count = image->live_pool ? counts[2] : 0;
  return image->live_pool != nullptr;
}

// An image of the parts, whose types have been checked. `old` gives the layout that the instructions were made for; NULL:
// they are for the parts' own.
Ref<> build(ThreadState& ts, const Parts& p, const CodeImage* old) {
  if (p.argcount < 0 || p.posonly < 0 || p.kwonly < 0 || p.nlocals < 0 || p.stacksize < 0 || p.flags < 0 || p.posonly > p.argcount) {
    return raise(ts, PyExc_ValueError, p.argcount < 0   ? "code: argcount must not be negative"
                                       : p.posonly < 0  ? "code: posonlyargcount must not be negative"
                                       : p.kwonly < 0   ? "code: kwonlyargcount must not be negative"
                                       : p.nlocals < 0  ? "code: nlocals must not be negative"
                                       : p.stacksize < 0 || p.flags < 0 ? "code: stacksize and flags must not be negative"
                                                        : "code: posonlyargcount must not exceed argcount");
  }
  for (PyObject* tuple : {p.names, p.varnames, p.freevars, p.cellvars}) {
    if (!check_names(ts, tuple)) return {};
  }
  if (p.nlocals != tuple_size(p.varnames)) return raise(ts, PyExc_ValueError, "code: co_nlocals != len(co_varnames)");
  int64_t parameters = int64_t{p.argcount} + p.kwonly + ((p.flags & CO_VARARGS) != 0) + ((p.flags & CO_VARKEYWORDS) != 0);
  if (parameters > p.nlocals) return raise(ts, PyExc_ValueError, "code: varnames is too small");
  Py_ssize_t size = bytes_size(p.code);
  if (size % 8 != 0 || size > INT32_MAX) return raise(ts, PyExc_ValueError, "code: co_code is malformed");
  if (p.stacksize > 30000 || tuple_size(p.varnames) + tuple_size(p.cellvars) > 30000 || tuple_size(p.consts) > INT32_MAX ||
      tuple_size(p.names) > 65535 || tuple_size(p.freevars) > 65535) {
    return raise(ts, PyExc_OverflowError, "code: too many variables or temporaries");
  }
  CodeImage* image = image_new();
  if (image == nullptr) return raise_memory(ts);
  ScopeGuard drop([&] { image_unref(image); });
  image->unchecked = true;
  image->flags = static_cast<uint32_t>(p.flags);
  image->argcount = static_cast<uint32_t>(p.argcount);
  image->posonlyargcount = static_cast<uint32_t>(p.posonly);
  image->kwonlyargcount = static_cast<uint32_t>(p.kwonly);
  image->firstlineno = p.firstlineno;
  image->filename = new_ref(p.filename);
  image->name = new_ref(p.name);
  image->qualname = new_ref(p.qualname);
  image->ntemps = static_cast<uint32_t>(p.stacksize) + kFrameHeader;
  if (old != nullptr && image->ntemps < old->ntemps) image->ntemps = old->ntemps;
  image->words = copy_array(reinterpret_cast<const uint64_t*>(bytes_data(p.code)), static_cast<uint32_t>(size / 8));
  image->word_count = static_cast<uint32_t>(size / 8);
  image->consts = copy_array(tuple_items(p.consts), static_cast<uint32_t>(tuple_size(p.consts)));
  if (!image->words || !image->consts) return raise_memory(ts);
  for (Py_ssize_t i = 0; i < tuple_size(p.consts); ++i) incref(image->consts[i]);
  image->const_count = static_cast<uint32_t>(tuple_size(p.consts));
  image->names = intern_all(p.names);
  if (!image->names) return raise_memory(ts);
  image->name_count = static_cast<uint32_t>(tuple_size(p.names));

  Layout layout;
  layout.plain = static_cast<uint32_t>(p.nlocals);
  layout.has_namespace = !(p.flags & CO_OPTIMIZED);
  for (Py_ssize_t i = 0; i < tuple_size(p.cellvars); ++i) layout.cells += !contains_name(p.varnames, tuple_peek(p.cellvars, i));
  auto free_count = static_cast<uint32_t>(tuple_size(p.freevars));
  uint32_t named = layout.plain + layout.cells + free_count;
  image->local_names = static_cast<PyObject**>(PyObject_Calloc(named + 1, sizeof(PyObject*)));
  image->local_kinds = static_cast<uint8_t*>(PyObject_Calloc(named + 1, 1));
  if (!image->local_names || !image->local_kinds) return raise_memory(ts);
  image->local_name_count = named;
  image->free_count = free_count;
  image->cell_count = static_cast<uint32_t>(tuple_size(p.cellvars));
  image->nlocals = layout.slots();
  uint32_t at = 0;
  auto put = [&](PyObject* name, int kind) {
    Ref<> s = dup(name);
    str_intern(ts, &s);
    image->local_names[at] = s.release();
    image->local_kinds[at++] = static_cast<uint8_t>(kind);
  };
  for (Py_ssize_t i = 0; i < tuple_size(p.varnames); ++i) {
    PyObject* name = tuple_peek(p.varnames, i);
    put(name, kLocalPlain | (contains_name(p.cellvars, name) ? kLocalCell : 0));
  }
  for (Py_ssize_t i = 0; i < tuple_size(p.cellvars); ++i) {
    PyObject* name = tuple_peek(p.cellvars, i);
    if (!contains_name(p.varnames, name)) put(name, kLocalCell);
  }
  for (Py_ssize_t i = 0; i < tuple_size(p.freevars); ++i) put(tuple_peek(p.freevars, i), kLocalFree);
  if (!read_linetable(p.linetable, image) || !read_exceptiontable(p.exceptiontable, image)) return raise_memory(ts);
  if (old != nullptr && !move_locals(const_cast<uint64_t*>(image->words), image->word_count, layout_of(old), layout)) {
    return raise(ts, PyExc_ValueError, "code: varnames is too small");
  }
  Ref<> code = code_new(ts, image_ref(image));
  if (code) as_code(code.get())->head.co_stacksize = p.stacksize;
  return code;
}

bool check_type(ThreadState& ts, PyObject* o, PyTypeObject* type, const char* function, const char* what) {
  if (is_instance_nocall(o, type)) return true;
  (void)raise(ts, PyExc_TypeError, "%s() argument %s must be %s, not %T", function, what, type->tp_name, o);
  return false;
}

}  // namespace

Ref<> code_make(ThreadState& ts, PyTypeObject*, int argcount, int posonly, int kwonly, int nlocals, int stacksize, int flags,
                PyObject* codestring, PyObject* constants, PyObject* names, PyObject* varnames, PyObject* filename, PyObject* name,
                PyObject* qualname, int firstlineno, PyObject* linetable, PyObject* exceptiontable, PyObject* freevars,
                PyObject* cellvars) {
  if (freevars == nullptr) freevars = empty_tuple();
  if (cellvars == nullptr) cellvars = empty_tuple();
  struct Argument {
    PyObject* value;
    PyTypeObject* type;
    const char* number;
  };
  for (const Argument& a : {Argument{codestring, &PyBytes_Type, "7"}, Argument{constants, &PyTuple_Type, "8"},
                            Argument{names, &PyTuple_Type, "9"}, Argument{varnames, &PyTuple_Type, "10"},
                            Argument{filename, &PyUnicode_Type, "11"}, Argument{name, &PyUnicode_Type, "12"},
                            Argument{qualname, &PyUnicode_Type, "13"}, Argument{linetable, &PyBytes_Type, "15"},
                            Argument{exceptiontable, &PyBytes_Type, "16"}, Argument{freevars, &PyTuple_Type, "17"},
                            Argument{cellvars, &PyTuple_Type, "18"}}) {
    if (!check_type(ts, a.value, a.type, "code", a.number)) return {};
  }
  if (ts.interpreter().audit_hooks != nullptr &&
      PySys_Audit("code.__new__", "OOOiiiiii", codestring, filename, name, argcount, posonly, kwonly, nlocals, stacksize, flags) < 0) {
    return {};
  }
  Parts p{argcount, posonly, kwonly, nlocals, stacksize, flags, firstlineno, codestring, constants, names, varnames,
          freevars, cellvars, filename, name, qualname, linetable, exceptiontable};
  return build(ts, p, nullptr);
}

Ref<> code_replace(ThreadState& ts, CodeObject* c, int argcount, int posonly, int kwonly, PyObject* nlocals, PyObject* stacksize,
                   PyObject* flags, PyObject* firstlineno, PyObject* codestring, PyObject* consts, PyObject* names,
                   PyObject* varnames, PyObject* freevars, PyObject* cellvars, PyObject* filename, PyObject* name,
                   PyObject* qualname, PyObject* linetable, PyObject* exceptiontable) {
  const PyCodeObject& h = c->head;
  Parts p{};
  p.argcount = argcount >= 0 ? argcount : h.co_argcount;
  p.posonly = posonly >= 0 ? posonly : h.co_posonlyargcount;
  p.kwonly = kwonly >= 0 ? kwonly : h.co_kwonlyargcount;
  p.nlocals = h.co_nlocals;
  p.stacksize = h.co_stacksize;
  p.flags = h.co_flags;
  p.firstlineno = h.co_firstlineno;
  struct Int {
    PyObject* given;
    int* field;
  };
  for (const Int& i : {Int{nlocals, &p.nlocals}, Int{stacksize, &p.stacksize}, Int{flags, &p.flags}, Int{firstlineno, &p.firstlineno}}) {
    if (i.given != nullptr && !convert_int(ts, i.given, {}, i.field)) return {};
  }
  Ref<> owned[] = {code_bytes(ts, c), code_varnames(ts, c), code_freevars(ts, c), code_cellvars(ts, c), code_linetable(ts, c),
                   code_exceptiontable(ts, c)};
  for (const Ref<>& r : owned) {
    if (!r) return {};
  }
  struct Object {
    PyObject* given;
    PyObject* present;
    PyObject** field;
    PyTypeObject* type;
    const char* what;
  };
  for (const Object& o : {Object{codestring, owned[0].get(), &p.code, &PyBytes_Type, "'co_code'"},
                          Object{consts, h.co_consts, &p.consts, &PyTuple_Type, "'co_consts'"},
                          Object{names, h.co_names, &p.names, &PyTuple_Type, "'co_names'"},
                          Object{varnames, owned[1].get(), &p.varnames, &PyTuple_Type, "'co_varnames'"},
                          Object{freevars, owned[2].get(), &p.freevars, &PyTuple_Type, "'co_freevars'"},
                          Object{cellvars, owned[3].get(), &p.cellvars, &PyTuple_Type, "'co_cellvars'"},
                          Object{filename, h.co_filename, &p.filename, &PyUnicode_Type, "'co_filename'"},
                          Object{name, h.co_name, &p.name, &PyUnicode_Type, "'co_name'"},
                          Object{qualname, h.co_qualname, &p.qualname, &PyUnicode_Type, "'co_qualname'"},
                          Object{linetable, owned[4].get(), &p.linetable, &PyBytes_Type, "'co_linetable'"},
                          Object{exceptiontable, owned[5].get(), &p.exceptiontable, &PyBytes_Type, "'co_exceptiontable'"}}) {
    *o.field = o.given != nullptr ? o.given : o.present;
    if (!check_type(ts, *o.field, o.type, "replace", o.what)) return {};
  }
  if (ts.interpreter().audit_hooks != nullptr &&
      PySys_Audit("code.__new__", "OOOiiiiii", p.code, p.filename, p.name, p.argcount, p.posonly, p.kwonly, p.nlocals, p.stacksize,
                  p.flags) < 0) {
    return {};
  }
  return build(ts, p, codestring != nullptr ? nullptr : c->image);
}

}  // namespace atl
