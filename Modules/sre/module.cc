// _sre: patterns, matches and scanners around the matcher. The compiler and the templates are the library's (re).
#include <climits>
#include <cstring>
#include <memory>

#include "Modules/module_def.h"
#include "Modules/sre/engine.h"
#include "Include/structmember.h"
#include "Objects/bytes/shared.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"

namespace atl::sre {

namespace {

struct State {
  PyTypeObject* pattern;
  PyTypeObject* match;
  PyTypeObject* scanner;
};
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

struct Pattern {
  PyObject_VAR_HEAD
  Py_ssize_t groups;
  PyObject* groupindex;  // dict: name to number
  PyObject* indexgroup;  // tuple: number to name or None
  PyObject* pattern;     // str, bytes or None
  PyObject* weakrefs;
  int flags;
  int kind;  // 0: str, 1: bytes, 2: either
  uint32_t code[1];
};
struct MatchObject {
  PyObject_VAR_HEAD
  PyObject* string;  // NULL after clear
  PyObject* regs;    // made when asked for
  Pattern* pattern;
  Py_ssize_t pos, endpos;
  int last_index;
  Mark marks[1];  // 0: the whole match
};
struct Scanner {
  PyObject_HEAD
  Pattern* pattern;
  PyObject* string;
  Py_ssize_t pos, end;
  Py_ssize_t not_empty_at;
  bool running;
  Py_buffer view;  // of anything but a str: exported as long as the scanner lives
};
Pattern* pattern_of(PyObject* o) { return reinterpret_cast<Pattern*>(o); }
MatchObject* match_of(PyObject* o) { return reinterpret_cast<MatchObject*>(o); }
Scanner* scanner_of(PyObject* o) { return reinterpret_cast<Scanner*>(o); }
State* state_by_type(PyObject* o) { return static_cast<State*>(PyType_GetModuleState(Py_TYPE(o))); }

// A str or a buffer for the time of a search.
class Subject {
 public:
  Subject() = default;
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;
  ~Subject() {
    if (view_.obj != nullptr) PyBuffer_Release(&view_);
  }
  bool init(ThreadState& ts, PyObject* string, const Pattern* p, Py_ssize_t pos, Py_ssize_t end) {
    string_ = string;
    if (PyUnicode_Check(string)) {
      if (p != nullptr && p->kind == 1) {
        (void)raise(ts, PyExc_TypeError, "cannot use a bytes pattern on a string-like object");
        return false;
      }
      text_ = {PyUnicode_DATA(string), static_cast<int>(PyUnicode_KIND(string)), 0, PyUnicode_GET_LENGTH(string)};
    } else {
      if (PyObject_GetBuffer(string, &view_, PyBUF_SIMPLE) < 0) {
        if (error_clear_if(ts, PyExc_TypeError)) (void)raise(ts, PyExc_TypeError, "expected string or bytes-like object, got '%T'", string);
        return false;
      }
      if (p != nullptr && p->kind == 0) {
        (void)raise(ts, PyExc_TypeError, "cannot use a string pattern on a bytes-like object");
        return false;
      }
      text_ = {view_.buf, 1, 0, view_.len};
    }
    length_ = text_.end;
    pos_ = pos < 0 ? 0 : pos > length_ ? length_ : pos;
    text_.end = end < 0 ? 0 : end > length_ ? length_ : end;
    return true;
  }
  const Text& text() const { return text_; }
  Py_ssize_t pos() const { return pos_; }
  Py_ssize_t end() const { return text_.end; }
  PyObject* string() const { return string_; }
  Ref<> slice(Py_ssize_t from, Py_ssize_t to) const {
    if (PyUnicode_Check(string_)) return Ref<>::steal(PyUnicode_Substring(string_, from, to));
    if (PyBytes_CheckExact(string_) && from == 0 && to == length_) return Ref<>::dup_of(string_);
    return Ref<>::steal(PyBytes_FromStringAndSize(static_cast<const char*>(text_.data) + from, to - from));
  }
  Ref<> empty() const { return Ref<>::steal(PyUnicode_Check(string_) ? PyUnicode_FromStringAndSize("", 0) : PyBytes_FromStringAndSize("", 0)); }

