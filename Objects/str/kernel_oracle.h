// For unit tests only: asks the system's Python 3.11, so that a kernel is compared with the real thing.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace atl::oracle {

inline const char* python_path() { return "/usr/bin/python3.11"; }
inline bool available() { return access(python_path(), X_OK) == 0; }

// Runs `script` with `input` as its standard input and returns its output; "<failed>" if it did not exit with
// 0.
inline std::string run(const std::string& script, const std::string& input = "") {
  char directory[] = "/tmp/atoll_oracle_XXXXXX";
  if (!mkdtemp(directory)) return "<failed>";
  std::string base = directory, code = base + "/script.py", in = base + "/in";
  auto write = [](const std::string& path, const std::string& text) {
    FILE* file = fopen(path.c_str(), "wb");
    if (!file) return false;
    bool good = fwrite(text.data(), 1, text.size(), file) == text.size();
    return fclose(file) == 0 && good;
  };
  std::string output = "<failed>";
  if (write(code, script) && write(in, input)) {
    std::string command = std::string(python_path()) + " -X utf8 " + code + " <" + in;
    if (FILE* pipe = popen(command.c_str(), "r")) {
      std::string text;
      char buffer[65536];
      size_t n;
      while ((n = fread(buffer, 1, sizeof buffer, pipe)) > 0) text.append(buffer, n);
      if (pclose(pipe) == 0) output = std::move(text);
    }
  }
  unlink(code.c_str());
  unlink(in.c_str());
  rmdir(directory);
  return output;
}

inline std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  size_t start = 0;
  while (start < text.size()) {
    size_t end = text.find('\n', start);
    if (end == std::string::npos) end = text.size();
    out.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return out;
}

}  // namespace atl::oracle
