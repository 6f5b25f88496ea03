#include "Python/import/library.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "Objects/code/code.h"
#include "Objects/module.h"
#include "Objects/str/str.h"
#include "Python/import/own_files.h"
#include "Python/import/upcalls.h"
#include "Python/runtime/config.h"
#include "Python/runtime/runtime.h"
#include "atoll_config.h"
#include "marshal.h"

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
    sealed_close();
  }
  return e->image;
}

bool starts_with_folder(const char* path, const char* folder) {
  size_t n = std::strlen(folder);
  return std::strncmp(path, folder, n) == 0 && path[n] == '/';
}

}  // namespace

bool is_library_path(ThreadState& ts, PyObject* path) {
  Py_ssize_t size = 0;
  const char* utf8 = is_exact_str(path) ? str_utf8(ts, path, &size) : nullptr;
  if (utf8 == nullptr) {
    error_clear(ts);
    return false;
  }
  if (std::strlen(utf8) != static_cast<size_t>(size)) return false;  // a NUL: importlib says what is wrong with it
  return starts_with_folder(utf8, ATOLL_STDLIB_DIR) && std::strstr(utf8, "-packages/") == nullptr;
}

// ---- files ---------------------------------------------------------------------------------------------------------
//
// What was compiled is kept in a folder of Atoll's own, one file for each of the library's, so that the next process need
// not do it again. A file that is damaged, or made by another build or from another source, counts as none.

