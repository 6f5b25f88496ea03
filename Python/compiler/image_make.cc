// See image_make.h.
#include "Python/compiler/image_make.h"

#include <cstdlib>
#include <cstring>

#include "Objects/bytes.h"
#include "Objects/errors.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/set.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/runtime/config.h"
#include "Python/runtime/runtime.h"

namespace atl::compiler {

using namespace ast;

namespace {

Ref<> make_str(ThreadState& ts, std::string_view text) {
  bool ascii = true;
  for (char c : text) ascii &= !(c & 0x80);
  return ascii ? str_from_ascii(ts, text) : str_from_utf8(ts, text, "surrogatepass");
}

// Strings that could be names are shared.
bool looks_like_name(std::string_view text) {
  for (char c : text) {
    bool word = (static_cast<unsigned char>((c | 32) - 'a') < 26) || static_cast<unsigned char>(c - '0') < 10 || c == '_';
    if (!word) return false;
  }
  return true;
}

template <class T>
T* copy_array(const Seq<T>& from) {
  auto* to = static_cast<T*>(PyObject_Malloc(from.size() * sizeof(T) + 1));
  if (to && from.size()) std::memcpy(static_cast<void*>(to), from.items, from.size() * sizeof(T));
  return to;
}

}  // namespace

Ref<> make_name(ThreadState& ts, identifier name) {
  Ref<> s = make_str(ts, name->view());
  if (s) str_intern(ts, &s);
  return s;
}

Ref<> make_constant(ThreadState& ts, constant value) {
  switch (value->kind) {
    case ConstantKind::kNone: return dup(Py_None);
    case ConstantKind::kTrue: return dup(Py_True);
    case ConstantKind::kFalse: return dup(Py_False);
    case ConstantKind::kEllipsis: return dup(Py_Ellipsis);
    case ConstantKind::kInt: return int_from_i64(ts, value->integer);
    case ConstantKind::kBigInt: {
      Ref<> n = int_from_text(ts, value->text, value->size, value->base);
      if (!n || !value->negative) return n;
      return int_negative(ts, n.get());
    }
    case ConstantKind::kFloat: return new_float(ts, value->real);
    case ConstantKind::kComplex: return new_complex(ts, value->real, value->imag);
    case ConstantKind::kStr: {
      Ref<> s = make_str(ts, value->view());
      if (s && looks_like_name(value->view())) str_intern(ts, &s);
      return s;
    }
    case ConstantKind::kBytes: return bytes_from(ts, value->view());
    case ConstantKind::kTuple:
    case ConstantKind::kFrozenSet: {
      char here;
      if (&here < ts.c_stack_limit) {
        return raise(ts, PyExc_RecursionError, "maximum recursion depth exceeded during compilation");
      }
      Ref<> t = tuple_new(ts, value->size);
      if (!t) return {};
      for (uint32_t i = 0; i < value->size; i++) {
        Ref<> item = make_constant(ts, value->items[i]);
        if (!item) return {};
        tuple_items(t.get())[i] = item.release();
      }
      if (value->kind == ConstantKind::kTuple) return t;
      return frozenset_new(ts, t.get());
    }
    case ConstantKind::kForeign: break;
  }
  return raise(ts, PyExc_SystemError, "unknown constant");
}

CodeImage* image_make(ThreadState& ts, const CodeUnit* unit, PyObject* filename) {
  CodeImage* image = image_new();
  if (!image) {
    (void)raise_memory(ts);
    return nullptr;
  }
  auto fail = [&](bool no_memory = false) -> CodeImage* {
    if (no_memory) (void)raise_memory(ts);
    image_unref(image);
    return nullptr;
  };
  image->flags = unit->flags;
  image->argcount = unit->argcount;
  image->posonlyargcount = unit->posonlyargcount;
  image->kwonlyargcount = unit->kwonlyargcount;
  image->nlocals = unit->nlocals;
  image->ntemps = unit->ntemps;
  image->firstlineno = unit->firstlineno;
  image->free_count = unit->free_count;
  image->cell_count = unit->cell_count;
  image->filename = new_ref(filename);

  image->words = copy_array(unit->words);
  image->word_count = unit->words.size();
  image->handlers = copy_array(unit->handlers);
  image->handler_count = unit->handlers.size();
  image->live = copy_array(unit->live);
  image->live_count = unit->live.size();
  image->live_pool = copy_array(unit->live_pool);
  image->live_pool_count = unit->live_pool.size();
  image->positions = copy_array(unit->positions);
  image->position_count = unit->positions.size();
  image->local_kinds = copy_array(unit->local_kinds);
  if (!image->words || !image->handlers || !image->live || !image->live_pool || !image->positions || !image->local_kinds)
    return fail(true);
  if (!runtime().config->code_debug_ranges) {
    // Lines only.
    for (uint32_t i = 0; i < image->position_count; i++) {
      PositionRow& row = image->positions[i];
      row.end_line = row.line;
      row.column = row.end_column = -1;
    }
  }

  image->name = make_name(ts, unit->name).release();
  Ref<> qualname = make_str(ts, unit->qualname);
  if (qualname) str_intern(ts, &qualname);
  image->qualname = qualname.release();
  if (!image->name || !image->qualname) return fail();

  auto objects = [](uint32_t n) { return static_cast<PyObject**>(PyObject_Calloc(n + 1, sizeof(PyObject*))); };
  image->names = objects(unit->names.size());
  image->local_names = objects(unit->local_names.size());
  image->consts = objects(unit->consts.size());
  if (!image->names || !image->local_names || !image->consts) return fail(true);
  image->name_count = unit->names.size();
  image->local_name_count = unit->local_names.size();
  image->const_count = unit->consts.size();
  for (uint32_t i = 0; i < unit->names.size(); i++) {
    image->names[i] = make_name(ts, unit->names[i]).release();
    if (!image->names[i]) return fail();
  }
  for (uint32_t i = 0; i < unit->local_names.size(); i++) {
    image->local_names[i] = make_name(ts, unit->local_names[i]).release();
    if (!image->local_names[i]) return fail();
  }
  for (uint32_t i = 0; i < unit->consts.size(); i++) {
    const UnitConstant& c = unit->consts[i];
    if (c.value) {
      image->consts[i] = make_constant(ts, c.value).release();
      if (!image->consts[i]) return fail();
      continue;
    }
    if (!image->children) {
      image->children = static_cast<CodeImage**>(PyObject_Calloc(unit->consts.size(), sizeof(CodeImage*)));
      if (!image->children) return fail(true);
    }
    image->children[i] = image_make(ts, c.child, filename);
    if (!image->children[i]) return fail();
  }
  return image;
}

}  // namespace atl::compiler