 private:
  PyObject* string_ = nullptr;
  Py_buffer view_{};
  Text text_{};
  Py_ssize_t pos_ = 0, length_ = 0;
};

// A matcher with room for the pattern's groups.
struct Search {
  std::unique_ptr<Mark[]> marks;
  Matcher matcher;
  Match found{};
  Search(ThreadState& ts, const Pattern* p, const Subject& s)
      : marks(std::make_unique<Mark[]>(static_cast<size_t>(p->groups) + 1)), matcher(ts, p->code, s.text(), marks.get(), static_cast<size_t>(p->groups)) {}
};
// False with an exception; *yes says whether there was a match.
bool outcome(ThreadState& ts, Outcome o, bool* yes) {
  *yes = o == Outcome::kYes;
  if (o == Outcome::kNoMemory) (void)raise_memory(ts);
  return o <= Outcome::kYes;
}

Ref<> group_slice(const Subject& s, const Mark& m, PyObject* otherwise) {
  return m.set() ? s.slice(m.start, m.end) : Ref<>::dup_of(otherwise);
}

Ref<> make_match(ThreadState&, State* st, Pattern* p, const Subject& s, const Search& search) {
  auto* m = PyObject_GC_NewVar(MatchObject, st->match, p->groups + 1);
  if (m == nullptr) return {};
  m->string = new_ref(s.string());
  m->regs = nullptr;
  m->pattern = p;
  Py_INCREF(p);
  m->pos = s.pos();
  m->endpos = s.end();
  m->last_index = search.found.last_index;
  m->marks[0] = {search.found.start, search.found.end};
  for (Py_ssize_t i = 0; i < p->groups; ++i) m->marks[i + 1] = search.marks[static_cast<size_t>(i)].set() ? search.marks[static_cast<size_t>(i)] : Mark{};
  PyObject_GC_Track(m);
  return Ref<>::steal(reinterpret_cast<PyObject*>(m));
}

// ---- Pattern -----------------------------------------------------------------------------------------------------

enum class How { kMatch, kFullMatch, kSearch };

template <How kHow>
Ref<> p_once(ThreadState& ts, PyObject* self, PyObject* string, Py_ssize_t pos, Py_ssize_t endpos) {
  Pattern* p = pattern_of(self);
  Subject s;
  if (!s.init(ts, string, p, pos, endpos)) return {};
  if (s.pos() > s.end()) return new_none();
  Search search(ts, p, s);
  Outcome o = kHow == How::kSearch ? search.matcher.search(s.pos(), -1, &search.found)
                                   : search.matcher.match(s.pos(), kHow == How::kFullMatch, &search.found);
  bool yes;
  if (!outcome(ts, o, &yes)) return {};
  return yes ? make_match(ts, state_by_type(self), p, s, search) : new_none();
}

// Calls found(search) for each match from left to right; it may return false to stop with an exception.
template <class F>
bool each_match(ThreadState& ts, Pattern* p, const Subject& s, Py_ssize_t limit, F found) {
  Search search(ts, p, s);
  Py_ssize_t at = s.pos(), not_empty_at = -1;
  for (Py_ssize_t n = 0; (limit == 0 || n < limit) && at <= s.end(); ++n) {
    bool yes;
    if (!outcome(ts, search.matcher.search(at, not_empty_at, &search.found), &yes)) return false;
    if (!yes) return true;
    if (!found(search)) return false;
    at = search.found.end;
    // An empty match may follow one that was not empty, at the same place; not another empty one.
    not_empty_at = search.found.start == search.found.end ? at : -1;
  }
  return true;
}
// What a match without more detail stands for: its only group, or itself, or all groups.
Ref<> short_form(ThreadState& ts, const Pattern* p, const Subject& s, const Search& search) {
  if (p->groups == 0) return s.slice(search.found.start, search.found.end);
  Ref<> empty = s.empty();
  if (!empty) return {};
  if (p->groups == 1) return group_slice(s, search.marks[0], empty.get());
  Ref<> t = Ref<>::steal(PyTuple_New(p->groups));
  for (Py_ssize_t i = 0; t && i < p->groups; ++i) {
    Ref<> g = group_slice(s, search.marks[static_cast<size_t>(i)], empty.get());
    if (!g) return {};
    PyTuple_SetItem(t.get(), i, g.release());
  }
  (void)ts;
  return t;
}
Ref<> p_findall(ThreadState& ts, PyObject* self, PyObject* string, Py_ssize_t pos, Py_ssize_t endpos) {
  Pattern* p = pattern_of(self);
  Subject s;
  if (!s.init(ts, string, p, pos, endpos)) return {};
  Ref<> list = Ref<>::steal(PyList_New(0));
  if (!list) return {};
  bool ok = each_match(ts, p, s, 0, [&](const Search& m) {
    Ref<> v = short_form(ts, p, s, m);
    return v && PyList_Append(list.get(), v.get()) == 0;
  });
  return ok ? std::move(list) : Ref<>();
}
Ref<> p_split(ThreadState& ts, PyObject* self, PyObject* string, Py_ssize_t maxsplit) {
  Pattern* p = pattern_of(self);
  Subject s;
  if (!s.init(ts, string, p, 0, PY_SSIZE_T_MAX)) return {};
  Ref<> list = Ref<>::steal(PyList_New(0));
  if (!list) return {};
  Py_ssize_t last = 0;
  auto add = [&](Ref<> v) { return v && PyList_Append(list.get(), v.get()) == 0; };
  bool ok = maxsplit < 0 || each_match(ts, p, s, maxsplit, [&](const Search& m) {
    if (!add(s.slice(last, m.found.start))) return false;
    for (Py_ssize_t i = 0; i < p->groups; ++i) {
      if (!add(group_slice(s, m.marks[static_cast<size_t>(i)], Py_None))) return false;
    }
    last = m.found.end;
    return true;
  });
  return ok && add(s.slice(last, s.end())) ? std::move(list) : Ref<>();
}

// The replacement: a callable, or a text that the library turns into one when it has backslashes.
bool prepare_template(ThreadState&, PyObject* self, PyObject* given, Ref<>* filter, bool* callable) {
  *callable = PyCallable_Check(given);
  *filter = Ref<>::dup_of(given);
  if (*callable) return true;
  bool literal;
  if (PyUnicode_Check(given)) {
    Py_ssize_t at = PyUnicode_FindChar(given, '\\', 0, PyUnicode_GET_LENGTH(given), 1);
    if (at < -1) return false;
    literal = at == -1;
  } else {
    Py_buffer view;
    if (PyObject_GetBuffer(given, &view, PyBUF_SIMPLE) < 0) {
      PyErr_Clear();
      literal = false;  // the library says what is wrong with it
    } else {
      literal = view.len == 0 || std::memchr(view.buf, '\\', static_cast<size_t>(view.len)) == nullptr;
      PyBuffer_Release(&view);
    }
  }
  if (literal) return true;
  Ref<> re = Ref<>::steal(PyImport_ImportModule("re"));
  if (!re) return false;
  *filter = Ref<>::steal(PyObject_CallMethod(re.get(), "_subx", "OO", self, given));
  if (!*filter) return false;
  *callable = PyCallable_Check(filter->get());
  return true;
}
Ref<> substitute(ThreadState& ts, PyObject* self, PyObject* repl, PyObject* string, Py_ssize_t limit, bool with_count) {
  Pattern* p = pattern_of(self);
  Ref<> filter;
  bool callable;
  if (!prepare_template(ts, self, repl, &filter, &callable)) return {};
  Subject s;
  if (!s.init(ts, string, p, 0, PY_SSIZE_T_MAX)) return {};
  Ref<> list = Ref<>::steal(PyList_New(0));
  if (!list) return {};
  Py_ssize_t last = 0, n = 0;
  auto add = [&](Ref<> v) { return v && PyList_Append(list.get(), v.get()) == 0; };
  bool ok = limit < 0 || each_match(ts, p, s, limit, [&](const Search& m) {
    if (last < m.found.start && !add(s.slice(last, m.found.start))) return false;
    last = m.found.end;
    ++n;
    if (!callable) return add(Ref<>::dup_of(filter.get()));
    Ref<> match = make_match(ts, state_by_type(self), p, s, m);
    Ref<> text = match ? Ref<>::steal(PyObject_CallOneArg(filter.get(), match.get())) : Ref<>();
    return text && (text.get() == Py_None || add(std::move(text)));
  });
  if (!ok || (last < s.end() && !add(s.slice(last, s.end())))) return {};
  Ref<> joint = s.empty();
  Ref<> result;
  if (joint) {
    result = PyUnicode_Check(joint.get()) ? Ref<>::steal(PyUnicode_Join(joint.get(), list.get()))
                                          : Ref<>::steal(PyObject_CallMethod(joint.get(), "join", "O", list.get()));
  }
  if (!result || !with_count) return result;
  return Ref<>::steal(Py_BuildValue("(On)", result.get(), n));
}
Ref<> p_sub(ThreadState& ts, PyObject* self, PyObject* repl, PyObject* string, Py_ssize_t count) { return substitute(ts, self, repl, string, count, false); }
Ref<> p_subn(ThreadState& ts, PyObject* self, PyObject* repl, PyObject* string, Py_ssize_t count) { return substitute(ts, self, repl, string, count, true); }

Ref<> p_scanner(ThreadState& ts, PyObject* self, PyObject* string, Py_ssize_t pos, Py_ssize_t endpos) {
  Subject s;
  if (!s.init(ts, string, pattern_of(self), pos, endpos)) return {};
  auto* c = PyObject_GC_New(Scanner, state_by_type(self)->scanner);
  if (c == nullptr) return {};
  c->pattern = pattern_of(new_ref(self));
  c->string = new_ref(string);
  c->pos = s.pos();
  c->end = s.end();
  c->not_empty_at = -1;
  c->running = false;
  c->view = {};
  PyObject_GC_Track(c);
  Ref<> owner = Ref<>::steal(reinterpret_cast<PyObject*>(c));
  if (!PyUnicode_Check(string) && PyObject_GetBuffer(string, &c->view, PyBUF_SIMPLE) < 0) return {};
  return owner;
}
Ref<> p_finditer(ThreadState& ts, PyObject* self, PyObject* string, Py_ssize_t pos, Py_ssize_t endpos) {
  Ref<> scanner = p_scanner(ts, self, string, pos, endpos);
  Ref<> search = scanner ? Ref<>::steal(PyObject_GetAttrString(scanner.get(), "search")) : Ref<>();
  return search ? Ref<>::steal(PyCallIter_New(search.get(), Py_None)) : Ref<>();
}
Ref<> same(ThreadState&, PyObject* self) { return Ref<>::dup_of(self); }
Ref<> same_deep(ThreadState&, PyObject* self, PyObject*) { return Ref<>::dup_of(self); }
PyObject* class_getitem(PyObject* type, PyObject* item) { return Py_GenericAlias(type, item); }

PyObject* p_repr(PyObject* self) {
  static constexpr struct {
    const char* name;
    int value;
  } kNames[] = {{"re.TEMPLATE", 1}, {"re.IGNORECASE", 2}, {"re.LOCALE", 4}, {"re.MULTILINE", 8}, {"re.DOTALL", 16}, {"re.VERBOSE", 64}, {"re.DEBUG", 128}, {"re.ASCII", 256}};
  const Pattern* p = pattern_of(self);
  int flags = p->flags;
  // What every str pattern has says nothing.
  if (p->pattern != Py_None && PyUnicode_Check(p->pattern) && (flags & (4 | 32 | 256)) == 32) flags &= ~32;
  char text[160] = "";
  size_t n = 0;
  for (const auto& f : kNames) {
    if (!(flags & f.value)) continue;
    n += static_cast<size_t>(std::snprintf(text + n, sizeof text - n, "%s%s", n != 0 ? "|" : "", f.name));
    flags &= ~f.value;
  }
  if (flags != 0) n += static_cast<size_t>(std::snprintf(text + n, sizeof text - n, "%s0x%x", n != 0 ? "|" : "", static_cast<unsigned>(flags)));
  Ref<> shown = Ref<>::steal(PyObject_Repr(p->pattern));
  if (!shown) return nullptr;
  Ref<> cut = Ref<>::steal(PyUnicode_Substring(shown.get(), 0, 200));
  if (!cut) return nullptr;
  return n != 0 ? PyUnicode_FromFormat("re.compile(%U, %s)", cut.get(), text) : PyUnicode_FromFormat("re.compile(%U)", cut.get());
}
Py_hash_t p_hash(PyObject* self) {
  const Pattern* p = pattern_of(self);
  Py_hash_t h = PyObject_Hash(p->pattern);
  if (h == -1) return -1;
  Py_uhash_t x = static_cast<Py_uhash_t>(h);
  for (Py_ssize_t i = 0; i < Py_SIZE(p); ++i) x = (x ^ p->code[i]) * 0x100000001b3;
  x ^= static_cast<Py_uhash_t>(p->flags);
  return x == static_cast<Py_uhash_t>(-1) ? -2 : static_cast<Py_hash_t>(x);
}
PyObject* p_compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || Py_TYPE(a) != Py_TYPE(b)) return new_ref(Py_NotImplemented);
  const Pattern *p = pattern_of(a), *q = pattern_of(b);
  bool equal = a == b;
  if (!equal) {
    equal = p->flags == q->flags && p->kind == q->kind && Py_SIZE(p) == Py_SIZE(q) &&
            std::memcmp(p->code, q->code, static_cast<size_t>(Py_SIZE(p)) * sizeof(uint32_t)) == 0;
    if (equal) {
      int r = PyObject_RichCompareBool(p->pattern, q->pattern, Py_EQ);
      if (r < 0) return nullptr;
      equal = r == 1;
    }
  }
  return PyBool_FromLong(equal == (op == Py_EQ));
}
int p_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(pattern_of(self)->groupindex);
  Py_VISIT(pattern_of(self)->indexgroup);
  Py_VISIT(pattern_of(self)->pattern);
  return 0;
}
int p_clear(PyObject* self) {
  Py_CLEAR(pattern_of(self)->groupindex);
  Py_CLEAR(pattern_of(self)->indexgroup);
  Py_CLEAR(pattern_of(self)->pattern);
  return 0;
}
void p_dealloc(PyObject* self) {
  PyTypeObject* t = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (pattern_of(self)->weakrefs != nullptr) PyObject_ClearWeakRefs(self);
  p_clear(self);
  PyObject_GC_Del(self);
  Py_DECREF(t);
}
PyObject* p_groupindex(PyObject* self, void*) {
  return pattern_of(self)->groupindex != nullptr ? PyDictProxy_New(pattern_of(self)->groupindex) : PyDict_New();
}
ATOLL_SEALED PyGetSetDef pattern_getters[] = {{"groupindex", p_groupindex, nullptr, "A dictionary mapping group names to group numbers.", nullptr},
                                              {nullptr, nullptr, nullptr, nullptr, nullptr}};