namespace {

struct FileHead {
  char magic[8];
  unsigned char build[kBuildIdSize + 4];  // filled up with zeros
  int64_t source_time, source_size;
  uint64_t data_size, data_hash;
};
constexpr char kMagic[8] = {'A', 't', 'o', 'l', 'l', 'i', 'm', '1'};

int64_t time_of(const struct stat& st) { return int64_t{st.st_mtim.tv_sec} * 1000000000 + st.st_mtim.tv_nsec; }

// Which build, and which source. False: unknown.
bool fill_head(FileHead* head, const char* source) {
  std::memset(static_cast<void*>(head), 0, sizeof *head);
  std::memcpy(head->magic, kMagic, sizeof kMagic);
  struct stat st;
  if (!own_build_id(head->build)) return false;
  if (stat(source, &st) != 0) return false;
  head->source_time = time_of(st);
  head->source_size = st.st_size;
  return true;
}

uint64_t hash_data(const char* p, size_t n) {
  uint64_t h = 14695981039346656037u ^ n, word;
  for (; n >= 8; p += 8, n -= 8) {
    std::memcpy(&word, p, 8);
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    h ^= h >> 32;
  }
  for (; n > 0; ++p, --n) h = (h ^ static_cast<unsigned char>(*p)) * 1099511628211u;
  return h;
}

// The program's and the shared library's images differ in nothing but the build that they name: each keeps its own.
#ifdef __PIC__
constexpr const char* kImageSuffix = ".embedded.image";
#else
constexpr const char* kImageSuffix = ".image";
#endif

std::string cache_file(const char* name) {
  std::string file = std::string(own_images_folder()) + "/";
  for (const char* p = name; *p; ++p) file.push_back(*p == '/' ? '%' : *p);
  const Config* c = runtime().config;
  if (c != nullptr && c->optimize != 0) file += ".opt-" + std::to_string(c->optimize);
  if (c != nullptr && !c->code_debug_ranges) file += ".plain";
  return file + kImageSuffix;
}

// The code in a file, or empty without an exception.
Ref<> read_file(ThreadState& ts, const std::string& file, const FileHead& wanted) {
  int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  struct stat st;
  std::string data;
  bool ok = fstat(fd, &st) == 0 && st.st_size > static_cast<off_t>(sizeof(FileHead));
  if (ok) {
    data.resize(static_cast<size_t>(st.st_size));
    ok = read(fd, data.data(), data.size()) == static_cast<ssize_t>(data.size());
  }
  close(fd);
  if (!ok) return {};
  FileHead head;
  std::memcpy(&head, data.data(), sizeof head);
  const char* body = data.data() + sizeof head;
  size_t size = data.size() - sizeof head;
  if (std::memcmp(&head, &wanted, offsetof(FileHead, data_size)) != 0 || head.data_size != size || head.data_hash != hash_data(body, size)) return {};
  Ref<> code = Ref<>::steal(PyMarshal_ReadObjectFromString(body, static_cast<Py_ssize_t>(size)));
  if (code && PyCode_Check(code.get())) return code;
  error_clear(ts);
  return {};
}

// Written beside and then moved, so that nobody sees half of it. Failing is no error: the folder may not be ours to write.
void write_file(ThreadState& ts, const std::string& file, FileHead head, PyObject* code) {
  // A build folder is there to be written; for an installed one the option is obeyed.
  const Config* c = runtime().config;
  if (c != nullptr && c->dont_write_bytecode && !runs_in_build_folder()) return;
  if (mkdir(own_images_folder(), 0777) != 0 && errno != EEXIST) return;
  Ref<> data = Ref<>::steal(PyMarshal_WriteObjectToString(code, Py_MARSHAL_VERSION));
  if (!data) {
    error_clear(ts);
    return;
  }
  head.data_size = static_cast<uint64_t>(PyBytes_GET_SIZE(data.get()));
  head.data_hash = hash_data(PyBytes_AS_STRING(data.get()), head.data_size);
  std::string beside = file + "." + std::to_string(getpid()) + "-" + std::to_string(ts.interpreter().id) + "-" + std::to_string(ts.id);
  int fd = open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return;
  bool ok = write(fd, &head, sizeof head) == static_cast<ssize_t>(sizeof head) &&
            write(fd, PyBytes_AS_STRING(data.get()), head.data_size) == static_cast<ssize_t>(head.data_size);
  ok = close(fd) == 0 && ok;
  if (!ok || rename(beside.c_str(), file.c_str()) != 0) unlink(beside.c_str());
}

Ref<> load_or_compile(ThreadState& ts, const char* path, PyObject* shown, const char* name) {
  FileHead head;
  if (!fill_head(&head, path)) return compile_library_source(ts, path, shown);
  std::string file = cache_file(name);
  if (Ref<> code = read_file(ts, file, head)) return code;
  Ref<> code = compile_library_source(ts, path, shown);
  if (code) write_file(ts, file, head, code.get());
  return code;
}

// Tests and the like are imported once, and not worth keeping for the life of the process.
bool worth_sharing(const char* path) { return std::strstr(path, "/test/") == nullptr && std::strstr(path, "/tests/") == nullptr; }

}  // namespace

Ref<> library_code(ThreadState& ts, const char* path, PyObject* shown) {
  const char* name = str_utf8(ts, shown);  // tells the code of one file under two names apart
  if (name == nullptr) return {};
  bool tried;
  if (CodeImage* image = peek_image(name, &tried)) return code_new(ts, image);
  Ref<> code = load_or_compile(ts, path, shown, name);
  if (!code || tried || !worth_sharing(path)) return code;
  CodeImage* image = publish(ts, name, as_code(code.get())->image);
  return image != nullptr ? code_new(ts, image) : std::move(code);
}

// ---- the loader --------------------------------------------------------------------------------------------------

namespace {

// Checks that the name is the loader's own.
Ref<> get_filename(ThreadState& ts, PyObject* self, PyObject* fullname) {
  Ref<> name = str_interned(ts, "get_filename");
  return name ? call_method(ts, self, name.get(), fullname) : Ref<>();
}

// SourceFileLoader.get_code: the library's files from here, and without a code file beside them (nothing is written into
// the system's library); all others as the base class has it.
PyObject* get_code(PyObject* self, PyObject* fullname) {
  ThreadState& ts = current_thread();
  Ref<> path = object_getattr(ts, self, "path");
  if (!path) return nullptr;
  if (is_library_path(ts, path.get())) {
    Ref<> known = get_filename(ts, self, fullname);
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
