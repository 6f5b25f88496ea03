// Exception groups (PEP 654).
#include "Objects/exceptions/groups.h"

#include "Objects/dict/dict.h"
#include "Objects/exceptions/exceptions.h"
#include "Objects/list.h"
#include "Objects/set.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "structmember.h"

namespace atl {

namespace {

using Group = PyBaseExceptionGroupObject;
Group* as_group(PyObject* o) { return reinterpret_cast<Group*>(o); }
PyTypeObject* base_group() { return reinterpret_cast<PyTypeObject*>(PyExc_BaseExceptionGroup); }
PyTypeObject* as_class(PyObject* o) { return reinterpret_cast<PyTypeObject*>(o); }

PyObject* group_new(PyTypeObject* type, PyObject* args, PyObject*) {
  ThreadState& ts = current_thread();
  if (tuple_size(args) != 2) {
    return raise(ts, PyExc_TypeError, "BaseExceptionGroup.__new__() takes exactly 2 arguments (%zd given)", tuple_size(args));
  }
  PyObject* message = tuple_peek(args, 0);
  PyObject* given = tuple_peek(args, 1);
  if (!is_str(message)) return raise(ts, PyExc_TypeError, "argument 1 must be str, not %T", message);
  if (!PySequence_Check(given)) return raise(ts, PyExc_TypeError, "second argument (exceptions) must be a sequence");
  Ref<> excs = tuple_from_iterable(ts, given);
  if (!excs) return nullptr;
  Py_ssize_t n = tuple_size(excs.get());
  if (n == 0) return raise(ts, PyExc_ValueError, "second argument (exceptions) must be a non-empty sequence");
  bool only_exceptions = true;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* e = tuple_peek(excs.get(), i);
    if (!is_exception(e)) return raise(ts, PyExc_ValueError, "Item %zd of second argument (exceptions) is not an exception", i);
    if (!is_instance_nocall(e, as_class(PyExc_Exception))) only_exceptions = false;
  }
  PyObject* group = exception_group_class(ts);
  if (group == nullptr) return nullptr;
  auto* exception_group = as_class(group);
  if (type == exception_group) {
    if (!only_exceptions) return raise(ts, PyExc_TypeError, "Cannot nest BaseExceptions in an ExceptionGroup");
  } else if (type == base_group()) {
    if (only_exceptions) type = exception_group;
  } else if (is_subtype(type, as_class(PyExc_Exception)) && !only_exceptions) {
    return raise(ts, PyExc_TypeError, "Cannot nest BaseExceptions in '%.200s'", type->tp_name);
  }
  Ref<> self = Ref<>::steal(exception_new(type, args, nullptr));
  if (!self) return nullptr;
  set_field(as_group(self.get())->msg, dup(message));
  set_field(as_group(self.get())->excs, std::move(excs));
  return self.release();
}

Ref<> group_str(ThreadState& ts, PyObject* self) {
  Py_ssize_t n = tuple_size(as_group(self)->excs);
  return str_format(ts, "%S (%zd sub-exception%s)", as_group(self)->msg, n, n > 1 ? "s" : "");
}

Ref<> derive(ThreadState& ts, Group* self, PyObject* excs) {
  Ref<> args = tuple_of(ts, self->msg, excs);
  return args ? object_call(ts, PyExc_BaseExceptionGroup, args.get(), nullptr) : Ref<>();
}

// A new group like `orig` with other members: derived by its own method, then traceback, context, cause and notes.
Ref<> subset(ThreadState& ts, PyObject* orig, PyObject* excs_list) {
  if (list_size(excs_list) == 0) return {};
  Ref<> name = str_interned(ts, "derive");
  if (!name) return {};
  Ref<> group = call_method(ts, orig, name.get(), excs_list);
  if (!group) return {};
  if (!is_exception_group(group.get())) {
    return raise(ts, PyExc_TypeError, "derive must return an instance of BaseExceptionGroup");
  }
  auto* from = as_exception(orig);
  auto* to = as_exception(group.get());
  set_field(to->traceback, Ref<>::dup_of(from->traceback));
  set_field(to->context, Ref<>::dup_of(from->context));
  set_field(to->cause, Ref<>::dup_of(from->cause));
  to->suppress_context = from->suppress_context;
  Ref<> notes;
  if (failed(object_lookup_attr(ts, orig, ID(__notes__), &notes))) return {};
  if (notes && PySequence_Check(notes.get())) {
    Ref<> copy = list_from_iterable(ts, notes.get());
    if (!copy || failed(object_setattr(ts, group.get(), ID(__notes__), copy.get()))) return {};
  }
  return group;
}

// What decides whether an exception belongs to the part asked for.
struct Condition {
  enum { kType, kCallable, kIdentity } kind;
  PyObject* value;  // class or tuple; callable; list of leaf exceptions
};

Status make_condition(ThreadState& ts, PyObject* value, Condition* out) {
  bool type = PyExceptionClass_Check(value);
  if (is_tuple(value)) {
    type = true;
    for (Py_ssize_t i = 0; i < tuple_size(value); ++i) type = type && PyExceptionClass_Check(tuple_peek(value, i));
  }
  if (type) {
    *out = {Condition::kType, value};
    return Status::kOk;
  }
  if (PyCallable_Check(value) && !PyType_Check(value)) {
    *out = {Condition::kCallable, value};
    return Status::kOk;
  }
  return raise(ts, PyExc_TypeError, "expected a function, exception type or tuple of exception types");
}

Tri matches(ThreadState& ts, PyObject* exc, const Condition& c) {
  switch (c.kind) {
    case Condition::kType:
      return tri(exception_matches(ts, exc, c.value));
    case Condition::kCallable: {
      Ref<> r = call(ts, c.value, exc);
      return r ? object_is_true(ts, r.get()) : Tri::kError;
    }
    default:
      for (Py_ssize_t i = 0; i < list_size(c.value); ++i) {
        if (list_items(c.value)[i] == exc) return Tri::kTrue;
      }
      return Tri::kFalse;
  }
}

// Splits exc by the condition; rest is not built when not wanted. Both may come out empty.
Status split(ThreadState& ts, PyObject* exc, const Condition& c, bool want_rest, Ref<>* match, Ref<>* rest) {
  RecursionGuard guard(ts, " in exceptiongroup_split_recursive");
  if (!guard.ok()) return Status::kError;
  if (c.kind != Condition::kIdentity || !is_exception_group(exc)) {
    Tri whole = matches(ts, exc, c);
    if (failed(whole)) return Status::kError;
    if (whole == Tri::kTrue) {
      *match = dup(exc);
      return Status::kOk;
    }
  }
  if (!is_exception_group(exc)) {
    if (want_rest) *rest = dup(exc);
    return Status::kOk;
  }
  Ref<> matched = list_new(ts, 0);
  Ref<> others = list_new(ts, 0);
  if (!matched || !others) return Status::kError;
  Ref<> excs = dup(as_group(exc)->excs);
  for (Py_ssize_t i = 0; i < tuple_size(excs.get()); ++i) {
    Ref<> m, r;
    if (failed(split(ts, tuple_peek(excs.get(), i), c, want_rest, &m, &r))) return Status::kError;
    if (m && failed(list_append(ts, matched.get(), std::move(m)))) return Status::kError;
    if (r && failed(list_append(ts, others.get(), std::move(r)))) return Status::kError;
  }
  *match = subset(ts, exc, matched.get());
  if (!*match && error_set(ts)) return Status::kError;
  if (want_rest) {
    *rest = subset(ts, exc, others.get());
    if (!*rest && error_set(ts)) return Status::kError;
  }
  return Status::kOk;
}

Ref<> group_split(ThreadState& ts, Group* self, PyObject* value) {
  Condition c;
  if (failed(make_condition(ts, value, &c))) return {};
  Ref<> match, rest;
  if (failed(split(ts, obj(self), c, true, &match, &rest))) return {};
  return tuple_of(ts, match ? match.get() : Py_None, rest ? rest.get() : Py_None);
}

Ref<> group_subgroup(ThreadState& ts, Group* self, PyObject* value) {
  Condition c;
  if (failed(make_condition(ts, value, &c))) return {};
  Ref<> match, rest;
  if (failed(split(ts, obj(self), c, false, &match, &rest))) return {};
  return match ? std::move(match) : new_none();
}

constexpr MethodSpec kGroupMethods[] = {
    ATOLL_METHOD_RAW(Py_GenericAlias, "__class_getitem__", METH_O | METH_CLASS, "See PEP 585"),
    ATOLL_METHOD(derive, "derive", "($self, excs, /)", "A group of the same kind with other exceptions."),
    ATOLL_METHOD(group_split, "split", "($self, condition, /)", "The part that matches, and the rest."),
    ATOLL_METHOD(group_subgroup, "subgroup", "($self, condition, /)", "The part that matches."), ATOLL_METHOD_END};
constexpr PyMemberDef kGroupMembers[] = {{"message", T_OBJECT, offsetof(Group, msg), READONLY, "exception message"},
                                         {"exceptions", T_OBJECT, offsetof(Group, excs), READONLY, "nested exceptions"},
                                         {nullptr, 0, 0, 0, nullptr}};
const Py_ssize_t kGroupFields[] = {offsetof(Group, msg), offsetof(Group, excs), 0};

Status collect_leaves(ThreadState& ts, PyObject* exc, PyObject* list) {
  if (!is_exception_group(exc)) return list_append(ts, list, dup(exc));
  PyObject* excs = as_group(exc)->excs;
  for (Py_ssize_t i = 0; i < tuple_size(excs); ++i) {
    if (failed(collect_leaves(ts, tuple_peek(excs, i), list))) return Status::kError;
  }
  return Status::kOk;
}

// Was it raised anew, or is it (part of) what the statement began with?
bool same_origin(PyObject* a, PyObject* b) {
  auto* x = as_exception(a);
  auto* y = as_exception(b);
  return x->notes == y->notes && x->traceback == y->traceback && x->cause == y->cause && x->context == y->context;
}

}  // namespace