ATOLL_SEALED PyMemberDef pattern_members[] = {
    {"pattern", T_OBJECT, offsetof(Pattern, pattern), READONLY, "The pattern string from which the RE object was compiled."},
    {"flags", T_INT, offsetof(Pattern, flags), READONLY, "The regex matching flags."},
    {"groups", T_PYSSIZET, offsetof(Pattern, groups), READONLY, "The number of capturing groups in the pattern."},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Pattern, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};
constexpr MethodSpec kPatternMethods[] = {
    ATOLL_METHOD(p_once<How::kMatch>, "match", "($self, /, string, pos=0, endpos=sys.maxsize)", "Match at the beginning of the string."),
    ATOLL_METHOD(p_once<How::kFullMatch>, "fullmatch", "($self, /, string, pos=0, endpos=sys.maxsize)", "Match the whole string."),
    ATOLL_METHOD(p_once<How::kSearch>, "search", "($self, /, string, pos=0, endpos=sys.maxsize)", "Find the first match."),
    ATOLL_METHOD(p_findall, "findall", "($self, /, string, pos=0, endpos=sys.maxsize)", "A list of all matches that do not overlap."),
    ATOLL_METHOD(p_finditer, "finditer", "($self, /, string, pos=0, endpos=sys.maxsize)", "An iterator over all matches that do not overlap."),
    ATOLL_METHOD(p_split, "split", "($self, /, string, maxsplit=0)", "Split the string at the matches."),
    ATOLL_METHOD(p_sub, "sub", "($self, /, repl, string, count=0)", "The string with its matches replaced."),
    ATOLL_METHOD(p_subn, "subn", "($self, /, repl, string, count=0)", "The string with its matches replaced, and how many there were."),
    ATOLL_METHOD(p_scanner, "scanner", "($self, /, string, pos=0, endpos=sys.maxsize)", "A scanner over the string."),
    ATOLL_METHOD(same, "__copy__", "($self, /)", "The pattern itself."),
    ATOLL_METHOD(same_deep, "__deepcopy__", "($self, memo, /)", "The pattern itself."),
    {"__class_getitem__", PyCFunction{class_getitem}, METH_O | METH_CLASS, "See PEP 585"},
    ATOLL_METHOD_END};

