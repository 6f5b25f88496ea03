// Code objects: from images, and the code type as Python sees it.
#include "Objects/code/code.h"
#include "Objects/code/construct.h"
#include "Objects/code/extra.h"

#include <cstring>

#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/type/spec.h"
#include "structmember.h"

namespace atl {

namespace {

Ref<> slots_tuple(ThreadState& ts, const CodeImage* image) {
  Ref<> t = tuple_new(ts, image->local_name_count);
  if (!t) return {};
  for (uint32_t i = 0; i < image->local_name_count; ++i) {
    PyObject* name = image->local_names[i];
    tuple_items(t.get())[i] = new_ref(name != nullptr ? name : empty_str());
  }
  return t;
}

void code_dealloc(ThreadState& ts, PyObject* o) {
  CodeObject* code = as_code(o);
  PyCodeObject* c = &code->head;
  if (c->co_weakreflist != nullptr) PyObject_ClearWeakRefs(o);
  if (c->co_extra != nullptr) code_extra_free(ts, std::exchange(c->co_extra, nullptr));
  xdecref(c->co_consts);
  xdecref(c->co_names);
  xdecref(c->co_exceptiontable);
  xdecref(c->co_localsplusnames);
  xdecref(c->co_localspluskinds);
  xdecref(c->co_filename);
  xdecref(c->co_name);
  xdecref(c->co_qualname);
  xdecref(c->co_linetable);
  xdecref(c->_co_code);
  PyObject_Free(code->words);
  PyObject_Free(code->heat);
  image_unref(code->image);
  free_object(ts, o);
}

}  // namespace

Ref<> code_new(ThreadState& ts, CodeImage* image) {
  auto code = new_object<CodeObject>(ts, &PyCode_Type);
  if (!code) {
    image_unref(image);
    return {};
  }
  std::memset(reinterpret_cast<char*>(code.get()) + sizeof(PyObject), 0, sizeof(CodeObject) - sizeof(PyObject));
  CodeObject* k = code.get();
  PyCodeObject* c = &k->head;
  k->image = image;
  c->co_filename = new_ref(image->filename);
  c->co_name = new_ref(image->name);
  c->co_qualname = new_ref(image->qualname);
  if (image->consts_tuple != nullptr) {
    c->co_consts = image->consts_tuple;
  } else {
    Ref<> consts = tuple_new(ts, image->const_count);
    if (!consts) return {};
    for (uint32_t i = 0; i < image->const_count; ++i) {
      PyObject* item;
      if (image->children != nullptr && image->children[i] != nullptr) {
        item = code_new(ts, image_ref(image->children[i])).release();
        if (item == nullptr) return {};
      } else {
        item = new_ref(image->consts[i]);
      }
      tuple_items(consts.get())[i] = item;
    }
    c->co_consts = consts.release();
  }
  if (image->shared) {
    c->co_names = image->names_tuple;
    c->co_localsplusnames = image->slots_tuple;
    c->co_localspluskinds = image->kinds_bytes;
  } else {
    c->co_names = tuple_from(ts, image->names, image->name_count).release();
    c->co_localsplusnames = slots_tuple(ts, image).release();
    c->co_localspluskinds =
        bytes_from(ts, {reinterpret_cast<const char*>(image->local_kinds), image->local_name_count}).release();
  }
  c->co_exceptiontable = bytes_from(ts, {}).release();
  c->co_linetable = bytes_from(ts, {}).release();
  if (!c->co_names || !c->co_localsplusnames || !c->co_localspluskinds || !c->co_exceptiontable || !c->co_linetable) return {};
  c->co_flags = static_cast<int>(image->flags);
  c->co_argcount = static_cast<int>(image->argcount);
  c->co_posonlyargcount = static_cast<int>(image->posonlyargcount);
  c->co_kwonlyargcount = static_cast<int>(image->kwonlyargcount);
  c->co_stacksize = static_cast<int>(image->ntemps) - kFrameHeader;
  c->co_firstlineno = image->firstlineno;
  c->co_nfreevars = static_cast<int>(image->free_count);
  c->co_nlocalsplus = static_cast<int>(image->local_name_count);
  int plain = 0, cells = 0, both = 0;
  for (uint32_t i = 0; i < image->local_name_count; ++i) {
    uint8_t kind = image->local_kinds[i];
    if (image->local_names[i] == nullptr) continue;
    plain += (kind & kLocalPlain) != 0;
    cells += (kind & kLocalCell) != 0;
    both += (kind & kLocalPlain) && (kind & kLocalCell);
  }
  c->co_nlocals = plain;
  c->co_ncellvars = cells;
  c->co_nplaincellvars = cells - both;
  k->consts = tuple_items(c->co_consts);
  k->names = tuple_items(c->co_names);
  k->nlocals = image->nlocals;
  k->ntemps = image->ntemps;
  k->argcount = image->argcount;
  k->is_generator = (image->flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0;
  k->has_namespace = !(image->flags & CO_OPTIMIZED);
  k->simple = !(image->flags & (CO_VARARGS | CO_VARKEYWORDS)) && image->kwonlyargcount == 0 && !k->has_namespace;
  return code;
}

Status code_make_words(ThreadState& ts, CodeObject* code) {
  const CodeImage* image = code->image;
  if (image->unchecked && !code_verify(image)) {
    return raise(ts, PyExc_SystemError, "invalid instructions in code object %U", image->qualname);
  }
  size_t n = image->word_count;
  auto* words = static_cast<uint64_t*>(PyObject_Malloc(n * sizeof(uint64_t)));
  auto* heat = static_cast<uint8_t*>(PyObject_Calloc(n, 1));
  if (words == nullptr || heat == nullptr) {
    PyObject_Free(words);
    PyObject_Free(heat);
    raise_no_memory(ts);
    return Status::kError;
  }
  std::memcpy(words, image->words, n * sizeof(uint64_t));
  if (code->is_generator) {
    for (size_t i = 0; i < n;) {
      auto op = static_cast<Opcode>(words[i] & 0xffff);
      if (op == Opcode::kReturn) words[i] = (words[i] & ~uint64_t{0xffff}) | static_cast<uint16_t>(Opcode::kReturnGen);
      if (op == Opcode::kReturnK) words[i] = (words[i] & ~uint64_t{0xffff}) | static_cast<uint16_t>(Opcode::kReturnKGen);
      i += 1u + kOpInfo[static_cast<int>(op)].cache;
    }
  }
  code->heat = heat;
  code->words = words;
  return Status::kOk;
}

int code_line(const CodeObject* code, uint32_t pc) {
  const PositionRow* row = image_position(code->image, pc);
  return row == nullptr || row->line <= 0 ? -1 : row->line;
}

namespace {

// Instruction offsets as Python sees them count 2 per word, so that tb_lasti // 2 indexes co_positions().
constexpr int kOffsetPerWord = 2;

Ref<> names_of_kind(ThreadState& ts, CodeObject* c, uint8_t kind) {
  const CodeImage* image = c->image;
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  for (uint32_t i = 0; i < image->local_name_count; ++i) {
    if (image->local_names[i] == nullptr || !(image->local_kinds[i] & kind)) continue;
    if (failed(list_append(ts, list.get(), dup(image->local_names[i])))) return {};
  }
  return list_as_tuple(ts, list.get());
}

Ref<> get_varnames(ThreadState& ts, CodeObject* c) { return names_of_kind(ts, c, kLocalPlain); }
Ref<> get_cellvars(ThreadState& ts, CodeObject* c) { return names_of_kind(ts, c, kLocalCell); }
Ref<> get_freevars(ThreadState& ts, CodeObject* c) { return names_of_kind(ts, c, kLocalFree); }

}  // namespace

Ref<> code_varnames(ThreadState& ts, CodeObject* c) { return get_varnames(ts, c); }
Ref<> code_cellvars(ThreadState& ts, CodeObject* c) { return get_cellvars(ts, c); }
Ref<> code_freevars(ThreadState& ts, CodeObject* c) { return get_freevars(ts, c); }
Ref<> code_bytes(ThreadState& ts, CodeObject* c) {
  if (c->head._co_code == nullptr) {
    const CodeImage* image = c->image;
    c->head._co_code =
        bytes_from(ts, {reinterpret_cast<const char*>(image->words), image->word_count * sizeof(uint64_t)}).release();
  }
  return Ref<>::dup_of(c->head._co_code);
}

namespace {

Ref<> get_code(ThreadState& ts, CodeObject* c) { return code_bytes(ts, c); }

Ref<> int_or_none(ThreadState& ts, int v) { return v < 0 ? new_none() : int_from_i64(ts, v); }

Ref<> co_positions(ThreadState& ts, CodeObject* c) {
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  // Code without a line table has no positions at all.
  uint32_t n = c->image->position_count != 0 ? c->image->word_count : 0;
  for (uint32_t i = 0; i < n; ++i) {
    const PositionRow* row = image_position(c->image, i);
    bool known = row != nullptr && row->line > 0;
    Ref<> line = int_or_none(ts, known ? row->line : -1);
    Ref<> end_line = int_or_none(ts, known ? row->end_line : -1);
    Ref<> column = int_or_none(ts, known ? row->column : -1);
    Ref<> end_column = int_or_none(ts, known ? row->end_column : -1);
    if (!line || !end_line || !column || !end_column) return {};
    Ref<> t = tuple_of(ts, line.get(), end_line.get(), column.get(), end_column.get());
    if (!t || failed(list_append(ts, list.get(), std::move(t)))) return {};
  }
  return object_iter(ts, list.get());
}

// (start, end, line) for each run of instructions of one line. What a call itself does belongs to the line where the
// definition begins, and to no line of a module: an empty range.
Ref<> co_lines(ThreadState& ts, CodeObject* c) {
  const CodeImage* image = c->image;
  Ref<> list = list_new(ts, 0);
  if (!list) return {};
  int entry = str_equals_ascii(image->name, "<module>") ? 0 : image->firstlineno;
  if (image->position_count != 0 && image->positions[0].line != entry) {
    Ref<> zero = int_from_i64(ts, 0);
    Ref<> line = int_from_i64(ts, entry);
    Ref<> t = zero && line ? tuple_of(ts, zero.get(), zero.get(), line.get()) : Ref<>();
    if (!t || failed(list_append(ts, list.get(), std::move(t)))) return {};
  }
  for (uint32_t i = 0; i < image->position_count;) {
    int line = image->positions[i].line;
    uint32_t next = i + 1;
    while (next < image->position_count && image->positions[next].line == line) ++next;
    uint32_t end = next < image->position_count ? image->positions[next].pc : image->word_count;
    Ref<> from = int_from_i64(ts, image->positions[i].pc * kOffsetPerWord);
    Ref<> to = int_from_i64(ts, end * kOffsetPerWord);
    Ref<> shown = int_or_none(ts, line > 0 ? line : -1);
    if (!from || !to || !shown) return {};
    Ref<> t = tuple_of(ts, from.get(), to.get(), shown.get());
    if (!t || failed(list_append(ts, list.get(), std::move(t)))) return {};
    i = next;
  }
  return object_iter(ts, list.get());
}

Ref<> code_repr(ThreadState& ts, PyObject* o) {
  PyCodeObject* c = &as_code(o)->head;
  return str_format(ts, "<code object %U at %p, file \"%U\", line %d>", c->co_name, o, c->co_filename, c->co_firstlineno);
}

// Constants that are equal but of different types, or zeros of different sign, make different code.
Tri same_constant(ThreadState& ts, PyObject* a, PyObject* b) {
  if (a == b) return Tri::kTrue;
  if (a->ob_type != b->ob_type) return Tri::kFalse;
  if (is_exact_tuple(a)) {
    if (tuple_size(a) != tuple_size(b)) return Tri::kFalse;
    for (Py_ssize_t i = 0; i < tuple_size(a); ++i) {
      Tri t = same_constant(ts, tuple_peek(a, i), tuple_peek(b, i));
      if (t != Tri::kTrue) return t;
    }
    return Tri::kTrue;
  }
  if (PyFloat_CheckExact(a) || PyComplex_CheckExact(a)) {
    Ref<> x = object_repr(ts, a);
    Ref<> y = object_repr(ts, b);
    if (!x || !y) return Tri::kError;
    return tri(str_equal(x.get(), y.get()));
  }
  return object_equal(ts, a, b);
}

Ref<> code_richcompare(ThreadState& ts, PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !is_exact(a, &PyCode_Type) || !is_exact(b, &PyCode_Type)) return not_implemented();
  CodeObject* x = as_code(a);
  CodeObject* y = as_code(b);
  const CodeImage* i = x->image;
  const CodeImage* j = y->image;
  bool equal = x == y;
  if (!equal) {
    equal = i->flags == j->flags && i->argcount == j->argcount && i->posonlyargcount == j->posonlyargcount &&
            i->kwonlyargcount == j->kwonlyargcount && x->head.co_firstlineno == y->head.co_firstlineno &&
            i->word_count == j->word_count && i->handler_count == j->handler_count &&
            i->position_count == j->position_count &&
            std::memcmp(i->words, j->words, i->word_count * sizeof(uint64_t)) == 0 &&
            (i->position_count == 0 ||
             std::memcmp(i->positions, j->positions, i->position_count * sizeof(PositionRow)) == 0) &&
            (i->handler_count == 0 ||
             std::memcmp(i->handlers, j->handlers, i->handler_count * sizeof(HandlerRow)) == 0) &&
            str_equal(x->head.co_name, y->head.co_name);
    if (equal) {
      Tri t = same_constant(ts, x->head.co_consts, y->head.co_consts);
      if (t == Tri::kTrue) t = object_equal(ts, x->head.co_names, y->head.co_names);
      if (t == Tri::kTrue) t = object_equal(ts, x->head.co_localsplusnames, y->head.co_localsplusnames);
      if (failed(t)) return {};
      equal = t == Tri::kTrue;
    }
  }
  return new_bool(equal == (op == Py_EQ));
}

Py_hash_t code_hash(ThreadState& ts, PyObject* o) {
  CodeObject* c = as_code(o);
  Py_hash_t h = str_hash(c->head.co_name);
  Py_hash_t names;
  if (failed(object_hash(ts, c->head.co_names, &names))) return -1;
  uint64_t mix = static_cast<uint64_t>(h) * 1000003u ^ static_cast<uint64_t>(names);
  const CodeImage* image = c->image;
  for (uint32_t i = 0; i < image->word_count; ++i) mix = (mix ^ image->words[i]) * 0x9e3779b97f4a7c15ull;
  mix ^= image->argcount + 31u * image->kwonlyargcount + 1021u * image->flags;
  auto result = static_cast<Py_hash_t>(mix);
  return result == -1 ? -2 : result;
}

Ref<> code_sizeof(ThreadState& ts, CodeObject* c) {
  size_t n = sizeof(CodeObject) + (c->words != nullptr ? c->image->word_count * 9u : 0u);
  return int_from_u64(ts, n);
}

// Whether the frame's name of a variable is positional-only etc. is told by counts; nothing else is needed here.
constexpr MethodSpec kCodeMethods[] = {
    ATOLL_METHOD(co_positions, "co_positions", "($self, /)", "Iterate over (line, end_line, column, end_column) of each instruction."),
    ATOLL_METHOD(co_lines, "co_lines", "($self, /)", "Iterate over (start, end, line)."),
    ATOLL_METHOD(code_sizeof, "__sizeof__", "($self, /)", "Size in memory, in bytes."),
    ATOLL_METHOD(code_replace, "replace",
                 "($self, /, *, co_argcount=-1, co_posonlyargcount=-1, co_kwonlyargcount=-1, co_nlocals=-1, "
                 "co_stacksize=-1, co_flags=-1, co_firstlineno=-1, co_code=None, co_consts=None, co_names=None, "
                 "co_varnames=None, co_freevars=None, co_cellvars=None, co_filename=None, co_name=None, "
                 "co_qualname=None, co_linetable=None, co_exceptiontable=None)",
                 "A copy of the code object with new values for the given fields."),
    ATOLL_METHOD_END};

constexpr PyGetSetDef kCodeGetSet[] = {{"co_code", ATOLL_GETTER(get_code), nullptr, nullptr, nullptr},
                                       {"co_varnames", ATOLL_GETTER(get_varnames), nullptr, nullptr, nullptr},
                                       {"co_cellvars", ATOLL_GETTER(get_cellvars), nullptr, nullptr, nullptr},
                                       {"co_freevars", ATOLL_GETTER(get_freevars), nullptr, nullptr, nullptr},
                                       {"_co_code_adaptive", ATOLL_GETTER(get_code), nullptr, nullptr, nullptr},
                                       {"co_linetable", ATOLL_GETTER(code_linetable), nullptr, nullptr, nullptr},
                                       {"co_exceptiontable", ATOLL_GETTER(code_exceptiontable), nullptr, nullptr, nullptr},
                                       ATOLL_GETSET_END};

#define CODE_MEMBER(name, type) \
  { #name, type, offsetof(PyCodeObject, name), READONLY, nullptr }
constexpr PyMemberDef kCodeMembers[] = {CODE_MEMBER(co_argcount, T_INT),
                                        CODE_MEMBER(co_posonlyargcount, T_INT),
                                        CODE_MEMBER(co_kwonlyargcount, T_INT),
                                        CODE_MEMBER(co_nlocals, T_INT),
                                        CODE_MEMBER(co_stacksize, T_INT),
                                        CODE_MEMBER(co_flags, T_INT),
                                        CODE_MEMBER(co_names, T_OBJECT),
                                        CODE_MEMBER(co_filename, T_OBJECT),
                                        CODE_MEMBER(co_name, T_OBJECT),
                                        CODE_MEMBER(co_qualname, T_OBJECT),
                                        CODE_MEMBER(co_firstlineno, T_INT),
                                        CODE_MEMBER(co_consts, T_OBJECT),
                                        {nullptr, 0, 0, 0, nullptr}};
#undef CODE_MEMBER

}  // namespace

constinit const TypeSpec code_spec{
    .name = "code",
    .doc = "A code object: what a function, a module or a class body runs.",
    .basicsize = sizeof(CodeObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .dealloc = ATOLL_SLOT(code_dealloc),
    .repr = ATOLL_SLOT(code_repr),
    .hash = ATOLL_SLOT(code_hash),
    .richcompare = ATOLL_SLOT(code_richcompare),
    .new_ = ATOLL_NEW(code_make, "code",
                      "(argcount, posonlyargcount, kwonlyargcount, nlocals, stacksize, flags, codestring, constants, names, varnames, "
                      "filename, name, qualname, firstlineno, linetable, exceptiontable, freevars=(), cellvars=(), /)"),
    .weaklist_offset = offsetof(PyCodeObject, co_weakreflist),
    .methods = kCodeMethods,
    .members = kCodeMembers,
    .getset = kCodeGetSet,
};

}  // namespace atl

using namespace atl;

ATOLL_SEALED PyTypeObject PyCode_Type = {};

int PyCode_Addr2Line(PyCodeObject* c, int offset) {
  if (offset < 0) return c->co_firstlineno;
  return code_line(as_code(obj(c)), static_cast<uint32_t>(offset) / kOffsetPerWord);
}
int PyCode_Addr2Location(PyCodeObject* c, int offset, int* line, int* column, int* end_line, int* end_column) {
  const PositionRow* row = image_position(as_code(obj(c))->image, static_cast<uint32_t>(offset) / kOffsetPerWord);
  if (row == nullptr || row->line <= 0) {
    *line = *column = *end_line = *end_column = -1;
    return 1;
  }
  *line = row->line;
  *column = row->column;
  *end_line = row->end_line;
  *end_column = row->end_column;
  return 1;
}
PyObject* PyCode_GetCode(PyCodeObject* c) { return get_code(current_thread(), as_code(obj(c))).release(); }
PyObject* PyCode_GetVarnames(PyCodeObject* c) { return get_varnames(current_thread(), as_code(obj(c))).release(); }
PyObject* PyCode_GetCellvars(PyCodeObject* c) { return get_cellvars(current_thread(), as_code(obj(c))).release(); }
PyObject* PyCode_GetFreevars(PyCodeObject* c) { return get_freevars(current_thread(), as_code(obj(c))).release(); }

// An empty code object with a name and a line: for tracebacks of code that is not Python's.
PyCodeObject* PyCode_NewEmpty(const char* filename, const char* funcname, int firstlineno) {
  ThreadState& ts = current_thread();
  CodeImage* image = image_new();
  if (image == nullptr) return raise_memory(ts);
  image->flags = CO_OPTIMIZED | CO_NEWLOCALS;
  image->firstlineno = firstlineno;
  image->filename = PyUnicode_DecodeFSDefault(filename);
  image->name = str_from_utf8(ts, funcname).release();
  image->qualname = image->name ? new_ref(image->name) : nullptr;
  image->ntemps = kFrameHeader;
  auto* words = static_cast<uint64_t*>(PyObject_Malloc(sizeof(uint64_t)));
  auto** consts = static_cast<PyObject**>(PyObject_Malloc(sizeof(PyObject*)));
  auto* rows = static_cast<PositionRow*>(PyObject_Malloc(sizeof(PositionRow)));
  image->words = words;
  image->consts = consts;
  image->positions = rows;
  if (!image->filename || !image->name || !words || !consts || !rows) {
    image_unref(image);
    return error_set(ts) ? nullptr : static_cast<PyCodeObject*>(raise_memory(ts));
  }
  words[0] = encode_word(Opcode::kReturnK, 0);
  image->word_count = 1;
  consts[0] = new_ref(Py_None);
  image->const_count = 1;
  rows[0] = {0, firstlineno, firstlineno, -1, -1};
  image->position_count = 1;
  return reinterpret_cast<PyCodeObject*>(code_new(ts, image).release());
}
