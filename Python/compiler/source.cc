// Encoding detection (PEP 263), decoding, newline normalisation (see source.h).
#include "Python/compiler/source.h"

#include <cstdio>
#include <cstring>

#include "Python/compiler/utf8.h"

namespace atl::compiler {

namespace {

// Errors of this stage have no place in the text: 3.11 gives line 0, offset -1 and leaves the rest None.
bool fail(Arena& arena, ErrorRecord* error, std::string_view message) {
  char* copy = arena.copy_text(message);
  if (!copy) {
    error->kind = ErrorKind::kMemoryError;
    return false;
  }
  error->kind = ErrorKind::kSyntaxError;
  error->message = {copy, message.size()};
  error->lineno = 0;
  error->offset = -1;
  return false;
}

bool is_cookie_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

// The encoding that a comment line names, or an empty view. *blank tells whether a cookie may still follow below.
std::string_view find_cookie(std::string_view line, bool* blank) {
  size_t i = 0;
  while (i < line.size() && (line[i] == ' ' || line[i] == '\t' || line[i] == '\f')) i++;
  *blank = i == line.size() || line[i] == '#';
  if (i == line.size() || line[i] != '#') return {};
  for (; i + 7 <= line.size(); i++) {
    if (line.compare(i, 6, "coding") != 0 || (line[i + 6] != ':' && line[i + 6] != '=')) continue;
    size_t start = i + 7;
    while (start < line.size() && (line[start] == ' ' || line[start] == '\t')) start++;
    size_t stop = start;
    while (stop < line.size() && is_cookie_char(line[stop])) stop++;
    if (stop > start) return line.substr(start, stop - start);
  }
  return {};
}

// Spellings of UTF-8 and Latin-1 that the language reference and Emacs users expect, as their usual names.
std::string_view usual_name(std::string_view name, char (&buffer)[16]) {
  size_t n = 0;
  for (; n < name.size() && n < 12; n++) {
    char c = name[n];
    buffer[n] = c == '_' ? '-' : (c >= 'A' && c <= 'Z') ? static_cast<char>(c + 32) : c;
  }
  std::string_view lower(buffer, n);
  auto is = [&](std::string_view known) {
    return lower == known ||
           (lower.size() > known.size() && lower.substr(0, known.size()) == known && lower[known.size()] == '-');
  };
  if (is("utf-8")) return "utf-8";
  if (is("latin-1") || is("iso-8859-1") || is("iso-latin-1")) return "iso-8859-1";
  return name;
}

bool decode_latin1(Arena& arena, std::string_view input, std::string_view* output) {
  size_t extra = 0;
  for (unsigned char c : input) extra += c >> 7;
  char* text = static_cast<char*>(arena.alloc(input.size() + extra + 1));
  if (!text) return false;
  char* p = text;
  for (unsigned char c : input) p += utf8_put(p, c);
  *output = {text, static_cast<size_t>(p - text)};
  return true;
}

// "\r\n" and lone "\r" become "\n"; a missing last newline is added; two NULs end the text. (Unless it reads
// a file, 3.11 sees a newline missing behind a last "\r\n", too, which shows in the places of errors at the end.)
bool finish(Arena& arena, std::string_view input, const SourceOptions& options, Source* source) {
  char* text = static_cast<char*>(arena.alloc(input.size() + 3));
  if (!text) return false;
  char* out = text;
  const char* p = input.data();
  const char* end = p + input.size();
  while (p < end) {
    auto* cr = static_cast<const char*>(std::memchr(p, '\r', static_cast<size_t>(end - p)));
    size_t run = static_cast<size_t>((cr ? cr : end) - p);
    std::memcpy(out, p, run);
    out += run;
    p += run;
    if (!cr) break;
    *out++ = '\n';
    p += (p + 1 < end && p[1] == '\n') ? 2 : 1;
  }
  bool crlf_last = options.kind != SourceKind::kFile && input.size() >= 2 && end[-2] == '\r' && end[-1] == '\n';
  if (options.add_newline && out > text && (out[-1] != '\n' || crlf_last)) *out++ = '\n';
  out[0] = out[1] = 0;
  source->text = text;
  source->size = static_cast<size_t>(out - text);
  return true;
}

}  // namespace

bool prepare_source(Arena& arena, std::string_view input, const SourceOptions& options, Source* source,
                    ErrorRecord* error) {
  *source = {};
  auto out_of_memory = [&] {
    error->kind = ErrorKind::kMemoryError;
    return false;
  };
  if (input.size() > INT32_MAX - 16) {
    error->kind = ErrorKind::kOverflowError;
    error->message = "source code is too large";
    return false;
  }
  bool has_null = std::memchr(input.data() ? input.data() : "", 0, input.size()) != nullptr;
  // (Of a file, bytes that are not UTF-8 are the first thing to be said.)
  if (Utf8Error bad; has_null && (options.kind != SourceKind::kFile || utf8_check(input, &bad))) {
    if (options.kind == SourceKind::kFile) return fail(arena, error, "source code cannot contain null bytes");
    error->kind = ErrorKind::kValueError;
    error->message = "source code string cannot contain null bytes";
    return false;
  }
  if (options.kind == SourceKind::kText) {
    return finish(arena, input, options, source) || out_of_memory();
  }

  char message[256];
  bool bom = input.size() >= 3 && std::memcmp(input.data(), "\xEF\xBB\xBF", 3) == 0;
  if (bom) input.remove_prefix(3);
  std::string_view cookie;
  size_t line_start = 0;
  for (int line = 0; line < 2 && line_start < input.size() && cookie.empty(); line++) {
    size_t line_end = input.find_first_of("\r\n", line_start);
    if (line_end == std::string_view::npos) line_end = input.size();
    bool blank;
    cookie = find_cookie(input.substr(line_start, line_end - line_start), &blank);
    if (!blank) break;
    line_start = line_end + 1;
    if (line_end + 1 < input.size() && input[line_end] == '\r' && input[line_end + 1] == '\n') line_start++;
  }
  char name_buffer[16];
  std::string_view name = cookie.empty() ? std::string_view{} : usual_name(cookie, name_buffer);
  if (bom && !name.empty() && name != "utf-8") {
    std::snprintf(message, sizeof message, "encoding problem: %.*s with BOM", static_cast<int>(name.size()),
                  name.data());
    return fail(arena, error, message);
  }
  if (!name.empty() || bom) {
    std::string_view declared = name.empty() ? "utf-8" : name;
    char* copy = arena.copy_text(declared);
    if (!copy) return out_of_memory();
    source->encoding = {copy, declared.size()};
  }

  if (name.empty() || name == "utf-8") {
    Utf8Error bad;
    if (!utf8_check(input, &bad)) {
      if (options.kind == SourceKind::kFile && name.empty() && !bom) {
        int line = 1;
        for (size_t i = 0; i < bad.start; i++) line += input[i] == '\n' || (input[i] == '\r' && input[i + 1] != '\n');
        char* text = static_cast<char*>(arena.alloc(options.filename.size() + 200));
        if (!text) return out_of_memory();
        int size = std::snprintf(text, options.filename.size() + 200,
                                 "Non-UTF-8 code starting with '\\x%.2x'%s%.*s on line %i, but no encoding declared; "
                                 "see https://peps.python.org/pep-0263/ for details",
                                 static_cast<unsigned char>(input[bad.start]), options.filename.empty() ? "" : " in file ",
                                 static_cast<int>(options.filename.size()), options.filename.data(), line);
        error->kind = ErrorKind::kSyntaxError;
        error->message = {text, static_cast<size_t>(size)};  // which says where
        return false;
      }
      source->may_be_invalid = true;
    }
    return finish(arena, input, options, source) || out_of_memory();
  }

  if (name == "iso-8859-1") {
    std::string_view text;
    if (!decode_latin1(arena, input, &text)) return out_of_memory();
    return finish(arena, text, options, source) || out_of_memory();
  }

  const char* problem = options.kind == SourceKind::kFile ? "encoding problem: %.*s" : "unknown encoding: %.*s";
  if (options.callbacks && options.callbacks->decode) {
    TextSink sink{arena};
    std::string_view why;
    if (!options.callbacks->decode(options.callbacks->context, name, input, sink, &why)) {
      error->kind = ErrorKind::kRaised;
      return false;
    }
    if (sink.data) {
      if (std::memchr(sink.data, 0, sink.size)) {
        error->kind = ErrorKind::kValueError;
        error->message = "source code string cannot contain null bytes";
        return false;
      }
      return finish(arena, {sink.data, sink.size}, options, source) || out_of_memory();
    }
    if (arena.failed()) return out_of_memory();
    if (!why.empty() && options.kind != SourceKind::kFile) return fail(arena, error, why);
  }
  std::snprintf(message, sizeof message, problem, static_cast<int>(name.size() > 200 ? 200 : name.size()), name.data());
  (void)fail(arena, error, message);
  if (options.kind == SourceKind::kFile) error->lineno = error->offset = ErrorRecord::kAbsent;
  return false;
}

}  // namespace atl::compiler