// ---- Match -------------------------------------------------------------------------------------------------------

// The number of a group given by number or name; -1 with IndexError.
Py_ssize_t group_number(ThreadState& ts, const MatchObject* m, PyObject* key) {
  Py_ssize_t i = -1;
  if (PyIndex_Check(key)) {
    i = PyNumber_AsSsize_t(key, nullptr);
    if (i == -1 && error_set(ts)) return -1;
  } else if (m->pattern->groupindex != nullptr) {
    PyObject* found = PyDict_GetItemWithError(m->pattern->groupindex, key);
    if (found == nullptr && error_set(ts)) {
      if (!error_clear_if(ts, PyExc_TypeError)) return -1;
    }
    if (found != nullptr && PyLong_Check(found)) i = PyLong_AsSsize_t(found);
  }
  if (i < 0 || i >= Py_SIZE(m)) {
    if (!error_set(ts)) (void)raise(ts, PyExc_IndexError, "no such group");
    return -1;
  }
  return i;
}
Ref<> group_text(ThreadState& ts, const MatchObject* m, Py_ssize_t i, PyObject* otherwise) {
  if (!m->marks[i].set() || m->string == Py_None) return Ref<>::dup_of(otherwise);
  Subject s;
  if (!s.init(ts, m->string, nullptr, 0, PY_SSIZE_T_MAX)) return {};
  Py_ssize_t from = m->marks[i].start, to = m->marks[i].end;
  if (to > s.end()) to = s.end();  // a buffer that has become shorter
  if (from > to) from = to;
  return s.slice(from, to);
}
PyObject* m_group(PyObject* self, PyObject* args) {
  ThreadState& ts = current_thread();
  const MatchObject* m = match_of(self);
  Py_ssize_t n = tuple_size(args);
  if (n == 0) return group_text(ts, m, 0, Py_None).release();
  auto get = [&](PyObject* key) {
    Py_ssize_t i = group_number(ts, m, key);
    return i < 0 ? Ref<>() : group_text(ts, m, i, Py_None);
  };
  if (n == 1) return get(tuple_peek(args, 0)).release();
  Ref<> t = Ref<>::steal(PyTuple_New(n));
  for (Py_ssize_t i = 0; t && i < n; ++i) {
    Ref<> g = get(tuple_peek(args, i));
    if (!g) return nullptr;
    PyTuple_SetItem(t.get(), i, g.release());
  }
  return t.release();
}
PyObject* m_getitem(PyObject* self, PyObject* key) {
  ThreadState& ts = current_thread();
  Py_ssize_t i = group_number(ts, match_of(self), key);
  return i < 0 ? nullptr : group_text(ts, match_of(self), i, Py_None).release();
}
Ref<> m_groups(ThreadState& ts, PyObject* self, PyObject* otherwise) {
  const MatchObject* m = match_of(self);
  Ref<> t = Ref<>::steal(PyTuple_New(Py_SIZE(m) - 1));
  for (Py_ssize_t i = 1; t && i < Py_SIZE(m); ++i) {
    Ref<> g = group_text(ts, m, i, otherwise != nullptr ? otherwise : Py_None);
    if (!g) return {};
    PyTuple_SetItem(t.get(), i - 1, g.release());
  }
  return t;
}
Ref<> m_groupdict(ThreadState& ts, PyObject* self, PyObject* otherwise) {
  const MatchObject* m = match_of(self);
  Ref<> d = dict_new(ts);
  if (!d || m->pattern->groupindex == nullptr) return d;
  Ref<> keys = Ref<>::steal(PyDict_Keys(m->pattern->groupindex));
  for (Py_ssize_t k = 0; keys && k < PyList_Size(keys.get()); ++k) {
    PyObject* key = PyList_GetItem(keys.get(), k);
    Py_ssize_t i = group_number(ts, m, key);
    if (i < 0) return {};
    Ref<> g = group_text(ts, m, i, otherwise != nullptr ? otherwise : Py_None);
    if (!g || PyDict_SetItem(d.get(), key, g.get()) < 0) return {};
  }
  return keys ? std::move(d) : Ref<>();
}
enum class Part { kStart, kEnd, kSpan };
template <Part kPart>
Ref<> m_part(ThreadState& ts, PyObject* self, PyObject* group) {
  const MatchObject* m = match_of(self);
  Py_ssize_t i = group != nullptr ? group_number(ts, m, group) : 0;
  if (i < 0) return {};
  if (kPart == Part::kStart) return int_from_i64(ts, m->marks[i].start);
  if (kPart == Part::kEnd) return int_from_i64(ts, m->marks[i].end);
  return Ref<>::steal(Py_BuildValue("(nn)", m->marks[i].start, m->marks[i].end));
}
Ref<> m_expand(ThreadState&, PyObject* self, PyObject* text) {
  Ref<> re = Ref<>::steal(PyImport_ImportModule("re"));
  return re ? Ref<>::steal(PyObject_CallMethod(re.get(), "_expand", "OOO", match_of(self)->pattern, self, text)) : Ref<>();
}
PyObject* m_repr(PyObject* self) {
  const MatchObject* m = match_of(self);
  Ref<> text = group_text(current_thread(), m, 0, Py_None);
  return text ? PyUnicode_FromFormat("<%s object; span=(%zd, %zd), match=%.50R>", Py_TYPE(self)->tp_name, m->marks[0].start, m->marks[0].end, text.get()) : nullptr;
}
PyObject* m_lastindex(PyObject* self, void*) {
  int i = match_of(self)->last_index;
  return i >= 0 ? PyLong_FromLong(i) : new_ref(Py_None);
}
PyObject* m_lastgroup(PyObject* self, void*) {
  const MatchObject* m = match_of(self);
  PyObject* names = m->pattern->indexgroup;
  if (m->last_index < 0 || names == nullptr || m->last_index >= tuple_size(names)) return new_ref(Py_None);
  return new_ref(tuple_peek(names, m->last_index));
}
PyObject* m_regs(PyObject* self, void*) {
  MatchObject* m = match_of(self);
  if (m->regs == nullptr) {
    Ref<> t = Ref<>::steal(PyTuple_New(Py_SIZE(m)));
    for (Py_ssize_t i = 0; t && i < Py_SIZE(m); ++i) {
      PyObject* pair = Py_BuildValue("(nn)", m->marks[i].start, m->marks[i].end);
      if (pair == nullptr) return nullptr;
      PyTuple_SetItem(t.get(), i, pair);
    }
    if (!t) return nullptr;
    Py_XSETREF(m->regs, t.release());
  }
  return new_ref(m->regs);
}
int m_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(match_of(self)->string);
  Py_VISIT(match_of(self)->regs);
  Py_VISIT(match_of(self)->pattern);
  return 0;
}
void m_dealloc(PyObject* self) {
  PyTypeObject* t = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_CLEAR(match_of(self)->string);
  Py_CLEAR(match_of(self)->regs);
  Py_CLEAR(match_of(self)->pattern);
  PyObject_GC_Del(self);
  Py_DECREF(t);
}
ATOLL_SEALED PyGetSetDef match_getters[] = {{"lastindex", m_lastindex, nullptr, "The integer index of the last matched capturing group.", nullptr},
                                            {"lastgroup", m_lastgroup, nullptr, "The name of the last matched capturing group.", nullptr},
                                            {"regs", m_regs, nullptr, nullptr, nullptr},
                                            {nullptr, nullptr, nullptr, nullptr, nullptr}};
