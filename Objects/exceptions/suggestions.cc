// See suggestions.h. Nearness is an edit distance: adding, leaving out and replacing a character cost 2, changing its
// case costs 1; two names are near when that is no more than a third of the cost of replacing both wholly.
#include "Objects/exceptions/suggestions.h"

#include <algorithm>

#include "Objects/exceptions/exceptions.h"
#include "Objects/frame.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Objects/upcalls.h"
#include "frameobject.h"

namespace atl {

namespace {

constexpr size_t kLongestName = 40;       // bytes; longer ones are not compared
constexpr Py_ssize_t kMostNames = 750;    // larger sets are not searched
constexpr size_t kEdit = 2, kChangeCase = 1;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

size_t replace_cost(char a, char b) {
  if (a == b) return 0;
  return lower(a) == lower(b) ? kChangeCase : kEdit;
}

// The distance of two names of at most kLongestName bytes, or `limit` + 1 when it is more than that.
size_t distance(std::string_view a, std::string_view b, size_t limit) {
  while (!a.empty() && !b.empty() && a.front() == b.front()) a.remove_prefix(1), b.remove_prefix(1);
  while (!a.empty() && !b.empty() && a.back() == b.back()) a.remove_suffix(1), b.remove_suffix(1);
  size_t row[kLongestName + 1];  // distances of the part of a that was read to each beginning of b
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j * kEdit;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = (i + 1) * kEdit;
    size_t least = row[0];
    for (size_t j = 0; j < b.size(); ++j) {
      size_t replaced = diagonal + replace_cost(a[i], b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + kEdit, diagonal + kEdit});
      least = std::min(least, row[j + 1]);
    }
    if (least > limit) return limit + 1;
  }
  return row[b.size()];
}

// The nearest of a list's names, if any is near enough.
Ref<> nearest(ThreadState& ts, PyObject* wanted, PyObject* names) {
  if (list_size(names) >= kMostNames) return {};
  const char* text = str_utf8(ts, wanted);
  if (text == nullptr) return {};
  std::string_view name(text);
  if (name.size() > kLongestName) return {};
  PyObject* best = nullptr;
  size_t best_distance = SIZE_MAX;
  for (Py_ssize_t i = 0; i < list_size(names); ++i) {
    PyObject* item = list_items(names)[i];
    if (!is_str(item)) continue;
    const char* item_text = str_utf8(ts, item);
    if (item_text == nullptr) return {};
    std::string_view other(item_text);
    if (other == name || other.size() > kLongestName) continue;
    size_t limit = (name.size() + other.size() + 3) * kEdit / 6;
    if (best != nullptr && limit >= best_distance) limit = best_distance - 1;
    size_t d = distance(name, other, limit);
    if (d > limit) continue;
    best = item;
    best_distance = d;
  }
  return Ref<>::dup_of(best);
}

Ref<> suggest_attribute(ThreadState& ts, PyAttributeErrorObject* e) {
  if (e->name == nullptr || e->obj == nullptr || !is_str(e->name)) return {};
  Ref<> hold_name = dup(e->name);
  Ref<> names = object_dir(ts, e->obj);
  return names ? nearest(ts, hold_name.get(), names.get()) : Ref<>();
}

Ref<> suggest_name(ThreadState& ts, PyNameErrorObject* e) {
  auto* tb = reinterpret_cast<PyTracebackObject*>(e->traceback);
  if (e->name == nullptr || tb == nullptr || !is_str(e->name)) return {};
  while (tb->tb_next != nullptr) tb = tb->tb_next;
  Ref<> name = dup(e->name);
  Ref<PyFrameObject> frame = dup(reinterpret_cast<PyFrameObject*>(tb->tb_frame));
  Ref<PyCodeObject> code = Ref<PyCodeObject>::steal(PyFrame_GetCode(frame.get()));
  Ref<> locals = Ref<>::steal(PyCode_GetVarnames(code.get()));
  Ref<> globals = Ref<>::steal(PyFrame_GetGlobals(frame.get()));
  Ref<> builtins = Ref<>::steal(PyFrame_GetBuiltins(frame.get()));
  for (PyObject* names : {locals.get(), globals.get(), builtins.get()}) {
    if (names == nullptr) return {};
    Ref<> list = list_from_iterable(ts, names);
    Ref<> found = list ? nearest(ts, name.get(), list.get()) : Ref<>();
    if (found || error_set(ts)) return found;
  }
  return {};
}

}  // namespace

Ref<> exception_suggestion(ThreadState& ts, PyObject* exc) {
  ErrorStash stash(ts);
  Ref<> found;
  if (is_exact(exc, reinterpret_cast<PyTypeObject*>(PyExc_AttributeError))) {
    found = suggest_attribute(ts, reinterpret_cast<PyAttributeErrorObject*>(exc));
  } else if (is_exact(exc, reinterpret_cast<PyTypeObject*>(PyExc_NameError))) {
    found = suggest_name(ts, reinterpret_cast<PyNameErrorObject*>(exc));
  }
  // An object whose dir() fails has no suggestions.
  if (!found) error_clear(ts);
  return found;
}

}  // namespace atl
