#include "Python/import/library.h"

#include <cstring>

#include "Objects/code/code.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Python/import/upcalls.h"
#include "Python/runtime/runtime.h"
#include "atoll_config.h"

namespace atl {

namespace {

size_t hash_path(const char* path) {
  uint64_t h = 14695981039346656037u;
  for (; *path; ++path) h = (h ^ static_cast<unsigned char>(*path)) * 1099511628211u;
  return static_cast<size_t>(h ^ h >> 29);
}

// The place of a path, or the empty one where it belongs. There is room.
LibraryEntry* find_locked(LibraryImages& images, const char* path) {
  if (images.entries == nullptr) return nullptr;
  size_t i = hash_path(path) & images.mask;
  while (images.entries[i].path != nullptr && std::strcmp(images.entries[i].path, path) != 0) i = (i + 1) & images.mask;
  return &images.entries[i];
}

bool make_room_locked(LibraryImages& images) {
  if (images.entries != nullptr && (images.count + 1) * 2 <= images.mask) return true;
  size_t n = images.entries == nullptr ? 256 : (images.mask + 1) * 2;
  auto* grown = static_cast<LibraryEntry*>(std::calloc(n, sizeof(LibraryEntry)));
  if (grown == nullptr) return false;
  LibraryEntry* old = std::exchange(images.entries, grown);
  size_t old_size = old == nullptr ? 0 : images.mask + 1;
  images.mask = n - 1;
  for (size_t i = 0; i < old_size; ++i) {
    if (old[i].path != nullptr) *find_locked(images, old[i].path) = old[i];
  }
  std::free(old);
  return true;
}

CodeImage* peek_image(const char* path, bool* tried) {
  LibraryImages& images = runtime().library;
  std::lock_guard hold(images.lock);
  LibraryEntry* e = find_locked(images, path);
  *tried = e != nullptr && e->path != nullptr;
  return *tried ? e->image : nullptr;
}

// Publishes a sealed copy; whoever comes second gets the first one's.
CodeImage* publish(ThreadState& ts, const char* path, const CodeImage* image) {
  LibraryImages& images = runtime().library;
  std::lock_guard hold(images.lock);
  if (!make_room_locked(images)) return nullptr;
  LibraryEntry* e = find_locked(images, path);
  if (e->path == nullptr) {
    e->path = strdup(path);
    if (e->path == nullptr) return nullptr;
    ++images.count;
    e->image = image_seal(ts, image);
  }
  return e->image;
}

bool starts_with_folder(const char* path, const char* folder) {
  size_t n = std::strlen(folder);
  return std::strncmp(path, folder, n) == 0 && path[n] == '/';
}

}  // namespace

bool is_library_path(ThreadState& ts, PyObject* path) {
  const char* utf8 = is_exact_str(path) ? str_utf8(ts, path) : nullptr;
  if (utf8 == nullptr) {
    error_clear(ts);
    return false;
  }
  return starts_with_folder(utf8, ATOLL_STDLIB_DIR) && std::strstr(utf8, "-packages/") == nullptr;
}

Ref<> library_code(ThreadState& ts, const char* path, PyObject* shown) {
  const char* name = str_utf8(ts, shown);  // tells the code of one file under two names apart
  if (name == nullptr) return {};
  bool tried;
  if (CodeImage* image = peek_image(name, &tried)) return code_new(ts, image);
  Ref<> code = compile_library_source(ts, path, shown);
  if (!code || tried) return code;
  CodeImage* image = publish(ts, name, as_code(code.get())->image);
  return image != nullptr ? code_new(ts, image) : std::move(code);
}

// ---- the loader --------------------------------------------------------------------------------------------------

namespace {

// SourceFileLoader.get_code: the library's files from here, and without a code file beside them (nothing is written into
// the system's library); all others as the base class has it.
PyObject* get_code(PyObject* self, PyObject* fullname) {
  ThreadState& ts = current_thread();
  Ref<> path = object_getattr(ts, self, "path");
  if (!path) return nullptr;
  if (is_library_path(ts, path.get())) {
    Ref<> known = call_method(ts, self, ID(get_filename), fullname);
    if (!known) return nullptr;
    return library_code(ts, str_utf8(ts, path.get()), path.get()).release();
  }
  Ref<> external = Ref<>::steal(PyImport_ImportModule("_frozen_importlib_external"));
  Ref<> base = external ? object_getattr(ts, external.get(), "SourceLoader") : Ref<>();
  Ref<> inherited = base ? object_getattr(ts, base.get(), "get_code") : Ref<>();
  return inherited ? call(ts, inherited.get(), self, fullname).release() : nullptr;
}

ATOLL_SEALED PyMethodDef g_get_code = {"get_code", get_code, METH_O, "Concrete implementation of InspectLoader.get_code."};

}  // namespace

Status library_adjust_loader(ThreadState& ts, PyObject* external) {
  Ref<> type = object_getattr(ts, external, "SourceFileLoader");
  if (!type) return Status::kError;
  Ref<> method = Ref<>::steal(PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(type.get()), &g_get_code));
  Ref<> name = str_interned(ts, "get_code");
  return method && name ? object_setattr(ts, type.get(), name.get(), method.get()) : Status::kError;
}

}  // namespace atl