ATOLL_SEALED PyMemberDef match_members[] = {
    {"string", T_OBJECT, offsetof(MatchObject, string), READONLY, "The string passed to match() or search()."},
    {"re", T_OBJECT, offsetof(MatchObject, pattern), READONLY, "The regular expression object."},
    {"pos", T_PYSSIZET, offsetof(MatchObject, pos), READONLY, "The index into the string at which the RE engine started looking for a match."},
    {"endpos", T_PYSSIZET, offsetof(MatchObject, endpos), READONLY, "The index into the string beyond which the RE engine will not go."},
    {nullptr, 0, 0, 0, nullptr}};
constexpr MethodSpec kMatchMethods[] = {
    {"group", PyCFunction{m_group}, METH_VARARGS, "group([group1, ...]) -> str or tuple.\n\nOne group of the match, or several."},
    ATOLL_METHOD(m_groups, "groups", "($self, /, default=None)", "All groups."),
    ATOLL_METHOD(m_groupdict, "groupdict", "($self, /, default=None)", "All named groups."),
    ATOLL_METHOD(m_part<Part::kStart>, "start", "($self, group=0, /)", "Where a group begins."),
    ATOLL_METHOD(m_part<Part::kEnd>, "end", "($self, group=0, /)", "Where a group ends."),
    ATOLL_METHOD(m_part<Part::kSpan>, "span", "($self, group=0, /)", "Where a group begins and ends."),
    ATOLL_METHOD(m_expand, "expand", "($self, /, template)", "A template with the groups put in."),
    ATOLL_METHOD(same, "__copy__", "($self, /)", "The match itself."),
    ATOLL_METHOD(same_deep, "__deepcopy__", "($self, memo, /)", "The match itself."),
    {"__class_getitem__", PyCFunction{class_getitem}, METH_O | METH_CLASS, "See PEP 585"},
    ATOLL_METHOD_END};