const ExceptionKind kKindGroup{.basicsize = sizeof(Group), .new_ = group_new, .str = ATOLL_SLOT(group_str), .methods = kGroupMethods, .members = kGroupMembers, .fields = kGroupFields};

bool is_exception_group(PyObject* o) { return is_instance_nocall(o, base_group()); }

Ref<> exception_group_new(ThreadState& ts, PyObject* message, PyObject* excs) {
  Ref<> args = tuple_of(ts, message, excs);
  return args ? object_call(ts, PyExc_BaseExceptionGroup, args.get(), nullptr) : Ref<>();
}

Ref<> exception_prep_reraise_star(ThreadState& ts, PyObject* orig, PyObject* raised) {
  Py_ssize_t n = list_size(raised);
  if (n == 0) return new_none();
  if (!is_exception_group(orig)) {
    // A naked exception: what was raised is a wrapper's part or the handler's own; the last one counts.
    Ref<> one;
    for (Py_ssize_t i = 0; i < n; ++i) {
      if (list_items(raised)[i] != Py_None) one = dup(list_items(raised)[i]);
    }
    return one ? std::move(one) : new_none();
  }
  Ref<> anew = list_new(ts, 0);
  Ref<> leaves = list_new(ts, 0);
  if (!anew || !leaves) return {};
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* e = list_items(raised)[i];
    if (e == Py_None) continue;
    if (same_origin(e, orig)) {
      if (failed(collect_leaves(ts, e, leaves.get()))) return {};
    } else if (failed(list_append(ts, anew.get(), dup(e)))) {
      return {};
    }
  }
  // What was not handled keeps the shape of the original group.
  Condition c{Condition::kIdentity, leaves.get()};
  Ref<> left, rest;
  if (list_size(leaves.get()) != 0 && failed(split(ts, orig, c, false, &left, &rest))) return {};
  if (list_size(anew.get()) == 0) return left ? std::move(left) : new_none();
  if (left && failed(list_append(ts, anew.get(), std::move(left)))) return {};
  return exception_group_new(ts, empty_str(), anew.get());
}

}  // namespace atl

PyObject* _PyExc_CreateExceptionGroup(const char* message, PyObject* excs) {
  atl::ThreadState& ts = atl::current_thread();
  atl::Ref<> text = atl::str_from_utf8(ts, message);
  return text ? atl::exception_group_new(ts, text.get(), excs).release() : nullptr;
}
