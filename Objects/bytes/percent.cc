// The % operator of bytes and bytearray.
#include "Objects/str/percent.h"

#include "Objects/bytes/shared.h"
#include "Objects/bytes/writer.h"
#include "Objects/float/float.h"

namespace atl {
namespace {

struct FormatBytes {
  ThreadState& ts;
  std::string_view format;
  Py_ssize_t length;
  uint32_t at(Py_ssize_t i) const { return static_cast<uint8_t>(format[static_cast<size_t>(i)]); }
  Ref<> key(Py_ssize_t start, Py_ssize_t end) const {
    return bytes_from(ts, format.substr(static_cast<size_t>(start), static_cast<size_t>(end - start)));
  }
};

Status write_padded(BytesWriter& w, const PercentSpec& spec, std::string_view text) {
  Py_ssize_t missing = spec.width - static_cast<Py_ssize_t>(text.size());
  if (!spec.left && failed(w.fill(' ', missing))) return Status::kError;
  if (failed(w.write(text))) return Status::kError;
  return spec.left ? w.fill(' ', missing) : Status::kOk;
}

Status write_number(BytesWriter& w, const PercentSpec& spec, PyObject* text) {
  std::string_view t(static_cast<const char*>(str_data(text)), static_cast<size_t>(str_length(text)));
  PercentPadding p = percent_padding(spec, t);
  auto head = static_cast<size_t>(p.head);
  if (failed(w.fill(' ', p.before)) || failed(w.write(t.substr(0, head))) || failed(w.fill('0', p.zeros)) ||
      failed(w.write(t.substr(head)))) {
    return Status::kError;
  }
  return w.fill(' ', p.after);
}

Status write_character(ThreadState& ts, BytesWriter& w, const PercentSpec& spec, PyObject* value) {
  char c;
  if ((is_bytes(value) || is_bytearray(value)) && byte_view(value).size() == 1) {
    c = byte_view(value)[0];
  } else {
    auto unfit = [&] { return raise(ts, PyExc_TypeError, "%%c requires an integer in range(256) or a single byte"); };
    if (!PyIndex_Check(value)) return unfit();
    Ref<> number = number_index(ts, value);
    if (!number) {
      if (!error_matches(ts, PyExc_TypeError)) return Status::kError;
      error_clear(ts);
      return unfit();
    }
    int overflow;
    int64_t v = int_as_i64_overflow(number.get(), &overflow);
    if (overflow != 0 || v < 0 || v > 255) return raise(ts, PyExc_OverflowError, "%%c arg not in range(256)");
    c = static_cast<char>(v);
  }
  return write_padded(w, spec, {&c, 1});
}

// %b and %s: a buffer, or what __bytes__ gives.
Status write_bytes(ThreadState& ts, BytesWriter& w, const PercentSpec& spec, PyObject* value) {
  auto write = [&](std::string_view v) {
    if (spec.precision >= 0) v = v.substr(0, static_cast<size_t>(spec.precision));
    return write_padded(w, spec, v);
  };
  if (is_exact_bytes(value) || is_bytearray(value)) return write(byte_view(value));
  Ref<> method;
  if (failed(object_lookup_special(ts, value, ID(__bytes__), &method))) return Status::kError;
  if (method) {
    Ref<> r = call(ts, method.get());
    if (!r) return Status::kError;
    if (!is_bytes(r.get())) return raise(ts, PyExc_TypeError, "__bytes__ returned non-bytes (type %.200T)", r.get());
    return write(bytes_view(r.get()));
  }
  if (PyObject_CheckBuffer(value)) {
    Py_buffer view;
    if (PyObject_GetBuffer(value, &view, PyBUF_FULL_RO) < 0) return Status::kError;
    Ref<> flat = bytes_new(ts, view.len);
    bool copied = flat && PyBuffer_ToContiguous(bytes_data(flat.get()), &view, view.len, 'C') == 0;
    PyBuffer_Release(&view);
    return copied ? write(bytes_view(flat.get())) : Status::kError;
  }
  return raise(ts, PyExc_TypeError, "%%b requires a bytes-like object, or an object that implements __bytes__, not '%.100T'", value);
}

Status write_directive(ThreadState& ts, BytesWriter& w, const PercentSpec& spec, PercentArgs& args) {
  PyObject* value = args.next();
  if (value == nullptr) return Status::kError;
  switch (spec.code) {
    case 'r':
    case 'a': {
      Ref<> text = object_ascii(ts, value);
      if (!text) return Status::kError;
      std::string_view t(static_cast<const char*>(str_data(text.get())), static_cast<size_t>(str_length(text.get())));
      if (spec.precision >= 0) t = t.substr(0, static_cast<size_t>(spec.precision));
      return write_padded(w, spec, t);
    }
    case 's':
    case 'b':
      return write_bytes(ts, w, spec, value);
    case 'c':
      return write_character(ts, w, spec, value);
    default:
      break;
  }
  Ref<> text;
  if (percent_is_integer(spec.code)) {
    text = percent_integer(ts, spec, value);
  } else if (percent_is_float(spec.code)) {
    if (!is_float(value)) {
      double unused;
      if (failed(float_as_double(ts, value, &unused))) {
        error_clear(ts);
        return raise(ts, PyExc_TypeError, "float argument required, not %.200T", value);
      }
    }
    text = percent_float(ts, spec, value);
  } else {
    return raise_percent_code(ts, spec);
  }
  return text ? write_number(w, spec, text.get()) : Status::kError;
}

}  // namespace

Ref<> bytes_percent(ThreadState& ts, std::string_view format, PyObject* operand, bool array) {
  FormatBytes text{ts, format, static_cast<Py_ssize_t>(format.size())};
  PercentArgs args(ts, operand);
  if (is_bytes(operand) || is_bytearray(operand)) args.no_mapping();
  BytesWriter w(ts);
  for (size_t pos = 0;;) {
    size_t percent = format.find('%', pos);
    if (failed(w.write(format.substr(pos, percent == format.npos ? format.npos : percent - pos)))) return {};
    if (percent == format.npos) break;
    pos = percent + 1;
    if (pos < format.size() && format[pos] == '%') {
      if (failed(w.put('%'))) return {};
      ++pos;
      continue;
    }
    PercentSpec spec;
    auto at = static_cast<Py_ssize_t>(pos);
    if (failed(percent_read(ts, text, &at, args, &spec)) || failed(write_directive(ts, w, spec, args))) return {};
    pos = static_cast<size_t>(at);
  }
  if (failed(args.finish("bytes"))) return {};
  return array ? w.finish_bytearray() : w.finish();
}

}  // namespace atl