// ---- Scanner -----------------------------------------------------------------------------------------------------

template <bool kSearch>
Ref<> s_next(ThreadState& ts, PyObject* self) {
  Scanner* c = scanner_of(self);
  if (c->running) return raise(ts, PyExc_ValueError, "regular expression scanner already executing");
  if (c->pos > c->end) return new_none();
  Subject s;
  if (!s.init(ts, c->string, c->pattern, c->pos, c->end)) return {};
  Search search(ts, c->pattern, s);
  c->running = true;
  Outcome o;
  if (kSearch) {
    o = search.matcher.search(s.pos(), c->not_empty_at, &search.found);
  } else {
    search.matcher.set_not_empty_at(c->not_empty_at);
    o = search.matcher.match(s.pos(), false, &search.found);
  }
  c->running = false;
  bool yes;
  if (!outcome(ts, o, &yes)) return {};
  if (!yes) {
    c->pos = c->end + 1;
    return new_none();
  }
  Ref<> m = make_match(ts, state_by_type(self), c->pattern, s, search);
  c->pos = search.found.end;
  c->not_empty_at = search.found.start == search.found.end ? c->pos : -1;
  return m;
}
int s_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(scanner_of(self)->pattern);
  Py_VISIT(scanner_of(self)->string);
  return 0;
}
void s_dealloc(PyObject* self) {
  PyTypeObject* t = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (scanner_of(self)->view.obj != nullptr) PyBuffer_Release(&scanner_of(self)->view);
  Py_CLEAR(scanner_of(self)->pattern);
  Py_CLEAR(scanner_of(self)->string);
  PyObject_GC_Del(self);
  Py_DECREF(t);
}
ATOLL_SEALED PyMemberDef scanner_members[] = {{"pattern", T_OBJECT, offsetof(Scanner, pattern), READONLY, nullptr}, {nullptr, 0, 0, 0, nullptr}};
constexpr MethodSpec kScannerMethods[] = {ATOLL_METHOD(s_next<false>, "match", "($self, /)", "The next match, which begins where the last ended."),
                                          ATOLL_METHOD(s_next<true>, "search", "($self, /)", "The next match anywhere."), ATOLL_METHOD_END};

