// Capsules: C pointers with a name, handed from extension to extension through Python.
#include <cstring>

#include "Objects/str/str.h"
#include "Objects/type/type.h"
#include "pycapsule.h"

namespace atl {

namespace {

struct CapsuleObject {
  PyObject ob_base;
  void* pointer;
  const char* name;
  void* context;
  PyCapsule_Destructor destructor;
};
static_assert(sizeof(CapsuleObject) == 48);

CapsuleObject* as_capsule(PyObject* o) { return reinterpret_cast<CapsuleObject*>(o); }

bool same_name(const char* a, const char* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return std::strcmp(a, b) == 0;
}

CapsuleObject* legal(PyObject* o, const char* function) {
  if (o != nullptr && is_exact(o, &PyCapsule_Type) && as_capsule(o)->pointer != nullptr) return as_capsule(o);
  return raise(current_thread(), PyExc_ValueError, "%s called with invalid PyCapsule object", function);
}

void capsule_dealloc(ThreadState& ts, CapsuleObject* c) {
  if (c->destructor != nullptr) c->destructor(obj(c));
  free_object(ts, obj(c));
}

Ref<> capsule_repr(ThreadState& ts, CapsuleObject* c) {
  const char* quote = c->name != nullptr ? "\"" : "";
  return str_format(ts, "<capsule object %s%s%s at %p>", quote, c->name != nullptr ? c->name : "NULL", quote, static_cast<void*>(c));
}

}  // namespace

constinit const TypeSpec capsule_spec{
    .name = "PyCapsule",
    .doc = "Capsule objects let you wrap a C \"void *\" pointer in a Python object, so that\n"
           "it can be passed through the Python interpreter without creating a type of its\n"
           "own. They are used for communication between extension modules.\n",
    .basicsize = sizeof(CapsuleObject),
    .dealloc = ATOLL_SLOT(capsule_dealloc),
    .repr = ATOLL_SLOT(capsule_repr),
};

}  // namespace atl

extern "C" {
ATOLL_SEALED PyTypeObject PyCapsule_Type = {};
}

using namespace atl;

PyObject* PyCapsule_New(void* pointer, const char* name, PyCapsule_Destructor destructor) {
  ThreadState& ts = current_thread();
  if (pointer == nullptr) return raise(ts, PyExc_ValueError, "PyCapsule_New called with null pointer");
  auto c = new_object<CapsuleObject>(ts, &PyCapsule_Type);
  if (!c) return nullptr;
  c->pointer = pointer;
  c->name = name;
  c->context = nullptr;
  c->destructor = destructor;
  return obj(c.release());
}

int PyCapsule_IsValid(PyObject* o, const char* name) {
  return o != nullptr && is_exact(o, &PyCapsule_Type) && as_capsule(o)->pointer != nullptr && same_name(as_capsule(o)->name, name);
}

void* PyCapsule_GetPointer(PyObject* o, const char* name) {
  CapsuleObject* c = legal(o, "PyCapsule_GetPointer");
  if (c == nullptr) return nullptr;
  if (!same_name(name, c->name)) return raise(current_thread(), PyExc_ValueError, "PyCapsule_GetPointer called with incorrect name");
  return c->pointer;
}
const char* PyCapsule_GetName(PyObject* o) {
  CapsuleObject* c = legal(o, "PyCapsule_GetName");
  return c != nullptr ? c->name : nullptr;
}
PyCapsule_Destructor PyCapsule_GetDestructor(PyObject* o) {
  CapsuleObject* c = legal(o, "PyCapsule_GetDestructor");
  return c != nullptr ? c->destructor : nullptr;
}
void* PyCapsule_GetContext(PyObject* o) {
  CapsuleObject* c = legal(o, "PyCapsule_GetContext");
  return c != nullptr ? c->context : nullptr;
}
int PyCapsule_SetPointer(PyObject* o, void* pointer) {
  if (legal(o, "PyCapsule_SetPointer") == nullptr) return -1;
  if (pointer == nullptr) return raise(current_thread(), PyExc_ValueError, "PyCapsule_SetPointer called with null pointer");
  as_capsule(o)->pointer = pointer;
  return 0;
}
int PyCapsule_SetName(PyObject* o, const char* name) {
  if (legal(o, "PyCapsule_SetName") == nullptr) return -1;
  as_capsule(o)->name = name;
  return 0;
}
int PyCapsule_SetDestructor(PyObject* o, PyCapsule_Destructor destructor) {
  if (legal(o, "PyCapsule_SetDestructor") == nullptr) return -1;
  as_capsule(o)->destructor = destructor;
  return 0;
}
int PyCapsule_SetContext(PyObject* o, void* context) {
  if (legal(o, "PyCapsule_SetContext") == nullptr) return -1;
  as_capsule(o)->context = context;
  return 0;
}

void* PyCapsule_Import(const char* name, int no_block) {
  ThreadState& ts = current_thread();
  // The first component is imported, the others are attributes.
  std::string_view rest(name);
  Ref<> o;
  while (true) {
    size_t dot = rest.find('.');
    std::string_view part = rest.substr(0, dot);
    Ref<> key = str_from_utf8(ts, part);
    if (!key) return nullptr;
    if (!o) {
      const char* text = str_utf8(ts, key.get());
      o = Ref<>::steal(no_block ? PyImport_ImportModuleNoBlock(text) : PyImport_ImportModule(text));
      if (!o) {
        if (no_block && error_clear_if(ts, PyExc_ImportError)) {
          return raise(ts, PyExc_ImportError, "PyCapsule_Import could not import module \"%s\"", text);
        }
        return nullptr;
      }
    } else {
      o = object_getattr(ts, o.get(), key.get());
      if (!o) return nullptr;
    }
    if (dot == std::string_view::npos) break;
    rest = rest.substr(dot + 1);
  }
  if (PyCapsule_IsValid(o.get(), name)) return as_capsule(o.get())->pointer;
  return raise(ts, PyExc_AttributeError, "PyCapsule_Import \"%s\" is not valid", name);
}
