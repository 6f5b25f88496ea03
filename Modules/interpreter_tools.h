// What the modules about interpreters have in common.
#pragma once

#include <cstdlib>

#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/type/bind.h"
#include "Python/runtime/scope.h"

namespace atl {

// An interpreter's number, from anything with __index__.
struct InterpreterArg {
  int64_t value;
};
template <>
struct ArgTraits<InterpreterArg> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace&, InterpreterArg* out) {
    Ref<> n = number_index(ts, o);
    if (!n || failed(int_as_i64(ts, n.get(), &out->value))) return false;
    if (out->value >= 0) return true;
    (void)raise(ts, PyExc_ValueError, "interpreter ID must be a non-negative int, got %R", o);
    return false;
  }
};

// A list of numbers that may grow while it is read.
class NumberList {
 public:
  NumberList() = default;
  NumberList(const NumberList&) = delete;
  NumberList& operator=(const NumberList&) = delete;
  ~NumberList() { std::free(items_); }
  // `list(items, room)` gives how many there are. False without memory.
  template <class F>
  bool read(F list) {
    for (size_t room = 64;; room = size_ + 16) {
      std::free(items_);
      items_ = static_cast<int64_t*>(std::malloc(room * sizeof(int64_t)));
      if (items_ == nullptr) return false;
      size_ = list(items_, room);
      if (size_ <= room) return true;
    }
  }
  size_t size() const { return size_; }
  int64_t operator[](size_t i) const { return items_[i]; }
  Ref<> as_list(ThreadState& ts) const {
    Ref<> list = list_new_room(ts, static_cast<Py_ssize_t>(size_));
    for (size_t i = 0; list && i < size_; ++i) {
      Ref<> number = int_from_i64(ts, items_[i]);
      if (!number || failed(list_append(ts, list.get(), std::move(number)))) return {};
    }
    return list;
  }

 private:
  int64_t* items_ = nullptr;
  size_t size_ = 0;
};
class InterpreterIds : public NumberList {
 public:
  bool read() { return NumberList::read(interpreter_list); }
};

// None or NULL becomes NULL; anything else must be a dict with str keys.
inline Status check_shared_dict(ThreadState& ts, PyObject** shared) {
  if (*shared == Py_None) *shared = nullptr;
  if (*shared == nullptr) return Status::kOk;
  if (!is_exact_dict(*shared)) return raise(ts, PyExc_TypeError, "expected 'shared' to be a dict, not %T", *shared);
  Py_ssize_t pos = 0;
  PyObject *key, *value;
  while (dict_next(*shared, &pos, &key, &value)) {
    if (!is_exact_str(key)) return raise(ts, PyExc_TypeError, "names of shared values must be str, not %T", key);
  }
  return Status::kOk;
}

}  // namespace atl