// ---- the module --------------------------------------------------------------------------------------------------

Ref<> f_compile(ThreadState& ts, PyObject* module, PyObject* pattern, int flags, PyObject* code, Py_ssize_t groups, PyObject* groupindex, PyObject* indexgroup) {
  if (!PyList_Check(code)) return raise(ts, PyExc_TypeError, "compile() argument 'code' must be list, not %T", code);
  if (!PyDict_Check(groupindex)) return raise(ts, PyExc_TypeError, "compile() argument 'groupindex' must be dict, not %T", groupindex);
  if (!PyTuple_Check(indexgroup)) return raise(ts, PyExc_TypeError, "compile() argument 'indexgroup' must be tuple, not %T", indexgroup);
  Py_ssize_t n = PyList_Size(code);
  if (groups < 0 || groups > INT_MAX / 2) return raise(ts, PyExc_RuntimeError, "invalid SRE code");
  auto* p = PyObject_GC_NewVar(Pattern, state_of(module)->pattern, n);
  if (p == nullptr) return {};
  p->groups = groups;
  p->groupindex = PyDict_Size(groupindex) != 0 ? new_ref(groupindex) : nullptr;
  p->indexgroup = PyDict_Size(groupindex) != 0 ? new_ref(indexgroup) : nullptr;
  p->pattern = new_ref(pattern);
  p->weakrefs = nullptr;
  p->flags = flags;
  p->kind = pattern == Py_None ? 2 : PyUnicode_Check(pattern) ? 0 : 1;
  PyObject_GC_Track(p);
  Ref<> owner = Ref<>::steal(reinterpret_cast<PyObject*>(p));
  for (Py_ssize_t i = 0; i < n; ++i) {
    unsigned long v = PyLong_AsUnsignedLong(PyList_GetItem(code, i));
    if (error_set(ts)) return {};
    if (v > UINT32_MAX) return raise(ts, PyExc_OverflowError, "regular expression code size limit exceeded");
    p->code[i] = static_cast<uint32_t>(v);
  }
  if (!code_valid(p->code, static_cast<size_t>(n), static_cast<size_t>(groups))) return raise(ts, PyExc_RuntimeError, "invalid SRE code");
  return owner;
}
Ref<> f_getcodesize(ThreadState& ts, PyObject*) { return int_from_i64(ts, 4); }
Tri tri(bool b) { return b ? Tri::kTrue : Tri::kFalse; }
Tri f_ascii_iscased(ThreadState&, PyObject*, int ch) { return tri(ascii_cased(static_cast<uint32_t>(ch))); }
Tri f_unicode_iscased(ThreadState&, PyObject*, int ch) { return tri(unicode_cased(static_cast<uint32_t>(ch))); }
Ref<> f_ascii_tolower(ThreadState& ts, PyObject*, int ch) { return int_from_i64(ts, ascii_lower(static_cast<uint32_t>(ch))); }
Ref<> f_unicode_tolower(ThreadState& ts, PyObject*, int ch) { return int_from_i64(ts, _PyUnicode_ToLowercase(static_cast<Py_UCS4>(ch))); }
constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(f_compile, "compile", "($module, /, pattern, flags, code, groups, groupindex, indexgroup)", "A pattern from its code."),
    ATOLL_METHOD(f_getcodesize, "getcodesize", "($module, /)", "Bytes of a word of code."),
    ATOLL_METHOD(f_ascii_iscased, "ascii_iscased", "($module, character, /)", "Is it an ASCII letter?"),
    ATOLL_METHOD(f_unicode_iscased, "unicode_iscased", "($module, character, /)", "Has it two cases?"),
    ATOLL_METHOD(f_ascii_tolower, "ascii_tolower", "($module, character, /)", "Lower case in ASCII."),
    ATOLL_METHOD(f_unicode_tolower, "unicode_tolower", "($module, character, /)", "Lower case."),
    ATOLL_METHOD_END};

