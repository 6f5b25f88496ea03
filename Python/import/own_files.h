// Which build of the core this is, and where the files that belong to it lie: Lib/ and the library's code images.
#pragma once

#include <string>

namespace atl {

inline constexpr unsigned kBuildIdSize = 20;
// The linker's build id of the program or library that this code is part of. False: it has none.
bool own_build_id(unsigned char id[kBuildIdSize]);

// Does the running program (or, in an embedding program, the library) lie in the folder where it was built?
bool runs_in_build_folder();
// The folder of Atoll's own Python packages.
const char* own_packages_folder();
// The folder of the library's code images.
const char* own_images_folder();

}  // namespace atl
