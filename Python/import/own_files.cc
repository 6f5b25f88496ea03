#include "Python/import/own_files.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "atoll_config.h"

namespace atl {

namespace {

struct BuildIdSearch {
  uintptr_t address;  // somewhere in this code
  unsigned char* id;
  bool found = false;
};

// The note that the linker wrote: name "GNU", type 3, the id as its text.
bool read_note(const char* at, const char* end, unsigned char* id) {
  auto aligned = [](size_t n) { return (n + 3) & ~size_t{3}; };
  while (end - at >= static_cast<std::ptrdiff_t>(sizeof(ElfW(Nhdr)))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, at, sizeof note);
    const char* name = at + sizeof note;
    const char* text = name + aligned(note.n_namesz);
    if (text > end || note.n_descsz > static_cast<size_t>(end - text)) return false;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
      std::memset(id, 0, kBuildIdSize);
      std::memcpy(id, text, note.n_descsz < kBuildIdSize ? note.n_descsz : kBuildIdSize);
      return true;
    }
    at = text + aligned(note.n_descsz);
  }
  return false;
}

int visit_object(dl_phdr_info* info, size_t, void* data) {
  auto* search = static_cast<BuildIdSearch*>(data);
  bool ours = false;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    uintptr_t begin = info->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_LOAD && search->address >= begin && search->address < begin + part.p_memsz) ours = true;
  }
  if (!ours) return 0;
  for (int i = 0; i < info->dlpi_phnum && !search->found; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    if (part.p_type != PT_NOTE) continue;
    const char* begin = reinterpret_cast<const char*>(info->dlpi_addr + part.p_vaddr);
    search->found = read_note(begin, begin + part.p_memsz, search->id);
  }
  return 1;
}

}  // namespace

bool own_build_id(unsigned char id[kBuildIdSize]) {
  BuildIdSearch search{reinterpret_cast<uintptr_t>(&own_build_id), id};
  dl_iterate_phdr(visit_object, &search);
  return search.found;
}

bool runs_in_build_folder() {
  char path[PATH_MAX];
#ifdef __PIC__  // in the library
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&own_build_id), &info) == 0 || info.dli_fname == nullptr) return false;
  if (realpath(info.dli_fname, path) == nullptr) return false;
#else
  ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  if (n <= 0) return false;
  path[n] = '\0';
#endif
  size_t folder = std::strlen(ATOLL_BUILD_DIR);
  if (std::strncmp(path, ATOLL_BUILD_DIR, folder) == 0 && path[folder] == '/') return true;
  // A copy of the program somewhere else, while nothing is installed, goes on with what it was built from.
  return access(ATOLL_LIB_DIR, F_OK) != 0 && access(ATOLL_BUILD_DIR "/config.status", F_OK) == 0;
}

const char* own_packages_folder() { return runs_in_build_folder() ? ATOLL_SOURCE_DIR "/Lib" : ATOLL_LIB_DIR; }
const char* own_images_folder() { return runs_in_build_folder() ? ATOLL_BUILD_DIR "/library" : ATOLL_LIB_DIR "/library"; }

}  // namespace atl