PyTypeObject* make_type(PyObject* m, const char* name, size_t size, size_t item, PyType_Slot* slots) {
  PyType_Spec spec{name, static_cast<int>(size), static_cast<int>(item),
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(m, &spec, nullptr));
}
template <class F>
void* slot(F f) {
  return reinterpret_cast<void*>(f);
}
int exec_sre(PyObject* m) {
  PyType_Slot pattern[] = {{Py_tp_dealloc, slot(p_dealloc)}, {Py_tp_traverse, slot(p_traverse)}, {Py_tp_clear, slot(p_clear)}, {Py_tp_repr, slot(p_repr)},
                           {Py_tp_hash, slot(p_hash)}, {Py_tp_richcompare, slot(p_compare)}, {Py_tp_methods, const_cast<MethodSpec*>(kPatternMethods)},
                           {Py_tp_members, pattern_members}, {Py_tp_getset, pattern_getters}, {0, nullptr}};
  PyType_Slot match[] = {{Py_tp_dealloc, slot(m_dealloc)}, {Py_tp_traverse, slot(m_traverse)}, {Py_tp_repr, slot(m_repr)}, {Py_mp_subscript, slot(m_getitem)},
                         {Py_tp_methods, const_cast<MethodSpec*>(kMatchMethods)}, {Py_tp_members, match_members}, {Py_tp_getset, match_getters}, {0, nullptr}};
  PyType_Slot scanner[] = {{Py_tp_dealloc, slot(s_dealloc)}, {Py_tp_traverse, slot(s_traverse)}, {Py_tp_methods, const_cast<MethodSpec*>(kScannerMethods)},
                           {Py_tp_members, scanner_members}, {0, nullptr}};
  State* s = state_of(m);
  s->pattern = make_type(m, "re.Pattern", offsetof(Pattern, code), sizeof(uint32_t), pattern);
  s->match = make_type(m, "re.Match", offsetof(MatchObject, marks), sizeof(Mark), match);
  s->scanner = make_type(m, "_sre.SRE_Scanner", sizeof(Scanner), 0, scanner);
  if (s->pattern == nullptr || s->match == nullptr || s->scanner == nullptr) return -1;
  Ref<> repeat = Ref<>::steal(PyLong_FromUnsignedLong(kMaxRepeat));
  return !repeat || PyModule_AddObjectRef(m, "MAXREPEAT", repeat.get()) < 0 || PyModule_AddIntConstant(m, "MAGIC", kMagic) < 0 ||
                 PyModule_AddIntConstant(m, "CODESIZE", 4) < 0 || PyModule_AddIntConstant(m, "MAXGROUPS", 1073741823) < 0
             ? -1
             : 0;
}
int sre_traverse(PyObject* m, visitproc visit, void* arg) {
  Py_VISIT(state_of(m)->pattern);
  Py_VISIT(state_of(m)->match);
  Py_VISIT(state_of(m)->scanner);
  return 0;
}
int sre_clear(PyObject* m) {
  Py_CLEAR(state_of(m)->pattern);
  Py_CLEAR(state_of(m)->match);
  Py_CLEAR(state_of(m)->scanner);
  return 0;
}

}  // namespace
}  // namespace atl::sre

ATOLL_BUILTIN_MODULE_GC(PyInit__sre, "_sre", "The matcher behind re.", sizeof(atl::sre::State), atl::sre::kMethods, atl::sre::exec_sre, atl::sre::sre_traverse,
                        atl::sre::sre_clear, nullptr)
