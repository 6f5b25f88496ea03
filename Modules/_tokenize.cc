// _tokenize: the compiler's tokens, for tokenize._generate_tokens_from_c_tokenizer.
#include "Modules/module_def.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/compiler/compile.h"
#include "Python/compiler/lexer.h"

namespace atl {

namespace {

using compiler::Tok;
using compiler::Token;

// Numbers of the module `token`.
constexpr int kName = 1, kNumber = 2, kString = 3, kNewline = 4, kIndent = 5, kDedent = 6, kOp = 54, kAwait = 55, kAsync = 56,
              kTypeComment = 58;

struct Exact {
  std::string_view text;
  int number;
};
constexpr Exact kExact[] = {
    {"(", 7},   {")", 8},   {"[", 9},   {"]", 10},  {":", 11},  {",", 12},  {";", 13},  {"+", 14},   {"-", 15},   {"*", 16},
    {"/", 17},  {"|", 18},  {"&", 19},  {"<", 20},  {">", 21},  {"=", 22},  {".", 23},  {"%", 24},   {"{", 25},   {"}", 26},
    {"==", 27}, {"!=", 28}, {"<=", 29}, {">=", 30}, {"~", 31},  {"^", 32},  {"<<", 33}, {">>", 34},  {"**", 35},  {"+=", 36},
    {"-=", 37}, {"*=", 38}, {"/=", 39}, {"%=", 40}, {"&=", 41}, {"|=", 42}, {"^=", 43}, {"<<=", 44}, {">>=", 45}, {"**=", 46},
    {"//", 47}, {"//=", 48}, {"@", 49}, {"@=", 50}, {"->", 51}, {"...", 52}, {":=", 53}, {"<>", 28},
};

struct State {
  PyTypeObject* type;
};
State& state_of(PyObject* module) { return *static_cast<State*>(PyModule_GetState(module)); }

// What has been read, freed with the iterator.
struct Reader {
  compiler::Arena arena;
  compiler::Source source;
  compiler::TokenStream stream;
};

struct Iterator {
  PyObject ob_base;
  Reader* reader;
  size_t next;
  // The last line of the last string of several lines: it is shown from where the string's first line begins.
  uint32_t joined_line, joined_from;
};
Iterator* as_iterator(PyObject* o) { return reinterpret_cast<Iterator*>(o); }

void dealloc(ThreadState& ts, PyObject* o) {
  PyTypeObject* type = o->ob_type;
  if (Reader* r = std::exchange(as_iterator(o)->reader, nullptr)) {
    r->~Reader();
    std::free(r);
  }
  free_object(ts, o);
  decref(obj(type));
}

Ref<> make(ThreadState& ts, PyTypeObject* type, PyObject* text) {
  if (!is_str(text)) return raise(ts, PyExc_TypeError, "TokenizerIter() argument 'source' must be str, not %T", text);
  Py_ssize_t size;
  const char* utf8 = str_utf8(ts, text, &size);
  if (utf8 == nullptr) return {};
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  void* memory = std::malloc(sizeof(Reader));
  if (memory == nullptr) return raise_memory(ts);
  auto* reader = new (memory) Reader();
  as_iterator(o.get())->reader = reader;
  compiler::ErrorRecord error;
  if (!compiler::prepare_source(reader->arena, {utf8, static_cast<size_t>(size)}, {}, &reader->source, &error)) {
    if (error.kind == compiler::ErrorKind::kMemoryError) return raise_memory(ts);
    return raise(ts, PyExc_ValueError, "%.*s", static_cast<int>(error.message.size()), error.message.data());
  }
  if (!compiler::tokenize(reader->arena, reader->source, {}, &reader->stream)) return raise_memory(ts);
  return o;
}

int number_of(const Token& t, std::string_view text) {
  switch (t.kind) {
    case Tok::kNewline: return kNewline;
    case Tok::kIndent: return kIndent;
    case Tok::kDedent: return kDedent;
    case Tok::kName: return kName;
    case Tok::kNumber: return kNumber;
    case Tok::kString: return kString;
    case Tok::kTypeComment: return kTypeComment;
    case Tok::kAsync: return kAsync;
    case Tok::kAwait: return kAwait;
    case Tok::kUnknownChar: return kOp;
    default: break;
  }
  for (const Exact& e : kExact) {
    if (e.text == text) return e.number;
  }
  return kName;  // a keyword
}

PyObject* next(PyObject* self) {
  ThreadState& ts = current_thread();
  Iterator* it = as_iterator(self);
  Reader& r = *it->reader;
  if (it->next >= r.stream.tokens.size()) return nullptr;
  const Token& t = r.stream.tokens[it->next];
  if (t.kind == Tok::kEndMarker) return nullptr;
  if (t.kind == Tok::kError) {
    // Some errors end the tokens as the end of the text does; those that concern one token are raised.
    const compiler::ErrorRecord& error = r.stream.error;
    bool about_token = error.kind == compiler::ErrorKind::kSyntaxError && error.message.find("line continuation") == std::string_view::npos &&
                       error.message.find("unexpected EOF") == std::string_view::npos;
    it->next = r.stream.tokens.size();
    if (!about_token) return nullptr;
    Ref<> filename = str_from_ascii(ts, "<string>");
    if (filename) compiler::raise_record(ts, error, filename.get());
    return nullptr;
  }
  const Token* before = it->next > 0 ? &r.stream.tokens[it->next - 1] : nullptr;
  it->next++;
  const char* source = r.source.text;
  uint32_t start = t.start, end = t.end;
  int col = t.col, end_col = t.end_col;
  int line = t.line, end_line = t.line;
  if (t.kind == Tok::kNewline) {
    // A comment in front of it is its text.
    uint32_t from = before != nullptr ? before->end : 0;
    while (from < r.source.size && (source[from] == ' ' || source[from] == '\t' || source[from] == '\f')) from++;
    end = start;
    end_col = col;
    if (source[from] == '#') {
      uint32_t stop = from;
      while (stop < r.source.size && source[stop] != '\n') stop++;
      uint32_t line_start = from;
      while (line_start > 0 && source[line_start - 1] != '\n') line_start--;
      start = from;
      end = stop;
      col = static_cast<int>(from - line_start);
      end_col = static_cast<int>(stop - line_start);
    }
  } else if (t.kind == Tok::kIndent || t.kind == Tok::kDedent) {
    start = end;
    col = end_col = -1;
  } else {
    for (uint32_t i = start; i < end; ++i) end_line += source[i] == '\n';
  }
  std::string_view text(source + start, end - start);
  // The lines that the token stands on.
  uint32_t at = start;
  if ((t.kind == Tok::kDedent || t.kind == Tok::kNewline) && at >= r.source.size && at > 0) --at;
  uint32_t before_line = it->joined_line, before_from = it->joined_from;
  uint32_t line_start = at, line_end = end > at ? end : at;
  while (line_start > 0 && source[line_start - 1] != '\n') --line_start;
  // Lines that a backslash joins are shown together, too.
  if (before != nullptr && before->kind != Tok::kNewline && before->kind != Tok::kIndent && before->kind != Tok::kDedent &&
      before->start < line_start && line_start >= 2 && source[line_start - 2] == '\\') {
    it->joined_line = line_start;
    uint32_t from = line_start;
    while (from >= 2 && source[from - 2] == '\\' && before->start < from) {
      --from;
      while (from > 0 && source[from - 1] != '\n') --from;
      if (from == before_line) from = before_from;
    }
    it->joined_from = from;
  }
  if (it->joined_from < it->joined_line && line_start == it->joined_line) line_start = it->joined_from;
  if (end_line != line) {
    it->joined_line = end;
    while (source[it->joined_line - 1] != '\n') --it->joined_line;
    it->joined_from = line_start;
  }
  if (!(line_end > line_start && source[line_end - 1] == '\n' && line_end > at)) {
    while (line_end < r.source.size && source[line_end] != '\n') ++line_end;
    if (line_end < r.source.size) ++line_end;
  }
  Ref<> shown = str_from_utf8(ts, text);
  Ref<> lines = str_from_utf8(ts, {source + line_start, line_end - line_start});
  Ref<> numbers[] = {int_from_i64(ts, number_of(t, text)), int_from_i64(ts, line), int_from_i64(ts, end_line), int_from_i64(ts, col),
                     int_from_i64(ts, end_col)};
  if (!shown || !lines) return nullptr;
  for (const Ref<>& n : numbers) {
    if (!n) return nullptr;
  }
  return tuple_of(ts, shown.get(), numbers[0].get(), numbers[1].get(), numbers[2].get(), numbers[3].get(), numbers[4].get(), lines.get())
      .release();
}

constexpr MethodSpec kFunctions[] = {ATOLL_METHOD_END};

int exec(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(ATOLL_SLOT(dealloc))},
                         {Py_tp_new, reinterpret_cast<void*>(ATOLL_NEW(make, "TokenizerIter", "(source)"))},
                         {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                         {Py_tp_iternext, reinterpret_cast<void*>(next)},
                         {0, nullptr}};
  PyType_Spec spec{"_tokenize.TokenizerIter", sizeof(Iterator), 0, Py_TPFLAGS_DEFAULT, slots};
  State& state = state_of(module);
  state.type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
  return state.type == nullptr ? -1 : PyModule_AddType(module, state.type);
}

int traverse(PyObject* module, visitproc visit, void* arg) {
  Py_VISIT(state_of(module).type);
  return 0;
}
int clear(PyObject* module) {
  clear_field(state_of(module).type);
  return 0;
}
void drop(void* module) { (void)clear(static_cast<PyObject*>(module)); }

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE_GC(PyInit__tokenize, "_tokenize", nullptr, sizeof(atl::State), atl::kFunctions, atl::exec, atl::traverse, atl::clear, atl::drop)
